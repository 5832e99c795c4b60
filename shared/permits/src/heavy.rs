//! What of large bodies and heavy pages there may be at once in a process. A body that grows beyond what nearly all
//! pages have takes a permit among few, and one more once it is among the largest; a page that is heavy to read is read
//! when its turn comes, one at a time. So memory is bounded whatever sites send, and light pages never wait for heavy
//! ones.

use std::sync::{Mutex, PoisonError};

use domain::AccountId;
use fetch::{BoxFuture, Growth, MEDIUM_BODY, SMALL_BODY};
use tokio::runtime::Handle;

use crate::{Background, FairSemaphore, Permit};

/// Most bodies over [`SMALL_BODY`], half of them one account's.
const MEDIUM: u32 = 16;
/// Most of those that are over [`MEDIUM_BODY`], half of them one account's.
const LARGE: u32 = 4;

/// Permits for what is heavy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heavy {
    medium: FairSemaphore,
    large: FairSemaphore,
    /// The permit of the one page that is read.
    pub reader: FairSemaphore,
    background: Background,
}

impl Heavy {
    /// Places, and threads to decode large bodies and read heavy pages on.
    pub fn new(background: Background) -> Heavy {
        Heavy {
            medium: FairSemaphore::new(MEDIUM, MEDIUM / 2),
            large: FairSemaphore::new(LARGE, LARGE / 2),
            reader: FairSemaphore::on(background.clone(), 1, 0),
            background,
        }
    }

    /// Room for one body of an account. `apart`: it is decoded on a thread of low priority from its first byte.
    pub fn growing(&self, account: &AccountId, apart: bool) -> Growing {
        Growing { heavy: self.clone(), account: account.clone(), apart, held: Mutex::default() }
    }

    /// How many bodies are over the two sizes.
    pub fn bodies(&self) -> (u32, u32) {
        (self.medium.taken(), self.large.taken())
    }
}

/// The permits of one body; given back when it is dropped.
#[derive(Debug)]
pub struct Growing {
    heavy: Heavy,
    account: AccountId,
    apart: bool,
    /// Of `medium` first, of `large` then.
    held: Mutex<Vec<Permit>>,
}

impl Growing {
    /// Whether it has any permit.
    pub fn is_large(&self) -> bool {
        self.permits() > 0
    }

    fn permits(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Growth for Growing {
    fn grow(&self, bytes: usize) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // In this order always: whoever has one of the few large permits waits for nobody who grows.
            let semaphores = [(SMALL_BODY, &self.heavy.medium), (MEDIUM_BODY, &self.heavy.large)];
            for (before, (mark, semaphore)) in semaphores.into_iter().enumerate() {
                if bytes > mark && self.permits() == before {
                    let permit = semaphore.acquire(&self.account).await;
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).push(permit);
                }
            }
        })
    }

    fn decoder(&self) -> Option<Handle> {
        Some(self.heavy.background.handle())
    }

    fn decoded_here(&self) -> usize {
        if self.apart { 0 } else { SMALL_BODY }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn ready(future: impl Future<Output = ()>) -> bool {
        matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn few_bodies_grow_at_once_and_half_are_an_accounts() {
        let heavy = Heavy::new(Background::new(1));
        let [a, b, c] = ["a", "b", "c"].map(|name| AccountId::parse(name).unwrap());
        let grown = |account: &AccountId, bytes: usize| {
            let all = (0..20).map(|_| heavy.growing(account, false));
            all.filter(|body| ready(body.grow(bytes))).collect::<Vec<_>>()
        };
        assert_eq!((grown(&a, SMALL_BODY).len(), heavy.bodies()), (20, (0, 0)));
        let (first, second) = (grown(&a, MEDIUM_BODY), grown(&b, MEDIUM_BODY));
        assert_eq!((first.len(), second.len(), grown(&c, MEDIUM_BODY).len()), (8, 8, 0));
        // Asked again they have it already; two of each go on to the largest.
        assert!(first.iter().all(|body| ready(body.grow(MEDIUM_BODY)) && body.is_large()));
        let largest = |bodies: &[Growing]| bodies.iter().filter(|body| ready(body.grow(usize::MAX))).count();
        assert_eq!((largest(&first), largest(&second), heavy.bodies()), (2, 2, (16, 4)));
        drop((first, second));
        assert_eq!(grown(&c, usize::MAX).len(), 2);
        assert_eq!(heavy.bodies(), (0, 0));
    }

    #[test]
    fn who_took_too_much_decodes_apart() {
        let heavy = Heavy::new(Background::new(1));
        let a = AccountId::parse("a").unwrap();
        assert_eq!([false, true].map(|apart| heavy.growing(&a, apart).decoded_here()), [SMALL_BODY, 0]);
    }

    /// Whoever waits for its second permit has its first one; all come to their end in whatever order.
    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let heavy = Heavy::new(Background::new(1));
        let tasks = (0..60).map(|i| {
            let account = AccountId::parse(&format!("a{}", i % 3)).unwrap();
            let body = heavy.growing(&account, false);
            tokio::spawn(async move {
                for mark in [MEDIUM_BODY, usize::MAX] {
                    body.grow(mark).await;
                    tokio::task::yield_now().await;
                }
                assert!(i % 7 != 0, "some readers panic");
            })
        });
        let tasks: Vec<_> = tasks.collect();
        // Some stop waiting.
        tasks.iter().skip(30).step_by(5).for_each(tokio::task::JoinHandle::abort);
        for task in tasks {
            drop(task.await);
        }
        assert_eq!(heavy.bodies(), (0, 0));
    }
}

//! What of large bodies and heavy pages there may be at once in a process. A body that grows beyond what nearly all
//! pages have takes a permit among few, and one more once it is among the largest; a page that is heavy to read is read
//! when its turn comes, one at a time. So memory is bounded whatever sites send, and light pages never wait for heavy
//! ones.

use std::sync::{Mutex, PoisonError};

use domain::AccountId;
use fetch::{BoxFuture, Growth, MEDIUM_BODY, SMALL_BODY};
use tokio::task::JoinHandle;

use crate::{Background, FairSemaphore, Permit, Usage};

/// Most bodies over [`SMALL_BODY`]; an account that is alone has half of them.
const MEDIUM: u32 = 16;
/// Most of those that are over [`MEDIUM_BODY`]; an account that is alone has half of them.
const LARGE: u32 = 4;

/// Permits for what is heavy. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Heavy {
    medium: FairSemaphore,
    large: FairSemaphore,
    /// The permit of the one page that is read.
    pub reader: FairSemaphore,
    background: Background,
    usage: Usage,
}

impl Heavy {
    /// Permits, threads to decode large bodies and read heavy pages on, and who counts what that takes.
    pub fn new(background: Background, usage: Usage) -> Heavy {
        Heavy {
            medium: FairSemaphore::new(MEDIUM, MEDIUM / 2),
            large: FairSemaphore::new(LARGE, LARGE / 2),
            reader: FairSemaphore::on(background.clone(), 1, 0),
            background,
            usage,
        }
    }

    /// Room for one body of an account.
    pub fn growing(&self, account: &AccountId) -> Growing {
        Growing { heavy: self.clone(), account: account.clone(), held: Mutex::default() }
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

    /// Once its account took more than its share.
    fn decodes_apart(&self) -> bool {
        self.heavy.usage.is_over(&self.account)
    }

    /// At a low priority, and counted as the account's.
    fn spawn(&self, work: BoxFuture<'static, ()>) -> JoinHandle<()> {
        self.heavy.background.handle().spawn(self.heavy.usage.metered(&self.account, work))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;
    use crate::usage::thread_time;

    /// Nothing is worked off meanwhile, however long a test takes.
    fn heavy() -> Heavy {
        Heavy::new(Background::new(1), Usage::new(0.0))
    }

    fn ready(future: impl Future<Output = ()>) -> bool {
        matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn few_bodies_grow_at_once_and_half_are_an_account_s() {
        let heavy = heavy();
        let [a, b, c] = ["a", "b", "c"].map(|name| AccountId::parse(name).unwrap());
        let grown = |account: &AccountId, bytes: usize| {
            let all = (0..20).map(|_| heavy.growing(account));
            all.filter(|body| ready(body.grow(bytes))).collect::<Vec<_>>()
        };
        assert_eq!((grown(&a, SMALL_BODY).len(), heavy.bodies()), (20, (0, 0)));
        let (first, second) = (grown(&a, MEDIUM_BODY), grown(&b, MEDIUM_BODY));
        assert_eq!((first.len(), second.len(), grown(&c, MEDIUM_BODY).len()), (8, 4, 2));
        // Asked again they have it already; some of each go on to the largest.
        assert!(first.iter().all(|body| ready(body.grow(MEDIUM_BODY)) && body.is_large()));
        let largest = |bodies: &[Growing]| bodies.iter().filter(|body| ready(body.grow(usize::MAX))).count();
        assert_eq!((largest(&first), largest(&second), heavy.bodies()), (2, 1, (12, 3)));
        drop((first, second));
        assert_eq!(grown(&c, usize::MAX).len(), 2);
        assert_eq!(heavy.bodies(), (0, 0));
    }

    /// What is decoded counts, wherever; who took too much by it decodes apart, in the middle of a body too.
    #[tokio::test]
    async fn who_took_too_much_decodes_apart() {
        let heavy = heavy();
        let [a, b] = ["a", "b"].map(|name| AccountId::parse(name).unwrap());
        // Nobody takes too much alone.
        drop(heavy.usage.meter(&b));
        let body = heavy.growing(&a);
        assert!(!body.decodes_apart());
        let work = async {
            let end = thread_time() + Duration::from_millis(60);
            while thread_time() < end {
                std::hint::spin_loop();
            }
        };
        body.spawn(Box::pin(work)).await.unwrap();
        assert!(body.decodes_apart());
        assert!(!heavy.growing(&b).decodes_apart());
    }

    /// Whoever waits for its second permit has its first one; all come to their end in whatever order.
    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let heavy = heavy();
        let tasks = (0..60).map(|i| {
            let account = AccountId::parse(&format!("a{}", i % 3)).unwrap();
            let body = heavy.growing(&account);
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

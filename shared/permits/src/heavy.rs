//! Limits on large bodies and heavy pages in a process. A body that grows beyond the size of nearly all pages takes one
//! of a few permits, and a second permit when it is among the largest. Pages that are heavy to read are read one at a
//! time. Memory is therefore bounded whatever sites send, and light pages never wait for heavy ones.

use std::sync::{Mutex, PoisonError};

use domain::AccountId;
use fetch::{BodyResources, BoxFuture, MEDIUM_BODY, SMALL_BODY};
use tokio::task::JoinHandle;

use crate::{Background, FairSemaphore, Permit, Usage};

/// Maximum number of bodies over [`SMALL_BODY`]; an account on its own gets half of them.
const MAX_MEDIUM_BODIES: u32 = 16;
/// Maximum number of those that are over [`MEDIUM_BODY`]; an account on its own gets half of them.
const MAX_LARGE_BODIES: u32 = 4;

/// Permits for large bodies and heavy pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HeavyPermits {
    medium: FairSemaphore,
    large: FairSemaphore,
    /// The permit for reading a heavy page, one at a time.
    pub reader: FairSemaphore,
    background: Background,
    usage: Usage,
}

impl HeavyPermits {
    /// Creates the permits. `background` decodes large bodies and reads heavy pages; `usage` counts the processor time.
    pub fn new(background: Background, usage: Usage) -> HeavyPermits {
        HeavyPermits {
            medium: FairSemaphore::new(MAX_MEDIUM_BODIES, MAX_MEDIUM_BODIES / 2),
            large: FairSemaphore::new(MAX_LARGE_BODIES, MAX_LARGE_BODIES / 2),
            reader: FairSemaphore::on(background.clone(), 1, 0),
            background,
            usage,
        }
    }

    /// Returns the permits of one body of an account, none at first.
    pub fn large_body_permits(&self, account: &AccountId) -> LargeBodyPermits {
        LargeBodyPermits { heavy: self.clone(), account: account.clone(), held: Mutex::default() }
    }

    /// Returns how many bodies are over each of the two sizes.
    pub fn bodies(&self) -> (u32, u32) {
        (self.medium.taken(), self.large.taken())
    }
}

/// The permits of one body; given back when it is dropped.
#[derive(Debug)]
pub struct LargeBodyPermits {
    heavy: HeavyPermits,
    account: AccountId,
    /// The permit of `medium` first, then that of `large`.
    held: Mutex<Vec<Permit>>,
}

impl LargeBodyPermits {
    /// Returns whether it has any permit.
    pub fn is_large(&self) -> bool {
        self.permits() > 0
    }

    fn permits(&self) -> usize {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl BodyResources for LargeBodyPermits {
    fn acquire_memory(&self, bytes: usize) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // Always in this order: a holder of one of the few large permits never waits for a body that is still
            // growing.
            let semaphores = [(SMALL_BODY, &self.heavy.medium), (MEDIUM_BODY, &self.heavy.large)];
            for (before, (mark, semaphore)) in semaphores.into_iter().enumerate() {
                if bytes > mark && self.permits() == before {
                    let permit = semaphore.acquire(&self.account).await;
                    self.held.lock().unwrap_or_else(PoisonError::into_inner).push(permit);
                }
            }
        })
    }

    /// Returns whether the account has used more than its share.
    fn offloads_decoding(&self) -> bool {
        self.heavy.usage.is_over(&self.account)
    }

    /// Runs work at a low priority, counted for the account.
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

    /// With a share of zero, usage never decreases, however long a test takes.
    fn heavy() -> HeavyPermits {
        HeavyPermits::new(Background::new(1), Usage::new(0.0))
    }

    fn ready(future: impl Future<Output = ()>) -> bool {
        matches!(pin!(future).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()))
    }

    #[test]
    fn few_bodies_grow_at_once_and_an_account_gets_half() {
        let heavy = heavy();
        let [a, b, c] = ["a", "b", "c"].map(|name| AccountId::parse(name).unwrap());
        let grown = |account: &AccountId, bytes: usize| {
            let all = (0..20).map(|_| heavy.large_body_permits(account));
            all.filter(|body| ready(body.acquire_memory(bytes))).collect::<Vec<_>>()
        };
        assert_eq!((grown(&a, SMALL_BODY).len(), heavy.bodies()), (20, (0, 0)));
        let (first, second) = (grown(&a, MEDIUM_BODY), grown(&b, MEDIUM_BODY));
        assert_eq!((first.len(), second.len(), grown(&c, MEDIUM_BODY).len()), (8, 4, 2));
        // Repeated calls take no further permit; some of each account grow to the largest size.
        assert!(first.iter().all(|body| ready(body.acquire_memory(MEDIUM_BODY)) && body.is_large()));
        let largest =
            |bodies: &[LargeBodyPermits]| bodies.iter().filter(|body| ready(body.acquire_memory(usize::MAX))).count();
        assert_eq!((largest(&first), largest(&second), heavy.bodies()), (2, 1, (12, 3)));
        drop((first, second));
        assert_eq!(grown(&c, usize::MAX).len(), 2);
        assert_eq!(heavy.bodies(), (0, 0));
    }

    /// Decoding counts wherever it runs. An account over its share decodes apart, even in the middle of a body.
    #[tokio::test]
    async fn an_account_over_its_share_decodes_apart() {
        let heavy = heavy();
        let [a, b] = ["a", "b"].map(|name| AccountId::parse(name).unwrap());
        // An account on its own is never over its share.
        drop(heavy.usage.meter(&b));
        let body = heavy.large_body_permits(&a);
        assert!(!body.offloads_decoding());
        let work = async {
            let end = thread_time() + Duration::from_millis(60);
            while thread_time() < end {
                std::hint::spin_loop();
            }
        };
        body.spawn(Box::pin(work)).await.unwrap();
        // `b` works again, so that it is active: on a busy machine the work above outlasts its activity.
        drop(heavy.usage.meter(&b));
        assert!(body.offloads_decoding());
        assert!(!heavy.large_body_permits(&b).offloads_decoding());
    }

    /// A body that waits for its second permit holds its first; all finish in any order.
    #[tokio::test]
    async fn bodies_never_deadlock() {
        let heavy = heavy();
        let tasks = (0..60).map(|i| {
            let account = AccountId::parse(&format!("a{}", i % 3)).unwrap();
            let body = heavy.large_body_permits(&account);
            tokio::spawn(async move {
                for mark in [MEDIUM_BODY, usize::MAX] {
                    body.acquire_memory(mark).await;
                    tokio::task::yield_now().await;
                }
                assert!(i % 7 != 0, "some readers panic");
            })
        });
        let tasks: Vec<_> = tasks.collect();
        // Some tasks stop waiting.
        tasks.iter().skip(30).step_by(5).for_each(tokio::task::JoinHandle::abort);
        for task in tasks {
            drop(task.await);
        }
        assert_eq!(heavy.bodies(), (0, 0));
    }
}

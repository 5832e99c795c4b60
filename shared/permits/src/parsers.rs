//! Chooses the threads that read an account's pages. Usually these are a few threads of normal priority, shared out by
//! account. If an account has recently used more than its share of the processors while other accounts were active, its
//! pages are read by low-priority threads until it is back within its share. On its own it still gets all processors;
//! otherwise it gets the time that the others leave. An account with few pages therefore always finds a thread and a
//! processor. Knows nothing of what is read.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use domain::AccountId;
use tokio_util::task::AbortOnDropHandle;

use crate::usage::thread_time;
use crate::{Background, FairSemaphore, Usage};

/// An account's share of all processors.
const ACCOUNT_SHARE: f64 = 0.125;

/// Threads that read pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Parsers {
    normal: FairSemaphore,
    low: FairSemaphore,
    usage: Usage,
    background: Background,
}

/// The processor time that work may use on its thread. The work itself checks the limit regularly.
#[derive(Debug, Clone, Copy)]
pub struct CpuTimeLimit {
    /// The end, in the thread's own processor time.
    until: Option<Duration>,
}

impl CpuTimeLimit {
    /// Returns whether the work must continue on a low-priority thread.
    pub fn is_exceeded(&self) -> bool {
        self.until.is_some_and(|until| thread_time() >= until)
    }
}

impl Parsers {
    /// Creates threads for `processors` processors. At normal priority there are two permits more than processors: one
    /// account gets as many as there are processors, so a second or third account does not wait for a page that takes
    /// long, but shares the processors with it.
    pub fn new(processors: u32, background: Background) -> Parsers {
        Parsers {
            normal: FairSemaphore::new(processors.saturating_add(2), 2),
            low: FairSemaphore::on(background.clone(), processors, 0),
            usage: Usage::new(f64::from(processors) * ACCOUNT_SHARE),
            background,
        }
    }

    /// Returns the permits of normal priority.
    pub fn normal_priority(&self) -> &FairSemaphore {
        &self.normal
    }

    /// Returns the usage by account.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns how many permits are taken.
    pub fn taken(&self) -> u32 {
        self.normal.taken().saturating_add(self.low.taken())
    }

    /// Runs work once there is a permit for it. If the work returns `None`, it exceeded its limit, and it is started
    /// again on the low-priority threads, without a limit. Returns `None` if the work panicked or the runtime is
    /// shutting down. Work whose caller has stopped waiting is not begun; work that has begun runs to its end.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        account: &AccountId,
        mut work: impl FnMut(&CpuTimeLimit) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        if !self.usage.is_over(account) {
            let (usage, owner) = (self.usage.clone(), account.clone());
            let first = move || {
                // Checks again at the start, because work that ran before may have used up the share.
                let left = usage.left(&owner);
                let _meter = usage.meter(&owner);
                let cpu_limit = CpuTimeLimit { until: thread_time().checked_add(left) };
                let done = if left.is_zero() { None } else { work(&cpu_limit) };
                done.ok_or(work)
            };
            match self.normal.run_blocking(account, first).await? {
                Ok(done) => return Some(done),
                Err(cut) => work = cut,
            }
        }
        self.low.run_blocking(account, self.metered(account, move || work(&CpuTimeLimit { until: None }))).await?
    }

    /// Drives a task that works between its waits. It runs here at first, and on a low-priority thread once its account
    /// is over its share. Returns `None` if it panicked there or the runtime is shutting down.
    pub async fn run<F>(&self, account: &AccountId, task: F) -> Option<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let mut task = self.usage.metered(account, task);
        let done = poll_fn(|context| match Pin::new(&mut task).poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.usage.is_over(account) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        });
        match done.await {
            Some(done) => Some(done),
            None => AbortOnDropHandle::new(self.background.handle().spawn(task)).await.ok(),
        }
    }

    /// Wraps work so that it counts for the account.
    pub fn metered<T, W: FnOnce() -> T + Send + 'static>(
        &self,
        account: &AccountId,
        work: W,
    ) -> impl FnOnce() -> T + Send + use<T, W> {
        let (usage, account) = (self.usage.clone(), account.clone());
        move || {
            let _meter = usage.meter(&account);
            work()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::thread;

    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::parse(name).unwrap()
    }

    /// Works until its limit is exceeded, and returns the name of the thread that finished it.
    fn long(cpu_limit: &CpuTimeLimit) -> Option<String> {
        while cpu_limit.until.is_some() && !cpu_limit.is_exceeded() {
            std::hint::spin_loop();
        }
        here(cpu_limit)
    }

    fn here(cpu_limit: &CpuTimeLimit) -> Option<String> {
        cpu_limit
            .until
            .is_none_or(|_| !cpu_limit.is_exceeded())
            .then(|| thread::current().name().unwrap_or_default().to_owned())
    }

    /// With a share of zero, usage never decreases, however long a test takes.
    fn parsers(processors: u32) -> Parsers {
        let parsers = Parsers { usage: Usage::new(0.0), ..Parsers::new(processors, Background::new(processors)) };
        another_works(&parsers);
        parsers
    }

    /// Makes another account active for some seconds: an account on its own is never over its share.
    fn another_works(parsers: &Parsers) {
        drop(parsers.usage.meter(&account("company")));
    }

    #[tokio::test]
    async fn an_account_over_its_share_is_read_at_low_priority() {
        let parsers = parsers(2);
        let [a, b] = [account("a"), account("b")];
        assert_ne!(parsers.run_blocking(&a, here).await.unwrap(), "background");
        assert_eq!(parsers.run_blocking(&a, long).await.unwrap(), "background");
        another_works(&parsers);
        // This account has no time left at normal priority; another account has.
        assert_eq!(parsers.run_blocking(&a, here).await.unwrap(), "background");
        assert_ne!(parsers.run_blocking(&b, here).await.unwrap(), "background");
        // A permit is given back right after the result of its work was sent.
        while parsers.taken() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// A task moves at its next wait, wakes there, and ends there. Dropping its future ends it.
    #[tokio::test]
    async fn a_task_over_its_share_goes_on_elsewhere() {
        let parsers = parsers(1);
        let here = || thread::current().name().unwrap_or_default().to_owned();
        let task = |time: Duration| async move {
            let end = thread_time() + time;
            while thread_time() < end {
                std::hint::spin_loop();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            here()
        };
        let [a, b] = [account("a"), account("b")];
        assert_ne!(parsers.run(&a, task(Duration::ZERO)).await.unwrap(), "background");
        assert_eq!(parsers.run(&a, task(Duration::from_millis(60))).await.unwrap(), "background");
        assert_ne!(parsers.run(&b, task(Duration::ZERO)).await.unwrap(), "background");
        let (alive, ended) = tokio::sync::oneshot::channel::<()>();
        let waits = parsers.run(&a, async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(Duration::from_millis(20), waits).await.is_err());
        assert!(ended.await.is_err());
    }

    /// Work admitted before its account was over its share does not begin at normal priority.
    #[tokio::test]
    async fn work_queued_before_the_share_was_used_up_goes_on_elsewhere() {
        let parsers = parsers(1);
        let a = account("a");
        let begun: Vec<_> = (0..8)
            .map(|_| {
                let (parsers, a) = (parsers.clone(), a.clone());
                tokio::spawn(async move { parsers.run_blocking(&a, long).await.unwrap() })
            })
            .collect();
        for work in begun {
            assert_eq!(work.await.unwrap(), "background");
        }
        another_works(&parsers);
        // The time of one limit was used, not of eight.
        assert!(parsers.usage.left(&a).is_zero());
        assert!(!parsers.usage.is_over(&account("b")));
    }

    /// An account on its own has all processors whatever it has used: two pieces of work run at once, each waiting for
    /// the other.
    #[tokio::test]
    async fn an_account_over_its_share_gets_what_others_leave() {
        let parsers = parsers(2);
        let a = account("a");
        parsers.run_blocking(&a, long).await.unwrap();
        let ((to_first, at_first), (to_second, at_second)) = (channel::<()>(), channel::<()>());
        let meet = |to: std::sync::mpsc::Sender<()>, from: std::sync::mpsc::Receiver<()>| {
            move |_: &CpuTimeLimit| {
                let _ = to.send(());
                from.recv_timeout(Duration::from_secs(20)).ok()
            }
        };
        let first = parsers.run_blocking(&a, meet(to_second, at_first));
        let second = parsers.run_blocking(&a, meet(to_first, at_second));
        assert_eq!(tokio::join!(first, second), (Some(()), Some(())));
    }
}

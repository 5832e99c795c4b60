//! Which threads read an account's pages. Usually one of a few of a usual priority, shared out by account. Whoever took
//! more than its share of the processors lately, while others worked too, is read by threads of a low priority until it has worked that off: alone
//! it gets everything all the same, and beside others it gets what they leave. So who asks for little always finds a
//! thread and a processor. Knows nothing of what is read.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use domain::AccountId;
use tokio_util::task::AbortOnDropHandle;

use crate::usage::thread_time;
use crate::{Background, FairSemaphore, Usage};

/// What an account is entitled to, of all processors.
const SHARE: f64 = 0.125;

/// Threads that read pages. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Parsers {
    first: FairSemaphore,
    later: FairSemaphore,
    usage: Usage,
    background: Background,
}

/// How long work may go on where it is: asked now and then by whoever works.
#[derive(Debug, Clone, Copy)]
pub struct Slice {
    /// In the time that the thread has worked.
    until: Option<Duration>,
}

impl Slice {
    /// Whether it is to go on elsewhere.
    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| thread_time() >= until)
    }
}

impl Parsers {
    /// For so many processors. Of a usual priority there are two permits more than processors: one account has as many as
    /// there are processors, and whoever comes second or third does not wait for a page that takes its time, but shares
    /// the processors with it.
    pub fn new(processors: u32, background: Background) -> Parsers {
        Parsers {
            first: FairSemaphore::new(processors.saturating_add(2), 2),
            later: FairSemaphore::on(background.clone(), processors, 0),
            usage: Usage::new(f64::from(processors) * SHARE),
            background,
        }
    }

    /// The permits of a usual priority.
    pub fn first(&self) -> &FairSemaphore {
        &self.first
    }

    /// What accounts took.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// How many permits are taken.
    pub fn taken(&self) -> u32 {
        self.first.taken().saturating_add(self.later.taken())
    }

    /// Does work once there is a permit for it. Work that says `None` was cut by its slice: it is done anew on the other
    /// threads, where there is none. `None` where it panicked, or where the runtime ends. Work that nobody waits for any
    /// more is not begun; what has begun goes on to its end.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        account: &AccountId,
        mut work: impl FnMut(&Slice) -> Option<T> + Send + 'static,
    ) -> Option<T> {
        if !self.usage.is_over(account) {
            let (usage, owner) = (self.usage.clone(), account.clone());
            let first = move || {
                // Asked again when its turn has come: what waited in front of it may have been too much.
                let left = usage.left(&owner);
                let _meter = usage.meter(&owner);
                let slice = Slice { until: thread_time().checked_add(left) };
                let done = if left.is_zero() { None } else { work(&slice) };
                done.ok_or(work)
            };
            match self.first.run_blocking(account, first).await? {
                Ok(done) => return Some(done),
                Err(cut) => work = cut,
            }
        }
        self.later.run_blocking(account, self.metered(account, move || work(&Slice { until: None }))).await?
    }

    /// Drives a task that works between its waits: here, and on a thread of low priority once its account took too much.
    /// `None` where it panicked there, or where the runtime ends.
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

    /// Work that counts.
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

    /// Works until it is told to go on elsewhere, and says who came to the end.
    fn long(slice: &Slice) -> Option<String> {
        while slice.until.is_some() && !slice.is_over() {
            std::hint::spin_loop();
        }
        here(slice)
    }

    fn here(slice: &Slice) -> Option<String> {
        slice.until.is_none_or(|_| !slice.is_over()).then(|| thread::current().name().unwrap_or_default().to_owned())
    }

    /// Nothing is worked off meanwhile, however long a test takes.
    fn parsers(processors: u32) -> Parsers {
        let usage = Usage::new(0.0);
        // Nobody takes too much alone.
        drop(usage.meter(&account("company")));
        Parsers { usage, ..Parsers::new(processors, Background::new(processors)) }
    }

    #[tokio::test]
    async fn who_took_too_much_is_read_at_a_low_priority() {
        let parsers = parsers(2);
        let [a, b] = [account("a"), account("b")];
        assert_ne!(parsers.run_blocking(&a, here).await.unwrap(), "background");
        assert_eq!(parsers.run_blocking(&a, long).await.unwrap(), "background");
        // It has no time left there, and another has.
        assert_eq!(parsers.run_blocking(&a, here).await.unwrap(), "background");
        assert_ne!(parsers.run_blocking(&b, here).await.unwrap(), "background");
        // A permit is given back right after its work has told how it ended.
        while parsers.taken() > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// A task goes on elsewhere at its next wait, wakes there, and ends there; who waits for it no more ends it.
    #[tokio::test]
    async fn a_task_that_takes_too_much_goes_on_elsewhere() {
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

    /// What was let in before its account had taken too much is not begun among the first.
    #[tokio::test]
    async fn what_waited_behind_too_much_goes_on_elsewhere() {
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
        // One slice was used up, not eight.
        assert!(parsers.usage.left(&a).is_zero());
        assert!(!parsers.usage.is_over(&account("b")));
    }

    /// Alone it has all processors, whatever it took: two at once, each of which waits for the other.
    #[tokio::test]
    async fn who_took_too_much_has_what_others_leave() {
        let parsers = parsers(2);
        let a = account("a");
        parsers.run_blocking(&a, long).await.unwrap();
        let ((to_first, at_first), (to_second, at_second)) = (channel::<()>(), channel::<()>());
        let meet = |to: std::sync::mpsc::Sender<()>, from: std::sync::mpsc::Receiver<()>| {
            move |_: &Slice| {
                let _ = to.send(());
                from.recv_timeout(Duration::from_secs(20)).ok()
            }
        };
        let first = parsers.run_blocking(&a, meet(to_second, at_first));
        let second = parsers.run_blocking(&a, meet(to_first, at_second));
        assert_eq!(tokio::join!(first, second), (Some(()), Some(())));
    }
}

//! Recent processor time by account. Knows neither what the work is nor what happens to accounts over their share.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use domain::AccountId;

/// Maximum time that an account may be ahead of its share: a few dozen ordinary pages at once.
const MAX_LEAD: Duration = Duration::from_millis(50);
/// Minimum time left for starting work, because work that exceeds its limit is started again.
const MIN_START: Duration = Duration::from_millis(10);
/// How long after its last work an account counts as active. While no other account is active, an account is never over
/// its share.
const ACTIVE_FOR: Duration = Duration::from_secs(10);
/// Maximum usage that is remembered, so that an account that used everything for a while is back within its share some
/// seconds later.
const MAX_REMEMBERED: Duration = Duration::from_secs(3);

/// How much of a task's work is recorded at once: a task is polled often, and each poll is short.
const REPORT_AFTER: Duration = Duration::from_micros(500);

/// Processor time by account: the time that it used, less its share of the time since. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Usage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// An account's share, in processors.
    share: f64,
    accounts: Mutex<BTreeMap<AccountId, Taken>>,
}

/// The usage of one account at a moment.
#[derive(Debug, Clone, Copy)]
struct Taken {
    time: Duration,
    at: Instant,
}

impl Taken {
    fn at(self, now: Instant, share: f64) -> Duration {
        self.time.saturating_sub(now.saturating_duration_since(self.at).mul_f64(share))
    }
}

impl Usage {
    /// Creates a usage table in which each account has a share of `share` processors.
    pub fn new(share: f64) -> Usage {
        Usage(Arc::new(Shared { share: share.max(0.0), accounts: Mutex::default() }))
    }

    /// Returns whether an account has used more than its share.
    pub fn is_over(&self, account: &AccountId) -> bool {
        self.is_over_at(account, Instant::now())
    }

    /// Returns the time that an account may still use before it is over its share. Returns zero if less than
    /// `MIN_START` is left.
    pub fn left(&self, account: &AccountId) -> Duration {
        self.left_at(account, Instant::now())
    }

    /// Counts the work of the calling thread until the meter is dropped, which must happen on the same thread.
    pub fn meter(&self, account: &AccountId) -> Meter {
        Meter { usage: self.clone(), account: account.clone(), start: thread_time() }
    }

    /// Counts the work of a task.
    pub fn metered<F: Future>(&self, account: &AccountId, task: F) -> Metered<F> {
        Metered { usage: self.clone(), account: account.clone(), took: Duration::ZERO, task: Box::pin(task) }
    }

    fn is_over_at(&self, account: &AccountId, now: Instant) -> bool {
        self.left_at(account, now).is_zero()
    }

    fn left_at(&self, account: &AccountId, now: Instant) -> Duration {
        let accounts = self.lock();
        let recent = |taken: &Taken| now.saturating_duration_since(taken.at) < ACTIVE_FOR;
        if !accounts.iter().any(|(other, taken)| other != account && recent(taken)) {
            return Duration::MAX;
        }
        let taken = accounts.get(account).map_or(Duration::ZERO, |taken| taken.at(now, self.0.share));
        Some(MAX_LEAD.saturating_sub(taken)).filter(|left| *left >= MIN_START).unwrap_or_default()
    }

    fn take_at(&self, account: &AccountId, time: Duration, now: Instant) {
        let mut accounts = self.lock();
        let before = accounts.get(account).map_or(Duration::ZERO, |taken| taken.at(now, self.0.share));
        let time = before.saturating_add(time).min(MAX_REMEMBERED);
        accounts.insert(account.clone(), Taken { time, at: now });
        // An account within its share needs no entry. Entries are removed only now and then, because many accounts come
        // and go.
        if accounts.len() > 64 {
            accounts.retain(|_, taken| !taken.at(now, self.0.share).is_zero());
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<AccountId, Taken>> {
        // Nothing panics while it holds the lock.
        self.0.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a thread's work for an account.
#[derive(Debug)]
pub struct Meter {
    usage: Usage,
    account: AccountId,
    start: Duration,
}

impl Drop for Meter {
    fn drop(&mut self) {
        let took = thread_time().saturating_sub(self.start);
        self.usage.take_at(&self.account, took, Instant::now());
    }
}

/// A task whose work is counted.
#[derive(Debug)]
pub struct Metered<F> {
    usage: Usage,
    account: AccountId,
    /// Work that is not recorded yet.
    took: Duration,
    task: Pin<Box<F>>,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let start = thread_time();
        let polled = self.task.as_mut().poll(context);
        self.took += thread_time().saturating_sub(start);
        if self.took >= REPORT_AFTER {
            self.report();
        }
        polled
    }
}

impl<F> Metered<F> {
    fn report(&mut self) {
        let took = std::mem::take(&mut self.took);
        self.usage.take_at(&self.account, took, Instant::now());
    }
}

impl<F> Drop for Metered<F> {
    fn drop(&mut self) {
        self.report();
    }
}

/// Returns the processor time that the calling thread has used so far.
#[cfg(target_os = "linux")]
pub(super) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// On other systems, elapsed time stands in for it.
#[cfg(not(target_os = "linux"))]
pub(super) fn thread_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_decreases_by_the_share() {
        let usage = Usage::new(0.5);
        let [a, b] = ["a", "b"].map(|name| AccountId::parse(name).unwrap());
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        usage.take_at(&a, Duration::from_secs(1), start - ACTIVE_FOR);
        assert!(!usage.is_over_at(&a, start), "no other account is active");
        let usage = Usage::new(0.5);
        usage.take_at(&b, Duration::ZERO, start);
        usage.take_at(&a, MAX_LEAD - MIN_START, start);
        assert!(!usage.is_over_at(&a, start) && !usage.is_over_at(&b, start));
        usage.take_at(&a, Duration::from_millis(200), start);
        assert!(usage.is_over_at(&a, at(399)) && !usage.is_over_at(&a, at(400)));
        // However much it was, it is forgotten in the end.
        usage.take_at(&a, Duration::MAX, at(400));
        let forgotten = u64::try_from((MAX_REMEMBERED - MAX_LEAD + MIN_START).as_millis()).unwrap() * 2;
        assert!(usage.is_over_at(&a, at(399 + forgotten)) && !usage.is_over_at(&a, at(400 + forgotten)));
        assert!(!usage.is_over_at(&b, start));
    }

    #[test]
    fn accounts_within_their_share_are_forgotten() {
        let usage = Usage::new(1.0);
        let start = Instant::now();
        for n in 0..1_000 {
            let account = AccountId::parse(&format!("a{n}")).unwrap();
            usage.take_at(&account, Duration::from_millis(1), start + Duration::from_millis(n));
        }
        assert!(usage.lock().len() <= 65, "{}", usage.lock().len());
    }

    #[test]
    fn a_meter_counts_its_threads_work() {
        let usage = Usage::new(0.0);
        let [account, other] = ["a", "b"].map(|name| AccountId::parse(name).unwrap());
        usage.take_at(&other, Duration::ZERO, Instant::now());
        let meter = usage.meter(&account);
        let before = thread_time();
        while thread_time() < before + 2 * MAX_LEAD {
            std::hint::spin_loop();
        }
        assert!(!usage.is_over(&account));
        drop(meter);
        assert!(usage.is_over(&account) && usage.left(&account).is_zero());
    }

    #[tokio::test]
    async fn a_task_is_counted_poll_by_poll_even_if_it_is_dropped() {
        let usage = Usage::new(0.0);
        let [ended, dropped] = ["a", "b"].map(|name| AccountId::parse(name).unwrap());
        let spin = |time: Duration| {
            let end = thread_time() + time;
            while thread_time() < end {
                std::hint::spin_loop();
            }
        };
        let task = |last: std::future::Ready<()>| async move {
            for _ in 0..4 {
                spin(MAX_LEAD / 3);
                tokio::task::yield_now().await;
            }
            last.await;
        };
        usage.take_at(&dropped, Duration::ZERO, Instant::now());
        usage.metered(&ended, task(std::future::ready(()))).await;
        assert!(usage.is_over(&ended));
        let waits = async {
            spin(REPORT_AFTER / 4);
            std::future::pending::<()>().await;
        };
        let mut waits = Box::pin(usage.metered(&dropped, waits));
        assert!(waits.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
        assert_eq!(usage.left(&dropped), MAX_LEAD);
        drop(waits);
        assert!(usage.left(&dropped) < MAX_LEAD);
    }
}

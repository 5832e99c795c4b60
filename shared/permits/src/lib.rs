//! Semaphores that share their permits among accounts, and the threads that read pages. Pages of one account never make
//! another account wait for more than one permit to become free. This crate knows nothing of jobs and rows.
//!
//! A free permit goes to the account that holds the fewest, and among those to the one whose last permit was granted
//! the longest time ago. How many permits an account may hold depends on how many are free (a dynamic threshold, as
//! switches share a buffer among their ports: Choudhury and Hahne, 1998). An account on its own gets all but the
//! reserve. Several accounts that want more get equal parts and leave some free. An account that holds none gets even the
//! last one, so it does not wait for permits that the others hold.
//!
//! A waiter is a task ([`FairSemaphore::acquire`]) or work for a blocking thread ([`FairSemaphore::run_blocking`]). A
//! thread that ends one piece of work goes on with the next, without a detour through the runtime.

mod background;
mod byte_semaphore;
mod heavy;
mod parsers;
mod usage;
mod waiter;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AccountId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use self::background::Background;
pub use self::background::lower_thread_priority;
pub use self::byte_semaphore::{BytePermit, ByteSemaphore};
pub use self::heavy::{HeavyPermits, LargeBodyPermits};
pub use self::parsers::{CpuTimeLimit, Parsers};
pub use self::usage::{Meter, Metered, Usage};
use self::waiter::{Waiter, Work};

/// A semaphore whose permits are shared out by account. Cheap to clone.
#[derive(Clone)]
pub struct FairSemaphore(Arc<Shared>);

struct Shared {
    total: u32,
    reserve: u32,
    /// The threads that do the work; `None` uses those of the caller's runtime.
    threads: Option<Background>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: u32,
    next_ticket: u64,
    /// How many permits have been granted so far.
    granted: u64,
    accounts: BTreeMap<AccountId, Account>,
}

#[derive(Default)]
struct Account {
    held: u32,
    /// The value of `granted` when it got its last permit.
    last_grant: u64,
    waiting: VecDeque<(u64, Box<dyn Waiter>)>,
}

/// A permit; given back when it is dropped.
pub struct Permit {
    semaphore: FairSemaphore,
    account: AccountId,
    held: bool,
}

impl fmt::Debug for FairSemaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FairSemaphore({})", self.0.total)
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permit({})", self.held)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        deliver(self.give_back());
    }
}

impl Permit {
    /// Gives the permit back. Returns one of the waiters that are granted a permit now, with its permit, and delivers
    /// the others theirs.
    fn transfer(mut self) -> Option<(Box<dyn Waiter>, Permit)> {
        let mut granted = self.give_back();
        let next = granted.pop();
        deliver(granted);
        next
    }

    /// Gives the permit back once; later calls do nothing.
    fn give_back(&mut self) -> Granted {
        if !std::mem::take(&mut self.held) {
            return Granted::new();
        }
        let mut state = self.semaphore.lock();
        state.taken = state.taken.saturating_sub(1);
        if let Some(account) = state.accounts.get_mut(&self.account) {
            account.held = account.held.saturating_sub(1);
            if account.held == 0 && account.waiting.is_empty() {
                state.accounts.remove(&self.account);
            }
        }
        self.semaphore.grant_free_permits(&mut state)
    }
}

/// A place in the queue. If it is dropped early, it removes the waiter and grants free permits again, because others
/// may have waited behind it.
struct Waiting<'a> {
    semaphore: &'a FairSemaphore,
    account: &'a AccountId,
    ticket: u64,
    done: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let (left, granted) = {
            let mut state = self.semaphore.lock();
            (state.remove_waiter(self.account, self.ticket), self.semaphore.grant_free_permits(&mut state))
        };
        // Outside the lock, because the waiter may hold permits itself.
        drop(left);
        deliver(granted);
    }
}

type Granted = Vec<(Box<dyn Waiter>, Permit)>;

/// Delivers granted permits outside the lock: a waiter that has stopped waiting drops its permit, which takes the lock
/// again.
fn deliver(granted: Granted) {
    for (waiter, permit) in granted {
        waiter.accept(permit);
    }
}

impl State {
    /// Removes a waiter if it is still waiting. Waiters are in the order of their tickets.
    fn remove_waiter(&mut self, account: &AccountId, ticket: u64) -> Option<Box<dyn Waiter>> {
        let found = self.accounts.get_mut(account)?;
        let at = found.waiting.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?;
        let (_, waiter) = found.waiting.remove(at)?;
        if found.held == 0 && found.waiting.is_empty() {
            self.accounts.remove(account);
        }
        Some(waiter)
    }
}

impl FairSemaphore {
    /// Creates a semaphore of `total` permits, at least one. An account on its own gets all but `reserve` of them.
    pub fn new(total: u32, reserve: u32) -> FairSemaphore {
        FairSemaphore(Arc::new(Shared { total: total.max(1), reserve, threads: None, state: Mutex::default() }))
    }

    /// Creates a semaphore whose work runs on `threads`.
    pub fn on(threads: Background, total: u32, reserve: u32) -> FairSemaphore {
        FairSemaphore(Arc::new(Shared {
            total: total.max(1),
            reserve,
            threads: Some(threads),
            state: Mutex::default(),
        }))
    }

    /// Waits for a permit. Cancel safe: a caller that stops waiting neither loses nor keeps a permit.
    pub async fn acquire(&self, account: &AccountId) -> Permit {
        loop {
            let (sender, receiver) = oneshot::channel();
            let mut waiting = self.queue(account, Box::new(sender));
            // A sender is dropped only after it was used.
            if let Ok(permit) = receiver.await {
                waiting.done = true;
                return permit;
            }
        }
    }

    /// Returns how many permits are taken.
    pub fn taken(&self) -> u32 {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock, and the counts are right at every step.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs CPU-bound work on a blocking thread once there is a permit for it. Returns `None` if it panicked or the
    /// runtime is shutting down. Work whose caller has stopped waiting is not begun; work that has begun runs to its
    /// end.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        account: &AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        let runtime = self.0.threads.as_ref().map_or_else(Handle::current, Background::handle);
        let mut waiting = self.queue(account, Box::new(Work { work, done, runtime }));
        let outcome = outcome.await.ok();
        waiting.done = true;
        outcome
    }

    fn queue<'a>(&'a self, account: &'a AccountId, waiter: Box<dyn Waiter>) -> Waiting<'a> {
        let (ticket, granted) = {
            let mut state = self.lock();
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.accounts.entry(account.clone()).or_default().waiting.push_back((ticket, waiter));
            (ticket, self.grant_free_permits(&mut state))
        };
        deliver(granted);
        Waiting { semaphore: self, account, ticket, done: false }
    }

    /// Grants all permits that are free.
    fn grant_free_permits(&self, state: &mut State) -> Granted {
        let mut granted = Granted::new();
        while let Some((account, waiter)) = self.next(state) {
            state.taken += 1;
            state.granted += 1;
            let now = state.granted;
            let entry = state.accounts.entry(account.clone()).or_default();
            (entry.held, entry.last_grant) = (entry.held + 1, now);
            granted.push((waiter, Permit { semaphore: self.clone(), account, held: true }));
        }
        granted
    }

    fn next(&self, state: &mut State) -> Option<(AccountId, Box<dyn Waiter>)> {
        let free = self.0.total.saturating_sub(state.taken);
        if free == 0 {
            return None;
        }
        let (reserve, total) = (u64::from(self.0.reserve), u64::from(self.0.total));
        // With one more permit, the account holds at most (total − reserve) / reserve times the permits that are still
        // free.
        let within = |held: u32| (u64::from(held) + 1) * reserve <= total.saturating_sub(reserve) * u64::from(free - 1);
        let fits = |account: &Account| !account.waiting.is_empty() && (account.held == 0 || within(account.held));
        let rank =
            |account: &Account| (account.held, account.last_grant, account.waiting.front().map(|(ticket, _)| *ticket));
        let found = state.accounts.iter_mut().filter(|(_, a)| fits(a)).min_by_key(|(_, a)| rank(a))?;
        let (account, (_, waiter)) = (found.0.clone(), found.1.waiting.pop_front()?);
        Some((account, waiter))
    }
}

#[cfg(test)]
mod tests;

//! Semaphores whose permits are shared out by account, and the threads on which pages are read: one caller's pages never
//! make another's wait for more than one permit to come free. Knows nothing of jobs and rows.
//!
//! A permit that comes free goes to the account that holds the fewest, and of those to the one that has waited longest
//! since it was given one. How many an account may hold depends on how many are free (a dynamic threshold, as switches
//! share a buffer among their ports: Choudhury and Hahne, 1998): one that is alone gets all but the reserve, several greedy
//! ones get equal parts that leave some free, and whoever holds none gets the last one. So a newcomer does not wait for
//! what greedy accounts hold.
//!
//! Who waits is a task ([`FairSemaphore::acquire`]) or work to be done on a thread of its own ([`FairSemaphore::run_blocking`]). The thread that ends
//! one piece of work goes on with whoever is next, without a way through the runtime between the two.

mod background;
mod heavy;
mod parsers;
mod room;
mod usage;
mod waiter;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AccountId;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

pub use self::background::Background;
pub use self::background::lower;
pub use self::heavy::{Growing, Heavy};
pub use self::parsers::{Parsers, Slice};
pub use self::room::{BytePermit, ByteSemaphore};
pub use self::usage::{Meter, Metered, Usage};
use self::waiter::{Waiter, Work};

/// Permits, shared out by account. Cheap to clone.
#[derive(Clone)]
pub struct FairSemaphore(Arc<Shared>);

struct Shared {
    total: u32,
    reserve: u32,
    /// Whose threads do work; those of who asks for it where nobody's.
    threads: Option<Background>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: u32,
    next_ticket: u64,
    /// How many permits were given out so far.
    granted: u64,
    accounts: BTreeMap<AccountId, Account>,
}

#[derive(Default)]
struct Account {
    held: u32,
    /// How many permits had been given out when it got its last one.
    last: u64,
    waiting: VecDeque<(u64, Box<dyn Waiter>)>,
}

/// One permit; given back when it is dropped.
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
        hand_over(self.give_back());
    }
}

impl Permit {
    /// Gives it back. Returns who is next where that is somebody, with their permit; everybody else is told.
    fn pass_on(mut self) -> Option<(Box<dyn Waiter>, Permit)> {
        let mut granted = self.give_back();
        let next = granted.pop();
        hand_over(granted);
        next
    }

    /// What it gives back it has no more.
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
        self.semaphore.share_out(&mut state)
    }
}

/// One that waits. Takes it out where it leaves, and looks again who is next: others may have waited behind it.
struct Waiting<'a> {
    semaphore: &'a FairSemaphore,
    account: &'a AccountId,
    ticket: u64,
    over: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let (left, granted) = {
            let mut state = self.semaphore.lock();
            (state.take_out(self.account, self.ticket), self.semaphore.share_out(&mut state))
        };
        // Outside of the lock: it may hold permits itself.
        drop(left);
        hand_over(granted);
    }
}

type Granted = Vec<(Box<dyn Waiter>, Permit)>;

/// Outside of the lock: who has stopped waiting lets the permit fall, and that takes the lock again.
fn hand_over(granted: Granted) {
    for (waiter, permit) in granted {
        waiter.granted(permit);
    }
}

impl State {
    /// Takes a waiter out, if it still waits. Who waits stands in the order of the tickets.
    fn take_out(&mut self, account: &AccountId, ticket: u64) -> Option<Box<dyn Waiter>> {
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
    /// A semaphore of `total` permits, at least one. An account that is alone gets all but `reserve` of them.
    pub fn new(total: u32, reserve: u32) -> FairSemaphore {
        FairSemaphore(Arc::new(Shared { total: total.max(1), reserve, threads: None, state: Mutex::default() }))
    }

    /// The same, whose work these threads do.
    pub fn on(threads: Background, total: u32, reserve: u32) -> FairSemaphore {
        FairSemaphore(Arc::new(Shared {
            total: total.max(1),
            reserve,
            threads: Some(threads),
            state: Mutex::default(),
        }))
    }

    /// Waits for one permit. Who stops waiting loses nothing and keeps nothing.
    pub async fn acquire(&self, account: &AccountId) -> Permit {
        loop {
            let (sender, receiver) = oneshot::channel();
            let mut waiting = self.queue(account, Box::new(sender));
            // A sender is only dropped after it was used.
            if let Ok(permit) = receiver.await {
                waiting.over = true;
                return permit;
            }
        }
    }

    /// How many permits are taken.
    pub fn taken(&self) -> u32 {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock, and the counts are right at every step.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does work that takes a processor, once there is a permit for it, on a thread on which that holds up nothing else.
    /// `None` where it panicked, or where the runtime ends. Work that nobody waits for any more is not begun; what has begun goes on to its end.
    pub async fn run_blocking<T: Send + 'static>(
        &self,
        account: &AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        let runtime = self.0.threads.as_ref().map_or_else(Handle::current, Background::handle);
        let mut waiting = self.queue(account, Box::new(Work { work, done, runtime }));
        let outcome = outcome.await.ok();
        waiting.over = true;
        outcome
    }

    fn queue<'a>(&'a self, account: &'a AccountId, waiter: Box<dyn Waiter>) -> Waiting<'a> {
        let (ticket, granted) = {
            let mut state = self.lock();
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.accounts.entry(account.clone()).or_default().waiting.push_back((ticket, waiter));
            (ticket, self.share_out(&mut state))
        };
        hand_over(granted);
        Waiting { semaphore: self, account, ticket, over: false }
    }

    /// Gives out what is free.
    fn share_out(&self, state: &mut State) -> Granted {
        let mut granted = Granted::new();
        while let Some((account, waiter)) = self.next(state) {
            state.taken += 1;
            state.granted += 1;
            let now = state.granted;
            let entry = state.accounts.entry(account.clone()).or_default();
            (entry.held, entry.last) = (entry.held + 1, now);
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
        // With one more it holds at most (total − reserve) / reserve times what is free then.
        let within = |held: u32| (u64::from(held) + 1) * reserve <= total.saturating_sub(reserve) * u64::from(free - 1);
        let fits = |account: &Account| !account.waiting.is_empty() && (account.held == 0 || within(account.held));
        let rank = |account: &Account| (account.held, account.last, account.waiting.front().map(|(ticket, _)| *ticket));
        let found = state.accounts.iter_mut().filter(|(_, a)| fits(a)).min_by_key(|(_, a)| rank(a))?;
        let (account, (_, waiter)) = (found.0.clone(), found.1.waiting.pop_front()?);
        Some((account, waiter))
    }
}

#[cfg(test)]
mod tests;

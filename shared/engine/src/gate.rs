//! Who may use something of which there is only so much in a process: shared out by account, so that one caller's pages
//! never make another's wait for more than one place to come free. Knows nothing of what the places are for.
//!
//! A place that comes free goes to the account that holds the fewest. The last places, a reserve, are for accounts that
//! hold fewer than those themselves: an account that has been alone does not have to give anything back before a second
//! one can begin.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AccountId;
use tokio::sync::oneshot;

/// Places, shared out by account. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Shared>);

struct Shared {
    total: u32,
    reserve: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: u32,
    next_ticket: u64,
    accounts: BTreeMap<AccountId, Account>,
    /// Who wants every place, by ticket.
    alone: VecDeque<(u64, AccountId, oneshot::Sender<Place>)>,
}

#[derive(Default)]
struct Account {
    held: u32,
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// One place, or all of them; given back when it is dropped.
pub struct Place {
    gate: Gate,
    account: AccountId,
    places: u32,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gate({})", self.0.total)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Place({})", self.places)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let granted = {
            let mut state = self.gate.lock();
            state.taken = state.taken.saturating_sub(self.places);
            if let Some(account) = state.accounts.get_mut(&self.account) {
                account.held = account.held.saturating_sub(self.places);
                if account.held == 0 && account.waiting.is_empty() {
                    state.accounts.remove(&self.account);
                }
            }
            self.gate.share_out(&mut state)
        };
        hand_over(granted);
    }
}

/// Looks again who is next once a waiter has left: others may have waited behind it.
struct Left<'a>(Option<&'a Gate>);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if let Some(gate) = self.0 {
            let granted = gate.share_out(&mut gate.lock());
            hand_over(granted);
        }
    }
}

type Granted = Vec<(oneshot::Sender<Place>, Place)>;

/// Outside of the lock: who has stopped waiting lets the place fall, and that takes the lock again.
fn hand_over(granted: Granted) {
    for (waiter, place) in granted {
        drop(waiter.send(place));
    }
}

impl Gate {
    /// A gate of `total` places, at least one, the last `reserve` of them for accounts that hold fewer than those.
    pub fn new(total: u32, reserve: u32) -> Gate {
        Gate(Arc::new(Shared { total: total.max(1), reserve, state: Mutex::default() }))
    }

    /// Waits for one place. Who stops waiting loses nothing and keeps nothing.
    pub async fn enter(&self, account: &AccountId) -> Place {
        self.wait(account, false).await
    }

    /// Waits until nobody else holds a place, and takes all. Whoever comes later waits behind.
    pub async fn enter_alone(&self, account: &AccountId) -> Place {
        self.wait(account, true).await
    }

    /// How many places are taken.
    pub fn taken(&self) -> u32 {
        self.lock().taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while it holds the lock, and the counts are right at every step.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, account: &AccountId, alone: bool) -> Place {
        loop {
            // Dropped after the receiver: by then this waiter counts no more.
            let mut left = Left(Some(self));
            let (sender, receiver) = oneshot::channel();
            let granted = {
                let mut state = self.lock();
                let ticket = state.next_ticket;
                state.next_ticket += 1;
                if alone {
                    state.alone.push_back((ticket, account.clone(), sender));
                } else {
                    state.accounts.entry(account.clone()).or_default().waiting.push_back((ticket, sender));
                }
                self.share_out(&mut state)
            };
            hand_over(granted);
            // A sender is only dropped after it was used.
            if let Ok(place) = receiver.await {
                left.0 = None;
                return place;
            }
        }
    }

    /// Gives out what is free.
    fn share_out(&self, state: &mut State) -> Granted {
        let mut granted = Granted::new();
        loop {
            let (account, waiter, places) = match self.next(state) {
                Some(next) => next,
                None => return granted,
            };
            state.taken += places;
            state.accounts.entry(account.clone()).or_default().held += places;
            granted.push((waiter, Place { gate: self.clone(), account, places }));
        }
    }

    fn next(&self, state: &mut State) -> Option<(AccountId, oneshot::Sender<Place>, u32)> {
        state.alone.retain(|(_, _, waiter)| !waiter.is_closed());
        for account in state.accounts.values_mut() {
            while account.waiting.front().is_some_and(|(_, waiter)| waiter.is_closed()) {
                account.waiting.pop_front();
            }
        }
        state.accounts.retain(|_, account| account.held > 0 || !account.waiting.is_empty());
        let total = self.0.total;
        let free = total.saturating_sub(state.taken);
        if let Some((ticket, _, _)) = state.alone.front() {
            let older = |account: &Account| account.waiting.front().is_some_and(|(other, _)| other < ticket);
            if !state.accounts.values().any(older) {
                if free < total {
                    return None; // everything comes free for it
                }
                let (_, account, waiter) = state.alone.pop_front()?;
                return Some((account, waiter, total));
            }
        }
        if free == 0 {
            return None;
        }
        let reserve = self.0.reserve;
        let fits = |account: &Account| !account.waiting.is_empty() && (account.held < reserve.max(1) || free > reserve);
        let rank = |account: &Account| (account.held, account.waiting.front().map(|(ticket, _)| *ticket));
        let found = state.accounts.iter_mut().filter(|(_, a)| fits(a)).min_by_key(|(_, a)| rank(a))?;
        let (account, (_, waiter)) = (found.0.clone(), found.1.waiting.pop_front()?);
        Some((account, waiter, 1))
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Poll, Waker};

    use proptest::prelude::*;

    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::parse(name).unwrap()
    }

    /// Polls once.
    fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(out) => Some(out),
            Poll::Pending => None,
        }
    }

    /// Takes as many places as there are at once.
    fn fill(gate: &Gate, account: &AccountId) -> Vec<Place> {
        std::iter::from_fn(|| poll(pin!(gate.enter(account)))).take(1_000).collect()
    }

    #[test]
    fn an_account_alone_leaves_the_reserve_for_the_next() {
        let (gate, greedy, other, third) = (Gate::new(32, 4), account("a"), account("b"), account("c"));
        let held = fill(&gate, &greedy);
        assert_eq!(held.len(), 28);
        let second = fill(&gate, &other);
        assert_eq!((second.len(), gate.taken()), (4, 32));
        // The third waits for one place and gets it, though others wait longer.
        let mut longer = pin!(gate.enter(&greedy));
        let mut mine = pin!(gate.enter(&third));
        assert!(poll(longer.as_mut()).is_none() && poll(mine.as_mut()).is_none());
        let mut held = held;
        held.pop();
        assert!(poll(longer.as_mut()).is_none());
        assert!(poll(mine.as_mut()).is_some());
    }

    #[test]
    fn who_holds_the_fewest_comes_first() {
        let (gate, a, b) = (Gate::new(2, 0), account("a"), account("b"));
        let mut held = fill(&gate, &a);
        let mut longer = pin!(gate.enter(&a));
        let mut later = pin!(gate.enter(&b));
        assert!(poll(longer.as_mut()).is_none() && poll(later.as_mut()).is_none());
        held.pop();
        assert!(poll(longer.as_mut()).is_none());
        assert!(poll(later.as_mut()).is_some());
    }

    #[test]
    fn one_place_is_one_place() {
        for (total, reserve) in [(0, 0), (1, 0), (1, 5)] {
            let (gate, a) = (Gate::new(total, reserve), account("a"));
            let held = fill(&gate, &a);
            assert_eq!(held.len(), 1);
            drop(held);
            assert_eq!(gate.taken(), 0);
        }
    }

    #[test]
    fn alone_means_alone_and_waits_its_turn() {
        let (gate, a, b) = (Gate::new(8, 1), account("a"), account("b"));
        let first = poll(pin!(gate.enter(&a))).unwrap();
        let mut alone = pin!(gate.enter_alone(&b));
        let mut later = pin!(gate.enter(&a));
        assert!(poll(alone.as_mut()).is_none() && poll(later.as_mut()).is_none());
        drop(first);
        let all = poll(alone.as_mut()).unwrap();
        assert_eq!(gate.taken(), 8);
        assert!(poll(later.as_mut()).is_none());
        drop(all);
        assert!(poll(later.as_mut()).is_some());
    }

    #[test]
    fn who_waited_behind_one_that_left_goes_on() {
        let (gate, a, b) = (Gate::new(8, 1), account("a"), account("b"));
        let _held = poll(pin!(gate.enter(&a))).unwrap();
        let mut alone = Box::pin(gate.enter_alone(&b));
        let mut behind = pin!(gate.enter(&a));
        assert!(poll(alone.as_mut()).is_none() && poll(behind.as_mut()).is_none());
        drop(alone);
        assert!(poll(behind.as_mut()).is_some());
    }

    #[test]
    fn who_stops_waiting_keeps_nobody_waiting() {
        let (gate, a, b) = (Gate::new(1, 0), account("a"), account("b"));
        let first = poll(pin!(gate.enter(&a))).unwrap();
        let mut patient = pin!(gate.enter(&b));
        {
            let mut gone = Box::pin(gate.enter(&a));
            let mut alone = Box::pin(gate.enter_alone(&a));
            assert!(poll(gone.as_mut()).is_none() && poll(alone.as_mut()).is_none());
            assert!(poll(patient.as_mut()).is_none());
        }
        {
            // Given a place that it never takes.
            let c = account("c");
            let mut gone = Box::pin(gate.enter(&c));
            assert!(poll(gone.as_mut()).is_none());
            drop(first);
        }
        assert!(poll(patient.as_mut()).is_some());
        assert_eq!(gate.taken(), 0);
    }

    proptest! {
        /// Whatever comes and goes: never more than there is, nobody waits while something is free for them, and in the
        /// end all is free.
        #[test]
        fn counts_hold(total in 1u32..9, reserve in 0u32..3, steps in proptest::collection::vec((0u8..4, 0usize..3, any::<bool>()), 0..80)) {
            let gate = Gate::new(total, reserve);
            let names = [account("a"), account("b"), account("c")];
            let mut held: Vec<Place> = Vec::new();
            let mut waiting: Vec<Pin<Box<dyn Future<Output = Place>>>> = Vec::new();
            for (what, who, alone) in steps {
                let (gate2, who) = (gate.clone(), names[who].clone());
                match what {
                    0 | 1 => waiting.push(Box::pin(async move {
                        if alone { gate2.enter_alone(&who).await } else { gate2.enter(&who).await }
                    })),
                    2 => drop(held.pop()),
                    _ => drop(waiting.pop()),
                }
                waiting.retain_mut(|w| match poll(w.as_mut()) {
                    Some(place) => { held.push(place); false }
                    None => true,
                });
                let sum: u32 = held.iter().map(|p| p.places).sum();
                prop_assert_eq!(sum, gate.taken());
                prop_assert!(sum <= gate.0.total);
                prop_assert!(waiting.is_empty() || sum > 0, "somebody waits for nothing");
                prop_assert!(gate.share_out(&mut gate.lock()).is_empty(), "a place is free for somebody who waits");
            }
            while !held.is_empty() || !waiting.is_empty() {
                prop_assert!(!held.is_empty(), "a wait without end");
                held.clear();
                waiting.retain_mut(|w| match poll(w.as_mut()) {
                    Some(place) => { held.push(place); false }
                    None => true,
                });
            }
            prop_assert_eq!(gate.taken(), 0);
            prop_assert!(gate.lock().accounts.is_empty());
        }
    }
}

//! What a gate promises, case by case and in random order.

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

/// With one place in all, an account that has many waiting gets every second one while another has some, too.
#[test]
fn accounts_take_turns_however_many_each_has_waiting() {
    let (gate, a, b) = (Gate::new(1, 0), account("a"), account("b"));
    let mut held = fill(&gate, &a).pop();
    let mut waiting: Vec<_> = (0..4).map(|_| (&a, Box::pin(gate.enter(&a)))).collect();
    waiting.extend((0..2).map(|_| (&b, Box::pin(gate.enter(&b)))));
    waiting.iter_mut().for_each(|(_, w)| assert!(poll(w.as_mut()).is_none()));
    let mut order = String::new();
    while !waiting.is_empty() {
        drop(held.take());
        let at = waiting.iter_mut().position(|(_, w)| match poll(w.as_mut()) {
            Some(place) => {
                held = Some(place);
                true
            }
            None => false,
        });
        order.push_str(waiting.remove(at.unwrap()).0.as_str());
    }
    assert_eq!(order, "babaaa");
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
fn who_stops_waiting_keeps_nobody_waiting() {
    let (gate, a, b) = (Gate::new(1, 0), account("a"), account("b"));
    let first = poll(pin!(gate.enter(&a))).unwrap();
    let mut patient = pin!(gate.enter(&b));
    {
        let mut gone = Box::pin(gate.enter(&a));
        assert!(poll(gone.as_mut()).is_none());
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

/// Work takes its turn among those who wait, is not begun once nobody waits for it, and gives its place back also when
/// it panics.
#[tokio::test]
async fn work_takes_turns_and_gives_its_place_back() {
    let (gate, a, b) = (Gate::new(1, 0), account("a"), account("b"));
    let held = poll(pin!(gate.enter(&a))).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = order.clone();
        move || order.lock().unwrap().push(what)
    };
    let kept = Arc::new(());
    let in_work = kept.clone();
    let mut first = pin!(gate.work(&a, note("first")));
    let mut unwanted = Box::pin(gate.work(&a, {
        let note = note("unwanted");
        move || {
            drop(in_work);
            note();
        }
    }));
    let mut panics = pin!(gate.work(&a, || panic!("a page that cannot be read")));
    let mut task = pin!(gate.enter(&a));
    let mut last = pin!(gate.work(&a, note("last")));
    let mut other = pin!(gate.work(&b, note("other account")));
    assert!(poll(first.as_mut()).is_none() && poll(unwanted.as_mut()).is_none() && poll(panics.as_mut()).is_none());
    assert!(poll(task.as_mut()).is_none() && poll(last.as_mut()).is_none() && poll(other.as_mut()).is_none());
    // What it holds is given up at once, not when its turn would have come.
    drop(unwanted);
    assert_eq!(Arc::strong_count(&kept), 1);
    drop(held);
    assert_eq!(first.await, Some(()));
    assert_eq!(panics.await, None);
    note("task")();
    drop(task.await);
    assert_eq!((last.await, other.await), (Some(()), Some(())));
    assert_eq!(*order.lock().unwrap(), ["other account", "first", "task", "last"]);
    drop(gate.enter(&a).await);
    assert_eq!(gate.taken(), 0);
}

proptest! {
    /// Whatever comes and goes: never more than there is, nobody waits while something is free for them, and in the
    /// end all is free.
    #[test]
    fn counts_hold(total in 1u32..9, reserve in 0u32..3, steps in proptest::collection::vec((0u8..4, 0usize..3), 0..80)) {
        let gate = Gate::new(total, reserve);
        let names = [account("a"), account("b"), account("c")];
        let mut held: Vec<Place> = Vec::new();
        let mut waiting: Vec<Pin<Box<dyn Future<Output = Place>>>> = Vec::new();
        for (what, who) in steps {
            let (gate2, who) = (gate.clone(), names[who].clone());
            match what {
                0 | 1 => waiting.push(Box::pin(async move { gate2.enter(&who).await })),
                2 => drop(held.pop()),
                _ => drop(waiting.pop()),
            }
            waiting.retain_mut(|w| match poll(w.as_mut()) {
                Some(place) => { held.push(place); false }
                None => true,
            });
            let sum = u32::try_from(held.len()).unwrap();
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

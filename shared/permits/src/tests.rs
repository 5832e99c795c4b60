//! The promises of the semaphore, case by case and in random order.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

fn account(name: &str) -> AccountId {
    AccountId::parse(name).unwrap()
}

/// Polls a future once.
fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}

/// Takes as many permits as are granted at once.
fn fill(semaphore: &FairSemaphore, account: &AccountId) -> Vec<Permit> {
    std::iter::from_fn(|| poll(pin!(semaphore.acquire(account)))).take(1_000).collect()
}

#[test]
fn two_greedy_accounts_leave_one_for_a_third() {
    let (semaphore, greedy, other) = (FairSemaphore::new(32, 4), account("a"), account("b"));
    let mut held = fill(&semaphore, &greedy);
    assert_eq!(held.len(), 28);
    let second = fill(&semaphore, &other);
    assert_eq!((second.len(), semaphore.taken()), (3, 31));
    let third = fill(&semaphore, &account("c"));
    assert_eq!((third.len(), semaphore.taken()), (1, 32));
    // A fourth account gets the next permit, although others have waited longer.
    let fourth = account("d");
    let mut longer = pin!(semaphore.acquire(&greedy));
    let mut mine = pin!(semaphore.acquire(&fourth));
    assert!(poll(longer.as_mut()).is_none() && poll(mine.as_mut()).is_none());
    held.pop();
    assert!(poll(longer.as_mut()).is_none());
    assert!(poll(mine.as_mut()).is_some());
}

/// Whatever the order, accounts that always want more end up with equal numbers, and some permits stay free.
#[test]
fn greedy_accounts_end_up_with_equal_numbers() {
    let (semaphore, a, b) = (FairSemaphore::new(32, 4), account("a"), account("b"));
    let (mut first, mut second) = (fill(&semaphore, &a), fill(&semaphore, &b));
    for _ in 0..40 {
        // Each gives one back and asks for more.
        first.pop();
        first.extend(fill(&semaphore, &a).into_iter().take(2));
        second.pop();
        second.extend(fill(&semaphore, &b).into_iter().take(2));
    }
    assert!(first.len().abs_diff(second.len()) <= 1, "{} and {}", first.len(), second.len());
    assert!(semaphore.taken() < 32, "some permits stay free");
}

#[test]
fn the_account_with_the_fewest_permits_comes_first() {
    let (semaphore, a, b) = (FairSemaphore::new(2, 0), account("a"), account("b"));
    let mut held = fill(&semaphore, &a);
    let mut longer = pin!(semaphore.acquire(&a));
    let mut later = pin!(semaphore.acquire(&b));
    assert!(poll(longer.as_mut()).is_none() && poll(later.as_mut()).is_none());
    held.pop();
    assert!(poll(longer.as_mut()).is_none());
    assert!(poll(later.as_mut()).is_some());
}

/// With a single permit, an account with many waiters gets every second turn as long as another account has waiters
/// too.
#[test]
fn accounts_take_turns_however_many_each_has_waiting() {
    let (semaphore, a, b) = (FairSemaphore::new(1, 0), account("a"), account("b"));
    let mut held = fill(&semaphore, &a).pop();
    let mut waiting: Vec<_> = (0..4).map(|_| (&a, Box::pin(semaphore.acquire(&a)))).collect();
    waiting.extend((0..2).map(|_| (&b, Box::pin(semaphore.acquire(&b)))));
    waiting.iter_mut().for_each(|(_, w)| assert!(poll(w.as_mut()).is_none()));
    let mut order = String::new();
    while !waiting.is_empty() {
        drop(held.take());
        let at = waiting.iter_mut().position(|(_, w)| match poll(w.as_mut()) {
            Some(permit) => {
                held = Some(permit);
                true
            }
            None => false,
        });
        order.push_str(waiting.remove(at.unwrap()).0.as_str());
    }
    assert_eq!(order, "babaaa");
}

#[test]
fn a_semaphore_of_one_gives_one_permit() {
    for (total, reserve) in [(0, 0), (1, 0), (1, 5)] {
        let (semaphore, a) = (FairSemaphore::new(total, reserve), account("a"));
        let held = fill(&semaphore, &a);
        assert_eq!(held.len(), 1);
        drop(held);
        assert_eq!(semaphore.taken(), 0);
    }
}

#[test]
fn a_waiter_that_gives_up_blocks_no_other() {
    let (semaphore, a, b) = (FairSemaphore::new(1, 0), account("a"), account("b"));
    let first = poll(pin!(semaphore.acquire(&a))).unwrap();
    let mut patient = pin!(semaphore.acquire(&b));
    {
        let mut gone = Box::pin(semaphore.acquire(&a));
        assert!(poll(gone.as_mut()).is_none());
        assert!(poll(patient.as_mut()).is_none());
    }
    {
        // This waiter is granted a permit that it never takes.
        let c = account("c");
        let mut gone = Box::pin(semaphore.acquire(&c));
        assert!(poll(gone.as_mut()).is_none());
        drop(first);
    }
    assert!(poll(patient.as_mut()).is_some());
    assert_eq!(semaphore.taken(), 0);
}

/// Work takes its turn among other waiters, is not begun once its caller has stopped waiting, and gives its permit back
/// even if it panics.
#[tokio::test]
async fn work_takes_turns_and_gives_its_permit_back() {
    let (semaphore, a, b) = (FairSemaphore::new(1, 0), account("a"), account("b"));
    let held = poll(pin!(semaphore.acquire(&a))).unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let order = order.clone();
        move || order.lock().unwrap().push(what)
    };
    let kept = Arc::new(());
    let in_work = kept.clone();
    let mut first = pin!(semaphore.run_blocking(&a, note("first")));
    let mut unwanted = Box::pin(semaphore.run_blocking(&a, {
        let note = note("unwanted");
        move || {
            drop(in_work);
            note();
        }
    }));
    let mut panics = pin!(semaphore.run_blocking(&a, || panic!("a page that cannot be read")));
    let mut task = pin!(semaphore.acquire(&a));
    let mut last = pin!(semaphore.run_blocking(&a, note("last")));
    let mut other = pin!(semaphore.run_blocking(&b, note("other account")));
    assert!(poll(first.as_mut()).is_none() && poll(unwanted.as_mut()).is_none() && poll(panics.as_mut()).is_none());
    assert!(poll(task.as_mut()).is_none() && poll(last.as_mut()).is_none() && poll(other.as_mut()).is_none());
    // The captured state of the work is dropped at once, not when its turn would have come.
    drop(unwanted);
    assert_eq!(Arc::strong_count(&kept), 1);
    drop(held);
    assert_eq!(first.await, Some(()));
    assert_eq!(panics.await, None);
    note("task")();
    drop(task.await);
    assert_eq!((last.await, other.await), (Some(()), Some(())));
    assert_eq!(*order.lock().unwrap(), ["other account", "first", "task", "last"]);
    drop(semaphore.acquire(&a).await);
    assert_eq!(semaphore.taken(), 0);
}

proptest! {
    /// In any sequence of steps there are never more permits than the total, no one waits for a permit that is free for
    /// them, and in the end all permits are free.
    #[test]
    fn permits_are_conserved_and_no_free_one_is_withheld(total in 1u32..9, reserve in 0u32..3, steps in proptest::collection::vec((0u8..4, 0usize..3), 0..80)) {
        let semaphore = FairSemaphore::new(total, reserve);
        let names = [account("a"), account("b"), account("c")];
        let mut held: Vec<Permit> = Vec::new();
        let mut waiting: Vec<Pin<Box<dyn Future<Output = Permit>>>> = Vec::new();
        for (what, who) in steps {
            let (own, who) = (semaphore.clone(), names[who].clone());
            match what {
                0 | 1 => waiting.push(Box::pin(async move { own.acquire(&who).await })),
                2 => drop(held.pop()),
                _ => drop(waiting.pop()),
            }
            waiting.retain_mut(|w| match poll(w.as_mut()) {
                Some(permit) => { held.push(permit); false }
                None => true,
            });
            let sum = u32::try_from(held.len()).unwrap();
            prop_assert_eq!(sum, semaphore.taken());
            prop_assert!(sum <= semaphore.0.total);
            prop_assert!(waiting.is_empty() || sum > 0, "a waiter although no permit is taken");
            prop_assert!(semaphore.grant_free_permits(&mut semaphore.lock()).is_empty(), "a free permit is withheld from a waiter");
        }
        while !held.is_empty() || !waiting.is_empty() {
            prop_assert!(!held.is_empty(), "waiters without any permit taken");
            held.clear();
            waiting.retain_mut(|w| match poll(w.as_mut()) {
                Some(permit) => { held.push(permit); false }
                None => true,
            });
        }
        prop_assert_eq!(semaphore.taken(), 0);
        prop_assert!(semaphore.lock().accounts.is_empty());
    }
}

//! Calls whose answer is held open until the results are there: so many for each account, and so many in all, for each
//! keeps a connection and some results that nobody has read yet. Counted in this process; a function that serves one
//! call at a time never counts more than one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AccountId;

/// Most calls that are held in a process.
const MOST: u32 = 600;

/// How many are held. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldCalls(Arc<Mutex<BTreeMap<AccountId, u32>>>);

/// One that is; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct HeldCall {
    all: HeldCalls,
    account: AccountId,
}

impl HeldCalls {
    /// Holds one call more, unless the account has `most` already or the process as many as it can bear.
    pub(crate) fn hold(&self, account: &AccountId, most: u32) -> Option<HeldCall> {
        let mut counts = self.counts();
        if counts.values().sum::<u32>() >= MOST || counts.get(account).is_some_and(|held| *held >= most) {
            return None;
        }
        *counts.entry(account.clone()).or_default() += 1;
        Some(HeldCall { all: self.clone(), account: account.clone() })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<AccountId, u32>> {
        // Nothing in here panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        if let Some(held) = counts.get_mut(&self.account) {
            *held -= 1;
            if *held == 0 {
                counts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_by_account_and_in_all() {
        let account = |name: String| AccountId::parse(&name).unwrap();
        let (all, a) = (HeldCalls::default(), account("a".into()));
        let mut held: Vec<_> = (0..9).filter_map(|_| all.hold(&a, 4)).collect();
        assert_eq!(held.len(), 4);
        held.pop();
        held.extend(all.hold(&a, 4));
        assert_eq!(held.len(), 4);
        for n in 0..MOST {
            held.extend(all.hold(&account(format!("b{n}")), 1));
        }
        assert_eq!(held.len(), MOST as usize);
        drop(held);
        assert!(all.counts().is_empty() && all.hold(&a, 1).is_some());
    }
}

//! Calls that are held open until their results are ready. Their number is limited for each account and for the
//! process, because each keeps a connection and, in the cloud, a function. A process counts its own. Calls that wait
//! for a job are also counted across processes, by rows: a function that serves one call at a time never counts more
//! than one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::{AccountId, Nonce, Timestamp};
use store::{Store, StoreError};

/// Maximum number of held calls in a process.
pub(crate) const MAX_HELD_CALLS: u32 = 600;
/// Maximum number of free permits that are tried, one after the other: other processes may take them meanwhile.
const MAX_TRIES: usize = 4;
/// A permit outlasts its call by this many seconds: writing the end of a body takes time.
const MARGIN_SECS: u64 = 15;

/// Number of held calls by account. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldCalls(Arc<Mutex<BTreeMap<AccountId, u32>>>);

/// A held call. Dropping it releases it in this process.
#[derive(Debug)]
pub(crate) struct HeldCall {
    all: HeldCalls,
    account: AccountId,
    permit: Option<Permit>,
}

/// A permit that is counted across all processes.
#[derive(Debug)]
struct Permit {
    store: Store,
    number: u32,
    nonce: Nonce,
}

impl HeldCalls {
    /// Holds another call. Returns `None` if the account already holds `max` calls, or the process [`MAX_HELD_CALLS`].
    pub(crate) fn hold(&self, account: &AccountId, max: u32) -> Option<HeldCall> {
        let mut counts = self.counts();
        if counts.values().sum::<u32>() >= MAX_HELD_CALLS || counts.get(account).is_some_and(|held| *held >= max) {
            return None;
        }
        *counts.entry(account.clone()).or_default() += 1;
        Some(HeldCall { all: self.clone(), account: account.clone(), permit: None })
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<AccountId, u32>> {
        // Nothing in here panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldCall {
    /// Also takes a permit that is counted across processes until `until`. Returns `None` if the account has `max`.
    /// `nonce` must be random.
    ///
    /// # Errors
    /// Store errors.
    pub(crate) async fn with_permit(
        mut self,
        store: &Store,
        max: u32,
        nonce: Nonce,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<Option<HeldCall>, StoreError> {
        let until = until.plus_secs(MARGIN_SECS);
        let accounts = &store.accounts;
        // Usually nearly all permits are free, so a guess costs one write and no read.
        let guess = spread(&nonce, max);
        let mut number = accounts.take_permit(&self.account, guess, &nonce, now, until).await?.then_some(guess);
        if number.is_none() {
            let free = accounts.free_permits(&self.account, max, now).await?;
            let at = usize::try_from(guess).unwrap_or_default();
            for permit in free.iter().cycle().skip(at % free.len().max(1)).take(free.len().min(MAX_TRIES)) {
                if accounts.take_permit(&self.account, *permit, &nonce, now, until).await? {
                    number = Some(*permit);
                    break;
                }
            }
        }
        let Some(number) = number else { return Ok(None) };
        self.permit = Some(Permit { store: store.clone(), number, nonce });
        Ok(Some(self))
    }

    /// Returns the permit. Call it before the body's last piece is sent: what comes after that may never run.
    pub(crate) async fn end(&mut self) {
        let Some(Permit { store, number, nonce }) = self.permit.take() else { return };
        if let Err(error) = store.accounts.return_permit(&self.account, number, &nonce).await {
            tracing::warn!(%error, "a held call's permit could not be returned; it becomes free when its lease expires");
        }
    }
}

/// Maps a nonce to a number below `max`.
fn spread(nonce: &Nonce, max: u32) -> u32 {
    let sum = nonce.as_str().bytes().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    sum % max.max(1)
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
    fn calls_are_limited_by_account_and_by_process() {
        let account = |name: String| AccountId::parse(&name).unwrap();
        let (all, a) = (HeldCalls::default(), account("a".into()));
        let mut held: Vec<_> = (0..9).filter_map(|_| all.hold(&a, 4)).collect();
        assert_eq!(held.len(), 4);
        held.pop();
        held.extend(all.hold(&a, 4));
        assert_eq!(held.len(), 4);
        for n in 0..MAX_HELD_CALLS {
            held.extend(all.hold(&account(format!("b{n}")), 1));
        }
        assert_eq!(held.len(), MAX_HELD_CALLS as usize);
        drop(held);
        assert!(all.counts().is_empty() && all.hold(&a, 1).is_some());
    }

    #[test]
    fn nonces_spread_over_all_permits() {
        let mut seen = [false; 200];
        for bits in 0..20_000u128 {
            seen[spread(&Nonce::from_random(bits * 0x9e37_79b9_7f4a_7c15), 200) as usize] = true;
        }
        assert!(seen.iter().all(|seen| *seen));
    }
}

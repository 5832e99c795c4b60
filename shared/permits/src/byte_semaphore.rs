//! A limit on the bytes that a process keeps at once. A permit is taken without waiting or not at all. No account gets
//! more than half of the bytes, so that other accounts find some. Knows nothing of what the bytes are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::AccountId;

/// Minimum number of bytes that a permit takes: covers the overhead of a small body.
const MIN_BYTES: usize = 16 * 1024;

/// A semaphore over a number of bytes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ByteSemaphore(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    sum: usize,
    accounts: BTreeMap<AccountId, usize>,
}

/// A permit for some bytes; given back when it is dropped.
#[derive(Debug)]
pub struct BytePermit {
    semaphore: ByteSemaphore,
    account: AccountId,
    bytes: usize,
}

impl ByteSemaphore {
    /// Creates a semaphore over `total` bytes.
    pub fn new(total: usize) -> ByteSemaphore {
        ByteSemaphore(Arc::new(Shared { total, taken: Mutex::default() }))
    }

    /// Takes a permit for `bytes`. Returns `None` if there is no room.
    pub fn take(&self, account: &AccountId, bytes: usize) -> Option<BytePermit> {
        let bytes = bytes.max(MIN_BYTES);
        let mut taken = self.taken();
        let own = taken.accounts.get(account).copied().unwrap_or(0).saturating_add(bytes);
        let sum = taken.sum.saturating_add(bytes);
        if sum > self.0.total || own > self.0.total / 2 {
            return None;
        }
        taken.sum = sum;
        taken.accounts.insert(account.clone(), own);
        Some(BytePermit { semaphore: self.clone(), account: account.clone(), bytes })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Nothing panics while it holds the lock.
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for BytePermit {
    fn drop(&mut self) {
        let mut taken = self.semaphore.taken();
        taken.sum = taken.sum.saturating_sub(self.bytes);
        let left = taken.accounts.get(&self.account).copied().unwrap_or(0).saturating_sub(self.bytes);
        if left == 0 {
            taken.accounts.remove(&self.account);
        } else {
            taken.accounts.insert(self.account.clone(), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gets_half_and_all_bytes_come_back() {
        let [a, b, c] = ["a", "b", "c"].map(|name| AccountId::parse(name).unwrap());
        let semaphore = ByteSemaphore::new(8 * MIN_BYTES);
        let held: Vec<BytePermit> = (0..9).filter_map(|_| semaphore.take(&a, 1)).collect();
        assert_eq!(held.len(), 4);
        let large = semaphore.take(&b, 3 * MIN_BYTES).unwrap();
        assert!(semaphore.take(&c, 2 * MIN_BYTES).is_none() && semaphore.take(&c, MIN_BYTES).is_some());
        drop((held, large));
        assert!(semaphore.take(&c, usize::MAX).is_none());
        assert!(semaphore.taken().accounts.is_empty());
        assert_eq!(semaphore.taken().sum, 0);
    }
}

//! Permits for an account's calls that are held open, counted across processes, because a function that serves one call
//! at a time cannot count them. Each call takes a numbered permit: a row with a lease, so that the permit of a process
//! that dies becomes free by itself.

use domain::{AccountId, Nonce, Timestamp};

use crate::Accounts;
use crate::error::StoreError;
use crate::item::{Item, Row, key, n, s, values};
use crate::keys;
use crate::ops::Conditional;

/// How long a row outlives its lease. Does not affect any decision.
const TTL_SECS: u64 = 3_600;

fn row(account: &AccountId, permit: u32) -> Item {
    key(keys::account(account), keys::held(permit))
}

impl Accounts {
    /// Takes a permit until `until`. Returns `false` if another call holds it.
    ///
    /// # Errors
    /// Store errors.
    pub async fn take_permit(
        &self,
        account: &AccountId,
        permit: u32,
        nonce: &Nonce,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let ttl = n(until.plus_secs(TTL_SECS).secs());
        let given =
            values([(":nonce", s(nonce.to_string())), (":now", n(now.0)), (":until", n(until.0)), (":ttl", ttl)]);
        // By the nonce, a call recognises its own earlier write if the reply was lost.
        let condition = "attribute_not_exists(#until) OR #until <= :now OR #nonce = :nonce";
        let write = "SET #until = :until, #nonce = :nonce, #ttl = :ttl";
        let written = self.update_if(&self.tables.accounts, row(account, permit), write, condition, given).await?;
        Ok(matches!(written, Conditional::Written))
    }

    /// Gives a permit back, unless another call has taken it in the meantime.
    ///
    /// # Errors
    /// Store errors. The permit then becomes free when its lease ends.
    pub async fn return_permit(&self, account: &AccountId, permit: u32, nonce: &Nonce) -> Result<(), StoreError> {
        let given = values([(":nonce", s(nonce.to_string())), (":none", n(0))]);
        let write = "SET #until = :none";
        self.update_if(&self.tables.accounts, row(account, permit), write, "#nonce = :nonce", given).await?;
        Ok(())
    }

    /// Returns which of an account's `max` permits are free.
    ///
    /// # Errors
    /// Store errors.
    pub async fn free_permits(&self, account: &AccountId, max: u32, now: Timestamp) -> Result<Vec<u32>, StoreError> {
        let keys = (0..max).map(|permit| row(account, permit)).collect();
        let mut taken = Vec::new();
        for item in self.get_many(&self.tables.accounts, keys).await? {
            let row = Row(&item);
            if row.n::<i64>("until")? > now.0 {
                taken.extend(keys::held_of(row.s("sk")?));
            }
        }
        Ok((0..max).filter(|permit| !taken.contains(permit)).collect())
    }
}

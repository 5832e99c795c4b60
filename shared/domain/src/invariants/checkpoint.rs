//! Checkpoints of closed months. A checkpoint keeps the sums of a finished month's ledger entries and stands for them
//! in the balance from then on, so that the entries may expire. Top-ups are never part of one: they are few, and their
//! keys must refuse a repeated payment for ever.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, Reserve, Settle};
use crate::ids::JobId;
use crate::time::{Month, Timestamp};

/// How long a month stays open after its end: longer than a job's life (24 h), an idempotency key (24 h) and the
/// retries of a webhook together. Normally nothing more is written to the month after that.
const OPEN_AFTER_END_SECS: u64 = 7 * 86_400;
/// A month is closed only if its last entry is older than this, and its checkpoint counts only entries older than this.
/// A write that was under way during the walk has ended by then.
const QUIET_SECS: i64 = 86_400;
/// Time before their expiry from which entries are no longer compared with the sums, because clocks differ.
const EXPIRY_MARGIN_SECS: u64 = 86_400;

/// Sums of ledger entries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sums {
    /// Number of entries.
    pub entries: u64,
    /// The last job, in the order of the ledger's keys, that has an entry.
    pub last_job: Option<JobId>,
    /// Taken from the month's quota.
    pub reserved_monthly: u64,
    /// Taken from the prepaid balance.
    pub reserved_prepaid: u64,
    /// Charged by jobs that settled.
    pub charged: u64,
    /// Returned to the month's quota.
    pub refunded_monthly: u64,
    /// Returned to the prepaid balance.
    pub refunded_prepaid: u64,
}

impl Sums {
    pub(super) fn add_reserve(&mut self, reserve: &Reserve) {
        self.count(&reserve.job);
        add(&mut self.reserved_monthly, reserve.monthly);
        add(&mut self.reserved_prepaid, reserve.prepaid);
    }

    pub(super) fn add_settle(&mut self, settle: &Settle) {
        self.count(&settle.job);
        add(&mut self.charged, settle.charged);
        add(&mut self.refunded_monthly, settle.refund_monthly);
        add(&mut self.refunded_prepaid, settle.refund_prepaid);
    }

    fn count(&mut self, job: &JobId) {
        self.entries += 1;
        if self.last_job.as_ref().is_none_or(|last| last < job) {
            self.last_job = Some(job.clone());
        }
    }

    /// Returns how much these entries add to the `used` of the month's row.
    pub fn used(&self) -> i128 {
        i128::from(self.reserved_monthly) - i128::from(self.refunded_monthly)
    }

    /// Returns how many credits these entries took from the prepaid balance.
    pub fn drawn(&self) -> i128 {
        i128::from(self.reserved_prepaid) - i128::from(self.refunded_prepaid)
    }
}

/// Adds without a panic. Amounts are far below the type's range; a larger one shows up as a difference in the check.
fn add(sum: &mut u64, amount: u64) {
    *sum = sum.saturating_add(amount);
}

/// A closed month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The sums of its entries.
    pub sums: Sums,
    /// Entries written before this moment are in the sums. Later entries of the same month count in addition.
    pub counted_to: Timestamp,
    /// When its entries expire. Set once a second walk found the same sums.
    pub keep_until: Option<Timestamp>,
}

impl Checkpoint {
    /// Returns whether an entry of its month, written at `at`, is in the sums.
    pub(super) fn covers(&self, at: Timestamp) -> bool {
        at < self.counted_to
    }

    /// Returns whether all entries in the sums must still exist.
    pub(super) fn is_whole(&self, now: Timestamp) -> bool {
        self.keep_until.is_none_or(|until| now.plus_secs(EXPIRY_MARGIN_SECS) < until)
    }
}

/// Returns the `counted_to` of a checkpoint of `month`, or `None` if the month cannot be closed yet. `last` is when the
/// month's last entry was written, `now` when the walk began.
pub(super) fn counted_to(month: Month, last: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let to = now.plus_ms(-QUIET_SECS * 1_000);
    (month.end().plus_secs(OPEN_AFTER_END_SECS) <= now && last < to).then_some(to)
}

impl LedgerEntry {
    /// Returns the month it belongs to and when it was written; `None` for a top-up, which belongs to none.
    pub(super) fn written(&self) -> Option<(Month, Timestamp)> {
        match self {
            LedgerEntry::Reserve(reserve) => Some((reserve.month, reserve.at)),
            LedgerEntry::Settle(settle) => Some((settle.month, settle.at)),
            LedgerEntry::TopUp { .. } => None,
        }
    }
}

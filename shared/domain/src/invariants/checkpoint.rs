//! Checkpoints of closed months. A checkpoint keeps the sums of a finished month's ledger entries and stands for them
//! in the balance from then on, so that the entries may expire. Top-ups are never part of one: they are few, and their
//! keys must refuse a repeated payment for ever.

use serde::{Deserialize, Serialize};

use super::{LedgerEntry, Reserve, Settle};
use crate::ids::JobId;
use crate::time::{Month, Timestamp};

/// A month stays open for this long after its end: longer than a job's life (24 h), an idempotency key (24 h) and the
/// retries of a webhook together, so that normally nothing is written to it any more.
const OPEN_AFTER_END_SECS: u64 = 7 * 86_400;
/// A month is closed only if its last entry is older than this, and the checkpoint counts entries up to this long ago:
/// a write that was under way during the walk is over by then.
const QUIET_SECS: i64 = 86_400;
/// This long before entries expire, their sums are no longer compared, because clocks differ.
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

    /// What these entries contribute to the month's row.
    pub fn used(&self) -> i128 {
        i128::from(self.reserved_monthly) - i128::from(self.refunded_monthly)
    }

    /// What these entries took from the prepaid balance.
    pub fn drawn(&self) -> i128 {
        i128::from(self.reserved_prepaid) - i128::from(self.refunded_prepaid)
    }
}

/// Amounts are far below the type's range; one that is not shows up as a difference, not as a panic.
fn add(sum: &mut u64, amount: u64) {
    *sum = sum.saturating_add(amount);
}

/// A closed month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The sums of its entries.
    pub sums: Sums,
    /// Entries written before this moment are in the sums. Later ones of the same month count beside them.
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

/// Returns up to when a checkpoint of `month` counts entries; `None` if the month cannot be closed yet. `last` is when
/// its last entry was written, `now` when the walk began.
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

//! The invariants over all rows. Tests call [`check`] on all rows after every scenario. The check in production applies
//! the same rules to one account ([`AccountWalk`]) and one job ([`check_job`]) at a time, so it needs no more memory
//! than one of them. This module does not know how rows are read.

mod account;
mod checkpoint;
mod job;
mod rule;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use account::{AccountWalk, MoneyRows, Walked};
pub use checkpoint::{Checkpoint, Sums};
pub use job::check_job;
pub use rule::Rule;

use crate::ids::{AccountId, JobId, Seq};
use crate::job::Job;
use crate::segment::{Segment, UnitState};
use crate::time::{Month, Timestamp};

/// A job reserved credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The job.
    pub job: JobId,
    /// Credits from the month's quota.
    pub monthly: u64,
    /// Credits from the prepaid balance.
    pub prepaid: u64,
    /// The month of that quota.
    pub month: Month,
    /// When it was written.
    pub at: Timestamp,
}

/// A job's reservation was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settle {
    /// The job.
    pub job: JobId,
    /// Credits that are charged.
    pub charged: u64,
    /// Credits refunded to the month's quota.
    pub refund_monthly: u64,
    /// Credits refunded to the prepaid balance.
    pub refund_prepaid: u64,
    /// The reservation's month.
    pub month: Month,
    /// When it was written.
    pub at: Timestamp,
}

/// An immutable entry of an account's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEntry {
    /// A job reserved credits.
    Reserve(Reserve),
    /// A job's reservation was resolved.
    Settle(Settle),
    /// Prepaid credits were bought.
    TopUp {
        /// How many credits.
        amount: u64,
    },
}

/// The ledger entries of one job, which are all that its check needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobEntries {
    /// Its reservation.
    pub reserve: Option<Reserve>,
    /// How that was resolved.
    pub settle: Option<Settle>,
}

/// An account's money: rows and ledger.
#[derive(Debug, Clone, Default)]
pub struct AccountRows {
    /// The month and prepaid rows.
    pub money: MoneyRows,
    /// All entries, in any order.
    pub ledger: Vec<LedgerEntry>,
}

/// A job's rows.
#[derive(Debug, Clone)]
pub struct JobRows {
    /// The META row.
    pub job: Job,
    /// Segments that have a row, or the one in an extract's META row.
    pub segments: BTreeMap<u32, Segment>,
    /// Units and attempts that have results.
    pub results: BTreeSet<(Seq, u8)>,
    /// Whether it has a delivery row.
    pub delivery: bool,
}

impl JobRows {
    /// Returns the state of a unit.
    pub fn unit(&self, seq: Seq) -> UnitState {
        self.segments.get(&Segment::index_of(seq)).map(|row| row.unit(seq)).unwrap_or_default()
    }
}

/// All rows.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The accounts' money.
    pub accounts: BTreeMap<AccountId, AccountRows>,
    /// The jobs.
    pub jobs: Vec<JobRows>,
}

/// A violated invariant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's name ([`Rule::text`]).
    pub rule: Cow<'static, str>,
    /// The account or job.
    pub subject: String,
    /// The finding. Its text stays the same in every check while the fault persists, even if other rows change.
    pub detail: String,
}

/// Maximum number of violations listed for one account or job. They are enough to show the fault, and few enough that a
/// check can hand them to its next slice.
pub const MAX_LISTED: usize = 100;

/// The violations found in one account or job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Findings {
    subject: String,
    found: Vec<Violation>,
}

impl Findings {
    fn of(subject: &impl ToString) -> Findings {
        Findings { subject: subject.to_string(), found: Vec::new() }
    }

    fn count(&self) -> usize {
        self.found.len()
    }

    fn add(&mut self, rule: Rule, detail: String) {
        let (rule, detail) = match self.found.len() {
            0..MAX_LISTED => (rule.text(), detail),
            MAX_LISTED => ("and more", format!("only the first {MAX_LISTED} are listed")),
            _ => return,
        };
        self.found.push(Violation { rule: rule.into(), subject: self.subject.clone(), detail });
    }
}

/// Checks a snapshot. `sweep_secs` is how long past its deadline a job may still be running.
pub fn check(snapshot: &Snapshot, now: Timestamp, sweep_secs: u64) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut entries: BTreeMap<(&AccountId, &JobId), JobEntries> = BTreeMap::new();
    for (id, account) in &snapshot.accounts {
        // In the order of the ledger's keys, in which a walk reads it.
        let mut ledger: Vec<&LedgerEntry> = account.ledger.iter().collect();
        ledger.sort_by_key(|entry| match entry {
            LedgerEntry::Reserve(reserve) => (Some(&reserve.job), 0),
            LedgerEntry::Settle(settle) => (Some(&settle.job), 1),
            LedgerEntry::TopUp { .. } => (None, 0),
        });
        let mut walk = AccountWalk::begin(id, account.money.clone(), now);
        for entry in ledger {
            walk.take(entry);
            match entry {
                LedgerEntry::Reserve(reserve) => {
                    entries.entry((id, &reserve.job)).or_default().reserve = Some(reserve.clone());
                }
                LedgerEntry::Settle(settle) => {
                    entries.entry((id, &settle.job)).or_default().settle = Some(settle.clone());
                }
                LedgerEntry::TopUp { .. } => {}
            }
        }
        found.extend(walk.end().violations);
    }
    for rows in &snapshot.jobs {
        let none = JobEntries::default();
        let entries = entries.get(&(&rows.job.account, &rows.job.id)).unwrap_or(&none);
        found.extend(check_job(rows, entries, now, sweep_secs));
    }
    found
}

#[cfg(test)]
mod tests;

//! What must hold over all rows at any time. Tests call [`check`] after every scenario, on all rows at once; the check in
//! production judges one account ([`AccountWalk`]) and one job ([`check_job`]) after the other by the same rules, so that
//! it needs no more memory than one of them. How rows are read is not known here.

mod account;
mod job;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use account::{AccountWalk, MoneyRows};
pub use job::check_job;

use crate::ids::{AccountId, JobId, Seq};
use crate::job::Job;
use crate::segment::{Segment, UnitState};
use crate::time::{Month, Timestamp};

/// A job took credits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// Which job.
    pub job: JobId,
    /// From the month's quota.
    pub monthly: u64,
    /// From the prepaid balance.
    pub prepaid: u64,
    /// Which month.
    pub month: Month,
}

/// A job's reservation was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settle {
    /// Which job.
    pub job: JobId,
    /// Stays taken.
    pub charged: u64,
    /// Back to the month's quota.
    pub refund_monthly: u64,
    /// Back to the prepaid balance.
    pub refund_prepaid: u64,
    /// The reservation's month.
    pub month: Month,
}

/// An immutable entry of an account's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEntry {
    /// A job took credits.
    Reserve(Reserve),
    /// A job's reservation was resolved.
    Settle(Settle),
    /// Prepaid credits were bought.
    TopUp {
        /// How many.
        amount: u64,
    },
}

/// The entries of one job, which are all that its check needs of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobEntries {
    /// What it took.
    pub reserve: Option<Reserve>,
    /// What became of that.
    pub settle: Option<Settle>,
}

/// An account's money: rows and ledger.
#[derive(Debug, Clone, Default)]
pub struct AccountRows {
    /// Month and prepaid rows.
    pub money: MoneyRows,
    /// Every entry, in any order.
    pub ledger: Vec<LedgerEntry>,
}

/// A job's rows.
#[derive(Debug, Clone)]
pub struct JobRows {
    /// META.
    pub job: Job,
    /// Segments that have a row; of an extract, its own.
    pub segments: BTreeMap<u32, Segment>,
    /// Units and attempts that there are results of.
    pub results: BTreeSet<(Seq, u8)>,
    /// Whether there is a row for the message of its end.
    pub delivery: bool,
}

impl JobRows {
    /// Where a unit stands.
    pub fn unit(&self, seq: Seq) -> UnitState {
        self.segments.get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default()
    }
}

/// All rows.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Money.
    pub accounts: BTreeMap<AccountId, AccountRows>,
    /// Work.
    pub jobs: Vec<JobRows>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Violation {
    /// The rule's name.
    pub rule: Cow<'static, str>,
    /// The account or job.
    pub subject: String,
    /// What was found. The same in every look at what stays broken, whatever else goes on.
    pub detail: String,
}

/// So many violations of one account or job are told one by one: enough to see what is wrong, and no more than a check
/// that goes on elsewhere can take along.
pub const MOST_TOLD: usize = 100;

/// What was found of one account or job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Findings {
    subject: String,
    found: Vec<Violation>,
}

impl Findings {
    fn of(subject: &impl ToString) -> Findings {
        Findings { subject: subject.to_string(), found: Vec::new() }
    }

    fn say(&mut self, rule: &'static str, detail: String) {
        let (rule, detail) = match self.found.len() {
            0..MOST_TOLD => (rule, detail),
            MOST_TOLD => ("and more", format!("{MOST_TOLD} are told")),
            _ => return,
        };
        self.found.push(Violation { rule: rule.into(), subject: self.subject.clone(), detail });
    }
}

/// Judges a snapshot. `sweep_secs` is how far past its deadline a job may be found running.
pub fn check(snapshot: &Snapshot, now: Timestamp, sweep_secs: u64) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut entries: BTreeMap<(&AccountId, &JobId), JobEntries> = BTreeMap::new();
    for (id, account) in &snapshot.accounts {
        // In the order of the ledger's keys, which is what a walk reads.
        let mut ledger: Vec<&LedgerEntry> = account.ledger.iter().collect();
        ledger.sort_by_key(|entry| match entry {
            LedgerEntry::Reserve(reserve) => (Some(&reserve.job), 0),
            LedgerEntry::Settle(settle) => (Some(&settle.job), 1),
            LedgerEntry::TopUp { .. } => (None, 0),
        });
        let mut walk = AccountWalk::begin(id.clone(), account.money.clone());
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
        found.extend(walk.end());
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

//! Checks one account: its month and prepaid rows equal the sums of its ledger, where a checkpoint stands for the
//! entries of a closed month. The ledger is walked in the order of its keys, where a job's RESERVE comes right before
//! its SETTLE. A walk therefore keeps only sums and one entry, however long the ledger is, and can be suspended between
//! any two entries.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::checkpoint::{Checkpoint, Sums, counted_to};
use super::{Findings, LedgerEntry, Reserve, Rule, Settle, Violation};
use crate::ids::AccountId;
use crate::time::{Month, Timestamp};

/// The rows of an account that must equal the sums of its ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyRows {
    /// `used` per month.
    pub months: BTreeMap<Month, i64>,
    /// The prepaid balance, if there is a row.
    pub prepaid: Option<i64>,
    /// Months whose row says that they are closed.
    pub closed: BTreeSet<Month>,
    /// The checkpoints of closed months.
    pub checkpoints: BTreeMap<Month, Checkpoint>,
}

/// A month's entries that no checkpoint counts, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entries {
    sums: Sums,
    /// When the last of them was written.
    last: Timestamp,
    /// Whether a job's entries contradict each other.
    at_fault: bool,
}

/// A walk along an account's ledger. Other processes may write during it, so read the account's rows before its ledger.
/// A difference that several walks find is then a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountWalk {
    rows: MoneyRows,
    now: Timestamp,
    /// By month, entries that no checkpoint counts.
    open: BTreeMap<Month, Entries>,
    /// By month, entries that its checkpoint counts.
    closed: BTreeMap<Month, Sums>,
    topped_up: u64,
    /// The last RESERVE that was read.
    reserve: Option<Reserve>,
    findings: Findings,
}

/// The result of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// The rules that are violated.
    pub violations: Vec<Violation>,
    /// Months that can be closed, unless a job that began in them still runs.
    pub closable: BTreeMap<Month, Checkpoint>,
    /// Closed months without an expiry in which this walk found the checkpoint's sums again.
    pub confirmed: Vec<Month>,
}

impl AccountWalk {
    /// Begins a walk before the first entry.
    pub fn begin(id: &AccountId, rows: MoneyRows, now: Timestamp) -> AccountWalk {
        let (open, closed, findings) = (BTreeMap::new(), BTreeMap::new(), Findings::of(id));
        AccountWalk { rows, now, open, closed, topped_up: 0, reserve: None, findings }
    }

    /// Takes the next entry. Returns when the entry expires, if its month is closed and confirmed. A top-up never
    /// expires.
    pub fn take(&mut self, entry: &LedgerEntry) -> Option<Timestamp> {
        let Some((month, at)) = entry.written() else {
            if let LedgerEntry::TopUp { amount } = entry {
                self.topped_up = self.topped_up.saturating_add(*amount);
            }
            return None;
        };
        let checkpoint = self.rows.checkpoints.get(&month);
        // Once entries may have expired, a RESERVE may be gone before its SETTLE.
        let whole = checkpoint.is_none_or(|checkpoint| checkpoint.is_whole(self.now));
        let counted = checkpoint.filter(|checkpoint| checkpoint.covers(at));
        let keep_until = counted.and_then(|checkpoint| checkpoint.keep_until);
        let sums = if counted.is_some() {
            self.closed.entry(month).or_default()
        } else {
            let entries = self.open.entry(month).or_default();
            entries.last = entries.last.max(at);
            &mut entries.sums
        };
        match entry {
            LedgerEntry::Reserve(reserve) => {
                sums.add_reserve(reserve);
                self.reserve = Some(reserve.clone());
            }
            LedgerEntry::Settle(settle) => {
                sums.add_settle(settle);
                if whole && !self.pair_holds(settle) {
                    self.open.entry(month).or_default().at_fault = true;
                }
            }
            LedgerEntry::TopUp { .. } => {}
        }
        keep_until
    }

    fn pair_holds(&mut self, settle: &Settle) -> bool {
        let Settle { job, charged, refund_monthly, refund_prepaid, month, .. } = settle;
        let before = self.findings.count();
        let Some(reserve) = self.reserve.take().filter(|reserve| reserve.job == *job) else {
            self.findings.add(Rule::SettledWithReservation, job.to_string());
            return false;
        };
        let (m, p) = (reserve.monthly, reserve.prepaid);
        let sum = |parts: [u64; 3]| parts.into_iter().fold(0u64, u64::saturating_add);
        if sum([*charged, *refund_monthly, *refund_prepaid]) != sum([m, p, 0]) {
            let text =
                format!("{job}: reserved {m}+{p}, charged {charged}, refunded {refund_monthly}+{refund_prepaid}");
            self.findings.add(Rule::ReservationResolved, text);
        }
        if *refund_monthly > m || *refund_prepaid > p || reserve.month != *month {
            let from = reserve.month;
            let text = format!(
                "{job}: refunded {refund_monthly} of {m} to {month} (taken from {from}), {refund_prepaid} of {p} to prepaid"
            );
            self.findings.add(Rule::RefundToItsPool, text);
        }
        self.findings.count() == before
    }

    /// Ends the walk after the last entry.
    pub fn end(mut self) -> Walked {
        let (mut closable, mut confirmed) = (BTreeMap::new(), Vec::new());
        for month in self.rows.closed.iter().filter(|month| !self.rows.checkpoints.contains_key(month)) {
            self.findings.add(Rule::ClosedMonthHasCheckpoint, month.to_string());
        }
        for (month, checkpoint) in &self.rows.checkpoints {
            if !checkpoint.is_whole(self.now) {
                continue;
            }
            let found = self.closed.remove(month).unwrap_or_default();
            if found != checkpoint.sums {
                let text = format!(
                    "{month}: the checkpoint has {}, the ledger has {}",
                    sums_text(&checkpoint.sums),
                    sums_text(&found)
                );
                self.findings.add(Rule::CheckpointIsSum, text);
            } else if checkpoint.keep_until.is_none() {
                confirmed.push(*month);
            }
        }
        self.check_rows();
        for (month, Entries { sums, last, at_fault }) in self.open {
            let row = self.rows.months.get(&month).map(|used| i128::from(*used));
            let holds = !at_fault && row == Some(sums.used());
            if holds
                && !self.rows.checkpoints.contains_key(&month)
                && let Some(counted_to) = counted_to(month, last, self.now)
            {
                closable.insert(month, Checkpoint { sums, counted_to, keep_until: None });
            }
        }
        Walked { violations: self.findings.found, closable, confirmed }
    }

    fn check_rows(&mut self) {
        let AccountWalk { rows, open, findings, topped_up, .. } = self;
        let kept = rows.checkpoints.iter().map(|(month, checkpoint)| (*month, &checkpoint.sums));
        let (mut used, mut balance) = (BTreeMap::<Month, i128>::new(), i128::from(*topped_up));
        for (month, sums) in kept.chain(open.iter().map(|(month, entries)| (*month, &entries.sums))) {
            *used.entry(month).or_default() += sums.used();
            balance -= sums.drawn();
        }
        for (month, stored) in &rows.months {
            if *stored < 0 {
                findings.add(Rule::NeverNegative, format!("month {month}"));
            }
        }
        let months: BTreeSet<Month> = used.keys().chain(rows.months.keys()).copied().collect();
        for month in months {
            // Names the difference, not the figures, because the difference stays the same while the account is in use.
            let stored = i128::from(rows.months.get(&month).copied().unwrap_or(0));
            let off = stored - used.get(&month).copied().unwrap_or(0);
            if off != 0 {
                let text = format!("{month}: the row differs from the ledger's sum by {off:+}");
                findings.add(Rule::MonthIsSum, text);
            }
        }
        let stored = rows.prepaid.unwrap_or(0);
        if stored < 0 {
            findings.add(Rule::NeverNegative, "prepaid".into());
        }
        let off = i128::from(stored) - balance;
        if off != 0 {
            findings.add(Rule::PrepaidIsSum, format!("the row differs from the ledger's sum by {off:+}"));
        }
    }
}

/// Returns the text of sums in a finding.
fn sums_text(sums: &Sums) -> String {
    let Sums { entries, last_job, reserved_monthly, reserved_prepaid, charged, refunded_monthly, refunded_prepaid } =
        sums;
    let last = last_job.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    format!(
        "{entries} entries up to {last}, reserved {reserved_monthly}+{reserved_prepaid}, charged {charged}, \
         refunded {refunded_monthly}+{refunded_prepaid}"
    )
}

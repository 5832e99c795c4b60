//! One account: its month and prepaid rows are the sums of its ledger. The ledger is walked in the order of its keys, where
//! a job's RESERVE stands right before its SETTLE: so a walk keeps sums and one entry, however long the ledger is, and can
//! be put down and taken up between any two entries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Findings, LedgerEntry, Reserve, Settle, Violation};
use crate::ids::AccountId;
use crate::time::Month;

/// An account's rows that say what its ledger must add up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoneyRows {
    /// `used` per month.
    pub months: BTreeMap<Month, i64>,
    /// The prepaid balance, if there is a row.
    pub prepaid: Option<i64>,
}

/// A walk along an account's ledger. Who reads while others write reads the rows first: then a walk that finds a
/// difference again and again has found a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountWalk {
    rows: MoneyRows,
    /// What the ledger says of each month.
    used: BTreeMap<Month, i64>,
    balance: i64,
    /// The RESERVE that was read last.
    reserve: Option<Reserve>,
    findings: Findings,
}

impl AccountWalk {
    /// Before the first entry.
    pub fn begin(id: AccountId, rows: MoneyRows) -> AccountWalk {
        AccountWalk { rows, used: BTreeMap::new(), balance: 0, reserve: None, findings: Findings::of(&id) }
    }

    /// The next entry.
    pub fn take(&mut self, entry: &LedgerEntry) {
        match entry {
            LedgerEntry::TopUp { amount } => self.balance = plus(self.balance, *amount),
            LedgerEntry::Reserve(reserve) => {
                let used = self.used.entry(reserve.month).or_default();
                *used = plus(*used, reserve.monthly);
                self.balance = minus(self.balance, reserve.prepaid);
                self.reserve = Some(reserve.clone());
            }
            LedgerEntry::Settle(settle) => {
                let used = self.used.entry(settle.month).or_default();
                *used = minus(*used, settle.refund_monthly);
                self.balance = plus(self.balance, settle.refund_prepaid);
                self.check_pair(settle);
            }
        }
    }

    fn check_pair(&mut self, settle: &Settle) {
        let Settle { job, charged, refund_monthly, refund_prepaid, month } = settle;
        let Some(reserve) = self.reserve.take().filter(|reserve| reserve.job == *job) else {
            self.findings.say("settled without a reservation", job.to_string());
            return;
        };
        let (m, p) = (reserve.monthly, reserve.prepaid);
        let sum = |parts: [u64; 3]| parts.into_iter().fold(0u64, u64::saturating_add);
        if sum([*charged, *refund_monthly, *refund_prepaid]) != sum([m, p, 0]) {
            let text =
                format!("{job}: reserved {m}+{p}, charged {charged}, refunded {refund_monthly}+{refund_prepaid}");
            self.findings.say("reserved = charged + refunded", text);
        }
        if *refund_monthly > m || *refund_prepaid > p || reserve.month != *month {
            let from = reserve.month;
            let text = format!("{job}: {refund_monthly} of {m} to {month} (from {from}), {refund_prepaid} of {p}");
            self.findings.say("a refund goes to its pool and month", text);
        }
    }

    /// After the last entry: what does not hold.
    pub fn end(self) -> Vec<Violation> {
        let AccountWalk { rows, mut used, balance, mut findings, .. } = self;
        for (month, said) in &rows.months {
            used.entry(*month).or_default();
            if *said < 0 {
                findings.say("never negative", format!("month {month}"));
            }
        }
        for (month, sum) in used {
            // The difference and not the figures: it stays the same while the account goes on.
            let off = i128::from(rows.months.get(&month).copied().unwrap_or(0)) - i128::from(sum);
            if off != 0 {
                let text = format!("{month}: the row is {off:+} from the ledger's sum");
                findings.say("month row = sum of the ledger", text);
            }
        }
        let said = rows.prepaid.unwrap_or(0);
        if said < 0 {
            findings.say("never negative", "prepaid".into());
        }
        let off = i128::from(said) - i128::from(balance);
        if off != 0 {
            findings.say("prepaid row = sum of the ledger", format!("the row is {off:+} from the ledger's sum"));
        }
        findings.found
    }
}

/// Amounts are far below what these hold; one that is not is a difference in the end, and not a panic.
fn plus(sum: i64, amount: u64) -> i64 {
    sum.saturating_add_unsigned(amount)
}

fn minus(sum: i64, amount: u64) -> i64 {
    sum.saturating_sub_unsigned(amount)
}

//! What must hold over all rows at any time, as one function. Tests call it after every scenario, `admin check` in
//! production. It judges a snapshot; how that is read is not known here.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::ids::{AccountId, JobId, Seq};
use crate::job::{Endpoint, Job, JobState, Outcome};
use crate::segment::{Segment, UnitState};
use crate::time::{Month, Timestamp};

/// An immutable entry of an account's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerEntry {
    /// A job took credits.
    Reserve {
        /// Which job.
        job: JobId,
        /// From the month's quota.
        monthly: u64,
        /// From the prepaid balance.
        prepaid: u64,
        /// Which month.
        month: Month,
    },
    /// A job's reservation was resolved.
    Settle {
        /// Which job.
        job: JobId,
        /// Stays taken.
        charged: u64,
        /// Back to the month's quota.
        refund_monthly: u64,
        /// Back to the prepaid balance.
        refund_prepaid: u64,
        /// The reservation's month.
        month: Month,
    },
    /// Prepaid credits were bought.
    TopUp {
        /// How many.
        amount: u64,
    },
}

/// An account's money rows.
#[derive(Debug, Clone, Default)]
pub struct AccountRows {
    /// `used` per month.
    pub months: BTreeMap<Month, i64>,
    /// The prepaid balance, if there is a row.
    pub prepaid: Option<i64>,
    /// Every entry.
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// The account or job.
    pub subject: String,
    /// What was found. The same in every look at what stays broken, whatever else goes on.
    pub detail: String,
}

/// Judges a snapshot. `sweep_secs` is how far past its deadline a job may be found running.
pub fn check(snapshot: &Snapshot, now: Timestamp, sweep_secs: u64) -> Vec<Violation> {
    let mut found = Vec::new();
    for (id, account) in &snapshot.accounts {
        check_account(id, account, &mut found);
    }
    for rows in &snapshot.jobs {
        // Rows past their retention may be half removed.
        if rows.job.retained(now) {
            let ledger = snapshot.accounts.get(&rows.job.account).map(|a| a.ledger.as_slice()).unwrap_or_default();
            check_job(rows, ledger, now, sweep_secs, &mut found);
        }
    }
    found
}

fn check_account(id: &AccountId, account: &AccountRows, found: &mut Vec<Violation>) {
    let mut say = |rule, detail| found.push(Violation { rule, subject: id.to_string(), detail });
    let mut months: BTreeMap<Month, i128> = BTreeMap::new();
    let (mut prepaid, mut reserved) = (0i128, BTreeMap::new());
    for entry in &account.ledger {
        match entry {
            LedgerEntry::TopUp { amount } => prepaid += i128::from(*amount),
            LedgerEntry::Reserve { job, monthly, prepaid: p, month } => {
                *months.entry(*month).or_default() += i128::from(*monthly);
                prepaid -= i128::from(*p);
                reserved.insert(job, (*monthly, *p, *month));
            }
            LedgerEntry::Settle { .. } => {}
        }
    }
    for entry in &account.ledger {
        let LedgerEntry::Settle { job, charged, refund_monthly, refund_prepaid, month } = entry else { continue };
        *months.entry(*month).or_default() -= i128::from(*refund_monthly);
        prepaid += i128::from(*refund_prepaid);
        match reserved.get(job) {
            None => say("settled without a reservation", job.to_string()),
            Some((m, p, reserved_month)) => {
                if charged + refund_monthly + refund_prepaid != m + p {
                    let text = format!(
                        "{job}: reserved {m}+{p}, charged {charged}, refunded {refund_monthly}+{refund_prepaid}"
                    );
                    say("reserved = charged + refunded", text);
                }
                if refund_monthly > m || refund_prepaid > p || reserved_month != month {
                    let text = format!(
                        "{job}: {refund_monthly} of {m} to {month} (from {reserved_month}), {refund_prepaid} of {p}"
                    );
                    say("a refund goes to its pool and month", text);
                }
            }
        }
    }
    for (month, used) in &account.months {
        months.entry(*month).or_default();
        if *used < 0 {
            say("never negative", format!("month {month}"));
        }
    }
    for (month, sum) in months {
        let used = account.months.get(&month).copied().unwrap_or(0);
        if i128::from(used) != sum {
            // The difference and not the figures: it stays the same while the account goes on.
            let off = i128::from(used) - sum;
            say("month row = sum of the ledger", format!("{month}: the row is {off:+} from the ledger's sum"));
        }
    }
    let balance = account.prepaid.unwrap_or(0);
    if balance < 0 {
        say("never negative", "prepaid".into());
    }
    if i128::from(balance) != prepaid {
        let off = i128::from(balance) - prepaid;
        say("prepaid row = sum of the ledger", format!("the row is {off:+} from the ledger's sum"));
    }
}

fn check_job(rows: &JobRows, ledger: &[LedgerEntry], now: Timestamp, sweep_secs: u64, found: &mut Vec<Violation>) {
    let job = &rows.job;
    let mut say = |rule, detail| found.push(Violation { rule, subject: job.id.to_string(), detail });
    for (seq, unit) in rows.segments.values().flat_map(Segment::known) {
        if seq >= job.admitted {
            say("only admitted units have a state", format!("unit {seq} of {}", job.admitted));
        }
        if let UnitState::Ended { attempt, end, .. } = unit
            && end.has_result()
            && !rows.results.contains(&(seq, attempt))
        {
            say("a result that a segment names is there", format!("unit {seq}, attempt {attempt}"));
        }
        if let UnitState::Asked { attempt, .. } = unit
            && !rows.results.contains(&(seq, attempt))
        {
            say("a result that a segment names is there", format!("unit {seq}, attempt {attempt}, provisional"));
        }
    }
    if u64::from(job.admitted) > job.reservation.total() {
        say("admitted within the reservation", format!("{} of {}", job.admitted, job.reservation.total()));
    }
    let reserve = ledger.iter().any(|e| matches!(e, LedgerEntry::Reserve { job: j, monthly, prepaid, month }
        if *j == job.id && *monthly == job.reservation.monthly && *prepaid == job.reservation.prepaid && *month == job.reservation.month));
    if !reserve {
        say("a job has its ledger entry", "RESERVE is missing or differs".into());
    }
    let settle = ledger.iter().find_map(|e| match e {
        LedgerEntry::Settle { job: j, charged, .. } if *j == job.id => Some(*charged),
        LedgerEntry::Settle { .. } | LedgerEntry::Reserve { .. } | LedgerEntry::TopUp { .. } => None,
    });
    let JobState::Ended(outcome) = job.state else {
        if settle.is_some() {
            say("settled means ended", format!("state {}", job.state.name()));
        }
        if now > job.deadline.plus_secs(sweep_secs) && job.state == JobState::Running {
            say("no job runs past its deadline", format!("deadline {}", job.deadline.rfc3339()));
        }
        return;
    };
    if job.webhook && !rows.delivery {
        say("an ended job has the message of its end", "there is no row for it".into());
    }
    let (mut started, mut skipped) = (0u64, 0u64);
    for seq in job.seqs() {
        match rows.unit(seq) {
            UnitState::Ended { .. } => started += 1,
            UnitState::Skipped => skipped += 1,
            UnitState::Pending => say("an ended job has every unit", format!("unit {seq} is pending")),
            UnitState::Started { .. } => say("an ended job has nothing open", format!("unit {seq} is started")),
            UnitState::Asked { .. } => say("an ended job has nothing open", format!("unit {seq} waits for the model")),
        }
    }
    match settle {
        // Nothing of an extract can come back: what its row says was charged is all there is to say.
        None if job.endpoint == Endpoint::Extract => {
            let charged = job.charge.map_or(0, |charge| charge.charged);
            if charged != started || charged != job.reservation.total() {
                say("charged = units started", format!("charged {charged}, started {started}"));
            }
        }
        None => say("ended means settled", "SETTLE is missing".into()),
        Some(charged) if charged != started => {
            say("charged = units started", format!("charged {charged}, started {started}"));
        }
        Some(_) => {}
    }
    // A seed that robots.txt denies is skipped though its crawl completes.
    let may_skip = job.fail_fast || (job.is_crawl() && job.admitted == 1);
    if outcome == Outcome::Completed && skipped > 0 && !may_skip {
        say("a completed job has a result for every unit", format!("{skipped} skipped"));
    }
}

#[cfg(test)]
mod tests;

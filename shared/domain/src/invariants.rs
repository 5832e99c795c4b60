//! What must hold over all rows at any time, as one function. Tests call it after every scenario, `admin check` in
//! production. It judges a snapshot; how that is read is not known here.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::ids::{AccountId, JobId, Seq};
use crate::job::{Job, JobState, Outcome};
use crate::progress::{Fate, Progress};
use crate::time::{Month, Timestamp};
use crate::unit::Unit;

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
    /// Units that have a row.
    pub units: BTreeMap<Seq, Unit>,
    /// What the progress rows say.
    pub progress: Progress,
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
    for (seq, fate) in rows
        .progress
        .done
        .iter()
        .map(|s| (s, Fate::Done))
        .chain(rows.progress.failed.iter().map(|s| (s, Fate::Failed)))
        .chain(rows.progress.closed.iter().map(|s| (s, Fate::Closed)))
    {
        if fate_of(rows.units.get(seq)) != Some(fate) {
            say("progress says what unit rows say", format!("unit {seq}: progress {fate:?}"));
        }
    }
    if let Some(seq) = rows.units.keys().find(|s| **s >= job.admitted) {
        say("only admitted units have rows", format!("unit {seq} of {}", job.admitted));
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
    let (mut started, mut closed) = (0u64, 0u64);
    for seq in job.seqs() {
        match rows.units.get(&seq) {
            Some(Unit::Done { .. }) => started += 1,
            Some(Unit::Closed) => closed += 1,
            None => say("an ended job has every unit", format!("unit {seq} has no row")),
            Some(Unit::Started { .. }) => say("an ended job has nothing open", format!("unit {seq} is started")),
        }
    }
    match settle {
        None => say("ended means settled", "SETTLE is missing".into()),
        Some(charged) if charged != started => {
            say("charged = units started", format!("charged {charged}, started {started}"));
        }
        Some(_) => {}
    }
    // A seed that robots.txt denies is closed though its crawl completes.
    let may_close = job.options.fail_fast || (job.crawl.is_some() && job.admitted == 1);
    if outcome == Outcome::Completed && closed > 0 && !may_close {
        say("a completed job has a result for every unit", format!("{closed} closed"));
    }
}

fn fate_of(unit: Option<&Unit>) -> Option<Fate> {
    match unit {
        Some(Unit::Done { succeeded: true, .. }) => Some(Fate::Done),
        Some(Unit::Done { succeeded: false, .. }) => Some(Fate::Failed),
        Some(Unit::Closed) => Some(Fate::Closed),
        Some(Unit::Started { .. }) | None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{JobId, Nonce};
    use crate::job::tests::job;

    /// An ended job of two units, one closed; everything in order.
    fn good() -> Snapshot {
        let mut j = job(2);
        let month = j.reservation.month;
        j.state = JobState::Ended(Outcome::Cancelled);
        let units = BTreeMap::from([
            (0, Unit::Done { attempt: 1, nonce: Nonce("n".into()), succeeded: true }),
            (1, Unit::Closed),
        ]);
        let mut progress = Progress::default();
        progress.add(0, Fate::Done);
        progress.add(1, Fate::Closed);
        let account = AccountRows {
            months: BTreeMap::from([(month, 1)]),
            prepaid: Some(10),
            ledger: vec![
                LedgerEntry::TopUp { amount: 10 },
                LedgerEntry::Reserve { job: j.id.clone(), monthly: 1, prepaid: 1, month },
                LedgerEntry::Settle { job: j.id.clone(), charged: 1, refund_monthly: 0, refund_prepaid: 1, month },
            ],
        };
        Snapshot {
            accounts: BTreeMap::from([(j.account.clone(), account)]),
            jobs: vec![JobRows { job: j, units, progress }],
        }
    }

    fn rules(s: &Snapshot) -> Vec<&'static str> {
        check(s, Timestamp(10), 60).into_iter().map(|v| v.rule).collect()
    }

    fn only_account(s: &mut Snapshot) -> &mut AccountRows {
        s.accounts.values_mut().next().unwrap()
    }

    /// Else nobody could tell it from a write that was passed in its midst, by looking again.
    #[test]
    fn what_is_broken_reads_the_same_while_the_account_goes_on() {
        let mut s = good();
        let account = only_account(&mut s);
        *account.months.values_mut().next().unwrap() += 7;
        account.prepaid = Some(13);
        let first = check(&s, Timestamp(10), 60);
        let account = only_account(&mut s);
        *account.months.values_mut().next().unwrap() += 1;
        account.prepaid = Some(18);
        let (job, month) = (JobId::from_random(8), *account.months.keys().next().unwrap());
        account.ledger.push(LedgerEntry::Reserve { job, monthly: 1, prepaid: 0, month });
        account.ledger.push(LedgerEntry::TopUp { amount: 5 });
        assert_eq!((first.len(), check(&s, Timestamp(10), 60)), (2, first));
    }

    #[test]
    fn a_good_snapshot_passes() {
        assert_eq!(check(&good(), Timestamp(10), 60), []);
    }

    #[test]
    fn every_rule_catches_its_fault() {
        let broken = |f: &dyn Fn(&mut Snapshot), rule: &str| {
            let mut s = good();
            f(&mut s);
            assert!(rules(&s).contains(&rule), "{rule}: {:?}", rules(&s));
        };
        broken(&|s| only_account(s).prepaid = Some(9), "prepaid row = sum of the ledger");
        broken(&|s| only_account(s).prepaid = Some(-1), "never negative");
        broken(&|s| only_account(s).months.values_mut().for_each(|u| *u = 2), "month row = sum of the ledger");
        broken(&|s| only_account(s).months.clear(), "month row = sum of the ledger");
        broken(&|s| drop(only_account(s).ledger.remove(1)), "settled without a reservation");
        broken(&|s| drop(only_account(s).ledger.remove(2)), "ended means settled");
        broken(
            &|s| match &mut only_account(s).ledger[2] {
                LedgerEntry::Settle { charged, .. } => *charged = 2,
                _ => unreachable!(),
            },
            "reserved = charged + refunded",
        );
        broken(
            &|s| match &mut only_account(s).ledger[2] {
                LedgerEntry::Settle { month, .. } => *month = Month::parse("2026-12").unwrap(),
                _ => unreachable!(),
            },
            "a refund goes to its pool and month",
        );
        broken(&|s| drop(s.jobs[0].units.remove(&1)), "an ended job has every unit");
        broken(&|s| drop(s.jobs[0].units.insert(1, started())), "an ended job has nothing open");
        broken(&|s| drop(s.jobs[0].units.insert(0, Unit::Closed)), "charged = units started");
        broken(&|s| drop(s.jobs[0].units.insert(0, Unit::Closed)), "progress says what unit rows say");
        broken(&|s| drop(s.jobs[0].units.insert(7, Unit::Closed)), "only admitted units have rows");
        broken(&|s| s.jobs[0].job.admitted = 3, "admitted within the reservation");
        broken(
            &|s| s.jobs[0].job.state = JobState::Ended(Outcome::Completed),
            "a completed job has a result for every unit",
        );
        broken(&|s| s.jobs[0].job.state = JobState::Running, "settled means ended");
        let mut late = good();
        late.jobs[0].job.state = JobState::Running;
        let now = late.jobs[0].job.deadline.plus_secs(61);
        assert!(check(&late, now, 60).iter().any(|v| v.rule == "no job runs past its deadline"));
    }

    fn started() -> Unit {
        Unit::Started { attempt: 1, nonce: Nonce("n".into()), lease_until: Timestamp(1) }
    }
}

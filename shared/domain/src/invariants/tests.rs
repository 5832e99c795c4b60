mod closing;

use super::*;
use crate::credits::Charge;
use crate::ids::{JobId, Nonce};
use crate::job::tests::job;
use crate::job::{Endpoint, JobState, Outcome};
use crate::segment::UnitEnd;

const TOPPED_UP: LedgerEntry = LedgerEntry::TopUp { amount: 10 };

fn reserve(job: &JobId, monthly: u64, prepaid: u64, month: Month) -> LedgerEntry {
    LedgerEntry::Reserve(Reserve { job: job.clone(), monthly, prepaid, month, at: Timestamp(1) })
}

fn settle(job: &JobId, charged: u64, refund_monthly: u64, refund_prepaid: u64, month: Month) -> LedgerEntry {
    LedgerEntry::Settle(Settle { job: job.clone(), charged, refund_monthly, refund_prepaid, month, at: Timestamp(2) })
}

/// An ended job of two units, one of them skipped, without any violation.
fn good() -> Snapshot {
    let mut j = job(2);
    let month = j.reservation.month;
    j.state = JobState::Ended(Outcome::Cancelled);
    let mut segment = Segment::untouched(0);
    segment.put(0, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: Timestamp(3), skipped: 0 });
    segment.put(1, UnitState::Skipped);
    let (segments, results) = (BTreeMap::from([(0, segment)]), BTreeSet::from([(0, 1)]));
    let money = MoneyRows { months: BTreeMap::from([(month, 1)]), prepaid: Some(10), ..MoneyRows::default() };
    let account =
        AccountRows { money, ledger: vec![TOPPED_UP, reserve(&j.id, 1, 1, month), settle(&j.id, 1, 0, 1, month)] };
    Snapshot {
        accounts: BTreeMap::from([(j.account.clone(), account)]),
        jobs: vec![JobRows { job: j, segments, results, delivery: false }],
    }
}

fn rules(s: &Snapshot) -> Vec<Cow<'static, str>> {
    check(s, Timestamp(10), 60).into_iter().map(|v| v.rule).collect()
}

fn only_account(s: &mut Snapshot) -> &mut AccountRows {
    s.accounts.values_mut().next().unwrap()
}

/// If its text changed, a second check could not tell a fault from a write that was under way during the first check.
#[test]
fn a_persistent_fault_reads_the_same_while_the_account_changes() {
    let mut s = good();
    let account = only_account(&mut s);
    *account.money.months.values_mut().next().unwrap() += 7;
    account.money.prepaid = Some(13);
    let first = check(&s, Timestamp(10), 60);
    let account = only_account(&mut s);
    *account.money.months.values_mut().next().unwrap() += 1;
    account.money.prepaid = Some(18);
    let (job, month) = (JobId::from_random(8), *account.money.months.keys().next().unwrap());
    account.ledger.push(reserve(&job, 1, 0, month));
    account.ledger.push(LedgerEntry::TopUp { amount: 5 });
    assert_eq!((first.len(), check(&s, Timestamp(10), 60)), (2, first));
}

#[test]
fn an_ended_job_with_a_webhook_has_its_delivery() {
    let mut s = good();
    s.jobs[0].job.webhook = true;
    assert_eq!(rules(&s), ["an ended job has the message of its end"]);
    s.jobs[0].delivery = true;
    assert_eq!(check(&s, Timestamp(10), 60), []);
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
        assert!(rules(&s).iter().any(|found| found == rule), "{rule}: {:?}", rules(&s));
    };
    broken(&|s| only_account(s).money.prepaid = Some(9), "prepaid row = sum of the ledger");
    broken(&|s| only_account(s).money.prepaid = Some(-1), "never negative");
    broken(&|s| only_account(s).money.months.values_mut().for_each(|u| *u = 2), "month row = sum of the ledger");
    broken(&|s| only_account(s).money.months.clear(), "month row = sum of the ledger");
    broken(&|s| drop(only_account(s).ledger.remove(1)), "settled without a reservation");
    broken(&|s| drop(only_account(s).ledger.remove(2)), "ended means settled");
    broken(
        &|s| match &mut only_account(s).ledger[2] {
            LedgerEntry::Settle(settle) => settle.charged = 2,
            _ => unreachable!(),
        },
        "reserved = charged + refunded",
    );
    broken(
        &|s| match &mut only_account(s).ledger[2] {
            LedgerEntry::Settle(settle) => settle.month = Month::parse("2026-12").unwrap(),
            _ => unreachable!(),
        },
        "a refund goes to its pool and month",
    );
    let put = |s: &mut Snapshot, seq, unit| s.jobs[0].segments.get_mut(&0).unwrap().put(seq, unit);
    broken(&|s| put(s, 1, UnitState::Pending), "an ended job has every unit");
    broken(&|s| put(s, 1, started()), "an ended job has nothing open");
    broken(&|s| put(s, 0, UnitState::Skipped), "charged = units started");
    broken(&|s| put(s, 7, UnitState::Skipped), "only admitted units have a state");
    broken(&|s| s.jobs[0].results.clear(), "a result that a segment names exists");
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

fn started() -> UnitState {
    UnitState::Started { attempt: 1, holder: Nonce::from_random(1), lease_until: Timestamp(1) }
}

#[test]
fn an_extract_settles_without_a_settle_entry() {
    let mut s = good();
    let job = &mut s.jobs[0].job;
    (job.endpoint, job.admitted) = (Endpoint::Extract, 1);
    (job.reservation.monthly, job.reservation.prepaid) = (1, 0);
    job.charge = Some(Charge { charged: 1, refund_monthly: 0, refund_prepaid: 0 });
    let (id, month) = (job.id.clone(), job.reservation.month);
    s.jobs[0].segments.get_mut(&0).unwrap().put(1, UnitState::Pending);
    let account = only_account(&mut s);
    account.ledger = vec![TOPPED_UP, reserve(&id, 1, 0, month)];
    assert_eq!(check(&s, Timestamp(10), 60), []);
    s.jobs[0].job.charge = None;
    assert_eq!(rules(&s), ["charged = units started"]);
}

fn walk(parts: &[&[LedgerEntry]]) -> Vec<Violation> {
    let rows = only_account(&mut good()).money.clone();
    let mut walk = AccountWalk::begin(&AccountId::parse("a").unwrap(), rows, Timestamp(10));
    for part in parts {
        for entry in *part {
            walk.take(entry);
        }
        // What a slice hands on to the next is text.
        walk = serde_json::from_str(&serde_json::to_string(&walk).unwrap()).unwrap();
    }
    walk.end().violations
}

#[test]
fn a_walk_can_be_suspended_between_any_two_entries() {
    let mut ledger = only_account(&mut good()).ledger.clone();
    let sound = ledger.clone();
    let LedgerEntry::Settle(settle) = &mut ledger[2] else { panic!("a SETTLE") };
    settle.charged = 5;
    for (ledger, wanted) in [(sound, 0), (ledger, 1)] {
        let whole = walk(&[&ledger]);
        assert_eq!(whole.len(), wanted, "{whole:?}");
        for at in 0..=ledger.len() {
            assert_eq!(walk(&[&ledger[..at], &ledger[at..]]), whole, "suspended after {at}");
        }
    }
}

/// Listed violations must fit into the row in which a slice leaves its progress.
#[test]
fn of_very_many_violations_the_first_are_listed() {
    let mut s = good();
    let month = s.jobs[0].job.reservation.month;
    let lone = |n| settle(&JobId::from_random(n), 0, 0, 0, month);
    only_account(&mut s).ledger.extend((1_000..1_500).map(lone));
    let found = check(&s, Timestamp(10), 60);
    assert_eq!((found.len(), &*found[MAX_LISTED].rule), (MAX_LISTED + 1, "and more"));
}

#[test]
fn a_job_is_checked_against_its_own_entries() {
    let mut s = good();
    let entries = |monthly, charged| {
        let (job, month) = (s.jobs[0].job.id.clone(), s.jobs[0].job.reservation.month);
        let at = Timestamp(1);
        let reserve = Reserve { job: job.clone(), monthly, prepaid: 1, month, at };
        JobEntries {
            reserve: Some(reserve),
            settle: Some(Settle { job, charged, refund_monthly: 0, refund_prepaid: 1, month, at }),
        }
    };
    let (right, dear, other) = (entries(1, 1), entries(1, 2), entries(2, 1));
    let violated = |entries: &JobEntries| -> Vec<_> {
        check_job(&s.jobs[0], entries, Timestamp(10), 60).into_iter().map(|v| v.rule).collect()
    };
    assert_eq!(violated(&right), [""; 0]);
    assert_eq!(violated(&dear), ["charged = units started"]);
    assert_eq!(violated(&other), ["a job has its ledger entry"]);
    assert_eq!(violated(&JobEntries::default()), ["a job has its ledger entry", "ended means settled"]);
    // Past its retention some of its rows may be removed.
    s.jobs[0].job.expires_at = Some(Timestamp(9));
    assert_eq!(check_job(&s.jobs[0], &JobEntries::default(), Timestamp(10), 60), []);
}

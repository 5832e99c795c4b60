use super::*;
use crate::credits::Charge;
use crate::ids::{JobId, Nonce};
use crate::job::tests::job;
use crate::segment::UnitEnd;

/// An ended job of two units, one closed; everything in order.
fn good() -> Snapshot {
    let mut j = job(2);
    let month = j.reservation.month;
    j.state = JobState::Ended(Outcome::Cancelled);
    let mut segment = Segment::untouched(0);
    segment.put(0, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: Timestamp(3), skipped: 0 });
    segment.put(1, UnitState::Skipped);
    let (segments, results) = (BTreeMap::from([(0, segment)]), BTreeSet::from([(0, 1)]));
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
        jobs: vec![JobRows { job: j, segments, results, delivery: false }],
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
fn the_end_of_a_job_and_its_message_are_there_together() {
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
    let put = |s: &mut Snapshot, seq, unit| s.jobs[0].segments.get_mut(&0).unwrap().put(seq, unit);
    broken(&|s| put(s, 1, UnitState::Pending), "an ended job has every unit");
    broken(&|s| put(s, 1, started()), "an ended job has nothing open");
    broken(&|s| put(s, 0, UnitState::Skipped), "charged = units started");
    broken(&|s| put(s, 7, UnitState::Skipped), "only admitted units have a state");
    broken(&|s| s.jobs[0].results.clear(), "a result that a segment names is there");
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
fn an_extract_needs_no_entry_of_its_own_to_be_settled() {
    let mut s = good();
    let job = &mut s.jobs[0].job;
    (job.endpoint, job.admitted) = (Endpoint::Extract, 1);
    (job.reservation.monthly, job.reservation.prepaid) = (1, 0);
    job.charge = Some(Charge { charged: 1, refund_monthly: 0, refund_prepaid: 0 });
    let (id, month) = (job.id.clone(), job.reservation.month);
    s.jobs[0].segments.get_mut(&0).unwrap().put(1, UnitState::Pending);
    let account = only_account(&mut s);
    account.ledger =
        vec![LedgerEntry::TopUp { amount: 10 }, LedgerEntry::Reserve { job: id, monthly: 1, prepaid: 0, month }];
    assert_eq!(check(&s, Timestamp(10), 60), []);
    s.jobs[0].job.charge = None;
    assert_eq!(rules(&s), ["charged = units started"]);
}

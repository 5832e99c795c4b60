use proptest::prelude::*;

use super::*;
use crate::machine::JobView;
use crate::time::Month;

/// A running job of `admitted` units, half of them paid from each pool.
pub(crate) fn job(admitted: u32) -> Job {
    let total = u64::from(admitted);
    Job {
        id: JobId::from_random(7),
        account: AccountId::parse("a").unwrap(),
        endpoint: Endpoint::Batch,
        timeout_ms: 15_000,
        concurrency: None,
        fail_fast: false,
        extract_unit: None,
        limit_reached: false,
        webhook: false,
        async_mode: false,
        state: JobState::Running,
        reservation: Reservation {
            monthly: total / 2,
            prepaid: total - total / 2,
            month: Month::parse("2026-11").unwrap(),
        },
        admitted,
        started_at: Timestamp(0),
        deadline: Timestamp(1_000),
        driver: DriverLease { holder: Nonce::from_random(4), until: Timestamp(30), queued: false, idle_checks: 0 },
        cancelled_at: None,
        ended_at: None,
        expires_at: None,
        tally: None,
        figures: CrawlFigures::default(),
        charge: None,
    }
}

fn tally(done: u32, failed: u32, cancelled: u32, pending: u32) -> Tally {
    Tally { total: done + failed + cancelled + pending, done, failed, cancelled, pending }
}

proptest! {
    #[test]
    fn a_job_settles_once_no_unit_is_open_and_its_sums_hold(d in 0u32..40, f in 0u32..40, c in 0u32..40, p in 0u32..2, s in 0usize..7) {
        let mut j = job(d + f + c + p);
        j.state = JobState::ALL[s];
        let totals = Totals { tally: tally(d, f, c, p), ..Totals::default() };
        match j.settle(&totals, Timestamp(5)) {
            Some(end) => {
                prop_assert!(p == 0 && !j.state.ended());
                prop_assert_eq!(end.charge.charged, u64::from(d + f));
                prop_assert_eq!(end.charge.charged + end.charge.refunded(), j.reservation.total());
                prop_assert_eq!(end.outcome, j.state.final_outcome());
            }
            None => prop_assert!(p > 0 || j.state.ended()),
        }
    }
}

#[test]
fn a_tally_of_another_size_than_the_job_never_settles() {
    let totals = Totals { tally: tally(2, 0, 0, 0), ..Totals::default() };
    assert_eq!(job(3).settle(&totals, Timestamp(0)), None);
}

#[test]
fn state_names_round_trip_and_the_wire_has_five() {
    for s in JobState::ALL {
        assert_eq!(JobState::parse(s.name()), Some(s));
        assert!(["running", "cancelling", "completed", "cancelled", "expired"].contains(&s.wire_name()));
    }
}

#[test]
fn delete_and_deadline_act_by_state() {
    let must_expire = |job: &Job, at| JobView::of(job).must_expire(Timestamp(at));
    let mut j = job(1);
    assert_eq!(j.cancel(), CancelDecision::Cancel);
    assert!(!must_expire(&j, 999) && must_expire(&j, 1_000));
    j.state = JobState::FailingFast;
    assert_eq!(j.cancel(), CancelDecision::Cancel);
    j.state = JobState::Cancelling;
    assert_eq!(j.cancel(), CancelDecision::AlreadyTerminating);
    assert!(!must_expire(&j, 1_000));
    j.state = JobState::Ended(Outcome::Cancelled);
    assert_eq!(j.cancel(), CancelDecision::AlreadyEnded);
    assert!(!must_expire(&j, 5_000));
}

//! A machine driven by hand, action by action. The model (`tests/model`) explores every order of steps.

mod asking;
mod delegation;

use std::collections::BTreeSet;

use super::*;
use crate::ids::{Nonce, Seq};
use crate::job::{JobState, Outcome};
use crate::segment::{Totals, UnitEnd, UnitState, WriteId};
use crate::time::Timestamp;

const PAGE_MS: u32 = 1_000;
const LEASE_SECS: u64 = 30;

fn nonce(n: u128) -> Nonce {
    Nonce::from_random(n)
}

fn at(ms: i64) -> Moment {
    Moment { now: Timestamp(ms), ticks: ms.unsigned_abs() }
}

/// The configuration of a batch's driver.
fn config(concurrency: u32) -> RunnerConfig {
    RunnerConfig {
        nonce: nonce(1),
        mode: Mode::Run,
        scope: Scope::Job,
        concurrency,
        timeout_ms: PAGE_MS,
        lease_secs: LEASE_SECS,
        stall_secs: 10,
        fail_fast: false,
        crawl: false,
        extract: false,
        linger_ticks: 0,
        until: None,
        max_faults: 3,
        delegate: false,
    }
}

fn view(state: JobState, admitted: u32) -> JobView {
    JobView { state, admitted, deadline: Timestamp(600_000) }
}

fn running(admitted: u32) -> JobView {
    view(JobState::Running, admitted)
}

fn untouched(admitted: u32) -> Vec<Segment> {
    Segment::indexes_of_job(admitted).map(Segment::untouched).collect()
}

/// A driver whose job has only pending units.
fn driver(config: RunnerConfig, admitted: u32) -> Machine<WithSettle> {
    Machine::new(config, running(admitted), Some(untouched(admitted)), at(0))
}

fn all<A: Access>(machine: &mut Machine<A>, at: Moment) -> Vec<Action<A>> {
    std::iter::from_fn(|| machine.next_action(at)).collect()
}

fn after<A: Access>(machine: &mut Machine<A>, event: Event, at: Moment) -> Vec<Action<A>> {
    machine.handle(event, at);
    all(machine, at)
}

fn commit<A: Access>(actions: &[Action<A>]) -> Commit {
    let mut commits = actions.iter().filter_map(|action| match action {
        Action::Commit(commit) => Some(commit.clone()),
        _ => None,
    });
    let first = commits.next();
    assert!(commits.next().is_none(), "one write at a time: {actions:?}");
    first.unwrap_or_else(|| panic!("a commit is due: {actions:?}"))
}

fn written(commit: &Commit) -> Event {
    Event::Committed(commit.segments.iter().map(|row| (row.index, WriteOutcome::Written)).collect())
}

fn ready(seq: Seq) -> Event {
    Event::Ready { seq, paced: false }
}

fn ended(seq: Seq, end: UnitEnd) -> Event {
    Event::Ended { seq, attempt: 1, end, at: Timestamp(7), skipped: 0 }
}

fn started(attempt: u8, holder: Nonce, lease_until: i64) -> UnitState {
    UnitState::Started { attempt, holder, lease_until: Timestamp(lease_until) }
}

fn runs<A: Access>(actions: &[Action<A>]) -> Vec<Seq> {
    let runs = actions.iter().filter_map(|action| match action {
        Action::Run { seq, .. } => Some(*seq),
        _ => None,
    });
    runs.collect()
}

/// Runs the machine until the pages of all of a job's units run.
fn run_all(machine: &mut Machine<WithSettle>, admitted: u32) {
    assert_eq!(all(machine, at(0)).len(), admitted as usize, "each is prepared");
    (0..admitted).for_each(|seq| machine.handle(ready(seq), at(0)));
    let first = commit(&all(machine, at(0)));
    assert_eq!(runs(&after(machine, written(&first), at(0))), (0..admitted).collect::<Vec<Seq>>());
}

#[test]
fn what_ends_during_a_write_is_written_with_the_next() {
    let mut machine = driver(config(4), 4);
    let prepares: Vec<_> = (0..4).map(|seq| Action::Prepare { seq, suspect: false }).collect();
    assert_eq!(all(&mut machine, at(0)), prepares);
    let first = commit(&after(&mut machine, ready(0), at(0)));
    assert_eq!(first.segments[0].non_pending().count(), 1);
    for seq in 1..4 {
        assert_eq!(after(&mut machine, ready(seq), at(0)), [], "one write at a time");
    }
    let actions = after(&mut machine, written(&first), at(0));
    assert_eq!(runs(&actions), [0]);
    let second = commit(&actions);
    assert_eq!((second.id.n, second.segments[0].version, second.segments[0].non_pending().count()), (2, 2, 4));
    assert_eq!(after(&mut machine, ended(0, UnitEnd::Succeeded), at(0)), []);
    let actions = after(&mut machine, written(&second), at(0));
    assert_eq!((runs(&actions), commit(&actions).results), (vec![1, 2, 3], vec![(0, 1)]));
}

#[test]
fn a_small_group_waits_for_running_units_but_not_for_long() {
    let mut machine = driver(RunnerConfig { linger_ticks: 250, ..config(8) }, 8);
    run_all(&mut machine, 8);
    assert_eq!(after(&mut machine, ended(0, UnitEnd::Succeeded), at(10)), [], "one of eight");
    assert_eq!(machine.next_timeout(at(60)), 200, "until it has waited long enough");
    assert_eq!(all(&mut machine, at(259)), []);
    assert_eq!(commit(&all(&mut machine, at(260))).results, [(0, 1)]);

    let mut machine = driver(RunnerConfig { linger_ticks: 250, ..config(8) }, 8);
    run_all(&mut machine, 8);
    for seq in [0, 1, 2] {
        assert_eq!(after(&mut machine, ended(seq, UnitEnd::Succeeded), at(10)), []);
    }
    let group = commit(&after(&mut machine, ended(5, UnitEnd::Succeeded), at(20)));
    assert_eq!(group.results, [(0, 1), (1, 1), (2, 1), (5, 1)], "no wait once as many have ended as are running");
}

#[test]
fn one_write_ends_a_unit_and_starts_the_next() {
    let mut machine = driver(RunnerConfig { linger_ticks: 20, ..config(1) }, 2);
    run_first(&mut machine);
    let next = after(&mut machine, ended(0, UnitEnd::Succeeded), at(5));
    assert_eq!(next, [Action::Prepare { seq: 1, suspect: false }], "the end waits briefly for the next start");
    let both = commit(&after(&mut machine, ready(1), at(6)));
    assert_eq!(both.results, [(0, 1)]);
    assert!(matches!(both.segments[0].unit(1), UnitState::Started { attempt: 1, .. }));
}

#[test]
fn a_machine_recognises_its_write_after_a_lost_reply() {
    let begin = || {
        let mut machine = driver(config(1), 1);
        all(&mut machine, at(0));
        let first = commit(&after(&mut machine, ready(0), at(0)));
        (machine, first)
    };
    // The row of a refused write shows the machine's own earlier write.
    let (mut machine, first) = begin();
    let found = Event::Committed(vec![(0, WriteOutcome::Refused(Some(first.segments[0].clone())))]);
    assert_eq!(after(&mut machine, found, at(0)), [Action::Run { seq: 0, attempt: 1 }]);
    // The outcome is unknown: the row decides.
    let (mut machine, first) = begin();
    let failed = Event::Committed(vec![(0, WriteOutcome::Failed)]);
    assert_eq!(after(&mut machine, failed, at(0)), [Action::ReadSegments { first: 0, last: 0 }]);
    let row = Event::Segments(first.segments);
    assert_eq!(after(&mut machine, row, at(0)), [Action::Run { seq: 0, attempt: 1 }], "nothing is written again");
    // The write did not take effect: it is repeated under a new number.
    let (mut machine, first) = begin();
    after(&mut machine, Event::Committed(vec![(0, WriteOutcome::Failed)]), at(0));
    let again = commit(&after(&mut machine, Event::Segments(Vec::new()), at(0)));
    assert_eq!((again.id.n, again.segments[0].version), (first.id.n + 1, first.segments[0].version));
}

#[test]
fn units_are_decided_again_after_a_refused_write() {
    let mut machine = driver(config(3), 3);
    all(&mut machine, at(0));
    (0..3).for_each(|seq| machine.handle(ready(seq), at(0)));
    commit(&all(&mut machine, at(0)));
    let mut row = Segment::untouched(0).next(WriteId { writer: nonce(2), n: 1 });
    row.put(0, started(1, nonce(2), 40_000));
    row.put(1, UnitState::Skipped);
    let actions = after(&mut machine, Event::Committed(vec![(0, WriteOutcome::Refused(Some(row)))]), at(0));
    let show = Action::Show { units: vec![(1, UnitState::Skipped)], own: false };
    assert_eq!(actions, [Action::Abort(0), Action::Abort(1), show, Action::ReadJob], "the job may be terminated");
    let next = commit(&after(&mut machine, Event::Job(Some(running(3))), at(0)));
    assert_eq!(next.segments[0].version, 2);
    assert_eq!(next.segments[0].unit(0), started(1, nonce(2), 40_000), "another runner's unit is left alone");
    assert!(matches!(next.segments[0].unit(2), UnitState::Started { holder, .. } if holder == nonce(1)));
    assert_eq!(machine.runner_state().held_until(), Some(Timestamp(40_000)));
}

#[test]
fn a_job_that_fails_fast_starts_nothing_after_a_failure() {
    let mut machine = driver(RunnerConfig { fail_fast: true, ..config(2) }, 4);
    all(&mut machine, at(0));
    (0..2).for_each(|seq| machine.handle(ready(seq), at(0)));
    let first = commit(&all(&mut machine, at(0)));
    after(&mut machine, written(&first), at(0));
    let actions = after(&mut machine, ended(0, UnitEnd::Failed), at(0));
    let end = commit(&actions);
    assert_eq!(end.segments[0].non_pending().count(), 2, "no unit takes its place: {actions:?}");
    let actions = after(&mut machine, written(&end), at(0));
    assert!(actions.contains(&Action::Terminate(JobState::FailingFast)), "{actions:?}");
    assert!(runs(&actions).is_empty(), "{actions:?}");
    assert_eq!(after(&mut machine, Event::JobStateChanged, at(0)), [Action::ReadJob]);
    let skip = commit(&after(&mut machine, Event::Job(Some(view(JobState::FailingFast, 4))), at(0)));
    let skipped = |seq| skip.segments[0].unit(seq) == UnitState::Skipped;
    assert_eq!((0..4).map(skipped).collect::<Vec<_>>(), [false, false, true, true]);
    after(&mut machine, written(&skip), at(0));
    let last = commit(&after(&mut machine, ended(1, UnitEnd::Succeeded), at(0)));
    let actions = after(&mut machine, written(&last), at(0));
    let Some(Action::Settle(settling)) = actions.last() else { panic!("{actions:?}") };
    let Totals { tally, .. } = settling.totals;
    assert_eq!((settling.job.state, tally.done, tally.failed, tally.cancelled), (JobState::FailingFast, 1, 1, 2));
    assert_eq!(after(&mut machine, Event::Settled, at(0)), [Action::Exit(Exit::Settled)]);
}

#[test]
fn a_deferred_unit_takes_none_of_the_concurrency() {
    let mut machine = driver(config(1), 2);
    assert_eq!(all(&mut machine, at(0)), [Action::Prepare { seq: 0, suspect: false }]);
    let later = Event::Deferred { seq: 0, until: Timestamp(90) };
    assert_eq!(after(&mut machine, later.clone(), at(0)), [Action::Prepare { seq: 1, suspect: false }]);
    assert_eq!(machine.runner_state().deferred_until(), Some(Timestamp(90)));
    after(&mut machine, Event::Dropped(1), at(90));
    assert_eq!(machine.runner_state().deferred_until(), None, "its time has come");

    let one_unit = RunnerConfig { scope: Scope::Units(BTreeSet::from([0])), ..config(1) };
    let mut worker = Machine::<WithoutSettle>::new(one_unit, running(2), Some(untouched(2)), at(0));
    all(&mut worker, at(0));
    assert_eq!(after(&mut worker, later, at(0)), [Action::Exit(Exit::NothingToRun)], "its message is sent again");
    assert_eq!(
        (worker.runner_state().open().collect::<Vec<_>>(), worker.runner_state().deferred_until()),
        (vec![0], Some(Timestamp(90)))
    );
}

#[test]
fn a_unit_is_started_three_times_at_most() {
    let mut row = Segment::untouched(0).next(WriteId { writer: nonce(2), n: 1 });
    row.put(0, started(1, nonce(2), 50));
    row.put(1, started(3, nonce(2), 50));
    row.put(2, started(1, nonce(2), 9_000));
    let patient = RunnerConfig { linger_ticks: 20, ..config(3) };
    let mut machine = Machine::<WithSettle>::new(patient, running(3), Some(vec![row]), at(0));
    assert_eq!(all(&mut machine, at(49)), [], "their leases are not over");
    let take = |seq| Action::Prepare { seq, suspect: true };
    assert_eq!(all(&mut machine, at(50)), [take(0)], "one at a time: it may have killed its process");
    let next = commit(&after(&mut machine, ready(0), at(60)));
    let lease = 60 + i64::from(PAGE_MS) + 1_000 * LEASE_SECS.cast_signed();
    assert_eq!(next.segments[0].unit(0), started(2, nonce(1), lease));
    assert_eq!(after(&mut machine, written(&next), at(60)), [Action::Run { seq: 0, attempt: 2 }]);
    let end = Event::Ended { seq: 0, attempt: 2, end: UnitEnd::Succeeded, at: Timestamp(70), skipped: 0 };
    assert_eq!(after(&mut machine, end, at(70)), [take(1)]);
    let actions = after(&mut machine, ready(1), at(80));
    let next = commit(&actions);
    let exhausted = UnitState::Ended { attempt: 3, end: UnitEnd::Exhausted, at: Timestamp(80), skipped: 0 };
    assert_eq!((next.segments[0].unit(1), next.results.as_slice()), (exhausted, &[(0, 2)][..]));
    assert!(actions.contains(&Action::Abort(1)), "{actions:?}");
}

#[test]
fn a_termination_writes_each_segment_once() {
    fn end<A: Access>() -> (Machine<A>, Vec<Action<A>>) {
        let mode = Mode::End(Some(JobState::Cancelling));
        let mut machine = Machine::new(RunnerConfig { mode, ..config(1) }, running(130), None, at(0));
        assert_eq!(machine.next_action(at(0)), Some(Action::Terminate(JobState::Cancelling)));
        assert_eq!(all(&mut machine, at(0)), [Action::ReadSegments { first: 0, last: 2 }]);
        assert!(after(&mut machine, Event::Segments(Vec::new()), at(0)).is_empty(), "not before META is cancelling");
        assert_eq!(after(&mut machine, Event::JobStateChanged, at(0)), [Action::ReadJob]);
        let cancelling = Event::Job(Some(view(JobState::Cancelling, 130)));
        let actions = after(&mut machine, cancelling, at(0));
        (machine, actions)
    }
    fn skip<A: Access>(machine: &mut Machine<A>, actions: &[Action<A>]) -> Vec<Action<A>> {
        let skip = commit(actions);
        let counts: Vec<usize> = skip.segments.iter().map(|row| row.non_pending().count()).collect();
        assert_eq!(counts, [64, 64, 2], "all units, each segment once");
        after(machine, written(&skip), at(0))
    }
    let (mut machine, actions) = end::<WithSettle>();
    let actions = skip(&mut machine, &actions);
    let Some(Action::Settle(settling)) = actions.last() else { panic!("{actions:?}") };
    assert_eq!((settling.totals.tally.cancelled, settling.job.state), (130, JobState::Cancelling));
    let over = Event::Job(Some(view(JobState::Ended(Outcome::Cancelled), 130)));
    assert_eq!(after(&mut machine, Event::SettleRefused, at(0)), [Action::ReadJob], "another may have settled it");
    assert_eq!(after(&mut machine, over, at(0)), [Action::Exit(Exit::Settled)]);
    let (mut machine, actions) = end::<WithoutSettle>();
    assert_eq!(skip(&mut machine, &actions).last(), Some(&Action::Exit(Exit::NeedsSettlement)), "it cannot settle");
}

#[test]
fn started_units_end_when_the_deadline_passes() {
    let mut machine = driver(config(1), 2);
    run_first(&mut machine);
    assert_eq!(all(&mut machine, at(600_000)), [Action::Terminate(JobState::Expiring)]);
    after(&mut machine, Event::JobStateChanged, at(600_000));
    let actions = after(&mut machine, Event::Job(Some(view(JobState::Expiring, 2))), at(600_000));
    let end = commit(&actions);
    let expired = UnitState::Ended { attempt: 1, end: UnitEnd::Expired, at: Timestamp(600_000), skipped: 0 };
    assert_eq!((end.segments[0].unit(0), end.segments[0].unit(1)), (expired, UnitState::Skipped));
    let actions = after(&mut machine, written(&end), at(600_000));
    assert!(actions.contains(&Action::Abort(0)), "its page is aborted: {actions:?}");
}

/// Runs the machine until the page of a job's first unit runs.
fn run_first(machine: &mut Machine<WithSettle>) {
    all(machine, at(0));
    let first = commit(&after(machine, ready(0), at(0)));
    assert_eq!(runs(&after(machine, written(&first), at(0))), [0]);
}

#[test]
fn a_runner_that_stops_or_loses_its_lease_ends_running_units_and_starts_none() {
    for event in [Event::Stop, Event::LeaseLost] {
        let mut machine = driver(config(2), 3);
        run_first(&mut machine);
        assert_eq!(after(&mut machine, event, at(0)), [Action::Abort(1)], "the waiting unit is given up");
        let end = commit(&after(&mut machine, ended(0, UnitEnd::Succeeded), at(0)));
        assert_eq!(end.segments[0].non_pending().count(), 1);
        let actions = after(&mut machine, written(&end), at(0));
        assert_eq!(actions.last(), Some(&Action::Exit(Exit::NothingToRun)));
        assert_eq!(machine.runner_state().open().collect::<Vec<_>>(), [1, 2]);
    }
}

#[test]
fn a_runner_gives_up_after_too_many_store_faults() {
    let mut machine = Machine::<WithSettle>::new(config(1), running(1), None, at(0));
    for _ in 0..2 {
        assert_eq!(all(&mut machine, at(0)), [Action::ReadSegments { first: 0, last: 0 }]);
        machine.handle(Event::ReadFailed, at(0));
    }
    assert_eq!(all(&mut machine, at(0)), [Action::ReadSegments { first: 0, last: 0 }]);
    assert_eq!(after(&mut machine, Event::ReadFailed, at(0)).last(), Some(&Action::Exit(Exit::GaveUp)));
}

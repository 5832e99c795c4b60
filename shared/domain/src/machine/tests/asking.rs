//! Units that wait for a model.

use super::*;

fn asked(attempt: u8) -> UnitState {
    UnitState::Asked { attempt, at: Timestamp(7), skipped: 3 }
}

fn asks(seq: Seq) -> Event {
    Event::Asked { seq, attempt: 1, at: Timestamp(7), skipped: 3 }
}

/// A machine in `Mode::End` that was given answers and has then read the row.
fn after_answers(
    view: JobView,
    row: &Segment,
    answers: &[(Seq, u8)],
) -> (Machine<WithSettle>, Vec<Action<WithSettle>>) {
    let end = RunnerConfig { mode: Mode::End(None), ..config(1) };
    let mut machine = Machine::new(end, view, None, at(50));
    for (seq, attempt) in answers {
        machine.handle(Event::Answered { seq: *seq, attempt: *attempt, at: Timestamp(50) }, at(50));
    }
    assert_eq!(all(&mut machine, at(50)), [Action::ReadSegments { first: 0, last: 0 }]);
    let actions = after(&mut machine, Event::Segments(vec![row.clone()]), at(50));
    (machine, actions)
}

fn row(units: &[UnitState]) -> Segment {
    let mut row = Segment::untouched(0).next(WriteId { writer: nonce(5), n: 1 });
    (0..).zip(units).for_each(|(seq, unit)| row.put(seq, *unit));
    row
}

#[test]
fn a_unit_that_waits_for_a_model_keeps_its_provisional_result_and_needs_no_runner() {
    let mut machine = driver(config(2), 2);
    run_all(&mut machine, 2);
    machine.handle(asks(0), at(10));
    let group = commit(&after(&mut machine, ended(1, UnitEnd::Succeeded), at(10)));
    assert_eq!((group.results.clone(), group.segments[0].unit(0)), (vec![(0, 1), (1, 1)], asked(1)));
    let actions = after(&mut machine, written(&group), at(10));
    assert_eq!(actions.last(), Some(&Action::Exit(Exit::NothingToRun)), "{actions:?}");
    assert!(machine.runner_state().waits_for_model());
    assert_eq!(Totals::of(machine.rows().values(), 2).tally.pending, 1);
}

#[test]
fn an_answer_ends_its_unit_once_and_settles() {
    let (mut machine, actions) = after_answers(running(2), &row(&[asked(2), asked(1)]), &[(0, 2), (1, 1)]);
    let end = commit(&actions);
    let ended = |attempt| UnitState::Ended { attempt, end: UnitEnd::Succeeded, at: Timestamp(50), skipped: 3 };
    assert_eq!((end.segments[0].unit(0), end.segments[0].unit(1)), (ended(3), ended(2)));
    assert_eq!(end.results, [], "they were written before");
    let actions = after(&mut machine, written(&end), at(50));
    assert!(matches!(actions.last(), Some(Action::Settle(_))), "{actions:?}");

    // If the row has changed in the meantime, nothing is written, and nothing waits for ever.
    let over = UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: Timestamp(9), skipped: 0 };
    for other in [over, asked(1), UnitState::Pending, started(2, nonce(9), 900_000)] {
        let (_, actions) = after_answers(running(2), &row(&[other, asked(1)]), &[(0, 2)]);
        assert_eq!(actions.last(), Some(&Action::Exit(Exit::NothingToRun)), "{other:?}: {actions:?}");
    }
    let (_, actions) = after_answers(running(2), &row(&[asked(1), asked(1)]), &[(7, 1)]);
    assert_eq!(actions.last(), Some(&Action::Exit(Exit::NothingToRun)), "the job does not have this unit");
}

#[test]
fn a_terminated_job_keeps_provisional_results() {
    for state in [JobState::Cancelling, JobState::FailingFast, JobState::Expiring] {
        // An answer that has arrived counts; the other unit ends with the values that rules found.
        let (_, actions) = after_answers(view(state, 3), &row(&[asked(1), asked(1)]), &[(0, 1)]);
        let end = commit(&actions);
        let ended = |attempt| UnitState::Ended { attempt, end: UnitEnd::Succeeded, at: Timestamp(50), skipped: 3 };
        let units: Vec<UnitState> = (0..3).map(|seq| end.segments[0].unit(seq)).collect();
        assert_eq!(units, [ended(2), ended(1), UnitState::Skipped], "{state:?}");
    }
}

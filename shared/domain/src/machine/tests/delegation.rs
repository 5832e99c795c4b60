//! Units delegated to the queue's workers.

use super::*;

#[test]
fn delegated_units_are_polled_sent_again_and_taken_back_on_a_stall() {
    let mut machine = driver(RunnerConfig { delegate: true, ..config(1) }, 2);
    let both = BTreeSet::from([0, 1]);
    assert_eq!(all(&mut machine, at(0)), [Action::Enqueue(both.clone())]);
    assert_eq!(after(&mut machine, Event::Enqueued(BTreeSet::new()), at(0)), []);
    // The polls come soon at first, then less often while the job makes no progress.
    let looks: Vec<i64> = (1..1_000)
        .filter(|ms| {
            let look = all(&mut machine, at(*ms)).contains(&Action::ReadSegments { first: 0, last: 0 });
            if look {
                machine.handle(Event::Segments(Vec::new()), at(*ms));
            }
            look
        })
        .collect();
    assert_eq!(looks, [40, 100, 190, 325, 525, 725, 925]);
    // The job makes no progress, but workers are alive: a backlog. The units are sent again after a while.
    let actions = answered(&mut machine, at(10_000), Some(Timestamp(10_000)));
    assert!(actions.contains(&Action::ReadHeartbeat), "{actions:?}");
    let actions = answered(&mut machine, at(60_000), Some(Timestamp(60_000)));
    assert!(actions.contains(&Action::Enqueue(both)), "{actions:?}");
    // No worker is alive: a stall.
    let prepare = Action::Prepare { seq: 0, suspect: false };
    assert!(!actions.contains(&prepare), "{actions:?}");
    let actions = answered(&mut machine, at(75_000), None);
    assert!(actions.contains(&prepare), "{actions:?}");
}

/// Returns all actions of a machine. Answers each read as if nothing had changed.
fn answered(machine: &mut Machine<WithSettle>, at: Moment, beat: Option<Timestamp>) -> Vec<Action<WithSettle>> {
    let mut actions = Vec::new();
    while let Some(action) = machine.next_action(at) {
        match &action {
            Action::ReadJob => machine.handle(Event::Job(Some(running(2))), at),
            Action::ReadSegments { .. } => machine.handle(Event::Segments(Vec::new()), at),
            Action::ReadHeartbeat => machine.handle(Event::Heartbeat(beat), at),
            Action::Enqueue(_) => machine.handle(Event::Enqueued(BTreeSet::new()), at),
            _ => {}
        }
        actions.push(action);
    }
    actions
}

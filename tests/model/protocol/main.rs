//! The job protocol: processes run the machines of `domain::machine`, in every order of their steps, with crashes
//! between any two writes, lost replies, late writes, lost and repeated messages, stops, lost leases, and leases that
//! end too early. Each mutant must be caught by the property that it breaks. Not modelled: the queue's backpressure and
//! the workers' heartbeat (delegation), waiting for hosts, the rate limit, and storage that breaks its promise in other
//! ways than the mutants do.

// Tests may panic, and print what they found.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod configuration;
mod graph;
mod hashed;
mod model;
mod mutant;
mod process;
mod processes;
mod properties;
mod runner;
mod setup;
mod steps;
mod store;
mod world;

use std::collections::BTreeSet;
use std::time::Instant;

use configuration::JobModel;
use mutant::Mutant;
use properties::{
    ANSWERED, CANCELLED, CANCELLED_EXTRACT, CANCELLED_NEVER_COMPLETES, COMPLETES, ENDED_PROVISIONALLY, EXHAUSTED,
    EXPIRES, EXTRACT_ENDS, FAIL_FAST, FAILED_FAST, FENCED, GROWN, INVARIANTS, NOTHING_STARTS, ONE_RESULT, POOLS_MATCH,
    RUNS_LOST_UNIT, RUNS_ONLY_STARTED, SETTLED_ONCE, STARTED_OR_SKIPPED, TAKEN_OVER,
};
use setup::{Interleaving, Setup};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Threads of one exploration.
const THREADS: usize = 2;

/// Explores every state. No `always` property may fail, exactly the `possible` ones must occur, and there must be
/// `at_least` so many states.
fn explore(name: &str, setup: Setup, possible: &[&str], at_least: usize) {
    let begun = Instant::now();
    let checker = JobModel::new(setup).checker().threads(THREADS).spawn_bfs().join();
    println!("{name}: {} unique states in {:.1?}", checker.unique_state_count(), begun.elapsed());
    let mut seen = BTreeSet::new();
    for (property, path) in checker.discoveries() {
        if checker.model().property(property).expectation == Expectation::Always {
            let last = path.last_state().clone();
            panic!("{name}: violated: {property}\n{:#?}\n{last:#?}", path.into_actions());
        }
        seen.insert(property);
    }
    assert_eq!(seen, possible.iter().copied().collect(), "{name}: possible outcomes");
    let states = checker.unique_state_count();
    assert!(states >= at_least, "{name}: only {states} states, so something no longer happens");
}

fn without_delete(setup: Setup) -> Setup {
    Setup { delete: false, ..setup }
}

fn fail_fast(setup: Setup) -> Setup {
    Setup { fail_fast: true, pages_fail: true, ..setup }
}

/// Puts all units into one message.
fn one_message(setup: Setup) -> Setup {
    Setup { messages: vec![(0..setup.admitted).collect()], ..setup }
}

/// Puts a unit on each side of the border between two segments.
fn two_segments(setup: Setup) -> Setup {
    Setup { first: 63, admitted: 65, max_units: 65, ..setup }
}

fn with_reply_steps(setup: Setup) -> Setup {
    Setup { interleaving: Interleaving::Replies, ..setup }
}

/// A crawl that a handler drives.
fn driven_crawl(max_units: u32, faults: u8, overruns: u8) -> Setup {
    Setup { max_units, ..Setup::driven(1, faults, overruns) }
}

#[test]
fn queued_jobs_have_every_property() {
    let usual = [COMPLETES, CANCELLED];
    let taken = [COMPLETES, TAKEN_OVER];
    let slow = [COMPLETES, TAKEN_OVER, RUNS_LOST_UNIT, EXHAUSTED];
    explore("queue, 2 units, DELETE", Setup::queued(2, 0, 0), &usual, 30_000);
    explore("queue, 1 unit, DELETE, 2 faults", Setup::queued(1, 2, 0), &taken, 40_000);
    explore("queue, 1 unit, 3 faults, 1 overrun", without_delete(Setup::queued(1, 3, 1)), &slow, 40_000);
    explore("queue, 2 units, 1 fault", without_delete(Setup::queued(2, 1, 0)), &taken, 10_000);
    let one_worker = Setup { workers: 1, ..without_delete(Setup::queued(2, 2, 0)) };
    explore("queue, 2 units, 1 worker, 2 faults", one_worker, &[COMPLETES, TAKEN_OVER, RUNS_LOST_UNIT], 5_000);
    let group = Setup { workers: 1, concurrency: 1, ..one_message(Setup::queued(2, 1, 0)) };
    explore("queue, 2 units in a message, DELETE, 1 fault", group, &[COMPLETES, CANCELLED, TAKEN_OVER], 10_000);
    let three = Setup { workers: 1, ..one_message(without_delete(Setup::queued(3, 1, 0))) };
    explore("queue, 3 units in a message, 1 fault", three, &taken, 1_000);
}

#[test]
fn driven_jobs_have_every_property() {
    let usual = [COMPLETES, CANCELLED];
    let taken = [COMPLETES, CANCELLED, TAKEN_OVER];
    let slow = [COMPLETES, TAKEN_OVER, RUNS_LOST_UNIT, EXHAUSTED];
    let sequential = Setup { concurrency: 1, ..Setup::driven(2, 1, 0) };
    explore("driver, 2 units one by one, DELETE, 1 fault", sequential, &taken, 10_000);
    explore("driver, 2 units, 2 faults, 1 overrun", without_delete(Setup::driven(2, 2, 1)), &slow, 60_000);
    let deadline = Setup { deadline: Some(1), ..without_delete(Setup::driven(2, 1, 0)) };
    explore("driver, 2 units, deadline, 1 fault", deadline, &[COMPLETES, EXPIRES, TAKEN_OVER], 1_000);
    let replies = with_reply_steps(Setup::driven(1, 0, 0));
    explore("driver, 1 unit, DELETE, every reply a step", replies, &[COMPLETES], 500);
    let replies = with_reply_steps(without_delete(Setup::driven(2, 1, 0)));
    explore("driver, 2 units, 1 fault, every reply a step", replies, &[COMPLETES, TAKEN_OVER], 1_000);
    explore("driver, 2 segments, DELETE", two_segments(Setup::driven(65, 0, 0)), &usual, 1_000);
    let gives_up = Setup { max_faults: 1, ..Setup::driven(1, 2, 0) };
    explore(
        "driver, 1 unit, DELETE, 2 faults of which one is enough to give up",
        gives_up,
        &[COMPLETES, TAKEN_OVER],
        1_000,
    );
    let two_jobs = Setup { jobs: 2, ..Setup::driven(1, 1, 0) };
    explore("2 jobs on one pool, DELETE, 1 fault", two_jobs, &[COMPLETES, TAKEN_OVER], 1_000);
    explore(
        "3 units, fail_fast, DELETE",
        fail_fast(Setup::driven(3, 0, 0)),
        &[COMPLETES, CANCELLED, FAILED_FAST],
        1_000,
    );
    let sequential = Setup { concurrency: 1, ..fail_fast(without_delete(Setup::driven(3, 1, 0))) };
    explore("3 units one by one, fail_fast, 1 fault", sequential, &[COMPLETES, TAKEN_OVER, FAILED_FAST], 1_000);
}

#[test]
fn crawls_have_every_property() {
    explore("crawl, 2 pages, DELETE", Setup::crawl(2, 0, 0), &[COMPLETES, CANCELLED, GROWN], 1_000);
    let slow = without_delete(Setup::crawl(2, 1, 1));
    explore("crawl, 2 pages, 1 fault, 1 overrun", slow, &[COMPLETES, GROWN, TAKEN_OVER, RUNS_LOST_UNIT], 1_000);
    let vary = Setup { links_vary: true, ..without_delete(Setup::crawl(2, 1, 1)) };
    explore(
        "crawl, 2 pages, links vary, 1 fault, 1 overrun",
        vary,
        &[COMPLETES, GROWN, TAKEN_OVER, RUNS_LOST_UNIT],
        1_000,
    );
    let taken = [COMPLETES, GROWN, TAKEN_OVER, RUNS_LOST_UNIT];
    explore("crawl, 3 pages, 1 fault", without_delete(Setup::crawl(3, 1, 0)), &taken, 1_000);
    let driven = driven_crawl(2, 1, 0);
    explore("crawl, 2 pages, driver, DELETE, 1 fault", driven, &[COMPLETES, CANCELLED, GROWN, TAKEN_OVER], 1_000);
}

fn with_model(setup: Setup) -> Setup {
    Setup { asks: true, ..setup }
}

#[test]
fn jobs_with_a_model_have_every_property() {
    let queued = with_model(Setup::queued(1, 1, 0));
    let possible = [COMPLETES, ANSWERED, ENDED_PROVISIONALLY, TAKEN_OVER];
    explore("queue, 1 unit, model, DELETE, 1 fault", queued, &possible, 1_000);
    let two = with_model(Setup { workers: 1, concurrency: 1, ..one_message(Setup::queued(2, 0, 0)) });
    explore(
        "queue, 2 units in a message, model, DELETE",
        two,
        &[COMPLETES, CANCELLED, ANSWERED, ENDED_PROVISIONALLY],
        1_000,
    );
    let slow = with_model(without_delete(Setup::driven(2, 1, 1)));
    explore(
        "driver, 2 units, model, 1 fault, 1 overrun",
        slow,
        &[COMPLETES, ANSWERED, TAKEN_OVER, RUNS_LOST_UNIT],
        1_000,
    );
    let deadline = with_model(Setup { deadline: Some(1), ..without_delete(Setup::driven(1, 1, 0)) });
    let possible = [COMPLETES, EXPIRES, ANSWERED, ENDED_PROVISIONALLY, TAKEN_OVER];
    explore("driver, 1 unit, model, deadline, 1 fault", deadline, &possible, 100);
    let sequential = Setup { concurrency: 1, ..with_model(fail_fast(without_delete(Setup::driven(2, 0, 0)))) };
    let possible = [COMPLETES, ANSWERED, ENDED_PROVISIONALLY, FAILED_FAST];
    explore("2 units one by one, model, fail_fast", sequential, &possible, 10);
    let crawl = with_model(without_delete(driven_crawl(2, 1, 0)));
    explore("crawl, 2 pages, driver, model, 1 fault", crawl, &[COMPLETES, GROWN, ANSWERED, TAKEN_OVER], 100);
}

#[test]
fn extracts_have_every_property() {
    let possible = [COMPLETES, CANCELLED_EXTRACT, EXPIRES];
    explore("extract, DELETE, deadline, 1 fault, 1 overrun", Setup::extract(1, 1), &possible, 40_000);
    let without_deadline = |faults, overruns| Setup { deadline: None, ..Setup::extract(faults, overruns) };
    let slow = [COMPLETES, TAKEN_OVER, RUNS_LOST_UNIT, EXHAUSTED];
    explore("extract, 3 faults, 1 overrun", without_delete(without_deadline(3, 1)), &slow, 9_000);
    let possible = [COMPLETES, CANCELLED_EXTRACT, TAKEN_OVER, RUNS_LOST_UNIT];
    explore("extract, DELETE, 1 fault, 1 overrun", without_deadline(1, 1), &possible, 8_000);
    let replies = with_reply_steps(without_deadline(1, 0));
    explore(
        "extract, DELETE, 1 fault, every reply a step",
        replies,
        &[COMPLETES, CANCELLED_EXTRACT, TAKEN_OVER],
        10_000,
    );
}

/// From every state, whatever failed before: no deadlock, and no cycle without a way out.
#[test]
fn a_job_can_always_end_by_itself() {
    let assert_terminates = |name: &str, setup: Setup| {
        let (states, terminating) = graph::count_terminating_states(&JobModel::new(setup));
        println!("{name}: {terminating} of {states} states lead to the end");
        assert_eq!(states, terminating, "{name}");
    };
    assert_terminates("queue, 2 units, 1 fault", without_delete(Setup::queued(2, 1, 0)));
    assert_terminates("queue, 1 unit, DELETE, 1 fault", Setup::queued(1, 1, 0));
    assert_terminates("driver, 2 units, DELETE, 1 fault", Setup::driven(2, 1, 0));
    assert_terminates("2 units, fail_fast, DELETE", fail_fast(Setup::driven(2, 0, 0)));
    assert_terminates("queue, 1 unit, model, DELETE, 1 fault", with_model(Setup::queued(1, 1, 0)));
    assert_terminates("driver, 2 units, model, DELETE", with_model(Setup::driven(2, 0, 0)));
    assert_terminates("crawl, 2 pages, 1 fault", without_delete(Setup::crawl(2, 1, 0)));
    assert_terminates("extract, DELETE, deadline, 1 fault, 1 overrun", Setup::extract(1, 1));
}

/// Fails unless the mutant is caught by this property.
fn assert_caught(mutant: Mutant, setup: Setup, property: &'static str) {
    let model = JobModel::new(Setup { mutant: Some(mutant), ..setup });
    let enough = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = model.checker().threads(THREADS).finish_when(enough).spawn_bfs().join();
    let found = checker.discovery(property);
    let states = checker.unique_state_count();
    let Some(path) = found else { panic!("{mutant:?} is not caught: \"{property}\" holds in {states} states") };
    println!("{mutant:?} is caught after {states} states, by: {property}");
    // The shortest path to the violation.
    println!("    {:?}", path.into_actions());
}

/// Fails unless the mutant leaves a job that nothing can end.
fn assert_stranded(mutant: Mutant, setup: Setup) {
    let (states, terminating) =
        graph::count_terminating_states(&JobModel::new(Setup { mutant: Some(mutant), ..setup }));
    assert!(terminating < states, "{mutant:?} is not caught: all {states} states lead to the end");
    println!("{mutant:?} is caught: {} of {states} states do not lead to the end", states - terminating);
}

#[test]
fn every_mutant_of_the_store_is_caught() {
    assert_caught(Mutant::UnconditionalWrite, without_delete(Setup::queued(2, 0, 0)), ONE_RESULT);
    assert_caught(Mutant::UnconditionalWrite, Setup::driven(2, 0, 0), STARTED_OR_SKIPPED);
    assert_caught(Mutant::RefusedIsWritten, without_delete(Setup::queued(2, 0, 0)), RUNS_ONLY_STARTED);
    assert_caught(Mutant::NoFencing, without_delete(Setup::queued(1, 1, 1)), FENCED);
    assert_caught(Mutant::UnconditionalSettle, Setup::queued(1, 0, 0), SETTLED_ONCE);
    assert_caught(Mutant::UnconditionalSettle, Setup::queued(1, 0, 0), POOLS_MATCH);
    assert_caught(
        Mutant::SettleIgnoresState,
        Setup { interleaving: Interleaving::Reads, ..Setup::queued(1, 0, 0) },
        INVARIANTS,
    );
    let vary = Setup { links_vary: true, ..without_delete(Setup::crawl(2, 1, 1)) };
    assert_caught(Mutant::SettleIgnoresAdmitted, vary, INVARIANTS);
    assert_caught(Mutant::ResultAfterSegment, Setup::queued(1, 0, 0), INVARIANTS);
    assert_caught(Mutant::GrowthIgnoresState, driven_crawl(2, 0, 0), NOTHING_STARTS);
    assert_caught(Mutant::UnconditionalTermination, Setup::queued(1, 0, 0), INVARIANTS);
    assert_caught(Mutant::ExtractEndIgnoresVersion, Setup { deadline: None, ..Setup::extract(1, 1) }, FENCED);
}

#[test]
fn every_mutant_of_machines_and_runners_is_caught() {
    assert_caught(Mutant::OwnByWriterOnly, with_reply_steps(without_delete(Setup::driven(2, 1, 0))), RUNS_ONLY_STARTED);
    assert_caught(Mutant::NoSkipping, Setup::queued(1, 0, 0), NOTHING_STARTS);
    let without_deadline = Setup { deadline: None, ..Setup::extract(1, 0) };
    assert_caught(Mutant::RefusedSettleIsSettled, without_deadline, EXTRACT_ENDS);
    assert_caught(Mutant::FastClock, without_delete(Setup::queued(1, 1, 0)), FENCED);
    let sequential = Setup { concurrency: 1, ..fail_fast(Setup::driven(2, 0, 0)) };
    assert_caught(Mutant::NoFailFast, sequential, FAIL_FAST);
    assert_caught(Mutant::AnswersBeforeSkipping, Setup::queued(1, 0, 0), NOTHING_STARTS);
    assert_caught(Mutant::AnswersBeforeSkipping, Setup::queued(1, 0, 0), CANCELLED_NEVER_COMPLETES);
    assert_caught(Mutant::AnswerNotWritten, with_model(without_delete(Setup::queued(1, 0, 0))), INVARIANTS);
    assert_caught(Mutant::NoFencing, with_model(Setup::queued(1, 0, 0)), ONE_RESULT);
    assert_stranded(Mutant::NoAnswer, with_model(without_delete(Setup::queued(1, 0, 0))));
    assert_stranded(Mutant::NoResend, Setup::driven(1, 1, 0));
    assert_stranded(Mutant::NoResendInBacklog, Setup::driven(1, 1, 0));
    assert_stranded(Mutant::ResendOnlyWhileRunning, Setup::driven(1, 1, 0));
}

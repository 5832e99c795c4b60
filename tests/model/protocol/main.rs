//! The job protocol: processes run the machines of `domain::machine`, in every order of their steps, with crashes
//! between any two writes, lost replies, late writes, lost and repeated messages, stops, lost leases, and leases that
//! end too early. Each mutant must be caught by the property that it breaks. Not modelled: the queue's backpressure and
//! the workers' heartbeat (delegation), waiting for hosts, the rate limit, and storage that breaks its promise in other
//! ways than the mutants do.

// Tests may panic, and print what they found.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod configuration;
mod graph;
mod kept;
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
    ANSWER, ANSWERED, CANCELLED, CANCELLED_EXTRACT, COMPLETES, EXHAUSTED, EXPIRES, EXTRACT_ENDS, FAIL_FAST,
    FAILED_FAST, FENCED, GROWN, INVARIANTS, NOTHING_STARTS, ONE_RESULT, OVERTAKEN, POOLS, RUNS_STARTED, SETTLED_ONCE,
    STARTED_OR_SKIPPED, TAKEN_AS_IS, TAKEN_OVER,
};
use setup::{Grain, Setup};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Threads of one exploration.
const THREADS: usize = 2;

/// Explores every state. No `always` property may fail, exactly the `possible` ones must occur, and there must be
/// `at_least` so many states.
fn holds(name: &str, setup: Setup, possible: &[&str], at_least: usize) {
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

fn undisturbed(setup: Setup) -> Setup {
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

fn in_replies(setup: Setup) -> Setup {
    Setup { grain: Grain::Replies, ..setup }
}

/// A crawl that a handler drives.
fn driven_crawl(max_units: u32, faults: u8, overruns: u8) -> Setup {
    Setup { max_units, ..Setup::driven(1, faults, overruns) }
}

#[test]
fn the_queue_does_the_work() {
    let usual = [COMPLETES, CANCELLED];
    let taken = [COMPLETES, TAKEN_OVER];
    let slow = [COMPLETES, TAKEN_OVER, OVERTAKEN, EXHAUSTED];
    holds("queue, 2 units, DELETE", Setup::queued(2, 0, 0), &usual, 30_000);
    holds("queue, 1 unit, DELETE, 2 faults", Setup::queued(1, 2, 0), &taken, 40_000);
    holds("queue, 1 unit, 3 faults, 1 overrun", undisturbed(Setup::queued(1, 3, 1)), &slow, 40_000);
    holds("queue, 2 units, 1 fault", undisturbed(Setup::queued(2, 1, 0)), &taken, 10_000);
    let one_worker = Setup { workers: 1, ..undisturbed(Setup::queued(2, 2, 0)) };
    holds("queue, 2 units, 1 worker, 2 faults", one_worker, &[COMPLETES, TAKEN_OVER, OVERTAKEN], 5_000);
    let group = Setup { workers: 1, concurrency: 1, ..one_message(Setup::queued(2, 1, 0)) };
    holds("queue, 2 units in a message, DELETE, 1 fault", group, &[COMPLETES, CANCELLED, TAKEN_OVER], 10_000);
    let three = Setup { workers: 1, ..one_message(undisturbed(Setup::queued(3, 1, 0))) };
    holds("queue, 3 units in a message, 1 fault", three, &taken, 1_000);
}

#[test]
fn a_handler_does_the_work() {
    let usual = [COMPLETES, CANCELLED];
    let taken = [COMPLETES, CANCELLED, TAKEN_OVER];
    let slow = [COMPLETES, TAKEN_OVER, OVERTAKEN, EXHAUSTED];
    let in_turn = Setup { concurrency: 1, ..Setup::driven(2, 1, 0) };
    holds("driver, 2 units one by one, DELETE, 1 fault", in_turn, &taken, 10_000);
    holds("driver, 2 units, 2 faults, 1 overrun", undisturbed(Setup::driven(2, 2, 1)), &slow, 60_000);
    let deadline = Setup { deadline: Some(1), ..undisturbed(Setup::driven(2, 1, 0)) };
    holds("driver, 2 units, deadline, 1 fault", deadline, &[COMPLETES, EXPIRES, TAKEN_OVER], 1_000);
    let replies = in_replies(Setup::driven(1, 0, 0));
    holds("driver, 1 unit, DELETE, every reply a step", replies, &[COMPLETES], 500);
    let replies = in_replies(undisturbed(Setup::driven(2, 1, 0)));
    holds("driver, 2 units, 1 fault, every reply a step", replies, &[COMPLETES, TAKEN_OVER], 1_000);
    holds("driver, 2 segments, DELETE", two_segments(Setup::driven(65, 0, 0)), &usual, 1_000);
    let gives_up = Setup { max_faults: 1, ..Setup::driven(1, 2, 0) };
    holds(
        "driver, 1 unit, DELETE, 2 faults of which one is enough to give up",
        gives_up,
        &[COMPLETES, TAKEN_OVER],
        1_000,
    );
    let two_jobs = Setup { jobs: 2, ..Setup::driven(1, 1, 0) };
    holds("2 jobs on one pool, DELETE, 1 fault", two_jobs, &[COMPLETES, TAKEN_OVER], 1_000);
    holds("3 units, fail_fast, DELETE", fail_fast(Setup::driven(3, 0, 0)), &[COMPLETES, CANCELLED, FAILED_FAST], 1_000);
    let careful = Setup { concurrency: 1, ..fail_fast(undisturbed(Setup::driven(3, 1, 0))) };
    holds("3 units one by one, fail_fast, 1 fault", careful, &[COMPLETES, TAKEN_OVER, FAILED_FAST], 1_000);
}

#[test]
fn a_crawl_grows() {
    holds("crawl, 2 pages, DELETE", Setup::crawl(2, 0, 0), &[COMPLETES, CANCELLED, GROWN], 1_000);
    let slow = undisturbed(Setup::crawl(2, 1, 1));
    holds("crawl, 2 pages, 1 fault, 1 overrun", slow, &[COMPLETES, GROWN, TAKEN_OVER, OVERTAKEN], 1_000);
    let vary = Setup { links_vary: true, ..undisturbed(Setup::crawl(2, 1, 1)) };
    holds("crawl, 2 pages, links vary, 1 fault, 1 overrun", vary, &[COMPLETES, GROWN, TAKEN_OVER, OVERTAKEN], 1_000);
    let taken = [COMPLETES, GROWN, TAKEN_OVER, OVERTAKEN];
    holds("crawl, 3 pages, 1 fault", undisturbed(Setup::crawl(3, 1, 0)), &taken, 1_000);
    let driven = driven_crawl(2, 1, 0);
    holds("crawl, 2 pages, driver, DELETE, 1 fault", driven, &[COMPLETES, CANCELLED, GROWN, TAKEN_OVER], 1_000);
}

fn asking(setup: Setup) -> Setup {
    Setup { asks: true, ..setup }
}

#[test]
fn units_wait_for_a_model() {
    let queued = asking(Setup::queued(1, 1, 0));
    let possible = [COMPLETES, ANSWERED, TAKEN_AS_IS, TAKEN_OVER];
    holds("queue, 1 unit, model, DELETE, 1 fault", queued, &possible, 1_000);
    let two = asking(Setup { workers: 1, concurrency: 1, ..one_message(Setup::queued(2, 0, 0)) });
    holds("queue, 2 units in a message, model, DELETE", two, &[COMPLETES, CANCELLED, ANSWERED, TAKEN_AS_IS], 1_000);
    let slow = asking(undisturbed(Setup::driven(2, 1, 1)));
    holds("driver, 2 units, model, 1 fault, 1 overrun", slow, &[COMPLETES, ANSWERED, TAKEN_OVER, OVERTAKEN], 1_000);
    let deadline = asking(Setup { deadline: Some(1), ..undisturbed(Setup::driven(1, 1, 0)) });
    let possible = [COMPLETES, EXPIRES, ANSWERED, TAKEN_AS_IS, TAKEN_OVER];
    holds("driver, 1 unit, model, deadline, 1 fault", deadline, &possible, 100);
    let careful = Setup { concurrency: 1, ..asking(fail_fast(undisturbed(Setup::driven(2, 0, 0)))) };
    let possible = [COMPLETES, ANSWERED, TAKEN_AS_IS, FAILED_FAST];
    holds("2 units one by one, model, fail_fast", careful, &possible, 10);
    let crawl = asking(undisturbed(driven_crawl(2, 1, 0)));
    holds("crawl, 2 pages, driver, model, 1 fault", crawl, &[COMPLETES, GROWN, ANSWERED, TAKEN_OVER], 100);
}

#[test]
fn an_extract_ends() {
    let possible = [COMPLETES, CANCELLED_EXTRACT, EXPIRES];
    holds("extract, DELETE, deadline, 1 fault, 1 overrun", Setup::extract(1, 1), &possible, 40_000);
    let timeless = |faults, overruns| Setup { deadline: None, ..Setup::extract(faults, overruns) };
    let slow = [COMPLETES, TAKEN_OVER, OVERTAKEN, EXHAUSTED];
    holds("extract, 3 faults, 1 overrun", undisturbed(timeless(3, 1)), &slow, 9_000);
    let possible = [COMPLETES, CANCELLED_EXTRACT, TAKEN_OVER, OVERTAKEN];
    holds("extract, DELETE, 1 fault, 1 overrun", timeless(1, 1), &possible, 8_000);
    let replies = in_replies(timeless(1, 0));
    holds("extract, DELETE, 1 fault, every reply a step", replies, &[COMPLETES, CANCELLED_EXTRACT, TAKEN_OVER], 10_000);
}

/// From every state, whatever failed before: no deadlock, and no cycle without a way out.
#[test]
fn a_job_can_always_end_by_itself() {
    let ends = |name: &str, setup: Setup| {
        let (states, lead) = graph::that_lead_to_the_end(&JobModel::new(setup));
        println!("{name}: {lead} of {states} states lead to the end");
        assert_eq!(states, lead, "{name}");
    };
    ends("queue, 2 units, 1 fault", undisturbed(Setup::queued(2, 1, 0)));
    ends("queue, 1 unit, DELETE, 1 fault", Setup::queued(1, 1, 0));
    ends("driver, 2 units, DELETE, 1 fault", Setup::driven(2, 1, 0));
    ends("2 units, fail_fast, DELETE", fail_fast(Setup::driven(2, 0, 0)));
    ends("queue, 1 unit, model, DELETE, 1 fault", asking(Setup::queued(1, 1, 0)));
    ends("driver, 2 units, model, DELETE", asking(Setup::driven(2, 0, 0)));
    ends("crawl, 2 pages, 1 fault", undisturbed(Setup::crawl(2, 1, 0)));
    ends("extract, DELETE, deadline, 1 fault, 1 overrun", Setup::extract(1, 1));
}

/// Fails unless the mutant is caught by this property.
fn caught(mutant: Mutant, setup: Setup, property: &'static str) {
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
fn strands(mutant: Mutant, setup: Setup) {
    let (states, lead) = graph::that_lead_to_the_end(&JobModel::new(Setup { mutant: Some(mutant), ..setup }));
    assert!(lead < states, "{mutant:?} is not caught: all {states} states lead to the end");
    println!("{mutant:?} is caught: {} of {states} states do not lead to the end", states - lead);
}

#[test]
fn every_mutant_of_the_store_is_caught() {
    caught(Mutant::UnconditionalWrite, undisturbed(Setup::queued(2, 0, 0)), ONE_RESULT);
    caught(Mutant::UnconditionalWrite, Setup::driven(2, 0, 0), STARTED_OR_SKIPPED);
    caught(Mutant::RefusedIsWritten, undisturbed(Setup::queued(2, 0, 0)), RUNS_STARTED);
    caught(Mutant::NoFence, undisturbed(Setup::queued(1, 1, 1)), FENCED);
    caught(Mutant::NoOnceGuard, Setup::queued(1, 0, 0), SETTLED_ONCE);
    caught(Mutant::NoOnceGuard, Setup::queued(1, 0, 0), POOLS);
    caught(Mutant::SettleIgnoresState, Setup { grain: Grain::Reads, ..Setup::queued(1, 0, 0) }, INVARIANTS);
    let vary = Setup { links_vary: true, ..undisturbed(Setup::crawl(2, 1, 1)) };
    caught(Mutant::SettleIgnoresAdmitted, vary, INVARIANTS);
    caught(Mutant::ResultAfterSegment, Setup::queued(1, 0, 0), INVARIANTS);
    caught(Mutant::GrowthIgnoresState, driven_crawl(2, 0, 0), NOTHING_STARTS);
    caught(Mutant::UnconditionalMove, Setup::queued(1, 0, 0), INVARIANTS);
    caught(Mutant::ExtractEndIgnoresVersion, Setup { deadline: None, ..Setup::extract(1, 1) }, FENCED);
}

#[test]
fn every_mutant_of_machines_and_runners_is_caught() {
    caught(Mutant::OwnByWriterOnly, in_replies(undisturbed(Setup::driven(2, 1, 0))), RUNS_STARTED);
    caught(Mutant::NoSkipping, Setup::queued(1, 0, 0), NOTHING_STARTS);
    let timeless = Setup { deadline: None, ..Setup::extract(1, 0) };
    caught(Mutant::RefusedSettleIsSettled, timeless, EXTRACT_ENDS);
    caught(Mutant::HastyClock, undisturbed(Setup::queued(1, 1, 0)), FENCED);
    let careful = Setup { concurrency: 1, ..fail_fast(Setup::driven(2, 0, 0)) };
    caught(Mutant::NoFailFast, careful, FAIL_FAST);
    caught(Mutant::AnswersBeforeSkipping, Setup::queued(1, 0, 0), NOTHING_STARTS);
    caught(Mutant::AnswersBeforeSkipping, Setup::queued(1, 0, 0), ANSWER);
    caught(Mutant::AnswerUnput, asking(undisturbed(Setup::queued(1, 0, 0))), INVARIANTS);
    caught(Mutant::NoFence, asking(Setup::queued(1, 0, 0)), ONE_RESULT);
    strands(Mutant::NoAnswer, asking(undisturbed(Setup::queued(1, 0, 0))));
    strands(Mutant::NoResend, Setup::driven(1, 1, 0));
    strands(Mutant::BacklogWithoutEnd, Setup::driven(1, 1, 0));
    strands(Mutant::ResendOnlyWhileRunning, Setup::driven(1, 1, 0));
}

//! The protocol of claim, finish, cancel, settle and sweep, explored in every order of steps with crashes between any
//! two writes, lost replies, lost and repeated messages and leases that end too early. Decisions are made by `domain`'s
//! own functions; writes are compare-and-set on rows. Each mutant has to be caught by the property that it breaks.
//! What is not modelled: growth of crawls, other jobs on the same pools, the rate, and storage that breaks its word.

// A test may end by a panic, and what it found is read on its output.
#![allow(clippy::expect_used, clippy::print_stdout)]

mod ending;
mod graph;
mod model;
mod mutant;
mod properties;
mod rows;
mod state;
mod worker;

use std::collections::BTreeSet;
use std::time::Instant;

use model::JobModel;
use mutant::Mutant;
use properties::{
    CANCELLED, CANCELLED_EXTRACT, COMPLETES, EXHAUSTED, EXPIRES, FENCED, INVARIANTS, NO_DEADLOCK, NOTHING_STARTS,
    ONE_RESULT, POOLS, SETTLED_ONCE, STARTED_OR_CLOSED, SUMS, TAKEN_OVER,
};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// Threads of one exploration.
const THREADS: usize = 2;

/// Explores everything: no `always` property may fail, exactly `possible` may happen, and there are `at_least` states.
fn holds(name: &str, model: JobModel, possible: &[&str], at_least: usize) {
    let begun = Instant::now();
    let checker = model.checker().threads(THREADS).spawn_bfs().join();
    println!("{name}: {} unique states in {:.1?}", checker.unique_state_count(), begun.elapsed());
    let mut seen = BTreeSet::new();
    for (property, path) in checker.discoveries() {
        if checker.model().property(property).expectation == Expectation::Always {
            let last = *path.last_state();
            panic!("{name}: not so: {property}\n{:#?}\n{last:#?}", path.into_actions());
        }
        seen.insert(property);
    }
    assert_eq!(seen, possible.iter().copied().collect(), "{name}: what can happen");
    let states = checker.unique_state_count();
    assert!(states >= at_least, "{name}: only {states} states, so something can not happen any more");
}

#[test]
fn the_protocol_holds() {
    let base = JobModel::new;
    let usual = [COMPLETES, CANCELLED, TAKEN_OVER];
    let slow = [COMPLETES, CANCELLED, TAKEN_OVER, FENCED, EXHAUSTED];
    holds("2 units, queue, 2 faults, 1 overrun", base(2, 2, 1), &slow, 900_000);
    holds("3 units, queue, 1 fault", base(3, 1, 0), &usual, 600_000);
    let deadline = JobModel { deadline: true, ..base(2, 1, 1) };
    holds("2 units, deadline, 1 fault, 1 overrun", deadline, &[&slow[..], &[EXPIRES]].concat(), 700_000);
    let drivers = JobModel { money_rights: true, ..base(2, 1, 1) };
    holds("2 units, drivers settle, 1 fault, 1 overrun", drivers, &[&usual[..], &[FENCED]].concat(), 300_000);
    let undisturbed = JobModel { delete: false, ..base(2, 3, 1) };
    holds("2 units, no DELETE, 3 faults, 1 overrun", undisturbed, &[COMPLETES, TAKEN_OVER, FENCED, EXHAUSTED], 80_000);
    let extract = extract(3, 1);
    let possible = [COMPLETES, CANCELLED_EXTRACT, EXPIRES, TAKEN_OVER, FENCED, EXHAUSTED];
    holds("extract, deadline, 3 faults, 1 overrun", extract, &possible, 500_000);
}

fn extract(faults: u8, overruns: u8) -> JobModel {
    JobModel { extract: true, deadline: true, money_rights: true, ..JobModel::new(1, faults, overruns) }
}

#[test]
fn every_run_ends() {
    assert!(graph::every_run_ends(&JobModel { deadline: true, ..JobModel::new(2, 1, 0) }));
    assert!(graph::every_run_ends(&JobModel { money_rights: true, ..JobModel::new(2, 1, 0) }));
    assert!(graph::every_run_ends(&extract(1, 1)));
}

/// The mutant has to be caught, and by this property.
fn caught(mutant: Mutant, property: &'static str) {
    caught_in(mutant, JobModel::new(2, 2, 1), property);
}

fn caught_in(mutant: Mutant, model: JobModel, property: &'static str) {
    let model = JobModel { mutant: Some(mutant), ..model };
    let enough = HasDiscoveries::AnyOf(BTreeSet::from([property]));
    let checker = model.checker().finish_when(enough).spawn_bfs().join();
    let found = checker.discovery(property);
    let states = checker.unique_state_count();
    let Some(path) = found else { panic!("{mutant:?} is not caught: \"{property}\" holds in {states} states") };
    println!("{mutant:?} is caught after {states} states, by: {property}");
    // The shortest way into it, for whoever wants to see the harm.
    println!("    {:?}", path.into_actions());
}

#[test]
fn every_mutant_is_caught() {
    caught(Mutant::NoFence, ONE_RESULT);
    caught(Mutant::NoOnceGuard, SETTLED_ONCE);
    caught(Mutant::NoOnceGuard, POOLS);
    caught(Mutant::CountingProgress, SUMS);
    caught(Mutant::UnconditionalClaim, STARTED_OR_CLOSED);
    caught(Mutant::UnconditionalClaim, ONE_RESULT);
    caught(Mutant::NoClosing, NOTHING_STARTS);
    caught(Mutant::AnswersBeforeClosing, NOTHING_STARTS);
    caught(Mutant::UnguardedTakeOver, ONE_RESULT);
    caught(Mutant::SettleIgnoresState, INVARIANTS);
    // No fault is needed: the deadline alone ends units over their holders' heads.
    let deadline = || JobModel { deadline: true, ..JobModel::new(2, 0, 0) };
    caught_in(Mutant::BelievesItsOwnResult, deadline(), INVARIANTS);
    caught(Mutant::NoResend, NO_DEADLOCK);
    caught(Mutant::ResendOnlyWhileRunning, NO_DEADLOCK);
    // Sent again and forgotten again for ever.
    let mutant = Some(Mutant::CancelledMessageIsNoOp);
    assert!(!graph::every_run_ends(&JobModel { mutant, ..JobModel::new(2, 2, 1) }));
}

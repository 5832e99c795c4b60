//! One runner's view of a job as a sans-IO state machine: events in, actions out. Runners in a handler, behind the
//! queue and in the sweeper carry the actions out; the model and the tests drive the same code.
//!
//! No I/O, no clock, no randomness, no async: time and ids are arguments. A machine holds no state that cannot be
//! rebuilt from the rows: if it is lost, a new one starts by reading them.

mod act;
mod commit;
mod config;
mod delegate;
mod draft;
mod group_commit;
mod known;
pub mod lane;
mod observe;
mod runner_state;
pub mod terminate;
mod units;
mod wire;
mod write;

use std::collections::{BTreeMap, VecDeque};

use crate::segment::Segment;

pub use config::{
    Access, JobView, MARGIN_MS, Mode, Moment, RunnerConfig, Scope, SettlementRequest, WithSettle, WithoutSettle,
};
use group_commit::GroupCommit;
pub use known::FRESH_TICKS;
pub use runner_state::RunnerState;
pub use wire::{Action, Commit, Event, Exit, WriteOutcome};

/// Interval in ticks at which a runner without units of its own reads the job's state.
const IDLE_READ_TICKS: u64 = 250;
/// The same interval while an extract runs or the queue's workers do the work.
const BUSY_READ_TICKS: u64 = 1_000;
/// Interval in ticks at which the segments of units that others hold are read.
const HELD_READ_TICKS: u64 = 2_000;

/// A read that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum PendingRead {
    Job { requested_at: u64 },
    Segments { first: u32, last: u32 },
    Heartbeat,
}

/// One runner of one job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine<A: Access> {
    runner: RunnerState,
    commit: GroupCommit,
    reading: Option<PendingRead>,
    job_polled_at: u64,
    held_read_at: u64,
    terminating: bool,
    settling: bool,
    sending: bool,
    faults: u32,
    actions: VecDeque<Action<A>>,
    exit: Option<Exit>,
    access: std::marker::PhantomData<A>,
}

impl<A: Access> Machine<A> {
    /// Creates the machine of a runner whose job was read (or written) at `at`. `rows` are the job's segments if they
    /// are known; with `None` they are read first.
    pub fn new(config: RunnerConfig, job: JobView, rows: Option<Vec<Segment>>, at: Moment) -> Machine<A> {
        let mut machine = Machine {
            runner: RunnerState::new(config, job, at),
            commit: GroupCommit::default(),
            reading: None,
            job_polled_at: at.ticks,
            held_read_at: at.ticks,
            terminating: false,
            settling: false,
            sending: false,
            faults: 0,
            actions: VecDeque::new(),
            exit: None,
            access: std::marker::PhantomData,
        };
        match rows {
            Some(rows) => machine.runner.known.rows = rows.into_iter().map(|row| (row.index, row)).collect(),
            None => {
                machine.runner.known.unverified =
                    machine.runner.known.segments_of(&machine.runner.config.scope).into_iter().collect()
            }
        }
        machine.runner.admit();
        let rows: Vec<Segment> = machine.runner.known.rows.values().cloned().collect();
        rows.iter().for_each(|row| machine.observe(None, row, false));
        machine
    }

    /// Returns the job's state as last read.
    pub fn job(&self) -> JobView {
        self.runner.known.job
    }

    /// Returns the segments as last known. A missing one is untouched or was never read.
    pub fn rows(&self) -> &BTreeMap<u32, Segment> {
        &self.runner.known.rows
    }

    /// Returns the runner's configuration and the state of its units.
    pub fn runner_state(&self) -> &RunnerState {
        &self.runner
    }
}

#[cfg(test)]
mod tests;

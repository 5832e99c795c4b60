//! One runner's view of a job as a sans-IO state machine: events in, actions out. Runners in a handler, behind the
//! queue and in the sweeper carry the actions out; the model and the tests drive the same code.
//!
//! No I/O, no clock, no randomness, no async: time and ids are arguments. A machine holds no state that cannot be
//! rebuilt from the rows: if it is lost, a new one starts by reading them.

mod act;
mod commit;
mod delegate;
mod draft;
mod group_commit;
mod known;
pub mod lane;
mod observe;
mod plan;
mod share;
pub mod terminate;
mod units;
mod wire;
mod write;

use std::collections::{BTreeMap, VecDeque};

use crate::segment::Segment;

use group_commit::GroupCommit;
pub use known::FRESH_TICKS;
pub use plan::{Access, JobView, MARGIN_MS, Mode, Moment, Plan, Scope, Settling, WithSettle, WithoutSettle};
pub use share::Share;
pub use wire::{Action, Commit, Event, Exit, Outcome};

/// How often a runner that only waits reads the job's state and the segments of units that others hold, in ticks.
const IDLE_TICKS: u64 = 250;
/// The same while an extract runs or the queue's workers do the work.
const LOOK_TICKS: u64 = 1_000;
/// How often the segments of units that others hold are read, in ticks.
const HELD_TICKS: u64 = 2_000;

/// A read that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reading {
    Job { asked_at: u64 },
    Segments { first: u32, last: u32 },
}

/// One runner of one job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine<A: Access> {
    share: Share,
    commit: GroupCommit,
    reading: Option<Reading>,
    looked_at: u64,
    held_looked_at: u64,
    moving: bool,
    settling: bool,
    sending: bool,
    faults: u32,
    out: VecDeque<Action<A>>,
    exit: Option<Exit>,
    access: std::marker::PhantomData<A>,
}

impl<A: Access> Machine<A> {
    /// Creates the machine of a runner whose job was read (or written) at `at`. `rows` are the job's segments if they
    /// are known; with `None` they are read first.
    pub fn new(plan: Plan, job: JobView, rows: Option<Vec<Segment>>, at: Moment) -> Machine<A> {
        let mut machine = Machine {
            share: Share::new(plan, job, at),
            commit: GroupCommit::default(),
            reading: None,
            looked_at: at.ticks,
            held_looked_at: at.ticks,
            moving: false,
            settling: false,
            sending: false,
            faults: 0,
            out: VecDeque::new(),
            exit: None,
            access: std::marker::PhantomData,
        };
        match rows {
            Some(rows) => machine.share.known.rows = rows.into_iter().map(|row| (row.index, row)).collect(),
            None => {
                machine.share.known.unsure =
                    machine.share.known.segments_of(&machine.share.plan.scope).into_iter().collect()
            }
        }
        machine.share.admit();
        let rows: Vec<Segment> = machine.share.known.rows.values().cloned().collect();
        rows.iter().for_each(|row| machine.observe(None, row, false));
        machine
    }

    /// Returns the job's state as last read.
    pub fn job(&self) -> JobView {
        self.share.known.job
    }

    /// Returns the segments as last known. A missing one is untouched or was never read.
    pub fn rows(&self) -> &BTreeMap<u32, Segment> {
        &self.share.known.rows
    }

    /// Returns the runner's share of the job: its plan and the state of its units.
    pub fn share(&self) -> &Share {
        &self.share
    }
}

#[cfg(test)]
mod tests;

//! A configuration to explore and its steps.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::Timestamp;

use crate::hashed::Hashed;
use crate::mutant::Mutant;
use crate::process::Units;
use crate::setup::Setup;
use crate::world::{Rows, World};

/// How often a driver waits for time to pass before its invocation ends.
pub const MAX_WAKES: u8 = 1;

/// A configuration to explore.
pub struct JobModel {
    pub setup: Setup,
    /// Whether rows satisfy `domain::invariants`, by rows: many states have the same rows.
    pub checked_rows: Mutex<HashMap<Hashed<Rows>, bool>>,
}

/// The outcome of an operation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum OpOutcome {
    Success,
    /// It takes effect, but its process sees a failure.
    ReplyLost,
    /// It has no effect, and its process sees a failure.
    Failure,
    /// Its process sees a failure, and it takes effect later.
    Delayed,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// An operation of a process. `choice` says which segment is written first, or how a page ends.
    Perform {
        process: usize,
        op: usize,
        choice: usize,
        op_outcome: OpOutcome,
    },
    /// A worker receives a message.
    Receive(usize, Units),
    Delete(usize),
    Sweep(usize),
    /// The model has answered for all units that wait for it.
    Answer(usize),
    /// A process that can only wait has waited long enough.
    Wake(usize),
    /// A process's invocation ends.
    Stop(usize),
    /// A driver learns that its lease is lost: another process drives the job, or may.
    LoseLease(usize),
    Crash(usize),
    /// A write that seemed to have failed takes effect.
    ApplyDelayedWrite(usize),
    /// The length of a lease has passed.
    Tick,
    Deadline,
    LoseMessage(usize, Units),
    RepeatMessage(usize, Units),
}

impl JobModel {
    pub fn new(setup: Setup) -> JobModel {
        JobModel { setup, checked_rows: Mutex::default() }
    }

    pub fn has_mutant(&self, mutant: Mutant) -> bool {
        self.setup.mutant == Some(mutant)
    }

    pub fn deadline(&self) -> Timestamp {
        self.setup.deadline.map_or(Timestamp(i64::MAX), |leases| Timestamp(i64::from(leases) * 1_000 + 500))
    }

    pub fn now(&self, world: &World) -> Timestamp {
        let leases = Timestamp(i64::from(world.clock) * 1_000);
        if world.deadline_passed { leases.max(self.deadline()) } else { leases }
    }
}

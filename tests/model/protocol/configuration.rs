//! A configuration to explore and its steps.

use std::collections::HashMap;
use std::sync::Mutex;

use domain::Timestamp;

use crate::kept::Kept;
use crate::mutant::Mutant;
use crate::process::Units;
use crate::setup::Setup;
use crate::world::{Rows, World};

/// How often a driver waits for time to pass before its invocation ends.
pub const WAKES: u8 = 1;

/// A configuration to explore.
pub struct JobModel {
    pub setup: Setup,
    /// Results of `domain::invariants` by rows, since many states have the same rows.
    pub judged: Mutex<HashMap<Kept<Rows>, bool>>,
}

/// How an operation turns out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum How {
    Works,
    /// It takes effect, but its process sees a failure.
    LosesReply,
    /// It fails, and its process sees that.
    Fails,
    /// Its process sees a failure, and it takes effect later.
    ComesLate,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// An operation of a process. `choice` says which segment is written first, or how a page turns out.
    Do {
        process: usize,
        op: usize,
        choice: usize,
        how: How,
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
    /// Another process drives the job, or may.
    LoseLease(usize),
    Crash(usize),
    /// A write that seemed to have failed takes effect.
    Land(usize),
    /// The length of a lease has passed.
    Tick,
    Deadline,
    LoseMessage(usize, Units),
    RepeatMessage(usize, Units),
}

impl JobModel {
    pub fn new(setup: Setup) -> JobModel {
        JobModel { setup, judged: Mutex::default() }
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.setup.mutant == Some(mutant)
    }

    pub fn deadline(&self) -> Timestamp {
        self.setup.deadline.map_or(Timestamp(i64::MAX), |leases| Timestamp(i64::from(leases) * 1_000 + 500))
    }

    pub fn now(&self, world: &World) -> Timestamp {
        let leases = Timestamp(i64::from(world.clock) * 1_000);
        if world.late { leases.max(self.deadline()) } else { leases }
    }
}

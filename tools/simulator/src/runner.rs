//! A runner: a production machine and its pending work.

use domain::job::DriverLease;
use domain::machine::{
    Access, Action, Commit, Event, Exit, Machine, Moment, RunnerState, SettlementRequest, WithSettle, WithoutSettle,
};
use domain::{JobState, Seq};

use crate::assumptions::Micros;
use crate::keys::{JobRef, ProcessKey, TaskKey};

/// A machine's action, independent of the machine's access. Without `Show`, which is not simulated.
#[derive(Debug)]
pub enum RunnerAction {
    /// Read the job's row. [`Action`] explains this and the other variants.
    ReadJob,
    /// Read these segments.
    ReadSegments(u32, u32),
    /// Read the workers' heartbeat.
    ReadHeartbeat,
    /// Prepare a unit; the flag says whether it may have killed its process before.
    Prepare(Seq, bool),
    /// Run a unit, with this attempt.
    Run(Seq, u8),
    /// Abort a unit.
    Abort(Seq),
    /// Write results, then segments.
    Commit(Commit),
    /// Move the job to this state.
    Terminate(JobState),
    /// Settle the job, if it is still as the machine saw it.
    Settle(SettlementRequest),
    /// Send these units to the queue.
    Enqueue(std::collections::BTreeSet<Seq>),
    /// Exit: nothing is left to do.
    Exit(Exit),
}

/// A machine with or without the right to settle.
#[derive(Debug)]
pub enum AnyMachine {
    /// It may settle.
    WithSettle(Box<Machine<WithSettle>>),
    /// It may not settle.
    WithoutSettle(Box<Machine<WithoutSettle>>),
}

fn next<A: Access>(machine: &mut Machine<A>, at: Moment) -> Option<RunnerAction> {
    loop {
        return Some(match machine.next_action(at)? {
            Action::ReadJob => RunnerAction::ReadJob,
            Action::ReadSegments { first, last } => RunnerAction::ReadSegments(first, last),
            Action::ReadHeartbeat => RunnerAction::ReadHeartbeat,
            Action::Prepare { seq, suspect } => RunnerAction::Prepare(seq, suspect),
            Action::Run { seq, attempt } => RunnerAction::Run(seq, attempt),
            Action::Abort(seq) => RunnerAction::Abort(seq),
            Action::Commit(commit) => RunnerAction::Commit(commit),
            Action::Terminate(to) => RunnerAction::Terminate(to),
            Action::Settle(settle) => RunnerAction::Settle(A::settlement_request(settle)),
            Action::Enqueue(units) => RunnerAction::Enqueue(units),
            Action::Show { .. } => continue,
            Action::Exit(exit) => RunnerAction::Exit(exit),
        });
    }
}

impl AnyMachine {
    /// Returns the machine's next action.
    pub fn next(&mut self, at: Moment) -> Option<RunnerAction> {
        match self {
            AnyMachine::WithSettle(machine) => next(machine, at),
            AnyMachine::WithoutSettle(machine) => next(machine, at),
        }
    }

    /// Passes an event to the machine.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match self {
            AnyMachine::WithSettle(machine) => machine.handle(event, at),
            AnyMachine::WithoutSettle(machine) => machine.handle(event, at),
        }
    }

    /// Returns in how many ticks to ask for actions again.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        match self {
            AnyMachine::WithSettle(machine) => machine.next_timeout(at),
            AnyMachine::WithoutSettle(machine) => machine.next_timeout(at),
        }
    }

    /// Returns the state of the runner's units.
    pub fn runner_state(&self) -> &RunnerState {
        match self {
            AnyMachine::WithSettle(machine) => machine.runner_state(),
            AnyMachine::WithoutSettle(machine) => machine.runner_state(),
        }
    }

    /// Returns the segments as the machine knows them.
    pub fn rows(&self) -> &std::collections::BTreeMap<u32, domain::segment::Segment> {
        match self {
            AnyMachine::WithSettle(machine) => machine.rows(),
            AnyMachine::WithoutSettle(machine) => machine.rows(),
        }
    }

    /// Returns the job as the machine knows it.
    pub fn job(&self) -> domain::machine::JobView {
        match self {
            AnyMachine::WithSettle(machine) => machine.job(),
            AnyMachine::WithoutSettle(machine) => machine.job(),
        }
    }
}

/// A unit that is ready or runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Its number.
    pub seq: Seq,
    /// Whether it has a permit of its process.
    pub permit: bool,
    /// The number of its page within this runner, if one is being fetched.
    pub page: Option<u32>,
}

/// A runner.
#[derive(Debug)]
pub struct Runner {
    /// The machine.
    pub machine: AnyMachine,
    /// Its job.
    pub job: JobRef,
    /// The task that it runs for.
    pub task: TaskKey,
    /// The process that it runs in.
    pub process: ProcessKey,
    /// Units that are ready or run.
    pub units: Vec<Unit>,
    /// Pages started so far.
    pub pages: u32,
    /// Whether its unit is in its job's row.
    pub extract: bool,
    /// The driver's lease, if it has it.
    pub lease: Option<DriverLease>,
    /// When it is woken next.
    pub wake_at: Option<Micros>,
    /// The time at which it wants to be woken.
    pub wanted_at: Micros,
}

impl Runner {
    /// Removes a unit, if it is there. If `page` is given, removes the unit only if this page of it runs.
    pub fn take(&mut self, seq: Seq, page: Option<u32>) -> Option<Unit> {
        let at = self.units.iter().position(|unit| unit.seq == seq && page.is_none_or(|n| unit.page == Some(n)))?;
        Some(self.units.swap_remove(at))
    }
}

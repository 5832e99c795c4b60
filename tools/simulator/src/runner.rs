//! A runner: a production machine and its pending work.

use domain::job::DriverLease;
use domain::machine::{
    Access, Action, Commit, Event, Exit, Machine, Moment, Settling, Share, WithSettle, WithoutSettle,
};
use domain::{JobState, Seq};

use crate::assumptions::Micros;
use crate::keys::{JobRef, ProcessKey, TaskKey};

/// A machine's action, whatever the machine's rights. `Show` is left out: nothing here needs it.
#[derive(Debug)]
pub enum Order {
    /// Read the job's row. Like the others, see [`Action`].
    ReadJob,
    /// Read these segments.
    ReadSegments(u32, u32),
    /// Read the workers' heartbeat.
    ReadHeartbeat,
    /// Prepare a unit; whether it may have killed its process before.
    Prepare(Seq, bool),
    /// Run a unit, with this attempt.
    Run(Seq, u8),
    /// Abort a unit.
    Abort(Seq),
    /// Write results, then segments.
    Commit(Commit),
    /// Move the job to this state.
    Terminate(JobState),
    /// Settle the job as judged.
    Settle(Settling),
    /// Send these units to the queue.
    Enqueue(std::collections::BTreeSet<Seq>),
    /// Exit: nothing is left to do.
    Exit(Exit),
}

/// A machine with or without the right to settle.
#[derive(Debug)]
pub enum Brain {
    /// It may settle.
    Money(Box<Machine<WithSettle>>),
    /// It may not settle.
    Plain(Box<Machine<WithoutSettle>>),
}

fn next<A: Access>(machine: &mut Machine<A>, at: Moment) -> Option<Order> {
    loop {
        return Some(match machine.next_action(at)? {
            Action::ReadJob => Order::ReadJob,
            Action::ReadSegments { first, last } => Order::ReadSegments(first, last),
            Action::ReadHeartbeat => Order::ReadHeartbeat,
            Action::Prepare { seq, suspect } => Order::Prepare(seq, suspect),
            Action::Run { seq, attempt } => Order::Run(seq, attempt),
            Action::Abort(seq) => Order::Abort(seq),
            Action::Commit(commit) => Order::Commit(commit),
            Action::Terminate(to) => Order::Terminate(to),
            Action::Settle(settle) => Order::Settle(A::settling(settle)),
            Action::Enqueue(units) => Order::Enqueue(units),
            Action::Show { .. } => continue,
            Action::Exit(exit) => Order::Exit(exit),
        });
    }
}

impl Brain {
    /// Returns the machine's next action.
    pub fn next(&mut self, at: Moment) -> Option<Order> {
        match self {
            Brain::Money(machine) => next(machine, at),
            Brain::Plain(machine) => next(machine, at),
        }
    }

    /// Passes an event to the machine.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match self {
            Brain::Money(machine) => machine.handle(event, at),
            Brain::Plain(machine) => machine.handle(event, at),
        }
    }

    /// Returns in how many ticks to ask for actions again.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        match self {
            Brain::Money(machine) => machine.next_timeout(at),
            Brain::Plain(machine) => machine.next_timeout(at),
        }
    }

    /// Returns the state of the runner's units.
    pub fn share(&self) -> &Share {
        match self {
            Brain::Money(machine) => machine.share(),
            Brain::Plain(machine) => machine.share(),
        }
    }

    /// Returns the segments as the machine knows them.
    pub fn rows(&self) -> &std::collections::BTreeMap<u32, domain::segment::Segment> {
        match self {
            Brain::Money(machine) => machine.rows(),
            Brain::Plain(machine) => machine.rows(),
        }
    }

    /// Returns the job as the machine knows it.
    pub fn job(&self) -> domain::machine::JobView {
        match self {
            Brain::Money(machine) => machine.job(),
            Brain::Plain(machine) => machine.job(),
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
    pub brain: Brain,
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
    /// When it is woken next, and when it asked to be woken.
    pub wake_at: Option<Micros>,
    /// See `wake_at`.
    pub wanted_at: Micros,
}

impl Runner {
    /// Removes a unit, if it is there. If `page` is given, only if that page is the one that runs.
    pub fn take(&mut self, seq: Seq, page: Option<u32>) -> Option<Unit> {
        let at = self.units.iter().position(|unit| unit.seq == seq && page.is_none_or(|n| unit.page == Some(n)))?;
        Some(self.units.swap_remove(at))
    }
}

//! A runner: a machine of production, with what it has under way.

use domain::job::DriverLease;
use domain::machine::{
    Access, Action, Commit, Event, Exit, Machine, Moment, Settling, Share, WithSettle, WithoutSettle,
};
use domain::{JobState, Seq};

use crate::assumptions::Micros;
use crate::lambda::ProcessKey;
use crate::slab::Key;
use crate::steps::JobRef;
use crate::world::TaskKey;

/// Names a runner.
pub type RunnerKey = Key<Runner>;

/// What a machine says, whatever its rights. What it shows nobody looks at.
#[derive(Debug)]
pub enum Order {
    /// See [`Action`], and so on.
    ReadJob,
    /// These segments.
    ReadSegments(u32, u32),
    /// The workers' sign of life.
    ReadHeartbeat,
    /// A unit; whether it may have killed its process before.
    Prepare(Seq, bool),
    /// A unit, and its attempt.
    Run(Seq, u8),
    /// A unit.
    Abort(Seq),
    /// Results, then segments.
    Commit(Commit),
    /// Into this state.
    Terminate(JobState),
    /// As it judged.
    Settle(Settling),
    /// These units.
    Enqueue(std::collections::BTreeSet<Seq>),
    /// It has nothing more to do.
    Exit(Exit),
}

/// A machine, with or without money rights.
#[derive(Debug)]
pub enum Brain {
    /// May settle.
    Money(Box<Machine<WithSettle>>),
    /// May not.
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
    /// What it says next.
    pub fn next(&mut self, at: Moment) -> Option<Order> {
        match self {
            Brain::Money(machine) => next(machine, at),
            Brain::Plain(machine) => next(machine, at),
        }
    }

    /// Tells it what happened.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match self {
            Brain::Money(machine) => machine.handle(event, at),
            Brain::Plain(machine) => machine.handle(event, at),
        }
    }

    /// In how many ticks to ask again.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        match self {
            Brain::Money(machine) => machine.next_timeout(at),
            Brain::Plain(machine) => machine.next_timeout(at),
        }
    }

    /// Where its units stand.
    pub fn share(&self) -> &Share {
        match self {
            Brain::Money(machine) => machine.share(),
            Brain::Plain(machine) => machine.share(),
        }
    }

    /// The segments as it knows them.
    pub fn rows(&self) -> &std::collections::BTreeMap<u32, domain::segment::Segment> {
        match self {
            Brain::Money(machine) => machine.rows(),
            Brain::Plain(machine) => machine.rows(),
        }
    }

    /// The job as it knows it.
    pub fn job(&self) -> domain::machine::JobView {
        match self {
            Brain::Money(machine) => machine.job(),
            Brain::Plain(machine) => machine.job(),
        }
    }
}

/// A unit that may be run or runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Which.
    pub seq: Seq,
    /// Whether it has one of its process's places.
    pub permit: bool,
    /// Of a page that is under way: which of this runner's.
    pub page: Option<u32>,
}

/// A runner.
#[derive(Debug)]
pub struct Runner {
    /// The machine.
    pub brain: Brain,
    /// Its job.
    pub job: JobRef,
    /// Whose it is.
    pub task: TaskKey,
    /// Where it runs.
    pub process: ProcessKey,
    /// Units that may be run or run.
    pub units: Vec<Unit>,
    /// Pages begun so far.
    pub pages: u32,
    /// Whether its unit is in its job's row.
    pub extract: bool,
    /// The driver's lease, where it has it.
    pub lease: Option<DriverLease>,
    /// When it is woken next, and when it asked to be.
    pub wake_at: Option<Micros>,
    /// See `wake_at`.
    pub wanted_at: Micros,
}

impl Runner {
    /// Takes a unit out, if it is there; where a `page` is named, only if that is the one that runs.
    pub fn take(&mut self, seq: Seq, page: Option<u32>) -> Option<Unit> {
        let at = self.units.iter().position(|unit| unit.seq == seq && page.is_none_or(|n| unit.page == Some(n)))?;
        Some(self.units.swap_remove(at))
    }
}

//! What a machine is told once: how its runner works, what it has a right to, and what is known of its job.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;

use crate::ids::{Nonce, Seq};
use crate::job::{Job, JobState};
use crate::segment::{Segment, Totals};
use crate::time::Timestamp;

use super::MARGIN_MS;

/// A moment: what the wall clock says, which decides leases and deadlines, and milliseconds of a clock that never goes
/// back, which pace a runner's own steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    /// By the wall clock.
    pub now: Timestamp,
    /// By the steady one.
    pub ticks: u64,
}

/// Which units a runner is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of the job's, those included that it will admit.
    Job,
    /// Those of a message.
    Units(BTreeSet<Seq>),
}

/// What a runner is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Runs pages.
    Run,
    /// Runs none: brings the job into this state, if that is not where it is, and does what a state asks for.
    End(Option<JobState>),
}

/// How a runner works.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// Who it is.
    pub me: Nonce,
    /// What it is for.
    pub mode: Mode,
    /// Which units.
    pub scope: Scope,
    /// Pages at once, at least 1.
    pub concurrency: u32,
    /// Milliseconds for a page.
    pub timeout_ms: u32,
    /// Seconds of a lease; a unit's is the page's time plus this.
    pub lease_secs: u64,
    /// No sign of a worker for so long, and the work is done here.
    pub stall_secs: u64,
    /// Whether the job stops at its first failure.
    pub fail_fast: bool,
    /// Whether the job may grow.
    pub crawl: bool,
    /// Whether the job is an extract: its unit's row is the job's, and the last write settles.
    pub extract: bool,
    /// Longest that what has ended waits for others to end, in ticks.
    pub linger_ticks: u64,
    /// When this runner has to be done. What may take longer is not started.
    pub until: Option<Timestamp>,
    /// Faults of the store in a row after which it gives up.
    pub most_faults: u32,
    /// Whether the queue is to be told of what is open, and its workers to do the work.
    pub delegate: bool,
}

impl Plan {
    /// When the last page may start, so that it can end before the runner has to be done.
    pub(super) fn starts_until(&self) -> Option<Timestamp> {
        self.until.map(|until| until.plus_ms(-i64::from(self.timeout_ms) - MARGIN_MS))
    }

    /// Whether a unit that starts now can end before the runner has to be done.
    pub(super) fn has_time(&self, at: Moment) -> bool {
        self.starts_until().is_none_or(|until| at.now < until)
    }
}

/// What decides of a job's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobView {
    /// Where it stands.
    pub state: JobState,
    /// How many units exist.
    pub admitted: u32,
    /// When it is ended whatever is open.
    pub deadline: Timestamp,
}

impl JobView {
    /// Of a job's row.
    pub fn of(job: &Job) -> JobView {
        JobView { state: job.state, admitted: job.admitted, deadline: job.deadline }
    }

    /// Whether the deadline has to be enforced now.
    pub fn must_expire(&self, now: Timestamp) -> bool {
        // A job that is being terminated needs no deadline: nothing starts, and what has started is tried three times.
        self.state == JobState::Running && now >= self.deadline
    }
}

/// What a settlement is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settling {
    /// The job's state and units as they were judged: the write's condition.
    pub job: JobView,
    /// What its units came to.
    pub totals: Totals,
    /// Of an extract: its unit's end, which is part of the same write. The unit's result is put with it.
    pub last: Option<Segment>,
}

/// What a runner has a right to: by type, so that one without money rights cannot say settle.
pub trait Access: Debug + Clone + PartialEq + Eq + Hash {
    /// What a settlement is for it; a type without values where it has no right.
    type Settle: Debug + Clone + PartialEq + Eq + Hash;
    /// A settlement, if it has the right.
    fn settle(settling: Settling) -> Option<Self::Settle>;
    /// What a settlement says, for whoever carries it out.
    fn settling(settle: Self::Settle) -> Settling;
}

/// May settle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WithSettle;

impl Access for WithSettle {
    type Settle = Settling;
    fn settle(settling: Settling) -> Option<Settling> {
        Some(settling)
    }
    fn settling(settle: Settling) -> Settling {
        settle
    }
}

/// May not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WithoutSettle;

impl Access for WithoutSettle {
    type Settle = Infallible;
    fn settle(_: Settling) -> Option<Infallible> {
        None
    }
    fn settling(never: Infallible) -> Settling {
        match never {}
    }
}

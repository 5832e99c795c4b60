//! A machine's input at creation: how its runner works, what it may do, and what is known of its job.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hash::Hash;

use crate::ids::{Nonce, Seq};
use crate::job::{Job, JobState};
use crate::segment::{Segment, Totals};
use crate::time::Timestamp;

/// Time kept free before the runner must be done, in milliseconds.
pub const MARGIN_MS: i64 = 2_000;

/// A moment on two clocks: the wall clock, which decides leases and deadlines, and a monotonic clock in milliseconds,
/// which paces a runner's own steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The wall clock.
    pub now: Timestamp,
    /// The monotonic clock.
    pub ticks: u64,
}

/// The units that a runner is responsible for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All units of the job, including those that it will admit.
    Job,
    /// The units of a message.
    Units(BTreeSet<Seq>),
}

/// What a runner does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Runs pages.
    Run,
    /// Runs no pages. Moves the job to this state if it is not in it yet, and applies the termination rule.
    End(Option<JobState>),
}

/// The parameters of a runner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunnerConfig {
    /// The runner's nonce.
    pub nonce: Nonce,
    /// What it does.
    pub mode: Mode,
    /// Its units.
    pub scope: Scope,
    /// Maximum number of pages at once, at least 1.
    pub concurrency: u32,
    /// Timeout of a page in milliseconds.
    pub timeout_ms: u32,
    /// Length of a lease in seconds. A unit's lease is the page's timeout plus this.
    pub lease_secs: u64,
    /// Seconds without a heartbeat of any worker after which this runner does the work itself.
    pub stall_secs: u64,
    /// Whether the job stops at its first failed unit.
    pub fail_fast: bool,
    /// Whether the job is a crawl and may grow.
    pub crawl: bool,
    /// Whether the job is an extract: its unit is in the job's row, and the last write settles.
    pub extract: bool,
    /// Maximum time that an ended unit waits for others to end in the same write, in ticks.
    pub linger_ticks: u64,
    /// When this runner must be done. It starts nothing that may take longer.
    pub until: Option<Timestamp>,
    /// Number of consecutive faults after which the runner gives up.
    pub max_faults: u32,
    /// Whether to send open units to the queue for its workers.
    pub delegate: bool,
}

impl RunnerConfig {
    /// Returns when the last page may start, so that it ends before the runner must be done.
    pub(super) fn latest_start(&self) -> Option<Timestamp> {
        self.until.map(|until| until.plus_ms(-i64::from(self.timeout_ms) - MARGIN_MS))
    }

    /// Returns whether a unit that starts now can end before the runner must be done.
    pub(super) fn has_time(&self, at: Moment) -> bool {
        self.latest_start().is_none_or(|until| at.now < until)
    }
}

/// The part of a job's row that decides what a machine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobView {
    /// The state.
    pub state: JobState,
    /// How many units exist.
    pub admitted: u32,
    /// When the job is expired even if units are open.
    pub deadline: Timestamp,
}

impl JobView {
    /// Returns the view of a job's row.
    pub fn of(job: &Job) -> JobView {
        JobView { state: job.state, admitted: job.admitted, deadline: job.deadline }
    }

    /// Returns whether the deadline must be enforced now.
    pub fn must_expire(&self, now: Timestamp) -> bool {
        // A job that is being terminated needs no deadline: nothing starts, and what has started is tried three times.
        self.state == JobState::Running && now >= self.deadline
    }
}

/// The input of a settlement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SettlementRequest {
    /// The job's state and number of units when the settlement was decided. The write requires that both are unchanged.
    pub job: JobView,
    /// The totals of its units.
    pub totals: Totals,
    /// For an extract, the end of its unit. The same write also contains the unit's result.
    pub final_segment: Option<Segment>,
}

/// A runner's rights, as a type: a runner without rights to money cannot request a settlement.
pub trait Access: Debug + Clone + PartialEq + Eq + Hash {
    /// The type of its settlements; a type without values if it may not settle.
    type Settle: Debug + Clone + PartialEq + Eq + Hash;
    /// Wraps a settlement. Returns `None` if the runner may not settle.
    fn settle(request: SettlementRequest) -> Option<Self::Settle>;
    /// Unwraps a settlement to carry it out.
    fn settlement_request(settle: Self::Settle) -> SettlementRequest;
}

/// May settle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WithSettle;

impl Access for WithSettle {
    type Settle = SettlementRequest;
    fn settle(request: SettlementRequest) -> Option<SettlementRequest> {
        Some(request)
    }
    fn settlement_request(settle: SettlementRequest) -> SettlementRequest {
        settle
    }
}

/// May not settle.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WithoutSettle;

impl Access for WithoutSettle {
    type Settle = Infallible;
    fn settle(_: SettlementRequest) -> Option<Infallible> {
        None
    }
    fn settlement_request(never: Infallible) -> SettlementRequest {
        match never {}
    }
}

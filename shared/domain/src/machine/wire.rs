//! The messages between a machine and its runner.

use std::collections::BTreeSet;

use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, UnitEnd, UnitState, WriteId};
use crate::time::Timestamp;

use super::config::{Access, JobView};

/// An event for the machine.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The job's row was read; `None` if it is gone.
    Job(Option<JobView>),
    /// The rows of segments were read; a missing one does not exist.
    Segments(Vec<Segment>),
    /// A read failed.
    ReadFailed,
    /// The job has grown to this many units.
    Admitted(u32),
    /// A unit has its host's slot and a permit.
    Ready {
        /// The unit.
        seq: Seq,
        /// Whether its host's slot is now.
        paced: bool,
    },
    /// A unit's host has no slot before `until`; none was booked.
    Deferred {
        /// The unit.
        seq: Seq,
        /// When to try again.
        until: Timestamp,
    },
    /// robots.txt denies a unit: it never starts.
    Denied(Seq),
    /// A unit could not be prepared, or an internal fault lost its page.
    Dropped(Seq),
    /// Processing of a unit's page has ended.
    Ended {
        /// The unit.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
        /// How it ended.
        end: UnitEnd,
        /// When it ended.
        at: Timestamp,
        /// URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// A unit's page was read, and a model is to be asked for the fields left open. The values read so far are its
    /// provisional result.
    Asked {
        /// The unit.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
        /// When the page was read.
        at: Timestamp,
        /// URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// A result with the model's answer, or without one if the model had none, was stored for a unit that waited for
    /// it. The result belongs to the attempt after the one that read the page.
    Answered {
        /// The unit.
        seq: Seq,
        /// The attempt that read the page.
        attempt: u8,
        /// When the answer arrived.
        at: Timestamp,
    },
    /// A commit is finished, with the outcome for each of its segments.
    Committed(Vec<(u32, WriteOutcome)>),
    /// The job was moved to the requested state, or is in another by now.
    JobStateChanged,
    /// Moving the job to the requested state failed.
    JobStateChangeFailed,
    /// The settlement took effect.
    Settled,
    /// The settlement did not take effect: the rows have changed since it was decided.
    SettleRefused,
    /// It is unknown whether the settlement took effect.
    SettleFailed,
    /// Units were sent to the queue, which did not take these.
    Enqueued(BTreeSet<Seq>),
    /// The workers' last heartbeat.
    Heartbeat(Option<Timestamp>),
    /// Another runner drives the job, or may do so.
    LeaseLost,
    /// The process is ending.
    Stop,
}

/// The outcome of a segment's write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum WriteOutcome {
    /// It took effect.
    Written,
    /// It did not take effect. Contains the current row, if there is one.
    Refused(Option<Segment>),
    /// The outcome is unknown.
    Failed,
}

/// A commit: results first, all of them, then each segment by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// The id of the write.
    pub id: WriteId,
    /// Units whose results are written first, with their attempts.
    pub results: Vec<(Seq, u8)>,
    /// The rows, each on condition of its previous version.
    pub segments: Vec<Segment>,
}

/// An action for the runner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action<A: Access> {
    /// Read the job's row. Answered by [`Event::Job`] or [`Event::ReadFailed`].
    ReadJob,
    /// Read the rows of these segments, inclusive. Answered by [`Event::Segments`] or [`Event::ReadFailed`].
    ReadSegments {
        /// The first segment.
        first: u32,
        /// The last segment.
        last: u32,
    },
    /// Wait for a permit and for a slot of the unit's host. Answered by `Ready`, `Deferred`, `Denied` or `Dropped`.
    Prepare {
        /// The unit.
        seq: Seq,
        /// Whether the unit was started before and never ended: its page may have killed the process.
        suspect: bool,
    },
    /// Run a unit's page. Answered by `Ended` or `Dropped`.
    Run {
        /// The unit.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
    },
    /// Stop preparing or running a unit. Not answered.
    Abort(Seq),
    /// Write a commit. Answered by [`Event::Committed`].
    Commit(Commit),
    /// Move the job from the state that was read to this one. Answered by `JobStateChanged` or `JobStateChangeFailed`.
    Terminate(JobState),
    /// End the job and resolve its reservation. Answered by `Settled`, `SettleRefused` or `SettleFailed`.
    Settle(A::Settle),
    /// Send these units to the queue. Answered by [`Event::Enqueued`].
    Enqueue(BTreeSet<Seq>),
    /// Read the workers' heartbeat. Answered by [`Event::Heartbeat`] or [`Event::ReadFailed`].
    ReadHeartbeat,
    /// These units are over, and their results may be shown. Not answered.
    Show {
        /// The units and how they ended.
        units: Vec<(Seq, UnitState)>,
        /// Whether a write of this machine ended them.
        own: bool,
    },
    /// The machine has nothing more to do.
    Exit(Exit),
}

/// Why a machine has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// The job has ended.
    Settled,
    /// Every unit is over, and a runner that may settle must settle the job.
    NeedsSettlement,
    /// Other runners hold the remaining units, or these are deferred: see `open`, `held_until` and `deferred_until` of
    /// [`RunnerState`](super::RunnerState).
    NothingToRun,
    /// The store failed too often.
    GaveUp,
}

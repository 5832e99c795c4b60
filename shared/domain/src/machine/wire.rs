//! What is said between a machine and its runner.

use std::collections::BTreeSet;

use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, UnitEnd, UnitState, WriteId};
use crate::time::Timestamp;

use super::plan::{Access, JobView};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Event {
    /// The job's row was read; `None` where it is gone.
    Job(Option<JobView>),
    /// The rows of segments were read; one that is left out does not exist.
    Segments(Vec<Segment>),
    /// A read failed.
    ReadFailed,
    /// The job has grown.
    Admitted(u32),
    /// A unit has its host's slot and a permit. `paced`: its slot is now.
    Ready {
        /// Which.
        seq: Seq,
        /// Whether its host's slot is now.
        paced: bool,
    },
    /// A unit's host has no slot before then; none was booked.
    Deferred {
        /// Which.
        seq: Seq,
        /// When to try again.
        until: Timestamp,
    },
    /// robots.txt denies a unit: it never starts.
    Denied(Seq),
    /// A unit could not be prepared, or its page was lost to a fault of ours.
    Dropped(Seq),
    /// A unit's page has ended.
    Ended {
        /// Which.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
        /// How.
        end: UnitEnd,
        /// When.
        at: Timestamp,
        /// URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// A unit's page was read, and a model is to be asked for what is open; what was read is its provisional result.
    Asked {
        /// Which.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
        /// When.
        at: Timestamp,
        /// URLs that it found and that will not be fetched.
        skipped: u32,
    },
    /// What a model said of a unit that waited for it, or that it says nothing, is in a result that was put: that of the
    /// attempt after the one that read the page.
    Answered {
        /// Which.
        seq: Seq,
        /// The attempt that read the page.
        attempt: u8,
        /// When.
        at: Timestamp,
    },
    /// A commit is through: what became of each of its segments.
    Committed(Vec<(u32, Outcome)>),
    /// The job was moved to the state that was said, or is in another by now.
    Moved,
    /// A move failed.
    MoveFailed,
    /// The settlement took effect.
    Settled,
    /// It did not: the rows are not as they were judged.
    SettleRefused,
    /// It is not known whether it did.
    SettleFailed,
    /// The queue was told; it did not take these units.
    Enqueued(BTreeSet<Seq>),
    /// The workers' last sign of life.
    Heartbeat(Option<Timestamp>),
    /// Another drives the job, or may.
    LeaseLost,
    /// The process ends.
    Stop,
}

/// What became of a segment's write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It took effect.
    Written,
    /// It did not; the row as it stands, if there is one.
    Refused(Option<Segment>),
    /// It is not known.
    Failed,
}

/// A commit: results first, all of them, then each segment by compare-and-set.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Commit {
    /// Which write it is.
    pub id: WriteId,
    /// Units whose results are put before, with their attempts.
    pub results: Vec<(Seq, u8)>,
    /// The rows, each on the condition of the version before.
    pub segments: Vec<Segment>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action<A: Access> {
    /// Read the job's row. Answered by [`Event::Job`] or [`Event::ReadFailed`].
    ReadJob,
    /// Read the rows of these segments, both included. Answered by [`Event::Segments`] or [`Event::ReadFailed`].
    ReadSegments {
        /// The first.
        first: u32,
        /// The last.
        last: u32,
    },
    /// Get a unit its host's slot and a permit. Answered by `Ready`, `Deferred`, `Denied` or `Dropped`.
    Prepare {
        /// Which.
        seq: Seq,
        /// It was started before and never ended: it may have killed its process.
        suspect: bool,
    },
    /// Run a unit's page. Answered by `Ended` or `Dropped`.
    Run {
        /// Which.
        seq: Seq,
        /// Its attempt.
        attempt: u8,
    },
    /// Stop preparing or running a unit. Not answered.
    Abort(Seq),
    /// Answered by [`Event::Committed`].
    Commit(Commit),
    /// Move the job from the state that was read to this one. Answered by `Moved` or `MoveFailed`.
    Terminate(JobState),
    /// End the job and resolve its reservation. Answered by `Settled`, `SettleRefused` or `SettleFailed`.
    Settle(A::Settle),
    /// Tell the queue that these units wait. Answered by [`Event::Enqueued`].
    Enqueue(BTreeSet<Seq>),
    /// Read the workers' sign of life. Answered by [`Event::Heartbeat`] or [`Event::ReadFailed`].
    ReadHeartbeat,
    /// For who shows results: these units are over now. Not answered.
    Show {
        /// Which, and how.
        units: Vec<(Seq, UnitState)>,
        /// Whether a write of this machine ended them.
        own: bool,
    },
    /// It has nothing more to do.
    Exit(Exit),
}

/// Why a machine has nothing more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    /// The job has ended.
    Settled,
    /// Every unit is over, and somebody with money rights has to settle.
    Over,
    /// What is left is others' to do, or comes later: see the machine's `open`, `held_until`, `deferred_until`.
    Left,
    /// The store failed too often.
    GaveUp,
}

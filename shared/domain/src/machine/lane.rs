//! Decides how a lane of the queue continues when its message is done.

use std::collections::BTreeMap;

use crate::ids::Seq;
use crate::job::JobState;
use crate::lanes::Lanes;
use crate::segment::Segment;

use super::config::JobView;

/// How a lane continues.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LaneStep {
    /// No unit of the job needs a runner: the job is settled, or the model is asked for the units that wait for it.
    Settle,
    /// Continue with these units.
    Continue(Vec<Seq>),
    /// Wait for the crawl to grow.
    AwaitGrowth,
    /// The lane has ended: it has no units and will get none.
    End,
}

/// Decides from all segments of the job, read after the message's units ended.
pub fn next_step(job: JobView, crawl: bool, rows: &BTreeMap<u32, Segment>, lanes: &Lanes, lane: u32) -> LaneStep {
    let unit = |seq: Seq| rows.get(&Segment::index_of(seq)).map(|row| row.unit(seq)).unwrap_or_default();
    if (0..job.admitted).all(|seq| unit(seq).needs_no_runner()) {
        return LaneStep::Settle;
    }
    if job.state != JobState::Running {
        return LaneStep::End;
    }
    // Includes units that another runner has started: if that runner is dead, the lane's next message takes them over.
    match lanes.next(lane, job.admitted, |seq| !unit(seq).needs_no_runner()) {
        Some(seqs) => LaneStep::Continue(seqs),
        None if crawl => LaneStep::AwaitGrowth,
        None => LaneStep::End,
    }
}

//! What a lane of the queue goes on with when its message is done.

use std::collections::BTreeMap;

use crate::ids::Seq;
use crate::job::JobState;
use crate::lanes::Lanes;
use crate::segment::Segment;

use super::plan::JobView;

/// What a lane does next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Next {
    /// Nothing of the job is open any more: somebody settles, or has the model asked that units wait for.
    Settle,
    /// It goes on with these units.
    Go(Vec<Seq>),
    /// It waits for the crawl to grow.
    Park,
    /// It has nothing to do and never will.
    End,
}

/// Judges by all segments of the job, read after the message's units ended.
pub fn next(job: JobView, crawl: bool, rows: &BTreeMap<u32, Segment>, lanes: &Lanes, lane: u32) -> Next {
    let unit = |seq: Seq| rows.get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default();
    if (0..job.admitted).all(|seq| unit(seq).is_quiet()) {
        return Next::Settle;
    }
    if job.state != JobState::Running {
        return Next::End;
    }
    // What another has started too: where that one is dead, the lane's next message takes it over.
    match lanes.next(lane, job.admitted, |seq| !unit(seq).is_quiet()) {
        Some(seqs) => Next::Go(seqs),
        None if crawl => Next::Park,
        None => Next::End,
    }
}

//! Group commit: while a write is under way, what ends and what comes free accumulates; the next takes it all.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::known::Known;
use super::plan::{Moment, Plan};
use super::units::{Local, Units};
use crate::ids::{Nonce, Seq};
use crate::segment::{Segment, UnitState, WriteId};

/// What a write that is under way does with a unit of this runner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Move {
    Start { attempt: u8 },
    End,
}

/// A write that is under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Write {
    pub(super) id: WriteId,
    pub(super) segments: BTreeMap<u32, Segment>,
    pub(super) moves: BTreeMap<Seq, Move>,
}

/// When writes are begun, and the one that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct GroupCommit {
    pub(super) write: Option<Write>,
    writes: u32,
    /// Since when something waits for the next write.
    waiting_since: Option<u64>,
}

impl GroupCommit {
    /// Whether what waits is to be written now. Under load groups grow by themselves; where few are under way nothing
    /// waits for others.
    pub(super) fn is_due(&mut self, units: &Units, known: &Known, plan: &Plan, at: Moment) -> bool {
        let (mut waiting, mut preparing, mut running, mut urgent) = (0usize, 0usize, 0usize, false);
        for (seq, local) in &units.local {
            match local {
                Local::Ready { paced } => {
                    waiting += 1;
                    urgent |= *paced || known.unit(*seq) != UnitState::Pending;
                }
                Local::Denied => urgent = true,
                Local::Finished { .. } | Local::Asked { .. } | Local::Answered { .. } => waiting += 1,
                Local::Waiting => preparing += 1,
                Local::Running { .. } => running += 1,
            }
        }
        if waiting == 0 && !urgent {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(at.ticks);
        let lingered = at.ticks >= since.saturating_add(plan.linger_ticks);
        if !(urgent || lingered || (preparing == 0 && waiting >= running)) {
            return false;
        }
        // What is ready waits for the job's state to be known; what has ended waits with it, a read long.
        known.is_fresh(at) || units.ready().next().is_none()
    }

    /// When what waits is to be written at the latest.
    pub(super) fn due_at(&self, linger_ticks: u64) -> Option<u64> {
        self.waiting_since.filter(|_| self.write.is_none()).map(|since| since.saturating_add(linger_ticks))
    }

    /// Begins the write of a draft; `None` where it changes nothing.
    pub(super) fn begin(&mut self, me: Nonce, draft: Draft) -> Option<&Write> {
        self.waiting_since = None;
        if draft.rows.is_empty() {
            return None;
        }
        self.writes += 1;
        let id = WriteId { writer: me, n: self.writes };
        let segments = draft.rows.iter().map(|(index, row)| (*index, row.next(id))).collect();
        Some(self.write.insert(Write { id, segments, moves: draft.moves }))
    }

    /// Whether a segment is being written.
    pub(super) fn writes_segment(&self, index: u32) -> bool {
        self.write.as_ref().is_some_and(|write| write.segments.contains_key(&index))
    }

    /// Whether a unit is being moved.
    pub(super) fn moves_unit(&self, seq: Seq) -> bool {
        self.write.as_ref().is_some_and(|write| write.moves.contains_key(&seq))
    }
}

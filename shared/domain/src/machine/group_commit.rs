//! Group commit: while a write is under way, units that end or become ready accumulate; the next write takes them all.

use super::config::{Moment, RunnerConfig};
use super::draft::Draft;
use super::known::KnownRows;
use super::units::{LocalState, Units};
use super::write::Write;
use crate::ids::{Nonce, Seq};
use crate::segment::{UnitState, WriteId};

/// Decides when writes begin, and holds the one under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct GroupCommit {
    pub(super) write: Option<Write>,
    writes: u32,
    /// Since when units wait for the next write.
    waiting_since: Option<u64>,
}

impl GroupCommit {
    /// Returns whether waiting units are to be written now. Under load, groups become large without waiting. With few
    /// units under way, no unit waits for others.
    pub(super) fn is_due(&mut self, units: &Units, known: &KnownRows, config: &RunnerConfig, at: Moment) -> bool {
        let (mut waiting, mut preparing, mut running, mut urgent) = (0usize, 0usize, 0usize, false);
        for (seq, local) in &units.local {
            match local {
                LocalState::Ready { paced } => {
                    waiting += 1;
                    urgent |= *paced || known.unit(*seq) != UnitState::Pending;
                }
                LocalState::Denied => urgent = true,
                LocalState::Finished { .. } | LocalState::Asked { .. } | LocalState::Answered { .. } => waiting += 1,
                LocalState::Preparing => preparing += 1,
                LocalState::Running { .. } => running += 1,
            }
        }
        if waiting == 0 && !urgent {
            self.waiting_since = None;
            return false;
        }
        let since = *self.waiting_since.get_or_insert(at.ticks);
        let lingered = at.ticks >= since.saturating_add(config.linger_ticks);
        if !(urgent || lingered || (preparing == 0 && waiting >= running)) {
            return false;
        }
        // Ready units wait until the job's state is fresh; ended ones wait with them, for the time of one read.
        known.is_fresh(at) || units.ready().next().is_none()
    }

    /// Returns the latest time at which waiting units are written.
    pub(super) fn due_at(&self, linger_ticks: u64) -> Option<u64> {
        self.waiting_since.filter(|_| self.write.is_none()).map(|since| since.saturating_add(linger_ticks))
    }

    /// Begins the write of a draft. Returns `None` if it changes nothing.
    pub(super) fn begin(&mut self, writer: Nonce, draft: Draft) -> Option<&Write> {
        self.waiting_since = None;
        if draft.rows.is_empty() {
            return None;
        }
        self.writes += 1;
        let id = WriteId { writer, n: self.writes };
        let segments = draft.rows.iter().map(|(index, row)| (*index, row.next(id))).collect();
        Some(self.write.insert(Write { id, segments, changes: draft.changes }))
    }

    /// Returns whether a segment is being written.
    pub(super) fn writes_segment(&self, index: u32) -> bool {
        self.write.as_ref().is_some_and(|write| write.segments.contains_key(&index))
    }

    /// Returns whether the write under way changes a unit.
    pub(super) fn changes_unit(&self, seq: Seq) -> bool {
        self.write.as_ref().is_some_and(|write| write.changes.contains_key(&seq))
    }
}

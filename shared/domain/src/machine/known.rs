//! What a machine knows of its job's rows: as they were read or written last.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{JobView, Moment, Scope};
use super::write::Write;
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, Totals, UnitState};

/// The oldest that a job's state may be when a start follows from it, in ticks.
pub const FRESH_TICKS: u64 = 100;

/// The job's row and its segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) job: JobView,
    /// When the job's state was asked for that is known; `None` where it has to be read again.
    pub(super) seen_at: Option<u64>,
    /// The segments. One that is left out is untouched.
    pub(super) rows: BTreeMap<u32, Segment>,
    /// Segments of which a write's fate is not known, or that were never read: they are read before they are written.
    pub(super) unsure: BTreeSet<u32>,
    /// Whether a unit has failed.
    pub(super) failed: bool,
}

impl Known {
    pub(super) fn new(job: JobView, at: Moment) -> Known {
        let (rows, unsure) = (BTreeMap::new(), BTreeSet::new());
        Known { job, seen_at: Some(at.ticks), rows, unsure, failed: false }
    }

    /// The unit as its row says.
    pub(super) fn unit(&self, seq: Seq) -> UnitState {
        self.rows.get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default()
    }

    /// Whether the row that a unit is in may be written.
    pub(super) fn is_sure_of(&self, seq: Seq) -> bool {
        let index = Segment::of(seq);
        !self.unsure.contains(&index) && self.rows.contains_key(&index)
    }

    pub(super) fn in_scope(&self, scope: &Scope, seq: Seq) -> bool {
        seq < self.job.admitted
            && match scope {
                Scope::Job => true,
                Scope::Units(units) => units.contains(&seq),
            }
    }

    /// The segments that a runner has to know: of its units, or all of them.
    pub(super) fn segments_of(&self, scope: &Scope) -> Vec<u32> {
        match scope {
            Scope::Units(units) if self.job.state == JobState::Running => {
                let within = units.iter().filter(|seq| **seq < self.job.admitted);
                within.map(|seq| Segment::of(*seq)).collect::<BTreeSet<u32>>().into_iter().collect()
            }
            Scope::Job | Scope::Units(_) => Segment::of_job(self.job.admitted).collect(),
        }
    }

    /// Of those the ones that have to be read before anything is decided on them.
    pub(super) fn to_read(&self, scope: &Scope, write: Option<&Write>) -> Vec<u32> {
        let written = |index: &u32| write.is_some_and(|write| write.segments.contains_key(index));
        let unknown = |index: &u32| !self.rows.contains_key(index) || self.unsure.contains(index);
        self.segments_of(scope).into_iter().filter(|index| unknown(index) && !written(index)).collect()
    }

    /// Whether the job's state is known well enough for a start.
    pub(super) fn is_fresh(&self, at: Moment) -> bool {
        self.seen_at.is_some_and(|seen| at.ticks.saturating_sub(seen) <= FRESH_TICKS)
    }

    /// Whether every unit that was admitted is over, as the rows say.
    pub(super) fn is_over(&self) -> bool {
        let over = |index| self.rows.get(&index).is_some_and(|row: &Segment| row.is_over(self.job.admitted));
        self.unsure.is_empty() && Segment::of_job(self.job.admitted).all(over)
    }

    /// Whether nobody has to run any unit that was admitted, as the rows say.
    pub(super) fn is_quiet(&self) -> bool {
        let quiet = |index| self.rows.get(&index).is_some_and(|row: &Segment| row.is_quiet(self.job.admitted));
        self.unsure.is_empty() && Segment::of_job(self.job.admitted).all(quiet)
    }

    pub(super) fn totals(&self) -> Totals {
        Totals::of(self.rows.values(), self.job.admitted)
    }

    /// Takes a row for what is true now. Returns the units that it changes, and of these the ones that are over now.
    pub(super) fn take(&mut self, before: Option<&Segment>, row: &Segment) -> (Vec<Seq>, Vec<(Seq, UnitState)>) {
        self.rows.insert(row.index, row.clone());
        let (mut changed, mut over) = (Vec::new(), Vec::new());
        for seq in row.seqs(self.job.admitted) {
            let (before, now) = (before.map(|before| before.unit(seq)), row.unit(seq));
            if before == Some(now) {
                continue;
            }
            self.failed |= now.is_failed();
            if now.is_over() && !before.is_some_and(UnitState::is_over) {
                over.push((seq, now));
            }
            changed.push(seq);
        }
        (changed, over)
    }
}

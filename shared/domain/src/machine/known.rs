//! A machine's knowledge of its job's rows, as last read or written.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{JobView, Moment, Scope};
use super::write::Write;
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, Totals, UnitState};

/// Maximum age in ticks of the job's state when a start relies on it.
pub const FRESH_TICKS: u64 = 100;

/// The job's row and its segments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KnownRows {
    pub(super) job: JobView,
    /// When the read of the known job state was requested; `None` if it must be read again.
    pub(super) job_read_at: Option<u64>,
    /// The segments. A missing one is untouched.
    pub(super) rows: BTreeMap<u32, Segment>,
    /// Segments that were never read, or whose last write has an unknown outcome. They are read before they are
    /// written.
    pub(super) unverified: BTreeSet<u32>,
    /// Whether a unit has failed.
    pub(super) failed: bool,
}

impl KnownRows {
    pub(super) fn new(job: JobView, at: Moment) -> KnownRows {
        let (rows, unverified) = (BTreeMap::new(), BTreeSet::new());
        KnownRows { job, job_read_at: Some(at.ticks), rows, unverified, failed: false }
    }

    /// Returns the unit's state in its row.
    pub(super) fn unit(&self, seq: Seq) -> UnitState {
        self.rows.get(&Segment::index_of(seq)).map(|row| row.unit(seq)).unwrap_or_default()
    }

    /// Returns whether the unit's row was read and may be written.
    pub(super) fn is_verified(&self, seq: Seq) -> bool {
        let index = Segment::index_of(seq);
        !self.unverified.contains(&index) && self.rows.contains_key(&index)
    }

    pub(super) fn in_scope(&self, scope: &Scope, seq: Seq) -> bool {
        seq < self.job.admitted
            && match scope {
                Scope::Job => true,
                Scope::Units(units) => units.contains(&seq),
            }
    }

    /// Returns the segments that the scope needs: those of its units, or all of them.
    pub(super) fn segments_of(&self, scope: &Scope) -> Vec<u32> {
        match scope {
            Scope::Units(units) if self.job.state == JobState::Running => {
                let within = units.iter().filter(|seq| **seq < self.job.admitted);
                within.map(|seq| Segment::index_of(*seq)).collect::<BTreeSet<u32>>().into_iter().collect()
            }
            Scope::Job | Scope::Units(_) => Segment::indexes_of_job(self.job.admitted).collect(),
        }
    }

    /// Returns those segments of the scope that must be read before anything is decided on them.
    pub(super) fn to_read(&self, scope: &Scope, write: Option<&Write>) -> Vec<u32> {
        let written = |index: &u32| write.is_some_and(|write| write.segments.contains_key(index));
        let unknown = |index: &u32| !self.rows.contains_key(index) || self.unverified.contains(index);
        self.segments_of(scope).into_iter().filter(|index| unknown(index) && !written(index)).collect()
    }

    /// Returns whether the job's state is recent enough for a start.
    pub(super) fn is_fresh(&self, at: Moment) -> bool {
        self.job_read_at.is_some_and(|read_at| at.ticks.saturating_sub(read_at) <= FRESH_TICKS)
    }

    /// Returns whether every admitted unit is over according to the rows.
    pub(super) fn is_over(&self) -> bool {
        let over = |index| self.rows.get(&index).is_some_and(|row: &Segment| row.is_over(self.job.admitted));
        self.unverified.is_empty() && Segment::indexes_of_job(self.job.admitted).all(over)
    }

    /// Returns whether no admitted unit needs a runner according to the rows.
    pub(super) fn needs_no_runner(&self) -> bool {
        let idle = |index| self.rows.get(&index).is_some_and(|row: &Segment| row.needs_no_runner(self.job.admitted));
        self.unverified.is_empty() && Segment::indexes_of_job(self.job.admitted).all(idle)
    }

    pub(super) fn totals(&self) -> Totals {
        Totals::of(self.rows.values(), self.job.admitted)
    }

    /// Accepts a row as current. Returns the units that it changes, and those among them that are now over.
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

//! What has become of each unit of a job, as its progress rows tell it: sets, so that adding twice changes nothing.
//!
//! Progress is derived: unit rows are the truth, and it may lag behind them, but never says what they do not.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::ids::Seq;

/// How many units share one progress row.
pub const UNITS_PER_ROW: u32 = 128;

/// How a unit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// With a successful result.
    Done,
    /// With an error as its result.
    Failed,
    /// Without having started.
    Closed,
}

/// Which units ended, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Succeeded.
    pub done: BTreeSet<Seq>,
    /// Failed.
    pub failed: BTreeSet<Seq>,
    /// Never started.
    pub closed: BTreeSet<Seq>,
}

impl Progress {
    /// Adds what became of one unit.
    pub fn add(&mut self, seq: Seq, fate: Fate) {
        match fate {
            Fate::Done => self.done.insert(seq),
            Fate::Failed => self.failed.insert(seq),
            Fate::Closed => self.closed.insert(seq),
        };
    }

    /// How the unit ended, if it did.
    pub fn fate(&self, seq: Seq) -> Option<Fate> {
        if self.done.contains(&seq) {
            Some(Fate::Done)
        } else if self.failed.contains(&seq) {
            Some(Fate::Failed)
        } else if self.closed.contains(&seq) {
            Some(Fate::Closed)
        } else {
            None
        }
    }

    /// The figures for a job of `total` units.
    pub fn tally(&self, total: u32) -> Tally {
        // A unit counts once, whatever the sets say: what is charged follows from these figures.
        let n = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let done = n(self.done.len());
        let failed = n(self.failed.difference(&self.done).count());
        let cancelled = n(self.closed.iter().filter(|s| !self.done.contains(s) && !self.failed.contains(s)).count());
        Tally { total, done, failed, cancelled, pending: total.saturating_sub(done + failed + cancelled) }
    }

    /// Whether every one of the job's `admitted` units ended.
    pub fn covers(&self, admitted: u32) -> bool {
        self.tally(admitted).pending == 0
    }
}

/// The `progress` object of a job. The last four add up to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Units that the job admitted.
    pub total: u32,
    /// Ended with a success.
    pub done: u32,
    /// Ended with an error.
    pub failed: u32,
    /// Never started.
    pub cancelled: u32,
    /// Not ended yet.
    pub pending: u32,
}

impl Tally {
    /// Units that started: the ones that are charged. Of use once nothing is pending.
    pub fn started(&self) -> u64 {
        u64::from(self.done) + u64::from(self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_twice_changes_nothing_and_figures_add_up() {
        let mut p = Progress::default();
        for _ in 0..2 {
            p.add(0, Fate::Done);
            p.add(2, Fate::Failed);
            p.add(3, Fate::Closed);
        }
        let t = p.tally(5);
        assert_eq!(t, Tally { total: 5, done: 1, failed: 1, cancelled: 1, pending: 2 });
        assert_eq!(t.started(), 2);
        assert!(!p.covers(5));
        p.add(1, Fate::Done);
        p.add(4, Fate::Done);
        assert!(p.covers(5));
        assert_eq!(p.fate(3), Some(Fate::Closed));
        assert_eq!(p.fate(9), None);
    }
}

//! What a sweeper decides of a job that nobody drives: when something of it moved last, when it is looked at again and whether
//! the queue is told of it now, and which of its units somebody should run.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::JobView;
use crate::segment::{Segment, UnitState};
use crate::{JobState, Seq, Timestamp};

/// A job that the queue was told of again and again is looked at this many doublings of a lease later at most: 16 minutes
/// with a lease of 30 seconds.
const MOST_DOUBLINGS: u32 = 5;

/// What a look at a job came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// When the next one is due.
    pub until: Timestamp,
    /// How many looks in a row found that nothing moved.
    pub quiet: u32,
    /// Whether the queue is told of it now.
    pub tell: bool,
}

/// When a job is to be looked at next, of which the queue knows (`queued`) and `quiet` looks in a row found that nothing moved.
/// Where the queue knows of it and something moved of late, it is left alone for a lease after that; where nothing moved, the
/// next look comes the later the more often that was.
pub fn next_look(queued: bool, quiet: u32, moved_at: Timestamp, now: Timestamp, lease_secs: u64) -> Look {
    let quiet_until = moved_at.plus_secs(lease_secs);
    if !queued {
        Look { until: now.plus_secs(lease_secs), quiet: 0, tell: true }
    } else if quiet_until > now {
        Look { until: quiet_until, quiet: 0, tell: false }
    } else {
        let until = now.plus_secs(lease_secs << quiet.min(MOST_DOUBLINGS));
        Look { until, quiet: quiet.saturating_add(1), tell: true }
    }
}

/// When something of a job moved last: a unit started or ended, or the job began. `unit_lease_ms` is what a unit's lease is long.
pub fn last_move(started_at: Timestamp, rows: &[Segment], unit_lease_ms: i64) -> Timestamp {
    let moved = rows.iter().flat_map(Segment::known).filter_map(|(_, unit)| match unit {
        UnitState::Started { lease_until, .. } => Some(lease_until.plus_ms(-unit_lease_ms)),
        UnitState::Asked { at, .. } | UnitState::Ended { at, .. } => Some(at),
        UnitState::Pending | UnitState::Skipped => None,
    });
    moved.max().unwrap_or(started_at).max(started_at)
}

/// Units that somebody should run now: those that nobody has started, as long as the job lets them, and those whose
/// holder's lease is over.
pub fn to_run(job: JobView, rows: &BTreeMap<u32, Segment>, now: Timestamp) -> BTreeSet<Seq> {
    let unit = |seq: Seq| rows.get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default();
    (0..job.admitted)
        .filter(|seq| match unit(*seq) {
            UnitState::Pending => job.state == JobState::Running,
            UnitState::Started { lease_until, .. } => lease_until <= now,
            UnitState::Asked { .. } | UnitState::Ended { .. } | UnitState::Skipped => false,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Nonce;
    use crate::segment::{UnitEnd, WriteId};

    const NOW: Timestamp = Timestamp(1_795_478_400_000);

    #[test]
    fn a_job_in_which_nothing_moves_is_looked_at_ever_later() {
        let look = |queued, quiet, ago: i64| next_look(queued, quiet, NOW.plus_ms(-ago * 1_000), NOW, 30);
        assert_eq!(look(false, 4, 0), Look { until: NOW.plus_secs(30), quiet: 0, tell: true });
        assert_eq!(look(true, 4, 10), Look { until: NOW.plus_secs(20), quiet: 0, tell: false });
        for (quiet, secs) in [(0, 30), (1, 60), (4, 480), (5, 960), (9, 960), (u32::MAX, 960)] {
            let found = look(true, quiet, 30);
            assert_eq!(found, Look { until: NOW.plus_secs(secs), quiet: quiet.saturating_add(1), tell: true });
        }
    }

    #[test]
    fn units_tell_when_they_moved_and_whether_they_are_to_be_run() {
        let holder = Nonce::from_random(1);
        let mut row = Segment::untouched(0).next(WriteId { writer: holder, n: 0 });
        let started = |secs: i64| UnitState::Started { attempt: 1, holder, lease_until: NOW.plus_ms(secs * 1_000) };
        row.put(0, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: NOW.plus_ms(-9_000), skipped: 0 });
        row.put(1, started(1));
        row.put(2, started(0));
        row.put(3, UnitState::Skipped);
        let began = NOW.plus_ms(-60_000);
        assert_eq!(last_move(began, &[], 30_000), began);
        assert_eq!(last_move(began, std::slice::from_ref(&row), 30_000), NOW.plus_ms(-9_000));
        assert_eq!(last_move(began, std::slice::from_ref(&row), 5_000), NOW.plus_ms(-4_000));
        let rows = BTreeMap::from([(0, row)]);
        let job = |state| JobView { state, admitted: 5, deadline: NOW.plus_secs(9) };
        assert_eq!(to_run(job(JobState::Running), &rows, NOW), BTreeSet::from([2, 4]));
        assert_eq!(to_run(job(JobState::Cancelling), &rows, NOW), BTreeSet::from([2]));
    }
}

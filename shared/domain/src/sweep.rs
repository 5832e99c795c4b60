//! A sweeper's decisions about a job that no runner drives: when it last made progress, when to look at it again,
//! whether to send its units to the queue now, and which units need a runner.

use std::collections::{BTreeMap, BTreeSet};

use crate::machine::JobView;
use crate::segment::{Segment, UnitState};
use crate::{JobState, Seq, Timestamp};

/// Maximum number of doublings of the lease before the next look at a job that makes no progress: 16 minutes with a
/// lease of 30 seconds.
const MOST_DOUBLINGS: u32 = 5;

/// The result of a look at a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// When the next look is due.
    pub until: Timestamp,
    /// How many looks in a row found no progress.
    pub quiet: u32,
    /// Whether to send its units to the queue now.
    pub tell: bool,
}

/// Decides when to look at a job again. `queued` says whether its units were sent to the queue, `quiet` how many looks
/// in a row found no progress. A queued job that made progress recently is left alone for a lease after that. Without
/// progress, the next look comes later each time.
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

/// Returns when a job last made progress: when a unit started or ended, or when the job started. `unit_lease_ms` is the
/// length of a unit's lease.
pub fn last_move(started_at: Timestamp, rows: &[Segment], unit_lease_ms: i64) -> Timestamp {
    let moved = rows.iter().flat_map(Segment::known).filter_map(|(_, unit)| match unit {
        UnitState::Started { lease_until, .. } => Some(lease_until.plus_ms(-unit_lease_ms)),
        UnitState::Asked { at, .. } | UnitState::Ended { at, .. } => Some(at),
        UnitState::Pending | UnitState::Skipped => None,
    });
    moved.max().unwrap_or(started_at).max(started_at)
}

/// Returns units that need a runner now: pending ones, if the job is running, and those whose holder's lease is over.
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
    fn a_job_without_progress_is_looked_at_less_and_less_often() {
        let look = |queued, quiet, ago: i64| next_look(queued, quiet, NOW.plus_ms(-ago * 1_000), NOW, 30);
        assert_eq!(look(false, 4, 0), Look { until: NOW.plus_secs(30), quiet: 0, tell: true });
        assert_eq!(look(true, 4, 10), Look { until: NOW.plus_secs(20), quiet: 0, tell: false });
        for (quiet, secs) in [(0, 30), (1, 60), (4, 480), (5, 960), (9, 960), (u32::MAX, 960)] {
            let found = look(true, quiet, 30);
            assert_eq!(found, Look { until: NOW.plus_secs(secs), quiet: quiet.saturating_add(1), tell: true });
        }
    }

    #[test]
    fn progress_and_units_to_run_follow_from_unit_states() {
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

//! A sweeper's decisions about a job that has no driver: when it last made progress, when to look at it again,
//! whether to send its units to the queue now, and which units need a runner.

use std::collections::{BTreeMap, BTreeSet};

use crate::job::DriverLease;
use crate::machine::JobView;
use crate::segment::{Segment, UnitState};
use crate::{JobState, Seq, Timestamp};

/// Maximum number of doublings of the lease before the next look at a job that makes no progress: 16 minutes with a
/// lease of 30 seconds.
const MAX_DOUBLINGS: u32 = 5;
/// In a backlog, units are sent again at the first look after this many without progress: 128 leases after the last
/// progress, an hour with a lease of 30 seconds.
pub const BACKLOG_LOOKS: u32 = 8;
/// Number of looks between further sends: about an hour.
const BACKLOG_AGAIN: u32 = 4;

/// The result of a look at a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// When the next look is due.
    pub until: Timestamp,
    /// How many looks in a row found no progress.
    pub quiet: u32,
    /// Whether to send its units to the queue now.
    pub send: bool,
}

/// The facts by which a look at a job without a driver is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undriven {
    /// Whether its open units were sent to the queue.
    pub queued: bool,
    /// How many looks in a row found no progress.
    pub quiet: u32,
    /// When it last made progress.
    pub moved_at: Timestamp,
    /// Whether a unit's lease is over: its holder died, and a message cannot be waiting for that holder.
    pub holder_died: bool,
}

/// What a sweep sees of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSight {
    /// Messages that wait for a worker, of all jobs.
    pub waiting: u64,
    /// The workers' last heartbeat.
    pub beat: Option<Timestamp>,
}

impl QueueSight {
    /// Returns whether messages wait because the workers are busy. Without a heartbeat for `stall_secs` the workers stall.
    pub fn is_backlog(self, stall_secs: u64, now: Timestamp) -> bool {
        self.waiting > 0 && self.beat.is_some_and(|beat| beat.plus_secs(stall_secs) > now)
    }
}

impl Undriven {
    /// Reads what a job's driver and rows say. `unit_lease_ms` is the length of a unit's lease.
    pub fn of(
        driver: &DriverLease,
        started_at: Timestamp,
        rows: &[Segment],
        unit_lease_ms: i64,
        now: Timestamp,
    ) -> Undriven {
        let over = |unit| matches!(unit, UnitState::Started { lease_until, .. } if lease_until <= now);
        Undriven {
            queued: driver.queued,
            quiet: driver.quiet,
            moved_at: last_move(started_at, rows, unit_lease_ms),
            holder_died: rows.iter().flat_map(Segment::known).any(|(_, unit)| over(unit)),
        }
    }

    /// Returns whether the next look depends on what the queue looks like.
    pub fn asks_queue(self, now: Timestamp, lease_secs: u64) -> bool {
        self.queued && !self.holder_died && self.moved_at.plus_secs(lease_secs) <= now
    }

    /// Decides when to look at the job again and whether to send its units now. A queued job that made progress recently
    /// is left alone for a lease after that. Without progress its units are sent again, and the next look comes later each
    /// time. In a `backlog` its message most likely waits, so nothing is sent: until the queue is empty or the
    /// workers stall, and [`BACKLOG_LOOKS`] at most, since a message may be lost however busy the workers are.
    pub fn next_look(self, backlog: bool, now: Timestamp, lease_secs: u64) -> Look {
        let Undriven { queued, quiet, moved_at, .. } = self;
        let quiet_until = moved_at.plus_secs(lease_secs);
        if !queued {
            Look { until: now.plus_secs(lease_secs), quiet: 0, send: true }
        } else if quiet_until > now {
            Look { until: quiet_until, quiet: 0, send: false }
        } else {
            let until = now.plus_secs(lease_secs << quiet.min(MAX_DOUBLINGS));
            let waits = backlog && self.asks_queue(now, lease_secs);
            let send = !waits || (quiet >= BACKLOG_LOOKS && (quiet - BACKLOG_LOOKS).is_multiple_of(BACKLOG_AGAIN));
            Look { until, quiet: quiet.saturating_add(1), send }
        }
    }
}

/// Returns when a job last made progress: when a unit started or ended, or when the job started. `unit_lease_ms` is the
/// length of a unit's lease.
fn last_move(started_at: Timestamp, rows: &[Segment], unit_lease_ms: i64) -> Timestamp {
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

    fn undriven(queued: bool, quiet: u32, ago: i64) -> Undriven {
        Undriven { queued, quiet, moved_at: NOW.plus_ms(-ago * 1_000), holder_died: false }
    }

    #[test]
    fn a_job_without_progress_is_looked_at_less_and_less_often() {
        let look = |queued, quiet, ago: i64| undriven(queued, quiet, ago).next_look(false, NOW, 30);
        assert_eq!(look(false, 4, 0), Look { until: NOW.plus_secs(30), quiet: 0, send: true });
        assert_eq!(look(true, 4, 10), Look { until: NOW.plus_secs(20), quiet: 0, send: false });
        for (quiet, secs) in [(0, 30), (1, 60), (4, 480), (5, 960), (9, 960), (u32::MAX, 960)] {
            let found = look(true, quiet, 30);
            assert_eq!(found, Look { until: NOW.plus_secs(secs), quiet: quiet.saturating_add(1), send: true });
        }
    }

    #[test]
    fn a_backlog_is_messages_that_wait_for_workers_at_work() {
        let backlog = |waiting, ago: Option<i64>| {
            QueueSight { waiting, beat: ago.map(|ago| NOW.plus_ms(-ago * 1_000)) }.is_backlog(30, NOW)
        };
        assert!(backlog(1, Some(29)));
        assert!(!backlog(0, Some(0)), "nothing waits: a message that was not received is lost");
        assert!(!backlog(9, Some(30)), "the workers stall");
        assert!(!backlog(9, None), "there are no workers");
    }

    #[test]
    fn in_a_backlog_only_what_cannot_be_waiting_is_sent_again() {
        let sends = |job: Undriven| job.next_look(true, NOW, 30).send;
        assert!(!sends(undriven(true, 0, 30)));
        assert!(sends(undriven(false, 0, 30)), "its units were never sent");
        let dead = Undriven { holder_died: true, ..undriven(true, 0, 30) };
        assert!(sends(dead), "a worker died over it");
        // What is not asked makes no difference.
        for job in [undriven(false, 0, 30), dead, undriven(true, 0, 29)] {
            assert!(!job.asks_queue(NOW, 30), "{job:?}");
            assert_eq!(job.next_look(true, NOW, 30), job.next_look(false, NOW, 30));
        }
        assert!(undriven(true, 0, 30).asks_queue(NOW, 30));
    }

    /// A message may be lost while workers are busy with others, and the backlog may never end.
    #[test]
    fn a_lost_message_is_sent_again_within_the_hour_whatever_waits() {
        let (mut job, mut now, mut sent_at_minutes) = (undriven(true, 0, 0), NOW, Vec::new());
        while sent_at_minutes.len() < 3 {
            let look = job.next_look(true, now, 30);
            if look.send {
                sent_at_minutes.push((now.0 - NOW.0) / 60_000);
            }
            (job.quiet, now) = (look.quiet, look.until);
        }
        assert_eq!(sent_at_minutes, [64, 128, 192], "minutes after the last progress");
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
        let driver = DriverLease { holder, until: NOW, queued: true, quiet: 2 };
        let died = |now| Undriven::of(&driver, began, std::slice::from_ref(&row), 5_000, now).holder_died;
        assert_eq!((died(NOW.plus_ms(-1)), died(NOW)), (false, true));
        assert_eq!(last_move(began, &[], 30_000), began);
        assert_eq!(last_move(began, std::slice::from_ref(&row), 30_000), NOW.plus_ms(-9_000));
        assert_eq!(last_move(began, std::slice::from_ref(&row), 5_000), NOW.plus_ms(-4_000));
        let rows = BTreeMap::from([(0, row)]);
        let job = |state| JobView { state, admitted: 5, deadline: NOW.plus_secs(9) };
        assert_eq!(to_run(job(JobState::Running), &rows, NOW), BTreeSet::from([2, 4]));
        assert_eq!(to_run(job(JobState::Cancelling), &rows, NOW), BTreeSet::from([2]));
    }
}

//! A sweeper's decisions about a job that has no driver: when it last made progress, when to check it again, whether to
//! send its units to the queue now, and which units need a runner.

use std::collections::{BTreeMap, BTreeSet};

use crate::job::DriverLease;
use crate::machine::JobView;
use crate::segment::{Segment, UnitState};
use crate::{JobState, Seq, Timestamp};

/// Maximum number of doublings of the lease before the next check of a job that makes no progress: 16 minutes with
/// a lease of 30 seconds.
const MAX_DOUBLINGS: u32 = 5;
/// Number of checks without progress after which units are sent again in a backlog: 128 leases after the last progress,
/// an hour with a lease of 30 seconds.
pub const BACKLOG_CHECKS: u32 = 8;
/// Number of checks between further sends in a backlog: about an hour.
const BACKLOG_RESEND_CHECKS: u32 = 4;

/// The result of checking a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextCheck {
    /// When the next check is due.
    pub until: Timestamp,
    /// How many checks in a row found no progress.
    pub idle_checks: u32,
    /// Whether to send its units to the queue now.
    pub send: bool,
}

/// A job without a driver, as far as its next check depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverlessJob {
    /// Whether its open units were sent to the queue.
    pub queued: bool,
    /// How many checks in a row found no progress.
    pub idle_checks: u32,
    /// When it last made progress.
    pub last_progress_at: Timestamp,
    /// Whether a unit's lease has expired. Its holder has died then, and no message waits for that holder.
    pub holder_died: bool,
}

/// The state of the queue during a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueStatus {
    /// Messages that wait for a worker, of all jobs.
    pub waiting: u64,
    /// The workers' last heartbeat.
    pub beat: Option<Timestamp>,
}

impl QueueStatus {
    /// Returns whether messages wait because the workers are busy. Without a heartbeat for `stall_secs` the workers
    /// stall.
    pub fn is_backlog(self, stall_secs: u64, now: Timestamp) -> bool {
        self.waiting > 0 && self.beat.is_some_and(|beat| beat.plus_secs(stall_secs) > now)
    }
}

impl DriverlessJob {
    /// Derives this from a job's driver and rows. `unit_lease_ms` is the length of a unit's lease.
    pub fn of(
        driver: &DriverLease,
        started_at: Timestamp,
        rows: &[Segment],
        unit_lease_ms: i64,
        now: Timestamp,
    ) -> DriverlessJob {
        let over = |unit| matches!(unit, UnitState::Started { lease_until, .. } if lease_until <= now);
        DriverlessJob {
            queued: driver.queued,
            idle_checks: driver.idle_checks,
            last_progress_at: last_progress(started_at, rows, unit_lease_ms),
            holder_died: rows.iter().flat_map(Segment::non_pending).any(|(_, unit)| over(unit)),
        }
    }

    /// Returns whether the next check depends on whether the queue has a backlog.
    pub fn depends_on_backlog(self, now: Timestamp, lease_secs: u64) -> bool {
        self.queued && !self.holder_died && self.last_progress_at.plus_secs(lease_secs) <= now
    }

    /// Decides when to check the job again and whether to send its units now. A queued job that made progress recently
    /// is checked again one lease after that progress. Without progress its units are sent again, and each further
    /// check is later. If the queue has a `backlog`, the job's message most likely still waits. Nothing is then sent
    /// until the queue is empty, the workers stall, or [`BACKLOG_CHECKS`] checks found no progress: a message may be
    /// lost even while workers are busy.
    pub fn next_check(self, backlog: bool, now: Timestamp, lease_secs: u64) -> NextCheck {
        let DriverlessJob { queued, idle_checks, last_progress_at, .. } = self;
        let quiet_until = last_progress_at.plus_secs(lease_secs);
        if !queued {
            NextCheck { until: now.plus_secs(lease_secs), idle_checks: 0, send: true }
        } else if quiet_until > now {
            NextCheck { until: quiet_until, idle_checks: 0, send: false }
        } else {
            let until = now.plus_secs(lease_secs << idle_checks.min(MAX_DOUBLINGS));
            let waits = backlog && self.depends_on_backlog(now, lease_secs);
            let send = !waits
                || (idle_checks >= BACKLOG_CHECKS
                    && (idle_checks - BACKLOG_CHECKS).is_multiple_of(BACKLOG_RESEND_CHECKS));
            NextCheck { until, idle_checks: idle_checks.saturating_add(1), send }
        }
    }
}

/// Returns when a job last made progress: when a unit started or ended, or when the job started. `unit_lease_ms` is the
/// length of a unit's lease.
fn last_progress(started_at: Timestamp, rows: &[Segment], unit_lease_ms: i64) -> Timestamp {
    let progress = rows.iter().flat_map(Segment::non_pending).filter_map(|(_, unit)| match unit {
        UnitState::Started { lease_until, .. } => Some(lease_until.plus_ms(-unit_lease_ms)),
        UnitState::Asked { at, .. } | UnitState::Ended { at, .. } => Some(at),
        UnitState::Pending | UnitState::Skipped => None,
    });
    progress.max().unwrap_or(started_at).max(started_at)
}

/// Returns units that need a runner now: pending ones, if the job is running, and those whose holder's lease is over.
pub fn to_run(job: JobView, rows: &BTreeMap<u32, Segment>, now: Timestamp) -> BTreeSet<Seq> {
    let unit = |seq: Seq| rows.get(&Segment::index_of(seq)).map(|row| row.unit(seq)).unwrap_or_default();
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

    fn driverless(queued: bool, idle_checks: u32, ago: i64) -> DriverlessJob {
        DriverlessJob { queued, idle_checks, last_progress_at: NOW.plus_ms(-ago * 1_000), holder_died: false }
    }

    #[test]
    fn a_job_without_progress_is_checked_less_and_less_often() {
        let check = |queued, idle_checks, ago: i64| driverless(queued, idle_checks, ago).next_check(false, NOW, 30);
        assert_eq!(check(false, 4, 0), NextCheck { until: NOW.plus_secs(30), idle_checks: 0, send: true });
        assert_eq!(check(true, 4, 10), NextCheck { until: NOW.plus_secs(20), idle_checks: 0, send: false });
        for (idle_checks, secs) in [(0, 30), (1, 60), (4, 480), (5, 960), (9, 960), (u32::MAX, 960)] {
            let found = check(true, idle_checks, 30);
            assert_eq!(
                found,
                NextCheck { until: NOW.plus_secs(secs), idle_checks: idle_checks.saturating_add(1), send: true }
            );
        }
    }

    #[test]
    fn a_backlog_is_messages_that_wait_for_workers_at_work() {
        let backlog = |waiting, ago: Option<i64>| {
            QueueStatus { waiting, beat: ago.map(|ago| NOW.plus_ms(-ago * 1_000)) }.is_backlog(30, NOW)
        };
        assert!(backlog(1, Some(29)));
        assert!(!backlog(0, Some(0)), "nothing waits: a message that was not received is lost");
        assert!(!backlog(9, Some(30)), "the workers stall");
        assert!(!backlog(9, None), "there are no workers");
    }

    #[test]
    fn in_a_backlog_only_what_cannot_be_waiting_is_sent_again() {
        let sends = |job: DriverlessJob| job.next_check(true, NOW, 30).send;
        assert!(!sends(driverless(true, 0, 30)));
        assert!(sends(driverless(false, 0, 30)), "its units were never sent");
        let dead = DriverlessJob { holder_died: true, ..driverless(true, 0, 30) };
        assert!(sends(dead), "a worker died over it");
        // In all other cases the backlog makes no difference.
        for job in [driverless(false, 0, 30), dead, driverless(true, 0, 29)] {
            assert!(!job.depends_on_backlog(NOW, 30), "{job:?}");
            assert_eq!(job.next_check(true, NOW, 30), job.next_check(false, NOW, 30));
        }
        assert!(driverless(true, 0, 30).depends_on_backlog(NOW, 30));
    }

    /// A message may be lost while workers are busy with others, and the backlog may never end.
    #[test]
    fn a_lost_message_is_sent_again_within_the_hour_whatever_waits() {
        let (mut job, mut now, mut sent_at_minutes) = (driverless(true, 0, 0), NOW, Vec::new());
        while sent_at_minutes.len() < 3 {
            let check = job.next_check(true, now, 30);
            if check.send {
                sent_at_minutes.push((now.0 - NOW.0) / 60_000);
            }
            (job.idle_checks, now) = (check.idle_checks, check.until);
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
        let driver = DriverLease { holder, until: NOW, queued: true, idle_checks: 2 };
        let died = |now| DriverlessJob::of(&driver, began, std::slice::from_ref(&row), 5_000, now).holder_died;
        assert_eq!((died(NOW.plus_ms(-1)), died(NOW)), (false, true));
        assert_eq!(last_progress(began, &[], 30_000), began);
        assert_eq!(last_progress(began, std::slice::from_ref(&row), 30_000), NOW.plus_ms(-9_000));
        assert_eq!(last_progress(began, std::slice::from_ref(&row), 5_000), NOW.plus_ms(-4_000));
        let rows = BTreeMap::from([(0, row)]);
        let job = |state| JobView { state, admitted: 5, deadline: NOW.plus_secs(9) };
        assert_eq!(to_run(job(JobState::Running), &rows, NOW), BTreeSet::from([2, 4]));
        assert_eq!(to_run(job(JobState::Cancelling), &rows, NOW), BTreeSet::from([2]));
    }
}

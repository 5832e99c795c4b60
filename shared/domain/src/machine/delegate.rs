//! Units delegated to the queue's workers: they are sent to the queue and their segments are polled. If no worker shows
//! a heartbeat, the runner takes them back.

use std::collections::BTreeSet;

use super::{Access, Action, BUSY_READ_TICKS, Machine, Moment, PendingRead};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::Segment;
use crate::time::Timestamp;

/// Minimum poll interval in ticks.
const MIN_POLL_TICKS: u64 = 40;
/// Maximum poll interval in ticks while the job makes progress.
const MAX_BUSY_POLL_TICKS: u64 = 200;
/// Maximum poll interval in ticks.
const MAX_POLL_TICKS: u64 = BUSY_READ_TICKS;
/// How long after its last progress a job counts as making progress, in ticks.
const BUSY_TICKS: u64 = 10_000;
/// Pause in ticks before units that the queue refused are sent again.
const REFUSED_PAUSE_TICKS: u64 = 2_000;
/// Maximum interval between two sends of the same units, in seconds.
const MAX_RESEND_SECS: u64 = 900;

/// The state of a runner's delegated units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Delegated {
    pub(super) units: BTreeSet<Seq>,
    /// Whether new units are delegated too.
    pub(super) delegates_new: bool,
    /// When the job last made progress, units were last sent, or a worker last showed a heartbeat.
    alive_at: Timestamp,
    /// When units were last sent or the job last made progress.
    sent_at: Timestamp,
    /// How long after `sent_at` the units are sent again, in seconds.
    resend_secs: u64,
    /// When the job last made progress or the queue last took units, in ticks.
    progress_at: u64,
    /// The current poll interval in ticks.
    poll: u64,
    /// When the next poll is due, in ticks.
    next_poll: u64,
    /// When units may be sent again after the queue refused some, in ticks.
    send_after: u64,
    /// Whether units were sent at all.
    was_sent: bool,
}

impl Delegated {
    pub(super) fn new(at: Moment) -> Delegated {
        Delegated {
            units: BTreeSet::new(),
            delegates_new: false,
            alive_at: at.now,
            sent_at: at.now,
            resend_secs: 0,
            progress_at: at.ticks,
            poll: MIN_POLL_TICKS,
            next_poll: at.ticks,
            send_after: at.ticks,
            was_sent: false,
        }
    }

    /// Schedules the next poll: soon while the job makes progress, rarely otherwise.
    pub(super) fn schedule_poll(&mut self, progress: bool, at: Moment) {
        if progress {
            self.progress_at = at.ticks;
            self.poll = MIN_POLL_TICKS;
            self.alive_at = at.now;
            self.sent_at = at.now;
            self.resend_secs = 0;
        } else {
            let max = if at.ticks.saturating_sub(self.progress_at) < BUSY_TICKS {
                MAX_BUSY_POLL_TICKS
            } else {
                MAX_POLL_TICKS
            };
            self.poll = (self.poll * 3 / 2).min(max);
        }
        self.next_poll = at.ticks + self.poll;
    }

    pub(super) fn next_poll(&self) -> Option<u64> {
        (!self.units.is_empty()).then_some(self.next_poll)
    }

    /// Returns whether the units are to be sent again because the job has made no progress for long enough.
    fn should_resend(&self, lease_secs: u64, now: Timestamp) -> bool {
        !self.units.is_empty() && now >= self.sent_at.plus_secs(self.resend_secs.max(lease_secs))
    }

    /// Records that the units are being sent.
    fn mark_sent(&mut self, lease_secs: u64, now: Timestamp) {
        self.was_sent = true;
        self.sent_at = now;
        self.resend_secs = (self.resend_secs.max(lease_secs) * 2).min(MAX_RESEND_SECS);
    }

    /// Records that the queue took `given`: these units belong to its workers now.
    fn mark_taken(&mut self, given: &[Seq], refused: bool, at: Moment) {
        if !given.is_empty() {
            self.delegates_new = true;
            self.alive_at = at.now;
        }
        if refused {
            self.send_after = at.ticks + REFUSED_PAUSE_TICKS;
        }
        self.units.extend(given);
        self.next_poll = at.ticks + MIN_POLL_TICKS;
        self.progress_at = at.ticks;
        self.poll = MIN_POLL_TICKS;
    }

    /// Applies the workers' heartbeat, read because this job has made no progress for a while. A recent heartbeat means
    /// a backlog, none means a stall. Returns the units that this runner takes back in a stall.
    pub(super) fn on_heartbeat(&mut self, beat: Option<Timestamp>, stall_secs: u64, now: Timestamp) -> BTreeSet<Seq> {
        match beat.filter(|beat| beat.plus_secs(stall_secs) > now) {
            Some(beat) => {
                self.alive_at = beat;
                BTreeSet::new()
            }
            None => {
                self.delegates_new = false;
                std::mem::take(&mut self.units)
            }
        }
    }
}

impl<A: Access> Machine<A> {
    /// Sends open units to the queue: at the beginning if the configuration says so, again if the job makes no
    /// progress, and when this runner has no time left for them.
    pub(super) fn enqueue(&mut self, at: Moment) -> Option<Action<A>> {
        let runs = self.runner.known.job.state == JobState::Running;
        if self.sending || !self.runner.starts_units(at) || !runs || !self.runner.to_read(&self.commit).is_empty() {
            return None;
        }
        let first = self.runner.config.delegate && !self.runner.delegated.was_sent;
        // Applies even if the runner began too late to start anything: workers then continue at once. Otherwise the
        // units would wait for a sweep.
        let hands_over = !self.runner.config.has_time(at) && at.ticks >= self.runner.delegated.send_after;
        let units: BTreeSet<Seq> = if (first || hands_over) && self.runner.open().next().is_some() {
            self.runner.open().collect()
        } else if self.runner.delegated.should_resend(self.runner.config.lease_secs, at.now) {
            self.runner.delegated.units.clone()
        } else {
            return None;
        };
        self.runner.delegated.mark_sent(self.runner.config.lease_secs, at.now);
        self.sending = true;
        Some(Action::Enqueue(units))
    }

    pub(super) fn on_enqueued(&mut self, refused: &BTreeSet<Seq>, at: Moment) {
        self.sending = false;
        let given: Vec<Seq> = self.runner.open().filter(|seq| !refused.contains(seq)).collect();
        for seq in &given {
            self.runner.units.open.remove(seq);
            self.runner.units.deferred.remove(seq);
        }
        self.runner.delegated.mark_taken(&given, !refused.is_empty(), at);
    }

    /// Reads the segments of delegated units, or the workers' heartbeat.
    pub(super) fn poll_delegated(&mut self, at: Moment) -> Option<Action<A>> {
        if self.runner.delegated.units.is_empty() || self.reading.is_some() {
            return None;
        }
        if at.now >= self.runner.delegated.alive_at.plus_secs(self.runner.config.stall_secs) {
            self.reading = Some(PendingRead::Heartbeat);
            return Some(Action::ReadHeartbeat);
        }
        if at.ticks < self.runner.delegated.next_poll {
            return None;
        }
        let waited = || {
            self.runner.delegated.units.iter().chain(self.runner.units.held.keys()).map(|seq| Segment::index_of(*seq))
        };
        let (first, last) = (waited().min()?, waited().max()?);
        self.reading = Some(PendingRead::Segments { first, last });
        Some(Action::ReadSegments { first, last })
    }
}

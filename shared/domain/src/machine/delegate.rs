//! Units delegated to the queue's workers: they are sent to the queue and their segments are polled. If no worker shows
//! a heartbeat, the runner takes them back.

use std::collections::BTreeSet;

use super::{Access, Action, LOOK_TICKS, Machine, Moment, Reading};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::Segment;
use crate::time::Timestamp;

/// Poll intervals in ticks: the shortest, the longest while the job makes progress, and the longest of all.
const POLL: (u64, u64, u64) = (40, 200, LOOK_TICKS);
/// How long after its last progress a job counts as making progress, in ticks.
const MOVING: u64 = 10_000;
/// Pause before sending again after the queue refused, in ticks.
const REFUSED: u64 = 2_000;
/// Maximum interval between two sends of the same units, in seconds.
const MAX_CHECK_SECS: u64 = 900;

/// The state of a runner's delegated units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Delegated {
    pub(super) units: BTreeSet<Seq>,
    /// Whether new units are delegated too.
    pub(super) in_charge: bool,
    /// When the queue was last sent units or a worker last showed a heartbeat.
    sign: Timestamp,
    /// When the queue was last sent units, and how long until they are sent again.
    sent_at: Timestamp,
    resend_secs: u64,
    moved_at: u64,
    poll: u64,
    next_poll: u64,
    send_after: u64,
    /// Whether the queue was sent units at all.
    begun: bool,
}

impl Delegated {
    pub(super) fn new(at: Moment) -> Delegated {
        Delegated {
            units: BTreeSet::new(),
            in_charge: false,
            sign: at.now,
            sent_at: at.now,
            resend_secs: 0,
            moved_at: at.ticks,
            poll: POLL.0,
            next_poll: at.ticks,
            send_after: at.ticks,
            begun: false,
        }
    }

    /// Schedules the next poll: soon while the job makes progress, rarely otherwise.
    pub(super) fn paced(&mut self, moved: bool, at: Moment) {
        if moved {
            self.moved_at = at.ticks;
            self.poll = POLL.0;
            self.sign = at.now;
            self.sent_at = at.now;
            self.resend_secs = 0;
        } else {
            let max = if at.ticks.saturating_sub(self.moved_at) < MOVING { POLL.1 } else { POLL.2 };
            self.poll = (self.poll * 3 / 2).min(max);
        }
        self.next_poll = at.ticks + self.poll;
    }

    pub(super) fn next_poll(&self) -> Option<u64> {
        (!self.units.is_empty()).then_some(self.next_poll)
    }

    /// Returns whether the units are to be sent again because nothing has moved for long enough.
    fn should_resend(&self, lease_secs: u64, now: Timestamp) -> bool {
        !self.units.is_empty() && now >= self.sent_at.plus_secs(self.resend_secs.max(lease_secs))
    }

    /// Records that the units are being sent.
    fn mark_sent(&mut self, lease_secs: u64, now: Timestamp) {
        self.begun = true;
        self.sent_at = now;
        self.resend_secs = (self.resend_secs.max(lease_secs) * 2).min(MAX_CHECK_SECS);
    }

    /// Records that the queue took `given`: these units belong to its workers now.
    fn taken(&mut self, given: &[Seq], refused: bool, at: Moment) {
        if !given.is_empty() {
            self.in_charge = true;
            self.sign = at.now;
        }
        if refused {
            self.send_after = at.ticks + REFUSED;
        }
        self.units.extend(given);
        self.next_poll = at.ticks + POLL.0;
        self.moved_at = at.ticks;
        self.poll = POLL.0;
    }

    /// Judges the workers' heartbeat after a time without progress of this job: a recent one means a backlog, none
    /// means a stall. Returns the units that this runner takes back.
    pub(super) fn saw_heartbeat(&mut self, beat: Option<Timestamp>, stall_secs: u64, now: Timestamp) -> BTreeSet<Seq> {
        match beat.filter(|beat| beat.plus_secs(stall_secs) > now) {
            Some(beat) => {
                self.sign = beat;
                BTreeSet::new()
            }
            None => {
                self.in_charge = false;
                std::mem::take(&mut self.units)
            }
        }
    }
}

impl<A: Access> Machine<A> {
    /// Sends open units to the queue: at the beginning if the plan says so, again if nothing moves, and when this
    /// runner has no time left for them.
    pub(super) fn enqueue(&mut self, at: Moment) -> Option<Action<A>> {
        let runs = self.share.known.job.state == JobState::Running;
        if self.sending || !self.share.is_starting(at) || !runs || !self.share.to_read(&self.commit).is_empty() {
            return None;
        }
        let first = self.share.plan.delegate && !self.share.delegated.begun;
        // Also when the runner began too late to start anything: the queue goes on at once instead of the sweeper
        // later.
        let spill = !self.share.plan.has_time(at) && at.ticks >= self.share.delegated.send_after;
        let units: BTreeSet<Seq> = if (first || spill) && self.share.open().next().is_some() {
            self.share.open().collect()
        } else if self.share.delegated.should_resend(self.share.plan.lease_secs, at.now) {
            self.share.delegated.units.clone()
        } else {
            return None;
        };
        self.share.delegated.mark_sent(self.share.plan.lease_secs, at.now);
        self.sending = true;
        Some(Action::Enqueue(units))
    }

    pub(super) fn enqueued(&mut self, refused: &BTreeSet<Seq>, at: Moment) {
        self.sending = false;
        let given: Vec<Seq> = self.share.open().filter(|seq| !refused.contains(seq)).collect();
        for seq in &given {
            self.share.units.open.remove(seq);
            self.share.units.deferred.remove(seq);
        }
        self.share.delegated.taken(&given, !refused.is_empty(), at);
    }

    /// Reads the segments of delegated units, or the workers' heartbeat.
    pub(super) fn attend(&mut self, at: Moment) -> Option<Action<A>> {
        if self.share.delegated.units.is_empty() || self.reading.is_some() {
            return None;
        }
        if at.now >= self.share.delegated.sign.plus_secs(self.share.plan.stall_secs) {
            self.reading = Some(Reading::Segments { first: 1, last: 0 });
            return Some(Action::ReadHeartbeat);
        }
        if at.ticks < self.share.delegated.next_poll {
            return None;
        }
        let waited =
            || self.share.delegated.units.iter().chain(self.share.units.held.keys()).map(|seq| Segment::of(*seq));
        let (first, last) = (waited().min()?, waited().max()?);
        self.reading = Some(Reading::Segments { first, last });
        Some(Action::ReadSegments { first, last })
    }
}

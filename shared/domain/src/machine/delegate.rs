//! Units that the queue's workers do: the queue is told of them, their segments are looked at, and where no worker
//! gives a sign of life the work comes back.

use std::collections::BTreeSet;

use super::{Access, Action, LOOK_TICKS, Machine, Moment, Reading};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::Segment;
use crate::time::Timestamp;

/// Shortest wait between two looks, longest while something moves, and longest of all, in ticks.
const POLL: (u64, u64, u64) = (40, 200, LOOK_TICKS);
/// For how long after the last move a job counts as moving, in ticks.
const MOVING: u64 = 10_000;
/// How long the queue is left alone after it refused, in ticks.
const REFUSED: u64 = 2_000;
/// Longest between two times that the queue is told of the same units, in seconds.
const MOST_CHECK_SECS: u64 = 900;

/// What a runner remembers of what it gave away.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Delegated {
    pub(super) units: BTreeSet<Seq>,
    /// Whether new units are the workers' too.
    pub(super) in_charge: bool,
    /// When the queue was told, or a sign of life was seen, last.
    sign: Timestamp,
    /// When the queue was told last, and how long until it is told again.
    told: Timestamp,
    tell_secs: u64,
    moved_at: u64,
    poll: u64,
    next_poll: u64,
    send_after: u64,
    /// Whether the queue was told at all.
    begun: bool,
}

impl Delegated {
    pub(super) fn new(at: Moment) -> Delegated {
        Delegated {
            units: BTreeSet::new(),
            in_charge: false,
            sign: at.now,
            told: at.now,
            tell_secs: 0,
            moved_at: at.ticks,
            poll: POLL.0,
            next_poll: at.ticks,
            send_after: at.ticks,
            begun: false,
        }
    }

    /// Looks again soon while something moves, and rarely while nothing does.
    pub(super) fn paced(&mut self, moved: bool, at: Moment) {
        if moved {
            self.moved_at = at.ticks;
            self.poll = POLL.0;
            self.sign = at.now;
            self.told = at.now;
            self.tell_secs = 0;
        } else {
            let most = if at.ticks.saturating_sub(self.moved_at) < MOVING { POLL.1 } else { POLL.2 };
            self.poll = (self.poll * 3 / 2).min(most);
        }
        self.next_poll = at.ticks + self.poll;
    }

    pub(super) fn next_poll(&self) -> Option<u64> {
        (!self.units.is_empty()).then_some(self.next_poll)
    }

    /// Whether the queue is to be told of its units again, since nothing moved for so long.
    fn tell_again(&self, lease_secs: u64, now: Timestamp) -> bool {
        !self.units.is_empty() && now >= self.told.plus_secs(self.tell_secs.max(lease_secs))
    }

    /// The queue is being told.
    fn told(&mut self, lease_secs: u64, now: Timestamp) {
        self.begun = true;
        self.told = now;
        self.tell_secs = (self.tell_secs.max(lease_secs) * 2).min(MOST_CHECK_SECS);
    }

    /// The queue was told: these units are its workers' now.
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

    /// No sign of life of this job for a while: a backlog if workers are alive, else a standstill. Returns the units
    /// that come back.
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
    /// Tells the queue of what is open: at the beginning where the plan says so, again where nothing moves, and where
    /// this runner has no time for it any more.
    pub(super) fn enqueue(&mut self, at: Moment) -> Option<Action<A>> {
        let runs = self.share.known.job.state == JobState::Running;
        if self.sending || !self.share.is_starting(at) || !runs || !self.share.to_read(&self.commit).is_empty() {
            return None;
        }
        let first = self.share.plan.delegate && !self.share.delegated.begun;
        // At the end of its time there is no time even to begin: the queue goes on at once, not a sweeper later.
        let spill = !self.share.plan.has_time(at) && at.ticks >= self.share.delegated.send_after;
        let units: BTreeSet<Seq> = if (first || spill) && self.share.open().next().is_some() {
            self.share.open().collect()
        } else if self.share.delegated.tell_again(self.share.plan.lease_secs, at.now) {
            self.share.delegated.units.clone()
        } else {
            return None;
        };
        self.share.delegated.told(self.share.plan.lease_secs, at.now);
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

    /// The segments of units that workers do, or the workers' sign of life.
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

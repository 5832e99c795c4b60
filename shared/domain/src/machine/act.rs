//! Chooses a machine's next action.

use super::{Access, Action, Exit, HELD_TICKS, IDLE_TICKS, LOOK_TICKS, Machine, Mode, Moment, Reading, Scope};
use crate::job::JobState;
use crate::segment::{Segment, UnitState};

impl<A: Access> Machine<A> {
    /// Returns the next action. Returns `None` while the machine waits for an event or for [`Machine::next_timeout`].
    pub fn next_action(&mut self, at: Moment) -> Option<Action<A>> {
        if let Some(action) = self.out.pop_front() {
            return Some(action);
        }
        if self.exit.is_some() {
            return None;
        }
        let action = self
            .terminate(at)
            .or_else(|| self.read(at))
            .or_else(|| self.enqueue(at))
            .or_else(|| self.attend(at))
            // Before the commit, so that one write ends a unit and starts the next in its place.
            .or_else(|| self.prepare(at))
            .or_else(|| self.commit(at))
            .or_else(|| self.settle());
        if action.is_none() && self.out.is_empty() {
            self.leave(at);
        }
        action.or_else(|| self.out.pop_front())
    }

    /// Returns after how many ticks to ask again if no event arrives.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        let ticks = [self.commit.due_at(self.share.plan.linger_ticks), self.share.delegated.next_poll()];
        let ticks = ticks.into_iter().flatten().map(|due| due.saturating_sub(at.ticks));
        // The wall clock may stand still or jump, so a runner that waits for it looks at least this often.
        ticks.min().unwrap_or(IDLE_TICKS).clamp(1, IDLE_TICKS)
    }

    /// Starts the termination that is due.
    fn terminate(&mut self, at: Moment) -> Option<Action<A>> {
        if self.moving || self.settling || self.share.lost || self.share.stopped || self.share.known.seen_at.is_none() {
            return None;
        }
        let to = self.share.termination(at);
        self.moving = to.is_some();
        to.map(Action::Terminate)
    }

    fn read(&mut self, at: Moment) -> Option<Action<A>> {
        if self.reading.is_some() {
            return None;
        }
        let ready = self.share.units.ready().next().is_some();
        let every =
            if self.share.plan.extract || !self.share.delegated.units.is_empty() { LOOK_TICKS } else { IDLE_TICKS };
        let idle = self.share.units.local.is_empty() || self.share.plan.extract;
        let look = self.share.plan.mode == Mode::Run && idle && at.ticks >= self.looked_at.saturating_add(every);
        if self.share.known.seen_at.is_none() || look || (ready && !self.share.known.is_fresh(at)) {
            self.reading = Some(Reading::Job { asked_at: at.ticks });
            self.looked_at = at.ticks;
            return Some(Action::ReadJob);
        }
        let unknown = self.share.to_read(&self.commit);
        let held = || self.share.units.held.keys().map(|seq| Segment::of(*seq));
        let (first, last) = match (unknown.first(), unknown.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ if at.ticks >= self.held_looked_at.saturating_add(HELD_TICKS) && self.share.plan.mode == Mode::Run => {
                self.held_looked_at = at.ticks;
                (held().min()?, held().max()?)
            }
            _ => return None,
        };
        self.reading = Some(Reading::Segments { first, last });
        Some(Action::ReadSegments { first, last })
    }

    /// Takes the next unit that may start and waits for its host's slot and a permit.
    fn prepare(&mut self, at: Moment) -> Option<Action<A>> {
        let expiring = self.share.known.job.state == JobState::Expiring;
        // Units being sent to the queue belong to its workers unless the queue refuses them.
        if self.sending || !self.share.is_starting(at) || !self.share.plan.has_time(at) || expiring {
            return None;
        }
        if self.share.units.active() >= self.share.plan.concurrency.max(1) as usize {
            return None;
        }
        self.share.units.wake(at.now);
        let seq = self.share.next_unit(at)?;
        if !self.share.known.is_sure_of(seq) {
            return None;
        }
        let suspect =
            matches!(self.share.known.unit(seq), UnitState::Started { .. }) && self.share.own_extract() != Some(seq);
        self.share.units.claim(seq);
        Some(Action::Prepare { seq, suspect })
    }

    /// Exits if nothing is left to do here.
    fn leave(&mut self, at: Moment) {
        if self.faults >= self.share.plan.max_faults {
            return self.exit(Exit::GaveUp);
        }
        let writing = self.commit.write.is_some() || self.moving || self.settling || self.sending;
        if writing || !self.share.units.local.is_empty() {
            return;
        }
        let knows =
            self.reading.is_none() && self.share.known.seen_at.is_some() && self.share.to_read(&self.commit).is_empty();
        match self.share.plan.mode {
            Mode::Run if !self.share.is_starting(at) => self.exit(Exit::Left),
            Mode::End(_) if knows => self.exit(Exit::Left),
            Mode::Run if knows && matches!(self.share.plan.scope, Scope::Units(_)) => {
                if !self.share.plan.has_time(at) || self.share.next_unit(at).is_none() {
                    self.exit(Exit::Left);
                }
            }
            // No runner has to wait for units that wait for a model.
            Mode::Run if knows && self.share.waits_for_model() => self.exit(Exit::Left),
            Mode::Run | Mode::End(_) => {}
        }
    }
}

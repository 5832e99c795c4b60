//! Chooses a machine's next action.

use super::{
    Access, Action, BUSY_READ_TICKS, Exit, HELD_READ_TICKS, IDLE_READ_TICKS, Machine, Mode, Moment, PendingRead, Scope,
};
use crate::job::JobState;
use crate::segment::{Segment, UnitState};

impl<A: Access> Machine<A> {
    /// Returns the next action. Returns `None` while the machine waits for an event or for [`Machine::next_timeout`].
    pub fn next_action(&mut self, at: Moment) -> Option<Action<A>> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        if self.exit.is_some() {
            return None;
        }
        let action = self
            .terminate(at)
            .or_else(|| self.read(at))
            .or_else(|| self.enqueue(at))
            .or_else(|| self.poll_delegated(at))
            // Before the commit, so that one write ends a unit and starts the next in its place.
            .or_else(|| self.prepare(at))
            .or_else(|| self.commit(at))
            .or_else(|| self.settle());
        if action.is_none() && self.actions.is_empty() {
            self.exit_if_done(at);
        }
        action.or_else(|| self.actions.pop_front())
    }

    /// Returns after how many ticks to ask again if no event arrives.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        let ticks = [self.commit.due_at(self.runner.config.linger_ticks), self.runner.delegated.next_poll()];
        let ticks = ticks.into_iter().flatten().map(|due| due.saturating_sub(at.ticks));
        // The wall clock may stand still or jump, so a runner that waits for it reads it at least this often.
        ticks.min().unwrap_or(IDLE_READ_TICKS).clamp(1, IDLE_READ_TICKS)
    }

    /// Starts the termination that is due.
    fn terminate(&mut self, at: Moment) -> Option<Action<A>> {
        if self.terminating
            || self.settling
            || self.runner.lease_lost
            || self.runner.stopped
            || self.runner.known.job_read_at.is_none()
        {
            return None;
        }
        let to = self.runner.termination(at);
        self.terminating = to.is_some();
        to.map(Action::Terminate)
    }

    fn read(&mut self, at: Moment) -> Option<Action<A>> {
        if self.reading.is_some() {
            return None;
        }
        let ready = self.runner.units.ready().next().is_some();
        let every = if self.runner.config.extract || !self.runner.delegated.units.is_empty() {
            BUSY_READ_TICKS
        } else {
            IDLE_READ_TICKS
        };
        let idle = self.runner.units.local.is_empty() || self.runner.config.extract;
        let poll = self.runner.config.mode == Mode::Run && idle && at.ticks >= self.job_polled_at.saturating_add(every);
        if self.runner.known.job_read_at.is_none() || poll || (ready && !self.runner.known.is_fresh(at)) {
            self.reading = Some(PendingRead::Job { requested_at: at.ticks });
            self.job_polled_at = at.ticks;
            return Some(Action::ReadJob);
        }
        let unknown = self.runner.to_read(&self.commit);
        let held = || self.runner.units.held.keys().map(|seq| Segment::index_of(*seq));
        let (first, last) = match (unknown.first(), unknown.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ if at.ticks >= self.held_read_at.saturating_add(HELD_READ_TICKS)
                && self.runner.config.mode == Mode::Run =>
            {
                self.held_read_at = at.ticks;
                (held().min()?, held().max()?)
            }
            _ => return None,
        };
        self.reading = Some(PendingRead::Segments { first, last });
        Some(Action::ReadSegments { first, last })
    }

    /// Takes the next unit that may start and waits for its host's slot and a permit.
    fn prepare(&mut self, at: Moment) -> Option<Action<A>> {
        let expiring = self.runner.known.job.state == JobState::Expiring;
        // Units being sent to the queue belong to its workers unless the queue refuses them.
        if self.sending || !self.runner.starts_units(at) || !self.runner.config.has_time(at) || expiring {
            return None;
        }
        if self.runner.units.active() >= self.runner.config.concurrency.max(1) as usize {
            return None;
        }
        self.runner.units.reopen_deferred(at.now);
        let seq = self.runner.next_unit(at)?;
        if !self.runner.known.is_verified(seq) {
            return None;
        }
        let suspect =
            matches!(self.runner.known.unit(seq), UnitState::Started { .. }) && self.runner.own_extract() != Some(seq);
        self.runner.units.start_preparing(seq);
        Some(Action::Prepare { seq, suspect })
    }

    /// Exits if nothing is left to do for this runner.
    fn exit_if_done(&mut self, at: Moment) {
        if self.faults >= self.runner.config.max_faults {
            return self.exit(Exit::GaveUp);
        }
        let busy = self.commit.write.is_some() || self.terminating || self.settling || self.sending;
        if busy || !self.runner.units.local.is_empty() {
            return;
        }
        let is_current = self.reading.is_none()
            && self.runner.known.job_read_at.is_some()
            && self.runner.to_read(&self.commit).is_empty();
        match self.runner.config.mode {
            Mode::Run if !self.runner.starts_units(at) => self.exit(Exit::NothingToRun),
            Mode::End(_) if is_current => self.exit(Exit::NothingToRun),
            Mode::Run if is_current && matches!(self.runner.config.scope, Scope::Units(_)) => {
                if !self.runner.config.has_time(at) || self.runner.next_unit(at).is_none() {
                    self.exit(Exit::NothingToRun);
                }
            }
            // No runner has to wait for units that wait for a model.
            Mode::Run if is_current && self.runner.waits_for_model() => self.exit(Exit::NothingToRun),
            Mode::Run | Mode::End(_) => {}
        }
    }
}

//! What a machine does next.

use super::{Access, Action, Exit, HELD_TICKS, IDLE_TICKS, LOOK_TICKS, Local, Machine, Mode, Moment, Reading, Scope};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, UnitState};

impl<A: Access> Machine<A> {
    /// The next thing to do; `None` where everything waits: for an event, or for [`Machine::next_timeout`].
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
            // Before the commit: what comes free is filled, and one write ends a unit and starts the next.
            .or_else(|| self.prepare(at))
            .or_else(|| self.commit(at))
            .or_else(|| self.settle());
        if action.is_none() && self.out.is_empty() {
            self.leave(at);
        }
        action.or_else(|| self.out.pop_front())
    }

    /// In how many ticks to ask again, if no event comes before.
    pub fn next_timeout(&self, at: Moment) -> u64 {
        let ticks = [self.due_at(), self.delegated.next_poll()];
        let ticks = ticks.into_iter().flatten().map(|due| due.saturating_sub(at.ticks));
        // The wall clock may stand still or jump: whoever waits for it looks every now and then.
        ticks.min().unwrap_or(IDLE_TICKS).clamp(1, IDLE_TICKS)
    }

    /// Begins the termination that is due.
    fn terminate(&mut self, at: Moment) -> Option<Action<A>> {
        let (state, mode) = (self.job.state, self.plan.mode);
        if self.moving || self.settling || self.lost || self.stopped || self.seen_at.is_none() {
            return None;
        }
        let to = match mode {
            Mode::End(Some(to)) if state == JobState::Running => Some(to),
            Mode::End(Some(JobState::Cancelling)) if state == JobState::FailingFast => Some(JobState::Cancelling),
            _ if self.job.must_expire(at.now) => Some(JobState::Expiring),
            _ if state == JobState::Running && self.plan.fail_fast && self.failed => Some(JobState::FailingFast),
            _ => None,
        };
        self.moving = to.is_some();
        to.map(Action::Terminate)
    }

    fn read(&mut self, at: Moment) -> Option<Action<A>> {
        if self.reading.is_some() {
            return None;
        }
        let ready = self.local.values().any(|local| matches!(local, Local::Ready { .. }));
        let every = if self.plan.extract || !self.delegated.units.is_empty() { LOOK_TICKS } else { IDLE_TICKS };
        let idle = self.local.is_empty() || self.plan.extract;
        let look = self.plan.mode == Mode::Run && idle && at.ticks >= self.looked_at.saturating_add(every);
        if self.seen_at.is_none() || look || (ready && !self.is_fresh(at)) {
            self.reading = Some(Reading::Job { asked_at: at.ticks });
            self.looked_at = at.ticks;
            return Some(Action::ReadJob);
        }
        let unknown = self.to_read();
        let held = || self.held.keys().map(|seq| Segment::of(*seq));
        let (first, last) = match (unknown.first(), unknown.last()) {
            (Some(first), Some(last)) => (*first, *last),
            _ if at.ticks >= self.held_looked_at.saturating_add(HELD_TICKS) && self.plan.mode == Mode::Run => {
                self.held_looked_at = at.ticks;
                (held().min()?, held().max()?)
            }
            _ => return None,
        };
        self.reading = Some(Reading::Segments { first, last });
        Some(Action::ReadSegments { first, last })
    }

    /// Gets the next unit its host's slot and a permit, where one may start.
    fn prepare(&mut self, at: Moment) -> Option<Action<A>> {
        // What is being handed to the queue is the workers', unless it refuses.
        if self.sending || !self.is_starting(at) || !self.has_time(at) || self.job.state == JobState::Expiring {
            return None;
        }
        let active =
            self.local.values().filter(|local| !matches!(local, Local::Finished { .. } | Local::Denied)).count();
        if active >= self.plan.concurrency.max(1) as usize {
            return None;
        }
        let due: Vec<Seq> = self.deferred.iter().filter(|(_, until)| **until <= at.now).map(|(seq, _)| *seq).collect();
        for seq in due {
            self.deferred.remove(&seq);
            self.open.insert(seq);
        }
        let seq = self.to_take_over(at).or_else(|| self.to_start(at))?;
        if self.unsure.contains(&Segment::of(seq)) || !self.rows.contains_key(&Segment::of(seq)) {
            return None;
        }
        let suspect = matches!(self.unit(seq), UnitState::Started { .. }) && !self.is_first_of_extract(seq);
        self.open.remove(&seq);
        self.held.remove(&seq);
        self.local.insert(seq, Local::Waiting);
        Some(Action::Prepare { seq, suspect })
    }

    /// An extract's unit was started with its job, by whoever runs it first.
    fn is_first_of_extract(&self, seq: Seq) -> bool {
        let me = self.plan.me;
        self.plan.extract && matches!(self.unit(seq), UnitState::Started { attempt: 1, holder, .. } if holder == me)
    }

    /// The next unit whose holder's lease is over. One at a time: it may have killed its process, and its reader is one
    /// that may die.
    fn to_take_over(&self, at: Moment) -> Option<Seq> {
        let suspect = |(seq, local): (&Seq, &Local)| match local {
            Local::Waiting | Local::Ready { .. } => {
                matches!(self.unit(*seq), UnitState::Started { .. }) && !self.is_first_of_extract(*seq)
            }
            Local::Running { attempt } => *attempt > 1,
            Local::Denied | Local::Finished { .. } => false,
        };
        if self.local.iter().any(suspect) {
            return None;
        }
        self.held.iter().find(|(_, until)| **until <= at.now).map(|(seq, _)| *seq)
    }

    fn to_start(&self, at: Moment) -> Option<Seq> {
        if self.may_start(at) {
            // A crawl's pages are one host's: where it is not the first one's turn it is nobody's.
            let waits = self.plan.crawl && !self.deferred.is_empty();
            return self.open.first().copied().filter(|_| !waits);
        }
        self.open.iter().copied().find(|seq| matches!(self.unit(*seq), UnitState::Started { .. }))
    }

    /// Whether something of this runner's is under way.
    fn is_busy(&self) -> bool {
        self.write.is_some() || self.moving || self.settling || self.sending || !self.local.is_empty()
    }

    /// Ends where there is nothing more to do here.
    fn leave(&mut self, at: Moment) {
        if self.faults >= self.plan.most_faults {
            return self.exit(Exit::GaveUp);
        }
        if self.is_busy() {
            return;
        }
        let knows = self.reading.is_none() && self.seen_at.is_some() && self.to_read().is_empty();
        match self.plan.mode {
            Mode::Run if !self.is_starting(at) => self.exit(Exit::Left),
            Mode::End(_) if knows => self.exit(Exit::Left),
            Mode::Run if knows && matches!(self.plan.scope, Scope::Units(_)) => {
                let startable = self.has_time(at) && (self.to_start(at).is_some() || self.to_take_over(at).is_some());
                if !startable {
                    self.exit(Exit::Left);
                }
            }
            Mode::Run | Mode::End(_) => {}
        }
    }
}

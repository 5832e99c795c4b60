//! What a machine learns: from rows, from writes, and from the pages that its runner runs.

use super::{Access, Action, Event, Exit, JobView, Local, Machine, Moment, Move, Outcome, Reading, Write};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, UnitState};

impl<A: Access> Machine<A> {
    /// Takes note of what happened.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match event {
            Event::Job(job) => self.saw_job(job, at),
            Event::Segments(rows) => self.saw_segments(rows, at),
            Event::ReadFailed => {
                self.reading = None;
                self.faults += 1;
                self.delegated.paced(false, at);
            }
            Event::Admitted(admitted) => {
                self.job.admitted = self.job.admitted.max(admitted);
                self.admit();
            }
            Event::Ready { seq, paced } => {
                if self.local.get(&seq) == Some(&Local::Waiting) {
                    self.local.insert(seq, Local::Ready { paced });
                }
            }
            Event::Denied(seq) => {
                if self.local.get(&seq) == Some(&Local::Waiting) {
                    self.local.insert(seq, Local::Denied);
                }
            }
            Event::Deferred { seq, until } => {
                if self.local.get(&seq) == Some(&Local::Waiting) {
                    self.local.remove(&seq);
                    self.place(seq);
                    if self.open.remove(&seq) {
                        self.deferred.insert(seq, until);
                    }
                }
            }
            Event::Dropped(seq) => {
                if self.local.get(&seq).is_some_and(|local| !matches!(local, Local::Finished { .. })) {
                    self.local.remove(&seq);
                    self.faults += 1;
                    self.place(seq);
                }
            }
            Event::Ended { seq, attempt, end, at: when, skipped } => {
                if self.local.get(&seq) == Some(&Local::Running { attempt }) {
                    self.local.insert(seq, Local::Finished { attempt, end, at: when, skipped });
                }
            }
            Event::Committed(outcomes) => self.committed(outcomes),
            Event::Moved => {
                self.moving = false;
                self.faults = 0;
                self.seen_at = None;
            }
            Event::MoveFailed => {
                self.moving = false;
                self.faults += 1;
            }
            Event::Settled => self.exit(Exit::Settled),
            Event::SettleRefused => self.settle_failed(false),
            Event::SettleFailed => self.settle_failed(true),
            Event::Enqueued(refused) => self.enqueued(refused, at),
            Event::Heartbeat(beat) => {
                self.reading = None;
                self.heard_heartbeat(beat, at);
            }
            Event::LeaseLost => {
                self.lost = true;
                self.let_go();
            }
            Event::Stop => {
                self.stopped = true;
                self.let_go();
            }
        }
    }

    fn saw_job(&mut self, job: Option<JobView>, at: Moment) {
        let asked_at = match self.reading.take() {
            Some(Reading::Job { asked_at }) => asked_at,
            other => {
                self.reading = other;
                at.ticks
            }
        };
        let Some(job) = job else { return self.exit(Exit::Settled) };
        self.faults = 0;
        self.job = JobView { admitted: self.job.admitted.max(job.admitted), ..job };
        self.seen_at = Some(asked_at);
        if job.state.ended() {
            return self.exit(Exit::Settled);
        }
        self.admit();
        if job.state != JobState::Running {
            // Nothing starts any more; what has started goes on.
            self.let_go();
        }
    }

    fn saw_segments(&mut self, rows: Vec<Segment>, at: Moment) {
        let Some(Reading::Segments { first, last }) = self.reading.take() else { return };
        self.faults = 0;
        let mut moved = false;
        let mut rows = rows.into_iter().peekable();
        for index in first..=last {
            while rows.next_if(|row| row.index < index).is_some() {}
            let row = rows.next_if(|row| row.index == index).unwrap_or_else(|| Segment::untouched(index));
            // A row that is being written is what its write makes of it.
            if self.write.as_ref().is_some_and(|write| write.segments.contains_key(&index)) {
                continue;
            }
            self.unsure.remove(&index);
            let known = self.rows.get(&index).cloned();
            if known.as_ref().is_none_or(|known| known.version < row.version) {
                moved |= row.version > 0;
                self.observe(known.as_ref(), &row, false);
            }
        }
        self.delegated.paced(moved, at);
    }

    fn committed(&mut self, outcomes: Vec<(u32, Outcome)>) {
        let Some(write) = self.write.take() else { return };
        for (index, outcome) in outcomes {
            let Some(new) = write.segments.get(&index) else { continue };
            let known = self.rows.get(&index).cloned();
            match outcome {
                Outcome::Written => self.accept(&write, known.as_ref(), new),
                // Its own write, of which the reply was lost.
                Outcome::Refused(Some(row)) if row.written == Some(write.id) => {
                    self.accept(&write, known.as_ref(), &row);
                }
                Outcome::Refused(row) => {
                    let row = row.unwrap_or_else(|| Segment::untouched(index));
                    self.unsure.remove(&index);
                    self.observe(known.as_ref(), &row, false);
                    // Somebody else writes here: perhaps the job is being terminated.
                    self.seen_at = None;
                }
                Outcome::Failed => {
                    self.unsure.insert(index);
                    self.faults += 1;
                }
            }
        }
    }

    /// A write of this machine took effect.
    fn accept(&mut self, write: &Write, known: Option<&Segment>, row: &Segment) {
        self.faults = 0;
        for (seq, step) in write.moves.iter().filter(|(seq, _)| Segment::of(**seq) == row.index) {
            match step {
                Move::Start { attempt } => {
                    self.local.insert(*seq, Local::Running { attempt: *attempt });
                    self.out.push_back(Action::Run { seq: *seq, attempt: *attempt });
                }
                Move::End => drop(self.local.remove(seq)),
            }
        }
        self.observe(known, row, true);
    }

    /// Takes a row for what is true now.
    pub(super) fn observe(&mut self, known: Option<&Segment>, row: &Segment, own: bool) {
        self.rows.insert(row.index, row.clone());
        let mut over = Vec::new();
        for seq in row.seqs(self.job.admitted) {
            let (before, now) = (known.map(|known| known.unit(seq)), row.unit(seq));
            if before == Some(now) {
                continue;
            }
            self.failed |= now.is_failed();
            if now.is_over() && !before.is_some_and(UnitState::is_over) {
                over.push((seq, now));
            }
            if self.in_scope(seq) {
                self.place(seq);
            }
        }
        if !over.is_empty() {
            self.out.push_back(Action::Show { units: over, own });
        }
        // What the last unit admitted is in the job's row.
        if self.plan.crawl && self.is_over() {
            self.seen_at = None;
        }
    }

    /// Puts a unit where it stands now, by its row and by what this runner does with it.
    pub(super) fn place(&mut self, seq: Seq) {
        let (unit, me) = (self.unit(seq), self.plan.me);
        if let Some(local) = self.local.get(&seq) {
            let holds = |mine: u8| matches!(unit, UnitState::Started { attempt, holder, .. } if holder == me && attempt == mine);
            let stays = match local {
                Local::Running { attempt } | Local::Finished { attempt, .. } => holds(*attempt),
                Local::Waiting | Local::Ready { .. } => {
                    unit == UnitState::Pending || matches!(unit, UnitState::Started { holder, .. } if holder == me)
                }
                Local::Denied => unit == UnitState::Pending,
            };
            if stays {
                return;
            }
            self.forget(seq);
        }
        self.open.remove(&seq);
        self.held.remove(&seq);
        let deferred = self.deferred.remove(&seq);
        let delegated = self.delegated.units.remove(&seq);
        match unit {
            UnitState::Pending if delegated || self.delegated.in_charge => drop(self.delegated.units.insert(seq)),
            UnitState::Pending => match deferred {
                Some(until) => drop(self.deferred.insert(seq, until)),
                None => drop(self.open.insert(seq)),
            },
            UnitState::Started { holder, .. } if holder == me => drop(self.open.insert(seq)),
            UnitState::Started { lease_until, .. } => drop(self.held.insert(seq, lease_until)),
            UnitState::Ended { .. } | UnitState::Skipped => {}
        }
    }

    /// Gives up what this runner does with a unit.
    fn forget(&mut self, seq: Seq) {
        if let Some(local) = self.local.remove(&seq)
            && !matches!(local, Local::Finished { .. })
        {
            self.out.push_back(Action::Abort(seq));
        }
    }

    /// Gives up what has not started.
    pub(super) fn let_go(&mut self) {
        let writing = |seq: &Seq| self.write.as_ref().is_some_and(|write| write.moves.contains_key(seq));
        let idle = |local: &Local| matches!(local, Local::Waiting | Local::Ready { .. });
        let started = |seq: &Seq| matches!(self.unit(*seq), UnitState::Started { .. });
        let ends = self.lost || self.stopped || self.exit.is_some();
        let all: Vec<Seq> = self
            .local
            .iter()
            .filter(|(seq, local)| idle(local) && !writing(seq) && (ends || !started(seq)))
            .map(|(seq, _)| *seq)
            .collect();
        for seq in all {
            self.forget(seq);
            self.place(seq);
        }
    }

    fn settle_failed(&mut self, fault: bool) {
        self.settling = false;
        self.faults += u32::from(fault);
        self.seen_at = None;
        // An extract's unit is in the job's row, and was part of the write.
        if self.plan.extract {
            self.write = None;
            self.unsure.insert(0);
        }
    }

    /// There is nothing more to do.
    pub(super) fn exit(&mut self, exit: Exit) {
        if self.exit.is_none() {
            self.exit = Some(exit);
            self.let_go();
            let running: Vec<Seq> = self.local.keys().copied().collect();
            running.into_iter().for_each(|seq| self.forget(seq));
            self.out.push_back(Action::Exit(exit));
        }
    }

    /// Segments of the scope that have to be read before anything is decided on them.
    pub(super) fn to_read(&self) -> Vec<u32> {
        let written = |index: &u32| self.write.as_ref().is_some_and(|write| write.segments.contains_key(index));
        let unknown = |index: &u32| !self.rows.contains_key(index) || self.unsure.contains(index);
        self.scope_segments().into_iter().filter(|index| unknown(index) && !written(index)).collect()
    }
}

//! Handles a machine's events: rows, outcomes of writes, and the pages that its runner runs.

use super::share::Observed;
use super::units::Local;
use super::write::{Move, Write};
use super::{Access, Action, Event, Exit, JobView, Machine, Moment, Outcome, Reading};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::Segment;

impl<A: Access> Machine<A> {
    /// Applies an event.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match event {
            Event::Job(job) => self.saw_job(job, at),
            Event::Segments(rows) => self.saw_segments(rows, at),
            Event::ReadFailed => {
                self.reading = None;
                self.faults += 1;
                self.share.delegated.paced(false, at);
            }
            Event::Admitted(admitted) => {
                self.share.known.job.admitted = self.share.known.job.admitted.max(admitted);
                let aborted = self.share.admit();
                self.abort(aborted);
            }
            Event::Ready { seq, paced } => self.share.units.advance(seq, Local::Waiting, Local::Ready { paced }),
            Event::Denied(seq) => self.share.units.advance(seq, Local::Waiting, Local::Denied),
            Event::Deferred { seq, until } => {
                if self.share.units.local.get(&seq) == Some(&Local::Waiting) {
                    self.share.units.local.remove(&seq);
                    let aborted = self.share.place_all([seq]);
                    self.abort(aborted);
                    self.share.units.defer(seq, until);
                }
            }
            Event::Dropped(seq) => {
                if self.share.units.local.get(&seq).is_some_and(|local| !local.is_done()) {
                    self.share.units.local.remove(&seq);
                    self.faults += 1;
                    let aborted = self.share.place_all([seq]);
                    self.abort(aborted);
                }
            }
            Event::Ended { seq, attempt, end, at: when, skipped } => {
                self.share.units.advance(
                    seq,
                    Local::Running { attempt },
                    Local::Finished { attempt, end, at: when, skipped },
                );
            }
            Event::Asked { seq, attempt, at: when, skipped } => {
                let asked = Local::Asked { attempt, at: when, skipped };
                self.share.units.advance(seq, Local::Running { attempt }, asked);
            }
            Event::Answered { seq, attempt, at: when } => self.share.answered(seq, attempt, when),
            Event::Committed(outcomes) => self.committed(outcomes),
            Event::Moved => {
                self.moving = false;
                self.faults = 0;
                self.share.known.seen_at = None;
            }
            Event::MoveFailed => {
                self.moving = false;
                self.faults += 1;
            }
            Event::Settled => self.exit(Exit::Settled),
            Event::SettleRefused => self.settle_failed(false),
            Event::SettleFailed => self.settle_failed(true),
            Event::Enqueued(refused) => self.enqueued(&refused, at),
            Event::Heartbeat(beat) => {
                self.reading = None;
                let back = self.share.delegated.saw_heartbeat(beat, self.share.plan.stall_secs, at.now);
                self.share.units.open.extend(back);
            }
            Event::LeaseLost => {
                self.share.lost = true;
                self.let_go();
            }
            Event::Stop => {
                self.share.stopped = true;
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
        self.share.known.job = JobView { admitted: self.share.known.job.admitted.max(job.admitted), ..job };
        self.share.known.seen_at = Some(asked_at);
        if job.state.ended() {
            return self.exit(Exit::Settled);
        }
        let aborted = self.share.admit();
        self.abort(aborted);
        if job.state != JobState::Running {
            // No further unit starts; started units go on.
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
            // For a row with a write under way, that write's outcome decides.
            if self.commit.writes_segment(index) {
                continue;
            }
            self.share.known.unsure.remove(&index);
            let known = self.share.known.rows.get(&index).cloned();
            if known.as_ref().is_none_or(|known| known.version < row.version) {
                moved |= row.version > 0;
                self.observe(known.as_ref(), &row, false);
            }
        }
        self.share.delegated.paced(moved, at);
    }

    fn committed(&mut self, outcomes: Vec<(u32, Outcome)>) {
        let Some(write) = self.commit.write.take() else { return };
        for (index, outcome) in outcomes {
            let Some(new) = write.segments.get(&index) else { continue };
            let known = self.share.known.rows.get(&index).cloned();
            match outcome {
                Outcome::Written => self.accept(&write, known.as_ref(), new),
                // Its own write, whose reply was lost.
                Outcome::Refused(Some(row)) if row.written == Some(write.id) => {
                    self.accept(&write, known.as_ref(), &row);
                }
                Outcome::Refused(row) => {
                    let row = row.unwrap_or_else(|| Segment::untouched(index));
                    self.share.known.unsure.remove(&index);
                    self.observe(known.as_ref(), &row, false);
                    // Another runner writes here: the job may be being terminated.
                    self.share.known.seen_at = None;
                }
                Outcome::Failed => {
                    self.share.known.unsure.insert(index);
                    self.faults += 1;
                }
            }
        }
    }

    /// Applies a write of this machine that took effect.
    fn accept(&mut self, write: &Write, known: Option<&Segment>, row: &Segment) {
        self.faults = 0;
        for (seq, step) in write.moves.iter().filter(|(seq, _)| Segment::of(**seq) == row.index) {
            match step {
                Move::Start { attempt } => {
                    self.share.units.local.insert(*seq, Local::Running { attempt: *attempt });
                    self.out.push_back(Action::Run { seq: *seq, attempt: *attempt });
                }
                Move::End => drop(self.share.units.local.remove(seq)),
            }
        }
        self.observe(known, row, true);
    }

    /// Accepts a row as current.
    pub(super) fn observe(&mut self, known: Option<&Segment>, row: &Segment, own: bool) {
        let Observed { aborted, over } = self.share.observe(known, row);
        self.abort(aborted);
        if !over.is_empty() {
            self.out.push_back(Action::Show { units: over, own });
        }
    }

    /// Gives up units that have not started.
    fn let_go(&mut self) {
        let aborted = self.share.let_go(&self.commit, self.exit.is_some());
        self.abort(aborted);
    }

    /// Aborts what is under way for units.
    pub(super) fn abort(&mut self, seqs: Vec<Seq>) {
        self.out.extend(seqs.into_iter().map(Action::Abort));
    }

    fn settle_failed(&mut self, fault: bool) {
        self.settling = false;
        self.faults += u32::from(fault);
        self.share.known.seen_at = None;
        // An extract's unit is in the job's row and was part of the write.
        if self.share.plan.extract {
            self.commit.write = None;
            self.share.known.unsure.insert(0);
        }
    }

    /// Exits and gives up all units.
    pub(super) fn exit(&mut self, exit: Exit) {
        if self.exit.is_none() {
            self.exit = Some(exit);
            self.let_go();
            let running: Vec<Seq> = self.share.units.local.keys().copied().collect();
            let aborted = running.into_iter().filter(|seq| self.share.units.forget(*seq));
            self.out.extend(aborted.map(Action::Abort));
            self.out.push_back(Action::Exit(exit));
        }
    }
}

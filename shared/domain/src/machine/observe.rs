//! Handles a machine's events: rows, outcomes of writes, and the pages that its runner runs.

use super::runner_state::Observed;
use super::units::LocalState;
use super::write::{UnitChange, Write};
use super::{Access, Action, Event, Exit, JobView, Machine, Moment, PendingRead, WriteOutcome};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::Segment;

impl<A: Access> Machine<A> {
    /// Applies an event.
    pub fn handle(&mut self, event: Event, at: Moment) {
        match event {
            Event::Job(job) => self.on_job_read(job, at),
            Event::Segments(rows) => self.on_segments_read(rows, at),
            Event::ReadFailed => {
                self.reading = None;
                self.faults += 1;
                self.runner.delegated.schedule_poll(false, at);
            }
            Event::Admitted(admitted) => {
                self.runner.known.job.admitted = self.runner.known.job.admitted.max(admitted);
                let aborted = self.runner.admit();
                self.abort(aborted);
            }
            Event::Ready { seq, paced } => {
                self.runner.units.advance(seq, LocalState::Preparing, LocalState::Ready { paced })
            }
            Event::Denied(seq) => self.runner.units.advance(seq, LocalState::Preparing, LocalState::Denied),
            Event::Deferred { seq, until } => {
                if self.runner.units.local.get(&seq) == Some(&LocalState::Preparing) {
                    self.runner.units.local.remove(&seq);
                    let aborted = self.runner.sync_units([seq]);
                    self.abort(aborted);
                    self.runner.units.defer(seq, until);
                }
            }
            Event::Dropped(seq) => {
                if self.runner.units.local.get(&seq).is_some_and(|local| !local.is_done()) {
                    self.runner.units.local.remove(&seq);
                    self.faults += 1;
                    let aborted = self.runner.sync_units([seq]);
                    self.abort(aborted);
                }
            }
            Event::Ended { seq, attempt, end, at: when, skipped } => {
                self.runner.units.advance(
                    seq,
                    LocalState::Running { attempt },
                    LocalState::Finished { attempt, end, at: when, skipped },
                );
            }
            Event::Asked { seq, attempt, at: when, skipped } => {
                let asked = LocalState::Asked { attempt, at: when, skipped };
                self.runner.units.advance(seq, LocalState::Running { attempt }, asked);
            }
            Event::Answered { seq, attempt, at: when } => self.runner.on_answered(seq, attempt, when),
            Event::Committed(outcomes) => self.on_committed(outcomes),
            Event::JobStateChanged => {
                self.terminating = false;
                self.faults = 0;
                self.runner.known.job_read_at = None;
            }
            Event::JobStateChangeFailed => {
                self.terminating = false;
                self.faults += 1;
            }
            Event::Settled => self.exit(Exit::Settled),
            Event::SettleRefused => self.on_settle_failed(false),
            Event::SettleFailed => self.on_settle_failed(true),
            Event::Enqueued(refused) => self.on_enqueued(&refused, at),
            Event::Heartbeat(beat) => {
                self.reading = None;
                let back = self.runner.delegated.on_heartbeat(beat, self.runner.config.stall_secs, at.now);
                self.runner.units.open.extend(back);
            }
            Event::LeaseLost => {
                self.runner.lease_lost = true;
                self.release_units();
            }
            Event::Stop => {
                self.runner.stopped = true;
                self.release_units();
            }
        }
    }

    fn on_job_read(&mut self, job: Option<JobView>, at: Moment) {
        let requested_at = match self.reading.take() {
            Some(PendingRead::Job { requested_at }) => requested_at,
            other => {
                self.reading = other;
                at.ticks
            }
        };
        let Some(job) = job else { return self.exit(Exit::Settled) };
        self.faults = 0;
        self.runner.known.job = JobView { admitted: self.runner.known.job.admitted.max(job.admitted), ..job };
        self.runner.known.job_read_at = Some(requested_at);
        if job.state.ended() {
            return self.exit(Exit::Settled);
        }
        let aborted = self.runner.admit();
        self.abort(aborted);
        if job.state != JobState::Running {
            // No further unit starts; started units go on.
            self.release_units();
        }
    }

    fn on_segments_read(&mut self, rows: Vec<Segment>, at: Moment) {
        let Some(PendingRead::Segments { first, last }) = self.reading.take() else { return };
        self.faults = 0;
        let mut progress = false;
        let mut rows = rows.into_iter().peekable();
        for index in first..=last {
            while rows.next_if(|row| row.index < index).is_some() {}
            let row = rows.next_if(|row| row.index == index).unwrap_or_else(|| Segment::untouched(index));
            // For a row with a write under way, that write's outcome decides.
            if self.commit.writes_segment(index) {
                continue;
            }
            self.runner.known.unverified.remove(&index);
            let known = self.runner.known.rows.get(&index).cloned();
            if known.as_ref().is_none_or(|known| known.version < row.version) {
                progress |= row.version > 0;
                self.observe(known.as_ref(), &row, false);
            }
        }
        self.runner.delegated.schedule_poll(progress, at);
    }

    fn on_committed(&mut self, outcomes: Vec<(u32, WriteOutcome)>) {
        let Some(write) = self.commit.write.take() else { return };
        for (index, outcome) in outcomes {
            let Some(new) = write.segments.get(&index) else { continue };
            let known = self.runner.known.rows.get(&index).cloned();
            match outcome {
                WriteOutcome::Written => self.accept(&write, known.as_ref(), new),
                // Its own write, whose reply was lost.
                WriteOutcome::Refused(Some(row)) if row.last_write == Some(write.id) => {
                    self.accept(&write, known.as_ref(), &row);
                }
                WriteOutcome::Refused(row) => {
                    let row = row.unwrap_or_else(|| Segment::untouched(index));
                    self.runner.known.unverified.remove(&index);
                    self.observe(known.as_ref(), &row, false);
                    // Another runner writes here: the job may be being terminated.
                    self.runner.known.job_read_at = None;
                }
                WriteOutcome::Failed => {
                    self.runner.known.unverified.insert(index);
                    self.faults += 1;
                }
            }
        }
    }

    /// Applies a write of this machine that took effect.
    fn accept(&mut self, write: &Write, known: Option<&Segment>, row: &Segment) {
        self.faults = 0;
        for (seq, step) in write.changes.iter().filter(|(seq, _)| Segment::index_of(**seq) == row.index) {
            match step {
                UnitChange::Start { attempt } => {
                    self.runner.units.local.insert(*seq, LocalState::Running { attempt: *attempt });
                    self.actions.push_back(Action::Run { seq: *seq, attempt: *attempt });
                }
                UnitChange::End => drop(self.runner.units.local.remove(seq)),
            }
        }
        self.observe(known, row, true);
    }

    /// Accepts a row as current.
    pub(super) fn observe(&mut self, known: Option<&Segment>, row: &Segment, own: bool) {
        let Observed { aborted, over } = self.runner.observe(known, row);
        self.abort(aborted);
        if !over.is_empty() {
            self.actions.push_back(Action::Show { units: over, own });
        }
    }

    /// Gives up units that have not started.
    fn release_units(&mut self) {
        let aborted = self.runner.release_units(&self.commit, self.exit.is_some());
        self.abort(aborted);
    }

    /// Aborts what is under way for units.
    pub(super) fn abort(&mut self, seqs: Vec<Seq>) {
        self.actions.extend(seqs.into_iter().map(Action::Abort));
    }

    fn on_settle_failed(&mut self, fault: bool) {
        self.settling = false;
        self.faults += u32::from(fault);
        self.runner.known.job_read_at = None;
        // An extract's unit is in the job's row and was part of the write.
        if self.runner.config.extract {
            self.commit.write = None;
            self.runner.known.unverified.insert(0);
        }
    }

    /// Exits and gives up all units.
    pub(super) fn exit(&mut self, exit: Exit) {
        if self.exit.is_none() {
            self.exit = Some(exit);
            self.release_units();
            let running: Vec<Seq> = self.runner.units.local.keys().copied().collect();
            let aborted = running.into_iter().filter(|seq| self.runner.units.release(*seq));
            self.actions.extend(aborted.map(Action::Abort));
            self.actions.push_back(Action::Exit(exit));
        }
    }
}

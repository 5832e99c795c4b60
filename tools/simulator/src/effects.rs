//! The effects of steps, and whom they are reported to.

use domain::JobState;
use domain::machine::{Commit, Event, JobView, Outcome, Settling};

use crate::keys::{JobRef, RunnerKey};
use crate::queue::Message;
use crate::retries::Fault;
use crate::rows::{JobRow, wall};
use crate::steps::{Step, What, Who};
use crate::tasks::{SimEvent, StepResult};
use crate::world::World;

impl World {
    /// Applies a step that has taken effect or, for a batch, a part of it.
    pub(crate) fn took(&mut self, mut step: Box<Step>) {
        let (job, who) = (step.job, step.who);
        match step.what {
            What::Results(_) if step.left > 0 => self.again(step, Fault::Partly),
            What::Results(commit) => {
                step.what = What::Put(commit);
                step.tries = Default::default();
                self.agenda.put(self.now, SimEvent::Tries(step));
            }
            What::Put(commit) => {
                let outcomes = self.put(job, commit);
                self.report(who, Event::Committed(outcomes), StepResult::Done(Vec::new()));
            }
            What::Job => {
                let view = self.view(job);
                self.report(who, Event::Job(Some(view)), StepResult::Done(Vec::new()));
            }
            What::Segments(first, last) => {
                let rows = self.rows.view(job.key).map(|row| row.segments(first, last)).unwrap_or_default();
                match who {
                    Who::Runner(runner) => self.handle_event(runner, Event::Segments(rows)),
                    Who::Task(task) => self.step_ended(task, StepResult::Done(rows)),
                    Who::Lease(_) | Who::Nobody => {}
                }
            }
            What::Inputs(process) => self.inputs_read(process, job, true),
            What::Settle(settling) => {
                let event = if self.settle(job, &settling) { Event::Settled } else { Event::SettleRefused };
                self.report(who, event, StepResult::Done(Vec::new()));
            }
            What::Drive(old, next) => {
                let drives = self.rows.drive(job.key, old, next);
                match who {
                    Who::Lease(runner) => self.renewed(runner, Some(drives.then_some(next))),
                    Who::Task(task) => {
                        self.step_ended(task, if drives { StepResult::Done(Vec::new()) } else { StepResult::Refused })
                    }
                    Who::Runner(_) | Who::Nobody => {}
                }
            }
            What::Terminate(to) => {
                if let Some(row) = self.rows.jobs.get_mut(job.key)
                    && row.state == JobState::Running
                {
                    row.state = to;
                }
                self.report(who, Event::Moved, StepResult::Done(Vec::new()));
            }
            What::Heartbeat => {
                let beat = self.figures.last_beat.map(wall);
                self.report(who, Event::Heartbeat(beat), StepResult::Done(Vec::new()));
            }
            What::Beat => self.figures.last_beat = Some(self.now),
            What::Send(queue, bodies, delay) => {
                for body in bodies {
                    self.queues[queue as usize].counts.sent += 1;
                    let message = Box::new(Message { job, body, sent_at: self.now + delay, receives: 0 });
                    self.agenda.put(self.now + delay, SimEvent::Arrives(queue, message));
                }
                self.report(who, Event::Enqueued(Default::default()), StepResult::Done(Vec::new()));
            }
            What::Accept => {
                if let Who::Task(task) = who {
                    self.accepted(task);
                }
            }
            What::Authenticate | What::Quota | What::PutInputs | What::Spec | What::Due(_) | What::Pause(_) => {
                if let Who::Task(task) = who {
                    self.step_ended(task, StepResult::Done(Vec::new()));
                }
            }
        }
    }

    fn report(&mut self, who: Who, event: Event, result: StepResult) {
        match who {
            Who::Runner(runner) => self.handle_event(runner, event),
            Who::Task(task) => self.step_ended(task, result),
            Who::Lease(_) | Who::Nobody => {}
        }
    }

    /// Reports an event to a machine, and carries out its actions.
    pub(crate) fn handle_event(&mut self, runner: RunnerKey, event: Event) {
        let at = crate::rows::moment(self.now);
        if let Some(runner) = self.runners.get_mut(runner) {
            runner.brain.handle(event, at);
        }
        self.advance(runner);
    }

    /// Returns a job's state by its row. A job whose row is gone has ended.
    pub(crate) fn view(&self, job: JobRef) -> JobView {
        let over = JobState::Ended(domain::Outcome::Completed);
        let gone = JobView { state: over, admitted: self.load.units, deadline: wall(self.now) };
        self.rows.view(job.key).map_or(gone, JobRow::view)
    }

    fn put(&mut self, job: JobRef, commit: Commit) -> Vec<(u32, Outcome)> {
        let write = |rows: Option<&mut JobRow>, row: &domain::segment::Segment| match rows {
            Some(rows) => match rows.put_segment(row) {
                Ok(()) => Outcome::Written,
                Err(there) => Outcome::Refused(there),
            },
            None => Outcome::Refused(None),
        };
        let rows = &mut self.rows.jobs;
        let outcomes: Vec<(u32, Outcome)> =
            commit.segments.iter().map(|row| (row.index, write(rows.get_mut(job.key), row))).collect();
        self.figures.segment_writes += outcomes.len() as u64;
        self.figures.refused_writes += outcomes.iter().filter(|(_, o)| *o != Outcome::Written).count() as u64;
        outcomes
    }

    fn settle(&mut self, job: JobRef, settling: &Settling) -> bool {
        let Some(row) = self.rows.settle(job.key, settling) else { return false };
        let tally = settling.totals.tally;
        self.figures.units_done += tally.started();
        if !row.held {
            self.figures.ended(row.called_at, self.now);
        }
        true
    }
}

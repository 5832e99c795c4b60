//! Applies the effects of steps and reports their results.

use domain::JobState;
use domain::machine::{Commit, Event, JobView, SettlementRequest, WriteOutcome};

use crate::keys::{JobRef, RunnerKey};
use crate::queue::Message;
use crate::retries::Fault;
use crate::rows::{JobRow, wall_clock};
use crate::steps::{Request, Step, Waiter};
use crate::tasks::{SimEvent, StepResult};
use crate::world::World;

impl World {
    /// Applies a step that has taken effect or, for a batch, a part of it.
    pub(crate) fn apply(&mut self, mut step: Box<Step>) {
        let (job, waiter) = (step.job, step.waiter);
        match step.request {
            Request::Results(_) if step.left > 0 => self.retry(step, Fault::PartlyProcessed),
            Request::Results(commit) => {
                step.request = Request::Put(commit);
                step.tries = Default::default();
                self.events.schedule(self.now, SimEvent::StepTry(step));
            }
            Request::Put(commit) => {
                let outcomes = self.put_segments(job, commit);
                self.report(waiter, Event::Committed(outcomes), StepResult::Done(Vec::new()));
            }
            Request::Job => {
                let view = self.view(job);
                self.report(waiter, Event::Job(Some(view)), StepResult::Done(Vec::new()));
            }
            Request::Segments(first, last) => {
                let rows = self.rows.view(job.key).map(|row| row.segments(first, last)).unwrap_or_default();
                match waiter {
                    Waiter::Runner(runner) => self.handle_event(runner, Event::Segments(rows)),
                    Waiter::Task(task) => self.step_ended(task, StepResult::Done(rows)),
                    Waiter::Lease(_) | Waiter::Nobody => {}
                }
            }
            Request::Inputs(process) => self.inputs_read(process, job, true),
            Request::Settle(settling) => {
                let event = if self.settle(job, &settling) { Event::Settled } else { Event::SettleRefused };
                self.report(waiter, event, StepResult::Done(Vec::new()));
            }
            Request::ReplaceLease(old, next) => {
                let replaced = self.rows.replace_lease(job.key, old, next);
                match waiter {
                    Waiter::Lease(runner) => self.lease_renewed(runner, Some(replaced.then_some(next))),
                    Waiter::Task(task) => {
                        self.step_ended(task, if replaced { StepResult::Done(Vec::new()) } else { StepResult::Refused })
                    }
                    Waiter::Runner(_) | Waiter::Nobody => {}
                }
            }
            Request::Terminate(to) => {
                if let Some(row) = self.rows.jobs.get_mut(job.key)
                    && row.state == JobState::Running
                {
                    row.state = to;
                }
                self.report(waiter, Event::JobStateChanged, StepResult::Done(Vec::new()));
            }
            Request::Heartbeat => {
                let beat = self.figures.last_beat.map(wall_clock);
                self.report(waiter, Event::Heartbeat(beat), StepResult::Done(Vec::new()));
            }
            Request::Beat => self.figures.last_beat = Some(self.now),
            Request::Send(queue, bodies, delay) => {
                for body in bodies {
                    self.queues[queue as usize].counts.sent += 1;
                    let message = Box::new(Message { job, body, sent_at: self.now + delay, receives: 0 });
                    self.events.schedule(self.now + delay, SimEvent::MessageArrives(queue, message));
                }
                self.report(waiter, Event::Enqueued(Default::default()), StepResult::Done(Vec::new()));
            }
            Request::Accept => {
                if let Waiter::Task(task) = waiter {
                    self.accepted(task);
                }
            }
            Request::Authenticate
            | Request::Quota
            | Request::PutInputs
            | Request::Spec
            | Request::Due(_)
            | Request::Pause(_) => {
                if let Waiter::Task(task) = waiter {
                    self.step_ended(task, StepResult::Done(Vec::new()));
                }
            }
        }
    }

    fn report(&mut self, waiter: Waiter, event: Event, result: StepResult) {
        match waiter {
            Waiter::Runner(runner) => self.handle_event(runner, event),
            Waiter::Task(task) => self.step_ended(task, result),
            Waiter::Lease(_) | Waiter::Nobody => {}
        }
    }

    /// Reports an event to a machine, and carries out its actions.
    pub(crate) fn handle_event(&mut self, runner: RunnerKey, event: Event) {
        let at = crate::rows::moment(self.now);
        if let Some(runner) = self.runners.get_mut(runner) {
            runner.machine.handle(event, at);
        }
        self.advance(runner);
    }

    /// Returns a job's state by its row. A job whose row is gone has ended.
    pub(crate) fn view(&self, job: JobRef) -> JobView {
        let over = JobState::Ended(domain::Outcome::Completed);
        let gone = JobView { state: over, admitted: self.load.units, deadline: wall_clock(self.now) };
        self.rows.view(job.key).map_or(gone, JobRow::view)
    }

    fn put_segments(&mut self, job: JobRef, commit: Commit) -> Vec<(u32, WriteOutcome)> {
        let write = |rows: Option<&mut JobRow>, row: &domain::segment::Segment| match rows {
            Some(rows) => match rows.put_segment(row) {
                Ok(()) => WriteOutcome::Written,
                Err(existing) => WriteOutcome::Refused(existing),
            },
            None => WriteOutcome::Refused(None),
        };
        let rows = &mut self.rows.jobs;
        let outcomes: Vec<(u32, WriteOutcome)> =
            commit.segments.iter().map(|row| (row.index, write(rows.get_mut(job.key), row))).collect();
        self.figures.segment_writes += outcomes.len() as u64;
        self.figures.refused_writes += outcomes.iter().filter(|(_, o)| *o != WriteOutcome::Written).count() as u64;
        outcomes
    }

    fn settle(&mut self, job: JobRef, settling: &SettlementRequest) -> bool {
        let Some(row) = self.rows.settle(job.key, settling) else { return false };
        let tally = settling.totals.tally;
        self.figures.units_done += tally.started();
        if !row.held {
            self.figures.ended(row.called_at, self.now);
        }
        true
    }
}

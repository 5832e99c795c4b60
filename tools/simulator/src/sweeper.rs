//! The sweep, as in `engine::sweep`: looks at jobs whose driver's lease is over, one after the other, and sends
//! messages again for those that have not moved.

use std::collections::BTreeSet;

use domain::Nonce;
use domain::job::DriverLease;
use domain::machine::Exit;
use domain::sweep::{Look, QueueSight, Undriven, to_run};

use crate::assumptions::{MS, SECOND};
use crate::deployment::{DUE_SHARDS, SWEEP_BATCH, SWEEP_MARGIN_MS};
use crate::drive::Run;
use crate::keys::{JobRef, TaskKey};
use crate::lambda::Function;
use crate::queue::QueueName;
use crate::rows::{JobKey, JobRow, wall};
use crate::runner::Runner;
use crate::steps::{What, Who};
use crate::tasks::{SimEvent, StepResult, Sweep, SweepStage, Task};
use crate::world::World;

impl World {
    /// Starts a sweep by the schedule.
    pub(crate) fn sweeps(&mut self) {
        self.agenda.put(self.now + self.deployment.sweep_secs * SECOND, SimEvent::Sweeps);
        let Some((invocation, begun)) = self.invoke(Function::Settle, None) else { return };
        let until = self.ends_at(invocation) - SWEEP_MARGIN_MS * MS;
        self.within(invocation, begun, Task::Sweep(Sweep { shard: 0, until, ..Sweep::nothing(invocation) }));
    }

    fn sweep(&mut self, task: TaskKey) -> Option<&mut Sweep> {
        match self.tasks.get_mut(task) {
            Some(Task::Sweep(sweep)) => Some(sweep),
            Some(Task::Handler(_) | Task::MessageTask(_)) | None => None,
        }
    }

    /// Continues with the next shard or the next job, or ends.
    pub(crate) fn continue_sweep(&mut self, task: TaskKey) {
        let now = self.now;
        let Some(sweep) = self.sweep(task) else { return };
        let invocation = sweep.invocation;
        if sweep.shard < DUE_SHARDS {
            let shard = sweep.shard;
            sweep.stage = SweepStage::Listing;
            let nowhere = JobRef { key: JobKey::nothing(), collection: 0, account: 0 };
            return self.step(Who::Task(task), nowhere, What::Due(shard));
        }
        match sweep.jobs.pop_front().filter(|_| now < sweep.until) {
            Some(job) => {
                sweep.at = Some(job);
                self.sweep_steps(task, SweepStage::Reading, What::Job);
            }
            None => {
                self.tasks.remove(task);
                self.over(invocation);
            }
        }
    }

    fn sweep_steps(&mut self, task: TaskKey, stage: SweepStage, what: What) {
        let Some(sweep) = self.sweep(task) else { return };
        sweep.stage = stage;
        let Some(job) = sweep.at else { return };
        self.step(Who::Task(task), job, what);
    }

    pub(crate) fn sweep_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(sweep) = self.sweep(task) else { return };
        let (stage, job, invocation) = (sweep.stage, sweep.at, sweep.invocation);
        let (rows, job) = match (result, stage, job) {
            (StepResult::Done(_), SweepStage::Listing, _) => return self.listed(task),
            (StepResult::Done(rows), _, Some(job)) => (rows, job),
            // A job that fails is left for the next sweep; if a list cannot be read, this sweep ends.
            (StepResult::Failed | StepResult::Refused, SweepStage::Listing, _) => {
                if let Some(sweep) = self.sweep(task) {
                    sweep.shard = DUE_SHARDS;
                }
                return self.continue_sweep(task);
            }
            _ => return self.continue_sweep(task),
        };
        match stage {
            SweepStage::Reading if self.rows.view(job.key).is_some_and(|row| self.is_abandoned(row)) => {
                self.sweep_steps(task, SweepStage::Segments, What::Segments(0, u32::MAX));
            }
            SweepStage::Segments => {
                if let Some(sweep) = self.sweep(task) {
                    sweep.read = rows;
                }
                self.take_look(task, job);
            }
            SweepStage::Asking => {
                let sight = QueueSight {
                    waiting: self.queues[QueueName::Units as usize].depth(),
                    beat: self.figures.last_beat.map(wall),
                };
                let backlog = sight.is_backlog(self.deployment.stall_secs, wall(self.now));
                if let Some(sweep) = self.sweep(task) {
                    sweep.backlog = Some(backlog);
                }
                self.take_look(task, job);
            }
            SweepStage::Driving if self.knows_spec(invocation, job) => self.end_job(task, job),
            SweepStage::Driving => self.sweep_steps(task, SweepStage::Knowing, What::Spec),
            SweepStage::Knowing => {
                self.keep_spec(invocation, job);
                self.end_job(task, job);
            }
            SweepStage::Reading | SweepStage::Sending | SweepStage::Listing | SweepStage::Running => {
                self.continue_sweep(task)
            }
        }
    }

    fn listed(&mut self, task: TaskKey) {
        let now = wall(self.now);
        let Some(sweep) = self.sweep(task) else { return };
        let shard = sweep.shard;
        sweep.shard += 1;
        let due = self.rows.due(shard, now, SWEEP_BATCH);
        let known = |key: &JobKey| {
            let row = self.rows.view(*key)?;
            Some(JobRef { key: *key, collection: row.collection, account: row.account })
        };
        let due: Vec<JobRef> = due.iter().filter_map(known).collect();
        if let Some(sweep) = self.sweep(task) {
            sweep.jobs.extend(due);
        }
        self.continue_sweep(task);
    }

    fn is_abandoned(&self, row: &JobRow) -> bool {
        let now = wall(self.now);
        let late = now.plus_ms(-1_000 * self.deployment.lease_secs.cast_signed());
        row.lease.until <= now || row.view().must_expire(late)
    }

    /// Decides when to look at the job next, and whether to send its units to the queue now.
    fn take_look(&mut self, task: TaskKey, job: JobRef) {
        let (now, lease_secs) = (wall(self.now), self.deployment.lease_secs);
        let holder = Nonce::from_random(self.chance.bits());
        let Some(row) = self.rows.view(job.key) else { return self.continue_sweep(task) };
        let old = row.lease;
        let unit_lease = i64::from(self.deployment.timeout_ms) + 1_000 * lease_secs.cast_signed();
        let started_at = row.started_at;
        let Some(sweep) = self.sweep(task) else { return };
        let undriven = Undriven::of(&old, started_at, &sweep.read, unit_lease, now);
        let backlog = match sweep.backlog {
            None if undriven.asks_queue(now, lease_secs) => {
                return self.sweep_steps(task, SweepStage::Asking, What::Heartbeat);
            }
            known => known.unwrap_or_default(),
        };
        let Look { until, quiet, send } = undriven.next_look(backlog, now, lease_secs);
        let next = DriverLease { holder, until, queued: true, quiet };
        if let Some(sweep) = self.sweep(task) {
            (sweep.lease, sweep.send) = (Some(next), send);
        }
        self.figures.looks += 1;
        self.sweep_steps(task, SweepStage::Driving, What::Drive(old, next));
    }

    fn end_job(&mut self, task: TaskKey, job: JobRef) {
        let me = Nonce::from_random(self.chance.bits());
        let Some(sweep) = self.sweep(task) else { return };
        sweep.stage = SweepStage::Running;
        let invocation = sweep.invocation;
        let process = self.process_of(invocation);
        let view = self.view(job);
        self.start_runner(task, process, job, view, Run::ends(me));
    }

    pub(crate) fn sweep_left(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        let now = wall(self.now);
        let Some(sweep) = self.sweep(task) else { return };
        let send = sweep.send && matches!(exit, Exit::Left | Exit::Over);
        let open = if send { to_run(runner.brain.job(), runner.brain.rows(), now) } else { BTreeSet::new() };
        if open.is_empty() {
            return self.continue_sweep(task);
        }
        self.figures.resent += 1;
        let bodies = self.heads(runner.job, |seq| open.contains(&seq));
        self.sweep_steps(task, SweepStage::Sending, What::Send(QueueName::Units, bodies, 0));
    }
}

//! The sweep, as in `engine::sweep`: examines jobs whose driver's lease has expired, one after the other, and sends
//! messages again for those without progress.

use std::collections::BTreeSet;

use domain::Nonce;
use domain::job::DriverLease;
use domain::machine::Exit;
use domain::sweep::{DriverlessJob, NextCheck, QueueStatus, to_run};

use crate::assumptions::{MS, SECOND};
use crate::deployment::{DUE_SHARDS, SWEEP_BATCH, SWEEP_MARGIN_MS};
use crate::drive::Run;
use crate::keys::{JobRef, TaskKey};
use crate::lambda::Function;
use crate::queue::QueueName;
use crate::rows::{JobKey, JobRow, wall_clock};
use crate::runner::Runner;
use crate::steps::{Request, Waiter};
use crate::tasks::{SimEvent, StepResult, Sweep, SweepStage, Task};
use crate::world::World;

impl World {
    /// Starts a sweep by the schedule.
    pub(crate) fn start_sweep(&mut self) {
        self.events.schedule(self.now + self.deployment.sweep_secs * SECOND, SimEvent::SweepDue);
        let Some((invocation, begun)) = self.invoke(Function::Settle, None) else { return };
        let until = self.ends_at(invocation) - SWEEP_MARGIN_MS * MS;
        self.start_task(invocation, begun, Task::Sweep(Sweep { shard: 0, until, ..Sweep::empty(invocation) }));
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
            sweep.stage = SweepStage::ListingShard;
            let no_job = JobRef { key: JobKey::null(), collection: 0, account: 0 };
            return self.step(Waiter::Task(task), no_job, Request::Due(shard));
        }
        match sweep.jobs.pop_front().filter(|_| now < sweep.until) {
            Some(job) => {
                sweep.at = Some(job);
                self.sweep_step(task, SweepStage::ReadingJob, Request::Job);
            }
            None => {
                self.tasks.remove(task);
                self.end_task(invocation);
            }
        }
    }

    fn sweep_step(&mut self, task: TaskKey, stage: SweepStage, request: Request) {
        let Some(sweep) = self.sweep(task) else { return };
        sweep.stage = stage;
        let Some(job) = sweep.at else { return };
        self.step(Waiter::Task(task), job, request);
    }

    pub(crate) fn sweep_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(sweep) = self.sweep(task) else { return };
        let (stage, job, invocation) = (sweep.stage, sweep.at, sweep.invocation);
        let (rows, job) = match (result, stage, job) {
            (StepResult::Done(_), SweepStage::ListingShard, _) => return self.listed(task),
            (StepResult::Done(rows), _, Some(job)) => (rows, job),
            // A job that fails is left for the next sweep; if a list cannot be read, this sweep ends.
            (StepResult::Failed | StepResult::Refused, SweepStage::ListingShard, _) => {
                if let Some(sweep) = self.sweep(task) {
                    sweep.shard = DUE_SHARDS;
                }
                return self.continue_sweep(task);
            }
            _ => return self.continue_sweep(task),
        };
        match stage {
            SweepStage::ReadingJob if self.rows.view(job.key).is_some_and(|row| self.is_undriven(row)) => {
                self.sweep_step(task, SweepStage::ReadingSegments, Request::Segments(0, u32::MAX));
            }
            SweepStage::ReadingSegments => {
                if let Some(sweep) = self.sweep(task) {
                    sweep.read = rows;
                }
                self.schedule_check(task, job);
            }
            SweepStage::AskingQueue => {
                let status = QueueStatus {
                    waiting: self.queues[QueueName::Units as usize].depth(),
                    beat: self.figures.last_beat.map(wall_clock),
                };
                let backlog = status.is_backlog(self.deployment.stall_secs, wall_clock(self.now));
                if let Some(sweep) = self.sweep(task) {
                    sweep.backlog = Some(backlog);
                }
                self.schedule_check(task, job);
            }
            SweepStage::TakingLease if self.has_spec(invocation, job) => self.end_job(task, job),
            SweepStage::TakingLease => self.sweep_step(task, SweepStage::ReadingSpec, Request::Spec),
            SweepStage::ReadingSpec => {
                self.cache_spec(invocation, job);
                self.end_job(task, job);
            }
            SweepStage::ReadingJob | SweepStage::Sending | SweepStage::ListingShard | SweepStage::Running => {
                self.continue_sweep(task)
            }
        }
    }

    fn listed(&mut self, task: TaskKey) {
        let now = wall_clock(self.now);
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

    fn is_undriven(&self, row: &JobRow) -> bool {
        let now = wall_clock(self.now);
        let late = now.plus_ms(-1_000 * self.deployment.lease_secs.cast_signed());
        row.lease.until <= now || row.view().must_expire(late)
    }

    /// Decides when to examine the job next, and whether to send its units to the queue now.
    fn schedule_check(&mut self, task: TaskKey, job: JobRef) {
        let (now, lease_secs) = (wall_clock(self.now), self.deployment.lease_secs);
        let holder = Nonce::from_random(self.random.bits());
        let Some(row) = self.rows.view(job.key) else { return self.continue_sweep(task) };
        let old = row.lease;
        let unit_lease = i64::from(self.deployment.timeout_ms) + 1_000 * lease_secs.cast_signed();
        let started_at = row.started_at;
        let Some(sweep) = self.sweep(task) else { return };
        let driverless = DriverlessJob::of(&old, started_at, &sweep.read, unit_lease, now);
        let backlog = match sweep.backlog {
            None if driverless.depends_on_backlog(now, lease_secs) => {
                return self.sweep_step(task, SweepStage::AskingQueue, Request::Heartbeat);
            }
            known => known.unwrap_or_default(),
        };
        let NextCheck { until, idle_checks, send } = driverless.next_check(backlog, now, lease_secs);
        let next = DriverLease { holder, until, queued: true, idle_checks };
        if let Some(sweep) = self.sweep(task) {
            (sweep.lease, sweep.send) = (Some(next), send);
        }
        self.figures.swept_jobs += 1;
        self.sweep_step(task, SweepStage::TakingLease, Request::ReplaceLease(old, next));
    }

    fn end_job(&mut self, task: TaskKey, job: JobRef) {
        let nonce = Nonce::from_random(self.random.bits());
        let Some(sweep) = self.sweep(task) else { return };
        sweep.stage = SweepStage::Running;
        let invocation = sweep.invocation;
        let process = self.process_of(invocation);
        let view = self.view(job);
        self.start_runner(task, process, job, view, Run::without_units(nonce));
    }

    pub(crate) fn sweep_runner_exited(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        let now = wall_clock(self.now);
        let Some(sweep) = self.sweep(task) else { return };
        let send = sweep.send && matches!(exit, Exit::NothingToRun | Exit::NeedsSettlement);
        let open = if send { to_run(runner.machine.job(), runner.machine.rows(), now) } else { BTreeSet::new() };
        if open.is_empty() {
            return self.continue_sweep(task);
        }
        self.figures.resent += 1;
        let bodies = self.lane_heads(runner.job, |seq| open.contains(&seq));
        self.sweep_step(task, SweepStage::Sending, Request::Send(QueueName::Units, bodies, 0));
    }
}

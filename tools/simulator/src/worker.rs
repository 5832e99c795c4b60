//! How a worker and the settler handle a message, as in `engine::worker` and `engine::settle`.

use std::collections::{BTreeMap, BTreeSet};

use domain::lanes::Lanes;
use domain::machine::lane::{self, LaneStep};
use domain::machine::{Exit, Mode, Scope};
use domain::segment::Segment;
use domain::{JobState, Nonce};

use crate::assumptions::{MS, Micros, SECOND};
use crate::drive::Run;
use crate::keys::{InvocationKey, JobRef, TaskKey};
use crate::queue::{Body, QueueName};
use crate::rows::wall_clock;
use crate::runner::Runner;
use crate::steps::{Request, Waiter};
use crate::tasks::{MessageStage, MessageTask, StepResult, Task};
use crate::world::World;

/// Maximum delay of a message.
const MAX_DELAY_SECS: u64 = 900;
/// How long a message waits after its rows could not be read or written, multiplied by its receives (`api::messages`).
const FAULT_PAUSE: Micros = 2 * SECOND;

impl World {
    fn message_task(&mut self, task: TaskKey) -> Option<&mut MessageTask> {
        match self.tasks.get_mut(task) {
            Some(Task::MessageTask(message_task)) => Some(message_task),
            Some(Task::Handler(_) | Task::Sweep(_)) | None => None,
        }
    }

    fn message_step(&mut self, task: TaskKey, stage: MessageStage, request: Request) {
        let Some(message_task) = self.message_task(task) else { return };
        message_task.stage = stage;
        let job = message_task.message.job;
        self.step(Waiter::Task(task), job, request);
    }

    pub(crate) fn message_begins(&mut self, task: TaskKey) {
        let Some(message_task) = self.message_task(task) else { return };
        let (queue, invocation) = (message_task.queue, message_task.invocation);
        if queue == QueueName::Units {
            let process = self.process_of(invocation);
            self.beat_while_working(process);
        }
        self.message_step(task, MessageStage::ReadingJob, Request::Job);
    }

    pub(crate) fn message_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(message_task) = self.message_task(task) else { return };
        let (stage, job, invocation) = (message_task.stage, message_task.message.job, message_task.invocation);
        let rows = match result {
            StepResult::Done(rows) => rows,
            StepResult::Refused | StepResult::Failed => return self.fail_message(task),
        };
        match stage {
            MessageStage::ReadingJob if self.rows.view(job.key).is_none() => self.acknowledge(task),
            MessageStage::ReadingJob if self.has_spec(invocation, job) => self.run_message(task),
            MessageStage::ReadingJob => self.message_step(task, MessageStage::ReadingSpec, Request::Spec),
            MessageStage::ReadingSpec => {
                self.cache_spec(invocation, job);
                self.run_message(task);
            }
            MessageStage::ReadingSegments => {
                if let Some(message_task) = self.message_task(task) {
                    message_task.rows = rows;
                }
                self.message_step(task, MessageStage::RereadingJob, Request::Job);
            }
            MessageStage::RereadingJob => self.continue_lane(task),
            MessageStage::Sending => self.acknowledge(task),
            MessageStage::Running => {}
        }
    }

    /// Runs the message's units, or settles.
    fn run_message(&mut self, task: TaskKey) {
        let nonce = Nonce::from_random(self.random.bits());
        let Some(message_task) = self.message_task(task) else { return };
        message_task.stage = MessageStage::Running;
        let (job, invocation) = (message_task.message.job, message_task.invocation);
        let units = match &message_task.message.body {
            Body::Units { lane, seqs } => Some((*lane, seqs.iter().copied().collect::<BTreeSet<u32>>())),
            Body::Settle => None,
        };
        let Some(row) = self.rows.view(job.key) else { return self.acknowledge(task) };
        let run = match units {
            Some((lane, seqs)) => {
                let lanes = Lanes::of(row.concurrency, self.deployment.units_per_message, row.admitted);
                Run {
                    mode: Mode::Run,
                    scope: Scope::Units(seqs),
                    nonce,
                    concurrency: lanes.concurrency_of(lane),
                    awaited: false,
                    may_settle: false,
                    extract: false,
                    rows: None,
                    until: Some(self.ends_at(invocation)),
                    lease: None,
                }
            }
            None => Run::without_units(nonce),
        };
        let view = row.view();
        let process = self.process_of(invocation);
        self.start_runner(task, process, job, view, run);
    }

    /// Handles the exit of the message's runner.
    pub(crate) fn message_runner_exited(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        let Some(message_task) = self.message_task(task) else { return };
        let (queue, receives) = (message_task.queue, message_task.message.receives);
        match (queue, exit) {
            (_, Exit::Settled) | (QueueName::Settle, Exit::NeedsSettlement | Exit::NothingToRun) => {
                self.acknowledge(task)
            }
            (_, Exit::GaveUp) => self.fail_message(task),
            (QueueName::Units, Exit::NeedsSettlement) => self.request_settlement(task),
            (QueueName::Units, Exit::NothingToRun) => {
                let (state, now) = (runner.machine.runner_state(), wall_clock(self.now));
                let held_until = state.held_until();
                if state.open().next().is_some() && runner.machine.job().state == JobState::Running {
                    let seqs: Box<[u32]> = state.unfinished().into_iter().collect();
                    let next = state.deferred_until().map(|until| held_until.map_or(until, |held| until.min(held)));
                    let wait = next.map_or(0, |until| until.ms_since(now).div_ceil(1_000)).min(MAX_DELAY_SECS);
                    return self.send_lane(task, seqs, wait * SECOND);
                }
                match held_until {
                    Some(held_until) => {
                        let growing = 500u64 << receives.min(6);
                        let wait = held_until.ms_since(now).min(growing).max(500);
                        self.redeliver_later(task, wait * MS);
                    }
                    None => self.message_step(task, MessageStage::ReadingSegments, Request::Segments(0, u32::MAX)),
                }
            }
        }
    }

    /// Sends the lane's next message, decided by all segments and the job's row.
    fn continue_lane(&mut self, task: TaskKey) {
        let per_message = self.deployment.units_per_message;
        let Some(message_task) = self.message_task(task) else { return };
        let (job, rows) = (message_task.message.job, std::mem::take(&mut message_task.rows));
        let lane = match &message_task.message.body {
            Body::Units { lane, .. } => *lane,
            Body::Settle => 0,
        };
        let Some(row) = self.rows.view(job.key) else { return self.acknowledge(task) };
        let lanes = Lanes::of(row.concurrency, per_message, row.admitted);
        let rows: BTreeMap<u32, Segment> = rows.into_iter().map(|row| (row.index, row)).collect();
        match lane::next_step(row.view(), false, &rows, &lanes, lane) {
            LaneStep::Settle => self.request_settlement(task),
            LaneStep::Continue(seqs) => self.send_lane(task, seqs.into(), 0),
            LaneStep::AwaitGrowth | LaneStep::End => self.acknowledge(task),
        }
    }

    fn send_lane(&mut self, task: TaskKey, seqs: Box<[u32]>, delay: Micros) {
        let Some(message_task) = self.message_task(task) else { return };
        let lane = match &message_task.message.body {
            Body::Units { lane, .. } => *lane,
            Body::Settle => 0,
        };
        let bodies = vec![Body::Units { lane, seqs }];
        self.message_step(task, MessageStage::Sending, Request::Send(QueueName::Units, bodies, delay));
    }

    fn request_settlement(&mut self, task: TaskKey) {
        self.message_step(task, MessageStage::Sending, Request::Send(QueueName::Settle, vec![Body::Settle], 0));
    }

    fn fail_message(&mut self, task: TaskKey) {
        let visibility = self.deployment.settlements.visibility_secs * SECOND;
        let Some(message_task) = self.message_task(task) else { return };
        let wait = match message_task.queue {
            QueueName::Units => FAULT_PAUSE * u64::from(message_task.message.receives),
            QueueName::Settle => visibility,
        };
        self.redeliver_later(task, wait);
    }

    fn redeliver_later(&mut self, task: TaskKey, wait: Micros) {
        let Some(MessageTask { queue, message, invocation, .. }) = self.finish(task) else { return };
        self.redeliver(queue, message, wait);
        self.end_task(invocation);
    }

    fn acknowledge(&mut self, task: TaskKey) {
        if let Some(message_task) = self.finish(task) {
            self.end_task(message_task.invocation);
        }
    }

    fn finish(&mut self, task: TaskKey) -> Option<MessageTask> {
        let Some(Task::MessageTask(message_task)) = self.tasks.remove(task) else { return None };
        let process = self.process_of(message_task.invocation);
        if message_task.queue == QueueName::Units
            && let Some(process) = self.lambda.processes.get_mut(process)
        {
            process.working = process.working.saturating_sub(1);
        }
        Some(message_task)
    }

    /// Reports the exit of a runner to its task, which continues.
    pub(crate) fn runner_exited(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        match self.tasks.get(task) {
            Some(Task::Handler(_)) => self.handler_runner_exited(task, exit),
            Some(Task::MessageTask(_)) => self.message_runner_exited(task, exit, runner),
            Some(Task::Sweep(_)) => self.sweep_runner_exited(task, exit, runner),
            None => {}
        }
    }

    /// Returns whether a process has a job's spec.
    pub(crate) fn has_spec(&self, invocation: InvocationKey, job: JobRef) -> bool {
        let process = self.process_of(invocation);
        self.lambda.processes.get(process).is_some_and(|process| process.specs.contains(job.key))
    }

    /// Records that a process has read a job's spec.
    pub(crate) fn cache_spec(&mut self, invocation: InvocationKey, job: JobRef) {
        let process = self.process_of(invocation);
        if let Some(process) = self.lambda.processes.get_mut(process) {
            process.specs.insert(job.key);
        }
    }
}

//! How a worker and the settler handle a message, as in `engine::worker` and `engine::settle`.

use std::collections::{BTreeMap, BTreeSet};

use domain::lanes::Lanes;
use domain::machine::lane::{self, Next};
use domain::machine::{Exit, Mode, Scope};
use domain::segment::Segment;
use domain::{JobState, Nonce};

use crate::assumptions::{MS, Micros, SECOND};
use crate::drive::Run;
use crate::keys::{InvocationKey, JobRef, TaskKey};
use crate::queue::{Body, QueueName};
use crate::rows::wall;
use crate::runner::Runner;
use crate::steps::{What, Who};
use crate::tasks::{MessageStage, MessageTask, StepResult, Task};
use crate::world::World;

/// Maximum delay of a message.
const MAX_DELAY_SECS: u64 = 900;
/// How long a message waits after its rows could not be read or written, multiplied by its receives (`api::messages`).
const FAULT_PAUSE: Micros = 2 * SECOND;

impl World {
    fn letter(&mut self, task: TaskKey) -> Option<&mut MessageTask> {
        match self.tasks.get_mut(task) {
            Some(Task::MessageTask(letter)) => Some(letter),
            Some(Task::Handler(_) | Task::Sweep(_)) | None => None,
        }
    }

    fn message_step(&mut self, task: TaskKey, stage: MessageStage, what: What) {
        let Some(letter) = self.letter(task) else { return };
        letter.stage = stage;
        let job = letter.message.job;
        self.step(Who::Task(task), job, what);
    }

    pub(crate) fn message_begins(&mut self, task: TaskKey) {
        let Some(letter) = self.letter(task) else { return };
        let (queue, invocation) = (letter.queue, letter.invocation);
        if queue == QueueName::Units {
            let process = self.process_of(invocation);
            self.beat_while_working(process);
        }
        self.message_step(task, MessageStage::Reading, What::Job);
    }

    pub(crate) fn message_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(letter) = self.letter(task) else { return };
        let (stage, job, invocation) = (letter.stage, letter.message.job, letter.invocation);
        let rows = match result {
            StepResult::Done(rows) => rows,
            StepResult::Refused | StepResult::Failed => return self.fails(task),
        };
        match stage {
            MessageStage::Reading if self.rows.view(job.key).is_none() => self.acknowledge(task),
            MessageStage::Reading if self.knows_spec(invocation, job) => self.works(task),
            MessageStage::Reading => self.message_step(task, MessageStage::Knowing, What::Spec),
            MessageStage::Knowing => {
                self.keep_spec(invocation, job);
                self.works(task);
            }
            MessageStage::Segments => {
                if let Some(letter) = self.letter(task) {
                    letter.rows = rows;
                }
                self.message_step(task, MessageStage::Rereading, What::Job);
            }
            MessageStage::Rereading => self.continue_lane(task),
            MessageStage::Sending => self.acknowledge(task),
            MessageStage::Running => {}
        }
    }

    /// Runs the message's units, or settles.
    fn works(&mut self, task: TaskKey) {
        let me = Nonce::from_random(self.chance.bits());
        let Some(letter) = self.letter(task) else { return };
        letter.stage = MessageStage::Running;
        let (job, invocation) = (letter.message.job, letter.invocation);
        let units = match &letter.message.body {
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
                    me,
                    concurrency: lanes.parallel(lane),
                    awaited: false,
                    money: false,
                    extract: false,
                    rows: None,
                    until: Some(self.ends_at(invocation)),
                    lease: None,
                }
            }
            None => Run::ends(me),
        };
        let view = row.view();
        let process = self.process_of(invocation);
        self.start_runner(task, process, job, view, run);
    }

    /// The message's runner has left.
    pub(crate) fn message_left(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        let Some(letter) = self.letter(task) else { return };
        let (queue, receives) = (letter.queue, letter.message.receives);
        match (queue, exit) {
            (_, Exit::Settled) | (QueueName::Settle, Exit::Over | Exit::Left) => self.acknowledge(task),
            (_, Exit::GaveUp) => self.fails(task),
            (QueueName::Units, Exit::Over) => self.asks_to_settle(task),
            (QueueName::Units, Exit::Left) => {
                let (share, now) = (runner.brain.share(), wall(self.now));
                let held_until = share.held_until();
                if share.open().next().is_some() && runner.brain.job().state == JobState::Running {
                    let seqs: Box<[u32]> = share.unfinished().into_iter().collect();
                    let next = share.deferred_until().map(|until| held_until.map_or(until, |held| until.min(held)));
                    let wait = next.map_or(0, |until| until.ms_since(now).div_ceil(1_000)).min(MAX_DELAY_SECS);
                    return self.sends_lane(task, seqs, wait * SECOND);
                }
                match held_until {
                    Some(held_until) => {
                        let growing = 500u64 << receives.min(6);
                        let wait = held_until.ms_since(now).min(growing).max(500);
                        self.redeliver_later(task, wait * MS);
                    }
                    None => self.message_step(task, MessageStage::Segments, What::Segments(0, u32::MAX)),
                }
            }
        }
    }

    /// Continues the lane, by all segments and the job's row.
    fn continue_lane(&mut self, task: TaskKey) {
        let per_message = self.deployment.units_per_message;
        let Some(letter) = self.letter(task) else { return };
        let (job, rows) = (letter.message.job, std::mem::take(&mut letter.rows));
        let lane = match &letter.message.body {
            Body::Units { lane, .. } => *lane,
            Body::Settle => 0,
        };
        let Some(row) = self.rows.view(job.key) else { return self.acknowledge(task) };
        let lanes = Lanes::of(row.concurrency, per_message, row.admitted);
        let rows: BTreeMap<u32, Segment> = rows.into_iter().map(|row| (row.index, row)).collect();
        match lane::next(row.view(), false, &rows, &lanes, lane) {
            Next::Settle => self.asks_to_settle(task),
            Next::Go(seqs) => self.sends_lane(task, seqs.into(), 0),
            Next::Park | Next::End => self.acknowledge(task),
        }
    }

    fn sends_lane(&mut self, task: TaskKey, seqs: Box<[u32]>, delay: Micros) {
        let Some(letter) = self.letter(task) else { return };
        let lane = match &letter.message.body {
            Body::Units { lane, .. } => *lane,
            Body::Settle => 0,
        };
        let bodies = vec![Body::Units { lane, seqs }];
        self.message_step(task, MessageStage::Sending, What::Send(QueueName::Units, bodies, delay));
    }

    fn asks_to_settle(&mut self, task: TaskKey) {
        self.message_step(task, MessageStage::Sending, What::Send(QueueName::Settle, vec![Body::Settle], 0));
    }

    fn fails(&mut self, task: TaskKey) {
        let visibility = self.deployment.settlements.visibility_secs * SECOND;
        let Some(letter) = self.letter(task) else { return };
        let wait = match letter.queue {
            QueueName::Units => FAULT_PAUSE * u64::from(letter.message.receives),
            QueueName::Settle => visibility,
        };
        self.redeliver_later(task, wait);
    }

    fn redeliver_later(&mut self, task: TaskKey, wait: Micros) {
        let Some(MessageTask { queue, message, invocation, .. }) = self.finish(task) else { return };
        self.redeliver(queue, message, wait);
        self.over(invocation);
    }

    fn acknowledge(&mut self, task: TaskKey) {
        if let Some(letter) = self.finish(task) {
            self.over(letter.invocation);
        }
    }

    fn finish(&mut self, task: TaskKey) -> Option<MessageTask> {
        let Some(Task::MessageTask(letter)) = self.tasks.remove(task) else { return None };
        let process = self.process_of(letter.invocation);
        if letter.queue == QueueName::Units
            && let Some(process) = self.lambda.processes.get_mut(process)
        {
            process.working = process.working.saturating_sub(1);
        }
        Some(letter)
    }

    /// A runner has left; its task continues.
    pub(crate) fn left(&mut self, task: TaskKey, exit: Exit, runner: &Runner) {
        match self.tasks.get(task) {
            Some(Task::Handler(_)) => self.handler_left(task, exit),
            Some(Task::MessageTask(_)) => self.message_left(task, exit, runner),
            Some(Task::Sweep(_)) => self.sweep_left(task, exit, runner),
            None => {}
        }
    }

    /// Returns whether a process has a job's spec.
    pub(crate) fn knows_spec(&self, invocation: InvocationKey, job: JobRef) -> bool {
        let process = self.process_of(invocation);
        self.lambda.processes.get(process).is_some_and(|process| process.specs.has(job.key))
    }

    /// Records that a process has read a job's spec.
    pub(crate) fn keep_spec(&mut self, invocation: InvocationKey, job: JobRef) {
        let process = self.process_of(invocation);
        if let Some(process) = self.lambda.processes.get_mut(process) {
            process.specs.keep(job.key);
        }
    }
}

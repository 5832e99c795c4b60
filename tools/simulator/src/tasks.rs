//! The work within invocations, as data: calls, messages and sweeps, with how far each has come; and the events that move
//! them. What is done at each stage is in `handler`, `worker` and `sweeper`.

use std::collections::VecDeque;

use domain::Nonce;
use domain::job::DriverLease;
use domain::segment::Segment;

use crate::assumptions::Micros;
use crate::deployment::DUE_SHARDS;
use crate::keys::{InvocationKey, JobRef, ProcessKey, RunnerKey, TaskKey};
use crate::lambda::Function;
use crate::queue::{Message, QueueName};
use crate::steps::Step;

/// Work within an invocation: a call, a message or a sweep.
#[derive(Debug)]
pub enum Task {
    /// A call.
    Handler(Handler),
    /// A message.
    MessageTask(MessageTask),
    /// A sweep.
    Sweep(Sweep),
}

/// An invocation.
#[derive(Debug)]
pub struct Invocation {
    /// Its function.
    pub function: Function,
    /// Its process.
    pub process: ProcessKey,
    /// Since when it is billed.
    pub begun: Micros,
    /// How many of its tasks are left.
    pub left: u32,
    /// The queue that it was fed from.
    pub queue: Option<QueueName>,
}

/// An event.
#[derive(Debug)]
pub enum SimEvent {
    /// The load's call with this number comes.
    CallArrives(u32),
    /// A call reaches the gateway.
    Reaches(Call),
    /// A task's invocation has begun.
    Begins(TaskKey),
    /// A step is tried.
    Tries(Box<Step>),
    /// A step has taken effect.
    Took(Box<Step>),
    /// A page has ended.
    Page(RunnerKey, u32, u8, u32),
    /// A runner is woken.
    Wakes(RunnerKey),
    /// A driver's lease has to be renewed.
    Renews(RunnerKey),
    /// A worker's heartbeat is due.
    Beats(ProcessKey),
    /// A message becomes visible.
    Arrives(QueueName, Box<Message>),
    /// A mapping polls its queue.
    Polls(QueueName),
    /// A sweep is due.
    Sweeps,
    /// A second is over.
    Second,
}

/// Result of a step, for a task.
#[derive(Debug)]
pub enum StepResult {
    /// It took effect, with the rows that were asked for.
    Done(Vec<Segment>),
    /// Its condition did not hold.
    Refused,
    /// It failed in all its tries.
    Failed,
}

/// A call, from its first try on.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// The account that calls.
    pub account: u32,
    /// When it was first tried.
    pub first_at: Micros,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandlerStage {
    Authenticating,
    Judging,
    Putting,
    Accepting,
    Sending,
    Noting,
    Driving,
    Waiting,
    Looking,
}

/// The handler of a call.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    pub(crate) call: Call,
    pub(crate) invocation: InvocationKey,
    pub(crate) job: JobRef,
    pub(crate) stage: HandlerStage,
    pub(crate) tries: u32,
    pub(crate) me: Nonce,
    /// The minute that the call is counted in, as it was read, and whether calls of that minute were counted before.
    pub(crate) minute: i64,
    pub(crate) counted: bool,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageStage {
    Reading,
    Knowing,
    Running,
    Segments,
    Rereading,
    Sending,
}

/// A message that is being handled.
#[derive(Debug)]
pub struct MessageTask {
    pub(crate) queue: QueueName,
    pub(crate) message: Message,
    pub(crate) invocation: InvocationKey,
    pub(crate) stage: MessageStage,
    /// The segments of the job, once the message's units have ended.
    pub(crate) rows: Vec<Segment>,
}

impl MessageTask {
    pub(crate) fn new(queue: QueueName, message: Message, invocation: InvocationKey) -> MessageTask {
        MessageTask { queue, message, invocation, stage: MessageStage::Reading, rows: Vec::new() }
    }
}

/// How far a sweep has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepStage {
    Listing,
    Reading,
    Segments,
    Asking,
    Driving,
    Knowing,
    Running,
    Sending,
}

/// A sweep.
#[derive(Debug)]
pub struct Sweep {
    pub(crate) invocation: InvocationKey,
    /// The next shard to list.
    pub(crate) shard: u64,
    pub(crate) jobs: VecDeque<JobRef>,
    pub(crate) at: Option<JobRef>,
    pub(crate) stage: SweepStage,
    pub(crate) until: Micros,
    /// The lease that it takes for its look, and whether to send the job's units to the queue.
    pub(crate) lease: Option<DriverLease>,
    pub(crate) send: bool,
    /// The segments of the job, and whether the queue has a backlog, once that was asked.
    pub(crate) read: Vec<Segment>,
    pub(crate) backlog: Option<bool>,
}

impl Sweep {
    /// A sweep that has nothing to do.
    pub(crate) fn nothing(invocation: InvocationKey) -> Sweep {
        Sweep {
            invocation,
            shard: DUE_SHARDS,
            jobs: VecDeque::new(),
            at: None,
            stage: SweepStage::Listing,
            until: 0,
            lease: None,
            send: false,
            read: Vec::new(),
            backlog: None,
        }
    }
}

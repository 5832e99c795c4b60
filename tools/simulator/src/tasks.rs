//! The tasks within invocations: calls, messages and sweeps, each with its stage; and the events of a run. The code of
//! each stage is in `handler`, `worker` and `sweeper`.

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
    /// The load's call with this number arrives.
    CallArrives(u32),
    /// A call reaches the gateway.
    CallReachesGateway(Call),
    /// A task's invocation has begun.
    TaskBegins(TaskKey),
    /// A step is tried.
    StepTry(Box<Step>),
    /// A step has taken effect.
    StepTakesEffect(Box<Step>),
    /// A page has ended.
    PageEnds(RunnerKey, u32, u8, u32),
    /// A runner is woken.
    RunnerWakes(RunnerKey),
    /// A driver's lease has to be renewed.
    LeaseRenewal(RunnerKey),
    /// A worker's heartbeat is due.
    HeartbeatDue(ProcessKey),
    /// A message becomes visible.
    MessageArrives(QueueName, Box<Message>),
    /// A mapping polls its queue.
    QueuePoll(QueueName),
    /// A sweep is due.
    SweepDue,
    /// A second is over.
    SecondEnds,
}

/// Result of a step, for a task.
#[derive(Debug)]
pub enum StepResult {
    /// It took effect, with the rows that were requested.
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

/// The stage of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandlerStage {
    Authenticating,
    CheckingQuota,
    WritingInputs,
    Accepting,
    Sending,
    MarkingQueued,
    Driving,
    Waiting,
    ReadingJob,
}

/// The handler of a call.
#[derive(Debug, Clone, Copy)]
pub struct Handler {
    pub(crate) call: Call,
    pub(crate) invocation: InvocationKey,
    pub(crate) job: JobRef,
    pub(crate) stage: HandlerStage,
    pub(crate) tries: u32,
    pub(crate) nonce: Nonce,
    /// The minute that the call is counted in, as it was read, and whether calls of that minute were counted before.
    pub(crate) minute: i64,
    pub(crate) counted: bool,
}

/// The stage of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageStage {
    ReadingJob,
    ReadingSpec,
    Running,
    ReadingSegments,
    RereadingJob,
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
        MessageTask { queue, message, invocation, stage: MessageStage::ReadingJob, rows: Vec::new() }
    }
}

/// The stage of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SweepStage {
    ListingShard,
    ReadingJob,
    ReadingSegments,
    AskingQueue,
    TakingLease,
    ReadingSpec,
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
    /// The lease that it takes for a job until the next check, and whether to send the job's units to the queue.
    pub(crate) lease: Option<DriverLease>,
    pub(crate) send: bool,
    /// The segments of the job, and whether the queue has a backlog, once that is known.
    pub(crate) read: Vec<Segment>,
    pub(crate) backlog: Option<bool>,
}

impl Sweep {
    /// A sweep that has nothing to do.
    pub(crate) fn empty(invocation: InvocationKey) -> Sweep {
        Sweep {
            invocation,
            shard: DUE_SHARDS,
            jobs: VecDeque::new(),
            at: None,
            stage: SweepStage::ListingShard,
            until: 0,
            lease: None,
            send: false,
            read: Vec::new(),
            backlog: None,
        }
    }
}

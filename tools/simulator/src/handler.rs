//! Calls: how they arrive, what their handlers do, and what their callers do if they are refused.

use domain::job::DriverLease;
use domain::machine::{Exit, Mode, Scope};
use domain::segment::{Segment, UnitState, WriteId};
use domain::{Endpoint, Nonce};

use crate::assumptions::{MS, Micros, SECOND};
use crate::deployment::{ACCEPT_TRIES, INVOCATION_MARGIN_MS};
use crate::drive::Run;
use crate::keys::{InvocationKey, JobRef, TaskKey};
use crate::lambda::Function;
use crate::load::CallKind;
use crate::queue::QueueName;
use crate::random::hash64;
use crate::rows::{JobKey, NewJob, wall_clock};
use crate::steps::{Request, Waiter, writes_inputs_first};
use crate::tasks::{Call, Handler, HandlerStage, SimEvent, StepResult, Task};
use crate::world::World;

/// How often a handler that only waits reads the rows.
const FOLLOW: Micros = SECOND;

/// The response to a call.
enum Answer {
    Ok,
    /// The account has reached its calls per minute.
    RateLimited,
    /// A step failed.
    Unavailable,
    /// The hold is over, and the job still runs.
    Running,
}

impl World {
    /// Starts the load's next call.
    pub(crate) fn call_arrives(&mut self, n: u32) {
        let load = &self.load;
        let (jobs, all) = match load.at_once {
            Some(at_once) => (at_once.min(load.jobs), load.accounts),
            None => (1, load.accounts * load.jobs),
        };
        let account = n % load.accounts;
        if n + 1 < all {
            let next = u64::from(n + 1) * u64::from(load.over_secs) * SECOND / u64::from(all);
            self.events.schedule(next.max(self.now), SimEvent::CallArrives(n + 1));
        }
        for _ in 0..jobs {
            self.start_call(account);
        }
    }

    fn start_call(&mut self, account: u32) {
        let Some(left) = self.jobs_left.get_mut(account as usize).filter(|left| **left > 0) else { return };
        *left -= 1;
        self.call_reaches_gateway(Call { account, first_at: self.now });
    }

    /// Handles a call that reaches the gateway.
    pub(crate) fn call_reaches_gateway(&mut self, call: Call) {
        self.figures.requests += 1;
        if !self.gateway.try_take(1, self.now) {
            self.figures.refused.gateway += 1;
            return self.retry_call(call, SECOND);
        }
        let function = if self.load.call_kind == CallKind::Extract { Function::Extract } else { Function::Batch };
        let Some((invocation, begun)) = self.invoke(function, None) else {
            self.figures.refused.lambda += 1;
            return self.retry_call(call, SECOND);
        };
        let bits = self.random.bits();
        let (nonce, collection) = (Nonce::from_random(bits), hash64((bits >> 64) as u64));
        let job = JobRef { key: JobKey::null(), collection, account: call.account };
        let stage = HandlerStage::Authenticating;
        let handler = Handler { call, invocation, job, stage, tries: 0, nonce, minute: 0, counted: false };
        self.start_task(invocation, begun, Task::Handler(handler));
    }

    /// Lets a caller try again after `wait` (its `Retry-After`) plus a random time of at most `wait`.
    fn retry_call(&mut self, call: Call, wait: Micros) {
        let wait = wait + self.random.uniform(wait);
        self.events.schedule(self.now + wait, SimEvent::CallReachesGateway(call));
    }

    fn handler(&mut self, task: TaskKey) -> Option<&mut Handler> {
        match self.tasks.get_mut(task) {
            Some(Task::Handler(handler)) => Some(handler),
            Some(Task::MessageTask(_) | Task::Sweep(_)) | None => None,
        }
    }

    fn handler_step(&mut self, task: TaskKey, stage: HandlerStage, request: Request) {
        let Some(handler) = self.handler(task) else { return };
        handler.stage = stage;
        let job = handler.job;
        self.step(Waiter::Task(task), job, request);
    }

    pub(crate) fn handler_begins(&mut self, task: TaskKey) {
        self.handler_step(task, HandlerStage::Authenticating, Request::Authenticate);
    }

    pub(crate) fn handler_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(handler) = self.handler(task).copied() else { return };
        match (handler.stage, result) {
            (HandlerStage::Authenticating, StepResult::Done(_)) => {
                self.handler_step(task, HandlerStage::CheckingQuota, Request::Quota)
            }
            (HandlerStage::CheckingQuota, StepResult::Done(_)) => self.check_quota(task),
            (HandlerStage::WritingInputs, StepResult::Done(_)) => {
                self.handler_step(task, HandlerStage::Accepting, Request::Accept)
            }
            (HandlerStage::Sending, StepResult::Done(_)) => self.mark_queued(task, handler.job),
            (HandlerStage::MarkingQueued, _) => self.answer(task, Answer::Ok),
            (HandlerStage::Waiting, StepResult::Done(_)) => {
                self.handler_step(task, HandlerStage::ReadingJob, Request::Job)
            }
            (HandlerStage::ReadingJob, _) => self.check_job(task),
            (HandlerStage::Accepting, StepResult::Refused) if handler.tries < ACCEPT_TRIES => {
                self.handler_step(task, HandlerStage::CheckingQuota, Request::Quota);
            }
            (HandlerStage::Driving, _) => {}
            (_, StepResult::Done(_) | StepResult::Refused | StepResult::Failed) => {
                self.answer(task, Answer::Unavailable)
            }
        }
    }

    /// Checks a call against the account's rows as they were read.
    fn check_quota(&mut self, task: TaskKey) {
        let limit = self.load.per_minute;
        let now = wall_clock(self.now).minute();
        let before = writes_inputs_first(&self.load);
        let Some(account) = self.handler(task).map(|handler| handler.call.account) else { return };
        let row = self.rows.months[account as usize];
        let minute = now.max(row.minute);
        let counted = row.minute == minute;
        if counted && row.calls >= limit {
            return self.answer(task, Answer::RateLimited);
        }
        if let Some(handler) = self.handler(task) {
            (handler.minute, handler.counted, handler.tries) = (minute, counted, handler.tries + 1);
        }
        match before {
            true => self.handler_step(task, HandlerStage::WritingInputs, Request::PutInputs),
            false => self.handler_step(task, HandlerStage::Accepting, Request::Accept),
        }
    }

    /// Handles the end of the transaction: it takes effect if the month's row is as it was read.
    pub(crate) fn accepted(&mut self, task: TaskKey) {
        let Some(handler) = self.handler(task).copied() else { return };
        let (limit, account) = (self.load.per_minute, handler.call.account);
        let row = &mut self.rows.months[account as usize];
        let holds = match handler.counted {
            true => row.minute == handler.minute && row.calls < limit,
            false => row.minute < handler.minute,
        };
        if !holds {
            self.figures.stale_accepts += 1;
            return self.handler_step_ended(task, StepResult::Refused);
        }
        (row.minute, row.calls) = (handler.minute, if handler.counted { row.calls + 1 } else { 1 });
        let (call_kind, deployment) = (self.load.call_kind, &self.deployment);
        let concurrency = self.load.concurrency.unwrap_or(match call_kind {
            CallKind::Detached => deployment.queue_concurrency,
            CallKind::Held | CallKind::Extract => deployment.default_concurrency,
        });
        let now = wall_clock(self.now);
        let until = now.plus_secs(deployment.lease_secs);
        let lease = DriverLease { holder: handler.nonce, until, queued: false, idle_checks: 0 };
        let endpoint = if call_kind == CallKind::Extract { Endpoint::Extract } else { Endpoint::Batch };
        let deadline = now.plus_secs(deployment.deadline_secs);
        let lease_until = now.plus_ms(i64::from(deployment.timeout_ms)).plus_secs(deployment.lease_secs);
        let first = (call_kind == CallKind::Extract).then(|| {
            let mut segment = Segment::untouched(0).next(WriteId { writer: handler.nonce, n: 0 });
            segment.put(0, UnitState::Started { attempt: 1, holder: handler.nonce, lease_until });
            segment
        });
        let new = NewJob {
            account,
            endpoint,
            concurrency,
            units: self.load.units,
            lease,
            deadline,
            called_at: handler.call.first_at,
            collection: handler.job.collection,
            held: call_kind != CallKind::Detached,
        };
        let key = self.rows.add(new, self.now, first.as_ref());
        let job = JobRef { key, ..handler.job };
        if let Some(handler) = self.handler(task) {
            handler.job = job;
        }
        if call_kind == CallKind::Detached {
            let bodies = self.lane_heads(job, |_| true);
            return self.handler_step(task, HandlerStage::Sending, Request::Send(QueueName::Units, bodies, 0));
        }
        if let Some(handler) = self.handler(task) {
            handler.stage = HandlerStage::Driving;
        }
        let rows = match first {
            Some(first) => vec![first],
            None => Segment::indexes_of_job(self.load.units).map(Segment::untouched).collect(),
        };
        let process = self.process_of(handler.invocation);
        if let Some(process) = self.lambda.processes.get_mut(process) {
            process.specs.insert(key);
        }
        let run = Run {
            mode: Mode::Run,
            scope: Scope::Job,
            nonce: handler.nonce,
            concurrency: concurrency.clamp(1, self.deployment.fetch_concurrency),
            awaited: true,
            may_settle: true,
            extract: call_kind == CallKind::Extract,
            rows: Some(rows),
            until: Some(self.hold_until(handler.invocation)),
            lease: Some(lease),
        };
        let view = self.view(job);
        self.start_runner(task, process, job, view, run);
    }

    /// Records that all units were sent to the queue, as `engine::driver` does.
    fn mark_queued(&mut self, task: TaskKey, job: JobRef) {
        let Some(old) = self.rows.view(job.key).map(|row| row.lease) else { return self.answer(task, Answer::Ok) };
        let noted = DriverLease { queued: true, ..old };
        self.handler_step(task, HandlerStage::MarkingQueued, Request::ReplaceLease(old, noted));
    }

    /// Returns until when a response is held open.
    fn hold_until(&self, invocation: InvocationKey) -> Micros {
        let begun = self.invocations.get(invocation).map_or(self.now, |invocation| invocation.begun);
        (begun + self.deployment.hold_secs * SECOND).min(self.ends_at(invocation) - INVOCATION_MARGIN_MS * MS)
    }

    /// Handles the exit of the driver: the response ends with the job, or waits for others to end the job.
    pub(crate) fn handler_runner_exited(&mut self, task: TaskKey, exit: Exit) {
        match exit {
            Exit::Settled => self.handler_step(task, HandlerStage::ReadingJob, Request::Job),
            Exit::NeedsSettlement | Exit::NothingToRun | Exit::GaveUp => {
                self.handler_step(task, HandlerStage::Waiting, Request::Pause(FOLLOW))
            }
        }
    }

    fn check_job(&mut self, task: TaskKey) {
        let Some(handler) = self.handler(task).copied() else { return };
        if self.rows.view(handler.job.key).is_none() {
            return self.answer(task, Answer::Ok);
        }
        if self.now >= self.hold_until(handler.invocation) {
            return self.answer(task, Answer::Running);
        }
        self.handler_step(task, HandlerStage::Waiting, Request::Pause(FOLLOW));
    }

    fn answer(&mut self, task: TaskKey, answer: Answer) {
        let Some(Task::Handler(handler)) = self.tasks.remove(task) else { return };
        let Call { account, first_at } = handler.call;
        match answer {
            Answer::Ok => {
                if self.load.call_kind != CallKind::Detached {
                    self.figures.ended(first_at, self.now);
                }
                if self.load.at_once.is_some() {
                    self.start_call(account);
                }
            }
            Answer::Running => {
                self.figures.outlived += 1;
                if let Some(row) = self.rows.jobs.get_mut(handler.job.key) {
                    row.held = false;
                }
                if self.load.at_once.is_some() {
                    self.start_call(account);
                }
            }
            Answer::RateLimited => {
                self.figures.refused.rate += 1;
                let next =
                    u64::from(60 - u32::try_from(wall_clock(self.now).secs().rem_euclid(60)).unwrap_or(0)) * SECOND;
                self.events.schedule(
                    self.now + next + self.random.uniform(SECOND),
                    SimEvent::CallReachesGateway(handler.call),
                );
            }
            Answer::Unavailable => {
                self.figures.refused.store += 1;
                self.retry_call(handler.call, SECOND);
            }
        }
        self.end_task(handler.invocation);
    }
}

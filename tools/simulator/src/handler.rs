//! Calls: how they arrive, what their handlers do, and what their callers do if they are refused.

use domain::job::DriverLease;
use domain::machine::{Exit, Mode, Scope};
use domain::segment::{Segment, UnitState, WriteId};
use domain::{Endpoint, Nonce};

use crate::assumptions::{Micros, SECOND};
use crate::chance::mixed;
use crate::deployment::ACCEPT_TRIES;
use crate::drive::Run;
use crate::keys::{InvocationKey, JobRef, TaskKey};
use crate::lambda::Function;
use crate::load::Way;
use crate::queue::QueueName;
use crate::rows::{JobKey, NewJob, wall};
use crate::steps::{What, Who, inputs_go_before};
use crate::tasks::{Call, Handler, HandlerStage, SimEvent, StepResult, Task};
use crate::world::World;

/// Time that a handler leaves before its invocation ends (`api::calls`).
const MARGIN: Micros = 5 * SECOND;
/// How often a handler that only waits reads the rows, once nothing moves.
const FOLLOW: Micros = SECOND;

/// The answer to a call.
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
    /// Handles the load's next call.
    pub(crate) fn call_arrives(&mut self, n: u32) {
        let load = &self.load;
        let (jobs, all) = match load.at_once {
            Some(at_once) => (at_once.min(load.jobs), load.accounts),
            None => (1, load.accounts * load.jobs),
        };
        let account = n % load.accounts;
        if n + 1 < all {
            let next = u64::from(n + 1) * u64::from(load.over_secs) * SECOND / u64::from(all);
            self.agenda.put(next.max(self.now), SimEvent::CallArrives(n + 1));
        }
        for _ in 0..jobs {
            self.calls(account);
        }
    }

    fn calls(&mut self, account: u32) {
        let Some(left) = self.left_of.get_mut(account as usize).filter(|left| **left > 0) else { return };
        *left -= 1;
        self.reaches(Call { account, first_at: self.now });
    }

    /// Handles a call that reaches the gateway.
    pub(crate) fn reaches(&mut self, call: Call) {
        self.figures.requests += 1;
        if !self.gateway.try_take(1, self.now) {
            self.figures.refused.gateway += 1;
            return self.retry_call(call, SECOND);
        }
        let function = if self.load.way == Way::Extract { Function::Extract } else { Function::Batch };
        let Some((invocation, begun)) = self.invoke(function, None) else {
            self.figures.refused.lambda += 1;
            return self.retry_call(call, SECOND);
        };
        let bits = self.chance.bits();
        let (me, collection) = (Nonce::from_random(bits), mixed((bits >> 64) as u64));
        let job = JobRef { key: JobKey::nothing(), collection, account: call.account };
        let stage = HandlerStage::Authenticating;
        let handler = Handler { call, invocation, job, stage, tries: 0, me, minute: 0, counted: false };
        self.within(invocation, begun, Task::Handler(handler));
    }

    /// Lets a caller try again after the time that it was told to wait, plus up to as much again.
    fn retry_call(&mut self, call: Call, wait: Micros) {
        let wait = wait + self.chance.up_to(wait);
        self.agenda.put(self.now + wait, SimEvent::Reaches(call));
    }

    fn handler(&mut self, task: TaskKey) -> Option<&mut Handler> {
        match self.tasks.get_mut(task) {
            Some(Task::Handler(handler)) => Some(handler),
            Some(Task::MessageTask(_) | Task::Sweep(_)) | None => None,
        }
    }

    fn handler_steps(&mut self, task: TaskKey, stage: HandlerStage, what: What) {
        let Some(handler) = self.handler(task) else { return };
        handler.stage = stage;
        let job = handler.job;
        self.step(Who::Task(task), job, what);
    }

    pub(crate) fn handler_begins(&mut self, task: TaskKey) {
        self.handler_steps(task, HandlerStage::Authenticating, What::Authenticate);
    }

    pub(crate) fn handler_step_ended(&mut self, task: TaskKey, result: StepResult) {
        let Some(handler) = self.handler(task).copied() else { return };
        match (handler.stage, result) {
            (HandlerStage::Authenticating, StepResult::Done(_)) => {
                self.handler_steps(task, HandlerStage::Judging, What::Quota)
            }
            (HandlerStage::Judging, StepResult::Done(_)) => self.judge(task),
            (HandlerStage::Putting, StepResult::Done(_)) => {
                self.handler_steps(task, HandlerStage::Accepting, What::Accept)
            }
            (HandlerStage::Sending, StepResult::Done(_)) => self.note_queued(task, handler.job),
            (HandlerStage::Noting, _) => self.answer(task, Answer::Ok),
            (HandlerStage::Waiting, StepResult::Done(_)) => self.handler_steps(task, HandlerStage::Looking, What::Job),
            (HandlerStage::Looking, _) => self.look(task),
            (HandlerStage::Accepting, StepResult::Refused) if handler.tries < ACCEPT_TRIES => {
                self.handler_steps(task, HandlerStage::Judging, What::Quota);
            }
            (HandlerStage::Driving, _) => {}
            (_, StepResult::Done(_) | StepResult::Refused | StepResult::Failed) => {
                self.answer(task, Answer::Unavailable)
            }
        }
    }

    /// Judges a call by the account's rows as they were read.
    fn judge(&mut self, task: TaskKey) {
        let limit = self.load.per_minute;
        let now = wall(self.now).minute();
        let before = inputs_go_before(&self.load);
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
            true => self.handler_steps(task, HandlerStage::Putting, What::PutInputs),
            false => self.handler_steps(task, HandlerStage::Accepting, What::Accept),
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
        let (way, deployment) = (self.load.way, &self.deployment);
        let concurrency = self.load.concurrency.unwrap_or(match way {
            Way::Detached => deployment.queue_concurrency,
            Way::Held | Way::Extract => deployment.default_concurrency,
        });
        let now = wall(self.now);
        let until = now.plus_secs(deployment.lease_secs);
        let lease = DriverLease { holder: handler.me, until, queued: false, quiet: 0 };
        let endpoint = if way == Way::Extract { Endpoint::Extract } else { Endpoint::Batch };
        let deadline = now.plus_secs(deployment.deadline_secs);
        let lease_until = now.plus_ms(i64::from(deployment.timeout_ms)).plus_secs(deployment.lease_secs);
        let first = (way == Way::Extract).then(|| {
            let mut segment = Segment::untouched(0).next(WriteId { writer: handler.me, n: 0 });
            segment.put(0, UnitState::Started { attempt: 1, holder: handler.me, lease_until });
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
            held: way != Way::Detached,
        };
        let key = self.rows.add(new, self.now, first.as_ref());
        let job = JobRef { key, ..handler.job };
        if let Some(handler) = self.handler(task) {
            handler.job = job;
        }
        if way == Way::Detached {
            let bodies = self.heads(job, |_| true);
            return self.handler_steps(task, HandlerStage::Sending, What::Send(QueueName::Units, bodies, 0));
        }
        if let Some(handler) = self.handler(task) {
            handler.stage = HandlerStage::Driving;
        }
        let rows = match first {
            Some(first) => vec![first],
            None => Segment::of_job(self.load.units).map(Segment::untouched).collect(),
        };
        let process = self.process_of(handler.invocation);
        if let Some(process) = self.lambda.processes.get_mut(process) {
            process.specs.keep(key);
        }
        let run = Run {
            mode: Mode::Run,
            scope: Scope::Job,
            me: handler.me,
            concurrency: concurrency.clamp(1, self.deployment.fetch_concurrency),
            awaited: true,
            money: true,
            extract: way == Way::Extract,
            rows: Some(rows),
            until: Some(self.hold_until(handler.invocation)),
            lease: Some(lease),
        };
        let view = self.view(job);
        self.start_runner(task, process, job, view, run);
    }

    /// Notes that the queue was sent all units, as `engine::driver` does.
    fn note_queued(&mut self, task: TaskKey, job: JobRef) {
        let Some(old) = self.rows.view(job.key).map(|row| row.lease) else { return self.answer(task, Answer::Ok) };
        let noted = DriverLease { queued: true, ..old };
        self.handler_steps(task, HandlerStage::Noting, What::Drive(old, noted));
    }

    /// Returns until when an answer is held open.
    fn hold_until(&self, invocation: InvocationKey) -> Micros {
        let begun = self.invocations.get(invocation).map_or(self.now, |invocation| invocation.begun);
        (begun + self.deployment.hold_secs * SECOND).min(self.ends_at(invocation) - MARGIN)
    }

    /// The driver has left: the answer ends with the job, or waits for others to end the job.
    pub(crate) fn handler_left(&mut self, task: TaskKey, exit: Exit) {
        match exit {
            Exit::Settled => self.handler_steps(task, HandlerStage::Looking, What::Job),
            Exit::Over | Exit::Left | Exit::GaveUp => {
                self.handler_steps(task, HandlerStage::Waiting, What::Pause(FOLLOW))
            }
        }
    }

    fn look(&mut self, task: TaskKey) {
        let Some(handler) = self.handler(task).copied() else { return };
        if self.rows.view(handler.job.key).is_none() {
            return self.answer(task, Answer::Ok);
        }
        if self.now >= self.hold_until(handler.invocation) {
            return self.answer(task, Answer::Running);
        }
        self.handler_steps(task, HandlerStage::Waiting, What::Pause(FOLLOW));
    }

    fn answer(&mut self, task: TaskKey, answer: Answer) {
        let Some(Task::Handler(handler)) = self.tasks.remove(task) else { return };
        let Call { account, first_at } = handler.call;
        match answer {
            Answer::Ok => {
                if self.load.way != Way::Detached {
                    self.figures.ended(first_at, self.now);
                }
                if self.load.at_once.is_some() {
                    self.calls(account);
                }
            }
            Answer::Running => {
                self.figures.outlived += 1;
                if let Some(row) = self.rows.jobs.get_mut(handler.job.key) {
                    row.held = false;
                }
                if self.load.at_once.is_some() {
                    self.calls(account);
                }
            }
            Answer::RateLimited => {
                self.figures.refused.rate += 1;
                let next = u64::from(60 - u32::try_from(wall(self.now).secs().rem_euclid(60)).unwrap_or(0)) * SECOND;
                self.agenda.put(self.now + next + self.chance.up_to(SECOND), SimEvent::Reaches(handler.call));
            }
            Answer::Unavailable => {
                self.figures.refused.store += 1;
                self.retry_call(handler.call, SECOND);
            }
        }
        self.over(handler.invocation);
    }
}

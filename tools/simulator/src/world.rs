//! The state of a run, and its events. `domain::machine` and `domain::machine::lane` decide; the code around them does
//! what `engine` does.

use domain::machine::Event;

use crate::assumptions::{Micros, SECOND};
use crate::bucket::TokenBucket;
use crate::deployment::Deployment;
use crate::event_queue::EventQueue;
use crate::figures::Figures;
use crate::keys::{InvocationTag, JobRef, RunnerTag, TaskKey, TaskTag};
use crate::lambda::Lambda;
use crate::load::Load;
use crate::queue::Queue;
use crate::random::Random;
use crate::retries::{Fault, budget};
use crate::rows::Rows;
use crate::runner::Runner;
use crate::slab::Slab;
use crate::steps::{Request, Step, Waiter};
use crate::tables::Tables;
use crate::tasks::{Invocation, SimEvent, StepResult, Task};

/// The state of a run.
pub struct World {
    /// The current time.
    pub now: Micros,
    pub(crate) events: EventQueue<SimEvent>,
    pub(crate) random: Random,
    pub(crate) deployment: Deployment,
    pub(crate) load: Load,
    pub(crate) tables: Tables,
    pub(crate) rows: Rows,
    pub(crate) lambda: Lambda,
    pub(crate) queues: [Queue; 2],
    pub(crate) gateway: TokenBucket,
    pub(crate) tasks: Slab<Task, TaskTag>,
    pub(crate) runners: Slab<Runner, RunnerTag>,
    pub(crate) invocations: Slab<Invocation, InvocationTag>,
    pub(crate) jobs_left: Vec<u32>,
    pub(crate) figures: Figures,
}

impl World {
    /// A new world.
    pub fn new(deployment: Deployment, load: Load, seed: u64) -> World {
        let mut world = World {
            now: 0,
            events: EventQueue::default(),
            random: Random::new(seed),
            deployment,
            load,
            tables: Tables::new(deployment.warm),
            rows: Rows::of(load.accounts),
            lambda: Lambda::new(&deployment),
            queues: [Queue::new(deployment.units), Queue::new(deployment.settlements)],
            gateway: TokenBucket::new(deployment.throttle_burst, deployment.throttle_rate),
            tasks: Slab::default(),
            runners: Slab::default(),
            invocations: Slab::default(),
            jobs_left: vec![load.jobs; load.accounts as usize],
            figures: Figures::default(),
        };
        world.events.schedule(0, SimEvent::CallArrives(0));
        world.events.schedule(SECOND, SimEvent::SecondEnds);
        world.events.schedule(deployment.sweep_secs * SECOND, SimEvent::SweepDue);
        world
    }

    /// Runs until every job has ended, or until `max_secs` have passed, which means that a job does not end.
    pub fn run(mut self, max_secs: u64) -> Figures {
        let all = u64::from(self.load.accounts) * u64::from(self.load.jobs);
        while self.figures.jobs() < all
            && let Some((at, event)) = self.events.pop()
            && at <= max_secs * SECOND
        {
            self.now = at;
            self.handle(event);
        }
        self.conclude(all)
    }

    fn handle(&mut self, event: SimEvent) {
        match event {
            SimEvent::CallArrives(n) => self.call_arrives(n),
            SimEvent::CallReachesGateway(call) => self.call_reaches_gateway(call),
            SimEvent::TaskBegins(task) => self.task_begins(task),
            SimEvent::StepTry(step) => self.attempt(step),
            SimEvent::StepTakesEffect(step) => self.apply(step),
            SimEvent::PageEnds(runner, seq, attempt, page) => self.page_ended(runner, seq, attempt, page),
            SimEvent::RunnerWakes(runner) => self.runner_wakes(runner),
            SimEvent::LeaseRenewal(runner) => self.renew_lease(runner),
            SimEvent::HeartbeatDue(process) => self.heartbeat_due(process),
            SimEvent::MessageArrives(queue, message) => {
                self.queues[queue as usize].push(*message, self.now);
                self.schedule_poll(queue, self.deployment.latencies.poll);
            }
            SimEvent::QueuePoll(queue) => self.poll(queue),
            SimEvent::SweepDue => self.start_sweep(),
            SimEvent::SecondEnds => self.end_second(),
        }
    }

    fn end_second(&mut self) {
        self.tables.end_second();
        self.figures.seconds.all += 1;
        self.figures.seconds.lambda_full += u64::from(self.lambda.is_full());
        self.figures.seconds.mapping_full += u64::from(self.queues[0].is_full());
        let refused = self.figures.refused.gateway;
        self.figures.seconds.gateway += u64::from(refused > self.figures.seconds.gateway_before);
        self.figures.seconds.gateway_before = refused;
        self.events.schedule(self.now + SECOND, SimEvent::SecondEnds);
    }

    /// Starts a step.
    pub(crate) fn step(&mut self, waiter: Waiter, job: JobRef, request: Request) {
        self.attempt(Box::new(Step::new(waiter, job, request, self.now)));
    }

    /// Tries a step, for the first time or again.
    fn attempt(&mut self, mut step: Box<Step>) {
        let row = self.rows.view(step.job.key);
        let bill = step.bill(&self.load, row);
        let locked = match &step.request {
            Request::Accept => self.rows.months[step.job.account as usize].locked_until,
            Request::Settle(_) | Request::ReplaceLease(..) | Request::Terminate(_) => {
                row.map_or(0, |row| row.locked_until)
            }
            _ => 0,
        };
        self.figures.calls += u64::from(bill.calls);
        self.figures.rows_read += u64::from(bill.rows);
        if locked > self.now {
            self.figures.conflicts += 1;
            return self.retry(step, Fault::Conflict);
        }
        if let Request::Results(_) = step.request {
            let taken = self.tables.admit_some(step.each(&self.load), step.left, self.now);
            if taken == 0 && step.left > 0 {
                return self.retry(step, Fault::Throttled);
            }
            step.left -= taken;
        } else if !self.tables.admit(bill.charges(), self.now) {
            return self.retry(step, if bill.transaction { Fault::Conflict } else { Fault::Throttled });
        }
        self.queues[0].counts.requests += u64::from(step.messages());
        let until = self.now + self.random.latency(step.latency(&self.deployment.latencies));
        match &step.request {
            Request::Accept => self.rows.months[step.job.account as usize].locked_until = until,
            Request::Settle(settling) if settling.final_segment.is_none() => {
                if let Some(row) = self.rows.jobs.get_mut(step.job.key) {
                    row.locked_until = until;
                }
            }
            _ => {}
        }
        self.events.schedule(until, SimEvent::StepTakesEffect(step));
    }

    /// Tries a step again, or reports that it has failed.
    pub(crate) fn retry(&mut self, mut step: Box<Step>, fault: Fault) {
        // The engine does not retry lease renewals and heartbeats, which are sent again at their interval.
        let engine_retries = !matches!(step.request, Request::ReplaceLease(..) | Request::Beat | Request::Heartbeat)
            || matches!(step.waiter, Waiter::Task(_));
        let times = (step.begun, self.now);
        match step.tries.next(fault, engine_retries, times, budget(self.deployment.lease_secs), &mut self.random) {
            Some(wait) => self.events.schedule(self.now + wait, SimEvent::StepTry(step)),
            None => {
                self.figures.failed_steps += 1;
                self.step_failed(*step);
            }
        }
    }

    fn step_failed(&mut self, step: Step) {
        if let Request::Inputs(process) = step.request {
            return self.inputs_read(process, step.job, false);
        }
        let runner = match step.waiter {
            Waiter::Task(task) => return self.step_ended(task, StepResult::Failed),
            Waiter::Runner(runner) => runner,
            Waiter::Lease(runner) => return self.lease_renewed(runner, None),
            Waiter::Nobody => return,
        };
        use domain::machine::WriteOutcome;
        let event = match step.request {
            Request::Results(commit) | Request::Put(commit) => {
                Event::Committed(commit.segments.iter().map(|row| (row.index, WriteOutcome::Failed)).collect())
            }
            Request::Settle(_) => Event::SettleFailed,
            Request::Terminate(_) => Event::JobStateChangeFailed,
            _ => Event::ReadFailed,
        };
        self.handle_event(runner, event);
    }

    /// Reports a step's result to a task.
    pub(crate) fn step_ended(&mut self, task: TaskKey, result: StepResult) {
        match self.tasks.get(task) {
            Some(Task::Handler(_)) => self.handler_step_ended(task, result),
            Some(Task::MessageTask(_)) => self.message_step_ended(task, result),
            Some(Task::Sweep(_)) => self.sweep_step_ended(task, result),
            None => {}
        }
    }

    fn task_begins(&mut self, task: TaskKey) {
        match self.tasks.get(task) {
            Some(Task::Handler(_)) => self.handler_begins(task),
            Some(Task::MessageTask(_)) => self.message_begins(task),
            Some(Task::Sweep(_)) => self.continue_sweep(task),
            None => {}
        }
    }
}

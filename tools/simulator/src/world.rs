//! The state of a run, and its events. `domain::machine` and `domain::machine::lane` decide; the code around them does
//! what `engine` does.

use domain::machine::Event;

use crate::agenda::Agenda;
use crate::assumptions::{Micros, SECOND};
use crate::bucket::Bucket;
use crate::chance::Chance;
use crate::deployment::Deployment;
use crate::figures::Figures;
use crate::keys::{InvocationTag, JobRef, RunnerTag, TaskKey, TaskTag};
use crate::lambda::Lambda;
use crate::load::Load;
use crate::queue::Queue;
use crate::retries::{Fault, budget};
use crate::rows::Rows;
use crate::runner::Runner;
use crate::slab::Slab;
use crate::steps::{Step, What, Who};
use crate::tables::Tables;
use crate::tasks::{Invocation, SimEvent, StepResult, Task};

/// The state of a run.
pub struct World {
    /// The current time.
    pub now: Micros,
    pub(crate) agenda: Agenda<SimEvent>,
    pub(crate) chance: Chance,
    pub(crate) deployment: Deployment,
    pub(crate) load: Load,
    pub(crate) tables: Tables,
    pub(crate) rows: Rows,
    pub(crate) lambda: Lambda,
    pub(crate) queues: [Queue; 2],
    pub(crate) gateway: Bucket,
    pub(crate) tasks: Slab<Task, TaskTag>,
    pub(crate) runners: Slab<Runner, RunnerTag>,
    pub(crate) invocations: Slab<Invocation, InvocationTag>,
    pub(crate) left_of: Vec<u32>,
    pub(crate) figures: Figures,
}

impl World {
    /// A new world.
    pub fn new(deployment: Deployment, load: Load, seed: u64) -> World {
        let mut world = World {
            now: 0,
            agenda: Agenda::default(),
            chance: Chance::new(seed),
            deployment,
            load,
            tables: Tables::new(deployment.warm),
            rows: Rows::of(load.accounts),
            lambda: Lambda::new(&deployment),
            queues: [Queue::new(deployment.units), Queue::new(deployment.settlements)],
            gateway: Bucket::new(deployment.throttle_burst, deployment.throttle_rate),
            tasks: Slab::default(),
            runners: Slab::default(),
            invocations: Slab::default(),
            left_of: vec![load.jobs; load.accounts as usize],
            figures: Figures::default(),
        };
        world.agenda.put(0, SimEvent::CallArrives(0));
        world.agenda.put(SECOND, SimEvent::Second);
        world.agenda.put(deployment.sweep_secs * SECOND, SimEvent::Sweeps);
        world
    }

    /// Runs until every job has ended, or until `max_secs` are over if something is wrong.
    pub fn run(mut self, max_secs: u64) -> Figures {
        let all = u64::from(self.load.accounts) * u64::from(self.load.jobs);
        while self.figures.jobs() < all
            && let Some((at, what)) = self.agenda.pop()
            && at <= max_secs * SECOND
        {
            self.now = at;
            self.handle(what);
        }
        self.conclude(all)
    }

    fn handle(&mut self, what: SimEvent) {
        match what {
            SimEvent::CallArrives(n) => self.call_arrives(n),
            SimEvent::Reaches(call) => self.reaches(call),
            SimEvent::Begins(task) => self.begins(task),
            SimEvent::Tries(step) => self.attempt(step),
            SimEvent::Took(step) => self.took(step),
            SimEvent::Page(runner, seq, attempt, page) => self.page_ended(runner, seq, attempt, page),
            SimEvent::Wakes(runner) => self.wakes(runner),
            SimEvent::Renews(runner) => self.renews(runner),
            SimEvent::Beats(process) => self.beats(process),
            SimEvent::Arrives(queue, message) => {
                self.queues[queue as usize].push(*message, self.now);
                self.poll_soon(queue, self.deployment.latencies.poll);
            }
            SimEvent::Polls(queue) => self.polls(queue),
            SimEvent::Sweeps => self.sweeps(),
            SimEvent::Second => self.second(),
        }
    }

    fn second(&mut self) {
        self.tables.second();
        self.figures.seconds.all += 1;
        self.figures.seconds.lambda_full += u64::from(self.lambda.is_full());
        self.figures.seconds.mapping_full += u64::from(self.queues[0].is_full());
        let refused = self.figures.refused.gateway;
        self.figures.seconds.gateway += u64::from(refused > self.figures.seconds.gateway_before);
        self.figures.seconds.gateway_before = refused;
        self.agenda.put(self.now + SECOND, SimEvent::Second);
    }

    /// Starts a step.
    pub(crate) fn step(&mut self, who: Who, job: JobRef, what: What) {
        self.attempt(Box::new(Step::new(who, job, what, self.now)));
    }

    /// Tries a step, for the first time or again.
    fn attempt(&mut self, mut step: Box<Step>) {
        let row = self.rows.view(step.job.key);
        let bill = step.bill(&self.load, row);
        let locked = match &step.what {
            What::Accept => self.rows.months[step.job.account as usize].locked_until,
            What::Settle(_) | What::Drive(..) | What::Terminate(_) => row.map_or(0, |row| row.locked_until),
            _ => 0,
        };
        self.figures.calls += u64::from(bill.calls);
        self.figures.rows_read += u64::from(bill.rows);
        if locked > self.now {
            self.figures.conflicts += 1;
            return self.again(step, Fault::Conflict);
        }
        if let What::Results(_) = step.what {
            let taken = self.tables.admit_some(step.each(&self.load), step.left, self.now);
            if taken == 0 && step.left > 0 {
                return self.again(step, Fault::Throttled);
            }
            step.left -= taken;
        } else if !self.tables.admit(bill.charges(), self.now) {
            return self.again(step, if bill.transaction { Fault::Conflict } else { Fault::Throttled });
        }
        self.queues[0].counts.requests += u64::from(step.messages());
        let until = self.now + self.chance.takes(step.latency(&self.deployment.latencies));
        match &step.what {
            What::Accept => self.rows.months[step.job.account as usize].locked_until = until,
            What::Settle(settling) if settling.last.is_none() => {
                if let Some(row) = self.rows.jobs.get_mut(step.job.key) {
                    row.locked_until = until;
                }
            }
            _ => {}
        }
        self.agenda.put(until, SimEvent::Took(step));
    }

    /// Tries a step again, or reports that it has failed.
    pub(crate) fn again(&mut self, mut step: Box<Step>, fault: Fault) {
        // The engine does not retry lease renewals, which come again anyway, and heartbeats.
        let whole =
            !matches!(step.what, What::Drive(..) | What::Beat | What::Heartbeat) || matches!(step.who, Who::Task(_));
        let times = (step.begun, self.now);
        match step.tries.next(fault, whole, times, budget(self.deployment.lease_secs), &mut self.chance) {
            Some(wait) => self.agenda.put(self.now + wait, SimEvent::Tries(step)),
            None => {
                self.figures.failed_steps += 1;
                self.failed(*step);
            }
        }
    }

    fn failed(&mut self, step: Step) {
        if let What::Inputs(process) = step.what {
            return self.inputs_read(process, step.job, false);
        }
        let runner = match step.who {
            Who::Task(task) => return self.step_ended(task, StepResult::Failed),
            Who::Runner(runner) => runner,
            Who::Lease(runner) => return self.renewed(runner, None),
            Who::Nobody => return,
        };
        use domain::machine::Outcome;
        let event = match step.what {
            What::Results(commit) | What::Put(commit) => {
                Event::Committed(commit.segments.iter().map(|row| (row.index, Outcome::Failed)).collect())
            }
            What::Settle(_) => Event::SettleFailed,
            What::Terminate(_) => Event::MoveFailed,
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

    fn begins(&mut self, task: TaskKey) {
        match self.tasks.get(task) {
            Some(Task::Handler(_)) => self.handler_begins(task),
            Some(Task::MessageTask(_)) => self.message_begins(task),
            Some(Task::Sweep(_)) => self.continue_sweep(task),
            None => {}
        }
    }
}

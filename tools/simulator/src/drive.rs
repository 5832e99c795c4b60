//! Carries out the actions of machines, as `engine::runner` does, and renews drivers' leases.

use domain::Nonce;
use domain::job::DriverLease;
use domain::machine::{Event, Exit, JobView, Machine, Mode, Plan, Scope};
use domain::segment::{Segment, UnitEnd};

use crate::assumptions::{MS, Micros, SECOND};
use crate::keys::{JobRef, ProcessKey, RunnerKey, TaskKey};
use crate::queue::{Body, QueueName};
use crate::rows::{moment, wall};
use crate::runner::{Brain, Order, Runner, Unit};
use crate::steps::{What, Who};
use crate::tasks::SimEvent;
use crate::world::World;

/// How to run a job.
pub(crate) struct Run {
    pub(crate) mode: Mode,
    pub(crate) scope: Scope,
    pub(crate) me: Nonce,
    pub(crate) concurrency: u32,
    /// Whether a caller waits for each result.
    pub(crate) awaited: bool,
    /// Whether it may settle.
    pub(crate) money: bool,
    pub(crate) extract: bool,
    pub(crate) rows: Option<Vec<Segment>>,
    pub(crate) until: Option<Micros>,
    pub(crate) lease: Option<DriverLease>,
}

impl Run {
    /// A run that starts no unit: it does what the job's state asks for, and settles the job if nothing is open.
    pub(crate) fn ends(me: Nonce) -> Run {
        Run {
            mode: Mode::End(None),
            scope: Scope::Job,
            me,
            concurrency: 1,
            awaited: true,
            money: true,
            extract: false,
            rows: None,
            until: None,
            lease: None,
        }
    }
}

impl World {
    /// Starts a runner for a job.
    pub(crate) fn start_runner(&mut self, task: TaskKey, process: ProcessKey, job: JobRef, view: JobView, run: Run) {
        let deployment = &self.deployment;
        let plan = Plan {
            me: run.me,
            mode: run.mode,
            scope: run.scope,
            concurrency: run.concurrency,
            timeout_ms: deployment.timeout_ms,
            lease_secs: deployment.lease_secs,
            stall_secs: deployment.stall_secs,
            fail_fast: false,
            crawl: false,
            extract: run.extract,
            linger_ticks: if run.awaited { deployment.linger_ms } else { deployment.detached_linger_ms },
            until: run.until.map(wall),
            max_faults: deployment.driver_faults,
            delegate: false,
        };
        let at = moment(self.now);
        let brain = match run.money {
            true => Brain::Money(Box::new(Machine::new(plan, view, run.rows, at))),
            false => Brain::Plain(Box::new(Machine::new(plan, view, run.rows, at))),
        };
        let renews = run.lease.is_some();
        let runner = self.runners.insert(Runner {
            brain,
            job,
            task,
            process,
            units: Vec::new(),
            pages: 0,
            extract: run.extract,
            lease: run.lease,
            wake_at: None,
            wanted_at: 0,
        });
        if renews {
            self.agenda.put(self.now + self.renewal(), SimEvent::Renews(runner));
        }
        self.advance(runner);
    }

    fn renewal(&self) -> Micros {
        self.deployment.lease_secs * SECOND / 3
    }

    /// Carries out a machine's actions until it waits.
    pub(crate) fn advance(&mut self, key: RunnerKey) {
        let at = moment(self.now);
        loop {
            let Some(runner) = self.runners.get_mut(key) else { return };
            let job = runner.job;
            let who = Who::Runner(key);
            let Some(order) = runner.brain.next(at) else { break };
            match order {
                Order::ReadJob => self.step(who, job, What::Job),
                Order::ReadSegments(first, last) => self.step(who, job, What::Segments(first, last)),
                Order::ReadHeartbeat => self.step(who, job, What::Heartbeat),
                Order::Prepare(seq, suspect) => self.prepare(key, seq, suspect),
                Order::Run(seq, attempt) => self.run_page(key, seq, attempt),
                Order::Abort(seq) => self.give_up(key, seq),
                Order::Commit(commit) if commit.results.is_empty() => self.step(who, job, What::Put(commit)),
                Order::Commit(commit) => self.step(who, job, What::Results(commit)),
                Order::Terminate(to) => self.step(who, job, What::Terminate(to)),
                Order::Settle(settling) => self.step(who, job, What::Settle(settling)),
                Order::Enqueue(units) => {
                    let bodies = self.heads(job, |seq| units.contains(&seq));
                    if let Some(lease) = self.runners.get_mut(key).and_then(|runner| runner.lease.as_mut()) {
                        lease.queued = true;
                    }
                    self.step(who, job, What::Send(QueueName::Units, bodies, 0));
                }
                Order::Exit(exit) => return self.exits(key, exit),
            }
        }
        let Some(runner) = self.runners.get_mut(key) else { return };
        runner.wanted_at = (self.now / MS + runner.brain.next_timeout(at)) * MS;
        if runner.wake_at.is_none_or(|wake_at| runner.wanted_at < wake_at) {
            runner.wake_at = Some(runner.wanted_at);
            self.agenda.put(runner.wanted_at, SimEvent::Wakes(key));
        }
    }

    /// Returns the first message of each lane that has open units.
    pub(crate) fn heads(&self, job: JobRef, is_open: impl Fn(u32) -> bool) -> Vec<Body> {
        let Some(row) = self.rows.view(job.key) else { return Vec::new() };
        let lanes = domain::lanes::Lanes::of(row.concurrency, self.deployment.units_per_message, row.admitted);
        let heads = lanes.heads(row.admitted, is_open);
        heads.into_iter().map(|(lane, seqs)| Body::Units { lane, seqs: seqs.into() }).collect()
    }

    pub(crate) fn wakes(&mut self, key: RunnerKey) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        if runner.wake_at != Some(self.now) {
            return;
        }
        runner.wake_at = None;
        if runner.wanted_at > self.now {
            // Something happened in the meantime, and the runner waits for a later time.
            runner.wake_at = Some(runner.wanted_at);
            return self.agenda.put(runner.wanted_at, SimEvent::Wakes(key));
        }
        self.advance(key);
    }

    /// Gets the job's URLs and a permit of the process for a unit.
    fn prepare(&mut self, key: RunnerKey, seq: u32, suspect: bool) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let (job, extract) = (runner.job, runner.extract);
        let knows = self.lambda.processes.get(runner.process).is_some_and(|process| process.inputs.has(job.key));
        if extract || knows {
            return self.permit(key, seq, suspect || extract);
        }
        let at = runner.process;
        let Some(process) = self.lambda.processes.get_mut(at) else { return };
        // One unit reads the URLs for all.
        let reads = !process.reading.contains_key(&job.key);
        process.reading.entry(job.key).or_default().push_back((key, seq, suspect));
        if reads {
            self.step(Who::Nobody, job, What::Inputs(at));
        }
    }

    /// A process has read a job's URLs, or failed to: then the first unit that waits is
    /// dropped, and the next one tries.
    pub(crate) fn inputs_read(&mut self, at: ProcessKey, job: JobRef, read: bool) {
        let Some(process) = self.lambda.processes.get_mut(at) else { return };
        let mut waiting = process.reading.remove(&job.key).unwrap_or_default();
        if read {
            process.inputs.keep(job.key);
            for (key, seq, suspect) in &waiting {
                self.permit(*key, *seq, *suspect);
            }
            waiting.into_iter().for_each(|(key, ..)| self.advance(key));
            return;
        }
        let first = waiting.pop_front();
        if !waiting.is_empty() {
            process.reading.insert(job.key, waiting);
            self.step(Who::Nobody, job, What::Inputs(at));
        }
        if let Some((key, seq, _)) = first {
            self.handle_event(key, Event::Dropped(seq));
        }
    }

    fn permit(&mut self, key: RunnerKey, seq: u32, without: bool) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let Some(process) = self.lambda.processes.get_mut(runner.process) else { return };
        if !without {
            if process.permits == 0 {
                process.waiting.push_back((key, seq));
                return;
            }
            process.permits -= 1;
        }
        runner.units.push(Unit { seq, permit: !without, page: None });
        runner.brain.handle(Event::Ready { seq, paced: false }, moment(self.now));
    }

    /// Gives back a permit and passes it to the runner that has waited longest. Returns that runner.
    fn free(&mut self, process: ProcessKey) -> Option<RunnerKey> {
        let state = self.lambda.processes.get_mut(process)?;
        state.permits += 1;
        while let Some((next, seq)) = state.waiting.pop_front() {
            if self.runners.get(next).is_some() {
                self.permit(next, seq, false);
                return Some(next);
            }
        }
        None
    }

    fn run_page(&mut self, key: RunnerKey, seq: u32, attempt: u8) {
        let took = self.load.pages.one(&mut self.chance).min(u64::from(self.deployment.timeout_ms) * MS);
        let Some(runner) = self.runners.get_mut(key) else { return };
        runner.pages += 1;
        let page = runner.pages;
        match runner.units.iter_mut().find(|unit| unit.seq == seq) {
            Some(unit) => {
                unit.page = Some(page);
                self.agenda.put(self.now + took, SimEvent::Page(key, seq, attempt, page));
            }
            // An abort that crossed the write has dropped its permit.
            None => runner.brain.handle(Event::Dropped(seq), moment(self.now)),
        }
    }

    pub(crate) fn page_ended(&mut self, key: RunnerKey, seq: u32, attempt: u8, page: u32) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let Some(unit) = runner.take(seq, Some(page)) else { return };
        let process = runner.process;
        let end = Event::Ended { seq, attempt, end: UnitEnd::Succeeded, at: wall(self.now), skipped: 0 };
        runner.brain.handle(end, moment(self.now));
        self.figures.pages += 1;
        let next = if unit.permit { self.free(process) } else { None };
        self.advance(key);
        if let Some(next) = next.filter(|next| *next != key) {
            self.advance(next);
        }
    }

    fn give_up(&mut self, key: RunnerKey, seq: u32) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let (process, job) = (runner.process, runner.job.key);
        let unit = runner.take(seq, None);
        if let Some(state) = self.lambda.processes.get_mut(process) {
            state.waiting.retain(|waiting| *waiting != (key, seq));
            if let Some(waiting) = state.reading.get_mut(&job) {
                waiting.retain(|waiting| (waiting.0, waiting.1) != (key, seq));
            }
        }
        if unit.is_some_and(|unit| unit.permit)
            && let Some(next) = self.free(process)
            && next != key
        {
            // The next runner is told now and continues at once.
            self.agenda.put(self.now, SimEvent::Wakes(next));
            if let Some(next) = self.runners.get_mut(next) {
                (next.wake_at, next.wanted_at) = (Some(self.now), self.now);
            }
        }
    }

    fn exits(&mut self, key: RunnerKey, exit: Exit) {
        let seqs: Vec<u32> = self.runners.get(key).into_iter().flat_map(|r| r.units.iter().map(|u| u.seq)).collect();
        seqs.into_iter().for_each(|seq| self.give_up(key, seq));
        let Some(runner) = self.runners.remove(key) else { return };
        if exit == Exit::GaveUp {
            self.figures.gave_up += 1;
        }
        if let Some(lease) = runner.lease
            && exit != Exit::Settled
        {
            let next = DriverLease { until: wall(self.now), ..lease };
            self.step(Who::Nobody, runner.job, What::Drive(lease, next));
        }
        self.left(runner.task, exit, &runner);
    }

    pub(crate) fn renews(&mut self, key: RunnerKey) {
        let Some(runner) = self.runners.get(key) else { return };
        let Some(lease) = runner.lease else { return };
        let until = wall(self.now).plus_secs(self.deployment.lease_secs);
        let next = DriverLease { until, quiet: 0, ..lease };
        self.figures.renewals += 1;
        self.step(Who::Lease(key), runner.job, What::Drive(lease, next));
    }

    /// Handles the outcome of a renewal: the lease as it is now, `Some(None)` if another process has
    /// it, `None` if it failed.
    pub(crate) fn renewed(&mut self, key: RunnerKey, result: Option<Option<DriverLease>>) {
        let every = self.renewal();
        let Some(runner) = self.runners.get_mut(key) else { return };
        let lost = match result {
            Some(Some(next)) => {
                let queued = runner.lease.is_some_and(|lease| lease.queued);
                runner.lease = Some(DriverLease { queued, ..next });
                false
            }
            Some(None) => true,
            None => runner.lease.is_none_or(|lease| wall(self.now) >= lease.until),
        };
        if lost {
            runner.lease = None;
            self.figures.leases_lost += 1;
            self.handle_event(key, Event::LeaseLost);
        } else {
            self.agenda.put(self.now + every, SimEvent::Renews(key));
        }
    }
}

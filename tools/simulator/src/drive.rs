//! Carries out the actions of machines, as `engine::runner` does, and renews drivers' leases.

use domain::Nonce;
use domain::job::DriverLease;
use domain::machine::{Event, Exit, JobView, Machine, Mode, RunnerConfig, Scope};
use domain::segment::{Segment, UnitEnd};

use crate::assumptions::{MS, Micros, SECOND};
use crate::keys::{JobRef, ProcessKey, RunnerKey, TaskKey};
use crate::queue::{Body, QueueName};
use crate::rows::{moment, wall_clock};
use crate::runner::{AnyMachine, Runner, RunnerAction, Unit};
use crate::steps::{Request, Waiter};
use crate::tasks::SimEvent;
use crate::world::World;

/// How to run a job.
pub(crate) struct Run {
    pub(crate) mode: Mode,
    pub(crate) scope: Scope,
    pub(crate) nonce: Nonce,
    pub(crate) concurrency: u32,
    /// Whether a caller waits for each result.
    pub(crate) awaited: bool,
    /// Whether it may settle.
    pub(crate) may_settle: bool,
    pub(crate) extract: bool,
    pub(crate) rows: Option<Vec<Segment>>,
    pub(crate) until: Option<Micros>,
    pub(crate) lease: Option<DriverLease>,
}

impl Run {
    /// A run that starts no unit: it does what the job's state requires, and settles the job if no unit is open.
    pub(crate) fn without_units(nonce: Nonce) -> Run {
        Run {
            mode: Mode::End(None),
            scope: Scope::Job,
            nonce,
            concurrency: 1,
            awaited: true,
            may_settle: true,
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
        let config = RunnerConfig {
            nonce: run.nonce,
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
            until: run.until.map(wall_clock),
            max_faults: deployment.driver_faults,
            delegate: false,
        };
        let at = moment(self.now);
        let machine = match run.may_settle {
            true => AnyMachine::WithSettle(Box::new(Machine::new(config, view, run.rows, at))),
            false => AnyMachine::WithoutSettle(Box::new(Machine::new(config, view, run.rows, at))),
        };
        let renews = run.lease.is_some();
        let runner = self.runners.insert(Runner {
            machine,
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
            self.events.schedule(self.now + self.renewal_interval(), SimEvent::LeaseRenewal(runner));
        }
        self.advance(runner);
    }

    fn renewal_interval(&self) -> Micros {
        self.deployment.lease_secs * SECOND / 3
    }

    /// Carries out a machine's actions until it waits.
    pub(crate) fn advance(&mut self, key: RunnerKey) {
        let at = moment(self.now);
        loop {
            let Some(runner) = self.runners.get_mut(key) else { return };
            let job = runner.job;
            let waiter = Waiter::Runner(key);
            let Some(action) = runner.machine.next(at) else { break };
            match action {
                RunnerAction::ReadJob => self.step(waiter, job, Request::Job),
                RunnerAction::ReadSegments(first, last) => self.step(waiter, job, Request::Segments(first, last)),
                RunnerAction::ReadHeartbeat => self.step(waiter, job, Request::Heartbeat),
                RunnerAction::Prepare(seq, suspect) => self.prepare(key, seq, suspect),
                RunnerAction::Run(seq, attempt) => self.run_page(key, seq, attempt),
                RunnerAction::Abort(seq) => self.abort_unit(key, seq),
                RunnerAction::Commit(commit) if commit.results.is_empty() => {
                    self.step(waiter, job, Request::Put(commit))
                }
                RunnerAction::Commit(commit) => self.step(waiter, job, Request::Results(commit)),
                RunnerAction::Terminate(to) => self.step(waiter, job, Request::Terminate(to)),
                RunnerAction::Settle(settling) => self.step(waiter, job, Request::Settle(settling)),
                RunnerAction::Enqueue(units) => {
                    let bodies = self.lane_heads(job, |seq| units.contains(&seq));
                    if let Some(lease) = self.runners.get_mut(key).and_then(|runner| runner.lease.as_mut()) {
                        lease.queued = true;
                    }
                    self.step(waiter, job, Request::Send(QueueName::Units, bodies, 0));
                }
                RunnerAction::Exit(exit) => return self.exit_runner(key, exit),
            }
        }
        let Some(runner) = self.runners.get_mut(key) else { return };
        runner.wanted_at = (self.now / MS + runner.machine.next_timeout(at)) * MS;
        if runner.wake_at.is_none_or(|wake_at| runner.wanted_at < wake_at) {
            runner.wake_at = Some(runner.wanted_at);
            self.events.schedule(runner.wanted_at, SimEvent::RunnerWakes(key));
        }
    }

    /// Returns the first message of each lane that has open units.
    pub(crate) fn lane_heads(&self, job: JobRef, is_open: impl Fn(u32) -> bool) -> Vec<Body> {
        let Some(row) = self.rows.view(job.key) else { return Vec::new() };
        let lanes = domain::lanes::Lanes::of(row.concurrency, self.deployment.units_per_message, row.admitted);
        let first_messages = lanes.first_messages(row.admitted, is_open);
        first_messages.into_iter().map(|(lane, seqs)| Body::Units { lane, seqs: seqs.into() }).collect()
    }

    pub(crate) fn runner_wakes(&mut self, key: RunnerKey) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        if runner.wake_at != Some(self.now) {
            return;
        }
        runner.wake_at = None;
        if runner.wanted_at > self.now {
            // Something happened in the meantime, and the runner waits for a later time.
            runner.wake_at = Some(runner.wanted_at);
            return self.events.schedule(runner.wanted_at, SimEvent::RunnerWakes(key));
        }
        self.advance(key);
    }

    /// Gets the job's URLs and a permit of the process for a unit.
    fn prepare(&mut self, key: RunnerKey, seq: u32, suspect: bool) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let (job, extract) = (runner.job, runner.extract);
        let knows = self.lambda.processes.get(runner.process).is_some_and(|process| process.inputs.contains(job.key));
        if extract || knows {
            return self.take_permit(key, seq, suspect || extract);
        }
        let at = runner.process;
        let Some(process) = self.lambda.processes.get_mut(at) else { return };
        // The first unit reads the URLs for all that wait.
        let reads = !process.reading.contains_key(&job.key);
        process.reading.entry(job.key).or_default().push_back((key, seq, suspect));
        if reads {
            self.step(Waiter::Nobody, job, Request::Inputs(at));
        }
    }

    /// Handles the end of a process's read of a job's URLs. If it failed, the first unit that waits is dropped and the next
    /// one tries.
    pub(crate) fn inputs_read(&mut self, at: ProcessKey, job: JobRef, read: bool) {
        let Some(process) = self.lambda.processes.get_mut(at) else { return };
        let mut waiting = process.reading.remove(&job.key).unwrap_or_default();
        if read {
            process.inputs.insert(job.key);
            for (key, seq, suspect) in &waiting {
                self.take_permit(*key, *seq, *suspect);
            }
            waiting.into_iter().for_each(|(key, ..)| self.advance(key));
            return;
        }
        let first = waiting.pop_front();
        if !waiting.is_empty() {
            process.reading.insert(job.key, waiting);
            self.step(Waiter::Nobody, job, Request::Inputs(at));
        }
        if let Some((key, seq, _)) = first {
            self.handle_event(key, Event::Dropped(seq));
        }
    }

    fn take_permit(&mut self, key: RunnerKey, seq: u32, without: bool) {
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
        runner.machine.handle(Event::Ready { seq, paced: false }, moment(self.now));
    }

    /// Releases a permit: passes it to the runner that has waited longest, and returns that runner.
    fn release_permit(&mut self, process: ProcessKey) -> Option<RunnerKey> {
        let state = self.lambda.processes.get_mut(process)?;
        state.permits += 1;
        while let Some((next, seq)) = state.waiting.pop_front() {
            if self.runners.get(next).is_some() {
                self.take_permit(next, seq, false);
                return Some(next);
            }
        }
        None
    }

    fn run_page(&mut self, key: RunnerKey, seq: u32, attempt: u8) {
        let took = self.load.page_duration.sample(&mut self.random).min(u64::from(self.deployment.timeout_ms) * MS);
        let Some(runner) = self.runners.get_mut(key) else { return };
        runner.pages += 1;
        let page = runner.pages;
        match runner.units.iter_mut().find(|unit| unit.seq == seq) {
            Some(unit) => {
                unit.page = Some(page);
                self.events.schedule(self.now + took, SimEvent::PageEnds(key, seq, attempt, page));
            }
            // The unit was aborted while its start was being written.
            None => runner.machine.handle(Event::Dropped(seq), moment(self.now)),
        }
    }

    pub(crate) fn page_ended(&mut self, key: RunnerKey, seq: u32, attempt: u8, page: u32) {
        let Some(runner) = self.runners.get_mut(key) else { return };
        let Some(unit) = runner.take(seq, Some(page)) else { return };
        let process = runner.process;
        let end = Event::Ended { seq, attempt, end: UnitEnd::Succeeded, at: wall_clock(self.now), skipped: 0 };
        runner.machine.handle(end, moment(self.now));
        self.figures.pages += 1;
        let next = if unit.permit { self.release_permit(process) } else { None };
        self.advance(key);
        if let Some(next) = next.filter(|next| *next != key) {
            self.advance(next);
        }
    }

    fn abort_unit(&mut self, key: RunnerKey, seq: u32) {
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
            && let Some(next) = self.release_permit(process)
            && next != key
        {
            // The next runner continues at once.
            self.events.schedule(self.now, SimEvent::RunnerWakes(next));
            if let Some(next) = self.runners.get_mut(next) {
                (next.wake_at, next.wanted_at) = (Some(self.now), self.now);
            }
        }
    }

    fn exit_runner(&mut self, key: RunnerKey, exit: Exit) {
        let seqs: Vec<u32> = self.runners.get(key).into_iter().flat_map(|r| r.units.iter().map(|u| u.seq)).collect();
        seqs.into_iter().for_each(|seq| self.abort_unit(key, seq));
        let Some(runner) = self.runners.remove(key) else { return };
        if exit == Exit::GaveUp {
            self.figures.gave_up += 1;
        }
        if let Some(lease) = runner.lease
            && exit != Exit::Settled
        {
            let next = DriverLease { until: wall_clock(self.now), ..lease };
            self.step(Waiter::Nobody, runner.job, Request::ReplaceLease(lease, next));
        }
        self.runner_exited(runner.task, exit, &runner);
    }

    pub(crate) fn renew_lease(&mut self, key: RunnerKey) {
        let Some(runner) = self.runners.get(key) else { return };
        let Some(lease) = runner.lease else { return };
        let until = wall_clock(self.now).plus_secs(self.deployment.lease_secs);
        let next = DriverLease { until, idle_checks: 0, ..lease };
        self.figures.renewals += 1;
        self.step(Waiter::Lease(key), runner.job, Request::ReplaceLease(lease, next));
    }

    /// Handles the outcome of a renewal: the lease as it is now, `Some(None)` if another process has
    /// it, `None` if it failed.
    pub(crate) fn lease_renewed(&mut self, key: RunnerKey, result: Option<Option<DriverLease>>) {
        let every = self.renewal_interval();
        let Some(runner) = self.runners.get_mut(key) else { return };
        let lost = match result {
            Some(Some(next)) => {
                let queued = runner.lease.is_some_and(|lease| lease.queued);
                runner.lease = Some(DriverLease { queued, ..next });
                false
            }
            Some(None) => true,
            None => runner.lease.is_none_or(|lease| wall_clock(self.now) >= lease.until),
        };
        if lost {
            runner.lease = None;
            self.figures.leases_lost += 1;
            self.handle_event(key, Event::LeaseLost);
        } else {
            self.events.schedule(self.now + every, SimEvent::LeaseRenewal(key));
        }
    }
}

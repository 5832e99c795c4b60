//! Carries out the actions of [`domain::machine`] for one job: reads and writes its rows, fetches its pages, and
//! reports the outcomes to the machine. It decides nothing.

mod tasks;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::machine::{Action, Event, Exit, JobView, Machine, Mode, RunnerConfig, Scope, WithSettle};
use domain::segment::{Segment, UnitState};
use domain::{Job, JobState, Nonce, Seq, Timestamp, synthetic};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use runtime::assignment::{Assignment, JobReader};
use runtime::context::Context;
use runtime::metrics::MetricEvent;
use store::StoreError;
use tokio::task::JoinSet;
use visits::unit::{PageResult, TaskOutcome, UnitRunner};

use crate::dispatch::Dispatcher;
use crate::events;
use crate::lease::LeaseGuard;
use tasks::Tasks;
pub(crate) use write::Committer;

/// What a runner may do: the machine's access, usable in tasks.
pub(crate) trait RunnerAccess: domain::machine::Access + Send + Sync + 'static {}

impl<A: domain::machine::Access + Send + Sync + 'static> RunnerAccess for A {}

/// How to run a job.
pub(crate) struct Run {
    pub(crate) mode: Mode,
    pub(crate) scope: Scope,
    pub(crate) nonce: Nonce,
    pub(crate) concurrency: u32,
    /// Whether a reader waits for each result. If so, units that have ended are written at once.
    pub(crate) awaited: bool,
    /// Whether to leave the units to the queue's workers.
    pub(crate) delegate: bool,
    /// The job's segments, if they are known; `None` if they have to be read.
    pub(crate) rows: Option<Vec<Segment>>,
    pub(crate) until: Option<Timestamp>,
    /// Events that are known from the beginning.
    pub(crate) known_events: Vec<Event>,
    /// The driver's lease, if this runner has it.
    pub(crate) lease_guard: Option<LeaseGuard>,
    /// Receives the results.
    pub(crate) events: Option<events::Sender>,
}

impl Run {
    /// A run that nobody waits for and that has no lease, reads its rows and has no time limit.
    pub(crate) fn new(mode: Mode, scope: Scope, nonce: Nonce, concurrency: u32) -> Run {
        Run {
            mode,
            scope,
            nonce,
            concurrency,
            awaited: false,
            delegate: false,
            rows: None,
            until: None,
            known_events: Vec::new(),
            lease_guard: None,
            events: None,
        }
    }
}

/// Result of a run.
pub(crate) struct Ended<A: RunnerAccess> {
    pub(crate) exit: Exit,
    pub(crate) machine: Machine<A>,
}

struct Runner<A: RunnerAccess> {
    runners: Arc<Runners>,
    work: Arc<Assignment>,
    machine: Machine<A>,
    lease_guard: Option<LeaseGuard>,
    events: Option<events::Sender>,
    pages: Tasks,
    tasks: JoinSet<TaskOutcome>,
    io: FuturesUnordered<BoxFuture<'static, Event>>,
    /// Results until their units are shown: those that were written, and those that are about to be.
    results: HashMap<Seq, PageResult>,
}

/// Runs jobs: what every runner is built from.
pub(crate) struct Runners {
    pub(crate) context: Arc<Context>,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) committer: Arc<Committer>,
    pub(crate) units: Arc<UnitRunner>,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

impl Runners {
    /// Runs a job, within this runner's scope, time and rights.
    pub(crate) async fn run<A: RunnerAccess>(self: &Arc<Self>, work: Arc<Assignment>, run: Run) -> Ended<A> {
        let settings = self.context.settings();
        let job = &work.job;
        let config = RunnerConfig {
            nonce: run.nonce,
            mode: run.mode,
            scope: run.scope,
            concurrency: run.concurrency,
            timeout_ms: job.timeout_ms,
            lease_secs: settings.lease_secs,
            stall_secs: settings.stall_secs,
            fail_fast: job.fail_fast,
            crawl: job.is_crawl(),
            extract: job.endpoint == domain::Endpoint::Extract,
            linger_ticks: if run.awaited { settings.linger_ms } else { settings.detached_linger_ms },
            until: run.until,
            max_faults: settings.driver_faults,
            delegate: run.delegate,
        };
        let mut machine = Machine::new(config, JobView::of(job), run.rows, self.context.moment());
        run.known_events.into_iter().for_each(|event| machine.handle(event, self.context.moment()));
        let mut runner = Runner {
            runners: Arc::clone(self),
            work,
            machine,
            lease_guard: run.lease_guard,
            events: run.events,
            pages: Tasks::default(),
            tasks: JoinSet::new(),
            io: FuturesUnordered::new(),
            results: HashMap::new(),
        };
        // On the heap: it is most of the memory of a running job.
        let exit = Box::pin(runner.run()).await;
        if let Some(lease_guard) = &runner.lease_guard
            && exit != Exit::Settled
            && !lease_guard.lost()
        {
            lease_guard.give_back().await;
        }
        Ended { exit, machine: runner.machine }
    }

    /// Ends a job without running units: moves it to `to` if it is running, applies the termination rule of its state,
    /// and settles it if nothing is open.
    pub(crate) async fn end(self: &Arc<Self>, job: Job, to: Option<JobState>) -> Result<Ended<WithSettle>, StoreError> {
        self.end_with_events(job, to, Vec::new()).await
    }

    /// Does the same as `end`, with events that happened elsewhere.
    pub(crate) async fn end_with_events(
        self: &Arc<Self>,
        job: Job,
        to: Option<JobState>,
        known_events: Vec<Event>,
    ) -> Result<Ended<WithSettle>, StoreError> {
        let work = self.jobs.assignment(job).await?;
        let run = Run { awaited: true, known_events, ..Run::new(Mode::End(to), Scope::Job, self.context.nonce(), 1) };
        let ended = self.run::<WithSettle>(work, run).await;
        match ended.exit {
            Exit::GaveUp => Err(gave_up("end a job", self.context.settings().driver_faults)),
            Exit::Settled | Exit::NeedsSettlement | Exit::NothingToRun => Ok(ended),
        }
    }
}

/// Returns the error of a run that ended because this many store steps failed in a row.
pub(crate) fn gave_up(operation: &'static str, faults: u32) -> StoreError {
    StoreError::Unavailable { operation, source: format!("it failed {faults} times in a row").into() }
}

impl<A: RunnerAccess> Runner<A> {
    async fn run(&mut self) -> Exit {
        let (mut lost, mut stopped) = (false, false);
        loop {
            if !lost && self.lease_guard.as_ref().is_some_and(LeaseGuard::lost) {
                lost = true;
                self.machine.handle(Event::LeaseLost, self.runners.context.moment());
            }
            if !stopped && self.runners.context.stopping() {
                stopped = true;
                self.machine.handle(Event::Stop, self.runners.context.moment());
            }
            while let Some(action) = self.machine.next_action(self.runners.context.moment()) {
                if let Some(exit) = self.carry_out(action) {
                    return exit;
                }
            }
            let pause = Duration::from_millis(self.machine.next_timeout(self.runners.context.moment()));
            tokio::select! {
                Some(event) = self.io.next(), if !self.io.is_empty() => {
                    self.machine.handle(event, self.runners.context.moment());
                }
                Some(joined) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.report_task(joined),
                () = tokio::time::sleep(pause) => {}
            }
            // Tasks that ended at the same moment form one group.
            while let Some(joined) = self.tasks.try_join_next_with_id() {
                self.report_task(joined);
            }
        }
    }

    /// Starts an action. Returns why the run ends, if it does.
    fn carry_out(&mut self, action: Action<A>) -> Option<Exit> {
        let (committer, work) = (Arc::clone(&self.runners.committer), Arc::clone(&self.work));
        match action {
            Action::ReadJob => self.io.push(Box::pin(async move { committer.read_job(&work).await })),
            Action::ReadSegments { first, last } => {
                self.io.push(Box::pin(async move { committer.read_segments(&work, first, last).await }));
            }
            Action::ReadHeartbeat => self.io.push(Box::pin(async move { committer.read_heartbeat(&work).await })),
            Action::Prepare { seq, suspect } => {
                let until = self.machine.runner_state().latest_start();
                self.pages.prepare(&mut self.tasks, Arc::clone(&self.runners.units), work, seq, suspect, until);
            }
            Action::Run { seq, attempt } => {
                self.pages.run(&mut self.tasks, Arc::clone(&self.runners.units), work, seq, attempt)
            }
            Action::Abort(seq) => self.pages.abort(seq),
            Action::Commit(commit) => {
                let texts = commit.results.iter().filter_map(|(seq, attempt)| {
                    let result = self.results.get(seq).filter(|result| result.attempt == *attempt)?;
                    Some(result.row(*seq))
                });
                let texts = texts.collect();
                self.io.push(Box::pin(async move { committer.commit(&work, commit, texts).await }));
            }
            Action::Terminate(to) => {
                let job = Job { state: self.machine.job().state, ..work.job.clone() };
                self.io.push(Box::pin(async move { committer.begin_termination(&job, to).await }));
            }
            Action::Settle(settle) => {
                let settling = A::settlement_request(settle);
                let result = self.results.get(&0).map(|result| result.row(0));
                self.io.push(Box::pin(async move { committer.settle(&work, settling, result).await }));
            }
            Action::Enqueue(units) => {
                let lease_guard = self.lease_guard.as_ref().map(LeaseGuard::handle);
                let dispatcher = Arc::clone(&self.runners.dispatcher);
                let view = self.machine.job();
                let job = Job { admitted: view.admitted, state: view.state, ..work.job.clone() };
                self.io.push(Box::pin(async move {
                    let refused = dispatcher.send_open(&job, &units).await;
                    if refused.len() < units.len()
                        && let Some(lease_guard) = lease_guard
                    {
                        lease_guard.record_queued().await;
                    }
                    Event::Enqueued(refused)
                }));
            }
            Action::Show { units, own } => self.show(units, own),
            Action::Exit(exit) => {
                if exit == Exit::GaveUp {
                    tracing::error!(job = %work.id, "the store failed too often; a sweeper resumes the job");
                }
                return Some(exit);
            }
        }
        None
    }

    /// Reports units that are over to the metrics and to the result stream.
    fn show(&mut self, units: Vec<(Seq, UnitState)>, own: bool) {
        for (seq, unit) in units {
            let own_result = self.results.remove(&seq);
            let UnitState::Ended { attempt, end, .. } = unit else {
                self.send_event(seq, unit, None);
                continue;
            };
            let own_result = own_result.filter(|result| result.attempt == attempt && end.has_result());
            match &own_result {
                Some(result) => self.runners.context.record(&MetricEvent::UnitEnded(&result.outcome)),
                None if own => {
                    if let Some(error) = synthetic::end_error(end) {
                        self.runners.context.record(&MetricEvent::UnitEnded(&domain::UnitOutcome::error("", error)));
                    }
                }
                None => {}
            }
            self.send_event(seq, unit, own_result.map(|result| result.text));
        }
    }

    fn send_event(&self, seq: Seq, unit: UnitState, text: Option<String>) {
        if let Some(events) = &self.events {
            events.send(events::Event { seq, unit, text });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_gave_up_reports_the_store() {
        let text = gave_up("end a job", 5).to_string();
        assert_eq!(text, "end a job: the store is not available: it failed 5 times in a row");
    }
}

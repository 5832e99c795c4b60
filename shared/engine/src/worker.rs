//! Handles a message of the units' queue: runs its units and continues its lane. A worker has no rights to balances:
//! once nothing of the job is open, it asks for the job to be settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::machine::lane::{self, LaneStep};
use domain::machine::{Exit, JobView, Machine, Mode, Scope, WithoutSettle};
use domain::{Job, JobId, JobState, Seq, Timestamp};
use runtime::assignment::JobReader;
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use store::queue::MAX_DELAY_SECS;

use crate::dispatch::Dispatcher;
use crate::handled::Handled;
use crate::heartbeat::Heartbeat;
use crate::runner::{Ended, Run, Runners, gave_up};

/// How long a parked lane waits before it checks again. A crawl's lane is parked while it has no unit to run.
const PARKED_SECS: u32 = 1;

/// How long a crawl counts as new.
const NEW_CRAWL_MS: u64 = 10_000;
/// How often a lane of a new crawl polls before it is parked.
const NEW_CRAWL_POLLS: u32 = 4;
/// Time between two of these polls.
const NEW_CRAWL_POLL_INTERVAL: Duration = Duration::from_millis(80);

/// Handles messages.
pub struct Worker {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) runners: Arc<Runners>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) heartbeat: Heartbeat,
}

impl Worker {
    /// Handles a message of the units' queue. Starts nothing that could not finish by `until`. `receives` is how often
    /// the message has been received, this time included.
    ///
    /// # Errors
    /// Store errors. Leave the message in the queue, so that it is delivered again.
    pub async fn work(
        &self,
        job: &JobId,
        lane: u32,
        seqs: &[Seq],
        receives: u32,
        until: Option<Timestamp>,
    ) -> Result<Handled, StoreError> {
        let _guard = self.heartbeat.start();
        let Some(job) = self.rows.job(job).await? else { return Ok(Handled::Acknowledge) };
        if job.state.ended() {
            return Ok(Handled::Acknowledge);
        }
        if seqs.is_empty() {
            return self.continue_lane(&job, lane).await;
        }
        let scope: BTreeSet<Seq> = seqs.iter().copied().collect();
        let concurrency = self.dispatcher.lanes(&job).concurrency_of(lane);
        let run = Run { until, ..Run::new(Mode::Run, Scope::Units(scope), self.context.nonce(), concurrency) };
        let work = self.jobs.assignment(job.clone()).await?;
        let Ended { exit, machine } = self.runners.run::<WithoutSettle>(work, run).await;
        match exit {
            Exit::Settled => Ok(Handled::Acknowledge),
            Exit::NeedsSettlement => Ok(handled_if(self.dispatcher.ask_to_settle(&job).await)),
            Exit::GaveUp => Err(gave_up("work on a message", self.context.settings().driver_faults)),
            Exit::NothingToRun => self.conclude(&job, lane, receives, &machine).await,
        }
    }

    /// Decides what to do with a message once its runner has nothing more to run.
    async fn conclude(
        &self,
        job: &Job,
        lane: u32,
        receives: u32,
        machine: &Machine<WithoutSettle>,
    ) -> Result<Handled, StoreError> {
        let (runner_state, now) = (machine.runner_state(), self.context.now());
        let waits = runner_state.open().next().is_some() && machine.job().state == JobState::Running;
        if waits {
            // There was no time for these units here, or their host has no slot for them: they go into a new message,
            // which counts its receives from zero. Units that others hold go with them, so that their message does not
            // use up its receives.
            let unfinished: Vec<Seq> = runner_state.unfinished().into_iter().collect();
            let held_until = runner_state.held_until();
            let next = runner_state.deferred_until().map(|until| held_until.map_or(until, |held| until.min(held)));
            let wait = next.map_or(0, |until| until.ms_since(now).div_ceil(1_000));
            let wait = u32::try_from(wait).unwrap_or(u32::MAX).min(MAX_DELAY_SECS);
            return Ok(handled_if(self.dispatcher.send_lane(job, lane, unfinished, wait).await));
        }
        match runner_state.held_until() {
            Some(held_until) => Ok(Handled::Redeliver(redelivery_delay(held_until, receives, now))),
            None => self.continue_lane(job, lane).await,
        }
    }

    /// Continues the lane. A lane of a new crawl polls a few times before it is parked: its first pages come
    /// within moments, and the queue's shortest delay is a second.
    async fn continue_lane(&self, job: &Job, lane: u32) -> Result<Handled, StoreError> {
        let mut polls = NEW_CRAWL_POLLS;
        loop {
            let rows = self.rows.retry(|| self.rows.store().segments.all_segments(job)).await?;
            // The job's row is read after its segments, so it counts all units that a crawl's pages admitted before
            // they ended.
            let job = self.rows.reread(&job.id).await?;
            if job.state.ended() {
                return Ok(Handled::Acknowledge);
            }
            let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (row.index, row)).collect();
            return Ok(handled_if(
                match lane::next_step(JobView::of(&job), job.is_crawl(), &rows, &self.dispatcher.lanes(&job), lane) {
                    LaneStep::Settle => self.dispatcher.ask_to_settle(&job).await,
                    LaneStep::Continue(seqs) => self.dispatcher.send_lane(&job, lane, seqs, 0).await,
                    LaneStep::AwaitGrowth
                        if polls > 0 && self.context.now().ms_since(job.started_at) < NEW_CRAWL_MS =>
                    {
                        polls -= 1;
                        tokio::time::sleep(NEW_CRAWL_POLL_INTERVAL).await;
                        continue;
                    }
                    LaneStep::AwaitGrowth => self.dispatcher.send_lane(&job, lane, Vec::new(), PARKED_SECS).await,
                    LaneStep::End => true,
                },
            ));
        }
    }
}

/// Returns what to do with a message, by whether the next one was sent.
fn handled_if(sent: bool) -> Handled {
    if sent { Handled::Acknowledge } else { Handled::Redeliver(Duration::from_secs(1)) }
}

/// Returns how long a message waits if other runners hold its units. The wait is short at first, because those units
/// may end soon, and never longer than their leases.
fn redelivery_delay(held_until: Timestamp, receives: u32, now: Timestamp) -> Duration {
    let growing = 500u64 << receives.min(6);
    Duration::from_millis(held_until.ms_since(now).min(growing).max(500))
}

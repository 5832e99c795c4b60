//! The sweeper resumes jobs that have no driver, and enforces deadlines. There is one rule for dead drivers: the work
//! goes on, through the queue or, if the queue does not accept it, in this process.

use std::sync::Arc;

use domain::job::DriverLease;
use domain::machine::JobView;
use domain::segment::Segment;
use domain::sweep::{Look, QueueSight, Undriven, to_run};
use domain::{Job, JobId, Timestamp};
use store::StoreError;
use tokio::sync::OnceCell;

use crate::dispatch::Dispatcher;
use crate::driver::Driver;
use crate::provider_batch::Waiting;
use crate::runner::Runners;
use runtime::context::Context;
use runtime::rows::Rows;

/// Most jobs that one sweep takes from a shard.
const BATCH: i32 = 100;

/// Resumes jobs that have no driver.
pub struct Sweeper {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) driver: Arc<Driver>,
    pub(crate) waiting: Waiting,
}

impl Sweeper {
    /// Resumes or ends all jobs that are due: those without a driver, and those whose deadline has passed. Jobs that
    /// the queue does not accept run in this process, in tasks of their own, until `until`. Returns how
    /// many jobs it handled.
    ///
    /// # Errors
    /// The list of due jobs could not be read. A job that cannot be handled is logged and left for the next sweep.
    pub async fn sweep(&self, until: Option<Timestamp>) -> Result<usize, StoreError> {
        let mut seen = 0;
        let now = self.context.now();
        let queue = OnceCell::new();
        for id in self.rows.retry(|| self.rows.store().jobs.due(now, BATCH)).await? {
            if self.context.stopping() || until.is_some_and(|until| self.context.now() >= until) {
                break;
            }
            match Box::pin(self.resume(&id, &queue, until)).await {
                Ok(looked) => seen += usize::from(looked),
                Err(error) => tracing::error!(job = %id, %error, "could not resume a job; the next sweep retries"),
            }
        }
        self.waiting.resume_batches(until).await;
        Ok(seen)
    }

    /// `queue` is whether there is a backlog, read once for all jobs of a sweep and only if a job's look depends on it.
    async fn resume(&self, id: &JobId, queue: &OnceCell<bool>, until: Option<Timestamp>) -> Result<bool, StoreError> {
        // The index lags behind the rows, and the job may be gone: the row decides.
        let Some(job) = self.rows.job(id).await? else { return Ok(false) };
        if job.state.ended() || !self.abandoned(&job) {
            return Ok(false);
        }
        let rows = self.rows.retry(|| self.rows.store().segments.all_segments(&job)).await?;
        let (lease, send) = self.next_look(&job, &rows, queue).await;
        if !self.rows.retry(|| self.rows.store().jobs.drive(&job, &job.driver, &lease)).await? {
            return Ok(false);
        }
        let ended = self.runners.end(job.clone(), None).await?;
        if ended.exit == domain::machine::Exit::Settled {
            return Ok(true);
        }
        if ended.machine.share().waits_for_model() {
            self.waiting.request_answers(&job, ended.machine.rows()).await?;
            return Ok(true);
        }
        let JobView { state, admitted, .. } = ended.machine.job();
        let open = to_run(ended.machine.job(), ended.machine.rows(), self.context.now());
        if send && !open.is_empty() {
            tracing::info!(job = %id, state = state.name(), open = open.len(), "sending a job's units to the queue again");
            let job = Job { driver: lease, state, admitted, ..job };
            if !self.dispatcher.send_open(&job, &open).await.is_empty() {
                self.driver.take_up(job, until);
            }
        }
        Ok(true)
    }

    /// Returns whether the job has no driver, or its driver has not acted on the deadline for longer than a lease.
    fn abandoned(&self, job: &Job) -> bool {
        let now = self.context.now();
        job.driver.until <= now
            || job.must_expire(now.plus_ms(-1_000 * self.context.settings().lease_secs.cast_signed()))
    }

    /// Returns the lease until the next look, and whether to send the job's units to the queue now.
    async fn next_look(&self, job: &Job, rows: &[Segment], queue: &OnceCell<bool>) -> (DriverLease, bool) {
        let (now, lease_secs) = (self.context.now(), self.context.settings().lease_secs);
        let unit_lease_ms = i64::from(job.timeout_ms) + 1_000 * lease_secs.cast_signed();
        let undriven = Undriven::of(&job.driver, job.started_at, rows, unit_lease_ms, now);
        let backlog = undriven.asks_queue(now, lease_secs) && *queue.get_or_init(|| self.sees_backlog()).await;
        let Look { until, quiet, send } = undriven.next_look(backlog, now, lease_secs);
        (DriverLease { holder: self.context.nonce(), until, queued: true, quiet }, send)
    }

    /// Returns whether messages wait because the workers are busy; `false` if that is unknown, so that units are rather
    /// sent twice.
    async fn sees_backlog(&self) -> bool {
        let (depth, beat) = tokio::join!(self.dispatcher.queues.units.depth(), self.rows.store().jobs.heartbeat());
        match (depth, beat) {
            (Ok(depth), Ok(beat)) => {
                let sight = QueueSight { waiting: depth.visible, beat };
                sight.is_backlog(self.context.settings().stall_secs, self.context.now())
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "could not find out whether the queue has a backlog");
                false
            }
        }
    }
}

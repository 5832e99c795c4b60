//! The sweeper resumes jobs that have no driver, and enforces deadlines. There is one rule for dead drivers: the work
//! goes on, through the queue or, if the queue does not accept it, in this process.

use std::sync::Arc;

use domain::job::DriverLease;
use domain::machine::JobView;
use domain::segment::Segment;
use domain::sweep::{DriverlessJob, NextCheck, QueueStatus, to_run};
use domain::{Job, JobId, Timestamp};
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use tokio::sync::OnceCell;

use crate::dispatch::Dispatcher;
use crate::driver::Driver;
use crate::provider_batch::WaitingUnits;
use crate::runner::Runners;

/// Maximum number of jobs that one sweep takes from a shard.
const MAX_DUE_PER_SHARD: i32 = 100;

/// Resumes jobs that have no driver.
pub struct Sweeper {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
    pub(crate) dispatcher: Arc<Dispatcher>,
    pub(crate) driver: Arc<Driver>,
    pub(crate) waiting: WaitingUnits,
}

impl Sweeper {
    /// Resumes or ends all jobs that are due: those without a driver, and those whose deadline has passed. Jobs that
    /// the queue does not accept run in this process, in tasks of their own, until `until`. Returns how
    /// many jobs it handled.
    ///
    /// # Errors
    /// The list of due jobs could not be read. A job that cannot be handled is logged and left for the next sweep.
    pub async fn sweep(&self, until: Option<Timestamp>) -> Result<usize, StoreError> {
        let handled = self.resume_due(until).await;
        self.waiting.resume_batches(until).await;
        handled
    }

    /// Resumes or ends the jobs that are due. Returns how many.
    async fn resume_due(&self, until: Option<Timestamp>) -> Result<usize, StoreError> {
        let mut handled = 0;
        let now = self.context.now();
        let queue = OnceCell::new();
        for id in self.rows.retry(|| self.rows.store().jobs.due(now, MAX_DUE_PER_SHARD)).await? {
            if self.context.stopping() || until.is_some_and(|until| self.context.now() >= until) {
                break;
            }
            match Box::pin(self.resume(&id, &queue, until)).await {
                Ok(resumed) => handled += usize::from(resumed),
                Err(error) => tracing::error!(job = %id, %error, "could not resume a job; the next sweep retries"),
            }
        }
        Ok(handled)
    }

    /// Resumes or ends a job if it has no driver. Returns whether it did. `queue` caches whether there is a backlog: it
    /// is read once for all jobs of a sweep, and only if a decision depends on it.
    async fn resume(&self, id: &JobId, queue: &OnceCell<bool>, until: Option<Timestamp>) -> Result<bool, StoreError> {
        // The index lags behind the rows, and the job may be gone: the row decides.
        let Some(job) = self.rows.job(id).await? else { return Ok(false) };
        if job.state.ended() || !self.abandoned(&job) {
            return Ok(false);
        }
        let rows = self.rows.retry(|| self.rows.store().segments.all_segments(&job)).await?;
        let (lease, send) = self.next_check(&job, &rows, queue).await;
        if !self.rows.retry(|| self.rows.store().jobs.replace_lease(&job, &job.driver, &lease)).await? {
            return Ok(false);
        }
        let ended = self.runners.end(job.clone(), None).await?;
        if ended.exit == domain::machine::Exit::Settled {
            return Ok(true);
        }
        if ended.machine.runner_state().waits_for_model() {
            self.waiting.request_answers(&job, ended.machine.rows()).await?;
            return Ok(true);
        }
        let JobView { state, admitted, .. } = ended.machine.job();
        let open = to_run(ended.machine.job(), ended.machine.rows(), self.context.now());
        if send && !open.is_empty() {
            tracing::info!(job = %id, state = state.name(), open = open.len(), "sending a job's units to the queue again");
            let job = Job { driver: lease, state, admitted, ..job };
            if !self.dispatcher.send_open(&job, &open).await.is_empty() {
                self.driver.spawn_drive(job, until);
            }
        }
        Ok(true)
    }

    /// Returns whether the job has no driver, or its driver has not acted on the deadline for longer than a lease.
    fn abandoned(&self, job: &Job) -> bool {
        let now = self.context.now();
        job.driver.until <= now
            || JobView::of(job).must_expire(now.plus_ms(-1_000 * self.context.settings().lease_secs.cast_signed()))
    }

    /// Returns the lease until the job is due again, and whether to send the job's units to the queue now.
    async fn next_check(&self, job: &Job, rows: &[Segment], queue: &OnceCell<bool>) -> (DriverLease, bool) {
        let (now, lease_secs) = (self.context.now(), self.context.settings().lease_secs);
        let unit_lease_ms = i64::from(job.timeout_ms) + 1_000 * lease_secs.cast_signed();
        let driverless = DriverlessJob::of(&job.driver, job.started_at, rows, unit_lease_ms, now);
        let backlog = driverless.depends_on_backlog(now, lease_secs) && *queue.get_or_init(|| self.has_backlog()).await;
        let NextCheck { until, idle_checks, send } = driverless.next_check(backlog, now, lease_secs);
        (DriverLease { holder: self.context.nonce(), until, queued: true, idle_checks }, send)
    }

    /// Returns whether messages wait because the workers are busy; `false` if that is unknown, because it is better
    /// to send units twice than not at all.
    async fn has_backlog(&self) -> bool {
        let (depth, beat) = tokio::join!(self.dispatcher.queues.units.depth(), self.rows.store().jobs.heartbeat());
        match (depth, beat) {
            (Ok(depth), Ok(beat)) => {
                let status = QueueStatus { waiting: depth.visible, beat };
                status.is_backlog(self.context.settings().stall_secs, self.context.now())
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(%error, "could not find out whether the queue has a backlog");
                false
            }
        }
    }
}

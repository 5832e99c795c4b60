//! Drives jobs whose driver's lease this process holds. Each runs in a task of its own, which continues when the caller
//! that started it goes away.

use std::sync::Arc;

use domain::job::DriverLease;
use domain::machine::{Mode, Scope, WithSettle};
use domain::segment::Segment;
use domain::{Job, Timestamp};
use runtime::assignment::JobReader;
use runtime::context::Context;
use runtime::rows::Rows;
use store::StoreError;
use tokio::task::JoinHandle;

use crate::accept::Started;
use crate::dispatch::Dispatcher;
use crate::events;
use crate::lease::LeaseGuard;
use crate::result_stream::ResultStream;
use crate::runner::{Run, Runners};

/// How to drive a job.
struct DriveOptions {
    /// The job's segments, if they are known; `None` if they have to be read.
    rows: Option<Vec<Segment>>,
    /// Receives the results.
    events: Option<events::Sender>,
    /// When this process has to be finished with the job. Units that may take longer are not started. Units that are
    /// then open go to the queue.
    until: Option<Timestamp>,
    /// Whether to leave the units to the queue's workers.
    delegate: bool,
}

/// Drives jobs.
pub struct Driver {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) runners: Arc<Runners>,
    pub(crate) dispatcher: Arc<Dispatcher>,
}

impl Driver {
    /// Starts an accepted job and returns the stream of its results. The work runs in a task of its own and continues
    /// when the stream is dropped. This process has to be finished with the job by `until`; units that are open at that
    /// time go to the queue.
    pub fn start(self: &Arc<Self>, started: Started, until: Option<Timestamp>) -> ResultStream {
        let Started { job } = started;
        let (events, stream_events) = events::channel();
        let stream = ResultStream::of_runner(Arc::clone(&self.jobs), job.clone(), stream_events);
        let (rows, delegate) = (Some(untouched(&job)), job.async_mode);
        self.spawn(job, DriveOptions { rows, events: Some(events), until, delegate });
        stream
    }

    /// Hands an accepted job to the queue without waiting for the job. If the queue does not accept all of its units,
    /// runs the job here and returns when that is done, or at `until`.
    pub async fn detach(self: &Arc<Self>, started: Started, until: Option<Timestamp>) {
        let Started { job } = started;
        if self.dispatcher.send_open(&job, &job.seqs().collect()).await.is_empty() {
            self.record_queued(&job).await;
            return;
        }
        // An error means that the task panicked. A sweeper resumes the job, as after any failure.
        let _ = self.spawn(job, DriveOptions { rows: None, events: None, until, delegate: false }).await;
    }

    /// Drives a job in a task of its own, which continues when the caller is dropped.
    fn spawn(self: &Arc<Self>, job: Job, options: DriveOptions) -> JoinHandle<()> {
        let driver = Arc::clone(self);
        self.context.spawn(async move {
            let id = job.id.clone();
            if let Err(error) = driver.drive(job, options).await {
                tracing::error!(job = %id, %error, "the driver failed; a sweeper resumes the job");
            }
        })
    }

    /// Records that all units were sent to the queue. If that fails, a sweep sends them once more.
    async fn record_queued(&self, job: &Job) {
        let lease = DriverLease { queued: true, ..job.driver };
        if let Err(error) = self.rows.store().jobs.replace_lease(job, &job.driver, &lease).await {
            tracing::warn!(job = %job.id, %error, "could not record that a job's units were sent to the queue");
        }
    }

    /// Drives a job whose driver's lease this process holds.
    async fn drive(&self, job: Job, options: DriveOptions) -> Result<(), StoreError> {
        let settings = self.context.settings();
        let requested = job.concurrency.unwrap_or(settings.default_concurrency);
        let concurrency = requested.clamp(1, settings.fetch_concurrency.max(1));
        let run = Run {
            awaited: options.events.is_some(),
            delegate: options.delegate,
            rows: options.rows,
            until: options.until,
            lease_guard: Some(LeaseGuard::start(&self.context, &self.rows, &job)),
            events: options.events,
            ..Run::new(Mode::Run, Scope::Job, job.driver.holder, concurrency)
        };
        let work = self.jobs.assignment(job).await?;
        let ended = self.runners.run::<WithSettle>(Arc::clone(&work), run).await;
        if ended.machine.runner_state().waits_for_model() {
            // If the queue does not accept this, a sweeper finds the job.
            self.dispatcher.ask_to_settle(&work).await;
        }
        Ok(())
    }

    /// Drives a job in a task of its own. The job has no driver, and the queue did not accept its units.
    pub(crate) fn spawn_drive(self: &Arc<Self>, job: Job, until: Option<Timestamp>) {
        tracing::info!(job = %job.id, "running a job that has no driver");
        self.spawn(job, DriveOptions { rows: None, events: None, until, delegate: false });
    }
}

/// Returns the segments of a job that was just accepted.
fn untouched(job: &Job) -> Vec<Segment> {
    match &job.extract_unit {
        Some(unit) => vec![unit.segment.clone()],
        None => Segment::indexes_of_job(job.admitted).map(Segment::untouched).collect(),
    }
}

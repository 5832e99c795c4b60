//! What every part needs of its process: time, ids, settings, metrics, and whether the process is shutting down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::machine::Moment;
use domain::time::millis;
use domain::{JobId, Nonce, Timestamp};
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::{Clock, RandomSource};
use crate::metrics::{MetricEvent, MetricRecorder};
use crate::settings::Settings;

/// Maximum time between two reads of the wall clock while waiting for a time, in milliseconds: the clock may jump.
const MAX_CLOCK_WAIT_MS: u64 = 500;

/// The context of a process, shared by its parts.
pub struct Context {
    settings: Settings,
    clock: Arc<dyn Clock>,
    random_source: Arc<dyn RandomSource>,
    recorder: Arc<dyn MetricRecorder>,
    /// Tasks that outlive their callers: jobs that this process drives.
    tasks: TaskTracker,
    /// Becomes `true` when the process is to shut down.
    stopping: signal::Sender<bool>,
    /// The start of the monotonic clock.
    started: Instant,
}

impl Context {
    /// Creates the context of a process that starts now.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        random_source: Arc<dyn RandomSource>,
        recorder: Arc<dyn MetricRecorder>,
    ) -> Context {
        Context {
            settings,
            clock,
            random_source,
            recorder,
            tasks: TaskTracker::new(),
            stopping: signal::Sender::new(false),
            started: Instant::now(),
        }
    }

    /// Returns the process's times and limits.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the wall clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Returns the wall clock's time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the time of both the wall clock and the monotonic clock.
    pub fn moment(&self) -> Moment {
        Moment { now: self.now(), ticks: millis(self.started.elapsed()) }
    }

    /// Returns random bits.
    pub fn random(&self) -> u128 {
        self.random_source.random()
    }

    /// Returns a new nonce.
    pub fn nonce(&self) -> Nonce {
        Nonce::from_random(self.random())
    }

    /// Returns the id of a new job.
    pub fn job_id(&self) -> JobId {
        JobId::from_random(self.random())
    }

    /// Records a metric.
    pub fn record(&self, event: &MetricEvent<'_>) {
        self.recorder.record(event);
    }

    /// Starts a task that goes on whatever happens to the caller, and that a shutdown waits for.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.tasks.spawn(work.in_current_span())
    }

    /// Returns whether the process is shutting down.
    pub fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Completes when the process is to shut down.
    pub async fn stopped(&self) {
        // The sender lives as long as the context, so waiting cannot fail.
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    /// Shuts the process down: starts nothing new and gives its tasks `grace` to finish.
    pub async fn shut_down(&self, grace: Duration) {
        self.stopping.send_replace(true);
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::info!("some jobs are still running; another process takes them over when their leases end");
        }
    }

    /// Waits until none of this process's tasks is running.
    pub async fn wait_until_idle(&self) {
        while !self.tasks.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a time of the wall clock, or for the process's shutdown.
    pub async fn sleep_until(&self, moment: Timestamp) {
        while self.now() < moment && !self.stopping() {
            let left = moment.ms_since(self.now()).clamp(1, MAX_CLOCK_WAIT_MS);
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
    }
}

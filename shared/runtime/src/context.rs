//! What every part may ask of its process: the time, ids, settings, who counts, and whether it is to end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::machine::Moment;
use domain::{JobId, Nonce, Timestamp};
use tokio::sync::watch as signal;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::clock::{Clock, Ids};
use crate::metrics::{MetricEvent, MetricRecorder};
use crate::settings::Settings;

/// How often who waits for a moment of the wall clock looks at it: it may be a test's, and may jump.
const LOOK_MS: u64 = 500;

/// One per process, shared by its parts.
pub struct Context {
    settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    recorder: Arc<dyn MetricRecorder>,
    /// Tasks that outlive who started them: jobs that this process drives.
    tasks: TaskTracker,
    /// Says `true` once the process is to end.
    stopping: signal::Sender<bool>,
    /// What the steady clock counts from.
    started: Instant,
}

impl Context {
    /// A process that begins now.
    pub fn new(
        settings: Settings,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        recorder: Arc<dyn MetricRecorder>,
    ) -> Context {
        Context {
            settings,
            clock,
            ids,
            recorder,
            tasks: TaskTracker::new(),
            stopping: signal::Sender::new(false),
            started: Instant::now(),
        }
    }

    /// Its times and limits.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The clock that it tells the time by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The time of the wall clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The wall clock, and the steady one.
    pub fn moment(&self) -> Moment {
        let ticks = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Moment { now: self.now(), ticks }
    }

    /// Random bits.
    pub fn random(&self) -> u128 {
        self.ids.random()
    }

    /// A new nonce.
    pub fn nonce(&self) -> Nonce {
        Nonce::from_random(self.random())
    }

    /// A new job's id.
    pub fn job_id(&self) -> JobId {
        JobId::from_random(self.random())
    }

    /// Records what happened, for whoever counts.
    pub fn record(&self, event: &MetricEvent<'_>) {
        self.recorder.record(event);
    }

    /// Starts a task that goes on whatever becomes of the caller, and that the process's end waits for.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.tasks.spawn(work.in_current_span())
    }

    /// Whether the process is to end.
    pub fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Comes back once the process is to end.
    pub async fn stopped(&self) {
        // The sender lives as long as the context, so there is nothing else to wait for.
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    /// Has the process end: nothing new is begun, and its tasks get `grace` to finish.
    pub async fn shut_down(&self, grace: Duration) {
        self.stopping.send_replace(true);
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::info!("some jobs are still running; they go on when their leases end");
        }
    }

    /// Waits until no task of this process's runs.
    pub async fn idle(&self) {
        while !self.tasks.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for a moment of the wall clock, or for the process's end.
    pub async fn sleep_until(&self, moment: Timestamp) {
        while self.now() < moment && !self.stopping() {
            let left = moment.ms_since(self.now()).clamp(1, LOOK_MS);
            tokio::time::sleep(Duration::from_millis(left)).await;
        }
    }
}

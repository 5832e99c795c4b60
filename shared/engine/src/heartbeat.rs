//! The workers' heartbeat: one task per process touches its row every few seconds while a message is being processed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use runtime::context::Context;
use runtime::rows::Rows;

/// Minimum time between two writes of the row.
const INTERVAL: Duration = Duration::from_secs(5);

/// How many messages this process is working on, and when it last wrote the row.
#[derive(Debug, Default)]
struct State {
    /// Number of guards that are alive.
    guards: AtomicUsize,
    task_runs: AtomicBool,
    last_write: Mutex<Option<Instant>>,
}

impl State {
    /// Returns whether the task is still needed. If not, marks it as ended. A guard that is created just before the
    /// mark starts no task, because this one still seems to run. So this task looks again, and continues unless another
    /// task has started.
    fn continues(&self) -> bool {
        self.guards.load(Ordering::SeqCst) > 0 || {
            self.task_runs.store(false, Ordering::SeqCst);
            self.guards.load(Ordering::SeqCst) > 0 && !self.task_runs.swap(true, Ordering::SeqCst)
        }
    }
}

/// The heartbeat of this process, if it is a worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    context: Arc<Context>,
    rows: Rows,
    state: Arc<State>,
}

/// Keeps the heartbeat going. It stops when the last guard is dropped.
pub(crate) struct HeartbeatGuard(Arc<State>);

impl Drop for HeartbeatGuard {
    fn drop(&mut self) {
        self.0.guards.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Heartbeat {
    pub(crate) fn new(context: Arc<Context>, rows: Rows) -> Heartbeat {
        Heartbeat { context, rows, state: Arc::default() }
    }

    /// Starts the heartbeat. It stops when the last of the returned guards is dropped.
    pub(crate) fn start(&self) -> HeartbeatGuard {
        self.state.guards.fetch_add(1, Ordering::SeqCst);
        let heartbeat = self.clone();
        if !self.state.task_runs.swap(true, Ordering::SeqCst) {
            tokio::spawn(async move {
                while heartbeat.state.continues() {
                    heartbeat.write_if_due().await;
                    tokio::time::sleep(INTERVAL).await;
                }
            });
        } else if self.is_due() {
            // The task may not have woken up since the process was frozen.
            tokio::spawn(async move { heartbeat.write_if_due().await });
        }
        HeartbeatGuard(Arc::clone(&self.state))
    }

    fn is_due(&self) -> bool {
        let last_write = self.state.last_write.lock().unwrap_or_else(PoisonError::into_inner);
        last_write.is_none_or(|at| at.elapsed() >= INTERVAL)
    }

    async fn write_if_due(&self) {
        if !self.is_due() {
            return;
        }
        match self.rows.store().jobs.record_heartbeat(self.context.now()).await {
            Ok(()) => *self.state.last_write.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now()),
            Err(error) => tracing::debug!(%error, "could not write the heartbeat"),
        }
    }
}

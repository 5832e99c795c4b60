//! The workers' heartbeat: one task per process touches its row every few seconds while a message is being processed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use runtime::context::Context;
use runtime::rows::Rows;

/// Shortest time between two writes of the row.
const EVERY: Duration = Duration::from_secs(5);

/// How many messages this process is working on, and when it last wrote the row.
#[derive(Debug, Default)]
struct State {
    working: AtomicUsize,
    beating: AtomicBool,
    last: Mutex<Option<Instant>>,
}

/// The heartbeat of this process, if it is a worker. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    context: Arc<Context>,
    rows: Rows,
    state: Arc<State>,
}

/// Stops the heartbeat when the last one is dropped.
pub(crate) struct Beating(Arc<State>);

impl Drop for Beating {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Heartbeat {
    pub(crate) fn new(context: Arc<Context>, rows: Rows) -> Heartbeat {
        Heartbeat { context, rows, state: Arc::default() }
    }

    /// Keeps the heartbeat going while the returned guard lives.
    pub(crate) fn while_working(&self) -> Beating {
        self.state.working.fetch_add(1, Ordering::AcqRel);
        let beat = self.clone();
        if !self.state.beating.swap(true, Ordering::AcqRel) {
            tokio::spawn(async move {
                while beat.state.working.load(Ordering::Acquire) > 0 {
                    beat.write_if_due().await;
                    tokio::time::sleep(EVERY).await;
                }
                beat.state.beating.store(false, Ordering::Release);
            });
        } else if self.is_due() {
            // The task may not have woken up since the process was frozen.
            tokio::spawn(async move { beat.write_if_due().await });
        }
        Beating(Arc::clone(&self.state))
    }

    fn is_due(&self) -> bool {
        let last = self.state.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|at| at.elapsed() >= EVERY)
    }

    async fn write_if_due(&self) {
        if !self.is_due() {
            return;
        }
        match self.rows.store().jobs.beat(self.context.now()).await {
            Ok(()) => *self.state.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now()),
            Err(error) => tracing::debug!(%error, "could not write the heartbeat"),
        }
    }
}

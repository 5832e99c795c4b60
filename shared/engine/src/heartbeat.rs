//! The workers' sign of life: touched while any message is at work, by one task per process, at most every few seconds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use runtime::context::Context;
use runtime::rows::Rows;

/// How often the row is touched at most.
const EVERY: Duration = Duration::from_secs(5);

/// How many messages are at work in this process, and when it last said so.
#[derive(Debug, Default)]
struct State {
    working: AtomicUsize,
    beating: AtomicBool,
    last: Mutex<Option<Instant>>,
}

/// The workers' sign of life, where this process is one. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    context: Arc<Context>,
    rows: Rows,
    state: Arc<State>,
}

/// Ends the beating with the last message.
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

    /// Says that this process works, for as long as what is returned lives.
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
            // The beating task may have slept through a frozen process.
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

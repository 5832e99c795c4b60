//! The workers' sign of life: touched while any message is at work, by one task per process, at most every few seconds.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Engine;

/// How often the row is touched at most.
const EVERY: Duration = Duration::from_secs(5);

/// How many messages are at work in this process, and when it last said so.
#[derive(Debug, Default)]
pub(crate) struct Beat {
    working: AtomicUsize,
    beating: AtomicBool,
    last: Mutex<Option<Instant>>,
}

/// Ends the beating with the last message.
pub(crate) struct Beating(Engine);

impl Drop for Beating {
    fn drop(&mut self) {
        self.0.inner.beat.working.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Engine {
    /// Says that this process works, for as long as what is returned lives.
    pub(crate) fn beat_while_working(&self) -> Beating {
        self.inner.beat.working.fetch_add(1, Ordering::AcqRel);
        let engine = self.clone();
        if !self.inner.beat.beating.swap(true, Ordering::AcqRel) {
            tokio::spawn(async move {
                while engine.inner.beat.working.load(Ordering::Acquire) > 0 {
                    engine.beat_if_due().await;
                    tokio::time::sleep(EVERY).await;
                }
                engine.inner.beat.beating.store(false, Ordering::Release);
            });
        } else if self.beat_is_due() {
            // The beating task may have slept through a frozen process.
            tokio::spawn(async move { engine.beat_if_due().await });
        }
        Beating(self.clone())
    }

    fn beat_is_due(&self) -> bool {
        let last = self.inner.beat.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|at| at.elapsed() >= EVERY)
    }

    async fn beat_if_due(&self) {
        if !self.beat_is_due() {
            return;
        }
        match self.store().beat(self.now()).await {
            Ok(()) => *self.inner.beat.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now()),
            Err(error) => tracing::debug!(%error, "could not write the heartbeat"),
        }
    }
}

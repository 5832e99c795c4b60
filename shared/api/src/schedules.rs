//! Serves the schedules: the sweep of due jobs and the check of all invariants. Each ends before its invocation does.

use domain::Timestamp;
use domain::invariants::Violation;
pub use engine::audit::{Slice, Start};
use runtime::metrics::MetricEvent;

use crate::app::App;

/// A sweep stops this long before its invocation ends, in milliseconds.
const SWEEP_MARGIN_MS: i64 = 2_000;

/// The sweep failed; due jobs stay due.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SweepError(#[from] store::StoreError);

impl App {
    /// Sweeps once: resumes jobs whose driver is gone, and deliveries that are due. Jobs that the queue does not take
    /// run in this process until `until`, and are waited for. Returns how many jobs were swept.
    ///
    /// # Errors
    /// The due jobs could not be listed.
    pub async fn sweep(&self, until: Option<Timestamp>) -> Result<usize, SweepError> {
        let until = until.map(|at| at.plus_ms(-SWEEP_MARGIN_MS));
        // If it fails, the rest is done all the same.
        let swept = self.engine.sweeper.sweep(until).await;
        match Box::pin(self.engine.notifier.sweep()).await {
            Ok(_) if swept.is_ok() => self.engine.record(&MetricEvent::Swept),
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "due webhook deliveries could not be listed; the next sweep retries");
            }
        }
        if until.is_some() {
            // A Lambda function is frozen once it has answered.
            self.engine.idle().await;
        }
        self.telemetry.flush(self.engine.now());
        Ok(swept?)
    }

    /// Runs a slice of the check of all invariants over all rows; it ends before `until`. Each violation is logged as
    /// an error. The last slice reports the total of all slices as the metric `InvariantViolations`.
    ///
    /// # Errors
    /// The rows could not be read; a later slice continues.
    pub async fn check(&self, start: Start, until: Option<Timestamp>) -> Result<Slice, SweepError> {
        let audit = self.engine.audit();
        let mut report = |violation: &Violation| tracing::error!(?violation, "an invariant is broken");
        let slice = audit.slice(start, until, &mut report).await?;
        if let Slice::Finished(end) = slice {
            self.engine.record(&MetricEvent::Violations(end.violations));
            self.telemetry.flush(self.engine.now());
            audit.reported(end).await?;
        }
        Ok(slice)
    }

    /// When the invocation ends: its context's deadline, in milliseconds since the epoch. Returns `None` if there is no
    /// valid deadline.
    pub fn invocation_end(&self, deadline_ms: u64) -> Option<Timestamp> {
        end_of(deadline_ms, self.engine.now())
    }
}

/// Ignores a deadline in the past: `cargo lambda watch` sends a duration, other emulators send 0.
fn end_of(deadline_ms: u64, now: Timestamp) -> Option<Timestamp> {
    i64::try_from(deadline_ms).ok().map(Timestamp).filter(|at| *at > now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_in_the_past_is_ignored() {
        let now = Timestamp(1_795_478_400_000);
        assert_eq!(end_of(1_795_478_400_900, now), Some(Timestamp(1_795_478_400_900)));
        for emulated in [0, 600_000, 1_795_478_400_000, u64::MAX] {
            assert_eq!(end_of(emulated, now), None, "{emulated}");
        }
    }
}

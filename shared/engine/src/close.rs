//! Closing units that have not started: many at once, each a put-if-absent. What is met instead is told.

use std::time::Duration;

use domain::unit::Unit;
use domain::{Job, Seq};
use futures_util::StreamExt;
use store::StoreError;
use store::units::UnitWrite;

use crate::Engine;

/// How many rows are closed at once.
const CLOSE_CONCURRENCY: usize = 64;

impl Engine {
    /// Closes each unit that has no row, for `limit` at most. Returns what each unit that was reached is now; those
    /// that time did not suffice for, or that the store failed on, are left out.
    pub(crate) async fn close_units(&self, job: &Job, seqs: Vec<Seq>, limit: Duration) -> Vec<(Seq, Unit)> {
        let mut closing = futures_util::stream::iter(seqs)
            .map(|seq| async move { (seq, self.close_unit(job, seq).await) })
            .buffer_unordered(CLOSE_CONCURRENCY);
        let mut reached = Vec::new();
        let all = async {
            while let Some((seq, unit)) = closing.next().await {
                match unit {
                    Ok(unit) => reached.push((seq, unit)),
                    Err(error) => tracing::warn!(job = %job.id, seq, %error, "could not close a unit"),
                }
            }
        };
        if tokio::time::timeout(limit, all).await.is_err() {
            tracing::info!(job = %job.id, "closing takes longer than a caller waits; the rest follows");
        }
        reached
    }

    async fn close_unit(&self, job: &Job, seq: Seq) -> Result<Unit, StoreError> {
        loop {
            match self.again(|| self.store().close(job, seq, self.now())).await? {
                UnitWrite::Written => return Ok(Unit::Closed),
                UnitWrite::Refused(Some(unit)) => return Ok(unit),
                UnitWrite::Refused(None) => {}
            }
        }
    }
}

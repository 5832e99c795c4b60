//! What was captured of pages: kept beside their results.

use domain::job::Capture;
use domain::{Captured, JobId, Seq, UnitOutcome};
use store::StoreError;

use runtime::assignment::Assignment;
use runtime::rows::Rows;

/// Keeps what was captured, and reads it. Cheap to clone.
#[derive(Clone)]
pub struct Captures {
    pub(crate) rows: Rows,
}

impl Captures {
    /// Keeps a picture of a page before its result says that it is there.
    pub(crate) async fn keep(&self, job: &Assignment, seq: Seq, png: Vec<u8>, outcome: &mut UnitOutcome) {
        let UnitOutcome::Success { captures, warnings, .. } = outcome else { return };
        match self.rows.store().segments.put_capture(job, seq, png).await {
            Ok(()) => captures.push(Captured { kind: Capture::Screenshot, n: seq }),
            Err(error) => {
                tracing::warn!(job = %job.id, seq, %error, "a screenshot could not be kept");
                warnings.push("the screenshot could not be kept".into());
            }
        }
    }

    /// What was captured of a unit's page, as PNG.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn of(&self, job: &JobId, n: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.store().segments.capture(job, n).await
    }
}

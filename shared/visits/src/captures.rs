//! Captures of pages, stored beside their results.

use domain::job::Capture;
use domain::{Captured, JobId, Seq, UnitOutcome};
use store::StoreError;

use runtime::assignment::Assignment;
use runtime::rows::Rows;

/// Stores captures and reads them. Cheap to clone.
#[derive(Clone)]
pub struct Captures {
    pub(crate) rows: Rows,
}

impl Captures {
    /// Stores a screenshot of a page before the result names it.
    pub(crate) async fn store(&self, job: &Assignment, seq: Seq, png: Vec<u8>, outcome: &mut UnitOutcome) {
        let UnitOutcome::Success { captures, warnings, .. } = outcome else { return };
        match self.rows.store().segments.put_capture(job, seq, png).await {
            Ok(()) => captures.push(Captured { kind: Capture::Screenshot, n: seq }),
            Err(error) => {
                tracing::warn!(job = %job.id, seq, %error, "a screenshot could not be stored");
                warnings.push("the screenshot could not be stored".into());
            }
        }
    }

    /// Returns the screenshot of a unit's page, as PNG.
    ///
    /// # Errors
    /// Store errors.
    pub async fn of(&self, job: &JobId, n: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        self.rows.store().segments.capture(job, n).await
    }
}

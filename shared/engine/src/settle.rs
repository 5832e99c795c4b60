//! Settling a job that nothing is open in, for those who are only told to look.

use domain::segment::Totals;
use domain::{Job, JobId};
use store::StoreError;

use crate::Engine;

impl Engine {
    /// Carries a settle message or a dead letter out: does what the job's state asks for, ends units that were started as
    /// often as they may be, and settles the job if nothing is open. What is pending stays pending.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn settle_if_done(&self, id: &JobId) -> Result<(), StoreError> {
        if let Some(job) = self.retry(|| self.store().job(id)).await?
            && !job.state.ended()
        {
            self.end(job, None).await?;
        }
        Ok(())
    }

    /// What a job's units add up to so far.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn totals(&self, job: &Job) -> Result<Totals, StoreError> {
        let rows = self.retry(|| self.store().all_segments(job)).await?;
        Ok(Totals::of(&rows, job.admitted))
    }

    pub(crate) async fn reread(&self, id: &JobId) -> Result<Job, StoreError> {
        self.retry(|| self.store().job(id))
            .await?
            .ok_or_else(|| StoreError::Malformed(format!("{id}: the job's row is gone")))
    }
}

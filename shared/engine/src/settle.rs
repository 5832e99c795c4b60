//! Settling a job that nothing is open in, for those who are only told to look.

use std::sync::Arc;

use domain::JobId;
use store::StoreError;

use crate::provider_batch::Waiting;
use crate::runner::Runners;
use runtime::rows::Rows;

/// Settles jobs.
pub struct Settler {
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
    pub(crate) waiting: Waiting,
}

impl Settler {
    /// Carries a settle message or a dead letter out: does what the job's state asks for, ends units that were started as
    /// often as they may be, and settles the job if nothing is open. What is pending stays pending.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn settle_if_done(&self, id: &JobId) -> Result<(), StoreError> {
        if let Some(job) = self.rows.job(id).await?
            && !job.state.ended()
        {
            let ended = self.runners.end(job.clone(), None).await?;
            if ended.machine.share().waits_for_model() {
                self.waiting.see_to(&job, ended.machine.rows()).await?;
            }
        }
        Ok(())
    }
}

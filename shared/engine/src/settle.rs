//! Settles jobs on request, if nothing is open in them.

use std::sync::Arc;

use domain::JobId;
use runtime::rows::Rows;
use store::StoreError;

use crate::provider_batch::WaitingUnits;
use crate::runner::Runners;

/// Settles jobs.
pub struct Settler {
    pub(crate) rows: Rows,
    pub(crate) runners: Arc<Runners>,
    pub(crate) waiting: WaitingUnits,
}

impl Settler {
    /// Handles a settle message or a dead letter: applies the termination rule of the job's state, ends units that have
    /// had all their attempts, and settles the job if nothing is open. Pending units of a running job stay pending.
    ///
    /// # Errors
    /// Store errors. Leave the message in the queue, so that it is delivered again.
    pub async fn settle_if_done(&self, id: &JobId) -> Result<(), StoreError> {
        if let Some(job) = self.rows.job(id).await?
            && !job.state.ended()
        {
            let ended = self.runners.end(job.clone(), None).await?;
            if ended.machine.runner_state().waits_for_model() {
                self.waiting.request_answers(&job, ended.machine.rows()).await?;
            }
        }
        Ok(())
    }
}

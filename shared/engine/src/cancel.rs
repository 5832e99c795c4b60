//! `DELETE` of a job, allowed to its owner only. Cooperative: what has started may finish. Once the
//! call has returned, no further unit starts.

use std::sync::Arc;

use domain::job::CancelDecision;
use domain::{AccountId, JobId, JobState};
use runtime::assignment::JobReader;
use runtime::rows::Rows;
use store::StoreError;

use crate::provider_batch::WaitingUnits;
use crate::runner::Runners;

/// Result of a `DELETE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// The job is being terminated, because of this call or an earlier termination.
    Terminating,
    /// The job is unknown, no longer kept, or has ended.
    NotFound,
    /// The job belongs to another account.
    Forbidden,
}

/// Cancels jobs.
pub struct Canceller {
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) runners: Arc<Runners>,
    pub(crate) waiting: WaitingUnits,
}

impl Canceller {
    /// Cancels a job for its owner. When it returns, every unit that had not started is skipped.
    ///
    /// # Errors
    /// Store errors. The termination may have begun by then; the call may be repeated.
    pub async fn cancel(&self, account: &AccountId, id: &JobId) -> Result<Cancelled, StoreError> {
        let Some(job) = self.jobs.job(id).await? else { return Ok(Cancelled::NotFound) };
        if job.account != *account {
            return Ok(Cancelled::Forbidden);
        }
        if job.cancel() == CancelDecision::AlreadyEnded {
            return Ok(Cancelled::NotFound);
        }
        let ended = self.runners.end(job.clone(), Some(JobState::Cancelling)).await?;
        self.waiting.cancel(&job).await;
        // The job may have completed by itself in the meantime. There was nothing to cancel then.
        match ended.machine.job().state.final_outcome() {
            domain::Outcome::Completed if ended.exit == domain::machine::Exit::Settled => self.was_cancelled(id).await,
            _ => Ok(Cancelled::Terminating),
        }
    }

    async fn was_cancelled(&self, id: &JobId) -> Result<Cancelled, StoreError> {
        let state = self.rows.reread(id).await?.state;
        Ok(if state.final_outcome() == domain::Outcome::Completed {
            Cancelled::NotFound
        } else {
            Cancelled::Terminating
        })
    }
}

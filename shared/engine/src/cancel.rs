//! DELETE: owner-scoped, cooperative and exact. Once it has answered, nothing starts.

use std::sync::Arc;

use domain::job::CancelVerdict;
use domain::{AccountId, JobId, JobState};
use store::StoreError;

use crate::provider_batch::Waiting;
use crate::runner::Runners;
use runtime::assignment::JobReader;
use runtime::rows::Rows;

/// What a DELETE came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is, or was already, being terminated.
    Yes,
    /// Unknown, forgotten, or over.
    NotFound,
    /// Somebody else's.
    Forbidden,
}

/// Cancels jobs.
pub struct Canceller {
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) runners: Arc<Runners>,
    pub(crate) waiting: Waiting,
}

impl Canceller {
    /// Cancels a job for its owner: every unit that has not started is skipped when this comes back.
    ///
    /// # Errors
    /// Faults of the store; the job may be being terminated then, and the call may be repeated.
    pub async fn cancel(&self, account: &AccountId, id: &JobId) -> Result<Cancelled, StoreError> {
        let Some(job) = self.jobs.job(id).await? else { return Ok(Cancelled::NotFound) };
        if job.account != *account {
            return Ok(Cancelled::Forbidden);
        }
        if job.cancel() == CancelVerdict::Over {
            return Ok(Cancelled::NotFound);
        }
        let ended = self.runners.end(job.clone(), Some(JobState::Cancelling)).await?;
        self.waiting.cancel(&job).await;
        // It may have ended by itself in this moment: then there was nothing to cancel.
        match ended.machine.job().state.heads_for() {
            domain::Outcome::Completed if ended.exit == domain::machine::Exit::Settled => self.was_cancelled(id).await,
            _ => Ok(Cancelled::Yes),
        }
    }

    async fn was_cancelled(&self, id: &JobId) -> Result<Cancelled, StoreError> {
        let state = self.rows.reread(id).await?.state;
        Ok(if state.heads_for() == domain::Outcome::Completed { Cancelled::NotFound } else { Cancelled::Yes })
    }
}

//! The operator's word to stop: jobs are moved to `cancelling`, and whoever drives or sweeps them brings them to their
//! end, refunds included. Nothing here touches money.

use domain::job::CancelVerdict;
use domain::{AccountId, Job, JobId, JobState, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::lists::Which;

/// Jobs that are read at once.
const PAGE: usize = 100;

/// What became of a job that was to be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It is cancelling now.
    Now,
    /// It was being terminated already.
    Before,
    /// It is unknown, or over.
    NotRunning,
}

impl Jobs {
    /// Cancels a job, whoever's it is.
    ///
    /// # Errors
    /// Faults of the store; the call may be repeated.
    pub async fn stop_job(&self, id: &JobId, now: Timestamp) -> Result<Stopped, StoreError> {
        loop {
            let Some(job) = self.job(id).await? else { return Ok(Stopped::NotRunning) };
            match job.cancel() {
                CancelVerdict::Over => return Ok(Stopped::NotRunning),
                CancelVerdict::Winding => return Ok(Stopped::Before),
                CancelVerdict::Cancel => {
                    if self.terminate(&job, JobState::Cancelling, now).await? {
                        return Ok(Stopped::Now);
                    }
                }
            }
        }
    }

    /// Cancels every job of an account that runs. Returns those that it moved. The list of what runs may lag behind
    /// what was accepted last: whoever has to be sure asks again.
    ///
    /// # Errors
    /// Faults of the store; the call may be repeated.
    pub async fn stop_account(&self, account: &AccountId, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let (mut stopped, mut after) = (Vec::new(), None);
        loop {
            let page = self.list(account, Which::Running, PAGE, after.as_ref(), now).await?;
            for Job { id, .. } in page.jobs {
                if self.stop_job(&id, now).await? == Stopped::Now {
                    stopped.push(id);
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(stopped);
            }
        }
    }
}

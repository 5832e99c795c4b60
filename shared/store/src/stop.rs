//! Stopping jobs on an operator's order: moves them to `cancelling`, and their drivers or the sweeper end them, refunds
//! included. Does not touch money.

use domain::job::CancelVerdict;
use domain::{AccountId, Job, JobId, JobState, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::lists::Which;

/// Number of jobs that are listed at once.
const PAGE: usize = 100;

/// The result of stopping a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It is being cancelled from now on.
    Now,
    /// It was already being terminated.
    Before,
    /// It is unknown or has ended.
    NotRunning,
}

impl Jobs {
    /// Cancels a job of any account.
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

    /// Cancels all running jobs of an account and returns those that it moved. The list of running jobs may lag behind
    /// the last accepted calls, so repeat the call to be sure.
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

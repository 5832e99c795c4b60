//! Stopping jobs at an operator's request: moves them to `cancelling`, and their drivers or the sweeper end them,
//! refunds included. Does not touch money.

use domain::job::CancelDecision;
use domain::{AccountId, Job, JobId, JobState, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::lists::JobFilter;

/// Maximum number of jobs per page of the list.
const PAGE_SIZE: usize = 100;

/// The result of stopping a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopOutcome {
    /// It is being cancelled from now on.
    Cancelled,
    /// It was already being terminated.
    AlreadyTerminating,
    /// It is unknown or has ended.
    NotRunning,
}

impl Jobs {
    /// Cancels a job of any account.
    ///
    /// # Errors
    /// Store errors; the call may be repeated.
    pub async fn stop_job(&self, id: &JobId, now: Timestamp) -> Result<StopOutcome, StoreError> {
        loop {
            let Some(job) = self.job(id).await? else { return Ok(StopOutcome::NotRunning) };
            match job.cancel() {
                CancelDecision::AlreadyEnded => return Ok(StopOutcome::NotRunning),
                CancelDecision::AlreadyTerminating => return Ok(StopOutcome::AlreadyTerminating),
                CancelDecision::Cancel => {
                    if self.terminate(&job, JobState::Cancelling, now).await? {
                        return Ok(StopOutcome::Cancelled);
                    }
                }
            }
        }
    }

    /// Cancels all running jobs of an account and returns those that it moved. The list of running jobs may lag behind
    /// the last accepted calls, so repeat the call to be sure.
    ///
    /// # Errors
    /// Store errors; the call may be repeated.
    pub async fn stop_account(&self, account: &AccountId, now: Timestamp) -> Result<Vec<JobId>, StoreError> {
        let (mut stopped, mut after) = (Vec::new(), None);
        loop {
            let page = self.list(account, JobFilter::Running, PAGE_SIZE, after.as_ref(), now).await?;
            for Job { id, .. } in page.jobs {
                if self.stop_job(&id, now).await? == StopOutcome::Cancelled {
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

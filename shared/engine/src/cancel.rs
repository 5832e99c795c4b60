//! DELETE: owner-scoped, cooperative and exact. Once it has answered, nothing starts.

use std::time::Duration;

use domain::job::CancelVerdict;
use domain::progress::Fate;
use domain::unit::Unit;
use domain::{AccountId, Endpoint, Job, JobId, JobState, Seq};
use store::StoreError;
use store::units::Claim;

use crate::Engine;
use crate::marker;
use crate::unit::fate;

/// What a DELETE came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is, or was already, winding down.
    Yes,
    /// Unknown, forgotten, or over.
    NotFound,
    /// Somebody else's.
    Forbidden,
}

impl Engine {
    /// Cancels a job for its owner.
    ///
    /// # Errors
    /// Faults of the store; the job may be winding down then, and the call may be repeated.
    pub async fn cancel(&self, account: &AccountId, id: &JobId) -> Result<Cancelled, StoreError> {
        loop {
            let Some(job) = self.job(id).await? else { return Ok(Cancelled::NotFound) };
            if job.account != *account {
                return Ok(Cancelled::Forbidden);
            }
            match job.cancel() {
                CancelVerdict::Over => return Ok(Cancelled::NotFound),
                CancelVerdict::Winding => {}
                CancelVerdict::Cancel => {
                    let now = self.now();
                    if !self.again(|| self.store().wind_down(&job, JobState::Cancelling, now)).await? {
                        continue;
                    }
                }
            }
            // As it stands now: a crawl may have grown until the very moment of cancelling, and cannot any more.
            let job = self.reread(id).await?;
            if job.state.ended() {
                return Ok(Cancelled::Yes);
            }
            match job.endpoint {
                Endpoint::Extract => self.cancel_extract(&job).await?,
                Endpoint::Batch | Endpoint::Crawl => self.cancel_units(&job).await?,
            }
            return Ok(Cancelled::Yes);
        }
    }

    /// An extract's one unit has started; it is ended over its holder's head, and stays charged.
    async fn cancel_extract(&self, job: &Job) -> Result<(), StoreError> {
        if let Some(row) = self.again(|| self.store().unit(&job.id, 0)).await?
            && let Unit::Started { attempt, nonce, lease_until } = row.unit
        {
            let holder = Claim { seq: 0, attempt, nonce, lease_until };
            let url = self.input_of(job, 0).await?.url.clone();
            self.force_end(job, &holder, &url, marker::cancelled_extract()).await?;
        }
        self.reconcile_and_settle(job).await?;
        Ok(())
    }

    async fn cancel_units(&self, job: &Job) -> Result<(), StoreError> {
        let mut progress = self.again(|| self.store().progress(&job.id)).await?;
        let open: Vec<Seq> = job.seqs().filter(|seq| progress.fate(*seq).is_none()).collect();
        let wanted = open.len();
        let limit = Duration::from_millis(self.settings().cancel_close_ms);
        let reached = self.close_units(job, open, limit).await;
        if reached.len() < wanted {
            // The rest is closed by whoever settles; if the queue does not take it either, by the driver or a sweep.
            self.ask_to_settle(job).await;
        }
        let found: Vec<(Seq, Fate)> = reached.iter().filter_map(|(seq, unit)| Some((*seq, fate(unit)?))).collect();
        for (seq, fate) in &found {
            progress.add(*seq, *fate);
        }
        if progress.covers(job.admitted) {
            self.settle_job(job, &progress, &found).await?;
        } else if !found.is_empty() {
            // The driver adds its own; what is written here is what it cannot know.
            let now = self.now();
            self.again(|| self.store().add_progress(job, &found, now)).await?;
        }
        Ok(())
    }
}

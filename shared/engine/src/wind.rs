//! Bringing a job that winds down to its end without running anything: what has not started is closed, and where its
//! state says so, what has started is ended.

use std::time::Duration;

use domain::progress::Fate;
use domain::unit::{ClaimVerdict, Unit, claim};
use domain::{Endpoint, Job, JobId, JobState, Nonce, Seq};
use store::StoreError;
use store::units::{Claim, UnitRow};

use crate::Engine;
use crate::marker;

/// How long closing may take in one go.
const CLOSE_SLICE: Duration = Duration::from_secs(10);

impl Engine {
    /// Carries a settle message out: winds the job up as far as its state allows, and settles it if nothing is open.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn settle_if_done(&self, id: &JobId) -> Result<(), StoreError> {
        if let Some(job) = self.again(|| self.store().job(id)).await?
            && !job.state.ended()
        {
            self.wind_up(&job).await?;
        }
        Ok(())
    }

    /// Units whose message was given up by the queue: those that were started as often as they may be end as errors.
    /// The rest is left to the sweeper.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn bury(&self, id: &JobId, seqs: &[Seq]) -> Result<(), StoreError> {
        let Some(job) = self.again(|| self.store().job(id)).await? else { return Ok(()) };
        let inputs = self.inputs_of(&job).await?;
        let me = self.nonce();
        for seq in seqs.iter().copied().filter(|seq| *seq < job.admitted) {
            let Some(row) = self.again(|| self.store().unit(id, seq)).await? else { continue };
            if let ClaimVerdict::Exhausted { attempt, nonce } = claim(Some(&row.unit), &me, self.now()) {
                let holder = Claim { seq, attempt, nonce, lease_until: self.now() };
                let url = inputs.get(seq as usize).map(|input| input.url.as_str()).unwrap_or_default();
                self.force_end(&job, &holder, url, marker::exhausted_error()).await?;
            }
        }
        self.settle_if_done(id).await
    }

    /// Does what a job's state asks for and settles it if nothing is open. Returns the ended job, or `None`.
    pub(crate) async fn wind_up(&self, job: &Job) -> Result<Option<Job>, StoreError> {
        match job.state {
            JobState::Running | JobState::Ended(_) => {}
            JobState::FailingFast | JobState::Cancelling | JobState::Expiring => {
                let progress = self.again(|| self.store().progress(&job.id)).await?;
                let open = job.seqs().filter(|seq| progress.fate(*seq).is_none()).collect();
                self.close_units(job, open, CLOSE_SLICE).await;
                self.end_started(job).await?;
            }
        }
        self.reconcile_and_settle(job).await
    }

    /// Ends what has started, over its holders' heads, in a job whose state says so: one past its deadline, and an
    /// extract that was cancelled. Returns what was ended.
    pub(crate) async fn end_started(&self, job: &Job) -> Result<Vec<(Seq, Fate)>, StoreError> {
        let error = match (job.state, job.endpoint) {
            (JobState::Expiring, _) => marker::expired_error(true),
            (JobState::Cancelling, Endpoint::Extract) => marker::cancelled_extract(),
            _ => return Ok(Vec::new()),
        };
        let inputs = self.inputs_of(job).await?;
        let mut ended = Vec::new();
        for row in self.again(|| self.store().units(&job.id, 0, job.admitted)).await? {
            if let Some(holder) = holder(&row) {
                let url = inputs.get(row.seq as usize).map(|input| input.url.as_str()).unwrap_or_default();
                ended.push((row.seq, self.force_end(job, &holder, url, error.clone()).await?));
            }
        }
        Ok(ended)
    }
}

/// The claim on a unit that has started.
fn holder(row: &UnitRow) -> Option<Claim> {
    match &row.unit {
        Unit::Started { attempt, nonce: Nonce(nonce), lease_until } => {
            Some(Claim { seq: row.seq, attempt: *attempt, nonce: Nonce(nonce.clone()), lease_until: *lease_until })
        }
        Unit::Done { .. } | Unit::Closed => None,
    }
}

//! An extract that was just accepted: one unit, claimed with the job, finished with the settlement.

use std::sync::Arc;
use std::time::Duration;

use domain::progress::{Fate, Progress};
use domain::{Job, JobState};
use store::StoreError;
use store::settle::Settled;
use store::units::{Claim, Finish};
use tokio::sync::mpsc::UnboundedSender;

use crate::Engine;
use crate::driver::Event;
use crate::lease::Keeper;
use crate::marker;

/// How often an extract under way looks whether it was cancelled.
const CANCEL_LOOK: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs the unit that `claim` started and ends the job with it.
    pub(crate) async fn drive_extract(
        &self,
        job: Job,
        claim: Claim,
        url: &str,
        events: UnboundedSender<Event>,
    ) -> Result<(), StoreError> {
        let keeper = Keeper::start(self, &job);
        let shared = Arc::new(job.clone());
        let outcome = tokio::select! {
            outcome = self.run_page(&shared, url) => outcome,
            () = self.cancelled(&job) => return Ok(()),
            () = self.stopped() => {
                // The unit stays started; whoever takes the job up runs it again when the claim's lease is over.
                keeper.give_back().await;
                return Ok(());
            }
        };
        let finish = Finish { result: marker::json(&outcome), succeeded: outcome.succeeded() };
        let fate = if finish.succeeded { Fate::Done } else { Fate::Failed };
        let mut progress = Progress::default();
        progress.add(0, fate);
        let mut job = job;
        while !job.state.ended() {
            if job.state == JobState::Cancelling {
                // A DELETE came between and died before it could end the unit: its word stands.
                self.force_end(&job, &claim, url, marker::cancelled_extract()).await?;
                self.reconcile_and_settle(&job).await?;
                return Ok(());
            }
            let Some(end) = job.settle(progress.tally(job.admitted), self.now()) else { return Ok(()) };
            let (put, fates) = (Some((&claim, &finish)), [(0, fate)]);
            match self.again(|| self.store().settle(&job, &end, put, &fates)).await? {
                Settled::Written => {
                    let _ = events.send(Event::Result(0, finish.result));
                    return Ok(());
                }
                Settled::Fenced => {
                    self.reconcile_and_settle(&job).await?;
                    return Ok(());
                }
                Settled::Stale => job = self.reread(&job.id).await?,
            }
        }
        Ok(())
    }

    /// Comes back once the job does not run any more.
    async fn cancelled(&self, job: &Job) {
        loop {
            tokio::time::sleep(CANCEL_LOOK).await;
            match self.store().job(&job.id).await {
                Ok(Some(now)) if now.state.ended() => return,
                Ok(_) => {}
                Err(error) => tracing::debug!(job = %job.id, %error, "could not look whether it was cancelled"),
            }
        }
    }
}

//! An extract that was just accepted: one unit, claimed with the job, finished with the settlement.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::CrawlFigures;
use domain::progress::{Fate, Progress};
use domain::{Job, JobState, UnitOutcome};
use store::StoreError;
use store::settle::Settled;
use store::units::{Claim, Finish};

use crate::Engine;
use crate::events::{Event, Sender};
use crate::lease::Keeper;
use crate::observe::Fact;
use crate::page::{Visit, Visited};

/// How often an extract under way looks whether it was cancelled.
const CANCEL_LOOK: Duration = Duration::from_secs(1);

impl Engine {
    /// Runs the unit that `claim` started and ends the job with it.
    pub(crate) async fn drive_extract(
        &self,
        job: Job,
        claim: Claim,
        url: &str,
        events: Sender,
    ) -> Result<(), StoreError> {
        let keeper = Keeper::start(self, &job);
        let shared = Arc::new(job.clone());
        let started = Instant::now();
        let page = async {
            if let Some(outcome) = self.recall(&shared, url).await {
                return Some(Visited::recalled(outcome));
            }
            let target = match fetch::check_url(url) {
                Ok(target) => target,
                Err(fault) => return Some(Visited::unreachable(url, &fault)),
            };
            let visit = Visit { seq: 0, started, place: None, suspect: false, redirects: None };
            Some(self.visit(&shared, url, target, visit).await)
        };
        let visited = tokio::select! {
            visited = page => visited,
            () = self.ended_by_others(&job) => return Ok(()),
            () = self.stopped() => None,
        };
        let Some(visited) = visited else {
            // The unit stays started; whoever takes the job up runs it again when the claim's lease is over.
            keeper.give_back().await;
            return Ok(());
        };
        let finish = self.finish_of(&visited, CrawlFigures::default());
        // Beside the settlement, so that nobody waits for it.
        let kept = self.remember(&shared, url, &visited.outcome, finish.at);
        tokio::join!(kept, self.end_extract(job, &claim, &visited.outcome, finish, events)).1
    }

    /// Puts the result and settles the job, if nobody ended it before.
    async fn end_extract(
        &self,
        job: Job,
        claim: &Claim,
        outcome: &UnitOutcome,
        finish: Finish,
        events: Sender,
    ) -> Result<(), StoreError> {
        let fate = if finish.succeeded { Fate::Done } else { Fate::Failed };
        let mut progress = Progress::default();
        progress.add(0, fate);
        let mut job = job;
        while !job.state.ended() {
            if matches!(job.state, JobState::Cancelling | JobState::Expiring) {
                // A DELETE (or the deadline) came between and died before it could end the unit: its word stands.
                self.wind_up(&job).await?;
                return Ok(());
            }
            let Some(end) = job.settle(progress.tally(job.admitted), CrawlFigures::default(), self.now()) else {
                return Ok(());
            };
            let (put, fates) = (Some((claim, &finish)), [(0, fate)]);
            match self.again(|| self.store().settle(&job, &end, put, &fates)).await? {
                Settled::Written => {
                    self.tell(&Fact::UnitEnded(outcome));
                    self.tell(&Fact::JobEnded(&job, &end));
                    events.send(Event { seq: 0, fate, result: Some((finish.result, finish.at)) });
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

    /// Comes back once the job has ended: by a DELETE, or because its deadline passed, which is enforced here.
    async fn ended_by_others(&self, job: &Job) {
        loop {
            tokio::time::sleep(CANCEL_LOOK).await;
            let looked = async {
                let Some(now) = self.store().job(&job.id).await? else { return Ok(true) };
                if now.state == JobState::Cancelling {
                    // By the operator, who only says so.
                    return Ok(self.wind_up(&now).await?.is_some());
                }
                if now.must_expire(self.now()) {
                    self.store().wind_down(&now, JobState::Expiring, self.now()).await?;
                    return Ok(self.wind_up(&self.reread(&job.id).await?).await?.is_some());
                }
                Ok::<_, StoreError>(now.state.ended())
            };
            match looked.await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => tracing::debug!(job = %job.id, %error, "could not look whether it was cancelled"),
            }
        }
    }
}

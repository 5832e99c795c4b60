//! Settling a job that nothing is open in: once, whoever comes first, and known again when the reply was lost.

use domain::job::CrawlFigures;
use domain::progress::{Fate, Progress};
use domain::unit::Unit;
use domain::{Job, JobId, JobState, Seq};
use store::StoreError;
use store::settle::Settled;

use crate::Engine;
use crate::observe::Fact;
use crate::unit::fate;

impl Engine {
    /// Settles `job` if `progress` (unit rows' truth, known to be complete) covers it; `unwritten` is what of it the
    /// progress rows do not have yet. Returns the ended job, or `None` where something is still open.
    pub(crate) async fn settle_job(
        &self,
        job: &Job,
        progress: &Progress,
        unwritten: &[(Seq, Fate)],
    ) -> Result<Option<Job>, StoreError> {
        let mut job = job.clone();
        let figures = self.figures(&job).await?;
        loop {
            if job.state.ended() {
                return Ok(Some(job));
            }
            let Some(end) = job.settle(progress.tally(job.admitted), figures, self.now()) else {
                return Ok(None);
            };
            // Stale is also what an own write whose reply was lost looks like: the row decides.
            let settled = self.again(|| self.store().settle(&job, &end, None, unwritten)).await?;
            if settled == Settled::Written {
                self.tell(&Fact::JobEnded(&job, &end));
                tracing::info!(job = %job.id, outcome = ?end.outcome, charged = end.charge.charged,
                    refunded = end.charge.refunded(), "job ended");
            }
            job = self.reread(&job.id).await?;
        }
    }

    /// A crawl's figures so far, from its unit rows; nothing for other jobs.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn figures(&self, job: &Job) -> Result<CrawlFigures, StoreError> {
        let mut figures = CrawlFigures::default();
        if job.crawl.is_some() && !job.state.ended() {
            for row in self.again(|| self.store().units(&job.id, 0, Seq::MAX)).await? {
                let denied_seed = row.unit == Unit::Closed && job.state == JobState::Running;
                figures.skipped += row.skipped + u32::from(row.duplicate) + u32::from(denied_seed);
                figures.duplicates += u32::from(row.duplicate);
                figures.sitemaps.read += row.sitemaps.read;
                figures.sitemaps.failed += row.sitemaps.failed;
            }
            return Ok(figures);
        }
        Ok(job.figures)
    }

    /// Reads the unit rows (the truth), adds what progress lacks, and settles if nothing is open.
    pub(crate) async fn reconcile_and_settle(&self, job: &Job) -> Result<Option<Job>, StoreError> {
        let known = self.again(|| self.store().progress(&job.id)).await?;
        let mut truth = Progress::default();
        let mut lacking = Vec::new();
        for row in self.again(|| self.store().units(&job.id, 0, job.admitted)).await? {
            if let Some(fate) = fate(&row.unit) {
                truth.add(row.seq, fate);
                if known.fate(row.seq).is_none() {
                    lacking.push((row.seq, fate));
                }
            }
        }
        if truth.covers(job.admitted) {
            self.settle_job(job, &truth, &lacking).await
        } else {
            let now = self.now();
            self.again(|| self.store().add_progress(job, &lacking, now)).await?;
            if job.state == JobState::Running && job.options.fail_fast && !truth.failed.is_empty() {
                // Whoever saw the failure died before it could stop the job there.
                self.again(|| self.store().wind_down(job, JobState::FailingFast, self.now())).await?;
                let job = self.reread(&job.id).await?;
                return Box::pin(self.wind_up(&job)).await;
            }
            Ok(None)
        }
    }

    pub(crate) async fn reread(&self, id: &JobId) -> Result<Job, StoreError> {
        self.again(|| self.store().job(id))
            .await?
            .ok_or_else(|| StoreError::Malformed(format!("{id}: the job's row is gone")))
    }
}

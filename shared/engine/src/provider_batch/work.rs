//! Works on batches: the holder takes a batch from step to step and writes its row before each step that may cost
//! something. A holder that has lost the batch stops.

use std::collections::{BTreeMap, HashSet};

use domain::model_batch::{ModelBatch, Step};
use domain::segment::Segment;
use domain::{Job, JobState, Seq, Timestamp};
use runtime::assignment::Assignment;
use store::StoreError;

use super::batches::{ProviderBatches, StepOutcome, TimeBudget};
use super::lines::Lines;

/// Maximum number of batches that one sweep handles.
const MAX_DUE: i32 = 100;

impl ProviderBatches {
    /// Plans batches for units that are in none yet, and works on them.
    pub(super) async fn plan(&self, job: &Job, rows: &BTreeMap<u32, Segment>) -> Result<(), StoreError> {
        let batches = self.of(job).await?;
        let planned: HashSet<(Seq, u8)> = batches.iter().flat_map(|batch| batch.units.iter().copied()).collect();
        let asked = rows.values().flat_map(Segment::asked).filter(|unit| !planned.contains(unit));
        let (mut open, mut n) = (asked.collect::<Vec<_>>(), u32::try_from(batches.len()).unwrap_or(u32::MAX));
        let work = self.jobs.assignment(job.clone()).await?;
        while !open.is_empty() {
            let lines = self.lines(&work, &open).await?;
            open.drain(..lines.units.len());
            let batch = ModelBatch::planned(job.id.clone(), n, lines.units.clone(), self.context.nonce(), self.now());
            if !self.put(job, &batch).await? {
                // Another process plans them.
                return Ok(());
            }
            tracing::info!(job = %job.id, n, units = batch.units.len(), "units wait for a batch of the model");
            Box::pin(self.work_on(batch, Some(lines), TimeBudget::Short)).await?;
            n = n.saturating_add(1);
        }
        Ok(())
    }

    /// Handles batches that are due.
    pub(super) async fn resume_due(&self, until: Option<Timestamp>) -> Result<(), StoreError> {
        for batch in self.rows.retry(|| self.rows.store().model_batches.due_batches(self.now(), MAX_DUE)).await? {
            if self.context.stopping() || until.is_some_and(|until| self.now() >= until) {
                return Ok(());
            }
            let (job, n) = (batch.job.clone(), batch.n);
            if let Err(error) = Box::pin(self.claim_and_work(batch, TimeBudget::Until(until))).await {
                tracing::error!(%job, n, %error, "could not handle a batch of the model; the next sweep retries");
            }
        }
        Ok(())
    }

    /// Returns a job's batches.
    pub(super) async fn of(&self, job: &Job) -> Result<Vec<ModelBatch>, StoreError> {
        self.rows.retry(|| self.rows.store().model_batches.batches_of(&job.id)).await
    }

    /// Takes the lease on a batch that no other process holds, and works on it.
    pub(super) async fn claim_and_work(&self, batch: ModelBatch, time: TimeBudget) -> Result<(), StoreError> {
        let Some(taken) = batch.acquired(self.context.nonce(), self.now()) else { return Ok(()) };
        let Some(job) = self.rows.job(&batch.job).await? else { return Ok(()) };
        if self.put(&job, &taken).await? {
            self.work_on(taken, None, time).await?;
        }
        Ok(())
    }

    /// Works on a batch that this process holds.
    async fn work_on(
        &self,
        mut held: ModelBatch,
        mut lines: Option<Lines>,
        time: TimeBudget,
    ) -> Result<(), StoreError> {
        loop {
            let Some(job) = self.rows.job(&held.job).await? else { return Ok(()) };
            let work = self.jobs.assignment(job).await?;
            let wanted = work.state == JobState::Running;
            let mut outcome = match held.step(wanted) {
                Step::Create => self.upload(&work, &mut held, lines.take()).await?,
                Step::Find => self.find(&mut held, wanted).await,
                Step::Poll => self.poll(&work, &mut held, wanted, time).await?,
                Step::AskEach => self.ask_each(&work, &mut held, time).await?,
                Step::Close => self.close(&mut held).await,
            };
            if matches!(outcome, StepOutcome::Create) {
                // From here on, the row says that the batch may exist.
                held = held.renewed(held.holder, self.now());
                if !self.put(&work, &held).await? {
                    return Ok(());
                }
                outcome = self.create(&mut held).await;
            }
            held = match outcome {
                StepOutcome::Continue | StepOutcome::Create => held.renewed(held.holder, self.now()),
                StepOutcome::Release(due) => held.released(self.now(), due),
                StepOutcome::Unknown => return Ok(()),
            };
            if !self.put(&work, &held).await? || !matches!(outcome, StepOutcome::Continue) {
                return Ok(());
            }
        }
    }

    /// Returns the lines for the first of these units.
    pub(super) async fn lines(&self, job: &Assignment, units: &[(Seq, u8)]) -> Result<Lines, StoreError> {
        Lines::of(job, units, &self.model.config().name, &self.rows).await
    }

    pub(super) fn now(&self) -> Timestamp {
        self.context.now()
    }

    pub(super) async fn put(&self, job: &Job, batch: &ModelBatch) -> Result<bool, StoreError> {
        self.rows.retry(|| self.rows.store().model_batches.put_batch(job, batch)).await
    }

    /// Returns when the next sweep is due.
    pub(super) fn next_sweep(&self) -> Timestamp {
        self.now().plus_secs(self.context.settings().sweep_secs)
    }

    /// Returns the units of a batch that wait for an answer.
    pub(super) async fn unanswered(&self, job: &Assignment, batch: &ModelBatch) -> Result<Vec<(Seq, u8)>, StoreError> {
        let segments = || batch.units.iter().map(|(seq, _)| Segment::index_of(*seq));
        let (Some(first), Some(last)) = (segments().min(), segments().max()) else { return Ok(Vec::new()) };
        let rows = self.rows.retry(|| self.rows.store().segments.segments(job, first, last)).await?;
        let asked: HashSet<(Seq, u8)> = rows.iter().flat_map(Segment::asked).collect();
        Ok(batch.units.iter().copied().filter(|unit| asked.contains(unit)).collect())
    }
}

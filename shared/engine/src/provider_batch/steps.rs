//! The steps of a batch at the provider: upload its file, create it, find it again, poll it, and remove its files. Only
//! the creation must not be repeated while its outcome is unknown: a second batch would be paid for, too.

use domain::model_batch::{MAX_TRIES, ModelBatch, Stage, abandoned_at};
use language_model::Usage;
use language_model::batches::{Batch, BatchError, BatchStatus};
use runtime::assignment::Assignment;
use store::StoreError;

use super::batches::{BATCH_PRICE_DIVISOR, ProviderBatches, StepOutcome, TimeBudget};
use super::lines::Lines;

/// Maximum number of tries to upload a file.
const MAX_UPLOADS: u32 = 2;
/// Maximum number of seconds by which a batch may seem older than its plan, because clocks differ.
const CLOCK_SKEW_SECS: i64 = 3_600;

impl ProviderBatches {
    /// Uploads a batch's file. If this fails, nothing has been paid for, and the model is asked about one unit at a time.
    pub(super) async fn upload(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        lines: Option<Lines>,
    ) -> Result<StepOutcome, StoreError> {
        let lines = match lines {
            Some(lines) => lines,
            None => self.lines(job, &held.units).await?,
        };
        held.stage = Stage::Missing;
        if lines.bytes.is_empty() {
            return Ok(StepOutcome::Continue);
        }
        let max = Usage {
            input: lines.max_usage.input / BATCH_PRICE_DIVISOR,
            output: lines.max_usage.output / BATCH_PRICE_DIVISOR,
        };
        held.reserved = match self.model.reserve(max, held.planned_at).await {
            Ok(reserved) => reserved.unwrap_or_default(),
            // The budget may suffice for some of the units, one at a time.
            Err(_) => return Ok(StepOutcome::Continue),
        };
        let mut uploads = 0;
        let file = loop {
            uploads += 1;
            match self.provider.upload(&held.tag(), lines.bytes.clone()).await {
                Err(_) if uploads < MAX_UPLOADS => {}
                uploaded => break uploaded,
            }
        };
        match file {
            Ok(file) => {
                (held.file, held.stage, held.tries) = (Some(file), Stage::Creating, 1);
                Ok(StepOutcome::Create)
            }
            Err(error) => Ok(self.fall_back(held, &error).await),
        }
    }

    /// Creates the batch of an uploaded file.
    pub(super) async fn create(&self, held: &mut ModelBatch) -> StepOutcome {
        let (tag, file) = (held.tag(), held.file.clone().unwrap_or_default());
        let error = match self.provider.create(&tag, &file).await {
            Ok(batch) => return self.record_created(held, &batch),
            Err(error) if error.without_effect => return self.fall_back(held, &error).await,
            Err(error) => error,
        };
        match self.provider.find(&tag, earliest_creation(held)).await {
            Ok(found) => match found.first() {
                Some(batch) => self.record_created(held, batch),
                // The provider reports a failure, and the batch is not there.
                None if error.error.status.is_some() => self.fall_back(held, &error).await,
                None => StepOutcome::Unknown,
            },
            Err(_) => StepOutcome::Unknown,
        }
    }

    /// Finds out whether a batch exists after an attempt to create it whose outcome is unknown.
    pub(super) async fn find(&self, held: &mut ModelBatch, wanted: bool) -> StepOutcome {
        match self.provider.find(&held.tag(), earliest_creation(held)).await {
            Err(error) => {
                tracing::warn!(job = %held.job, %error, "could not find out whether a batch exists; trying again");
                StepOutcome::Release(self.next_sweep())
            }
            Ok(found) => match found.first() {
                Some(batch) => {
                    self.record_created(held, batch);
                    StepOutcome::Continue
                }
                None if wanted && held.tries < MAX_TRIES => {
                    held.tries += 1;
                    StepOutcome::Create
                }
                None => {
                    self.give_back(held, 0).await;
                    held.stage = Stage::Missing;
                    StepOutcome::Continue
                }
            },
        }
    }

    /// Reads the batch's state at the provider; takes its answers once no more will come.
    pub(super) async fn poll(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        wanted: bool,
        time: TimeBudget,
    ) -> Result<StepOutcome, StoreError> {
        let id = held.batch.clone().unwrap_or_default();
        let batch = match self.provider.get(&id).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "could not read the state of a batch of the model; trying again");
                return Ok(StepOutcome::Release(self.next_sweep()));
            }
        };
        let found = if held.tries > 1 || batch.is_none() {
            match self.provider.find(&held.tag(), earliest_creation(held)).await {
                Ok(found) => found,
                Err(_) => return Ok(StepOutcome::Release(self.next_sweep())),
            }
        } else {
            Vec::new()
        };
        let batch = match batch {
            Some(batch) => batch,
            None => {
                tracing::warn!(job = %job.id, batch = id, "the provider no longer knows a batch");
                (held.stage, held.batch) = match found.first() {
                    Some(other) => (Stage::Created, Some(other.id.clone())),
                    None => (Stage::Missing, None),
                };
                return Ok(StepOutcome::Continue);
            }
        };
        // If the batch was created twice after all, the other one is cancelled, so that at most one is paid for.
        for other in found.iter().filter(|other| other.id != id && other.status == BatchStatus::InProgress) {
            match self.provider.cancel(&other.id).await {
                Ok(()) => tracing::warn!(
                    job = %job.id,
                    batch = other.id,
                    "a duplicate batch was cancelled"
                ),
                Err(error) => tracing::warn!(
                    job = %job.id,
                    batch = other.id,
                    %error,
                    "a duplicate batch could not be cancelled"
                ),
            }
        }
        let late = self.now() >= abandoned_at(job.started_at, job.deadline);
        match batch.status {
            BatchStatus::InProgress if !wanted || late => {
                if let Err(error) = self.provider.cancel(&id).await {
                    tracing::warn!(job = %job.id, %error, "a batch of the model could not be cancelled; trying again");
                }
                Ok(StepOutcome::Release(self.next_sweep()))
            }
            BatchStatus::Cancelling => Ok(StepOutcome::Release(self.next_sweep())),
            BatchStatus::InProgress => {
                Ok(StepOutcome::Release(held.next_poll(self.now(), self.context.settings().sweep_secs)))
            }
            BatchStatus::Ended if time == TimeBudget::Short => Ok(StepOutcome::Release(self.now())),
            BatchStatus::Ended => match self.collect_answers(job, held, &batch).await? {
                Some(spent) => {
                    self.give_back(held, spent).await;
                    held.stage = Stage::Missing;
                    Ok(StepOutcome::Continue)
                }
                None => Ok(StepOutcome::Release(self.next_sweep())),
            },
        }
    }

    /// Removes a batch's files at the provider: they contain pages' texts.
    pub(super) async fn close(&self, held: &mut ModelBatch) -> StepOutcome {
        let batch = match &held.batch {
            Some(id) => self.provider.get(id).await.ok().flatten(),
            None => None,
        };
        for file in held.file.iter().chain(batch.iter().flat_map(|batch| &batch.files)) {
            self.provider.remove_file(file).await;
        }
        held.stage = Stage::Closed;
        StepOutcome::Release(self.now())
    }

    fn record_created(&self, held: &mut ModelBatch, batch: &Batch) -> StepOutcome {
        (held.stage, held.batch) = (Stage::Created, Some(batch.id.clone()));
        tracing::info!(job = %held.job, n = held.n, batch = batch.id, "a batch of the model was created");
        StepOutcome::Release(held.next_poll(self.now(), self.context.settings().sweep_secs))
    }

    /// Continues without a batch: the model is asked about one unit at a time.
    async fn fall_back(&self, held: &mut ModelBatch, error: &BatchError) -> StepOutcome {
        tracing::warn!(job = %held.job, n = held.n, %error, "the provider created no batch; asking one by one");
        self.give_back(held, 0).await;
        held.stage = Stage::Missing;
        StepOutcome::Continue
    }

    /// Returns what a batch did not use of its reservation.
    async fn give_back(&self, held: &mut ModelBatch, spent: u64) {
        let unused = std::mem::take(&mut held.reserved).saturating_sub(spent);
        self.model.adjust_budget(0_i64.saturating_sub(unused.cast_signed()), held.planned_at).await;
    }
}

/// Returns the earliest time, in Unix seconds, at which the provider may have created a batch.
fn earliest_creation(held: &ModelBatch) -> i64 {
    held.planned_at.secs() - CLOCK_SKEW_SECS
}

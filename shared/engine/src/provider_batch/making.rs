//! Creates a batch at the provider, finds it again, reads its state, and removes its files. Creating one is the call
//! that must not be repeated blindly.

use domain::model_batch::{MAX_TRIES, ModelBatch, Stage, given_up_at};
use language_model::Usage;
use language_model::batches::{Batch, BatchError, BatchStatus};
use store::StoreError;

use super::lines::Lines;
use super::work::{Patience, ProviderBatches, Then};
use runtime::assignment::Assignment;

/// A batch costs this fraction of single calls: one half.
pub(super) const SHARE: u64 = 2;
/// How often the upload of a file is tried.
const UPLOADS: u32 = 2;
/// Most seconds by which a batch may seem older than its plan, because clocks differ.
const CLOCKS: i64 = 3_600;

impl ProviderBatches {
    /// Uploads a batch's file. Nothing has been paid for if this fails: the units are then asked for one by one.
    pub(super) async fn make(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        lines: Option<Lines>,
    ) -> Result<Then, StoreError> {
        let lines = match lines {
            Some(lines) => lines,
            None => self.lines(job, &held.units).await?,
        };
        held.stage = Stage::Missing;
        if lines.bytes.is_empty() {
            return Ok(Then::On);
        }
        let max = Usage { input: lines.max_usage.input / SHARE, output: lines.max_usage.output / SHARE };
        held.reserved = match self.model.reserve(max, held.planned_at).await {
            Ok(reserved) => reserved.unwrap_or_default(),
            // Some of the units may still be asked for.
            Err(_) => return Ok(Then::On),
        };
        let mut uploads = 0;
        let file = loop {
            uploads += 1;
            match self.provider.upload(&held.tag(), lines.bytes.clone()).await {
                Err(_) if uploads < UPLOADS => {}
                uploaded => break uploaded,
            }
        };
        match file {
            Ok(file) => {
                (held.file, held.stage, held.tries) = (Some(file), Stage::Creating, 1);
                Ok(Then::Create)
            }
            Err(error) => Ok(self.gave_up(held, &error).await),
        }
    }

    /// Creates the batch of an uploaded file.
    pub(super) async fn create(&self, held: &mut ModelBatch) -> Then {
        let (tag, file) = (held.tag(), held.file.clone().unwrap_or_default());
        let error = match self.provider.create(&tag, &file).await {
            Ok(batch) => return self.created(held, &batch),
            Err(error) if error.without_effect => return self.gave_up(held, &error).await,
            Err(error) => error,
        };
        match self.provider.find(&tag, since(held)).await {
            Ok(found) => match found.first() {
                Some(batch) => self.created(held, batch),
                // The provider reports a failure, and the batch is not there.
                None if error.error.status.is_some() => self.gave_up(held, &error).await,
                None => Then::Unknown,
            },
            Err(_) => Then::Unknown,
        }
    }

    /// Finds out whether a batch exists after an attempt to create it whose outcome is unknown.
    pub(super) async fn find(&self, held: &mut ModelBatch, wanted: bool) -> Then {
        match self.provider.find(&held.tag(), since(held)).await {
            Err(error) => {
                tracing::warn!(job = %held.job, %error, "could not find out whether a batch exists; trying again");
                Then::Later(self.soon())
            }
            Ok(found) => match found.first() {
                Some(batch) => {
                    self.created(held, batch);
                    Then::On
                }
                None if wanted && held.tries < MAX_TRIES => {
                    held.tries += 1;
                    Then::Create
                }
                None => {
                    self.give_back(held, 0).await;
                    held.stage = Stage::Missing;
                    Then::On
                }
            },
        }
    }

    /// Reads the batch's state at the provider; takes its answers once no more will come.
    pub(super) async fn look(
        &self,
        job: &Assignment,
        held: &mut ModelBatch,
        wanted: bool,
        patience: Patience,
    ) -> Result<Then, StoreError> {
        let id = held.batch.clone().unwrap_or_default();
        let batch = match self.provider.get(&id).await {
            Ok(batch) => batch,
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "could not read the state of a batch of the model; trying again");
                return Ok(Then::Later(self.soon()));
            }
        };
        // If the batch was created twice after all, the other is cancelled, so that at most one is paid for.
        if held.tries > 1 || batch.is_none() {
            let Ok(found) = self.provider.find(&held.tag(), since(held)).await else {
                return Ok(Then::Later(self.soon()));
            };
            if batch.is_none() {
                tracing::warn!(job = %job.id, batch = id, "the provider no longer knows a batch");
                (held.stage, held.batch) = match found.first() {
                    Some(other) => (Stage::Created, Some(other.id.clone())),
                    None => (Stage::Missing, None),
                };
                return Ok(Then::On);
            }
            for twin in found.iter().filter(|twin| twin.id != id && twin.status == BatchStatus::Working) {
                tracing::warn!(job = %job.id, batch = twin.id, "a batch was created twice; one is cancelled");
                drop(self.provider.cancel(&twin.id).await);
            }
        }
        let Some(batch) = batch else { return Ok(Then::On) };
        let late = self.now() >= given_up_at(job.started_at, job.deadline);
        match batch.status {
            BatchStatus::Working if !wanted || late => {
                if let Err(error) = self.provider.cancel(&id).await {
                    tracing::warn!(job = %job.id, %error, "a batch of the model could not be cancelled; trying again");
                }
                Ok(Then::Later(self.soon()))
            }
            BatchStatus::Cancelling => Ok(Then::Later(self.soon())),
            BatchStatus::Working => Ok(Then::Later(held.next_look(self.now(), self.context.settings().sweep_secs))),
            BatchStatus::Over if patience == Patience::Short => Ok(Then::Later(self.now())),
            BatchStatus::Over => match self.harvest(job, held, &batch).await? {
                Some(spent) => {
                    self.give_back(held, spent).await;
                    held.stage = Stage::Missing;
                    Ok(Then::On)
                }
                None => Ok(Then::Later(self.soon())),
            },
        }
    }

    /// Removes a batch's files at the provider: they contain pages' texts.
    pub(super) async fn close(&self, held: &mut ModelBatch) -> Then {
        let batch = match &held.batch {
            Some(id) => self.provider.get(id).await.ok().flatten(),
            None => None,
        };
        for file in held.file.iter().chain(batch.iter().flat_map(|batch| &batch.files)) {
            self.provider.remove_file(file).await;
        }
        held.stage = Stage::Closed;
        Then::Later(self.now())
    }

    fn created(&self, held: &mut ModelBatch, batch: &Batch) -> Then {
        (held.stage, held.batch) = (Stage::Created, Some(batch.id.clone()));
        tracing::info!(job = %held.job, n = held.n, batch = batch.id, "a batch of the model was created");
        Then::Later(held.next_look(self.now(), self.context.settings().sweep_secs))
    }

    /// The provider creates no batch: its units are asked for one by one.
    async fn gave_up(&self, held: &mut ModelBatch, error: &BatchError) -> Then {
        tracing::warn!(job = %held.job, n = held.n, %error, "the provider created no batch; asking one by one");
        self.give_back(held, 0).await;
        held.stage = Stage::Missing;
        Then::On
    }

    /// Gives back what a batch did not use of its reservation.
    async fn give_back(&self, held: &mut ModelBatch, spent: u64) {
        let unused = std::mem::take(&mut held.reserved).saturating_sub(spent);
        if unused > 0 {
            self.model.return_unused(unused, held.planned_at).await;
        }
    }
}

fn since(held: &ModelBatch) -> i64 {
    held.planned_at.secs() - CLOCKS
}

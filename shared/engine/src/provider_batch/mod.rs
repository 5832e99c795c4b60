//! Asks the operator's model about units that wait for it, in the provider's batches. The values that rules found are
//! the unit's provisional result. The model's answer, merged into it, or the provisional result alone ends the unit. If
//! batches are switched off, none of this code runs.
//!
//! A batch's row names a step before the step is done: after a crash, the next holder looks for what may exist before
//! it creates anything again. See [`domain::model_batch`].

mod answers;
mod ask_each;
mod batches;
mod collect;
mod lines;
mod steps;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::model_batch::Stage;
use domain::segment::Segment;
use domain::{Job, Timestamp};
use store::StoreError;

pub(crate) use answers::Answers;

pub(crate) use batches::{ProviderBatches, TimeBudget};

/// Maximum time that a `DELETE` waits for the provider.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);

/// Handles units that wait for the model. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WaitingUnits {
    pub(crate) answers: Answers,
    /// Set if batches are switched on.
    pub(crate) batches: Option<Arc<ProviderBatches>>,
}

impl WaitingUnits {
    /// Asks the model for the units of a job that wait for it, if nothing else of the job is open.
    /// `rows` are the job's segments.
    pub(crate) async fn request_answers(&self, job: &Job, rows: &BTreeMap<u32, Segment>) -> Result<(), StoreError> {
        match &self.batches {
            Some(batches) => batches.plan(job, rows).await,
            // Batches were switched off after these units began to wait.
            None => self.answers.end_without_answers(job, rows.values().flat_map(Segment::asked).collect()).await,
        }
    }

    /// Handles batches that are due, until `until`.
    pub(crate) async fn resume_batches(&self, until: Option<Timestamp>) {
        let Some(batches) = &self.batches else { return };
        if let Err(error) = batches.resume_due(until).await {
            tracing::error!(%error, "could not handle the model's batches; the next sweep continues");
        }
    }

    /// Cancels a job's batches at the provider, once the job's state says that their answers are not needed. If a batch
    /// cannot be cancelled now, a sweep cancels it later.
    pub(crate) async fn cancel(&self, job: &Job) {
        let Some(batches) = self.batches.as_ref().filter(|_| job.async_mode) else { return };
        let cancel = async {
            for batch in batches.of(job).await?.into_iter().filter(|batch| batch.stage != Stage::Closed) {
                batches.claim_and_work(batch, TimeBudget::Short).await?;
            }
            Ok::<_, StoreError>(())
        };
        match tokio::time::timeout(CANCEL_TIMEOUT, Box::pin(cancel)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(job = %job.id, %error, "could not cancel model batches; a sweep does it"),
            Err(_) => tracing::warn!(job = %job.id, "could not cancel model batches in time; a sweep does it"),
        }
    }
}

//! Units that wait for the operator's model, asked by the provider's batch: what was read is their provisional result,
//! and the answers, or what is there, end them. Where nobody has switched batches on, nothing of this is on any path.
//!
//! A batch's row says what may have been done before it is done: whoever takes it up after a crash looks for what may
//! exist before anything is made again. See [`domain::model_batch`].

mod answers;
mod each;
mod harvest;
mod lines;
mod making;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::model_batch::Stage;
use domain::segment::Segment;
use domain::{Job, Timestamp};
use store::StoreError;

pub(crate) use answers::Answers;

pub(crate) use work::{Patience, ProviderBatches};

/// Longest that a DELETE waits for the provider to be told.
const CANCEL: Duration = Duration::from_secs(10);

/// Sees to units that wait for the model. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) answers: Answers,
    /// Where batches are switched on.
    pub(crate) batches: Option<Arc<ProviderBatches>>,
}

impl Waiting {
    /// Has the model asked for a job's units that wait for it, and that nothing else is open of. `rows` are its segments.
    pub(crate) async fn see_to(&self, job: &Job, rows: &BTreeMap<u32, Segment>) -> Result<(), StoreError> {
        match &self.batches {
            Some(batches) => batches.plan(job, rows).await,
            // It was switched off meanwhile.
            None => self.answers.release(job, rows.values().flat_map(Segment::asked).collect()).await,
        }
    }

    /// Looks after batches that are due, until `until`.
    pub(crate) async fn look_after_batches(&self, until: Option<Timestamp>) {
        let Some(batches) = &self.batches else { return };
        if let Err(error) = batches.look_after_due(until).await {
            tracing::error!(%error, "batches of the model could not be looked after; the next sweep goes on");
        }
    }

    /// Cancels a job's batches at the provider, once the job's state says that nobody wants their answers. What cannot be
    /// cancelled now, a sweep cancels.
    pub(crate) async fn cancel(&self, job: &Job) {
        let Some(batches) = self.batches.as_ref().filter(|_| job.async_mode) else { return };
        let cancel = async {
            for batch in batches.of(job).await?.into_iter().filter(|batch| batch.stage != Stage::Closed) {
                batches.take_up(batch, Patience::Short).await?;
            }
            Ok::<_, StoreError>(())
        };
        match tokio::time::timeout(CANCEL, Box::pin(cancel)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(job = %job.id, %error, "the model's batches are cancelled by a sweep"),
            Err(_) => tracing::warn!(job = %job.id, "the model's batches are cancelled by a sweep"),
        }
    }
}

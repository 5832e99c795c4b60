//! Steps on the store, tried again where they fail: one policy and one budget for all of them.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use domain::{Job, JobId};
use store::{Store, StoreError};
use tokio::time::Instant;

use crate::context::Context;

/// What a store step has at least, however short leases are.
const LEAST_BUDGET: Duration = Duration::from_secs(5);

/// The rows, and how a step on them is tried again. Cheap to clone.
#[derive(Clone)]
pub struct Rows {
    store: Store,
    context: Arc<Context>,
}

impl Rows {
    /// The rows of a store.
    pub fn new(store: Store, context: Arc<Context>) -> Rows {
        Rows { store, context }
    }

    /// The store, for steps that are not tried again.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A job's row, if there is one.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.retry(|| self.store.jobs.job(id)).await
    }

    /// The row of a job that was there before.
    ///
    /// # Errors
    /// Faults of the store; the row is gone.
    pub async fn reread(&self, id: &JobId) -> Result<Job, StoreError> {
        self.job(id).await?.ok_or_else(|| StoreError::Malformed(format!("{id}: the job's row is gone")))
    }

    /// Tries a store step again where the store failed: every step here can tell its own earlier effect, so a repeat
    /// is safe. All tries together end within half a lease, the SDK's own retries included: whoever holds a lease knows
    /// how its write went while it still holds it.
    ///
    /// # Errors
    /// The last try's.
    pub async fn retry<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let settings = self.context.settings();
        let budget = (Duration::from_secs(settings.lease_secs) / 2).max(LEAST_BUDGET);
        let until = Instant::now() + budget;
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(settings.retry_base_ms))
            .with_max_times(settings.step_attempts.saturating_sub(1) as usize)
            .with_jitter();
        let attempt = || {
            let step = Box::pin(step());
            async move {
                let over =
                    |_| StoreError::Unavailable { operation: "a store step", source: "it took half a lease".into() };
                tokio::time::timeout_at(until, step).await.map_err(over).flatten()
            }
        };
        attempt
            .retry(policy)
            .when(|error| {
                let passing = matches!(error, StoreError::Unavailable { .. } | StoreError::Contended { .. });
                passing && Instant::now() < until && !self.context.stopping()
            })
            .notify(|error, wait| tracing::warn!(%error, ?wait, "a store step failed; trying again"))
            .await
    }
}

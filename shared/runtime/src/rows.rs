//! Store steps with retries: one policy and one budget for all of them.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use domain::{Job, JobId};
use store::{Store, StoreError};
use tokio::time::Instant;

use crate::context::Context;

/// Minimum budget of a store step, however short leases are.
const MIN_BUDGET: Duration = Duration::from_secs(5);

/// The store with its retry policy. Cheap to clone.
#[derive(Clone)]
pub struct Rows {
    store: Store,
    context: Arc<Context>,
}

impl Rows {
    /// Creates rows on a store.
    pub fn new(store: Store, context: Arc<Context>) -> Rows {
        Rows { store, context }
    }

    /// Returns the store, for steps that are not retried.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns a job's row, if there is one.
    ///
    /// # Errors
    /// Store errors.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.retry(|| self.store.jobs.job(id)).await
    }

    /// Returns the row of a job that is known to have existed.
    ///
    /// # Errors
    /// Store errors, or the row is gone.
    pub async fn reread(&self, id: &JobId) -> Result<Job, StoreError> {
        self.job(id).await?.ok_or_else(|| StoreError::Malformed(format!("{id}: the job's row is gone")))
    }

    /// Retries a store step when the store fails. Every step recognises its own earlier effect, so a repeat is safe.
    /// All tries together, including the SDK's own retries, end within half a lease: the holder of a lease learns the
    /// outcome of its write while it still holds the lease.
    ///
    /// # Errors
    /// The error of the last try.
    pub async fn retry<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let settings = self.context.settings();
        let budget = (Duration::from_secs(settings.lease_secs) / 2).max(MIN_BUDGET);
        let until = Instant::now() + budget;
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(settings.retry_base_ms))
            .with_max_times(settings.max_step_tries.saturating_sub(1) as usize)
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
                let transient = matches!(error, StoreError::Unavailable { .. } | StoreError::Contended { .. });
                transient && Instant::now() < until && !self.context.stopping()
            })
            .notify(|error, wait| tracing::warn!(%error, ?wait, "a store step failed; trying again"))
            .await
    }
}

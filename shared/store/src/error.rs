//! Faults of the store. A failed condition is no fault: the calls that may meet one say so in their result.

use std::error::Error;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused for a passing reason. Whether a write took effect is not known.
    #[error("{operation}: the store is not available")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Other transactions on the same rows kept winning. Nothing took effect.
    #[error("{operation}: gave up after meeting other transactions {attempts} times")]
    Contended {
        /// What was tried.
        operation: &'static str,
        /// How often.
        attempts: u32,
    },
    /// A row, or a request for one, is not as this version writes it.
    #[error("{0}")]
    Malformed(String),
}

impl StoreError {
    /// Wraps an SDK error.
    pub(crate) fn sdk<E, R>(operation: &'static str, error: SdkError<E, R>) -> StoreError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        // The code tells what the SDK's own text ("service error") leaves out.
        let code = error.code().map(str::to_owned);
        tracing::debug!(operation, code, "store call failed");
        if code.as_deref() == Some("ValidationException") {
            // The same request will be refused for ever.
            let text = error.message().unwrap_or("no reason given").to_owned();
            return StoreError::Malformed(format!("{operation}: {text}"));
        }
        StoreError::Unavailable { operation, source: Box::new(error) }
    }
}

impl From<BuildError> for StoreError {
    fn from(e: BuildError) -> Self {
        StoreError::Malformed(e.to_string())
    }
}

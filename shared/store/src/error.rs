//! Faults of the store. A failed condition is no fault: the calls that may meet one say so in their result.

use std::error::Error;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused for a passing reason. Whether a write took effect is not known.
    #[error("{operation}: the store is not available: {}", chain(source.as_ref()))]
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

/// An error and what led to it, outermost first: the code and the service's reason are inner ones. Each says it in its
/// own words and no more: the debug form of an SDK error has the whole answer of the service in it, rows and all.
fn chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_without_what_they_carry() {
        // An error whose debug form has the bytes in it that it is about.
        let source = Box::new(String::from_utf8(b"secret\xff".to_vec()).unwrap_err());
        let shown = StoreError::Unavailable { operation: "PutItem", source }.to_string();
        assert_eq!(shown, "PutItem: the store is not available: invalid utf-8 sequence of 1 bytes from index 6");
    }
}

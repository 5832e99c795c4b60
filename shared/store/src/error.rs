//! Store errors. A failed condition is not an error: functions that may meet one report it in their result.

use std::error::Error;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};

/// An operation of the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// DynamoDB did not answer, or refused for a transient reason. It is unknown whether a write took effect.
    #[error("{operation}: the store is not available: {}", chain(source.as_ref()))]
    Unavailable {
        /// The operation.
        operation: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Other transactions on the same rows kept winning. Nothing took effect.
    #[error("{operation}: gave up after {tries} conflicts with other transactions")]
    Contended {
        /// The operation.
        operation: &'static str,
        /// The number of tries.
        tries: u32,
    },
    /// A row, or a request for one, does not have the form that this version writes.
    #[error("{0}")]
    Malformed(String),
}

/// Returns the messages of an error and its causes, outermost first, because the code and the service's reason are in
/// the inner ones. Uses only display forms: the debug form of an SDK error contains the service's whole answer,
/// including rows.
fn chain(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

impl StoreError {
    /// Wraps an SDK error.
    pub(crate) fn sdk<E, R>(operation: &'static str, error: SdkError<E, R>) -> StoreError
    where
        E: Error + ProvideErrorMetadata + Send + Sync + 'static,
        R: std::fmt::Debug + Send + Sync + 'static,
    {
        // The code says what the SDK's own text ("service error") omits.
        let code = error.code().map(str::to_owned);
        tracing::debug!(operation, code, "store call failed");
        if code.as_deref() == Some("ValidationException") {
            // Repeating the same request would be refused again.
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
    fn causes_are_shown_without_their_data() {
        // An error whose debug form contains the bytes that it is about.
        let source = Box::new(String::from_utf8(b"secret\xff".to_vec()).unwrap_err());
        let shown = StoreError::Unavailable { operation: "PutItem", source }.to_string();
        assert_eq!(shown, "PutItem: the store is not available: invalid utf-8 sequence of 1 bytes from index 6");
    }
}

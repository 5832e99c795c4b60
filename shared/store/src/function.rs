//! Invokes a Lambda function and waits for its answer. Does not interpret the payload.

use std::error::Error;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::Blob;

use crate::client::{Connection, load};

/// Timeout of a connection; a function that cannot be reached by then counts as absent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A handle on one function. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Function {
    client: Client,
    name: String,
}

/// Why a function gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// It did not answer in time.
    #[error("the function did not answer in time")]
    TimedOut,
    /// It ended with an error, for example because its process died.
    #[error("the function failed: {0}")]
    Failed(String),
    /// It could not be invoked.
    #[error("the function could not be invoked: {0}")]
    Unreachable(String),
}

impl Function {
    /// Creates a handle on the function of this name. Makes no network call before the first invocation.
    pub async fn new(connection: &Connection, name: &str) -> Function {
        // Retries cover throttling and short absences, as long as there is time.
        let retry = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(200));
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).build();
        let config = load(connection, connection.http_client(), retry, timeouts).await;
        Function { client: Client::new(&config), name: name.to_owned() }
    }

    /// Invokes the function and waits for its answer for at most `timeout`.
    ///
    /// # Errors
    /// [`InvokeError`] if there is no answer.
    pub async fn invoke(&self, payload: Vec<u8>, timeout: Duration) -> Result<Vec<u8>, InvokeError> {
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(timeout).build();
        let request = self.client.invoke().function_name(&self.name).payload(Blob::new(payload));
        let answer = request.customize().config_override(Builder::new().timeout_config(timeouts)).send().await;
        let answer = answer.map_err(|error| match error {
            SdkError::TimeoutError(_) => InvokeError::TimedOut,
            error => InvokeError::Unreachable(text_of(&error)),
        })?;
        let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
        match answer.function_error {
            None => Ok(payload),
            // Lambda's own text, for example that the process ended or was stopped.
            Some(_) => Err(InvokeError::Failed(String::from_utf8_lossy(&payload).chars().take(200).collect())),
        }
    }
}

/// Returns an error's code, or the display texts of its causes: its debug form contains the whole request.
fn text_of<E, R>(error: &SdkError<E, R>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
    R: std::fmt::Debug + 'static,
{
    let causes = std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string);
    error.code().map_or_else(|| causes.collect::<Vec<_>>().join(": "), str::to_owned)
}

//! The queues in SQS: messages that name rows to work on, and nothing else. A message is a hint: the row decides, so a
//! lost, late or duplicate message does no harm.
//!
//! This module knows how messages are sent, received and acknowledged, not how they are handled.

mod batch;
mod definition;
mod message;
mod receive;

pub use batch::BatchOutcome;
pub use definition::{QueueDef, QueueNames, QueueUrls, Redrive, create_queues, definitions};
pub use message::{Message, MessageError};
pub use receive::Received;

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::SharedHttpClient;
use aws_sdk_sqs::types::QueueAttributeName;

use crate::RetryPolicy;
use crate::client::{Connection, load};
use crate::error::StoreError;

/// Short, because a dead endpoint must be noticed while a caller waits: the caller then runs the units itself.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Timeout of one request, not counting the wait of a long poll.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Timeout of a request including the SDK's second try, not counting the wait of a long poll.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum delay of a message, in seconds.
pub const MAX_DELAY_SECS: u32 = 900;

/// Creates a client for SQS. Makes no network call before the first request. The caller sets the endpoint of
/// `connection` from `AWS_ENDPOINT_URL_SQS`, if that is set.
pub async fn connect(connection: &Connection) -> Client {
    let retry = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(50));
    connect_with_http_client(connection, connection.http_client(), retry).await
}

/// Creates a client with another HTTP client and other retries: tests inject faults there, above the SDK's retries.
pub async fn connect_with_http_client(connection: &Connection, http: SharedHttpClient, retry: RetryConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    Client::new(&load(connection, http, retry, timeouts).await)
}

/// A handle on one queue. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Queue {
    sqs: Client,
    url: Arc<str>,
    retry: RetryPolicy,
}

/// The number of messages in a queue. SQS calls these numbers approximate: they lag by up to a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting to be received.
    pub visible: u64,
    /// Received, but neither deleted nor visible again.
    pub in_flight: u64,
    /// Sent with a delay that has not ended.
    pub delayed: u64,
}

impl Queue {
    /// Creates a handle on the queue at `url`. Batch entries that SQS refuses for a transient reason are retried
    /// according to `retry`.
    pub fn new(sqs: Client, url: &str, retry: RetryPolicy) -> Queue {
        Queue { sqs, url: url.into(), retry }
    }

    /// Returns its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the number of its messages. The age of the oldest one is not an attribute of the queue: it is a
    /// CloudWatch metric.
    ///
    /// # Errors
    /// SQS does not answer or refuses.
    pub async fn depth(&self) -> Result<Depth, StoreError> {
        let got = self
            .sqs
            .get_queue_attributes()
            .queue_url(&*self.url)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessages)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
            .attribute_names(QueueAttributeName::ApproximateNumberOfMessagesDelayed)
            .send()
            .await
            .map_err(|e| StoreError::sdk("GetQueueAttributes", e))?;
        let attributes = got.attributes.unwrap_or_default();
        let number = |name: QueueAttributeName| {
            let text = attributes.get(&name);
            text.and_then(|t| t.parse().ok())
                .ok_or_else(|| StoreError::Malformed(format!("GetQueueAttributes: {name} is {text:?}")))
        };
        Ok(Depth {
            visible: number(QueueAttributeName::ApproximateNumberOfMessages)?,
            in_flight: number(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)?,
            delayed: number(QueueAttributeName::ApproximateNumberOfMessagesDelayed)?,
        })
    }
}

//! Receiving messages by polling. In the cloud, Lambda does this.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::Config;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use domain::Timestamp;

use super::{ATTEMPT_TIMEOUT, CONNECT_TIMEOUT, Message, MessageError, Queue};
use crate::error::StoreError;

/// A received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The body as sent.
    pub body: String,
    /// Identifies this receipt in [`Queue::delete`] and [`Queue::change_visibility`]. A later receipt of the same
    /// message has another handle.
    pub receipt_handle: String,
    /// Identifies the message in all its receipts.
    pub message_id: String,
    /// How many times it was received, this time included. At least 1.
    pub receive_count: u32,
    /// When it was sent.
    pub sent_at: Timestamp,
}

impl Received {
    /// Parses the body.
    ///
    /// # Errors
    /// [`MessageError`] if it is not a message of this version: it belongs in the dead-letter queue, for an operator.
    pub fn message(&self) -> Result<Message, MessageError> {
        Message::parse(&self.body)
    }
}

impl Queue {
    /// Receives up to `max` (1 to 10) messages and hides them from others for `visibility_secs` (0 to 43,200). Waits up
    /// to `wait_secs` (0 to 20) for the first one.
    ///
    /// If this future is dropped, messages in transit become visible again after that time.
    ///
    /// # Errors
    /// SQS does not answer or refuses.
    pub async fn receive(&self, max: u32, wait_secs: u32, visibility_secs: u32) -> Result<Vec<Received>, StoreError> {
        let number = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        // A long poll waits up to `wait_secs` before it answers, so the timeout of a try includes that time. The
        // operation as a whole has no timeout, because it may retry.
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT + Duration::from_secs(u64::from(wait_secs)))
            .disable_operation_timeout()
            .build();
        let got = self
            .sqs
            .receive_message()
            .queue_url(&*self.url)
            .max_number_of_messages(number(max))
            .wait_time_seconds(number(wait_secs))
            .visibility_timeout(number(visibility_secs))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp)
            .customize()
            .config_override(Config::builder().timeout_config(timeouts))
            .send()
            .await
            .map_err(|e| StoreError::sdk("ReceiveMessage", e))?;
        got.messages.unwrap_or_default().into_iter().map(read).collect()
    }
}

fn read(message: aws_sdk_sqs::types::Message) -> Result<Received, StoreError> {
    let attributes = message.attributes.unwrap_or_default();
    let lacks = |what: &str| StoreError::Malformed(format!("ReceiveMessage: a message without {what}"));
    let number = |name: MessageSystemAttributeName| {
        attributes.get(&name).and_then(|t| t.parse::<i64>().ok()).ok_or_else(|| lacks(name.as_str()))
    };
    Ok(Received {
        body: message.body.ok_or_else(|| lacks("Body"))?,
        receipt_handle: message.receipt_handle.ok_or_else(|| lacks("ReceiptHandle"))?,
        message_id: message.message_id.ok_or_else(|| lacks("MessageId"))?,
        receive_count: u32::try_from(number(MessageSystemAttributeName::ApproximateReceiveCount)?).unwrap_or(1).max(1),
        sent_at: Timestamp(number(MessageSystemAttributeName::SentTimestamp)?),
    })
}

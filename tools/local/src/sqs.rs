//! An embedded SQS: the operations of the wire protocol, so that the real SDK works with it. Only the holder of its
//! [`Service`] can reach it. It loses all queues and messages when it ends: messages are hints, and what they name is
//! in the tables.
//!
//! Known differences from SQS standard queues:
//! - A delay or visibility timeout that ends is noticed at once by a new receive, but by one that is already waiting
//!   only at the queue's next full second.
//! - A receipt handle deletes nothing once its message is visible again; SQS still deletes it as long as no one else
//!   has received it. This counts as success, and so does an unknown handle (SQS: ReceiptHandleIsInvalid).
//! - Nothing is removed after its retention period, and there is no limit of 120,000 messages in flight or on the size
//!   of a batch. One message is at most 256 KiB (SQS: 1 MiB).
//! - `maxReceiveCount` must be a JSON number (SQS accepts a string too).
//! - Receipts are counted from zero in the dead-letter queue (SQS does not document this).
//! - MessageGroupId would be refused, although since 2025 it makes a standard queue fair: it is removed from requests,
//!   so messages are received in the order of sending.
//! - Permissions are not checked.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::BodyExt;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::{SqsHandler, dispatch_operation};
use rustack_sqs_http::response::error_to_response;
use rustack_sqs_http::router::resolve_operation;
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::operations::SqsOperation;
use serde_json::Value;

use crate::embedded::Service;

/// The address in queue URLs if there is no listener: the URLs are only names then, and nothing is sent there.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9_324);

/// An embedded SQS.
#[derive(Debug)]
pub struct Sqs {
    service: Service,
    queues: Arc<RustackSqs>,
}

impl Sqs {
    /// Creates an SQS without queues. `address` is its listener's, if it has one: queue URLs contain it.
    pub fn start(address: Option<SocketAddr>) -> Sqs {
        let address = address.unwrap_or(DEFAULT_ADDRESS);
        let config = SqsConfig { host: address.ip().to_string(), port: address.port(), ..SqsConfig::default() };
        let queues = Arc::new(RustackSqs::new(config));
        let handler = Arc::new(WithoutMessageGroups(RustackSqsHandler::new(Arc::clone(&queues))));
        let service = Service::new(move |request: http::Request<Bytes>| {
            let handler = Arc::clone(&handler);
            async move {
                // Yield before each call, so that other tasks run in between, as if the call waited for a network.
                tokio::task::yield_now().await;
                let (head, body) = request.into_parts();
                let answered = match resolve_operation(&head.headers) {
                    Ok(operation) => dispatch_operation(handler.as_ref(), operation, body).await,
                    Err(error) => Err(error),
                };
                let answer = answered.unwrap_or_else(|error| error_to_response(&error, "local"));
                let (head, body) = answer.into_parts();
                Ok(http::Response::from_parts(head, body.collect().await?.to_bytes()))
            }
        });
        Sqs { service, queues }
    }

    /// Returns the service to call it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops it. A receive that waits, for up to 20 seconds, is answered when its queue is deleted.
    pub async fn stop(self) {
        self.queues.shutdown_all().await;
    }
}

/// Removes MessageGroupId from messages sent to standard queues.
#[derive(Debug)]
struct WithoutMessageGroups(RustackSqsHandler);

impl SqsHandler for WithoutMessageGroups {
    fn handle_operation(
        &self,
        operation: SqsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<SqsResponseBody>, SqsError>> + Send>> {
        let body = match operation {
            SqsOperation::SendMessage | SqsOperation::SendMessageBatch => without_message_groups(body),
            _ => body,
        };
        self.0.handle_operation(operation, body)
    }
}

fn without_message_groups(body: Bytes) -> Bytes {
    let Ok(mut request) = serde_json::from_slice::<Value>(&body) else { return body };
    if request["QueueUrl"].as_str().is_some_and(|url| url.ends_with(".fifo")) {
        return body;
    }
    if let Some(message) = request.as_object_mut() {
        message.remove("MessageGroupId");
    }
    for entry in request.get_mut("Entries").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("MessageGroupId");
        }
    }
    request.to_string().into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn through(request: &Value) -> Value {
        serde_json::from_slice(&without_message_groups(request.to_string().into())).unwrap()
    }

    #[test]
    fn message_groups_are_removed_for_standard_queues_only() {
        let sent = json!({ "QueueUrl": "http://q/0/a", "Entries": [{ "Id": "0", "MessageGroupId": "g" }, 1] });
        assert_eq!(through(&sent), json!({ "QueueUrl": "http://q/0/a", "Entries": [{ "Id": "0" }, 1] }));
        let one = json!({ "QueueUrl": "http://q/0/a", "MessageBody": "b", "MessageGroupId": "g" });
        assert_eq!(through(&one), json!({ "QueueUrl": "http://q/0/a", "MessageBody": "b" }));
        let fifo = json!({ "QueueUrl": "http://q/0/a.fifo", "MessageGroupId": "g" });
        assert_eq!(through(&fifo), fifo);
        for odd in [json!(null), json!([]), json!("text"), json!({ "Entries": 1 })] {
            assert_eq!(through(&odd), odd);
        }
        assert_eq!(without_message_groups("{".into()), Bytes::from("{"));
    }
}

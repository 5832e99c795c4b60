//! SQS, embedded: the operations of the wire protocol, so that the real SDK talks to it. Whoever holds its [`Service`]
//! reaches it, and nobody else. It forgets everything when it ends, messages and queues:
//! they are hints, and what they name is in the tables.
//!
//! What is known to differ from SQS, for standard queues:
//! - delays and visibility timeouts that end are noticed by a receive at once, but by one that is already waiting only
//!   at the queue's next full second;
//! - a receipt handle deletes nothing once its message is visible again, where SQS still deletes as long as nobody else
//!   has received it; that counts as success, and so does a handle that never was (SQS: ReceiptHandleIsInvalid);
//! - nothing is removed after its retention, and neither 120,000 messages in flight nor an over-long batch is too much;
//!   one message is at most 256 KiB (SQS: 1 MiB);
//! - `maxReceiveCount` must be a JSON number (SQS reads a string too);
//! - receipts are counted anew in the dead-letter queue (what SQS does is not documented);
//! - MessageGroupId is refused, though it makes a standard queue a fair one since 2025: it is taken out on the way, so
//!   the order here is that of sending;
//! - rights are not checked.

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

/// The address that is in the URLs of queues where nobody listens: they are names, and nothing is asked there.
const NAMED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9_324);

/// An embedded SQS.
#[derive(Debug)]
pub struct Sqs {
    service: Service,
    queues: Arc<RustackSqs>,
}

impl Sqs {
    /// An SQS without queues. `address` is where somebody listens for it, if anybody does: it is in the queues' URLs.
    pub fn start(address: Option<SocketAddr>) -> Sqs {
        let address = address.unwrap_or(NAMED);
        let config = SqsConfig { host: address.ip().to_string(), port: address.port(), ..SqsConfig::default() };
        let queues = Arc::new(RustackSqs::new(config));
        let handler = Arc::new(Ungrouped(RustackSqsHandler::new(Arc::clone(&queues))));
        let service = Service::new(move |request: http::Request<Bytes>| {
            let handler = Arc::clone(&handler);
            async move {
                // Others get their turn between two calls, as they would if these waited for a network.
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

    /// The way to it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Ends it. A receive may wait for 20 seconds; it is answered when its queue goes.
    pub async fn stop(self) {
        self.queues.shutdown_all().await;
    }
}

/// Takes MessageGroupId out of what is sent to standard queues.
#[derive(Debug)]
struct Ungrouped(RustackSqsHandler);

impl SqsHandler for Ungrouped {
    fn handle_operation(
        &self,
        operation: SqsOperation,
        body: Bytes,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<SqsResponseBody>, SqsError>> + Send>> {
        let body = match operation {
            SqsOperation::SendMessage | SqsOperation::SendMessageBatch => ungrouped(body),
            _ => body,
        };
        self.0.handle_operation(operation, body)
    }
}

fn ungrouped(body: Bytes) -> Bytes {
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
        serde_json::from_slice(&ungrouped(request.to_string().into())).unwrap()
    }

    #[test]
    fn only_standard_queues_lose_their_groups() {
        let sent = json!({ "QueueUrl": "http://q/0/a", "Entries": [{ "Id": "0", "MessageGroupId": "g" }, 1] });
        assert_eq!(through(&sent), json!({ "QueueUrl": "http://q/0/a", "Entries": [{ "Id": "0" }, 1] }));
        let one = json!({ "QueueUrl": "http://q/0/a", "MessageBody": "b", "MessageGroupId": "g" });
        assert_eq!(through(&one), json!({ "QueueUrl": "http://q/0/a", "MessageBody": "b" }));
        let fifo = json!({ "QueueUrl": "http://q/0/a.fifo", "MessageGroupId": "g" });
        assert_eq!(through(&fifo), fifo);
        for odd in [json!(null), json!([]), json!("text"), json!({ "Entries": 1 })] {
            assert_eq!(through(&odd), odd);
        }
        assert_eq!(ungrouped("{".into()), Bytes::from("{"));
    }
}

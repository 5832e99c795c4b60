//! SQS, embedded: the real wire protocol on a loopback listener, so that the real SDK talks to it. It forgets
//! everything when it ends, messages and queues: they are hints, and what they name is in the tables.
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
//! - signatures and rights are not checked.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use rustack_sqs_core::config::SqsConfig;
use rustack_sqs_core::handler::RustackSqsHandler;
use rustack_sqs_core::provider::RustackSqs;
use rustack_sqs_http::body::SqsResponseBody;
use rustack_sqs_http::dispatch::SqsHandler;
use rustack_sqs_http::service::{SqsHttpConfig, SqsHttpService};
use rustack_sqs_model::error::SqsError;
use rustack_sqs_model::operations::SqsOperation;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take once it ends. Waiting receives are answered at once.
const DRAIN: Duration = Duration::from_secs(1);

/// A running embedded SQS.
#[derive(Debug)]
pub struct Sqs {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// It could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded SQS could not be started: {0}")]
pub struct StartError(#[from] std::io::Error);

impl Sqs {
    /// Serves no queues yet, on `port` of loopback; 0 takes any.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(port: u16) -> Result<Sqs, StartError> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let config = SqsConfig { host: "127.0.0.1".into(), port: address.port(), ..SqsConfig::default() };
        let queues = Arc::new(RustackSqs::new(config));
        let handler = Arc::new(Ungrouped(RustackSqsHandler::new(Arc::clone(&queues))));
        let service = SqsHttpService::new(handler, SqsHttpConfig::default());
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, service, queues, stop.clone()));
        Ok(Sqs { url: format!("http://{address}"), stop, task })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, requests under way first.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn serve(
    listener: TcpListener,
    service: SqsHttpService<Ungrouped>,
    queues: Arc<RustackSqs>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    loop {
        let socket = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of file descriptors, most likely: wait for some to come back.
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let _ = socket.set_nodelay(true);
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    // A receive may wait for 20 seconds; it is answered when its queue goes.
    queues.shutdown_all().await;
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
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

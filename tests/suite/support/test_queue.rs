//! A queue controlled by the test, behind the real SDK. It answers SQS's batch calls; the test delivers, duplicates,
//! loses and reorders its messages, on the test's clock.

use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use domain::JobId;
use runtime::clock::Clock;
use serde_json::{Value, json};
use store::queue::Message;

use super::clocks::ManualClock;

/// How long a message that is not acknowledged stays hidden, in seconds.
const VISIBILITY_SECS: i64 = 900;

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct SentMessage {
    pub handle: String,
    pub queue: String,
    pub body: String,
    pub receives: u32,
    visible_at: i64,
}

impl SentMessage {
    pub fn message(&self) -> Message {
        Message::parse(&self.body).unwrap()
    }
}

/// The queues `units`, `settle` and `notify`.
#[derive(Clone)]
pub struct TestQueue {
    clock: ManualClock,
    messages: Arc<Mutex<(u64, Vec<SentMessage>)>>,
}

impl fmt::Debug for TestQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestQueue")
    }
}

impl TestQueue {
    pub fn new(clock: ManualClock) -> TestQueue {
        TestQueue { clock, messages: Arc::default() }
    }

    /// Receives a visible message of a queue: the one at position `pick`, modulo their number.
    pub fn receive(&self, queue: &str, pick: usize) -> Option<SentMessage> {
        let now = self.clock.now().0;
        let mut messages = self.messages.lock().unwrap();
        let mut visible: Vec<&mut SentMessage> =
            messages.1.iter_mut().filter(|m| m.queue == queue && m.visible_at <= now).collect();
        if visible.is_empty() {
            return None;
        }
        let at = pick % visible.len();
        let message = &mut visible[at];
        message.receives += 1;
        message.visible_at = now + VISIBILITY_SECS * 1_000;
        Some(message.clone())
    }

    pub fn delete(&self, handle: &str) {
        self.messages.lock().unwrap().1.retain(|m| m.handle != handle);
    }

    pub fn hide(&self, handle: &str, ms: i64) {
        let until = self.clock.now().0 + ms;
        self.messages.lock().unwrap().1.iter_mut().filter(|m| m.handle == handle).for_each(|m| m.visible_at = until);
    }

    /// Returns how many messages of a job the queue has, received ones included.
    pub fn messages_of(&self, job: &JobId) -> usize {
        let of = |message: &&SentMessage| matches!(message.message(), Message::Units { job: of, .. } if of == *job);
        self.messages.lock().unwrap().1.iter().filter(of).count()
    }

    /// Loses a job's messages.
    pub fn lose(&self, job: &JobId) {
        let of = |message: &SentMessage| matches!(message.message(), Message::Units { job: of, .. } if of == *job);
        self.messages.lock().unwrap().1.retain(|message| !of(message));
    }

    /// Loses every message, as the embedded queue does when its process dies.
    pub fn lose_all(&self) {
        self.messages.lock().unwrap().1.clear();
    }

    /// Sends a copy of a message, as SQS may.
    pub fn duplicate(&self, message: &SentMessage) {
        self.put(&message.queue, &message.body, 0);
    }

    fn put(&self, queue: &str, body: &str, delay_secs: i64) {
        let visible_at = self.clock.now().0 + delay_secs * 1_000;
        let mut messages = self.messages.lock().unwrap();
        messages.0 += 1;
        let handle = format!("h{}", messages.0);
        messages.1.push(SentMessage { handle, queue: queue.into(), body: body.into(), receives: 0, visible_at });
    }

    fn depth(&self, queue: &str) -> Value {
        let now = self.clock.now().0;
        let messages = self.messages.lock().unwrap();
        let count = |of: &dyn Fn(&SentMessage) -> bool| {
            messages.1.iter().filter(|message| message.queue == queue && of(message)).count().to_string()
        };
        json!({ "Attributes": {
            "ApproximateNumberOfMessages": count(&|message| message.visible_at <= now),
            "ApproximateNumberOfMessagesNotVisible": count(&|message| message.visible_at > now && message.receives > 0),
            "ApproximateNumberOfMessagesDelayed": count(&|message| message.visible_at > now && message.receives == 0),
        } })
    }

    fn answer(&self, operation: &str, body: &Value) -> Value {
        let queue = body["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap();
        if operation == "GetQueueAttributes" {
            return self.depth(queue);
        }
        let entries = body["Entries"].as_array().unwrap();
        for entry in entries {
            let handle = entry["ReceiptHandle"].as_str().unwrap_or_default();
            match operation {
                "SendMessageBatch" => {
                    let delay = entry["DelaySeconds"].as_i64().unwrap_or(0);
                    self.put(queue, entry["MessageBody"].as_str().unwrap(), delay);
                }
                "DeleteMessageBatch" => self.delete(handle),
                "ChangeMessageVisibilityBatch" => {
                    self.hide(handle, entry["VisibilityTimeout"].as_i64().unwrap() * 1_000);
                }
                other => panic!("unexpected operation {other}"),
            }
        }
        let done: Vec<Value> =
            entries.iter().map(|e| json!({ "Id": e["Id"], "MessageId": e["Id"], "MD5OfMessageBody": "" })).collect();
        json!({ "Successful": done, "Failed": [] })
    }

    /// An HTTP client that ends here instead of on the network.
    pub fn client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }
}

impl HttpClient for TestQueue {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for TestQueue {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = self.answer(&operation, &body);
        let response = || {
            let mut response = HttpResponse::new(200.try_into().ok()?, answer.to_string().into());
            response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
            Some(response)
        };
        HttpConnectorFuture::ready(response().ok_or_else(|| ConnectorError::other("no response".into(), None)))
    }
}

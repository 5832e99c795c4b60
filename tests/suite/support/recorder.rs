//! A proxy between a function and its tables and queues that records what IAM would check for each request: action and
//! resource. It changes nothing, except when it refuses sends to a queue.
//! Source: AWS, "Service Authorization Reference", DynamoDB and SQS: a transaction is allowed by the actions of its
//! items, a batch of SQS by the action of one.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use local::embedded::Service;
use serde_json::Value;
use tokio::net::TcpListener;

use super::failures::Failures;
use super::loopback;
use super::template::Actions;

/// A proxy in front of one service. Ends with the runtime of its test.
#[derive(Clone)]
pub struct Recorder {
    url: String,
    target: Service,
    seen: Arc<Mutex<Actions>>,
    failures: Failures,
    refuse_sends: Arc<AtomicBool>,
    connections: Arc<AtomicUsize>,
}

impl Recorder {
    /// Starts a recorder in front of `target`. Adds what it records to `seen`.
    pub async fn start(target: Service, seen: Arc<Mutex<Actions>>) -> Recorder {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (failures, refuse_sends, connections) = (Failures::default(), Arc::default(), Arc::default());
        let recorder = Recorder { url, target, seen, failures, refuse_sends, connections };
        let served = recorder.clone();
        tokio::spawn(async move {
            loop {
                let socket = loopback::accept(&listener).await;
                let recorder = served.clone();
                recorder.connections.fetch_add(1, Ordering::SeqCst);
                let service = service_fn(move |request| {
                    let recorder = recorder.clone();
                    async move { recorder.failures.record(recorder.pass(request)).await }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        recorder
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers every request that would send a message with an error, or passes them on again.
    pub fn refuse_sends(&self, refuse: bool) {
        self.refuse_sends.store(refuse, Ordering::SeqCst);
    }

    /// Its failures, such as a request whose action it does not know.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// The number of connections to it.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Returns `None` if the request breaks off, as it does if its function is killed.
    async fn pass(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        let operation = head.headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let json: Value = serde_json::from_slice(&body).unwrap();
        let actions = required_actions(&operation, &json);
        self.seen.lock().unwrap().extend(actions);
        if operation.starts_with("SendMessage") && self.refuse_sends.load(Ordering::SeqCst) {
            let mut refusal = Response::new(Full::from("{\"__type\":\"InternalFailure\"}"));
            *refusal.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return Some(refusal);
        }
        Some(self.target.call(Request::from_parts(head, body)).await.unwrap().map(Full::new))
    }
}

/// The actions and resources that IAM checks for a request.
fn required_actions(operation: &str, body: &Value) -> BTreeSet<(String, String)> {
    let db = |action: &str, table: &Value| (format!("dynamodb:{action}"), resource(table.as_str().unwrap()));
    let sqs = |action: &str| {
        let url = body["QueueUrl"].as_str().unwrap();
        [(format!("sqs:{action}"), resource(url.rsplit('/').next().unwrap()))].into()
    };
    match operation {
        "TransactWriteItems" => {
            let items = body["TransactItems"].as_array().unwrap().iter().flat_map(|item| item.as_object().unwrap());
            let action = |kind: &str| match kind {
                "ConditionCheck" => "ConditionCheckItem".to_owned(),
                kind => format!("{kind}Item"),
            };
            items.map(|(kind, item)| db(&action(kind), &item["TableName"])).collect()
        }
        "BatchGetItem" | "BatchWriteItem" => {
            body["RequestItems"].as_object().unwrap().keys().map(|t| db(operation, &Value::from(t.as_str()))).collect()
        }
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "Scan" => [db(operation, &body["TableName"])].into(),
        "Query" => {
            let (action, mut resource) = db(operation, &body["TableName"]);
            if let Some(index) = body["IndexName"].as_str() {
                resource = format!("{resource}/index/{index}");
            }
            [(action, resource)].into()
        }
        "SendMessage" | "SendMessageBatch" => sqs("SendMessage"),
        "DeleteMessage" | "DeleteMessageBatch" => sqs("DeleteMessage"),
        "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch" => sqs("ChangeMessageVisibility"),
        "GetQueueAttributes" => sqs("GetQueueAttributes"),
        other => panic!("no IAM action known for {other}"),
    }
}

/// The logical name of a table or queue in the template.
fn resource(name: &str) -> String {
    match name {
        "runo-accounts" => "AccountsTable",
        "runo-jobs" => "JobsTable",
        "runo-hosts" => "HostsTable",
        "runo-units" => "UnitsQueue",
        "runo-settle" => "SettleQueue",
        "runo-notify" => "NotifyQueue",
        "runo-dead" => "DeadQueue",
        other => panic!("no resource known as {other}"),
    }
    .to_owned()
}

//! Injects faults between the SDK and the network, in front of DynamoDB and SQS. Counts calls and lets a chosen one fail
//! without effect, lose its reply, conflict with another transaction, or be the last of its process. Can also refuse the
//! next sends to a queue, or some of their entries.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http_body_util::BodyExt;
use serde_json::{Value, json};

pub use super::calls::{Call, Service};

use super::calls::describe;

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails without effect.
    NoEffect,
    /// It takes effect and its reply is lost.
    ReplyLost,
    /// The process dies before it.
    DeathBefore,
    /// The process dies right after its effect.
    DeathAfter,
    /// A transaction is refused because it conflicts with another one.
    Conflict,
}

impl Fault {
    /// The faults whose effects on tables, queues and the model's provider differ. `DeathBefore` is not among them: it has
    /// the same effect as `DeathAfter` at the preceding call.
    pub const DISTINCT: [Fault; 3] = [Fault::NoEffect, Fault::ReplyLost, Fault::DeathAfter];
    /// All faults but `Conflict`, for work with effects that are not counted as calls, such as a message to a receiver.
    pub const ALL: [Fault; 4] = [Fault::NoEffect, Fault::ReplyLost, Fault::DeathBefore, Fault::DeathAfter];

    /// Whether the fault makes a difference at a call. A read has no effect: if its reply is lost, it might as well
    /// have failed; if the process dies at it, the rows are the same as after the process's last write.
    fn matters_at(self, call: &Call) -> bool {
        self == Fault::NoEffect || call.has_effect()
    }

    /// Whether the process survives the fault.
    pub fn process_survives(self) -> bool {
        matches!(self, Fault::NoEffect | Fault::ReplyLost)
    }
}

/// Runs `run` with each of `faults` at the n-th call where it makes a difference, for n from 0 until `run` returns that
/// no fault was injected. Panics if the number of all calls is not in `calls`, or that of calls with an effect not in
/// `effects`.
pub async fn at_every_call(
    faults: &[Fault],
    calls: Range<usize>,
    effects: Range<usize>,
    mut run: impl AsyncFnMut(usize, Fault) -> bool,
) {
    for fault in faults {
        let mut n = 0;
        while run(n, *fault).await {
            n += 1;
        }
        let expected = if *fault == Fault::NoEffect { &calls } else { &effects };
        assert!(expected.contains(&n), "{fault:?}: injected at {n} calls");
    }
}

/// What happens to a send of a batch of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request fails without effect.
    Request,
    /// The entries at even positions are refused with a transient error.
    TransientEntries,
    /// The entries at even positions are refused with a permanent error.
    PermanentEntries,
}

/// What is injected into a call.
#[derive(Debug, Clone, Copy)]
enum Injection {
    Fault(Fault),
    Refusal(Refusal),
}

/// A fault and the call that meets it.
#[derive(Debug, Clone, Copy)]
struct Plan {
    fault: Fault,
    /// The number of calls to let pass.
    remaining: usize,
    /// Whether only calls count at which the fault makes a difference.
    selective: bool,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    plan: Option<Plan>,
    /// The number of the call that met the planned fault.
    injected: Option<usize>,
    conflict_every: Option<usize>,
    /// The number of sends still to be refused.
    refuse: Option<(usize, Refusal)>,
    dead: bool,
}

/// Shared by all connections of one process.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

impl Faults {
    /// Injects `fault` into call number `at`, counted from now, from 0.
    pub fn plan(&self, at: usize, fault: Fault) {
        self.set(Plan { fault, remaining: at, selective: false });
    }

    /// Injects `fault` into call number `n` of those at which it makes a difference, counted from now, from 0.
    pub fn plan_nth(&self, n: usize, fault: Fault) {
        self.set(Plan { fault, remaining: n, selective: true });
    }

    fn set(&self, plan: Plan) {
        *self.0.lock().unwrap() = State { plan: Some(plan), ..State::default() };
    }

    /// Lets every n-th transaction or write conflict with another transaction.
    pub fn conflict_every(&self, n: usize) {
        *self.0.lock().unwrap() = State { conflict_every: Some(n), ..State::default() };
    }

    /// Refuses the next `n` sends of batches of messages.
    pub fn refuse_sends(&self, n: usize, refusal: Refusal) {
        *self.0.lock().unwrap() = State { refuse: Some((n, refusal)), ..State::default() };
    }

    pub fn reset(&self) {
        *self.0.lock().unwrap() = State::default();
    }

    pub fn calls(&self) -> Vec<Call> {
        self.0.lock().unwrap().calls.clone()
    }

    /// The operations called on one of the services, in order.
    pub fn operations(&self, service: Service) -> Vec<String> {
        let calls = self.calls();
        calls.into_iter().filter(|c| c.service == service).map(|c| c.operation).collect()
    }

    /// Whether the planned fault was injected.
    pub fn injected(&self) -> bool {
        self.injected_at().is_some()
    }

    /// The number of the call into which the planned fault was injected.
    pub fn injected_at(&self) -> Option<usize> {
        self.0.lock().unwrap().injected
    }

    /// Counts a call to the model and returns the fault that it meets.
    pub fn for_model_call(&self, operation: &str) -> Option<Fault> {
        let operation = operation.to_owned();
        let (writes, units, reads, consistent, entries, tables) = (0, 0, 0, false, 0, Vec::new());
        match self.next_injection(Call {
            service: Service::Model,
            operation,
            writes,
            units,
            reads,
            consistent,
            entries,
            tables,
        })? {
            Injection::Fault(fault) => Some(fault),
            Injection::Refusal(_) => None,
        }
    }

    /// Wraps an HTTP client for the SDK.
    pub fn wrap_client(&self, inner: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Interceptor { inner, faults: self.clone() })
    }

    fn next_injection(&self, call: Call) -> Option<Injection> {
        let mut state = self.0.lock().unwrap();
        let index = state.calls.len();
        let (writes, sends) = (call.writes > 0, call.operation == "SendMessageBatch");
        let counts = state.plan.is_some_and(|plan| !plan.selective || plan.fault.matters_at(&call));
        state.calls.push(call);
        if state.dead {
            return Some(Injection::Fault(Fault::DeathBefore));
        }
        if writes && state.conflict_every.is_some_and(|n| index.is_multiple_of(n)) {
            return Some(Injection::Fault(Fault::Conflict));
        }
        if let Some((n, refusal)) = state.refuse.filter(|(n, _)| sends && *n > 0) {
            state.refuse = Some((n - 1, refusal));
            return Some(Injection::Refusal(refusal));
        }
        let plan = state.plan.as_mut().filter(|_| counts)?;
        if plan.remaining > 0 {
            plan.remaining -= 1;
            return None;
        }
        let fault = plan.fault;
        (state.plan, state.injected) = (None, Some(index));
        state.dead = matches!(fault, Fault::DeathBefore | Fault::DeathAfter);
        Some(Injection::Fault(fault))
    }
}

struct Interceptor {
    inner: SharedHttpClient,
    faults: Faults,
}

impl fmt::Debug for Interceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interceptor")
    }
}

impl HttpClient for Interceptor {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(Connector { inner, faults: self.faults.clone() })
    }
}

struct Connector {
    inner: SharedHttpConnector,
    faults: Faults,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = describe(&request);
        let operation = call.operation.clone();
        match self.faults.next_injection(call) {
            None => self.inner.call(request),
            Some(Injection::Fault(Fault::NoEffect | Fault::DeathBefore) | Injection::Refusal(Refusal::Request)) => {
                HttpConnectorFuture::ready(Err(injected_error()))
            }
            Some(Injection::Fault(Fault::ReplyLost | Fault::DeathAfter)) => {
                let sent = self.inner.call(request);
                HttpConnectorFuture::new(async move {
                    let _ = sent.await;
                    Err(injected_error())
                })
            }
            Some(Injection::Fault(Fault::Conflict)) => HttpConnectorFuture::ready(Ok(conflict(&operation, &request))),
            Some(Injection::Refusal(refusal)) => {
                let inner = self.inner.clone();
                HttpConnectorFuture::new(send_in_part(inner, request, refusal == Refusal::PermanentEntries))
            }
        }
    }
}

fn injected_error() -> ConnectorError {
    ConnectorError::io("injected".into())
}

/// Passes on the entries at odd positions and answers for the others.
async fn send_in_part(
    inner: SharedHttpConnector,
    mut request: HttpRequest,
    permanent: bool,
) -> Result<HttpResponse, ConnectorError> {
    let mut sent: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
    let entries = sent["Entries"].as_array().unwrap().clone();
    let (refused, kept): (Vec<_>, Vec<_>) = entries.into_iter().enumerate().partition(|(i, _)| i.is_multiple_of(2));
    let kept: Vec<Value> = kept.into_iter().map(|(_, entry)| entry).collect();
    let code = if permanent { "InvalidMessageContents" } else { "InternalError" };
    let failed: Vec<Value> = refused
        .into_iter()
        .map(|(_, entry)| json!({ "Id": entry["Id"], "Code": code, "SenderFault": permanent, "Message": "injected" }))
        .collect();
    let mut answer = json!({ "Successful": [] });
    if !kept.is_empty() {
        sent["Entries"] = kept.into();
        let body = sent.to_string();
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = body.into();
        let response = inner.call(request).await?;
        let body = response.into_body().collect().await.unwrap().to_bytes();
        answer = serde_json::from_slice(&body).unwrap();
    }
    answer["Failed"] = failed.into();
    let mut response = HttpResponse::new(200.try_into().unwrap(), answer.to_string().into());
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

/// DynamoDB's response to the transaction that loses a conflict.
fn conflict(operation: &str, request: &HttpRequest) -> HttpResponse {
    let body = if operation == "TransactWriteItems" {
        let sent: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let n = sent["TransactItems"].as_array().unwrap().len();
        let reasons: Vec<Value> = (0..n)
            .map(|i| if i == 0 { json!({"Code": "TransactionConflict"}) } else { json!({"Code": "None"}) })
            .collect();
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": "Transaction cancelled",
            "CancellationReasons": reasons,
        })
    } else {
        json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
            "message": "Transaction is ongoing for the item",
        })
    };
    let mut response = HttpResponse::new(400.try_into().unwrap(), body.to_string().into());
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    response
}

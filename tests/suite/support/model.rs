//! A scripted model that speaks OpenAI's chat protocol on loopback and records its calls.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use super::failures::Failures;
use super::faults::{Fault, Faults};
use super::loopback;
use super::provider::Provider;

/// The response to a call.
#[derive(Clone)]
pub enum Reply {
    /// Values and the words that it claims to have read them from, by field; null for every other field.
    Fields(HashMap<&'static str, (Value, &'static str)>),
    /// This text as its answer, and the finish reason.
    Text(&'static str, &'static str),
    /// This whole body.
    Body(Value),
    /// A status, and `Retry-After`.
    Status(u16, Option<&'static str>),
    /// A redirect to this address.
    Redirect(String),
    /// No response for this long.
    Delay(Duration),
    /// The connection breaks.
    Disconnect,
}

/// Answers by field.
pub fn fields<const N: usize>(list: [(&'static str, Value, &'static str); N]) -> Reply {
    Reply::Fields(list.into_iter().map(|(field, value, quote)| (field, (value, quote))).collect())
}

/// A call as received.
#[derive(Clone, Debug)]
pub struct Call {
    pub path: String,
    pub authorization: String,
    pub body: Value,
}

impl Call {
    /// The user's message.
    pub fn prompt(&self) -> &str {
        let content = &self.body["messages"][1]["content"];
        // With pictures it is a list, whose first part introduces them before the question.
        content.as_str().unwrap_or_else(|| content[0]["text"].as_str().unwrap().split_once("\n\n").unwrap().1)
    }

    /// The pictures of the call.
    pub fn pictures(&self) -> Vec<String> {
        let parts = self.body["messages"][1]["content"].as_array().into_iter().flatten();
        parts.filter_map(|part| part["image_url"]["url"].as_str().map(str::to_owned)).collect()
    }

    /// The requested fields, in order.
    pub fn fields(&self) -> Vec<String> {
        let lines = self.prompt().lines().skip(1).take_while(|line| !line.is_empty());
        let name = |line: &str| {
            let text = line.split_once(": ").unwrap().1;
            serde_json::Deserializer::from_str(text).into_iter::<String>().next().unwrap().unwrap()
        };
        lines.map(name).collect()
    }
}

/// The model's server.
#[derive(Clone)]
pub struct ScriptedModel {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<Call>>>,
    /// The responses to the next calls, one by one; the last one repeats.
    script: Arc<Mutex<Vec<Reply>>>,
    provider: Arc<Provider>,
    faults: Arc<Mutex<Faults>>,
    failures: Failures,
    /// Whether calls must have the operator's key.
    keyed: Arc<AtomicBool>,
}

impl ScriptedModel {
    pub async fn start(script: Vec<Reply>) -> ScriptedModel {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let model = ScriptedModel {
            address,
            calls: Arc::default(),
            script: Arc::new(Mutex::new(script)),
            provider: Arc::default(),
            faults: Arc::default(),
            failures: Failures::default(),
            keyed: Arc::new(AtomicBool::new(true)),
        };
        let served = model.clone();
        loopback::serve(listener, move |request| {
            let model = served.clone();
            async move { model.failures.record(model.answer(request)).await }
        });
        model
    }

    /// The value for `MODEL_URL`.
    pub fn base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Replaces the script.
    pub fn script(&self, script: Vec<Reply>) {
        *self.script.lock().unwrap() = script;
    }

    /// The calls so far. Panics if a call or a request for files or batches was malformed or had the wrong key.
    pub fn calls(&self) -> Vec<Call> {
        self.failures.assert_none();
        self.calls.lock().unwrap().clone()
    }

    /// Expects calls without a key.
    pub fn without_key(&self) {
        self.keyed.store(false, Ordering::SeqCst);
    }

    /// Its files and batches. Panics in the same cases.
    pub fn provider(&self) -> &Provider {
        self.failures.assert_none();
        &self.provider
    }

    /// Injects these faults into its calls, as into calls to a store.
    pub fn inject(&self, faults: &Faults) {
        *self.faults.lock().unwrap() = faults.clone();
    }

    /// Returns `None` to break the connection, and if the request breaks off, as it does if its sender is killed.
    async fn answer(&self, request: Request<Incoming>) -> Option<Response<Full<Bytes>>> {
        let (method, path) = (request.method().as_str().to_owned(), request.uri().path().to_owned());
        let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let body = request.into_body().collect().await.ok()?.to_bytes();
        let fault = self.faults.lock().unwrap().for_model_call(&format!("{method} {path}"));
        if matches!(fault, Some(Fault::NoEffect | Fault::DeathBefore)) {
            return None;
        }
        let response = self.respond(&method, &path, authorization, &body).await;
        response.filter(|_| fault.is_none())
    }

    async fn respond(
        &self,
        method: &str,
        path: &str,
        authorization: Option<String>,
        body: &Bytes,
    ) -> Option<Response<Full<Bytes>>> {
        let to_line = |body: &Value| {
            let call = Call { path: path.to_owned(), authorization: String::new(), body: body.clone() };
            match self.script.lock().unwrap()[0].clone() {
                Reply::Fields(known) => (200, answer_for(&call, &known).to_string()),
                Reply::Text(text, reason) => (200, completion_body(text, reason).to_string()),
                Reply::Status(status, _) => (status, "{}".to_owned()),
                _ => panic!("a line of a batch has no such response"),
            }
        };
        if let Some((status, text)) = self.provider.serve(method, path, body, to_line) {
            assert_eq!(authorization.is_some(), self.keyed.load(Ordering::SeqCst), "the call has the operator's key");
            return Some(Response::builder().status(status).body(Full::new(Bytes::from(text))).unwrap());
        }
        let call = Call {
            path: path.to_owned(),
            authorization: authorization.unwrap_or_default(),
            body: serde_json::from_slice(body).unwrap_or_default(),
        };
        self.calls.lock().unwrap().push(call.clone());
        let reply = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 { script.remove(0) } else { script[0].clone() }
        };
        match reply {
            Reply::Fields(known) => Some(response(200, &answer_for(&call, &known))),
            Reply::Text(text, reason) => Some(completion(text, reason)),
            Reply::Body(body) => Some(response(200, &body)),
            Reply::Status(status, retry_after) => {
                let mut response = response(status, &json!({"error": {"message": "scripted failure"}}));
                if let Some(value) = retry_after {
                    response.headers_mut().insert("retry-after", value.parse().unwrap());
                }
                Some(response)
            }
            Reply::Redirect(to) => {
                let mut response = response(307, &json!({}));
                response.headers_mut().insert("location", to.parse().unwrap());
                Some(response)
            }
            Reply::Delay(time) => {
                tokio::time::sleep(time).await;
                None
            }
            Reply::Disconnect => None,
        }
    }
}

/// The answer for the fields that a call asks for.
fn answer_for(call: &Call, known: &HashMap<&'static str, (Value, &'static str)>) -> Value {
    let null = (Value::Null, "");
    let requested = call.fields();
    let answers = requested.iter().enumerate().map(|(at, field)| {
        let (value, quote) = known.get(field.as_str()).unwrap_or(&null);
        let quote = if value.is_null() { Value::Null } else { json!(quote) };
        (format!("f{at}"), json!({ "value": value, "quote": quote }))
    });
    completion_body(&Value::Object(answers.collect::<Map<_, _>>()).to_string(), "stop")
}

fn completion(text: &str, reason: &str) -> Response<Full<Bytes>> {
    response(200, &completion_body(text, reason))
}

fn completion_body(text: &str, reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "scripted",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050},
    })
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::new(Bytes::from(body.to_string()))).unwrap()
}

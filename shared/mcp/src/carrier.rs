//! Carries out a tool's calls of the HTTP API.

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use serde_json::{Value, json};

/// A call of the HTTP API.
#[derive(Debug, Clone)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// The query's parameters.
    pub query: Vec<(&'static str, String)>,
    /// The headers of this call except the key, which the [`Carrier`] adds.
    pub headers: HeaderMap,
    /// The body.
    pub body: Option<Value>,
}

impl Call {
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Call {
        Call { method, path: path.into(), query: Vec::new(), headers: HeaderMap::new(), body: None }
    }

    pub(crate) fn body(self, body: Value) -> Call {
        Call { body: Some(body), ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: HeaderValue) -> Call {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }
}

/// The response to a call. Its body may still be streaming.
pub type Answer = http::Response<AnswerBody>;

/// The body of a response. Dropping it unread cancels nothing.
pub type AnswerBody = UnsyncBoxBody<Bytes, CallFailed>;

/// The call failed: its response, or the rest of it, was lost.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct CallFailed(pub String);

/// Carries out calls with one caller's key.
pub trait Carrier: Send + Sync + 'static {
    /// Carries out one call. A refusal of the API is a response too, not an error.
    fn carry(&self, call: Call) -> impl Future<Output = Result<Answer, CallFailed>> + Send;
}

/// A tool's result: JSON for the model, `Err` if its call was not carried out.
pub(crate) type ToolResult = Result<Value, Value>;

/// Carries out a call. A refusal is returned in the API's words, with `retry_after_seconds` if that is known.
pub(crate) async fn carry(carrier: &impl Carrier, call: Call) -> Result<Answer, Value> {
    let answer = carrier.carry(call).await.map_err(|error| call_failed(&error))?;
    if !answer.status().is_client_error() && !answer.status().is_server_error() {
        return Ok(answer);
    }
    let retry_after = answer.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let mut refusal = read(answer).await?;
    if let (Some(seconds), Some(error)) = (retry_after, refusal.get_mut("error").and_then(Value::as_object_mut)) {
        error.insert("retry_after_seconds".to_owned(), seconds.into());
    }
    Err(refusal)
}

/// Reads a response to its end.
pub(crate) async fn read(answer: Answer) -> ToolResult {
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| call_failed(&error))?.to_bytes();
    serde_json::from_slice(&bytes)
        .map_err(|_| call_failed(&CallFailed(format!("the response (status {status}) is not JSON"))))
}

/// Returns the refusal of invalid arguments.
pub(crate) fn invalid(message: impl Into<String>) -> Value {
    error("INVALID_REQUEST", message.into(), false)
}

/// Returns the error of a call that failed.
pub(crate) fn call_failed(error: &CallFailed) -> Value {
    self::error("UNAVAILABLE", format!("{error}; the call may have been accepted"), true)
}

fn error(code: &str, message: String, retryable: bool) -> Value {
    json!({ "status": "error", "error": { "code": code, "message": message, "retryable": retryable } })
}

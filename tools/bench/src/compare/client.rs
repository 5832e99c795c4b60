//! A client of Runo's API that measures when the head arrived and when the body was complete.

use std::sync::Once;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use reqwest::Response;
use serde_json::Value;

use crate::Fault;

/// Timeout of any call.
const TIMEOUT: Duration = Duration::from_secs(900);
static PROVIDER: Once = Once::new();

/// Builds a client for loopback.
///
/// # Errors
/// The client cannot be built.
pub(crate) fn http() -> Result<reqwest::Client, Fault> {
    PROVIDER.call_once(|| {
        // Fails if a provider is already installed, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Ok(reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?)
}

/// A complete response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it has `Retry-After`.
    pub(crate) retry_after: bool,
    /// Time from sending to the head.
    pub(crate) head: Duration,
    /// Time from sending to the last byte.
    pub(crate) total: Duration,
    body: Bytes,
}

impl Answer {
    /// Returns the body as JSON if the call was accepted.
    ///
    /// # Errors
    /// The call was not accepted, or the body is not JSON.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        if self.status >= 300 {
            let text = String::from_utf8_lossy(&self.body);
            return Err(format!("answered {}: {}", self.status, text.trim()).into());
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A response whose head has arrived and whose body has not.
pub(crate) struct PendingResponse {
    pub(crate) response: Response,
    pub(crate) head: Duration,
    start: Instant,
}

impl PendingResponse {
    /// Returns the id of its job.
    ///
    /// # Errors
    /// The response names no job.
    pub(crate) fn job(&self) -> Result<String, Fault> {
        let id = self.response.headers().get("x-job-id").ok_or("no X-Job-ID")?;
        Ok(id.to_str()?.to_owned())
    }

    /// Reads the rest of the response.
    ///
    /// # Errors
    /// The response breaks off.
    pub(crate) async fn finish(self) -> Result<Answer, Fault> {
        let (status, headers) = (self.response.status().as_u16(), self.response.headers());
        let retry_after = headers.contains_key(http::header::RETRY_AFTER);
        let body = self.response.bytes().await?;
        Ok(Answer { status, retry_after, head: self.head, total: self.start.elapsed(), body })
    }
}

/// The API of one server.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) key: &'static str,
}

impl Api {
    /// Sends a request and waits for the head of the response.
    ///
    /// # Errors
    /// No response arrives.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<PendingResponse, Fault> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).header("X-API-Key", self.key);
        if let Some(body) = body {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(serde_json::to_vec(body)?);
        }
        let request = request.build()?;
        let start = Instant::now();
        let response = self.http.execute(request).await?;
        Ok(PendingResponse { response, head: start.elapsed(), start })
    }

    /// Sends a POST and reads the complete response.
    ///
    /// # Errors
    /// No complete response arrives.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Fault> {
        self.open(Method::POST, path, Some(body)).await?.finish().await
    }

    /// Sends a GET and reads the complete response.
    ///
    /// # Errors
    /// No complete response arrives.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Fault> {
        self.open(Method::GET, path, None).await?.finish().await
    }

    /// Cancels a job and returns how long that took.
    ///
    /// # Errors
    /// The job was not cancelled.
    pub(crate) async fn cancel(&self, job: &str) -> Result<Duration, Fault> {
        let answer = self.open(Method::DELETE, &format!("/v1/jobs/{job}"), None).await?.finish().await?;
        answer.json().map(|_| answer.total)
    }
}

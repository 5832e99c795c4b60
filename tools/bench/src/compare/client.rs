//! A client of Runo's API that tells when the head came and when the body was whole.

use std::sync::Once;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;
use reqwest::Response;
use serde_json::Value;

use crate::Fault;

/// The longest that any call may take.
const TIMEOUT: Duration = Duration::from_secs(900);
static PROVIDER: Once = Once::new();

/// A client for loopback.
///
/// # Errors
/// It cannot be built.
pub(crate) fn http() -> Result<reqwest::Client, Fault> {
    PROVIDER.call_once(|| {
        // Fails where one is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Ok(reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build()?)
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Whether it says when to come again.
    pub(crate) retry_after: bool,
    /// From sending to the head.
    pub(crate) head: Duration,
    /// From sending to the last byte.
    pub(crate) total: Duration,
    body: Bytes,
}

impl Answer {
    /// The body as JSON, where the call was accepted.
    ///
    /// # Errors
    /// It was not, or what came is not JSON.
    pub(crate) fn json(&self) -> Result<Value, Fault> {
        if self.status >= 300 {
            let text = String::from_utf8_lossy(&self.body);
            return Err(format!("answered {}: {}", self.status, text.trim()).into());
        }
        Ok(serde_json::from_slice(&self.body)?)
    }
}

/// A head whose body is still to come.
pub(crate) struct Open {
    pub(crate) response: Response,
    pub(crate) head: Duration,
    start: Instant,
}

impl Open {
    /// The job that it is the answer of.
    ///
    /// # Errors
    /// It names none.
    pub(crate) fn job(&self) -> Result<String, Fault> {
        let id = self.response.headers().get("x-job-id").ok_or("no X-Job-ID")?;
        Ok(id.to_str()?.to_owned())
    }

    /// Reads the rest.
    ///
    /// # Errors
    /// It breaks off.
    pub(crate) async fn rest(self) -> Result<Answer, Fault> {
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
    /// Sends, and waits for the head.
    ///
    /// # Errors
    /// No answer comes.
    pub(crate) async fn open(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Open, Fault> {
        let mut request = self.http.request(method, format!("{}{path}", self.base)).header("X-API-Key", self.key);
        if let Some(body) = body {
            request = request.header(http::header::CONTENT_TYPE, "application/json").body(serde_json::to_vec(body)?);
        }
        let request = request.build()?;
        let start = Instant::now();
        let response = self.http.execute(request).await?;
        Ok(Open { response, head: start.elapsed(), start })
    }

    /// A whole POST.
    ///
    /// # Errors
    /// No whole answer comes.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Fault> {
        self.open(Method::POST, path, Some(body)).await?.rest().await
    }

    /// A whole GET.
    ///
    /// # Errors
    /// No whole answer comes.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, Fault> {
        self.open(Method::GET, path, None).await?.rest().await
    }

    /// Cancels a job, and tells how long that took.
    ///
    /// # Errors
    /// It was not cancelled.
    pub(crate) async fn cancel(&self, job: &str) -> Result<Duration, Fault> {
        let answer = self.open(Method::DELETE, &format!("/v1/jobs/{job}"), None).await?.rest().await?;
        answer.json().map(|_| answer.total)
    }
}

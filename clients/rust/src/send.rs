//! Sends calls: retries after transient failures and keeps to the caller's deadline.

use std::error::Error as _;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client as Http, Response, StatusCode};
use tokio::time::Instant;

use crate::call::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::retry::{Attempts, parse_retry_after};

/// Retries of the first connection. A service that has never responded is probably not running.
const MAX_FIRST_CONNECT_RETRIES: u32 = 2;

/// Replacement of the sleep between attempts.
pub(crate) type Sleep = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// Settings of a client; sends its calls.
pub(crate) struct Sender {
    pub(crate) http: Http,
    pub(crate) base_url: String,
    pub(crate) key: HeaderValue,
    pub(crate) max_retries: u32,
    pub(crate) sleep: Option<Sleep>,
    pub(crate) reached: AtomicBool,
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The caller's deadline, and the job that it waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deadline {
    pub(crate) job_id: Option<String>,
    timeout: Duration,
    at: Option<Instant>,
}

impl Deadline {
    pub(crate) fn new(timeout: Option<Duration>) -> Deadline {
        let at = timeout.map(|timeout| Instant::now() + timeout);
        Deadline { job_id: None, timeout: timeout.unwrap_or_default(), at }
    }

    pub(crate) fn remaining(&self) -> Option<Duration> {
        self.at.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Returns `delay` if it ends before the deadline, otherwise the timeout's error.
    fn check_delay(&self, delay: Duration) -> Result<Duration> {
        match self.remaining() {
            Some(remaining) if delay >= remaining => Err(self.timeout_error()),
            _ => Ok(delay),
        }
    }

    /// Runs `work` until the deadline.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        match self.at {
            None => Ok(work.await),
            Some(at) => tokio::time::timeout_at(at, work).await.map_err(|_| self.timeout_error()),
        }
    }

    fn timeout_error(&self) -> Error {
        let note = if self.job_id.is_some() { "; the job keeps running: read it with `Client::result`" } else { "" };
        let text = format!("the call was not finished after {:?}{note}", self.timeout);
        let error = Error::new(ErrorKind::WaitTimeout, "WAIT_TIMEOUT", text);
        Error { retryable: true, job_id: self.job_id.clone(), ..error }
    }
}

/// A successful response, read to its end.
#[derive(Debug)]
pub(crate) struct CompleteResponse {
    pub(crate) job_id: Option<String>,
    pub(crate) body: Bytes,
}

impl Sender {
    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(self.max_retries)
    }

    /// Sends a call until it succeeds. The body is not read yet.
    pub(crate) async fn open(&self, call: &Call, deadline: &Deadline) -> Result<Response> {
        let mut attempts = self.attempts();
        loop {
            let delay = match deadline.run(self.send_once(call)).await? {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => self.error_response(&mut attempts, response, deadline).await?,
                Err(error) => self.connection_failed(&mut attempts, error, deadline)?,
            };
            self.pause(delay, deadline).await?;
        }
    }

    /// Sends a call until there is a response, whatever its status. The body is not read yet.
    pub(crate) async fn first_response(&self, call: &Call) -> Result<Response> {
        let (mut attempts, deadline) = (self.attempts(), Deadline::default());
        loop {
            match self.send_once(call).await {
                Ok(response) => return Ok(response),
                Err(error) => self.pause(self.connection_failed(&mut attempts, error, &deadline)?, &deadline).await?,
            }
        }
    }

    /// Sends a call until it succeeds and its body is read.
    pub(crate) async fn read(&self, call: &Call, deadline: &Deadline) -> Result<CompleteResponse> {
        let mut attempts = self.attempts();
        loop {
            let delay = match deadline.run(self.send_once(call)).await? {
                Ok(response) if response.status().is_success() => {
                    let job_id = job_id(response.headers());
                    match deadline.run(response.bytes()).await? {
                        Ok(body) => return Ok(CompleteResponse { job_id, body }),
                        Err(error) => self.connection_failed(&mut attempts, error, deadline)?,
                    }
                }
                Ok(response) => self.error_response(&mut attempts, response, deadline).await?,
                Err(error) => self.connection_failed(&mut attempts, error, deadline)?,
            };
            self.pause(delay, deadline).await?;
        }
    }

    /// Returns how long to wait after a failed connection.
    pub(crate) fn connection_failed(
        &self,
        attempts: &mut Attempts,
        error: reqwest::Error,
        deadline: &Deadline,
    ) -> Result<Duration> {
        let never_reached = error.is_connect() && !self.reached.load(Ordering::Relaxed);
        let max = if error.is_builder() { Some(0) } else { never_reached.then_some(MAX_FIRST_CONNECT_RETRIES) };
        attempts.connection_failed(&error_chain(error), max, deadline.job_id.as_deref())
    }

    pub(crate) async fn pause(&self, delay: Duration, deadline: &Deadline) -> Result<()> {
        if delay.is_zero() {
            return Ok(());
        }
        let delay = deadline.check_delay(delay)?;
        match &self.sleep {
            Some(sleep) => sleep(delay).await,
            None => tokio::time::sleep(delay).await,
        }
        Ok(())
    }

    async fn send_once(&self, call: &Call) -> std::result::Result<Response, reqwest::Error> {
        let mut request = self.http.request(call.method.clone(), format!("{}{}", self.base_url, call.path));
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        let response = request.header("X-API-Key", self.key.clone()).send().await?;
        self.reached.store(true, Ordering::Relaxed);
        Ok(response)
    }

    /// Returns how long to wait after an error response.
    async fn error_response(
        &self,
        attempts: &mut Attempts,
        response: Response,
        deadline: &Deadline,
    ) -> Result<Duration> {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match deadline.run(response.bytes()).await? {
            Ok(body) => body,
            Err(error) => return self.connection_failed(attempts, error, deadline),
        };
        let job_id = job_id(&headers).or_else(|| deadline.job_id.clone());
        let error = Error::from_response(status.as_u16(), &body, job_id);
        let retry_after = headers.get(RETRY_AFTER).and_then(|field| parse_retry_after(field.to_str().ok()?, now()));
        attempts.error_response(error, retry_after)
    }
}

#[expect(clippy::disallowed_methods, reason = "a date in Retry-After is compared with the local clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// Returns the job id of a response.
pub(crate) fn job_id(headers: &HeaderMap) -> Option<String> {
    headers.get("x-job-id")?.to_str().ok().map(str::to_owned)
}

/// Whether the response only accepts a job (202) and has no results.
pub(crate) fn is_accepted_only(response: &Response) -> bool {
    response.status() == StatusCode::ACCEPTED
}

/// Returns the message of an error and its causes, without the URL, which is always the same.
pub(crate) fn error_chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

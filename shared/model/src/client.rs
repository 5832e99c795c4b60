//! Calls the model: one origin, bounded in time and size; transient failures are retried.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, DATE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use crate::answer::Answer;
use crate::breaker::Breaker;
use crate::config::ModelConfig;
use crate::error::{Code, ModelError};
use crate::question::Question;
use crate::wire::Completion;

/// Maximum number of bytes of an answer.
const MAX_ANSWER: usize = 1024 * 1024;
/// Timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Wait before the first retry; later ones are longer.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// Maximum number of retries.
const MAX_RETRIES: usize = 2;

/// The operator's model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    client: Client,
    config: ModelConfig,
    authorization: Option<HeaderValue>,
    breaker: Breaker,
}

impl Model {
    /// Builds a client of the model.
    ///
    /// # Errors
    /// TLS could not be set up, or the key is not a valid header value; as text.
    pub fn new(config: ModelConfig) -> Result<Model, String> {
        // reqwest uses the process's crypto provider. If another part of the process has installed one, the client uses
        // that one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT.min(config.timeout));
        // No redirect is followed, so a model behind plain HTTP needs no certificates, which take milliseconds to read.
        if config.base.scheme() == "http" {
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|e| e.to_string())?;
        let authorization = match &config.key {
            Some(key) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {}", key.reveal()))
                    .map_err(|_| "MODEL_KEY has characters that a header cannot hold".to_owned())?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        Ok(Model { inner: Arc::new(Inner { client, config, authorization, breaker: Breaker::default() }) })
    }

    /// Returns the operator's configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.inner.config
    }

    /// Asks for a page's open fields. Returns at `deadline` at the latest.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn ask(&self, question: &Question, deadline: Instant) -> Result<Answer, ModelError> {
        let inner = &*self.inner;
        let open = "the model failed several times in a row; it is not called for 15 seconds to 5 minutes";
        let permit =
            inner.breaker.try_acquire(Instant::now().into_std()).ok_or(ModelError::new(Code::Unavailable, open))?;
        let deadline = deadline.min(Instant::now() + inner.config.timeout);
        let policy = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_times(MAX_RETRIES).with_jitter();
        let answer = (|| self.try_once(question, deadline))
            .retry(policy)
            .when(ModelError::is_transient)
            // Waits as long as the model asks for, otherwise for a time of our own, but never past `deadline`.
            .adjust(|error, wait| {
                let wait = error.retry_after.unwrap_or(wait?);
                (Instant::now() + wait < deadline).then_some(wait)
            })
            .await;
        match &answer {
            Err(error) if error.concerns_model() => {
                tracing::warn!(code = error.code.name(), status = error.status, "the model gave no answer");
                if permit.failed(Instant::now().into_std()) {
                    let (code, status) = (error.code.name(), error.status);
                    tracing::error!(
                        code,
                        status,
                        "the model failed several times in a row; it is not called for a while"
                    );
                }
            }
            Err(error) => {
                tracing::info!(code = error.code.name(), status = error.status, "the model gave no answer");
                permit.succeeded();
            }
            Ok(_) => permit.succeeded(),
        }
        answer
    }

    async fn try_once(&self, question: &Question, deadline: Instant) -> Result<Answer, ModelError> {
        let call = async {
            let completion = self.post("chat/completions", question.body(&self.inner.config.name)).await?;
            Answer::read(completion, question.fields.len())
        };
        let late = ModelError::new(Code::Timeout, "the model did not answer in time");
        timeout_at(deadline, call).await.unwrap_or(Err(late))
    }

    /// Builds a call of an operation, with the operator's key.
    pub(crate) fn call(&self, method: Method, operation: &str) -> Result<RequestBuilder, ModelError> {
        let inner = &*self.inner;
        let address = inner.config.address(operation).ok_or_else(unreachable)?;
        let call = inner.client.request(method, address);
        Ok(match &inner.authorization {
            Some(authorization) => call.header(AUTHORIZATION, authorization),
            None => call,
        })
    }

    async fn post(&self, operation: &str, body: serde_json::Value) -> Result<Completion, ModelError> {
        let call =
            self.call(Method::POST, operation)?.header("content-type", "application/json").body(body.to_string());
        let response = call.send().await.map_err(|_| unreachable())?;
        check_status(&response)?;
        let text = read(response).await?;
        serde_json::from_slice(&text).map_err(|_| ModelError::new(Code::Error, "the model's answer cannot be read"))
    }
}

fn unreachable() -> ModelError {
    ModelError::new(Code::Unavailable, "the model cannot be reached")
}

/// Accepts a successful response; otherwise returns the error that its status means.
pub(crate) fn check_status(response: &Response) -> Result<(), ModelError> {
    let status = response.status();
    if matches!(status, StatusCode::OK | StatusCode::CREATED) {
        return Ok(());
    }
    let error = error_of_status(status);
    let retry_after = error.is_transient().then(|| retry_after(response)).flatten();
    Err(ModelError { retry_after, ..error })
}

/// Returns the error that a status means.
fn error_of_status(status: StatusCode) -> ModelError {
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            ModelError::new(Code::Error, "the model rejected the operator's key")
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            ModelError::new(Code::Timeout, "the model took too long")
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ModelError::new(Code::RateLimited, "the model's rate limit is reached; try again later")
        }
        _ if status.is_client_error() => ModelError::new(Code::BadRequest, "the model rejected the request"),
        _ if status.is_server_error() => ModelError::new(Code::Unavailable, "the model failed"),
        _ => ModelError::new(Code::Error, "the model's answer cannot be read"),
    };
    ModelError { status: Some(status.as_u16()), ..error }
}

impl ModelError {
    /// Returns the error of a status that is not a success.
    pub(crate) fn of_status(status: u16) -> ModelError {
        let unreadable = || ModelError::new(Code::Error, "the model's answer cannot be read");
        StatusCode::from_u16(status).map_or_else(|_| unreadable(), error_of_status)
    }
}

/// Reads `Retry-After` in either form (RFC 9110 §10.2.3). A date counts from the response's own `Date`.
fn retry_after(response: &Response) -> Option<Duration> {
    let field = |name| response.headers().get(name)?.to_str().ok().map(str::trim);
    let text = field(RETRY_AFTER)?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (at, now) = (httpdate::parse_http_date(text).ok()?, httpdate::parse_http_date(field(DATE)?).ok()?);
    // A date in the past means no wait.
    Some(at.duration_since(now).unwrap_or_default())
}

pub(crate) async fn read(mut response: Response) -> Result<Vec<u8>, ModelError> {
    let mut body = Vec::new();
    let broken = |_| ModelError::new(Code::Unavailable, "the model's answer broke off");
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ModelError::new(Code::Error, "the model's answer is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

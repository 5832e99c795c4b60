//! Calls the model: one origin, bounded in time and size; transient failures are retried.

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
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
/// Maximum wait that the model can ask for; no call lasts that long.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

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

/// The outcome of a call, over all its tries.
#[derive(Debug)]
pub struct Asked {
    /// The answer, or why there is none.
    pub answer: Result<Answer, ModelError>,
    /// Number of tries that gave no answer and may cost something all the same.
    pub uncertain_tries: u64,
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
        self.ask_with_cost(question, deadline).await.answer
    }

    /// Like [`Model::ask`]. Also returns how many tries gave no answer and may cost something all the same.
    pub async fn ask_with_cost(&self, question: &Question, deadline: Instant) -> Asked {
        let inner = &*self.inner;
        let Some(permit) = inner.breaker.try_acquire(Instant::now().into_std()) else {
            let open = "the model failed several times in a row; it is not called for 15 seconds to 5 minutes";
            return Asked { answer: Err(ModelError::new(Code::Unavailable, open)), uncertain_tries: 0 };
        };
        let deadline = deadline.min(Instant::now() + inner.config.timeout);
        let policy = ExponentialBuilder::default().with_min_delay(FIRST_WAIT).with_max_times(MAX_RETRIES).with_jitter();
        let mut uncertain_tries = 0;
        let answer = (|| self.try_once(question, deadline))
            .retry(policy)
            // Called for each error, the last one included.
            .when(|error: &ModelError| {
                uncertain_tries += u64::from(!error.is_without_effect());
                error.is_transient()
            })
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
        Asked { answer, uncertain_tries }
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
        let response = call.send().await.map_err(|error| {
            let sent = !error.is_connect() && !error.is_builder();
            ModelError { sent, ..unreachable() }
        })?;
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
    let retry_after = error.is_transient().then(|| retry_after(response.headers())).flatten();
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

/// Returns the wait that `Retry-After` asks for, capped at [`MAX_RETRY_AFTER`]: adding an unlimited one to an `Instant`
/// may panic.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    requested_wait(headers).map(|wait| wait.min(MAX_RETRY_AFTER))
}

/// Reads `Retry-After` in either form (RFC 9110 §10.2.3). A date counts from the response's own `Date`.
fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let field = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let text = field(RETRY_AFTER)?;
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number too large to parse is too long to wait for as well.
        return Some(text.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs));
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A model that answers one connection after the other with these statuses and fields, and without a body.
    async fn model_with(replies: &'static [&'static str]) -> Model {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}/v1", listener.local_addr().unwrap());
        tokio::spawn(async move {
            for reply in replies {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !is_complete(&request) {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0, "the request broke off");
                }
                let reply = format!("HTTP/1.1 {reply}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        });
        Model::new(ModelConfig::new(&base, "small").unwrap()).unwrap()
    }

    /// Whether a request has arrived as a whole. Unread bytes would reset its connection.
    fn is_complete(request: &[u8]) -> bool {
        let text = String::from_utf8_lossy(request).to_ascii_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        body.len() >= length.unwrap_or_default()
    }

    #[tokio::test]
    async fn only_refused_tries_certainly_cost_nothing() {
        let question = Question {
            url: "https://e.test/".into(),
            title: None,
            text: "t".into(),
            fields: Vec::new(),
            pictures: Vec::new(),
        };
        let cases: [(&[&str], u64); 7] = [
            (&["400 Bad Request"], 0),
            (&["429 Too Many Requests\r\nretry-after: 0", "400 Bad Request"], 0),
            // The first try may be billed, although the last one was refused.
            (&["503 Service Unavailable\r\nretry-after: 0", "400 Bad Request"], 1),
            (&["503 Service Unavailable\r\nretry-after: 0", "500 Oops\r\nretry-after: 0", "400 Bad Request"], 2),
            (&["408 Request Timeout"], 1),
            (&["200 OK"], 1),
            // A wait that no clock can add is as good as any other that is too long.
            (&["503 Service Unavailable\r\nretry-after: 18446744073709551615"], 1),
        ];
        for (replies, uncertain_tries) in cases {
            let model = model_with(replies).await;
            let asked = model.ask_with_cost(&question, Instant::now() + Duration::from_secs(20)).await;
            assert!(asked.answer.is_err(), "{replies:?}");
            assert_eq!(asked.uncertain_tries, uncertain_tries, "{replies:?}: {asked:?}");
        }
    }

    #[test]
    fn a_retry_after_is_read_and_capped() {
        let wait = |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]));
        for (value, want) in [
            ("2", Some(2)),
            (" 0 ", Some(0)),
            ("86400", Some(3_600)),
            ("18446744073709551615", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(wait(value), want.map(Duration::from_secs), "{value:?}");
        }
        let dates = [
            (RETRY_AFTER, "Wed, 24 Nov 2027 10:00:00 GMT".parse().unwrap()),
            (DATE, "Tue, 24 Nov 2026 10:00:00 GMT".parse().unwrap()),
        ];
        assert_eq!(retry_after(&HeaderMap::from_iter(dates)), Some(MAX_RETRY_AFTER));
    }
}

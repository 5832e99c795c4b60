//! The error of this crate: a kind for what programs treat differently, and the service's code.

use serde::Deserialize;

use crate::types::Failure;

/// Result of a call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Codes that the service returns. A newer service may return others.
pub const ERROR_CODES: &[&str] = &[
    "INVALID_REQUEST",
    "SCHEMA_INVALID",
    "SCHEMA_NOT_ALLOWED",
    "SCHEMA_REQUIRED",
    "IDEMPOTENCY_MISMATCH",
    "UNAUTHORIZED",
    "ACCOUNT_SUSPENDED",
    "TIER_REQUIRED",
    "JOB_FORBIDDEN",
    "JOB_NOT_FOUND",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "PAYLOAD_TOO_LARGE",
    "RATE_LIMITED",
    "QUOTA_EXCEEDED",
    "KEY_LIMIT_REACHED",
    "INTERNAL",
    "UNAVAILABLE",
    "FETCH_BLOCKED",
    "URL_UNREACHABLE",
    "TIMEOUT",
    "UNSUPPORTED_CONTENT",
    "ROBOTS_DENIED",
    "CRAWL_LIMIT_REACHED",
    "JOB_CANCELLED",
    "JOB_EXPIRED",
];

/// Codes that this client adds.
pub const CLIENT_CODES: &[&str] = &["CONNECTION_FAILED", "WAIT_TIMEOUT", "PROTOCOL_ERROR", "MODEL_MISMATCH"];

/// What an error means for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call is invalid; nothing was charged.
    InvalidRequest,
    /// The schema is invalid or missing; nothing was charged.
    Schema,
    /// The API key is missing, unknown or revoked, or the account is suspended.
    Authentication,
    /// Too many calls, and retrying after the waits that the service asked for did not help.
    RateLimited,
    /// Too few credits are left; nothing was charged.
    QuotaExceeded,
    /// The job does not exist, or its results are no longer kept.
    JobNotFound,
    /// The job belongs to another account.
    JobForbidden,
    /// The service failed repeatedly (5xx).
    Server,
    /// The service could not be reached in several attempts.
    ConnectionFailed,
    /// The call's `timeout` has passed. The job keeps running; read it with [`Client::result`](crate::Client::result).
    WaitTimeout,
    /// The response does not follow this API.
    Protocol,
    /// The page of an `extract` could not be read; `code` says why.
    Page,
    /// The page of an `extract` was read, but its values do not fit the type.
    ModelMismatch,
}

/// Any error of this crate.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {message}{}", self.job_suffix())]
pub struct Error {
    /// What the error means for the caller.
    pub kind: ErrorKind,
    /// One of [`ERROR_CODES`] or [`CLIENT_CODES`]; a newer service may return others.
    pub code: String,
    /// What is wrong, as text.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The job that the error is about.
    pub job_id: Option<String>,
    /// The HTTP status, if there was a response.
    pub status: Option<u16>,
    /// The page of an `extract`, with the raw values if they do not fit the type.
    pub page: Option<Box<Failure>>,
}

impl Error {
    fn job_suffix(&self) -> String {
        self.job_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default()
    }

    pub(crate) fn new(kind: ErrorKind, code: &str, message: impl Into<String>) -> Error {
        let (code, message) = (code.to_owned(), message.into());
        Error { kind, code, message, retryable: false, job_id: None, status: None, page: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::InvalidRequest, "INVALID_REQUEST", message)
    }

    pub(crate) fn schema(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Schema, "SCHEMA_INVALID", message)
    }

    pub(crate) fn protocol(message: impl Into<String>, job_id: Option<&str>) -> Error {
        Error { job_id: job_id.map(str::to_owned), ..Error::new(ErrorKind::Protocol, "PROTOCOL_ERROR", message) }
    }

    /// Makes an error of the failed page of an extract.
    pub(crate) fn page(failure: Failure, job_id: Option<String>) -> Error {
        let kind = if failure.data.is_some() { ErrorKind::ModelMismatch } else { ErrorKind::Page };
        let mut error = Error::new(kind, &failure.error.code, failure.error.message.clone());
        (error.retryable, error.job_id) = (failure.error.retryable, job_id);
        error.page = Some(Box::new(failure));
        error
    }

    /// Makes an error of a response without a 2xx status.
    pub(crate) fn from_response(status: u16, body: &[u8], job_id: Option<String>) -> Error {
        #[derive(Deserialize)]
        struct Envelope {
            error: ErrorBody,
        }
        #[derive(Deserialize)]
        struct ErrorBody {
            code: String,
            #[serde(default)]
            message: String,
            retryable: Option<bool>,
        }
        let error = serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error);
        let error = error.unwrap_or_else(|| {
            // Not the service's envelope: an intermediary answered.
            let code = match status {
                401 => "UNAUTHORIZED",
                404 => "NOT_FOUND",
                429 => "RATE_LIMITED",
                500.. => "UNAVAILABLE",
                _ => "PROTOCOL_ERROR",
            };
            let message = format!("the response has status {status} and no error object");
            ErrorBody { code: code.to_owned(), message, retryable: None }
        });
        let is_transient = matches!(status, 408 | 429 | 500 | 502 | 503 | 504);
        Error {
            kind: kind_of(&error.code),
            message: error.message,
            retryable: error.retryable.unwrap_or(is_transient),
            job_id,
            status: Some(status),
            page: None,
            code: error.code,
        }
    }
}

fn kind_of(code: &str) -> ErrorKind {
    match code {
        "SCHEMA_INVALID" | "SCHEMA_NOT_ALLOWED" | "SCHEMA_REQUIRED" => ErrorKind::Schema,
        "UNAUTHORIZED" | "ACCOUNT_SUSPENDED" => ErrorKind::Authentication,
        "RATE_LIMITED" => ErrorKind::RateLimited,
        "QUOTA_EXCEEDED" => ErrorKind::QuotaExceeded,
        "JOB_NOT_FOUND" => ErrorKind::JobNotFound,
        "JOB_FORBIDDEN" => ErrorKind::JobForbidden,
        "INTERNAL" | "UNAVAILABLE" => ErrorKind::Server,
        "PROTOCOL_ERROR" => ErrorKind::Protocol,
        _ => ErrorKind::InvalidRequest,
    }
}

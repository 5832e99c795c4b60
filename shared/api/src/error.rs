//! Errors of the accept phase and of the reading endpoints: one envelope, and the one mapping from code to status.

use domain::ErrorCode;
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use store::StoreError;

use crate::{Body, Response};

/// A refusal: its code, a message for people, and the headers that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The code, for programs.
    pub code: ErrorCode,
    /// The message. It says what is wrong and how to correct it.
    pub message: String,
    /// `Retry-After`, in seconds, if known.
    pub retry_after: Option<u64>,
    /// `Allow`, with `METHOD_NOT_ALLOWED`.
    pub allow: Option<String>,
}

impl ApiError {
    /// Creates a refusal without further headers.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> ApiError {
        ApiError { code, message: message.into(), retry_after: None, allow: None }
    }

    /// Creates an `INVALID_REQUEST`.
    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(ErrorCode::InvalidRequest, message)
    }

    /// Creates the `NOT_FOUND` of a path that was routed to a function that does not serve it.
    pub fn misrouted() -> ApiError {
        ApiError::new(ErrorCode::NotFound, "this path is routed to the wrong function")
    }

    /// Creates a `JOB_NOT_FOUND`.
    pub fn job_not_found(id: &str) -> ApiError {
        let text = format!("there is no job \"{}\"; check the id (a job is kept as long as its results)", shown_id(id));
        ApiError::new(ErrorCode::JobNotFound, text)
    }

    /// Creates a `JOB_NOT_FOUND` for a job that cannot be cancelled, because it does not run.
    pub fn no_running_job(id: &str) -> ApiError {
        let id = shown_id(id);
        let text = format!("there is no running job \"{id}\"; it may have ended already (see GET /v1/jobs/{id})");
        ApiError::new(ErrorCode::JobNotFound, text)
    }

    /// Returns the HTTP status of a code. Codes that only occur inside a body have 200.
    pub fn status(code: ErrorCode) -> StatusCode {
        use ErrorCode::*;
        match code {
            InvalidRequest | SchemaInvalid | SchemaNotAllowed => StatusCode::BAD_REQUEST,
            SchemaRequired | IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
            Unauthorized => StatusCode::UNAUTHORIZED,
            AccountSuspended | JobForbidden => StatusCode::FORBIDDEN,
            TierRequired => StatusCode::PAYMENT_REQUIRED,
            JobNotFound | NotFound => StatusCode::NOT_FOUND,
            MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            RateLimited | QuotaExceeded => StatusCode::TOO_MANY_REQUESTS,
            Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            FetchBlocked | UrlUnreachable | Timeout | UnsupportedContent | RobotsDenied | JobCancelled | JobExpired => {
                StatusCode::OK
            }
        }
    }

    /// Builds the response: status, envelope and headers.
    pub fn into_response(self) -> Response {
        let envelope = serde_json::json!({
            "status": "error",
            "error": { "code": self.code, "message": self.message, "retryable": self.code.retryable() },
        });
        let mut response = Response::new(Body::full(envelope.to_string()));
        *response.status_mut() = ApiError::status(self.code);
        // For the log.
        response.extensions_mut().insert(self.code);
        response.extensions_mut().insert(Message(self.message));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(allow) = self.allow.and_then(|a| a.parse().ok()) {
            headers.insert(http::header::ALLOW, allow);
        }
        response
    }
}

fn shown_id(id: &str) -> String {
    id.chars().take(80).collect()
}

/// The message of a refusal, kept for [`as_problem_if_preferred`].
#[derive(Debug, Clone)]
struct Message(String);

/// Converts a refusal to `application/problem+json` (RFC 9457) if `problem` is true.
pub fn as_problem_if_preferred(response: Response, problem: bool) -> Response {
    let extensions = response.extensions();
    let (Some(code), Some(Message(message))) = (extensions.get::<ErrorCode>().copied(), extensions.get::<Message>())
    else {
        return response;
    };
    if !problem {
        return response;
    }
    let status = response.status();
    let problem = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "detail": message,
        "code": code,
        "retryable": code.retryable(),
    });
    let mut response = response.map(|_| Body::full(problem.to_string()));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("application/problem+json"));
    response
}

/// Internal faults: logged here, once, with their details, which the caller does not get.
impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        match error {
            StoreError::Unavailable { .. } | StoreError::Contended { .. } => {
                tracing::error!(%error, "a call failed: the store is not available");
                let text = "the service is not available at the moment; try again shortly. A call that starts a job may \
                            have been accepted: repeat it with its Idempotency-Key, or see GET /v1/jobs first";
                ApiError { retry_after: Some(2), ..ApiError::new(ErrorCode::Unavailable, text) }
            }
            StoreError::Malformed(_) => {
                tracing::error!(%error, "a call failed: a row is missing or malformed, or DynamoDB refused a request");
                ApiError::new(
                    ErrorCode::Internal,
                    "an internal error occurred; repeat a call that starts a job only with its Idempotency-Key",
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_statuses_of_the_contract() {
        assert_eq!(ApiError::status(ErrorCode::SchemaRequired), 422);
        assert_eq!(ApiError::status(ErrorCode::TierRequired), 402);
        assert_eq!(ApiError::status(ErrorCode::QuotaExceeded), 429);
        assert_eq!(ApiError::status(ErrorCode::FetchBlocked), 200);
    }

    #[test]
    fn internal_faults_reveal_no_details() {
        let e = ApiError::from(StoreError::Unavailable {
            operation: "PutItem",
            source: "dispatch failure: 10.1.2.3 runo-jobs".into(),
        });
        assert_eq!((e.code, e.retry_after), (ErrorCode::Unavailable, Some(2)));
        assert!(!e.message.contains("runo-jobs") && !e.message.contains("PutItem"));
    }
}

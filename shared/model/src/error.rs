//! Why a model gave no answer, with the code that begins the warning in a result.

use std::time::Duration;

/// A kind of failure; its name begins the warning in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The answer is not JSON or does not have the requested form, or the key was rejected.
    Error,
    /// The model cannot be reached or fails, or it failed recently and is not called for a while.
    Unavailable,
    /// The model's rate limit is reached, or the operator's budget for the day is used up.
    RateLimited,
    /// The model took too long.
    Timeout,
    /// The answer ended before it was complete.
    Truncated,
    /// The answer is empty.
    Empty,
    /// The model refused the page.
    Blocked,
    /// The model rejected the request.
    BadRequest,
}

impl Code {
    /// All codes.
    pub const ALL: [Code; 8] = [
        Code::Error,
        Code::Unavailable,
        Code::RateLimited,
        Code::Timeout,
        Code::Truncated,
        Code::Empty,
        Code::Blocked,
        Code::BadRequest,
    ];

    /// Returns the name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Code::Error => "LLM_ERROR",
            Code::Unavailable => "LLM_UNAVAILABLE",
            Code::RateLimited => "LLM_RATE_LIMITED",
            Code::Timeout => "LLM_TIMEOUT",
            Code::Truncated => "LLM_TRUNCATED",
            Code::Empty => "LLM_EMPTY",
            Code::Blocked => "LLM_BLOCKED",
            Code::BadRequest => "LLM_BAD_REQUEST",
        }
    }
}

/// A call without an answer. Its text begins with the code's name and is meant for the API's caller: it names neither
/// the model nor its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", code.name())]
pub struct ModelError {
    /// The kind of failure.
    pub code: Code,
    /// The failure in words.
    pub text: &'static str,
    /// When the model may be called again, if it says so.
    pub retry_after: Option<Duration>,
    /// The response's status, for the log.
    pub status: Option<u16>,
    /// Whether the request may have reached the server.
    pub(crate) sent: bool,
}

impl ModelError {
    /// A failure without a status.
    pub fn new(code: Code, text: &'static str) -> ModelError {
        ModelError { code, text, retry_after: None, status: None, sent: true }
    }

    /// Returns whether the failure may pass within a moment.
    pub fn is_transient(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::RateLimited)
    }

    /// Returns whether the request had no effect and costs nothing: it was not sent, or the server refused it before the
    /// model read it. A 5xx or a 408 may come from a gateway whose server went on.
    pub(crate) fn is_without_effect(&self) -> bool {
        !self.sent || self.status.is_some_and(|status| (400..500).contains(&status) && status != 408)
    }

    /// Returns whether the failure concerns the model rather than one page.
    pub(crate) fn concerns_model(&self) -> bool {
        let refused = matches!(self.status, Some(401 | 403 | 404));
        refused || matches!(self.code, Code::Unavailable | Code::RateLimited | Code::Timeout)
    }
}

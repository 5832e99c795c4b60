//! Why a model gave no answer, by the hosted service's codes.

use std::time::Duration;

/// A kind of failure; its name begins the warning that a result bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// Its answer is none: no JSON, or not what was asked for; or the key is refused.
    Error,
    /// It cannot be reached, or fails; or it did lately and is left alone for a moment.
    Unavailable,
    /// It is asked more than it allows; or the operator's budget of the day is spent.
    RateLimited,
    /// It took too long.
    Timeout,
    /// Its answer ended before it was complete.
    Truncated,
    /// Its answer is empty.
    Empty,
    /// It refuses this page.
    Blocked,
    /// It does not take the request.
    BadRequest,
}

impl Code {
    /// Every code.
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

    /// The name on the wire.
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

/// A call that gave no answer. Its text begins with the code's name and is for the caller of the API: it names neither
/// the model nor its address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {text}", code.name())]
pub struct ModelError {
    /// What kind.
    pub code: Code,
    /// In words.
    pub text: &'static str,
    /// When it says that it may be asked again.
    pub retry_after: Option<Duration>,
    /// The answer's status, for the log.
    pub status: Option<u16>,
}

impl ModelError {
    /// A failure without a status.
    pub fn new(code: Code, text: &'static str) -> ModelError {
        ModelError { code, text, retry_after: None, status: None }
    }

    /// Whether it may pass within a moment.
    pub fn is_passing(&self) -> bool {
        matches!(self.code, Code::Unavailable | Code::RateLimited)
    }

    /// Whether it tells of the model rather than of one page.
    pub(crate) fn tells_of_the_model(&self) -> bool {
        let refused = matches!(self.status, Some(401 | 403 | 404));
        refused || matches!(self.code, Code::Unavailable | Code::RateLimited | Code::Timeout)
    }
}

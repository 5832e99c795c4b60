//! The error codes of the contract and what a unit says when it fails. HTTP statuses are not known here.

use serde::{Deserialize, Serialize};

/// A machine-readable error code, spelt on the wire as its `SCREAMING_SNAKE_CASE` name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs)] // each variant is documented, with its HTTP status, in docs/API.md
pub enum ErrorCode {
    InvalidRequest,
    SchemaInvalid,
    SchemaNotAllowed,
    SchemaRequired,
    IdempotencyMismatch,
    Unauthorized,
    AccountSuspended,
    TierRequired,
    JobForbidden,
    JobNotFound,
    NotFound,
    MethodNotAllowed,
    PayloadTooLarge,
    RateLimited,
    QuotaExceeded,
    Internal,
    Unavailable,
    FetchBlocked,
    UrlUnreachable,
    Timeout,
    UnsupportedContent,
    RobotsDenied,
    JobCancelled,
    JobExpired,
}

impl ErrorCode {
    /// Whether the same call may succeed later, as the contract's table says.
    /// The one exception, `URL_UNREACHABLE` for a forbidden address, is said by [`UnitError::forbidden`].
    pub fn retryable(self) -> bool {
        use ErrorCode::*;
        match self {
            RateLimited | Internal | Unavailable | FetchBlocked | UrlUnreachable | Timeout | JobExpired => true,
            InvalidRequest | SchemaInvalid | SchemaNotAllowed | SchemaRequired | IdempotencyMismatch | Unauthorized
            | AccountSuspended | TierRequired | JobForbidden | JobNotFound | NotFound | MethodNotAllowed
            | PayloadTooLarge | QuotaExceeded | UnsupportedContent | RobotsDenied | JobCancelled => false,
        }
    }
}

/// Why one unit (one URL) failed: the `error` object of a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitError {
    /// What programs read.
    pub code: ErrorCode,
    /// What people read: what is wrong and what would be right.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// How often the page was tried, where that was more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

impl UnitError {
    /// An error whose `retryable` follows from its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        UnitError { code, message: message.into(), retryable: code.retryable(), attempts: None }
    }

    /// `URL_UNREACHABLE` for an address that may not be fetched: trying again will not help.
    pub fn forbidden(message: impl Into<String>) -> Self {
        UnitError { code: ErrorCode::UrlUnreachable, message: message.into(), retryable: false, attempts: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_spelt_as_in_the_contract() {
        assert_eq!(serde_json::to_string(&ErrorCode::UrlUnreachable).unwrap(), "\"URL_UNREACHABLE\"");
        assert_eq!(serde_json::to_string(&ErrorCode::JobForbidden).unwrap(), "\"JOB_FORBIDDEN\"");
    }

    #[test]
    fn a_forbidden_address_is_not_retryable() {
        assert!(UnitError::new(ErrorCode::UrlUnreachable, "x").retryable);
        assert!(!UnitError::forbidden("x").retryable);
    }
}

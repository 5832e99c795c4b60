//! The contract's error codes, and the error of a unit that failed. This module does not know HTTP statuses.

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
    /// Returns whether the same call may succeed later, according to the contract's table. [`UnitError::forbidden`]
    /// makes the one exception: `URL_UNREACHABLE` for a forbidden address.
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
    /// The code, for programs.
    pub code: ErrorCode,
    /// The text for people. It says what is wrong and how to correct it.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
    /// How many times the page was tried, if more than once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

impl UnitError {
    /// Creates an error whose `retryable` follows from its code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        UnitError { code, message: message.into(), retryable: code.retryable(), attempts: None }
    }

    /// Creates a `URL_UNREACHABLE` error for an address that must not be fetched. It is not retryable.
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

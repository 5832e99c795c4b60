//! What can go wrong with a page, and how a unit says it. Messages are for the caller: they name no address that a name
//! was resolved to, no library and no internals.

use std::time::Duration;

use domain::{ErrorCode, UnitError};
use url::Url;

/// The HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client could not be built: {0}")]
pub struct BuildError(pub String);

/// A page could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be fetched: private, reserved, local, or another port.
    #[error("{0}")]
    Forbidden(String),
    /// The site refused: 401, 403, 407, 429, or a bot wall.
    #[error("{0}")]
    Blocked(String),
    /// DNS, connect, TLS, an error status, a broken answer, a redirect that leads nowhere.
    #[error("{0}")]
    Unreachable(String),
    /// The whole page took longer than it may.
    #[error("the page took longer than timeout_ms ({} ms)", .0.as_millis())]
    Timeout(Duration),
    /// Not HTML, JSON or text, or over the size limit.
    #[error("{0}")]
    Unsupported(String),
    /// A redirect leads where whoever asked does not want to go.
    #[error("the page redirects to {0}, which was not followed")]
    Diverted(Box<Url>),
}

impl FetchError {
    /// The unit's error: code and `retryable` of the contract (docs/API.md, section 2).
    pub fn into_unit_error(self) -> UnitError {
        let message = self.to_string();
        match self {
            FetchError::Forbidden(_) => UnitError::forbidden(message),
            FetchError::Blocked(_) => UnitError::new(ErrorCode::FetchBlocked, message),
            FetchError::Unreachable(_) | FetchError::Diverted(_) => UnitError::new(ErrorCode::UrlUnreachable, message),
            FetchError::Timeout(_) => UnitError::new(ErrorCode::Timeout, message),
            FetchError::Unsupported(_) => UnitError::new(ErrorCode::UnsupportedContent, message),
        }
    }
}

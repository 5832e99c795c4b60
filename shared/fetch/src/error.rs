//! The errors of a fetch, and the unit errors they become. Messages are for the caller: they name no address that a
//! name resolves to, no library and no internals.

use std::time::Duration;

use domain::{ErrorCode, UnitError};
use url::Url;

/// The HTTP client cannot be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be built: {0}")]
pub struct BuildError(pub String);

/// Why a page could not be fetched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be fetched: private, reserved or local, or a port that is not allowed.
    #[error("{0}")]
    Forbidden(String),
    /// The site refused: 401, 403, 407, 429.
    #[error("{0}")]
    Blocked(String),
    /// Bot protection answered instead of the page. Trying again does not help.
    #[error("{0}")]
    BotProtection(String),
    /// An error status, a broken response, or a redirect that leads nowhere.
    #[error("{0}")]
    Unreachable(String),
    /// The connection failed: DNS, TCP or TLS.
    #[error("{0}")]
    ConnectFailed(String),
    /// The whole fetch took longer than its timeout.
    #[error("the page took longer than timeout_ms ({} ms)", .0.as_millis())]
    Timeout(Duration),
    /// Not HTML, JSON or text, or over the size limit.
    #[error("{0}")]
    Unsupported(String),
    /// A redirect leads to a page that the caller of the fetcher does not want.
    #[error("the page redirects to {0}, which was not followed")]
    Diverted(Box<Url>),
    /// robots.txt disallows the target of a redirect, or its server failed to send it.
    #[error(
        "the page redirects to {0}, which is not fetched: that site's robots.txt denies it, or the site did not send \
         its robots.txt"
    )]
    Denied(Box<Url>),
    /// A fault that may disappear by itself: a failed connection, a response that broke off, or a status that says so.
    #[error("{0}")]
    Transient(Box<FetchError>),
    /// The site asks for fewer requests. Holds the underlying error, how long to wait, and the URL that answered.
    #[error("{0}")]
    Throttled(Box<FetchError>, Throttled, Box<Url>),
    /// This machine lacks a resource, such as file descriptors. The site was not asked.
    #[error("the page could not be requested because of an internal error")]
    Internal(&'static str),
}

/// A response of 429 or 503: the site asks for fewer requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// `Retry-After` (RFC 9110 §10.2.3), capped at [`MAX_RETRY_AFTER`]; `None` if the site does not send it.
    pub retry_after: Option<Duration>,
}

/// Maximum wait that a site can ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

impl FetchError {
    /// Returns how long to wait if the site asks for fewer requests; otherwise `None`.
    pub fn throttled(&self) -> Option<Throttled> {
        if let FetchError::Throttled(_, throttled, _) = self { Some(*throttled) } else { None }
    }

    /// Returns the URL whose site asked for fewer requests; after redirects it may be on another host.
    pub fn throttled_at(&self) -> Option<&Url> {
        if let FetchError::Throttled(_, _, at) = self { Some(at) } else { None }
    }

    /// Returns whether trying again soon may help.
    pub fn is_transient(&self) -> bool {
        match self {
            FetchError::Transient(_) => true,
            FetchError::Throttled(error, ..) => !matches!(**error, FetchError::BotProtection(_)),
            _ => false,
        }
    }

    /// Returns whether no connection to the site was made, or none is allowed: the site did not answer at all.
    pub fn has_no_connection(&self) -> bool {
        match self {
            FetchError::ConnectFailed(_) | FetchError::Forbidden(_) => true,
            FetchError::Transient(error) => error.has_no_connection(),
            _ => false,
        }
    }

    /// Returns the unit's error, with code and `retryable` of the contract (docs/API.md, "Errors").
    pub fn into_unit_error(self) -> UnitError {
        let message = self.to_string();
        match self {
            FetchError::Forbidden(_) => UnitError::forbidden(message),
            FetchError::Blocked(_) | FetchError::BotProtection(_) => UnitError::new(ErrorCode::FetchBlocked, message),
            FetchError::Unreachable(_) | FetchError::ConnectFailed(_) | FetchError::Diverted(_) => {
                UnitError::new(ErrorCode::UrlUnreachable, message)
            }
            FetchError::Denied(_) => UnitError::new(ErrorCode::RobotsDenied, message),
            FetchError::Timeout(_) => UnitError::new(ErrorCode::Timeout, message),
            FetchError::Unsupported(_) => UnitError::new(ErrorCode::UnsupportedContent, message),
            FetchError::Transient(error) | FetchError::Throttled(error, ..) => error.into_unit_error(),
            FetchError::Internal(_) => UnitError::new(ErrorCode::Internal, message),
        }
    }
}

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
    /// The site refused: 401, 403, 407, 429.
    #[error("{0}")]
    Blocked(String),
    /// A bot wall stands in for the page: asking again does not help.
    #[error("{0}")]
    Walled(String),
    /// An error status, a broken answer, a redirect that leads nowhere.
    #[error("{0}")]
    Unreachable(String),
    /// No connection came about: DNS, TCP, TLS.
    #[error("{0}")]
    Unreached(String),
    /// The whole page took longer than it may.
    #[error("the page took longer than timeout_ms ({} ms)", .0.as_millis())]
    Timeout(Duration),
    /// Not HTML, JSON or text, or over the size limit.
    #[error("{0}")]
    Unsupported(String),
    /// A redirect leads where whoever asked does not want to go.
    #[error("the page redirects to {0}, which was not followed")]
    Diverted(Box<Url>),
    /// A redirect leads where robots.txt says no.
    #[error("the page redirects to {0}, which robots.txt there does not allow")]
    Denied(Box<Url>),
    /// What may pass by itself: a connection that failed, an answer that broke off, a status that says so.
    #[error("{0}")]
    Passing(Box<FetchError>),
    /// The site asks to be left alone for a while: what it says otherwise, until when, and where it says so.
    #[error("{0}")]
    Throttled(Box<FetchError>, Throttled, Box<Url>),
    /// This machine is short of something, such as descriptors: the site was not asked.
    #[error("the page could not be asked for because of a fault of ours")]
    Ours(&'static str),
}

/// An answer of 429 or 503: whoever asks too much is to slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// `Retry-After` (RFC 9110 §10.2.3), at most [`MAX_RETRY_AFTER`]; `None` where the site does not say.
    pub retry_after: Option<Duration>,
}

/// Longest wait that a site may ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

impl FetchError {
    /// Whether the site asked for fewer requests, and for how long.
    pub fn throttled(&self) -> Option<Throttled> {
        if let FetchError::Throttled(_, throttled, _) = self { Some(*throttled) } else { None }
    }

    /// Where an answer came from that [`FetchError::throttled`] tells of: after redirects another host.
    pub fn throttled_at(&self) -> Option<&Url> {
        if let FetchError::Throttled(_, _, at) = self { Some(at) } else { None }
    }

    /// Whether trying again soon may help.
    pub fn may_pass(&self) -> bool {
        match self {
            FetchError::Passing(_) => true,
            FetchError::Throttled(error, ..) => !matches!(**error, FetchError::Walled(_)),
            _ => false,
        }
    }

    /// Whether no connection to the site came about, or may: it said nothing, not even that it does not want to.
    pub fn is_unreached(&self) -> bool {
        match self {
            FetchError::Unreached(_) | FetchError::Forbidden(_) => true,
            FetchError::Passing(error) => error.is_unreached(),
            _ => false,
        }
    }

    /// The unit's error: code and `retryable` of the contract (docs/API.md, section 2).
    pub fn into_unit_error(self) -> UnitError {
        let message = self.to_string();
        match self {
            FetchError::Forbidden(_) => UnitError::forbidden(message),
            FetchError::Blocked(_) | FetchError::Walled(_) => UnitError::new(ErrorCode::FetchBlocked, message),
            FetchError::Unreachable(_) | FetchError::Unreached(_) | FetchError::Diverted(_) => {
                UnitError::new(ErrorCode::UrlUnreachable, message)
            }
            FetchError::Denied(_) => UnitError::new(ErrorCode::RobotsDenied, message),
            FetchError::Timeout(_) => UnitError::new(ErrorCode::Timeout, message),
            FetchError::Unsupported(_) => UnitError::new(ErrorCode::UnsupportedContent, message),
            FetchError::Passing(error) | FetchError::Throttled(error, ..) => error.into_unit_error(),
            FetchError::Ours(_) => UnitError::new(ErrorCode::Internal, message),
        }
    }
}

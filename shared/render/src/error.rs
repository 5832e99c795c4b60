//! Why a page could not be rendered. Messages are for the caller.

use std::time::Duration;

use domain::{ErrorCode, UnitError};
use serde::{Deserialize, Serialize};
use url::Url;

/// Why a page could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RenderError {
    /// The address may not be fetched.
    #[error("{0}")]
    Forbidden(String),
    /// The document could not be had.
    #[error("{0}")]
    Unreachable(String),
    /// It took longer than it may.
    #[error("the page took longer than timeout_ms ({} ms), in a browser", .0.as_millis())]
    Timeout(Duration),
    /// It took more than a page may, or killed its process.
    #[error("{0}")]
    TooMuch(String),
    /// The document is none that a browser shows, such as a file to be kept.
    #[error("the document is \"{0}\", which a browser has nothing to add to")]
    NoPage(String),
    /// It goes on to another document, and was not to.
    #[error("the page goes on to {0}, which was not followed")]
    Diverted(#[serde(with = "crate::ask::text")] Url),
    /// Whoever renders in another process did not answer in time, or is not there.
    #[error("the renderer did not answer within the page's time")]
    NoAnswer,
    /// No browser could be started, or it was lost: the page has no part in it, as far as is known.
    #[error("the browser failed")]
    Ours(String),
}

impl RenderError {
    /// The unit's error: code and `retryable` of the contract (docs/API.md, section 2).
    pub fn into_unit_error(self) -> UnitError {
        let message = self.to_string();
        match self {
            RenderError::Forbidden(_) => UnitError::forbidden(message),
            RenderError::Unreachable(_) | RenderError::Diverted(_) => {
                UnitError::new(ErrorCode::UrlUnreachable, message)
            }
            RenderError::Timeout(_) | RenderError::NoAnswer => UnitError::new(ErrorCode::Timeout, message),
            RenderError::TooMuch(_) | RenderError::NoPage(_) => UnitError::new(ErrorCode::UnsupportedContent, message),
            RenderError::Ours(_) => UnitError::new(ErrorCode::Internal, message),
        }
    }
}

//! The errors of rendering a page. Messages are for the caller.

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
    /// The document could not be fetched.
    #[error("{0}")]
    Unreachable(String),
    /// The page took longer than its timeout.
    #[error("the page took longer than timeout_ms ({} ms) in the browser", .0.as_millis())]
    Timeout(Duration),
    /// The page exceeded a limit, or its process ended.
    #[error("{0}")]
    #[serde(rename = "too_much")] // the name on the wire between functions of different versions
    LimitExceeded(String),
    /// The document is not a page that a browser renders, such as a download.
    #[error("the document is \"{0}\", which a browser does not render as a page")]
    NoPage(String),
    /// The page navigates to another document, which the request does not allow.
    #[error("the page navigates to {0}, which was not followed")]
    Diverted(#[serde(with = "crate::request::text")] Url),
    /// The renderer in another process did not answer in time, failed, or does not exist.
    #[error("the renderer did not answer")]
    NoAnswer,
    /// No browser could be started, or the browser was lost. As far as is known, the page is not the cause.
    #[error("the browser failed")]
    #[serde(rename = "ours")] // the name on the wire between functions of different versions
    Internal(String),
}

impl RenderError {
    /// Returns the unit's error, with code and `retryable` of the contract (docs/API.md, "Errors").
    pub fn into_unit_error(self) -> UnitError {
        let message = self.to_string();
        match self {
            RenderError::Forbidden(_) => UnitError::forbidden(message),
            RenderError::Unreachable(_) | RenderError::Diverted(_) => {
                UnitError::new(ErrorCode::UrlUnreachable, message)
            }
            RenderError::Timeout(_) | RenderError::NoAnswer => UnitError::new(ErrorCode::Timeout, message),
            RenderError::LimitExceeded(_) | RenderError::NoPage(_) => {
                UnitError::new(ErrorCode::UnsupportedContent, message)
            }
            RenderError::Internal(_) => UnitError::new(ErrorCode::Internal, message),
        }
    }
}

//! The result of one unit, as it is stored and sent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::UnitError;
use crate::explained::Explained;
use crate::ids::Seq;
use crate::job::Capture;

/// Where a success's values came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderMode {
    /// Fetched without a browser; at least one value came from the visible page.
    Fetch,
    /// Rendered by a browser.
    Headless,
    /// Every non-null value came from structured data.
    Structured,
    /// Served from the result cache.
    Cache,
}

/// Something captured of a page, and the number under which its job stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// What it is.
    pub kind: Capture,
    /// Number of its unit.
    pub n: Seq,
}

/// One element of `results`. Serialises to exactly the object on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum UnitOutcome {
    /// The page was fetched and read.
    Success {
        /// The URL as the caller gave it.
        url: String,
        /// The URL after redirects, if there were any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_url: Option<String>,
        /// Where the values came from.
        render_mode: RenderMode,
        /// The values: exactly the schema's keys, in its order.
        data: Map<String, Value>,
        /// Values that were changed or could not be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// How many pictures a vision model examined; null without one.
        #[serde(default)]
        images_processed: Option<u32>,
        /// The fields that the operator's model answered, in the schema's order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        model_fields: Vec<String>,
        /// What was captured of the page.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        captures: Vec<Captured>,
        /// Why each value was chosen, if the caller asked for it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        explain: Vec<Explained>,
        /// How many times the page was tried, if more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
    },
    /// The page could not be fetched or read.
    Error {
        /// The URL as the caller gave it.
        url: String,
        /// The URL after redirects, if there were any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_url: Option<String>,
        /// Why it failed.
        error: UnitError,
        /// How many times the page was tried, if more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
    },
}

impl UnitOutcome {
    /// Creates the outcome of a failed unit.
    pub fn error(url: impl Into<String>, error: UnitError) -> Self {
        UnitOutcome::Error { url: url.into(), final_url: None, error, attempts: None }
    }

    /// Records how many times the page was tried, if more than once. A failure has the number in its error too.
    #[must_use]
    pub fn with_attempts(mut self, tries: u32) -> Self {
        let reported = (tries > 1).then_some(tries);
        match &mut self {
            UnitOutcome::Success { attempts, .. } => *attempts = reported,
            UnitOutcome::Error { attempts, error, .. } => (*attempts, error.attempts) = (reported, reported),
        }
        self
    }

    /// Returns whether the unit succeeded.
    pub fn succeeded(&self) -> bool {
        matches!(self, UnitOutcome::Success { .. })
    }
}

//! What became of one unit, as it stands in its row and on the wire.

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

/// What was captured of a page, and by which number its job has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// What it is.
    pub kind: Capture,
    /// Its unit's number.
    pub n: Seq,
}

/// One element of `results`. Serialises to exactly the wire's object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum UnitOutcome {
    /// The page was fetched and read.
    Success {
        /// The URL as the caller gave it.
        url: String,
        /// Where redirects led, if anywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_url: Option<String>,
        /// Where the values came from.
        render_mode: RenderMode,
        /// Exactly the schema's keys, in its order.
        data: Map<String, Value>,
        /// What was changed or could not be read.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        warnings: Vec<String>,
        /// Pictures that a vision pass looked at; null without one.
        #[serde(default)]
        images_processed: Option<u32>,
        /// The fields that the operator's model answered, in the schema's order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        model_fields: Vec<String>,
        /// What was captured of the page.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        captures: Vec<Captured>,
        /// Why each value was chosen, where that was asked for.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        explain: Vec<Explained>,
        /// How often the page was tried, where that was more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
    },
    /// The page could not be fetched or read.
    Error {
        /// The URL as the caller gave it.
        url: String,
        /// Where redirects led, if anywhere.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        final_url: Option<String>,
        /// Why.
        error: UnitError,
        /// How often the page was tried, where that was more than once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
    },
}

impl UnitOutcome {
    /// A failed unit.
    pub fn error(url: impl Into<String>, error: UnitError) -> Self {
        UnitOutcome::Error { url: url.into(), final_url: None, error, attempts: None }
    }

    /// The same of a page that was tried so often. Once is not said. A failure says it in its error, too.
    #[must_use]
    pub fn tried(mut self, tries: u32) -> Self {
        let told = (tries > 1).then_some(tries);
        match &mut self {
            UnitOutcome::Success { attempts, .. } => *attempts = told,
            UnitOutcome::Error { attempts, error, .. } => (*attempts, error.attempts) = (told, told),
        }
        self
    }

    /// Whether the unit counts as succeeded.
    pub fn succeeded(&self) -> bool {
        matches!(self, UnitOutcome::Success { .. })
    }
}

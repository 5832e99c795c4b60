//! What an extraction returns.

use domain::RenderMode;
use serde_json::{Map, Value};

/// The result of an extraction.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// Exactly the schema's keys, in its order.
    pub data: Map<String, Value>,
    /// What was changed, dropped or could not be read.
    pub warnings: Vec<String>,
    /// [`RenderMode::Structured`] if every value present came from structured data, else [`RenderMode::Fetch`].
    pub render_mode: RenderMode,
}

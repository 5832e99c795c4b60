//! A site's response to a request for a document.

use serde_json::Value;

/// A response to a request for a document.
pub(super) struct DocumentResponse {
    pub(super) status: u16,
    /// Media type, without parameters.
    pub(super) media_type: String,
    /// `X-Robots-Tag`, one field per line.
    pub(super) robots_tag: Option<String>,
}

impl DocumentResponse {
    /// Reads a `Network.Response`.
    pub(super) fn of(response: &Value) -> DocumentResponse {
        let fields = response["headers"].as_object().into_iter().flatten();
        let mut tags = fields.filter(|(name, _)| name.eq_ignore_ascii_case("x-robots-tag"));
        DocumentResponse {
            status: response["status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or_default(),
            media_type: response["mimeType"].as_str().unwrap_or_default().to_owned(),
            robots_tag: tags.find_map(|(_, value)| value.as_str()).map(str::to_owned),
        }
    }
}

//! What a caller may choose about how pages are read and how many at once.

use serde::{Deserialize, Serialize};

use crate::request_headers::RequestHeaders;

/// `options.render_js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RenderJs {
    /// A browser where it helps and one is there.
    #[default]
    Auto,
    /// A browser; a warning says so where there is none.
    Always,
    /// Never a browser.
    Never,
}

/// `options.model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// The operator's model, for what rules leave open, if there is one.
    #[default]
    Auto,
    /// No model.
    Never,
}

/// `options.wait_for`: what a page must show in a browser before it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// An element that this CSS selector matches.
    Selector(String),
    /// Milliseconds after the page has loaded.
    Ms(u32),
}

/// `options.capture`: what is kept of a page beside its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// A PNG of the window.
    Screenshot,
}

/// The caller's options, validated, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Whether a browser is wanted.
    pub render_js: RenderJs,
    /// BCP 47 tag.
    pub locale: String,
    /// Milliseconds for a whole page.
    pub timeout_ms: u32,
    /// Skip the result cache.
    pub no_cache: bool,
    /// Ask for a vision pass.
    pub process_images: bool,
    /// Whether the account's plan has one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub images_allowed: bool,
    /// Parallel fetches of this job; `None` leaves it to the server.
    pub concurrency: Option<u32>,
    /// Stop at the first failed URL.
    pub fail_fast: bool,
    /// Further tries of a page after a failure that may pass.
    #[serde(default)]
    pub retries: u32,
    /// Request fields of the caller's own.
    #[serde(default, skip_serializing_if = "RequestHeaders::is_empty")]
    pub headers: RequestHeaders,
    /// What a page must show in a browser before it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// Whether a model may be asked.
    #[serde(default)]
    pub model: ModelUse,
    /// What is kept of a page beside its values. A browser is asked for it, whatever the page shows without one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<Capture>,
    /// Whether the result is to say why each value was chosen; where the operator allows it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub explain: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            render_js: RenderJs::Auto,
            locale: "en-US".into(),
            timeout_ms: 15_000,
            no_cache: false,
            process_images: false,
            images_allowed: false,
            concurrency: None,
            fail_fast: false,
            retries: crate::retry::DEFAULT_RETRIES,
            headers: RequestHeaders::default(),
            wait_for: None,
            model: ModelUse::Auto,
            capture: Vec::new(),
            explain: false,
        }
    }
}

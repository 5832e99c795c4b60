//! The caller's options: how pages are read and how many at once.

use serde::{Deserialize, Serialize};

use crate::request_headers::RequestHeaders;

/// `options.render_js`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum RenderJs {
    /// Use a browser if it helps and one is available.
    #[default]
    Auto,
    /// Always use a browser; the result has a warning if none is available.
    Always,
    /// Never use a browser.
    Never,
}

/// `options.model`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// Use the operator's model, if there is one, for fields that rules leave open.
    #[default]
    Auto,
    /// Use no model.
    Never,
}

/// `options.wait_for`: what a browser waits for before the page is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitFor {
    /// An element that this CSS selector matches.
    Selector(String),
    /// Milliseconds after the page has loaded.
    Ms(u32),
}

/// `options.capture`: what is kept of a page in addition to its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// A PNG of the browser window.
    Screenshot,
}

/// The caller's options. Validated, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Whether to use a browser.
    pub render_js: RenderJs,
    /// The locale, a BCP 47 tag.
    pub locale: String,
    /// Timeout of a whole page in milliseconds.
    pub timeout_ms: u32,
    /// Whether to skip the result cache.
    pub no_cache: bool,
    /// Whether to read images with a vision model.
    pub process_images: bool,
    /// Whether the account's plan includes that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub images_allowed: bool,
    /// Maximum number of parallel fetches of this job; `None` leaves it to the server.
    pub concurrency: Option<u32>,
    /// Whether to stop at the first failed URL.
    pub fail_fast: bool,
    /// Further tries of a page after a transient failure.
    #[serde(default)]
    pub retries: u32,
    /// The caller's own request headers.
    #[serde(default, skip_serializing_if = "RequestHeaders::is_empty")]
    pub headers: RequestHeaders,
    /// What a browser waits for before the page is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// Whether a model may be asked.
    #[serde(default)]
    pub model: ModelUse,
    /// What is kept of a page in addition to its values. Requires a browser, even if the page could be read without
    /// one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<Capture>,
    /// Whether the result says why each value was chosen, if the operator allows it.
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

//! What may be said about a call, under the names of the wire. What is left out is the service's to choose.

use std::collections::BTreeMap;

use serde::Serialize;

/// How pages are fetched and read: the members of `options`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PageOptions {
    /// Whether a browser reads the page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_js: Option<RenderJs>,
    /// In a browser: what to wait for before reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// What to keep of the page besides its data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<CaptureKind>,
    /// Whether the operator's language model may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUse>,
    /// Further tries of a page after a failure that may pass, 0 to 5; one credit whatever happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u8>,
    /// Request fields for the URL's own origin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// BCP 47; decides how `1.234,50` and `03/04/2025` read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// For a whole page, 1000 to 120000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// Fetch anew, whatever the result cache has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// Accepted by the service; see its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_images: Option<bool>,
}

/// The options of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BatchOptions {
    /// How each page is fetched and read.
    #[serde(flatten)]
    pub page: PageOptions,
    /// Parallel fetches, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u8>,
    /// Stop at the first failed URL; what had not started is refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_fast: Option<bool>,
}

/// Whether a browser reads a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderJs {
    /// Where the plain page shows nothing without its programs.
    Auto,
    /// At once.
    Always,
    /// Never.
    Never,
}

/// What a browser waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum WaitFor {
    /// A CSS selector that matches.
    Selector(String),
    /// So many milliseconds after load.
    Milliseconds(u32),
}

/// What may be kept of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureKind {
    /// A PNG of the window.
    Screenshot,
}

/// Whether the operator's language model may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// Where rules leave something open.
    Auto,
    /// Never.
    Never,
}

/// Where a crawl goes: the members of `crawl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrawlRules {
    /// A glob over the whole URL; `*` crosses `/`.
    pub follow_pattern: String,
    /// Ceiling on pages visited; so many credits are reserved.
    pub max_pages: u32,
    /// Hops from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<u8>,
    /// Whether matching URLs of the sitemap are taken too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_sitemap: Option<bool>,
    /// Whether robots.txt is left unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_robots: Option<bool>,
    /// Lifts the cap of a quarter of what is left of the month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_large_crawl: Option<bool>,
}

impl CrawlRules {
    /// Follows the links that match, up to so many pages.
    pub fn new(follow_pattern: impl Into<String>, max_pages: u32) -> CrawlRules {
        CrawlRules {
            follow_pattern: follow_pattern.into(),
            max_pages,
            max_depth: None,
            use_sitemap: None,
            ignore_robots: None,
            allow_large_crawl: None,
        }
    }
}

/// Where a message goes when the job has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Webhook {
    /// Who is told.
    pub url: String,
    /// Of what; of everything where it is empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<WebhookEvent>,
}

impl Webhook {
    /// Tells of every end.
    pub fn new(url: impl Into<String>) -> Webhook {
        Webhook { url: url.into(), events: Vec::new() }
    }
}

/// An end of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum WebhookEvent {
    /// It ended by itself.
    #[serde(rename = "job.completed")]
    Completed,
    /// It was cancelled.
    #[serde(rename = "job.cancelled")]
    Cancelled,
    /// It met its deadline.
    #[serde(rename = "job.expired")]
    Expired,
    /// Nothing of it succeeded.
    #[serde(rename = "job.failed")]
    Failed,
}

//! Options of calls, with the names of the wire. The service chooses the defaults of what is left out.

use std::collections::BTreeMap;

use serde::Serialize;

/// How pages are fetched and read: the members of `options`.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PageOptions {
    /// Whether to render the page in a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub render_js: Option<RenderJs>,
    /// In a browser: what to wait for before reading.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wait_for: Option<WaitFor>,
    /// What to capture of the page besides its data.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capture: Vec<CaptureKind>,
    /// Whether the operator's language model may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelUse>,
    /// Retries of a page after a transient failure, 0 to 5; the page costs one credit in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u8>,
    /// Request headers for the URL's own origin.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Language tag (BCP 47) that decides how `1.234,50` and `03/04/2025` are read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Timeout for a whole page in milliseconds, 1000 to 120000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
    /// Fetch the page even if the result cache has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_cache: Option<bool>,
    /// Whether the operator's model may read pictures for fields that are still empty (plan scale).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process_images: Option<bool>,
}

/// The options of a batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct BatchOptions {
    /// How each page is fetched and read.
    #[serde(flatten)]
    pub page: PageOptions,
    /// Pages to fetch at once, 1 to 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u8>,
    /// Stop at the first failed URL; pages that have not started are refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fail_fast: Option<bool>,
}

/// Whether to render a page in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RenderJs {
    /// Only if the plain page shows nothing until its scripts run.
    Auto,
    /// Always.
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
    /// A time after load, in milliseconds.
    Milliseconds(u32),
}

/// What can be captured of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CaptureKind {
    /// A PNG of the browser's window.
    Screenshot,
}

/// Whether the operator's language model may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelUse {
    /// Only for fields that rules leave open.
    Auto,
    /// Never.
    Never,
}

/// Which pages a crawl visits: the members of `crawl`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrawlRules {
    /// Links to follow: a glob over the whole URL; `*` crosses `/`.
    pub follow_pattern: String,
    /// Maximum number of pages visited; this many credits are reserved.
    pub max_pages: u32,
    /// Maximum number of links from the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<u8>,
    /// Whether to visit matching URLs of the sitemap too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_sitemap: Option<bool>,
    /// Whether to ignore robots.txt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_robots: Option<bool>,
    /// Whether `max_pages` may exceed a quarter of the month's remaining credits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_large_crawl: Option<bool>,
}

impl CrawlRules {
    /// Follows the links that match, up to `max_pages` pages.
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

/// URL to send a webhook message to when the job has ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Webhook {
    /// URL to call.
    pub url: String,
    /// Events to send; all of them if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<WebhookEvent>,
}

impl Webhook {
    /// Creates a webhook for all events.
    pub fn new(url: impl Into<String>) -> Webhook {
        Webhook { url: url.into(), events: Vec::new() }
    }
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum WebhookEvent {
    /// The job ended by itself.
    #[serde(rename = "job.completed")]
    Completed,
    /// The job was cancelled.
    #[serde(rename = "job.cancelled")]
    Cancelled,
    /// The job reached its deadline.
    #[serde(rename = "job.expired")]
    Expired,
    /// No page of the job succeeded.
    #[serde(rename = "job.failed")]
    Failed,
}

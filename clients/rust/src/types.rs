//! Results of pages, with the names of the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::wire_enum::wire_enum;

/// The type of rows by default: the schema's fields, in its order.
pub type Row = Map<String, Value>;

/// The result of one page of a batch or a crawl.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum Page<T = Row> {
    /// The page was read.
    #[serde(rename = "success")]
    Success(Success<T>),
    /// The page could not be read, never started, or does not fit the type.
    #[serde(rename = "error")]
    Failure(Failure),
}

impl<T> Page<T> {
    /// Returns the URL as it was given.
    pub fn url(&self) -> &str {
        match self {
            Page::Success(page) => &page.url,
            Page::Failure(page) => &page.url,
        }
    }

    /// Returns the page's position in `urls`; for a crawl, in the order of completion.
    pub fn index(&self) -> Option<u64> {
        match self {
            Page::Success(page) => page.index,
            Page::Failure(page) => page.index,
        }
    }

    /// Sets the page's position, for callers that join the results of several jobs.
    pub fn set_index(&mut self, index: u64) {
        match self {
            Page::Success(page) => page.index = Some(index),
            Page::Failure(page) => page.index = Some(index),
        }
    }

    /// Returns the row, if the page was read.
    pub fn data(&self) -> Option<&T> {
        match self {
            Page::Success(page) => Some(&page.data),
            Page::Failure(_) => None,
        }
    }

    /// Returns the row, or why there is none.
    pub fn into_data(self) -> std::result::Result<T, Problem> {
        match self {
            Page::Success(page) => Ok(page.data),
            Page::Failure(page) => Err(page.error),
        }
    }

    /// Whether the page was read.
    pub fn ok(&self) -> bool {
        matches!(self, Page::Success(_))
    }
}

/// A page that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Success<T = Row> {
    /// The page's position in `urls`; for a crawl, in the order of completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The URL as it was given.
    pub url: String,
    /// The URL after redirects, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// How often the page was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How the page was read.
    pub render_mode: RenderMode,
    /// The row.
    pub data: T,
    /// Warnings, such as what was changed to read a text as its type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Number of pictures that a vision pass read; `None` without one.
    pub images_processed: Option<u64>,
    /// The fields that the operator's language model answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_fields: Vec<String>,
    /// What was captured of the page; [`Client::capture`](crate::Client::capture) fetches it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Why each value was chosen, if the call said `Prefer: explain` and the operator allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explain: Vec<Value>,
}

/// A page that could not be read, never started, or does not fit the type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The page's position in `urls`; for a crawl, in the order of completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The URL as it was given.
    pub url: String,
    /// The URL after redirects, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// How often the page was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Why there is no row.
    pub error: Problem,
    /// The raw values, if the code is `MODEL_MISMATCH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Row>,
}

/// Why a page has no data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// One of [`ERROR_CODES`](crate::ERROR_CODES), or `MODEL_MISMATCH`.
    pub code: String,
    /// What is wrong, as text.
    pub message: String,
    /// Whether the page may be readable later.
    pub retryable: bool,
    /// How often the page was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// A capture of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// The kind of capture: `screenshot`.
    pub kind: String,
    /// The number to pass to [`Client::capture`](crate::Client::capture).
    pub n: u64,
}

wire_enum! {
    /// How a page was read.
    RenderMode {
        /// From the page as it was fetched.
        Fetch = "fetch",
        /// In a browser.
        Headless = "headless",
        /// From its structured data alone.
        Structured = "structured",
        /// From the result cache.
        Cache = "cache",
    }
}

/// The outcome of a job. Batches have the counts, crawls `seed_url` and `crawl_meta`, both have the rest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether the job was cancelled.
    #[serde(default)]
    pub cancelled: bool,
    /// Credits reserved when the job was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_reserved: Option<u64>,
    /// Credits charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_charged: Option<u64>,
    /// Credits refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_refunded: Option<u64>,
    /// Number of URLs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Pages that were read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<u64>,
    /// Pages that could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<u64>,
    /// Pages that never started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_run: Option<u64>,
    /// The crawl's seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_url: Option<String>,
    /// The outcome of a crawl.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawl_meta: Option<CrawlMeta>,
}

impl Summary {
    /// Copies a crawl's figures to the top level.
    pub(crate) fn ended(mut self) -> Summary {
        if let Some(meta) = &self.crawl_meta {
            self.cancelled = meta.cancelled;
            self.credits_reserved = Some(meta.credits_reserved);
            (self.credits_charged, self.credits_refunded) = (meta.credits_charged, meta.credits_refunded);
        }
        self
    }
}

/// The outcome of a crawl.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrawlMeta {
    /// Pages that were fetched, failed ones included.
    pub pages_visited: u64,
    /// URLs that matched and were not fetched.
    pub pages_skipped: u64,
    /// Pages that could not be read.
    pub pages_failed: u64,
    /// Whether the job was cancelled.
    pub cancelled: bool,
    /// `JOB_CANCELLED`, `CRAWL_LIMIT_REACHED`, or `None`.
    pub stopped_by: Option<String>,
    /// Credits reserved when the job was accepted.
    pub credits_reserved: u64,
    /// Credits charged; `None` while the crawl runs.
    pub credits_charged: Option<u64>,
    /// Credits refunded; `None` while the crawl runs.
    pub credits_refunded: Option<u64>,
    /// Sitemap files that were read.
    #[serde(default)]
    pub sitemaps_read: u64,
    /// Sitemap files that could not be fetched or were malformed.
    #[serde(default)]
    pub sitemaps_failed: u64,
}

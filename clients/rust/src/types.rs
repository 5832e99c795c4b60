//! What is answered of pages, under the names of the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::values::values;

/// What rows are where no type was named: the schema's fields, in its order.
pub type Row = Map<String, Value>;

/// What a batch or a crawl gives for each page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum Page<T = Row> {
    /// It was read.
    #[serde(rename = "success")]
    Success(Success<T>),
    /// It could not be read, never started, or does not fit the type.
    #[serde(rename = "error")]
    Failure(Failure),
}

impl<T> Page<T> {
    /// The URL as it was given.
    pub fn url(&self) -> &str {
        match self {
            Page::Success(page) => &page.url,
            Page::Failure(page) => &page.url,
        }
    }

    /// The place in `urls`; of a crawl, the place in the order of completion.
    pub fn index(&self) -> Option<u64> {
        match self {
            Page::Success(page) => page.index,
            Page::Failure(page) => page.index,
        }
    }

    /// Gives it another place, as who puts several jobs together does.
    pub fn set_index(&mut self, index: u64) {
        match self {
            Page::Success(page) => page.index = Some(index),
            Page::Failure(page) => page.index = Some(index),
        }
    }

    /// Its row, if it was read.
    pub fn data(&self) -> Option<&T> {
        match self {
            Page::Success(page) => Some(&page.data),
            Page::Failure(_) => None,
        }
    }

    /// Its row, or why there is none.
    pub fn into_data(self) -> std::result::Result<T, Problem> {
        match self {
            Page::Success(page) => Ok(page.data),
            Page::Failure(page) => Err(page.error),
        }
    }

    /// Whether it was read.
    pub fn ok(&self) -> bool {
        matches!(self, Page::Success(_))
    }
}

/// A page that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Success<T = Row> {
    /// The place in `urls`; of a crawl, the place in the order of completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The URL as it was given.
    pub url: String,
    /// Where redirects led, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// How often it was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// How it was read.
    pub render_mode: RenderMode,
    /// The row.
    pub data: T,
    /// What changed on the way from text to values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// How many pictures a vision pass looked at; none without one.
    pub images_processed: Option<u64>,
    /// The fields that the operator's language model answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub model_fields: Vec<String>,
    /// What was kept of the page: [`Client::capture`](crate::Client::capture) has it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub captures: Vec<Capture>,
    /// Why each value was chosen, where that was preferred (`Prefer: explain`) and the operator allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explain: Vec<Value>,
}

/// A page that could not be read, never started, or does not fit the type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    /// The place in `urls`; of a crawl, the place in the order of completion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The URL as it was given.
    pub url: String,
    /// Where redirects led, if anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_url: Option<String>,
    /// How often it was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// Why there is no row.
    pub error: Problem,
    /// With code `MODEL_MISMATCH`: the values as they came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Row>,
}

/// Why a page has no data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// One of [`ERROR_CODES`](crate::ERROR_CODES), or `MODEL_MISMATCH`.
    pub code: String,
    /// What is wrong, in words.
    pub message: String,
    /// Whether the page may be had later.
    pub retryable: bool,
    /// How often it was tried, if more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
}

/// Something that was kept of a page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// What it is: `screenshot`.
    pub kind: String,
    /// What [`Client::capture`](crate::Client::capture) knows it by.
    pub n: u64,
}

values! {
    /// How a page was read.
    RenderMode {
        /// From the page as it came.
        Fetch = "fetch",
        /// By a browser.
        Headless = "headless",
        /// From its structured data alone.
        Structured = "structured",
        /// From the result cache.
        Cache = "cache",
    }
}

/// How a job went. The counts are of batches, `seed_url` and `crawl_meta` of crawls, the rest of both.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether somebody cancelled it.
    #[serde(default)]
    pub cancelled: bool,
    /// Credits that were taken at the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_reserved: Option<u64>,
    /// Credits that it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_charged: Option<u64>,
    /// Credits that came back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credits_refunded: Option<u64>,
    /// URLs.
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
    /// Where a crawl began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_url: Option<String>,
    /// How a crawl went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crawl_meta: Option<CrawlMeta>,
}

impl Summary {
    /// A crawl's figures at the top too.
    pub(crate) fn ended(mut self) -> Summary {
        if let Some(meta) = &self.crawl_meta {
            self.cancelled = meta.cancelled;
            self.credits_reserved = Some(meta.credits_reserved);
            (self.credits_charged, self.credits_refunded) = (meta.credits_charged, meta.credits_refunded);
        }
        self
    }
}

/// How a crawl went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrawlMeta {
    /// Pages that were fetched, failed ones included.
    pub pages_visited: u64,
    /// URLs that matched and were not fetched.
    pub pages_skipped: u64,
    /// Pages that could not be read.
    pub pages_failed: u64,
    /// Whether somebody cancelled it.
    pub cancelled: bool,
    /// `JOB_CANCELLED`, `CRAWL_LIMIT_REACHED`, or nothing.
    pub stopped_by: Option<String>,
    /// Credits that were taken at the start.
    pub credits_reserved: u64,
    /// Credits that it cost; none while it runs.
    pub credits_charged: Option<u64>,
    /// Credits that came back; none while it runs.
    pub credits_refunded: Option<u64>,
    /// Files of sitemaps that were read.
    #[serde(default)]
    pub sitemaps_read: u64,
    /// Files of sitemaps that could not be had or were broken.
    #[serde(default)]
    pub sitemaps_failed: u64,
}

//! Client for Runo, a self-hosted web-scraping API that turns web pages into typed rows.
//!
//! ```no_run
//! use runo_client::{Client, FieldType, Page, Schema};
//!
//! #[derive(serde::Deserialize)]
//! struct Product {
//!     title: String,
//!     price: Option<f64>,
//! }
//!
//! # async fn run() -> runo_client::Result<()> {
//! let client = Client::new()?; // RUNO_API_KEY and RUNO_BASE_URL
//! let schema = Schema::from([("title", FieldType::String), ("price", FieldType::Float)]);
//! let mut job = client.batch(["https://example.com/1", "https://example.com/2"], schema).start::<Product>().await?;
//! while let Some(page) = job.next().await {
//!     match page? {
//!         Page::Success(page) => println!("{} {:?}", page.data.title, page.data.price),
//!         Page::Failure(page) => println!("{}: {}", page.url, page.error.code),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Each POST has an `Idempotency-Key`, which is the same for all tries, so no retry is charged twice. After a broken
//! connection or a restart of the service, reading resumes where it stopped and yields each result once.

mod account;
mod call;
mod client;
mod control;
mod cursor;
mod error;
mod job;
mod jobs;
mod options;
mod raw;
mod request;
mod retry;
mod rows;
mod schema;
mod send;
mod types;
mod wire_enum;

pub use account::{
    Balance, Credits, Endpoint, JobInfo, JobStatus, ModelUsage, Plan, Progress, Quota, Rate, Usage, WebhookState,
};
pub use call::new_idempotency_key;
pub use client::{Client, ClientBuilder};
pub use error::{CLIENT_CODES, ERROR_CODES, Error, ErrorKind, Result};
pub use job::Job;
pub use jobs::{JobState, Jobs};
pub use options::{
    BatchOptions, CaptureKind, CrawlRules, ModelUse, PageOptions, RenderJs, WaitFor, Webhook, WebhookEvent,
};
pub use raw::RawBody;
pub use request::{Batch, Crawl, Extract, MAX_URLS};
pub use schema::{Field, FieldType, Schema};
pub use types::{Capture, CrawlMeta, Failure, Page, Problem, RenderMode, Row, Success, Summary};

/// The README's program is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

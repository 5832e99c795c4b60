//! Builders of the calls that create jobs.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::call::{self, Call};
use crate::error::{Error, Result};
use crate::job::{Job, ReadContext};
use crate::options::{BatchOptions, CrawlRules, PageOptions, Webhook};
use crate::rows::Shape;
use crate::schema::Schema;
use crate::send::{Deadline, Sender, is_accepted_only, job_id};
use crate::types::{Page, Row, Success};

/// Maximum number of URLs of one batch.
pub const MAX_URLS: usize = 10_000;

/// Settings of a call that concern this client, not the service.
#[derive(Debug, Clone, Default)]
struct ClientSettings {
    idempotency_key: Option<String>,
    timeout: Option<Duration>,
    cancel_on_drop: bool,
}

/// A call that reads one page: see [`Client::extract`](crate::Client::extract).
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Extract<'c> {
    sender: &'c Arc<Sender>,
    settings: ClientSettings,
    body: ExtractBody,
}

#[derive(Debug, Clone, Serialize)]
struct ExtractBody {
    url: String,
    #[serde(skip_serializing_if = "Schema::is_bound")]
    schema: Schema,
    #[serde(skip_serializing_if = "is_default")]
    options: PageOptions,
}

impl<'c> Extract<'c> {
    pub(crate) fn new(sender: &'c Arc<Sender>, url: String, schema: Schema) -> Extract<'c> {
        let body = ExtractBody { url, schema, options: PageOptions::default() };
        Extract { sender, settings: ClientSettings::default(), body }
    }

    /// Sets how the page is fetched and read.
    pub fn options(mut self, options: PageOptions) -> Self {
        self.body.options = options;
        self
    }

    /// Sets the idempotency key: the same call within 24 hours joins the same job and is charged once.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.settings.idempotency_key = Some(key.into());
        self
    }

    /// Waits at most this long, then returns an error of kind `WaitTimeout`; the job keeps running.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.settings.timeout = Some(timeout);
        self
    }

    /// Reads the page.
    ///
    /// # Errors
    /// The call failed, the page could not be read (kind `Page`), or its values do not fit `T` (kind `ModelMismatch`).
    pub async fn send<T: DeserializeOwned>(self) -> Result<Success<T>> {
        let shape = Shape::of(&self.body.schema);
        let mut deadline = Deadline::new(self.settings.timeout);
        let mut call = call::post("/v1/extract", &self.body, self.settings.idempotency_key, Vec::new())?;
        loop {
            let response = self.sender.read(&call, &deadline).await?;
            deadline.job_id = response.job_id.or(deadline.job_id);
            let id = deadline.job_id.as_deref();
            let members: Row = serde_json::from_slice(&response.body)
                .map_err(|_| Error::protocol("the response is not a JSON object", id))?;
            if members.get("status").is_some_and(|status| status == "pending") {
                let pending_job = members.get("job_id").and_then(Value::as_str).unwrap_or_default();
                call = call::extract_result(pending_job)?;
                continue;
            }
            return match shape.page::<T>(members, id)? {
                Page::Success(page) => Ok(page),
                Page::Failure(failure) => Err(Error::page(failure, deadline.job_id)),
            };
        }
    }
}

/// A call that reads many pages: see [`Client::batch`](crate::Client::batch).
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `start`"]
pub struct Batch<'c> {
    sender: &'c Arc<Sender>,
    settings: ClientSettings,
    body: BatchBody,
}

#[derive(Debug, Clone, Serialize)]
struct BatchBody {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Schema::is_bound")]
    schema: Schema,
    #[serde(skip_serializing_if = "is_default")]
    options: BatchOptions,
    #[serde(skip_serializing_if = "is_default")]
    async_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
}

impl<'c> Batch<'c> {
    pub(crate) fn new(sender: &'c Arc<Sender>, urls: Vec<String>, schema: Schema) -> Batch<'c> {
        let body = BatchBody { urls, schema, options: BatchOptions::default(), async_mode: false, webhook: None };
        Batch { sender, settings: ClientSettings::default(), body }
    }

    /// Starts the job.
    ///
    /// # Errors
    /// The call was refused, in which case nothing was charged, or there was no response.
    pub async fn start<T: DeserializeOwned>(self) -> Result<Job<T>> {
        let count = self.body.urls.len();
        if count == 0 {
            return Err(Error::invalid("urls is empty: a batch needs at least one URL"));
        }
        if count > MAX_URLS {
            let text = "split them into several batches (nothing was sent)";
            return Err(Error::invalid(format!("a batch takes up to 10,000 URLs, not {count}; {text}")));
        }
        let headers = call::job_headers(self.settings.timeout, self.body.async_mode);
        let call = call::post("/v1/batch", &self.body, self.settings.idempotency_key.clone(), headers)?;
        start(self.sender, call, &self.body.schema, &self.settings, false).await
    }
}

/// A call that crawls: see [`Client::crawl`](crate::Client::crawl).
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `start`"]
pub struct Crawl<'c> {
    sender: &'c Arc<Sender>,
    settings: ClientSettings,
    body: CrawlBody,
}

#[derive(Debug, Clone, Serialize)]
struct CrawlBody {
    seed_url: String,
    crawl: CrawlRules,
    #[serde(skip_serializing_if = "Schema::is_bound")]
    schema: Schema,
    #[serde(skip_serializing_if = "is_default")]
    options: PageOptions,
    #[serde(skip_serializing_if = "is_default")]
    async_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook: Option<Webhook>,
}

impl<'c> Crawl<'c> {
    pub(crate) fn new(sender: &'c Arc<Sender>, seed_url: String, schema: Schema, crawl: CrawlRules) -> Crawl<'c> {
        let options = PageOptions::default();
        let body = CrawlBody { seed_url, crawl, schema, options, async_mode: false, webhook: None };
        Crawl { sender, settings: ClientSettings::default(), body }
    }

    /// Starts the job.
    ///
    /// # Errors
    /// The call was refused, in which case nothing was charged, or there was no response.
    pub async fn start<T: DeserializeOwned>(self) -> Result<Job<T>> {
        let headers = call::job_headers(self.settings.timeout, self.body.async_mode);
        let call = call::post("/v1/crawl", &self.body, self.settings.idempotency_key.clone(), headers)?;
        start(self.sender, call, &self.body.schema, &self.settings, true).await
    }
}

/// Methods of both `Batch` and `Crawl`.
macro_rules! job_call {
    ($call:ident, $options:ty) => {
        impl $call<'_> {
            /// Sets how the pages are fetched and read.
            pub fn options(mut self, options: $options) -> Self {
                self.body.options = options;
                self
            }

            /// Runs the job through the queue: no call is held open until results are read.
            pub fn async_mode(mut self, async_mode: bool) -> Self {
                self.body.async_mode = async_mode;
                self
            }

            /// Sets the webhook to call when the job ends.
            pub fn webhook(mut self, webhook: Webhook) -> Self {
                self.body.webhook = Some(webhook);
                self
            }

            /// Sets the idempotency key: the same call within 24 hours joins the same job and is charged once.
            pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
                self.settings.idempotency_key = Some(key.into());
                self
            }

            /// Waits at most this long, counted from `start`, then returns an error of kind `WaitTimeout`; the job
            /// keeps running.
            pub fn timeout(mut self, timeout: Duration) -> Self {
                self.settings.timeout = Some(timeout);
                self
            }

            /// Cancels the job if it is dropped before its end; see [`Job::cancel_on_drop`].
            pub fn cancel_on_drop(mut self, cancel: bool) -> Self {
                self.settings.cancel_on_drop = cancel;
                self
            }
        }
    };
}

job_call!(Batch, BatchOptions);
job_call!(Crawl, PageOptions);

async fn start<T: DeserializeOwned>(
    sender: &Arc<Sender>,
    call: Call,
    schema: &Schema,
    settings: &ClientSettings,
    crawl: bool,
) -> Result<Job<T>> {
    let mut deadline = Deadline::new(settings.timeout);
    let response = sender.open(&call, &deadline).await?;
    let Some(id) = job_id(response.headers()) else {
        return Err(Error::protocol("the response has no X-Job-ID", None));
    };
    deadline.job_id = Some(id.clone());
    let first = (!is_accepted_only(&response)).then_some(response);
    let mut job = Job::new(Arc::clone(sender), id, ReadContext { shape: Shape::of(schema), deadline, crawl, first });
    job.cancel_on_drop(settings.cancel_on_drop);
    Ok(job)
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

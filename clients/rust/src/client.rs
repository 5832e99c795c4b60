//! The client and its builder.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::Client as Http;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::account::{Endpoint, JobInfo, Usage, WebhookState};
use crate::call;
use crate::control;
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Job, ReadContext};
use crate::jobs::{JobState, Jobs};
use crate::options::CrawlRules;
use crate::request::{Batch, Crawl, Extract};
use crate::rows::Shape;
use crate::schema::Schema;
use crate::send::{Deadline, Sender, Sleep};

const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8080";
/// Read timeout. The service sends something at least every 15 s while it holds a call.
const READ_TIMEOUT: Duration = Duration::from_secs(45);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_RETRIES: u32 = 8;

/// Client of a Runo service. Clones share connections, and calls can run concurrently.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) sender: Arc<Sender>,
}

/// Builder of a [`Client`].
#[derive(Default)]
pub struct ClientBuilder {
    api_key: Option<String>,
    base_url: Option<String>,
    user_agent: Option<String>,
    max_retries: Option<u32>,
    silence: Option<Duration>,
    sleep: Option<Sleep>,
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// Sets the API key. Default: the environment's `RUNO_API_KEY`.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Sets the service's base URL. Default: the environment's `RUNO_BASE_URL`, else the local server's address.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Sets the `User-Agent` of the program that uses this client.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// Sets how often a call is retried after failures without progress in between; 8 by default.
    pub fn max_retries(mut self, max: u32) -> Self {
        self.max_retries = Some(max);
        self
    }

    /// Sets how long a connection may be silent before it counts as broken: 45 s by default (the service sends
    /// something every 15 s).
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    /// Replaces the sleep between attempts; for tests.
    pub fn sleep<F>(mut self, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.sleep = Some(Arc::new(move |wait| Box::pin(sleep(wait))));
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    /// There is no API key, or the key or the base URL is malformed.
    pub fn build(self) -> Result<Client> {
        let key = self.api_key.or_else(|| environment("RUNO_API_KEY")).filter(|key| !key.is_empty());
        let Some(key) = key else {
            let text = "there is no API key: pass api_key or set RUNO_API_KEY";
            return Err(Error::new(ErrorKind::Authentication, "UNAUTHORIZED", text));
        };
        let base = self.base_url.or_else(|| environment("RUNO_BASE_URL")).filter(|base| !base.is_empty());
        let base = base.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned());
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::invalid(format!("the base URL must begin with http:// or https://, not {base:?}")));
        }
        let mut key = HeaderValue::from_str(&key)
            .map_err(|_| Error::new(ErrorKind::Authentication, "UNAUTHORIZED", "the API key has invalid characters"))?;
        key.set_sensitive(true);
        // reqwest uses the process's provider. If another part of the process has installed one, that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let silence = self.silence.unwrap_or(READ_TIMEOUT);
        let agent = self.user_agent.unwrap_or_else(|| format!("runo-rust/{}", env!("CARGO_PKG_VERSION")));
        let http = Http::builder()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(agent)
            .connect_timeout(CONNECT_TIMEOUT.min(silence))
            .read_timeout(silence)
            .build()
            .map_err(|e| Error::invalid(format!("the HTTP client cannot be created: {e}")))?;
        let sender = Sender {
            http,
            base_url: base.trim_end_matches('/').to_owned(),
            key,
            max_retries: self.max_retries.unwrap_or(MAX_RETRIES),
            sleep: self.sleep,
            reached: AtomicBool::new(false),
        };
        Ok(Client { sender: Arc::new(sender) })
    }
}

#[expect(clippy::disallowed_methods, reason = "as in the other clients; builder methods take precedence")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Client {
    /// Creates a client with the key and base URL of `RUNO_API_KEY` and `RUNO_BASE_URL`.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn new() -> Result<Client> {
        Client::builder().build()
    }

    /// Returns a builder with default settings.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the service's base URL.
    pub fn base_url(&self) -> &str {
        &self.sender.base_url
    }

    /// Reads one page: `client.extract(url, schema).send::<Product>().await?`.
    pub fn extract(&self, url: impl Into<String>, schema: impl Into<Schema>) -> Extract<'_> {
        Extract::new(&self.sender, url.into(), schema.into())
    }

    /// Reads up to 10,000 pages: `client.batch(urls, schema).start::<Product>().await?` returns the job.
    pub fn batch<U: Into<String>>(&self, urls: impl IntoIterator<Item = U>, schema: impl Into<Schema>) -> Batch<'_> {
        Batch::new(&self.sender, urls.into_iter().map(Into::into).collect(), schema.into())
    }

    /// Crawls from a seed along the links that match a pattern.
    pub fn crawl(&self, seed_url: impl Into<String>, schema: impl Into<Schema>, rules: CrawlRules) -> Crawl<'_> {
        Crawl::new(&self.sender, seed_url.into(), schema.into(), rules)
    }

    /// Lists the account's jobs, newest first.
    pub fn jobs(&self, state: JobState) -> Jobs {
        Jobs::new(Arc::clone(&self.sender), state)
    }

    /// Returns a job's state and progress.
    ///
    /// # Errors
    /// The job does not exist (any more), or it belongs to another account.
    pub async fn job(&self, id: &str) -> Result<JobInfo> {
        control::job(&self.sender, id).await
    }

    /// Reads the results of an earlier job, running or ended. The schema is needed only if it has nested objects, so that
    /// rows get them too; pass [`Schema::bound`] otherwise.
    ///
    /// # Errors
    /// As [`Client::job`].
    pub async fn result<T: DeserializeOwned>(
        &self,
        id: &str,
        schema: impl Into<Schema>,
        timeout: Option<Duration>,
    ) -> Result<Job<T>> {
        let mut deadline = Deadline::new(timeout);
        let crawl = self.job(id).await?.endpoint == Endpoint::Crawl;
        deadline.job_id = Some(id.to_owned());
        let shape = Shape::of(&schema.into());
        Ok(Job::new(Arc::clone(&self.sender), id.to_owned(), ReadContext { shape, deadline, crawl, first: None }))
    }

    /// Cancels a job. Pages that have started finish; the rest never start and are refunded. Returns `false` if the job
    /// had already ended by itself.
    ///
    /// # Errors
    /// The job does not exist, or it belongs to another account.
    pub async fn cancel(&self, id: &str) -> Result<bool> {
        control::cancel(&self.sender, id).await
    }

    /// Sends the webhook message of an ended job again, with a full set of tries. Returns the message's state. Allowed
    /// once every 10 s.
    ///
    /// # Errors
    /// The job does not exist, has not ended, or has no webhook message.
    pub async fn resend_webhook(&self, id: &str) -> Result<WebhookState> {
        #[derive(Deserialize)]
        struct Resent {
            webhook: WebhookState,
        }
        Ok(control::json::<Resent>(&self.sender, &call::resend_webhook(id)?).await?.webhook)
    }

    /// Returns a page's screenshot, a PNG, by its number `n` in the result.
    ///
    /// # Errors
    /// The capture does not exist or is no longer kept.
    pub async fn capture(&self, id: &str, n: u64) -> Result<Vec<u8>> {
        Ok(self.sender.read(&call::capture(id, n)?, &Deadline::default()).await?.body.into())
    }

    /// Returns the account's plan and what is left of it.
    ///
    /// # Errors
    /// The call failed.
    pub async fn usage(&self) -> Result<Usage> {
        control::json(&self.sender, &call::usage()).await
    }
}

//! The client.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use reqwest::Client as Http;
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::account::{Endpoint, JobInfo, JobStatus, Usage, WebhookState};
use crate::call::{self, Call};
use crate::error::{Error, ErrorKind, Result};
use crate::job::{Job, Origin};
use crate::jobs::{JobState, Jobs};
use crate::options::CrawlRules;
use crate::request::{Batch, Crawl, Extract};
use crate::rows::Shape;
use crate::schema::Schema;
use crate::send::{Deadline, Sender, Sleep};

const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8080";
/// The service says something at least every 15 s while a call is held.
const SILENCE: Duration = Duration::from_secs(45);
const CONNECT: Duration = Duration::from_secs(10);
const MAX_RETRIES: u32 = 8;

/// A client of a Runo service. Clones share connections, and calls may be made at the same time.
#[derive(Debug, Clone)]
pub struct Client {
    sender: Arc<Sender>,
}

/// Settings of a client.
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
    /// The key; else `RUNO_API_KEY` of the environment.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// Where the service is; else `RUNO_BASE_URL` of the environment, else the local server's usual address.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// What a program that uses this client calls itself.
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = Some(name.into());
        self
    }

    /// How often a call is made again after failures without progress in between; 8 by default.
    pub fn max_retries(mut self, most: u32) -> Self {
        self.max_retries = Some(most);
        self
    }

    /// For how long nothing at all may come before a connection counts as broken: 45 s by default (the service sends
    /// something every 15 s).
    pub fn silence(mut self, silence: Duration) -> Self {
        self.silence = Some(silence);
        self
    }

    /// Another way to wait between attempts; for tests.
    pub fn sleep<F>(mut self, sleep: impl Fn(Duration) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.sleep = Some(Arc::new(move |wait| Box::pin(sleep(wait))));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// There is no key, or the base URL is none.
    pub fn build(self) -> Result<Client> {
        let key = self.api_key.or_else(|| environment("RUNO_API_KEY")).filter(|key| !key.is_empty());
        let Some(key) = key else {
            let text = "there is no API key: give api_key or set RUNO_API_KEY";
            return Err(Error::new(ErrorKind::Authentication, "UNAUTHORIZED", text));
        };
        let base = self.base_url.or_else(|| environment("RUNO_BASE_URL")).filter(|base| !base.is_empty());
        let base = base.unwrap_or_else(|| DEFAULT_BASE_URL.to_owned());
        if !base.starts_with("http://") && !base.starts_with("https://") {
            return Err(Error::invalid(format!("the base URL must begin with http:// or https://, not {base:?}")));
        }
        let mut key = HeaderValue::from_str(&key)
            .map_err(|_| Error::new(ErrorKind::Authentication, "UNAUTHORIZED", "the API key has odd characters"))?;
        key.set_sensitive(true);
        // reqwest takes the process's provider. Another part of the process may have installed one: that serves too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let silence = self.silence.unwrap_or(SILENCE);
        let agent = self.user_agent.unwrap_or_else(|| format!("runo-rust/{}", env!("CARGO_PKG_VERSION")));
        let http = Http::builder()
            .redirect(Policy::none())
            .referer(false)
            .user_agent(agent)
            .connect_timeout(CONNECT.min(silence))
            .read_timeout(silence)
            .build()
            .map_err(|e| Error::invalid(format!("no connection can be made: {e}")))?;
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

#[expect(clippy::disallowed_methods, reason = "as the other clients do; builder methods win")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Client {
    /// A client whose key and address come from `RUNO_API_KEY` and `RUNO_BASE_URL`.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    pub fn new() -> Result<Client> {
        Client::builder().build()
    }

    /// Settings of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Where the service is.
    pub fn base_url(&self) -> &str {
        &self.sender.base_url
    }

    /// Reads one page: `client.extract(url, schema).send::<Product>().await?`.
    pub fn extract(&self, url: impl Into<String>, schema: impl Into<Schema>) -> Extract<'_> {
        Extract::new(self, url.into(), schema.into())
    }

    /// A batch of up to 10,000 URLs: `client.batch(urls, schema).start::<Product>().await?` gives its job.
    pub fn batch<U: Into<String>>(&self, urls: impl IntoIterator<Item = U>, schema: impl Into<Schema>) -> Batch<'_> {
        Batch::new(self, urls.into_iter().map(Into::into).collect(), schema.into())
    }

    /// A crawl from a seed along the links that match a pattern.
    pub fn crawl(&self, seed_url: impl Into<String>, schema: impl Into<Schema>, rules: CrawlRules) -> Crawl<'_> {
        Crawl::new(self, seed_url.into(), schema.into(), rules)
    }

    /// The account's jobs, newest first.
    pub fn jobs(&self, state: JobState) -> Jobs {
        Jobs::new(self.clone(), state)
    }

    /// A job's state and progress.
    ///
    /// # Errors
    /// There is no such job (any more), or it is another account's.
    pub async fn job(&self, id: &str) -> Result<JobInfo> {
        self.json(&call::job(id)?).await
    }

    /// Takes up a job that was started before, running or ended. A schema with objects in it makes rows with objects;
    /// [`Schema::bound`] serves otherwise.
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
        Ok(Job::new(self.clone(), id.to_owned(), Origin { shape, deadline, crawl, first: None }))
    }

    /// Cancels a job. Pages that have started finish; the rest never start and are refunded. False says that it had
    /// ended by itself before.
    ///
    /// # Errors
    /// There is no such job, or it is another account's.
    pub async fn cancel(&self, id: &str) -> Result<bool> {
        match self.json::<Value>(&call::cancel(id)?).await {
            Ok(_) => Ok(true),
            // It ended, perhaps by an attempt of this call whose answer was lost.
            Err(error) if error.kind == ErrorKind::JobNotFound => {
                Ok(self.job(id).await?.status == JobStatus::Cancelled)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends the message of an ended job again to the receiver that its `webhook` names, with all its tries; gives where
    /// it stands. At most once in 10 s.
    ///
    /// # Errors
    /// There is no such job, it has not ended, or it has no message.
    pub async fn resend_webhook(&self, id: &str) -> Result<WebhookState> {
        #[derive(Deserialize)]
        struct Resent {
            webhook: WebhookState,
        }
        Ok(self.json::<Resent>(&call::resend_webhook(id)?).await?.webhook)
    }

    /// What was captured of a page, by its number in the result: a PNG.
    ///
    /// # Errors
    /// There is none, or it is no longer kept.
    pub async fn capture(&self, id: &str, n: u64) -> Result<Vec<u8>> {
        Ok(self.sender.read(&call::capture(id, n)?, &Deadline::default()).await?.body.into())
    }

    /// The account's plan and what is left of it.
    ///
    /// # Errors
    /// The service could not be asked.
    pub async fn usage(&self) -> Result<Usage> {
        self.json(&call::usage()).await
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    pub(crate) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Result<T> {
        let answer = self.sender.read(call, &Deadline::default()).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|e| Error::protocol(format!("the answer cannot be read: {e}"), answer.job_id.as_deref()))
    }
}

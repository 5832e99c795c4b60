//! A job: its results as they come.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::{Stream, stream};
use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::account::JobInfo;
use crate::call;
use crate::client::Client;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::retry::Attempts;
use crate::rows::Shape;
use crate::send::Deadline;
use crate::types::{Page, Row, Summary};

/// How a job came about, and how it is waited for.
pub(crate) struct Origin {
    pub(crate) shape: Shape,
    pub(crate) deadline: Deadline,
    pub(crate) crawl: bool,
    pub(crate) first: Option<Response>,
}

/// A batch or crawl that was started, or a job that was taken up.
///
/// [`next`](Job::next) gives each page's result as it comes, over broken connections and restarts of the service, until
/// the job has ended. Nothing is kept; [`rewind`](Job::rewind) begins anew.
pub struct Job<T = Row> {
    id: String,
    client: Client,
    origin: Origin,
    reading: Option<Reading>,
    summary: Option<Summary>,
    /// Nothing more comes: it has ended, or it failed.
    over: bool,
    cancel_on_drop: bool,
    rows: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Where reading is between two results. All of it is in here and not in a future, so that a future of
/// [`Job::next`] may be dropped and nothing is lost.
struct Reading {
    cursor: Cursor,
    attempts: Attempts,
    response: Option<Response>,
    results: VecDeque<Row>,
    wait: Duration,
}

impl<T: DeserializeOwned> Job<T> {
    pub(crate) fn new(client: Client, id: String, origin: Origin) -> Job<T> {
        Job { id, client, origin, reading: None, summary: None, over: false, cancel_on_drop: false, rows: PhantomData }
    }

    /// The next page's result, as it comes; nothing more once the job has ended. May be dropped while it waits
    /// (`tokio::select!`), and nothing is lost.
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        if self.over {
            return None;
        }
        match self.line(false).await {
            Ok(Some(members)) => {
                let page = self.origin.shape.page(members, Some(&self.id));
                self.over = page.is_err();
                Some(page)
            }
            Ok(None) => None,
            Err(error) => {
                self.over = true;
                Some(Err(error))
            }
        }
    }

    /// The same as a stream.
    pub fn stream(&mut self) -> impl Stream<Item = Result<Page<T>>> + '_ {
        stream::unfold(self, async |job| Some((job.next().await?, job)))
    }

    /// All results at once, in input order (of a crawl: in order of completion). Waits for the job's end.
    ///
    /// # Errors
    /// Reading failed.
    pub async fn results(&mut self) -> Result<Vec<Page<T>>> {
        let mut pages = Vec::new();
        while let Some(page) = self.next().await {
            pages.push(page?);
        }
        pages.sort_by_key(|page| page.index().unwrap_or_default());
        Ok(pages)
    }

    /// Waits for the job's end without reading its results.
    ///
    /// # Errors
    /// Reading failed.
    pub async fn wait(&mut self) -> Result<Summary> {
        self.rewind();
        self.origin.first = None;
        while self.line(true).await?.is_some() {}
        Ok(self.summary.clone().unwrap_or_default())
    }

    async fn line(&mut self, skip: bool) -> Result<Option<Row>> {
        let Job { id, client, origin, reading, .. } = self;
        let (sender, deadline) = (client.sender(), &origin.deadline);
        let reading = reading.get_or_insert_with(|| Reading {
            cursor: Cursor::new(id, origin.crawl, skip),
            attempts: sender.attempts(),
            response: origin.first.take(),
            results: VecDeque::new(),
            wait: Duration::ZERO,
        });
        loop {
            if let Some(members) = reading.results.pop_front() {
                reading.attempts.progress();
                return Ok(Some(members));
            }
            if let Some(summary) = reading.cursor.summary() {
                self.summary = Some(summary.clone());
                self.over = true;
                self.reading = None;
                return Ok(None);
            }
            let Some(response) = &mut reading.response else {
                sender.pause(reading.wait, deadline).await?;
                reading.wait = Duration::ZERO;
                let call = call::result(id, reading.cursor.start(), deadline.left())?;
                reading.response = Some(sender.open(&call, deadline).await?);
                continue;
            };
            match deadline.during(response.chunk()).await? {
                Ok(Some(chunk)) => {
                    reading.cursor.feed(&chunk, &mut reading.results)?;
                    continue;
                }
                Ok(None) => {
                    reading.wait = match reading.cursor.body_ended()? {
                        Some(wait) => wait,
                        None => reading.attempts.broken("the answer broke off", None, Some(id))?,
                    }
                }
                Err(error) => {
                    reading.cursor.broke();
                    reading.wait = sender.broken(&mut reading.attempts, error, deadline)?;
                }
            }
            reading.response = None;
        }
    }
}

impl<T> Job<T> {
    /// Its name. With it the results can be taken up later, from anywhere: [`Client::result`].
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How the job went, once its results have been read to the end.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Begins to read the results anew.
    pub fn rewind(&mut self) {
        (self.reading, self.over) = (None, false);
    }

    /// Whether the job is cancelled where this is dropped before its end was read; it goes on otherwise.
    ///
    /// The DELETE is sent in a task of the runtime, which has to live long enough for it: [`cancel`](Job::cancel) is
    /// what surely cancels.
    pub fn cancel_on_drop(&mut self, cancel: bool) {
        self.cancel_on_drop = cancel;
    }

    /// The job's state and progress now.
    ///
    /// # Errors
    /// As [`Client::job`].
    pub async fn info(&self) -> Result<JobInfo> {
        self.client.job(&self.id).await
    }

    /// Cancels the job; results of what had started may still be read. False: it had ended before.
    ///
    /// # Errors
    /// As [`Client::cancel`].
    pub async fn cancel(&self) -> Result<bool, Error> {
        self.client.cancel(&self.id).await
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.cancel_on_drop || self.summary.is_some() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (client, id) = (self.client.clone(), std::mem::take(&mut self.id));
            runtime.spawn(async move {
                // Nobody is there to be told of a failure.
                let _ = client.cancel(&id).await;
            });
        }
    }
}

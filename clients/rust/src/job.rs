//! A job and its stream of results.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, stream};
use reqwest::Response;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::account::JobInfo;
use crate::call;
use crate::control;
use crate::cursor::Cursor;
use crate::error::{Error, Result};
use crate::retry::Attempts;
use crate::rows::Shape;
use crate::send::{Deadline, Sender};
use crate::types::{Page, Row, Summary};

/// What reading a job's results depends on.
pub(crate) struct ReadContext {
    pub(crate) shape: Shape,
    pub(crate) deadline: Deadline,
    pub(crate) crawl: bool,
    pub(crate) first: Option<Response>,
}

/// A started batch or crawl, or an earlier job that is read by its id.
///
/// [`next`](Job::next) yields each page's result as it comes, across broken connections and restarts of the service,
/// until the job has ended. Results are not kept; [`rewind`](Job::rewind) starts from the first one again.
pub struct Job<T = Row> {
    id: String,
    sender: Arc<Sender>,
    context: ReadContext,
    reading: Option<ReadState>,
    summary: Option<Summary>,
    /// Whether reading is over: the job has ended, or reading failed.
    finished: bool,
    cancel_on_drop: bool,
    rows: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The state of reading between two results. It lives here and not in a future, so that [`Job::next`] is cancel safe.
struct ReadState {
    cursor: Cursor,
    attempts: Attempts,
    response: Option<Response>,
    results: VecDeque<Row>,
    wait: Duration,
}

impl<T: DeserializeOwned> Job<T> {
    pub(crate) fn new(sender: Arc<Sender>, id: String, context: ReadContext) -> Job<T> {
        Job {
            id,
            sender,
            context,
            reading: None,
            summary: None,
            finished: false,
            cancel_on_drop: false,
            rows: PhantomData,
        }
    }

    /// Returns the next page's result, or `None` once the job has ended. Cancel safe: no result is lost if the future
    /// is dropped (`tokio::select!`).
    pub async fn next(&mut self) -> Option<Result<Page<T>>> {
        if self.finished {
            return None;
        }
        match self.next_row(false).await {
            Ok(Some(members)) => {
                let page = self.context.shape.page(members, Some(&self.id));
                self.finished = page.is_err();
                Some(page)
            }
            Ok(None) => None,
            Err(error) => {
                self.finished = true;
                Some(Err(error))
            }
        }
    }

    /// Returns the results as a stream.
    pub fn stream(&mut self) -> impl Stream<Item = Result<Page<T>>> + '_ {
        stream::unfold(self, async |job| Some((job.next().await?, job)))
    }

    /// Waits for the job's end and returns all results in input order (for a crawl, in order of completion).
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
        self.context.first = None;
        while self.next_row(true).await?.is_some() {}
        Ok(self.summary.clone().unwrap_or_default())
    }

    async fn next_row(&mut self, skip: bool) -> Result<Option<Row>> {
        let Job { id, sender, context, reading, .. } = self;
        let deadline = &context.deadline;
        let reading = reading.get_or_insert_with(|| ReadState {
            cursor: Cursor::new(id, context.crawl, skip),
            attempts: sender.attempts(),
            response: context.first.take(),
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
                self.finished = true;
                self.reading = None;
                return Ok(None);
            }
            let Some(response) = &mut reading.response else {
                sender.pause(reading.wait, deadline).await?;
                reading.wait = Duration::ZERO;
                let call = call::result(id, reading.cursor.start(), deadline.remaining())?;
                reading.response = Some(sender.open(&call, deadline).await?);
                continue;
            };
            match deadline.run(response.chunk()).await? {
                Ok(Some(chunk)) => {
                    reading.cursor.feed(&chunk, &mut reading.results)?;
                    continue;
                }
                Ok(None) => {
                    reading.wait = match reading.cursor.body_ended()? {
                        Some(wait) => wait,
                        None => reading.attempts.connection_failed("the response broke off", None, Some(id))?,
                    }
                }
                Err(error) => {
                    reading.cursor.connection_lost();
                    reading.wait = sender.connection_failed(&mut reading.attempts, error, deadline)?;
                }
            }
            reading.response = None;
        }
    }
}

impl<T> Job<T> {
    /// Returns the job's id. [`Client::result`](crate::Client::result) reads the results by it later, also from another
    /// process.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the summary once the results have been read to the end.
    pub fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    /// Starts reading from the first result again.
    pub fn rewind(&mut self) {
        (self.reading, self.finished) = (None, false);
    }

    /// Sets whether dropping this before its end was read cancels the job; by default the job keeps running.
    ///
    /// The DELETE is sent in a task of the runtime, which has to live long enough for it. Use [`cancel`](Job::cancel)
    /// to be sure.
    pub fn cancel_on_drop(&mut self, cancel: bool) {
        self.cancel_on_drop = cancel;
    }

    /// Returns the job's current state and progress.
    ///
    /// # Errors
    /// As [`Client::job`](crate::Client::job).
    pub async fn info(&self) -> Result<JobInfo> {
        control::job(&self.sender, &self.id).await
    }

    /// Cancels the job; results of pages that had started can still be read. Returns `false` if it had already ended.
    ///
    /// # Errors
    /// As [`Client::cancel`](crate::Client::cancel).
    pub async fn cancel(&self) -> Result<bool, Error> {
        control::cancel(&self.sender, &self.id).await
    }
}

impl<T> Drop for Job<T> {
    fn drop(&mut self) {
        if !self.cancel_on_drop || self.summary.is_some() {
            return;
        }
        if let Ok(runtime) = Handle::try_current() {
            let (sender, id) = (Arc::clone(&self.sender), std::mem::take(&mut self.id));
            runtime.spawn(async move {
                // A failure cannot be reported from here.
                let _ = control::cancel(&sender, &id).await;
            });
        }
    }
}

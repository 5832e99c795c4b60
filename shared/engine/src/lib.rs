//! How jobs come to pass: accept, claim, run, finish, cancel, settle, sweep, and the feed of results that a response
//! body is written from. Decisions are [`domain`]'s, rows are [`store`]'s, pages are [`fetch`]'s and [`extraction`]'s.
//!
//! It knows no HTTP of ours: no status, no header, no request.

pub mod accept;
pub mod cancel;
pub mod clock;
pub mod dispatch;
pub mod feed;
pub mod hosts;
pub mod marker;
pub mod settings;
pub mod settle;
pub mod sweep;
pub mod worker;

mod cache;
mod close;
mod crawl;
mod driver;
mod events;
mod extract_job;
mod heartbeat;
mod inputs;
mod lease;
mod page;
mod run;
mod unit;
mod watch;
mod wind;

use std::sync::Arc;
use std::time::Duration;

use domain::{JobId, Nonce, Timestamp};
use fetch::Fetcher;
use store::{Store, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch as signal};
use tokio_util::task::TaskTracker;

use clock::{Clock, Ids};
use dispatch::Queues;
use settings::Settings;

/// Everything that work needs. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    queues: Queues,
    fetcher: Fetcher,
    settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// One permit per page that is fetched at once in this process; a second attempt takes them all.
    pages: Arc<Semaphore>,
    /// Jobs that this process drives.
    drives: TaskTracker,
    /// Says `true` once the process is to end.
    stopping: signal::Sender<bool>,
    /// The workers' sign of life, where this process is one.
    beat: heartbeat::Beat,
    /// What the units of jobs that were worked on last are about.
    inputs: inputs::Cache,
    /// What is known of crawls that were worked on last.
    crawls: crawl::Memories,
    /// What this process knows of the hosts that it asks.
    hosts: hosts::Hosts,
    /// Results that are yet to be cached.
    uncached: cache::Unwritten,
}

/// What an engine is put together from.
#[derive(Debug)]
pub struct Parts {
    /// The rows.
    pub store: Store,
    /// The queues.
    pub queues: Queues,
    /// Fetches pages.
    pub fetcher: Fetcher,
    /// Times and limits.
    pub settings: Settings,
    /// One permit per page that is fetched at once: `fetch_concurrency` of them.
    pub pages: Arc<Semaphore>,
}

impl Engine {
    /// Puts an engine together.
    pub fn new(parts: Parts, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Engine {
        let Parts { store, queues, fetcher, settings, pages } = parts;
        let inner = Inner {
            store,
            queues,
            fetcher,
            settings,
            clock,
            ids,
            pages,
            drives: TaskTracker::new(),
            stopping: signal::Sender::new(false),
            beat: heartbeat::Beat::default(),
            inputs: inputs::Cache::default(),
            crawls: crawl::Memories::default(),
            hosts: hosts::Hosts::default(),
            uncached: cache::Unwritten::default(),
        };
        Engine { inner: Arc::new(inner) }
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.inner.queues
    }

    /// Leave to fetch a page in this process; `None` once it is to end. Whoever takes a unit over runs `alone`, so
    /// that a page that kills processes takes no others with it.
    async fn page_permit(&self, alone: bool) -> Option<OwnedSemaphorePermit> {
        let permits = if alone { self.settings().fetch_concurrency } else { 1 };
        let permit = Arc::clone(&self.inner.pages).acquire_many_owned(permits).await.ok()?;
        (!self.stopping()).then_some(permit)
    }

    /// The times and limits in force.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    fn nonce(&self) -> Nonce {
        Nonce::from_random(self.inner.ids.random())
    }

    /// A fresh job id.
    fn job_id(&self) -> JobId {
        JobId::from_random(self.inner.ids.random())
    }

    fn stopping(&self) -> bool {
        *self.inner.stopping.borrow()
    }

    /// Comes back once the process is to end.
    pub async fn stopped(&self) {
        // The sender lives as long as the engine, so there is nothing else to wait for.
        let _ = self.inner.stopping.subscribe().wait_for(|stop| *stop).await;
    }

    /// Ends what this process drives: nothing new is claimed, what has started gets `grace` to finish, and the leases
    /// of what is left are given back, so that the next process goes on at once.
    pub async fn shut_down(&self, grace: Duration) {
        self.inner.stopping.send_replace(true);
        self.inner.drives.close();
        if tokio::time::timeout(grace, self.inner.drives.wait()).await.is_err() {
            tracing::info!("some jobs are still running; they go on when their leases end");
        }
    }

    /// Waits until this process drives no job. For tests and tools.
    pub async fn idle(&self) {
        while !self.inner.drives.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Tries a store step again where the store failed: every step here can tell its own earlier effect, so a repeat
    /// is safe. Waits grow, with the store's jitter on top.
    async fn again<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut wait = Duration::from_millis(self.inner.settings.retry_base_ms);
        for _ in 1..self.inner.settings.step_attempts {
            match step().await {
                Err(StoreError::Unavailable { operation, source }) => {
                    tracing::warn!(operation, error = %source, "store step failed; trying again");
                }
                Err(StoreError::Contended { operation, .. }) => {
                    tracing::warn!(operation, "store step kept meeting others; trying again");
                }
                other @ (Ok(_) | Err(StoreError::Malformed(_))) => return other,
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        step().await
    }
}

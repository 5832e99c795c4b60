//! How jobs come to pass: accept, start, run, end, cancel, settle, sweep, and the stream of results that a response
//! body is written from. Decisions are [`domain`]'s, rows are [`store`]'s, pages are [`fetch`]'s and [`extraction`]'s.
//!
//! It knows no HTTP of ours: no status, no header, no request.

pub mod accept;
pub mod audit;
pub mod cancel;
pub mod clock;
pub mod dispatch;
pub mod gate;
pub mod hosts;
pub mod metrics;
pub mod modelling;
pub mod reader;
pub mod remote;
pub mod result_stream;
pub mod settings;
pub mod settle;
pub mod sweep;
pub mod synthetic;
pub mod worker;

mod assignment;
mod attempts;
mod cache;
mod captures;
mod crawl;
mod events;
mod heartbeat;
mod lease;
mod page;
mod reading;
mod rendering;
mod runner;

use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use domain::{AccountId, JobId, Nonce, Timestamp};
use fetch::Fetcher;
use language_model::Model;
use modelling::ModelReader;
use render::Render;
use store::{Store, StoreError};
use tokio::sync::watch as signal;
use tokio_util::task::TaskTracker;

use clock::{Clock, Ids};
use dispatch::Queues;
use gate::{Background, ByteSemaphore, FairSemaphore, Heavy, Parsers, Permit};
use metrics::{MetricEvent, MetricRecorder};
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
    renderer: Option<Arc<dyn Render>>,
    /// Reads what rules leave open.
    model: Option<ModelReader>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    semaphores: Semaphores,
    recorder: Arc<dyn MetricRecorder>,
    /// Jobs that this process drives.
    drives: TaskTracker,
    /// Says `true` once the process is to end.
    stopping: signal::Sender<bool>,
    /// The workers' sign of life, where this process is one.
    beat: heartbeat::Beat,
    /// What never changes of jobs that were worked on last.
    job_cache: assignment::JobCache,
    /// When this engine was put together: what its steady clock counts from.
    started: std::time::Instant,
    /// What is known of crawls that were worked on last.
    crawls: crawl::CrawlCaches,
    /// What this process knows of the hosts that it asks.
    hosts: hosts::Hosts,
}

/// What an engine is put together from.
#[allow(missing_debug_implementations)] // a recorder need not be
pub struct EngineDependencies {
    /// The rows.
    pub store: Store,
    /// The queues.
    pub queues: Queues,
    /// Fetches pages.
    pub fetcher: Fetcher,
    /// Renders pages, where there is a browser.
    pub renderer: Option<Arc<dyn Render>>,
    /// The operator's model, if there is one.
    pub model: Option<Model>,
    /// Times and limits.
    pub settings: Settings,
    /// What the process's accounts share.
    pub semaphores: Semaphores,
    /// Who is told what happens.
    pub recorder: Arc<dyn MetricRecorder>,
}

/// What there is only so much of in a process, shared out by account. Engines of one process share one.
#[derive(Debug, Clone)]
pub struct Semaphores {
    /// A permit for each page that is fetched at once.
    pub pages: FairSemaphore,
    /// Room for pages that were fetched and wait for a parser.
    pub bodies: ByteSemaphore,
    /// A permit for each page that is parsed at once: many more than there are processors would only make each slower.
    pub parsers: Parsers,
    /// A permit for each page that a browser renders at once.
    pub renders: FairSemaphore,
    /// A permit for each call of the operator's model at once.
    pub models: FairSemaphore,
    /// Permits for large bodies and heavy pages.
    pub heavy: Heavy,
}

/// What a store step has at least, however short leases are.
const LEAST_BUDGET: Duration = Duration::from_secs(5);
/// Most bytes of pages that wait for a parser and hold no permit to be fetched any more.
const WAITING_BYTES: usize = 16 * 1024 * 1024;

impl Semaphores {
    /// Permits for as many pages as the settings say, and for parsers on the processors that there are.
    pub fn new(settings: &Settings) -> Semaphores {
        let (pages, renders, processors) =
            (settings.fetch_concurrency, settings.render_concurrency, settings::processors());
        // One more for the heavy page.
        let background = Background::new(processors.saturating_add(1));
        Semaphores {
            pages: FairSemaphore::new(pages, pages / 8),
            bodies: ByteSemaphore::new(WAITING_BYTES),
            parsers: Parsers::new(processors, background.clone()),
            renders: FairSemaphore::new(renders, renders / 8),
            models: FairSemaphore::new(settings.model_concurrency, settings.model_concurrency / 8),
            heavy: Heavy::new(background),
        }
    }
}

impl Engine {
    /// Puts an engine together.
    pub fn new(dependencies: EngineDependencies, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Engine {
        let EngineDependencies { store, queues, fetcher, renderer, model, settings, semaphores, recorder } =
            dependencies;
        let model = model.map(|model| ModelReader {
            model,
            store: store.clone(),
            calls: semaphores.models.clone(),
            parsers: semaphores.parsers.clone(),
            recorder: Arc::clone(&recorder),
            clock: Arc::clone(&clock),
        });
        let inner = Inner {
            store,
            queues,
            fetcher,
            renderer,
            model,
            settings,
            clock,
            ids,
            semaphores,
            recorder,
            drives: TaskTracker::new(),
            stopping: signal::Sender::new(false),
            beat: heartbeat::Beat::default(),
            job_cache: assignment::JobCache::default(),
            started: std::time::Instant::now(),
            crawls: crawl::CrawlCaches::default(),
            hosts: hosts::Hosts::default(),
        };
        Engine { inner: Arc::new(inner) }
    }

    /// The rows.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Tells whoever counts.
    pub fn record(&self, event: &MetricEvent<'_>) {
        self.inner.recorder.record(event);
    }

    /// Whether the operator has set up a model.
    pub fn has_model(&self) -> bool {
        self.inner.model.is_some()
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.inner.queues
    }

    /// Leave to fetch a page in this process; `None` once it is to end.
    async fn page_permit(&self, account: &AccountId) -> Option<Permit> {
        let permit = self.inner.semaphores.pages.acquire(account).await;
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

    /// Ends what this process drives: nothing new is started, what has started gets `grace` to finish, and the leases
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
    /// is safe. All tries together end within half a lease, the SDK's own retries included: whoever holds a lease knows
    /// how its write went while it still holds it.
    async fn retry<T, F>(&self, mut step: impl FnMut() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let settings = &self.inner.settings;
        let budget = (Duration::from_secs(settings.lease_secs) / 2).max(LEAST_BUDGET);
        let until = tokio::time::Instant::now() + budget;
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(settings.retry_base_ms))
            .with_max_times(settings.step_attempts.saturating_sub(1) as usize)
            .with_jitter();
        let attempt = || {
            let step = Box::pin(step());
            async move {
                let over =
                    |_| StoreError::Unavailable { operation: "a store step", source: "it took half a lease".into() };
                tokio::time::timeout_at(until, step).await.map_err(over).flatten()
            }
        };
        attempt
            .retry(policy)
            .when(|error| {
                let passing = matches!(error, StoreError::Unavailable { .. } | StoreError::Contended { .. });
                passing && tokio::time::Instant::now() < until && !self.stopping()
            })
            .notify(|error, wait| tracing::warn!(%error, ?wait, "a store step failed; trying again"))
            .await
    }
}

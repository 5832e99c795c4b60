//! Runs jobs: accept, start, run, end, cancel, settle, sweep, and the stream of results that response bodies are
//! written from. [`domain`] decides, [`store`] has the rows, [`visits`] reads the pages.
//!
//! Each concern is a type with only the dependencies that it needs; [`Engine`] puts them together.
//!
//! It does not depend on Runo's HTTP API: no status, header or request appears here.

pub mod accept;
pub mod audit;
pub mod cancel;
pub mod dispatch;
pub mod driver;
pub mod notify;
pub mod result_stream;
pub mod settle;
pub mod sweep;
pub mod worker;

mod events;
mod handled;
mod heartbeat;
mod lease;
mod provider_batch;
mod runner;

pub use handled::Handled;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::{Job, Nonce, Timestamp};
use fetch::Fetcher;
use language_model::Model;
use render::Render;
use runtime::clock::{Clock, RandomSource};
use runtime::metrics::{MetricEvent, MetricRecorder};
use runtime::{Context, JobReader, Rows, Semaphores, Settings};
use store::Store;
use visits::captures::Captures;
use visits::hosts::{HostPacing, RobotsReader};
use visits::{PageDependencies, Pages};

use accept::Acceptor;
use audit::Audit;
use cancel::Canceller;
use dispatch::{Dispatcher, Queues};
use driver::Driver;
use heartbeat::Heartbeat;
use notify::Notifier;
use provider_batch::{Answers, ProviderBatches, WaitingUnits};
use result_stream::ResultStream;
use runner::{Committer, Runners};
use settle::Settler;
use sweep::Sweeper;
use worker::Worker;

/// Everything that is needed to run jobs. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

/// The parts of an engine, one for each concern.
pub struct Parts {
    /// Accepts calls.
    pub acceptor: Acceptor,
    /// Drives jobs in this process.
    pub driver: Arc<Driver>,
    /// Reads jobs and streams their results.
    pub jobs: Arc<JobReader>,
    /// Cancels jobs.
    pub canceller: Canceller,
    /// Works on messages of the units' queue.
    pub worker: Worker,
    /// Settles jobs that have nothing open.
    pub settler: Settler,
    /// Resumes jobs that have no driver.
    pub sweeper: Sweeper,
    /// Delivers webhooks of jobs that ended.
    pub notifier: Arc<Notifier>,
    /// Reads captures of pages, such as screenshots.
    pub captures: Captures,
    /// Decides when pages may start at their hosts.
    pub pacing: Arc<HostPacing>,
    /// Reads the robots.txt of sites.
    pub robots: Arc<RobotsReader>,
    has_model: bool,
    queues: Queues,
    rows: Rows,
    context: Arc<Context>,
}

impl Deref for Engine {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("settings", self.settings()).finish_non_exhaustive()
    }
}

/// The dependencies of an engine.
#[allow(missing_debug_implementations)] // a recorder need not be
pub struct EngineDependencies {
    /// The rows.
    pub store: Store,
    /// The queues.
    pub queues: Queues,
    /// Fetches pages.
    pub fetcher: Fetcher,
    /// Renders pages, if there is a browser.
    pub renderer: Option<Arc<dyn Render>>,
    /// The operator's model, if there is one.
    pub model: Option<Model>,
    /// Durations and limits.
    pub settings: Settings,
    /// Semaphores that the accounts in this process share.
    pub semaphores: Semaphores,
    /// Counts what happens.
    pub recorder: Arc<dyn MetricRecorder>,
}

impl Engine {
    /// Builds an engine.
    pub fn new(dependencies: EngineDependencies, clock: Arc<dyn Clock>, ids: Arc<dyn RandomSource>) -> Engine {
        let EngineDependencies { store, queues, fetcher, renderer, model, settings, semaphores, recorder } =
            dependencies;
        let context = Arc::new(Context::new(settings, clock, ids, recorder));
        let (cx, rows) = (|| Arc::clone(&context), Rows::new(store, Arc::clone(&context)));
        let jobs = Arc::new(JobReader::new(cx(), rows.clone()));
        let dispatcher = Arc::new(Dispatcher { context: cx(), queues: queues.clone() });
        let notifier = Arc::new(Notifier::new(cx(), rows.clone(), queues.notify.clone(), fetcher.clone()));
        let Pages { units, hosts, robots, captures, model } = Pages::new(PageDependencies {
            context: cx(),
            rows: rows.clone(),
            jobs: Arc::clone(&jobs),
            fetcher,
            renderer,
            model,
            semaphores,
        });
        let runners = Arc::new(Runners {
            context: cx(),
            jobs: Arc::clone(&jobs),
            committer: Arc::new(Committer { context: cx(), rows: rows.clone(), notifier: Arc::clone(&notifier) }),
            units,
            dispatcher: Arc::clone(&dispatcher),
        });
        let driver = Arc::new(Driver {
            context: cx(),
            rows: rows.clone(),
            jobs: Arc::clone(&jobs),
            runners: Arc::clone(&runners),
            dispatcher: Arc::clone(&dispatcher),
        });
        let answers = Answers { context: cx(), rows: rows.clone(), runners: Arc::clone(&runners) };
        let batches = model.as_ref().and_then(|model| {
            Some(Arc::new(ProviderBatches {
                context: cx(),
                rows: rows.clone(),
                jobs: Arc::clone(&jobs),
                answers: answers.clone(),
                model: Arc::clone(model),
                provider: model.batches()?,
            }))
        });
        let waiting = WaitingUnits { answers, batches };
        Engine(Arc::new(Parts {
            acceptor: Acceptor { context: cx(), rows: rows.clone(), jobs: Arc::clone(&jobs) },
            canceller: Canceller {
                rows: rows.clone(),
                jobs: Arc::clone(&jobs),
                runners: Arc::clone(&runners),
                waiting: waiting.clone(),
            },
            settler: Settler { rows: rows.clone(), runners: Arc::clone(&runners), waiting: waiting.clone() },
            sweeper: Sweeper {
                context: cx(),
                rows: rows.clone(),
                runners: Arc::clone(&runners),
                dispatcher: Arc::clone(&dispatcher),
                driver: Arc::clone(&driver),
                waiting,
            },
            worker: Worker {
                context: cx(),
                rows: rows.clone(),
                jobs: Arc::clone(&jobs),
                runners,
                dispatcher,
                heartbeat: Heartbeat::new(cx(), rows.clone()),
            },
            driver,
            jobs,
            notifier,
            captures,
            pacing: hosts,
            robots,
            has_model: model.is_some(),
            queues,
            rows,
            context,
        }))
    }

    /// Returns the tables.
    pub fn store(&self) -> &Store {
        self.rows.store()
    }

    /// Streams the results of a job that may run anywhere or have ended, without the first `from`.
    pub fn follow(&self, job: Job, from: u32) -> ResultStream {
        ResultStream::of_rows(Arc::clone(&self.jobs), job, from)
    }

    /// Records an event for the metrics.
    pub fn record(&self, event: &MetricEvent<'_>) {
        self.context.record(event);
    }

    /// Returns whether the operator has set up a model.
    pub fn has_model(&self) -> bool {
        self.has_model
    }

    /// Returns the queues.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Returns the durations and limits in force.
    pub fn settings(&self) -> &Settings {
        self.context.settings()
    }

    /// Returns the current time.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// Returns a new nonce.
    pub fn nonce(&self) -> Nonce {
        self.context.nonce()
    }

    /// Returns once the process has to end.
    pub async fn stopped(&self) {
        self.context.stopped().await;
    }

    /// Stops the drivers of this process: nothing new starts, what has started gets `grace` to finish, and the leases
    /// of the rest are given back, so that another process continues at once.
    pub async fn shut_down(&self, grace: Duration) {
        self.context.shut_down(grace).await;
    }

    /// Waits until this process drives no job. For tests and tools.
    pub async fn idle(&self) {
        self.context.wait_until_idle().await;
    }

    /// Returns the check of the invariants over this process's tables, by its clock.
    pub fn audit(&self) -> Audit<'_> {
        Audit::new(self.store(), self.context.clock(), self.settings().sweep_secs)
    }
}

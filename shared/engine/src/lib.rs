//! How jobs come to pass: accept, start, run, end, cancel, settle, sweep, and the stream of results that a response
//! body is written from. Decisions are [`domain`]'s, rows are [`store`]'s, pages are [`visits`]'s.
//!
//! Each concern is a type of its own that has what it needs and no more; [`Engine`] puts them together.
//!
//! It knows no HTTP of ours: no status, no header, no request.

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
mod heartbeat;
mod lease;
mod provider_batch;
mod runner;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use domain::{Job, Nonce, Timestamp};
use fetch::Fetcher;
use language_model::Model;
use render::Render;
use runtime::clock::{Clock, Ids};
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
use provider_batch::{Answers, ProviderBatches, Waiting};
use result_stream::ResultStream;
use runner::{Committer, Runners};
use settle::Settler;
use sweep::Sweeper;
use worker::Worker;

/// Everything that work needs. Cheap to clone; one per process.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

/// What a process does with jobs, concern by concern.
pub struct Parts {
    /// Accepts calls.
    pub acceptor: Acceptor,
    /// Drives jobs in this process.
    pub driver: Arc<Driver>,
    /// Reads jobs and streams their results.
    pub jobs: Arc<JobReader>,
    /// Cancels jobs.
    pub canceller: Canceller,
    /// Works on messages.
    pub worker: Worker,
    /// Settles jobs that are done.
    pub settler: Settler,
    /// Looks after jobs that nobody drives.
    pub sweeper: Sweeper,
    /// Tells of jobs that ended.
    pub notifier: Arc<Notifier>,
    /// What was captured of pages.
    pub captures: Captures,
    /// When pages may start at their hosts.
    pub pacing: Arc<HostPacing>,
    /// What sites' robots.txt say.
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
    /// Who counts what happens.
    pub recorder: Arc<dyn MetricRecorder>,
}

impl Engine {
    /// Puts an engine together.
    pub fn new(dependencies: EngineDependencies, clock: Arc<dyn Clock>, ids: Arc<dyn Ids>) -> Engine {
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
        let waiting = Waiting { answers, batches };
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

    /// The rows.
    pub fn store(&self) -> &Store {
        self.rows.store()
    }

    /// The results of a job that may run anywhere, or have ended, without the first `from`.
    pub fn follow(&self, job: Job, from: u32) -> ResultStream {
        ResultStream::of_rows(Arc::clone(&self.jobs), job, from)
    }

    /// Records what happened, for whoever counts.
    pub fn record(&self, event: &MetricEvent<'_>) {
        self.context.record(event);
    }

    /// Whether the operator has set up a model.
    pub fn has_model(&self) -> bool {
        self.has_model
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The times and limits in force.
    pub fn settings(&self) -> &Settings {
        self.context.settings()
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.context.now()
    }

    /// A new nonce.
    pub fn nonce(&self) -> Nonce {
        self.context.nonce()
    }

    /// Comes back once the process is to end.
    pub async fn stopped(&self) {
        self.context.stopped().await;
    }

    /// Ends what this process drives: nothing new is started, what has started gets `grace` to finish, and the leases
    /// of what is left are given back, so that the next process goes on at once.
    pub async fn shut_down(&self, grace: Duration) {
        self.context.shut_down(grace).await;
    }

    /// Waits until this process drives no job. For tests and tools.
    pub async fn idle(&self) {
        self.context.idle().await;
    }

    /// The check of the invariants in this process's tables, by its clock.
    pub fn audit(&self) -> Audit<'_> {
        Audit::new(self.store(), self.context.clock(), self.settings().sweep_secs)
    }
}

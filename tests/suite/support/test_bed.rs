//! The engine on an embedded DynamoDB, with clock, ids and network controlled by the test.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use domain::invariants::check;
use domain::job::{CrawlOptions, Options};
use domain::{AccountId, Endpoint, Plan, Schema};
use engine::Handled;
use engine::accept::{Call, Started, Verdict};
use engine::audit::Audit;
use engine::dispatch::Queues;
use engine::result_stream::{ResultStream, StreamEvent};
use engine::{Engine, EngineDependencies};
use fetch::{FetchConfig, Fetcher};
use language_model::{Model, ModelConfig};
use local::dynamodb::DynamoDb;
use local::embedded::Service;
use runtime::Semaphores;
use runtime::clock::Clock;
use runtime::metrics::NoMetrics;
use runtime::settings::Settings;
use store::client::{Connection, connect_with_http_client};
use store::queue::{Message, Queue};
use store::quota::QuotaSnapshot;
use store::{RetryPolicy, Store, StoreError, TableNames};
use tokio::runtime::{Handle, Id};

pub use super::clocks::{ManualClock, NOV_24, RunningClock};

use super::clocks::CountedIds;
use super::faults::{Fault, Faults};
use super::stack::schema;
use super::test_queue::{SentMessage, TestQueue};

/// One fetcher per test runtime, because building one reads the machine's certificates.
pub fn fetcher() -> Fetcher {
    static BUILT: Mutex<Option<HashMap<Id, Fetcher>>> = Mutex::new(None);
    let build = || {
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        Fetcher::new(FetchConfig { allow, ..FetchConfig::default() }).unwrap()
    };
    let mut built = BUILT.lock().unwrap();
    built.get_or_insert_default().entry(Handle::current().id()).or_insert_with(build).clone()
}

const QUEUE_RETRY: RetryPolicy = RetryPolicy { max_tries: 2, base_ms: 1 };

/// Tables, clock and ids. Engines start and end on them as processes do.
pub struct TestBed {
    pub clock: ManualClock,
    ids: Arc<CountedIds>,
    db: DynamoDb,
    pub settings: Settings,
    /// The queue. Without one every send is refused.
    pub queue: Option<TestQueue>,
    /// The operator's model, if there is one.
    pub model: Option<ModelConfig>,
}

impl TestBed {
    /// New tables with the account `a` on the plan pro and 10 prepaid credits.
    pub async fn new() -> TestBed {
        let db = DynamoDb::start(None).await.unwrap();
        let settings = Settings {
            max_step_tries: 3,
            retry_base_ms: 1,
            linger_ms: 2,
            detached_linger_ms: 2,
            driver_faults: 2,
            ..Settings::default()
        };
        let bed =
            TestBed { clock: ManualClock::at(NOV_24), ids: Arc::default(), db, settings, queue: None, model: None };
        let store = bed.store(&Faults::default()).await;
        store.admin.create_tables().await.unwrap();
        store.accounts.create_account(&account(), Plan::Pro, None, bed.clock.now()).await.unwrap();
        store.accounts.top_up(&account(), "t", 10, bed.clock.now()).await.unwrap();
        bed
    }

    /// The same with a queue.
    pub async fn with_queue() -> TestBed {
        let bed = TestBed::new().await;
        TestBed { queue: Some(TestQueue::new(bed.clock.clone())), ..bed }
    }

    /// The tables, for direct access.
    pub fn db(&self) -> &Service {
        self.db.service()
    }

    pub async fn store(&self, faults: &Faults) -> Store {
        let connection = self.db.service().connection();
        let client = connect_with_http_client(
            &connection,
            faults.wrap_client(self.db.service().http_client()),
            RetryConfig::disabled(),
        )
        .await;
        Store::new(client, TableNames::default(), RetryPolicy { max_tries: 8, base_ms: 1 }, 86_400)
    }

    /// Starts a process.
    pub async fn engine(&self, faults: &Faults) -> Engine {
        self.engine_on(faults, Arc::new(self.clock.clone())).await
    }

    /// Starts a process with another clock.
    pub async fn engine_on(&self, faults: &Faults, clock: Arc<dyn Clock>) -> Engine {
        let dependencies = EngineDependencies {
            store: self.store(faults).await,
            queues: self.queues(faults).await,
            fetcher: fetcher(),
            renderer: None,
            model: self.model.clone().map(|config| Model::new(config).unwrap()),
            settings: self.settings.clone(),
            semaphores: Semaphores::new(&self.settings),
            recorder: Arc::new(NoMetrics),
        };
        Engine::new(dependencies, clock, self.ids.clone())
    }

    async fn queues(&self, faults: &Faults) -> Queues {
        let http = match &self.queue {
            Some(queue) => faults.wrap_client(queue.client()),
            // Nothing listens there.
            None => store::client::http_client(true),
        };
        let endpoint = Some("http://127.0.0.1:9".to_owned());
        let connection = Connection { endpoint, ..Connection::default() };
        let sqs = store::queue::connect_with_http_client(&connection, http, RetryConfig::disabled()).await;
        let queue = |name| Queue::new(sqs.clone(), &format!("http://127.0.0.1:9/0/{name}"), QUEUE_RETRY);
        Queues { units: queue("units"), settle: queue("settle"), notify: queue("notify") }
    }

    /// Delivers the messages of the queues one after the other until none is visible, each time the one at position
    /// `pick`; dead letters too. Returns the number of deliveries.
    pub async fn deliver(&self, worker: &Engine, settler: &Engine, pick: usize) -> usize {
        let Some(queue) = &self.queue else { return 0 };
        let mut delivered = 0;
        loop {
            let sent = ["units", "settle", "notify"].iter().find_map(|name| queue.receive(name, pick));
            let Some(sent) = sent else { return delivered };
            delivered += 1;
            assert!(delivered < 10_000, "messages without end");
            self.handle(queue, &sent, worker, settler).await;
        }
    }

    /// Handles one message as its queue's function would.
    pub async fn handle(&self, queue: &TestQueue, sent: &SentMessage, worker: &Engine, settler: &Engine) {
        match sent.message() {
            Message::Units { job, .. } if sent.receives > 10 => {
                if settler.settler.settle_if_done(&job).await.is_ok() {
                    queue.delete(&sent.handle);
                }
            }
            Message::Units { job, lane, seqs } => {
                match worker.worker.work(&job, lane, &seqs, sent.receives, None).await {
                    Ok(Handled::Acknowledge) => queue.delete(&sent.handle),
                    Ok(Handled::Redeliver(wait)) => queue.hide(&sent.handle, i64::try_from(wait.as_millis()).unwrap()),
                    Err(_) => {}
                }
            }
            Message::Notify { job } => match worker.notifier.deliver(&job).await {
                Ok(Handled::Acknowledge) => queue.delete(&sent.handle),
                Ok(Handled::Redeliver(wait)) => queue.hide(&sent.handle, i64::try_from(wait.as_millis()).unwrap()),
                Err(_) => {}
            },
            Message::Settle { job } => {
                if settler.settler.settle_if_done(&job).await.is_ok() {
                    queue.delete(&sent.handle);
                }
            }
        }
    }

    /// Lets leases end and sweeps until no job runs. Panics if a job never ends.
    pub async fn settle_all(&self) {
        let faults = Faults::default();
        let engine = self.engine(&faults).await;
        for _ in 0..12 {
            let snapshot = engine.store().audit.snapshot().await.unwrap();
            if snapshot.jobs.iter().all(|j| j.job.state.ended()) {
                return;
            }
            self.clock.advance(200);
            engine.sweeper.sweep(None).await.unwrap();
            engine.notifier.sweep().await.unwrap();
            self.deliver(&engine, &engine, 0).await;
            tokio::time::timeout(RUN_LIMIT, engine.idle()).await.expect("a driver never ends");
        }
        panic!("a job never ended");
    }

    /// Asserts every invariant.
    pub async fn assert_sound(&self, context: &str) {
        let store = self.store(&Faults::default()).await;
        assert_eq!(check(&store.audit.snapshot().await.unwrap(), self.clock.now(), 60), [], "{context}");
        // Page by page, as in production.
        assert_eq!(Audit::new(&store, &self.clock, 60).violations().await.unwrap(), [].into(), "{context}");
    }
}

/// Time for a process's work, and for the remaining work of its drivers. A run takes a fraction of a second on a machine
/// that does nothing else.
const RUN_LIMIT: Duration = Duration::from_secs(120);

/// Does a process's work with the fault at the n-th call where it makes a difference, or with none, and lets the process
/// finish what it still does. Panics if it hangs, or if it fails although it survives the fault.
pub async fn run_process(
    engine: &Engine,
    faults: &Faults,
    fault: Option<(usize, Fault)>,
    context: &str,
    work: impl Future<Output = Result<(), StoreError>>,
) -> Result<(), StoreError> {
    match fault {
        Some((n, fault)) => faults.plan_nth(n, fault),
        None => faults.reset(),
    }
    let ran = tokio::time::timeout(RUN_LIMIT, work).await.unwrap_or_else(|_| panic!("{context}: hangs"));
    tokio::time::timeout(RUN_LIMIT, engine.idle()).await.unwrap_or_else(|_| panic!("{context}: a driver hangs"));
    let survives = fault.is_none_or(|(_, fault)| fault.process_survives());
    assert!(!survives || ran.is_ok(), "{context}: a single fault must not reach the caller: {ran:?}");
    ran
}

pub fn account() -> AccountId {
    AccountId::parse("a").unwrap()
}

pub fn call(endpoint: Endpoint, urls: Vec<String>) -> Call {
    Call {
        endpoint,
        options: Options { timeout_ms: 20_000, ..Options::default() },
        schema: Schema::parse(&schema()).unwrap(),
        urls,
        crawl: None,
        async_mode: false,
        webhook: None,
        idempotency: None,
    }
}

/// A crawl without sitemaps.
pub fn crawl_options(follow_pattern: String, max_pages: u32, max_depth: u32) -> CrawlOptions {
    let (use_sitemap, ignore_robots, allow_large_crawl) = (false, false, false);
    CrawlOptions { follow_pattern, max_pages, max_depth, use_sitemap, ignore_robots, allow_large_crawl }
}

/// The account's quota. Reads a second time after a failure, as the SDK's retries (off here) would.
pub async fn quota(engine: &Engine) -> Result<QuotaSnapshot, StoreError> {
    let read = async || engine.store().accounts.quota(&account(), engine.now(), None).await;
    let first = read().await;
    Ok(if first.is_ok() { first } else { read().await }?.unwrap())
}

/// Accepts a call. Panics if it is refused.
pub async fn accept(engine: &Engine, call: Call) -> Result<Box<Started>, StoreError> {
    let quota = quota(engine).await?;
    match engine.acceptor.accept(call, quota).await?.0 {
        Verdict::Accepted(started) => Ok(started),
        other => panic!("not accepted: {other:?}"),
    }
}

/// Reads a stream to its end, or to its first error.
pub async fn drain(mut stream: ResultStream) -> Result<Vec<serde_json::Value>, StoreError> {
    let mut results = Vec::new();
    loop {
        match stream.next().await? {
            StreamEvent::Result(item) => results.push(serde_json::from_str(&item.text).unwrap()),
            StreamEvent::End(_) => return Ok(results),
        }
    }
}

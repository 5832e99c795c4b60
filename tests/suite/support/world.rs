//! The engine on an embedded DynamoDB, with the clock, the ids and the network in the test's hands.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use domain::invariants::check;
use domain::job::Options;
use domain::{AccountId, Endpoint, Plan, Schema, Timestamp};
use engine::Engine;
use engine::accept::{Call, Started, Verdict};
use engine::clock::{Clock, Ids};
use engine::feed::{Feed, Item};
use engine::settings::Settings;
use fetch::{FetchConfig, Fetcher};
use local::dynamodb::DynamoDb;
use store::client::{Connection, connect_through};
use store::standing::Standing;
use store::{RetryPolicy, Store, StoreError, TableNames};

use super::faults::Faults;
use super::stack::schema;

/// A clock that stands until it is moved.
#[derive(Debug, Clone, Default)]
pub struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub fn at(ms: i64) -> HandClock {
        HandClock(Arc::new(AtomicI64::new(ms)))
    }

    pub fn advance(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// Ids that are different each time and the same in each run.
#[derive(Debug, Default)]
pub struct CountedIds(AtomicU64);

impl Ids for CountedIds {
    fn random(&self) -> u128 {
        let n = u128::from(self.0.fetch_add(1, Ordering::SeqCst) + 1);
        n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

/// 2026-11-24T00:00:00Z
pub const NOV_24: i64 = 1_795_478_400_000;

/// Tables, clock and ids; engines come and go on it as processes do.
pub struct Ground {
    pub clock: HandClock,
    ids: Arc<CountedIds>,
    db: DynamoDb,
    pub settings: Settings,
}

impl Ground {
    /// Fresh tables with the account `a` on the plan pro and 10 prepaid credits.
    pub async fn new() -> Ground {
        let db = DynamoDb::start(None, 0).await.unwrap();
        let settings = Settings { step_attempts: 3, retry_base_ms: 1, progress_ms: 5, ..Settings::default() };
        let ground = Ground { clock: HandClock::at(NOV_24), ids: Arc::default(), db, settings };
        let store = ground.store(&Faults::default()).await;
        store.create_tables().await.unwrap();
        store.create_account(&account(), Plan::Pro, None, ground.clock.now()).await.unwrap();
        store.top_up(&account(), "t", 10, ground.clock.now()).await.unwrap();
        ground
    }

    pub async fn store(&self, faults: &Faults) -> Store {
        let connection = Connection { endpoint: Some(self.db.url().to_owned()), ..Connection::default() };
        let client = connect_through(&connection, faults.client(), RetryConfig::disabled()).await;
        Store::new(client, TableNames::default(), RetryPolicy { attempts: 8, base_ms: 1 }, 86_400)
    }

    /// A process.
    pub async fn engine(&self, faults: &Faults) -> Engine {
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let fetcher = Fetcher::new(FetchConfig { allow, ..FetchConfig::default() }).unwrap();
        let clock = Arc::new(self.clock.clone());
        Engine::new(self.store(faults).await, fetcher, self.settings.clone(), clock, self.ids.clone())
    }

    /// Lets leases end and sweeps, as often as it takes, until no job runs. Fails if that never comes.
    pub async fn settle_all(&self) {
        let faults = Faults::default();
        let engine = self.engine(&faults).await;
        for _ in 0..12 {
            let snapshot = engine.store().snapshot().await.unwrap();
            if snapshot.jobs.iter().all(|j| j.job.state.ended()) {
                return;
            }
            self.clock.advance(200);
            engine.sweep().await.unwrap();
            tokio::time::timeout(Duration::from_secs(20), engine.idle()).await.expect("a driver never ends");
        }
        panic!("a job never ended");
    }

    /// Every invariant holds.
    pub async fn assert_sound(&self, context: &str) {
        let snapshot = self.store(&Faults::default()).await.snapshot().await.unwrap();
        assert_eq!(check(&snapshot, self.clock.now(), 60), [], "{context}");
    }
}

pub fn account() -> AccountId {
    AccountId::parse("a").unwrap()
}

pub fn call(endpoint: Endpoint, urls: Vec<String>) -> Call {
    Call {
        endpoint,
        options: Options { timeout_ms: 5_000, ..Options::default() },
        schema: Schema::parse(&schema()).unwrap(),
        urls,
        async_mode: false,
        idempotency: None,
    }
}

/// The account's standing; asked for twice, as the SDK's retries (off here) would.
pub async fn standing(engine: &Engine) -> Result<Standing, StoreError> {
    let read = async || engine.store().standing(&account(), engine.now(), None).await;
    let first = read().await;
    Ok(if first.is_ok() { first } else { read().await }?.unwrap())
}

/// Accepts a call that must be acceptable.
pub async fn accept(engine: &Engine, call: Call) -> Result<Box<Started>, StoreError> {
    let standing = standing(engine).await?;
    match engine.accept(call, standing).await?.0 {
        Verdict::Accepted(started) => Ok(started),
        other => panic!("not accepted: {other:?}"),
    }
}

/// Reads a feed to its end, or to its first fault.
pub async fn drain(mut feed: Feed) -> Result<Vec<serde_json::Value>, StoreError> {
    let mut results = Vec::new();
    loop {
        match feed.next().await? {
            Item::Result(text) => results.push(serde_json::from_str(&text).unwrap()),
            Item::End(_) => return Ok(results),
        }
    }
}

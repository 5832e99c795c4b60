//! The rows of Runo in DynamoDB, its messages in SQS, and calls of its Lambda functions: the only crate that talks to
//! AWS. Writes and reads that decide anything are conditional and strongly consistent, and every list is read to its
//! last page.
//!
//! This crate knows how rows are written, not why: [`domain`] decides which change may follow which. It knows nothing
//! of HTTP calls to Runo.

pub mod accept;
pub mod accounts;
pub mod audit;
pub mod cache;
pub mod captures;
pub mod client;
pub mod error;
pub mod function;
pub mod growth;
pub mod heartbeat;
pub mod held;
pub mod hosts;
pub mod jobs;
pub mod keys;
pub mod lists;
pub mod memory;
pub mod model;
pub mod model_batches;
pub mod queue;
pub mod quota;
pub mod results;
pub mod segments;
pub mod settle;
pub mod stop;
pub mod tables;
pub mod webhooks;

mod item;
mod meta;
mod ops;

pub use error::StoreError;

use std::ops::Deref;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use domain::{Job, Timestamp};

/// Names of the three tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableNames {
    /// Money and keys.
    pub accounts: String,
    /// Jobs and their units.
    pub jobs: String,
    /// Pace and robots.txt per host, and the result cache.
    pub hosts: String,
}

impl Default for TableNames {
    fn default() -> Self {
        TableNames { accounts: "runo-accounts".into(), jobs: "runo-jobs".into(), hosts: "runo-hosts".into() }
    }
}

/// How a step is retried when its transaction conflicts with another.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Maximum number of tries.
    pub max_tries: u32,
    /// Upper bound of the first, jittered wait in milliseconds; it doubles each time.
    pub base_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { max_tries: 10, base_ms: 10 }
    }
}

/// Where rows are stored.
#[derive(Debug, Clone)]
pub enum Backend {
    /// DynamoDB, or a service with its protocol.
    DynamoDb(Client),
    /// This process's memory: see [`memory`].
    Memory {
        /// The rows.
        rows: Arc<memory::Rows>,
        /// The client for what they do not support: indexes, scans and tables.
        fallback: Client,
    },
}

/// Access to the rows, on which every part of the store is built. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Base {
    backend: Backend,
    tables: Arc<TableNames>,
    retry: RetryPolicy,
    result_ttl_secs: u64,
}

/// Defines the parts of the store, one for each concern.
macro_rules! parts {
    ($($(#[$about:meta])* $name:ident;)*) => {$(
        $(#[$about])*
        #[derive(Debug, Clone)]
        pub struct $name(Base);

        impl Deref for $name {
            type Target = Base;
            fn deref(&self) -> &Base {
                &self.0
            }
        }
    )*};
}

parts! {
    /// Accounts, their keys and their credits.
    Accounts;
    /// Jobs from acceptance to settlement, their drivers and the sweeper's index.
    Jobs;
    /// Unit states and results.
    Segments;
    /// The growth of crawls, and which unit owns which page.
    Crawls;
    /// Pace and robots.txt of hosts.
    Hosts;
    /// Results that may be served again.
    ResultCache;
    /// Deliveries of webhook messages, and the secrets that sign them.
    Webhooks;
    /// Cost and results of the operator's model.
    ModelUsage;
    /// Questions to the operator's model in its provider's batches.
    ModelBatches;
    /// The tables themselves.
    Admin;
    /// The reads of the check of all rows.
    Audit;
}

/// A handle on the tables, with one part for each concern. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// Accounts, their keys and their credits.
    pub accounts: Accounts,
    /// Jobs from acceptance to settlement, their drivers and the sweeper's index.
    pub jobs: Jobs,
    /// Unit states and results.
    pub segments: Segments,
    /// The growth of crawls, and which unit owns which page.
    pub crawls: Crawls,
    /// Pace and robots.txt of hosts.
    pub hosts: Hosts,
    /// Results that may be served again.
    pub cache: ResultCache,
    /// Deliveries of webhook messages, and the secrets that sign them.
    pub webhooks: Webhooks,
    /// Cost and results of the operator's model.
    pub models: ModelUsage,
    /// Questions to the operator's model in its provider's batches.
    pub model_batches: ModelBatches,
    /// The tables themselves.
    pub admin: Admin,
    /// The reads of the check of all rows.
    pub audit: Audit,
}

/// How long rows may outlive their retention before TTL removes them. Allows for clocks that differ. Does not affect
/// any decision.
const TTL_SLACK_SECS: u64 = 86_400;

impl Store {
    /// Creates a store on DynamoDB. Results are kept for `result_ttl_secs` after their job has ended.
    pub fn new(db: Client, tables: TableNames, retry: RetryPolicy, result_ttl_secs: u64) -> Store {
        Store::on(&Base { backend: Backend::DynamoDb(db), tables: Arc::new(tables), retry, result_ttl_secs })
    }

    /// Returns the same store with its rows in memory.
    #[must_use]
    pub fn in_memory(self, rows: Arc<memory::Rows>) -> Store {
        let base = self.admin.0;
        let backend = Backend::Memory { rows, fallback: base.db().clone() };
        Store::on(&Base { backend, ..base })
    }

    fn on(base: &Base) -> Store {
        Store {
            accounts: Accounts(base.clone()),
            jobs: Jobs(base.clone()),
            segments: Segments(base.clone()),
            crawls: Crawls(base.clone()),
            hosts: Hosts(base.clone()),
            cache: ResultCache(base.clone()),
            webhooks: Webhooks(base.clone()),
            models: ModelUsage(base.clone()),
            model_batches: ModelBatches(base.clone()),
            admin: Admin(base.clone()),
            audit: Audit(base.clone()),
        }
    }
}

impl Base {
    /// Returns DynamoDB, for what only it supports: indexes, scans, tables.
    fn db(&self) -> &Client {
        match &self.backend {
            Backend::DynamoDb(db) | Backend::Memory { fallback: db, .. } => db,
        }
    }

    /// Returns when the retention of a job that ends at `ended_at` is over.
    pub fn expiry(&self, ended_at: Timestamp) -> Timestamp {
        ended_at.plus_secs(self.result_ttl_secs)
    }

    /// Returns the TTL attribute of a running job's rows in Unix seconds. They must outlive its latest possible end.
    fn ttl_of(&self, job: &Job) -> i64 {
        self.expiry(job.deadline).plus_secs(TTL_SLACK_SECS).secs()
    }
}

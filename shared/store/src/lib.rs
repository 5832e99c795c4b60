//! The rows of Runo in DynamoDB, its messages in SQS, and questions to its functions: the only crate that talks to AWS. Every write is conditional,
//! every read that decides anything is strongly consistent, and every list is paged to its end.
//!
//! It knows how rows are written, not why: what may follow what is decided by [`domain`]. It knows no HTTP of ours.

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
pub mod hooks;
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
    /// Politeness and robots.txt per host.
    pub hosts: String,
}

impl Default for TableNames {
    fn default() -> Self {
        TableNames { accounts: "runo-accounts".into(), jobs: "runo-jobs".into(), hosts: "runo-hosts".into() }
    }
}

/// How long a step is tried again when a transaction meets another one.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Tries in all.
    pub attempts: u32,
    /// Upper bound of the first, jittered wait; it doubles each time.
    pub base_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { attempts: 10, base_ms: 10 }
    }
}

/// Where rows are kept.
#[derive(Debug, Clone)]
pub enum Backend {
    /// DynamoDB, or what speaks its protocol.
    DynamoDb(Client),
    /// This process's memory: see [`memory`].
    Memory {
        /// The rows.
        rows: Arc<memory::Rows>,
        /// For what they cannot do: indexes, scans and tables.
        behind: Client,
    },
}

/// How rows are reached: what every part of the store is made on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Base {
    backend: Backend,
    tables: Arc<TableNames>,
    retry: RetryPolicy,
    result_ttl_secs: u64,
}

/// The rows of one concern.
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
    /// Accounts, their keys, and what they may spend.
    Accounts;
    /// Jobs from their acceptance to their settlement, and who looks after them.
    Jobs;
    /// Where units stand, and their results.
    Segments;
    /// Which unit of a crawl owns a page, and how a crawl grows.
    Crawls;
    /// What is known of hosts.
    Hosts;
    /// Results that may be served again.
    ResultCache;
    /// Messages of jobs that ended, and what signs them.
    Hooks;
    /// What the operator's model cost and came to.
    ModelUsage;
    /// What is asked of the operator's model by the provider's batches.
    ModelBatches;
    /// The tables themselves.
    Admin;
    /// What the check of all rows reads.
    Audit;
}

/// Handle on the tables, concern by concern. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    /// Accounts, their keys, and what they may spend.
    pub accounts: Accounts,
    /// Jobs from their acceptance to their settlement, and who looks after them.
    pub jobs: Jobs,
    /// Where units stand, and their results.
    pub segments: Segments,
    /// Which unit of a crawl owns a page, and how a crawl grows.
    pub crawls: Crawls,
    /// What is known of hosts.
    pub hosts: Hosts,
    /// Results that may be served again.
    pub cache: ResultCache,
    /// Messages of jobs that ended, and what signs them.
    pub hooks: Hooks,
    /// What the operator's model cost and came to.
    pub models: ModelUsage,
    /// What is asked of the operator's model by the provider's batches.
    pub model_batches: ModelBatches,
    /// The tables themselves.
    pub admin: Admin,
    /// What the check of all rows reads.
    pub audit: Audit,
}

/// Rows may outlive their retention by this much before TTL removes them: a margin for clocks, not logic.
const TTL_SLACK_SECS: u64 = 86_400;

impl Store {
    /// A store on DynamoDB. Results are kept for `result_ttl_secs` after their job ended.
    pub fn new(db: Client, tables: TableNames, retry: RetryPolicy, result_ttl_secs: u64) -> Store {
        Store::on(&Base { backend: Backend::DynamoDb(db), tables: Arc::new(tables), retry, result_ttl_secs })
    }

    /// The same store with its rows in memory.
    #[must_use]
    pub fn in_memory(self, rows: Arc<memory::Rows>) -> Store {
        let base = self.admin.0;
        let backend = Backend::Memory { rows, behind: base.db().clone() };
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
            hooks: Hooks(base.clone()),
            models: ModelUsage(base.clone()),
            model_batches: ModelBatches(base.clone()),
            admin: Admin(base.clone()),
            audit: Audit(base.clone()),
        }
    }
}

impl Base {
    /// DynamoDB, for what only it can do: indexes, scans, tables.
    fn db(&self) -> &Client {
        match &self.backend {
            Backend::DynamoDb(db) | Backend::Memory { behind: db, .. } => db,
        }
    }

    /// When a job that ends at `ended_at` is forgotten.
    pub fn expiry(&self, ended_at: Timestamp) -> Timestamp {
        ended_at.plus_secs(self.result_ttl_secs)
    }

    /// The TTL attribute of a running job's rows, in Unix seconds: they must outlive its latest possible end.
    fn ttl_of(&self, job: &Job) -> i64 {
        self.expiry(job.deadline).plus_secs(TTL_SLACK_SECS).secs()
    }
}

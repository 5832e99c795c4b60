//! The deployment: the numbers of template.yaml and the engine's settings. A test of the system suite
//! compares them with both.

use crate::assumptions::Latencies;
use crate::limits::{ACCOUNT_CONCURRENCY, GATEWAY_BURST, GATEWAY_RATE};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Megabytes.
    pub memory_mb: u32,
    /// Timeout of an invocation, in seconds.
    pub timeout_secs: u64,
}

/// A queue that feeds a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingSpec {
    /// Maximum number of messages of an invocation.
    pub batch: u32,
    /// Maximum number of concurrent invocations.
    pub concurrency: u32,
    /// Seconds that a received message stays hidden by default.
    pub visibility_secs: u64,
    /// Receives after which a message becomes a dead letter.
    pub receives: u32,
}

/// A deployment. [`Deployment::default`] is the template with its default parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deployment {
    /// `POST /v1/batch`.
    pub batch: FunctionSpec,
    /// `POST /v1/extract`.
    pub extract: FunctionSpec,
    /// The queue's worker.
    pub worker: FunctionSpec,
    /// Settlements and the sweep.
    pub settle: FunctionSpec,
    /// The units' queue.
    pub units: MappingSpec,
    /// The settle queue.
    pub settlements: MappingSpec,
    /// `ThrottleRate`.
    pub throttle_rate: u32,
    /// `ThrottleBurst`.
    pub throttle_burst: u32,
    /// AWS's limit of concurrent executions for the whole account.
    pub concurrency: u32,
    /// `ReserveConcurrency`: whether executions are reserved for workers (as many as their mapping may
    /// have) and for the next two.
    pub reserve: bool,
    /// Executions reserved for `settle`.
    pub reserved_settle: u32,
    /// Executions reserved for `notify`, which is not called here.
    pub reserved_notify: u32,
    /// `FETCH_CONCURRENCY`.
    pub fetch_concurrency: u32,
    /// Concurrent pages of a job without `options.concurrency`, in a handler.
    pub default_concurrency: u32,
    /// The same through the queue.
    pub queue_concurrency: u32,
    /// Units of a message.
    pub units_per_message: u32,
    /// `LEASE_SECONDS`.
    pub lease_secs: u64,
    /// `STALL_SECONDS`.
    pub stall_secs: u64,
    /// `SWEEP_SECONDS`.
    pub sweep_secs: u64,
    /// `HOLD_SECONDS`.
    pub hold_secs: u64,
    /// `JOB_DEADLINE_SECONDS`.
    pub deadline_secs: u64,
    /// Maximum time that an ended page waits for others to be written with it, in milliseconds.
    pub linger_ms: u64,
    /// The same if no caller waits for single results.
    pub detached_linger_ms: u64,
    /// Store failures in a row after which a driver gives up.
    pub driver_faults: u32,
    /// Timeout of a page, in milliseconds.
    pub timeout_ms: u32,
    /// Write units per second that the tables have served before; 0 for new tables.
    pub warm: u32,
    /// The latencies of requests and invocations.
    pub latencies: Latencies,
}

/// Jobs that a sweep takes from a shard of the index (`engine::sweep`).
pub const SWEEP_BATCH: usize = 100;
/// Shards of the sweeper's index (`store::keys::DUE_SHARDS`).
pub const DUE_SHARDS: u64 = 4;
/// Jobs whose specs and inputs a process remembers (`runtime::assignment`).
pub const RECENT_JOBS: usize = 32;
/// Seconds between two heartbeats of a worker (`engine::heartbeat`).
pub const HEARTBEAT_SECS: u64 = 5;
/// Milliseconds that a handler leaves before its invocation ends (`api::calls`).
pub const INVOCATION_MARGIN_MS: u64 = 5_000;
/// Milliseconds that a sweep leaves before its invocation ends (`api::schedules`).
pub const SWEEP_MARGIN_MS: u64 = 2_000;
/// How often a call is checked again because the account's rows have changed (`engine::accept`).
pub const ACCEPT_TRIES: u32 = 20;
/// Maximum number of bytes of URLs that are part of the transaction (`store::accept`).
pub const MAX_INPUT_BYTES: u32 = 8 * 1_024;

impl Default for Deployment {
    fn default() -> Self {
        let of = |memory_mb, timeout_secs| FunctionSpec { memory_mb, timeout_secs };
        let mapping = |batch, concurrency| MappingSpec { batch, concurrency, visibility_secs: 6 * 150, receives: 10 };
        Deployment {
            batch: of(1_024, 900),
            extract: of(512, 900),
            worker: of(1_024, 150),
            settle: of(512, 150),
            units: mapping(3, 50),
            settlements: mapping(10, 10),
            throttle_rate: 50,
            throttle_burst: 100,
            concurrency: ACCOUNT_CONCURRENCY,
            reserve: true,
            reserved_settle: 15,
            reserved_notify: 10,
            fetch_concurrency: 32,
            default_concurrency: 8,
            queue_concurrency: 32,
            units_per_message: domain::segment::UNITS_PER_SEGMENT,
            lease_secs: 30,
            stall_secs: 30,
            sweep_secs: 60,
            hold_secs: 840,
            deadline_secs: 86_400,
            linger_ms: 20,
            detached_linger_ms: 250,
            driver_faults: 5,
            timeout_ms: 15_000,
            warm: 0,
            latencies: Latencies::CLOUD,
        }
    }
}

impl Deployment {
    /// Raises the stage's throttle to the account's limit, to examine single jobs.
    pub fn unthrottled(self) -> Deployment {
        Deployment { throttle_rate: GATEWAY_RATE, throttle_burst: GATEWAY_BURST, ..self }
    }
}

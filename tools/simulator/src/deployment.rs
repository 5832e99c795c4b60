//! What is deployed: template.yaml's numbers and the engine's settings. A test of the system suite compares them with both.

use crate::assumptions::Latencies;
use crate::limits::{ACCOUNT_CONCURRENCY, GATEWAY_BURST, GATEWAY_RATE};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FunctionSpec {
    /// Megabytes.
    pub memory_mb: u32,
    /// Seconds of an invocation, at most.
    pub timeout_secs: u64,
}

/// A queue that feeds a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MappingSpec {
    /// Messages of an invocation, at most.
    pub batch: u32,
    /// Invocations at once, at most.
    pub concurrency: u32,
    /// How long a message that was received stays hidden, if nobody says otherwise.
    pub visibility_secs: u64,
    /// Receives after which a message is a dead letter.
    pub receives: u32,
}

/// A deployment. [`Deployment::default`] is the template with its parameters' defaults.
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
    /// Executions at once of the whole account: AWS's limit.
    pub concurrency: u32,
    /// `ReserveConcurrency`: executions kept for workers (as many as their mapping has) and for these two.
    pub reserve: bool,
    /// Those of `settle`.
    pub reserved_settle: u32,
    /// Those of `notify`, which nobody here calls.
    pub reserved_notify: u32,
    /// `FETCH_CONCURRENCY`.
    pub fetch_concurrency: u32,
    /// Pages at once of a job that asks for nothing else, in a handler.
    pub default_concurrency: u32,
    /// The same through the queue.
    pub queue_concurrency: u32,
    /// Units in a message.
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
    /// Longest that an ended page waits for others, in milliseconds.
    pub linger_ms: u64,
    /// The same where nobody waits for each result.
    pub detached_linger_ms: u64,
    /// Store faults in a row after which a driver gives up.
    pub driver_faults: u32,
    /// Milliseconds for a page.
    pub timeout_ms: u32,
    /// What the tables have borne before, in write units a second; 0 for new ones.
    pub warm: u32,
    /// How long things take.
    pub latencies: Latencies,
}

/// Jobs that a sweep takes from a shard of the index (`engine::sweep`).
pub const SWEEP_BATCH: usize = 100;
/// Shards of the sweeper's index (`store::keys::DUE_SHARDS`).
pub const DUE_SHARDS: u64 = 4;
/// Jobs whose specs and inputs a process keeps (`runtime::assignment`).
pub const KEPT_JOBS: usize = 32;
/// Seconds between two signs of life of a worker (`engine::heartbeat`).
pub const HEARTBEAT_SECS: u64 = 5;
/// What a sweep keeps before its invocation ends, in milliseconds (`api::app`).
pub const SWEEP_MARGIN_MS: u64 = 2_000;
/// How often a call is judged anew because the account's rows had moved on (`engine::accept`).
pub const ACCEPT_TRIES: u32 = 20;
/// Bytes of URLs that go into the transaction (`store::accept`).
pub const MOST_INPUT_BYTES: u32 = 8 * 1_024;

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
    /// Without what callers and the account are held to: for jobs alone.
    pub fn unthrottled(self) -> Deployment {
        Deployment { throttle_rate: GATEWAY_RATE, throttle_burst: GATEWAY_BURST, ..self }
    }
}

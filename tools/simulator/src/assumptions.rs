//! Assumptions where AWS publishes nothing. Nothing here was measured in an account.

/// A time in microseconds.
pub type Micros = u64;

/// One millisecond.
pub const MS: Micros = 1_000;
/// One second.
pub const SECOND: Micros = 1_000_000;

/// How long a step or a transfer takes: a minimum plus an exponentially distributed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// The minimum.
    pub min: Micros,
    /// The mean of the part beyond it.
    pub mean_extra: Micros,
}

/// The latencies of one environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// A read or a write of one row, or a query. AWS says "single-digit milliseconds".
    pub row: Latency,
    /// A batch of writes.
    pub batch: Latency,
    /// A transaction: two rounds.
    pub transaction: Latency,
    /// A request to SQS.
    pub message: Latency,
    /// From the moment a message can be received to the invocation that gets it.
    pub poll: Micros,
    /// From a request to the function that serves it.
    pub invoke: Micros,
    /// Extra time in a new environment. Of this, 13 to 20 ms are the function's own, measured here
    /// (docs/SCALING.md#cold-start-and-size); the rest is AWS's part.
    pub cold: Micros,
}

impl Latencies {
    /// Within an AWS region.
    pub const CLOUD: Latencies = Latencies {
        row: Latency { min: 3 * MS, mean_extra: 2 * MS },
        batch: Latency { min: 5 * MS, mean_extra: 3 * MS },
        transaction: Latency { min: 12 * MS, mean_extra: 6 * MS },
        message: Latency { min: 6 * MS, mean_extra: 4 * MS },
        poll: 20 * MS,
        invoke: 10 * MS,
        cold: 150 * MS,
    };
    /// With the store in the same process, as `tests/suite/budget/real_times.rs` counts.
    pub const LOCAL: Latencies = Latencies {
        row: Latency { min: MS, mean_extra: MS },
        batch: Latency { min: MS, mean_extra: MS },
        transaction: Latency { min: 2 * MS, mean_extra: MS },
        message: Latency { min: MS, mean_extra: MS },
        poll: MS,
        invoke: 0,
        cold: 0,
    };
}

/// Seconds near its limit after which a partition is split ("split for heat"). In the test of the AWS Database Blog,
/// "Scaling DynamoDB: How partitions, hot keys, and split for heat impact performance (Part 2: Querying)", it happened
/// after about ten minutes.
pub const SPLIT_SECS: u32 = 600;
/// Percentage of a partition's limit that counts as near it.
pub const HOT_PERCENT: u32 = 90;
/// Seconds after which an idle environment is removed (mikhail.io, "AWS Lambda Cold Starts After 10 Minutes").
pub const IDLE_SECS: u64 = 600;
/// Seconds without a message after which a mapping starts again with five invocations.
pub const MAPPING_IDLE_SECS: u64 = 60;
/// How long a mapping waits after Lambda has refused an invocation.
pub const REFUSED_PAUSE: Micros = SECOND;

//! What AWS does not publish, so that it had to be chosen. Nothing here was measured in an account.

/// Microseconds.
pub type Micros = u64;

/// A thousand of them.
pub const MS: Micros = 1_000;
/// A million of them.
pub const SECOND: Micros = 1_000_000;

/// How long the steps of a store and the ways of a service take, at least and on average beyond that (exponentially).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latency {
    /// At least.
    pub least: Micros,
    /// Beyond that, on average.
    pub beyond: Micros,
}

/// Latencies of one place.
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
    /// From a message that can be received to the invocation that has it.
    pub poll: Micros,
    /// From a request to the function that serves it.
    pub invoke: Micros,
    /// As much more where the environment is new: measured here at 13 to 20 ms of the function's own
    /// (docs/SCALING.md#cold-start-and-size); the rest is AWS's part.
    pub cold: Micros,
}

impl Latencies {
    /// As within an AWS region.
    pub const CLOUD: Latencies = Latencies {
        row: Latency { least: 3 * MS, beyond: 2 * MS },
        batch: Latency { least: 5 * MS, beyond: 3 * MS },
        transaction: Latency { least: 12 * MS, beyond: 6 * MS },
        message: Latency { least: 6 * MS, beyond: 4 * MS },
        poll: 20 * MS,
        invoke: 10 * MS,
        cold: 150 * MS,
    };
    /// As with the store in the same process, where `tests/suite/budget/real_times.rs` counts.
    pub const LOCAL: Latencies = Latencies {
        row: Latency { least: MS, beyond: MS },
        batch: Latency { least: MS, beyond: MS },
        transaction: Latency { least: 2 * MS, beyond: MS },
        message: Latency { least: MS, beyond: MS },
        poll: MS,
        invoke: 0,
        cold: 0,
    };
}

/// Seconds near its limit after which a partition is split ("split for heat"). In the test of the AWS Database Blog,
/// "Scaling DynamoDB: How partitions, hot keys, and split for heat impact performance (Part 2: Querying)", it came after
/// about ten minutes.
pub const SPLIT_SECS: u32 = 600;
/// Part of a partition's limit, in percent, that counts as near it.
pub const HOT_PERCENT: u32 = 90;
/// Seconds after which an idle environment is gone (mikhail.io, "AWS Lambda Cold Starts After 10 Minutes").
pub const IDLE_SECS: u64 = 600;
/// Seconds without a message after which a mapping begins anew with five.
pub const MAPPING_IDLE_SECS: u64 = 60;
/// How long a mapping waits after Lambda refused an invocation.
pub const REFUSED_PAUSE: Micros = SECOND;

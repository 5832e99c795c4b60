//! Prices in us-east-1 on arm64, beyond the free tiers. docs/SCALING.md has the sources.

/// A GB-second.
pub const GB_SECOND: f64 = 0.000_013_333_4;
/// A million invocations.
pub const INVOCATIONS: f64 = 0.20;
/// A million write request units.
pub const WRITES: f64 = 0.625;
/// A million read request units.
pub const READS: f64 = 0.125;
/// A million requests to a fair queue of SQS.
pub const MESSAGES: f64 = 0.50;
/// A million requests through the gateway.
pub const REQUESTS: f64 = 3.50;

//! Limits and defaults that AWS publishes, each with the page that states it, as read in November 2026.

/// Write units per second of a partition. DynamoDB Developer Guide, "Best practices for designing and using partition
/// keys effectively", <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>.
pub const PARTITION_WRITES: u32 = 1_000;
/// Read units per second of a partition. The same page.
pub const PARTITION_READS: u32 = 3_000;
/// Partitions of a new table on demand: 4,000 writes and 12,000 reads per second at once. "DynamoDB on-demand
/// capacity mode", initial throughput,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html>.
pub const NEW_TABLE_PARTITIONS: u32 = 4;
/// Write units per second of a table, and as many read units, without an increase. "Quotas in Amazon DynamoDB",
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>.
pub const TABLE_UNITS: u32 = 40_000;
/// Bytes of a write unit: an item's size is rounded up. "DynamoDB read and write operations",
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>.
pub const WRITE_UNIT_BYTES: u32 = 1_024;
/// Bytes of a strongly consistent read unit; a query adds its items up before it rounds. The same page.
pub const READ_UNIT_BYTES: u32 = 4_096;
/// Write units of a kilobyte in a transaction: one to prepare and one to commit. "Amazon DynamoDB Transactions: How it
/// works", capacity management; the same page says that a write on an item of a running transaction is refused, and so
/// is another transaction on it,
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html>.
pub const TRANSACTION_FACTOR: u32 = 2;
/// Items of one batch of writes. "BatchWriteItem",
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>.
pub const BATCH_WRITES: u32 = 25;

/// Concurrent executions of all functions of an account and region, without an increase. Lambda Developer Guide,
/// "Understanding Lambda function scaling", <https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html>.
pub const ACCOUNT_CONCURRENCY: u32 = 1_000;
/// Execution environments that a function may gain every ten seconds, refilled continuously and never saved up. "Lambda
/// scaling behavior", <https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html>.
pub const RAMP: u32 = 1_000;
/// Seconds in which [`RAMP`] refills.
pub const RAMP_SECS: u32 = 10;

/// Concurrent batches with which a mapping starts. "Configuring scaling behavior for SQS event source mappings",
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>.
pub const MAPPING_START: u32 = 5;
/// Concurrent invocations that a mapping gains per minute while messages are left. The same page.
pub const MAPPING_RAMP_A_MINUTE: u32 = 300;
/// Maximum number of concurrent invocations of a mapping. The same page.
pub const MAX_MAPPING_CONCURRENCY: u32 = 1_250;
/// Entries of one request to SQS. "SendMessageBatch",
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.
pub const SQS_BATCH: u32 = 10;

/// Requests per second of all APIs of an account and region. "Amazon API Gateway quotas",
/// <https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html>.
pub const GATEWAY_RATE: u32 = 10_000;
/// Capacity of its token bucket, in requests. The same page.
pub const GATEWAY_BURST: u32 = 5_000;

//! Builds partition and sort keys, and names the indexes. A prefix that only one file uses is in that file.

use domain::{AccountId, CacheKey, JobId, Month, Seq, Timestamp};

/// The index that lists an account's jobs.
pub const BY_ACCOUNT: &str = "by_account";
/// The sweeper's index: jobs, deliveries and batches by when they are due.
pub const BY_DUE: &str = "by_due";
/// Partition of that index for batches at a model's provider.
pub const MODEL_DUE: &str = "DUE#MODEL";
/// Number of partitions over which the sweeper's index spreads.
pub const DUE_SHARDS: u8 = 4;

/// Partition of an account's rows.
pub fn account(id: &AccountId) -> String {
    format!("ACCT#{id}")
}

/// Partition of a job's rows.
pub fn job(id: &JobId) -> String {
    format!("JOB#{id}")
}

/// Partition of an API key's row, by the hex SHA-256 of its text.
pub fn api_key(sha256: &str) -> String {
    format!("KEY#{sha256}")
}

/// Partition of a host's rows, by its name and port.
pub fn host(name_and_port: &str) -> String {
    format!("HOST#{name_and_port}")
}

/// Partition of an origin's rows, by its scheme, name and port.
pub fn origin(origin: &str) -> String {
    format!("ORIGIN#{origin}")
}

/// Partition of a cached result.
pub fn cached(key: &CacheKey) -> String {
    format!("CACHE#{}", key.as_str())
}

/// Sort key of a month's row.
pub fn month(month: Month) -> String {
    format!("MONTH#{month}")
}

/// Sort key of a closed month's checkpoint.
pub fn closed(month: Month) -> String {
    format!("CLOSED#{month}")
}

/// Sort key of an idempotency row.
pub fn idempotency(key: &str) -> String {
    format!("IDEM#{key}")
}

/// Sort key of a permit for a call that is held open.
pub fn held(permit: u32) -> String {
    format!("HELD#{permit}")
}

/// Returns the permit that a sort key names.
pub fn held_of(sk: &str) -> Option<u32> {
    sk.strip_prefix("HELD#")?.parse().ok()
}

/// Sort key of a job's RESERVE entry.
pub fn reserve(id: &JobId) -> String {
    format!("LEDGER#{id}#RESERVE")
}

/// Sort key of a job's SETTLE entry.
pub fn settle(id: &JobId) -> String {
    format!("LEDGER#{id}#SETTLE")
}

/// Sort key of a top-up's entry.
pub fn top_up(id: &str) -> String {
    format!("LEDGER#TOPUP#{id}")
}

/// Sort key of the INPUT row that starts at a unit. Padded, so that text order is number order.
pub fn input(first: Seq) -> String {
    format!("INPUT#{first:06}")
}

/// Sort key of the row that says which unit of a crawl owns a page, by the hash of the page key.
pub fn seen(hash: &str) -> String {
    format!("SEEN#{hash}")
}

/// Sort key of a segment's row. Padded, so that text order is number order.
pub fn segment(index: u32) -> String {
    format!("SEG#{index:08}")
}

/// Sort key of a result. Padded in the same way.
pub fn result(seq: Seq, attempt: u8) -> String {
    format!("RESULT#{seq:06}#{attempt:03}")
}

/// Sort key of a capture of a unit's page. Padded in the same way.
pub fn capture(seq: Seq) -> String {
    format!("CAPTURE#{seq:06}")
}

/// Sort key of a question to a model about a unit's page. Padded in the same way.
pub fn ask(seq: Seq, attempt: u8) -> String {
    format!("ASK#{seq:06}#{attempt:03}")
}

/// Sort key of one of a job's batches at a model's provider. Padded in the same way.
pub fn model_batch(n: u32) -> String {
    format!("MODELBATCH#{n:010}")
}

/// Returns the number of the batch that a sort key names.
pub fn model_batch_of(sk: &str) -> Option<u32> {
    sk.strip_prefix("MODELBATCH#")?.parse().ok()
}

/// Returns the unit and attempt that a result's sort key names.
pub fn result_of(sk: &str) -> Option<(Seq, u8)> {
    unit_of(sk.strip_prefix("RESULT#")?)
}

/// Returns the unit and attempt that a question's sort key names.
pub fn ask_of(sk: &str) -> Option<(Seq, u8)> {
    unit_of(sk.strip_prefix("ASK#")?)
}

fn unit_of(rest: &str) -> Option<(Seq, u8)> {
    let (seq, attempt) = rest.split_once('#')?;
    Some((seq.parse().ok()?, attempt.parse().ok()?))
}

/// List partition of an account's running jobs.
pub fn list_running(id: &AccountId) -> String {
    format!("ACCT#{id}#RUNNING")
}

/// List partition of an account's finished jobs.
pub fn list_finished(id: &AccountId) -> String {
    format!("ACCT#{id}#FINISHED")
}

/// Sort key in a list: by start, then id.
pub fn list_sort(started_at: Timestamp, id: &JobId) -> String {
    format!("{:015}#{id}", started_at.0)
}

/// Sort key that precedes every job which started at or after a moment.
pub fn list_from(started_at: Timestamp) -> String {
    format!("{:015}", started_at.0)
}

/// Partition of the sweeper's index for one shard.
pub fn due_shard(shard: u8) -> String {
    format!("DUE#{shard}")
}

/// Partition of the sweeper's index for a job.
pub fn due(id: &JobId) -> String {
    due_shard(shard_of(id))
}

/// Partition of the sweeper's index for one shard of deliveries.
pub fn delivery_shard(shard: u8) -> String {
    format!("DELIVERY#{shard}")
}

/// Partition of the sweeper's index for a job's delivery.
pub fn delivery_due(id: &JobId) -> String {
    delivery_shard(shard_of(id))
}

fn shard_of(id: &JobId) -> u8 {
    id.as_str().bytes().last().unwrap_or(0) % DUE_SHARDS
}

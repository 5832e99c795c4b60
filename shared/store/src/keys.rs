//! Builds and parses partition and sort keys, and names the indexes. Only this file spells keys, so a row is written,
//! found and recognised by the same text.

use std::fmt::Display;

use domain::{AccountId, CacheKey, JobId, Month, Seq, Timestamp};

/// The index that lists an account's jobs.
pub const BY_ACCOUNT: &str = "by_account";
/// The sweeper's index: jobs, deliveries and batches by when they are due.
pub const BY_DUE: &str = "by_due";
/// Partition of that index for batches at a model's provider.
pub const MODEL_DUE: &str = "DUE#MODEL";
/// Number of partitions over which the sweeper's index spreads.
pub const DUE_SHARDS: u8 = 4;

/// Sort key of an account's plan and status.
pub(crate) const PROFILE: &str = "PROFILE";
/// Sort key of an account's prepaid credits.
pub(crate) const PREPAID: &str = "PREPAID";
/// Sort key of an account's secrets, which sign webhook messages.
pub(crate) const SECRETS: &str = "WEBHOOK";
/// Sort key of an API key's row.
pub(crate) const KEY_ROW: &str = "KEY";
/// Sort key of a job itself.
pub(crate) const META: &str = "META";
/// Sort key of a job's spec.
pub(crate) const SPEC: &str = "SPEC";
/// Sort key of a job's delivery.
pub(crate) const DELIVERY: &str = "DELIVERY";
/// Sort key of a host's pace.
pub(crate) const PACE: &str = "PACE";
/// Sort key of an origin's robots.txt.
pub(crate) const ROBOTS: &str = "ROBOTS";
/// Sort key of a cached result.
pub(crate) const CACHED_RESULT: &str = "RESULT";
/// Partition of what a model's calls cost.
pub(crate) const MODEL: &str = "MODEL";
/// Partition of the check of all rows.
pub(crate) const CHECK: &str = "CHECK";
/// Sort key of the check's progress.
pub(crate) const PROGRESS: &str = "PROGRESS";
/// Partition of the workers.
pub(crate) const WORKERS: &str = "WORKERS";
/// Sort key of the workers' heartbeat.
pub(crate) const HEARTBEAT: &str = "HEARTBEAT";
/// Both keys of a row that never exists, for a read that tests the table.
pub(crate) const PING: &str = "PING";

/// A kind of row or partition, named by the prefix of its key.
#[derive(Clone, Copy)]
pub(crate) struct Prefix(&'static str);

impl Prefix {
    /// Returns the key that has `rest` after the prefix.
    fn key(self, rest: impl Display) -> String {
        format!("{}{rest}", self.0)
    }

    /// Returns what a key has after the prefix; `None` if it has another prefix.
    pub(crate) fn rest(self, key: &str) -> Option<&str> {
        key.strip_prefix(self.0)
    }

    /// Returns bounds of all keys with the prefix. `~` is greater than every character that follows a prefix.
    pub(crate) fn range(self) -> (String, String) {
        (self.0.to_owned(), self.key('~'))
    }
}

/// Partitions of accounts.
pub(crate) const ACCOUNT: Prefix = Prefix("ACCT#");
/// Partitions of jobs.
pub(crate) const JOB: Prefix = Prefix("JOB#");
/// Partitions of API keys, and an account's rows that point to them.
pub(crate) const KEY: Prefix = Prefix("KEY#");
/// Partitions of hosts.
const HOST: Prefix = Prefix("HOST#");
/// Partitions of origins.
const ORIGIN: Prefix = Prefix("ORIGIN#");
/// Partitions of cached results.
const CACHE: Prefix = Prefix("CACHE#");
/// Partitions of a model's figures per account.
const MODEL_ACCOUNT: Prefix = Prefix("MODEL#");
/// Months of an account.
pub(crate) const MONTH: Prefix = Prefix("MONTH#");
/// Checkpoints of closed months.
pub(crate) const CLOSED: Prefix = Prefix("CLOSED#");
/// Entries of an account's ledger.
pub(crate) const LEDGER: Prefix = Prefix("LEDGER#");
/// Entries that add prepaid credits.
const TOP_UP: Prefix = Prefix("LEDGER#TOPUP#");
/// Idempotency rows.
const IDEMPOTENCY: Prefix = Prefix("IDEM#");
/// Permits for calls that are held open.
const HELD: Prefix = Prefix("HELD#");
/// Inputs of a job's units.
pub(crate) const INPUT: Prefix = Prefix("INPUT#");
/// Pages of a crawl and the units that own them.
pub(crate) const SEEN: Prefix = Prefix("SEEN#");
/// Segments of a job.
pub(crate) const SEGMENT: Prefix = Prefix("SEG#");
/// Results of a job's units.
pub(crate) const RESULT: Prefix = Prefix("RESULT#");
/// Captures of units' pages.
const CAPTURE: Prefix = Prefix("CAPTURE#");
/// Questions to a model about units' pages.
const ASK: Prefix = Prefix("ASK#");
/// A job's batches at a model's provider.
const MODEL_BATCH: Prefix = Prefix("MODELBATCH#");
/// Days of what a model's calls cost.
const DAY: Prefix = Prefix("DAY#");
/// Partitions of the sweeper's index for jobs.
const DUE: Prefix = Prefix("DUE#");
/// Partitions of the sweeper's index for deliveries.
const DELIVERY_DUE: Prefix = Prefix("DELIVERY#");

/// What follows the job's id in the key of a RESERVE entry.
const RESERVE: &str = "#RESERVE";
/// What follows the job's id in the key of a SETTLE entry.
const SETTLE: &str = "#SETTLE";

/// A kind of entry in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// Adds prepaid credits.
    TopUp,
    /// Reserves a job's credits.
    Reserve,
    /// Settles a job.
    Settle,
}

/// Partition of an account's rows.
pub fn account(id: &AccountId) -> String {
    ACCOUNT.key(id)
}

/// Partition of a job's rows.
pub fn job(id: &JobId) -> String {
    JOB.key(id)
}

/// Partition of an API key's row, by the hex SHA-256 of its text.
pub fn api_key(sha256: &str) -> String {
    KEY.key(sha256)
}

/// Partition of a host's rows, by its name and port.
pub fn host(name_and_port: &str) -> String {
    HOST.key(name_and_port)
}

/// Partition of an origin's rows, by its scheme, name and port.
pub fn origin(origin: &str) -> String {
    ORIGIN.key(origin)
}

/// Partition of a cached result.
pub fn cached(key: &CacheKey) -> String {
    CACHE.key(key.as_str())
}

/// Partition of a model's figures for an account.
pub(crate) fn model_account(id: &AccountId) -> String {
    MODEL_ACCOUNT.key(id)
}

/// Sort key of the day's row of what a model's calls cost.
pub(crate) fn day(at: Timestamp) -> String {
    DAY.key(at.civil())
}

/// Sort key of a month's row.
pub fn month(month: Month) -> String {
    MONTH.key(month)
}

/// Sort key of a closed month's checkpoint.
pub fn closed(month: Month) -> String {
    CLOSED.key(month)
}

/// Sort key of an idempotency row.
pub fn idempotency(key: &str) -> String {
    IDEMPOTENCY.key(key)
}

/// Sort key of a permit for a call that is held open.
pub fn held(permit: u32) -> String {
    HELD.key(permit)
}

/// Returns the permit that a sort key names.
pub fn held_of(sk: &str) -> Option<u32> {
    HELD.rest(sk)?.parse().ok()
}

/// Sort key of a job's RESERVE entry.
pub fn reserve(id: &JobId) -> String {
    LEDGER.key(format_args!("{id}{RESERVE}"))
}

/// Sort key of a job's SETTLE entry.
pub fn settle(id: &JobId) -> String {
    LEDGER.key(format_args!("{id}{SETTLE}"))
}

/// Sort key of a top-up's entry.
pub fn top_up(id: &str) -> String {
    TOP_UP.key(id)
}

/// Returns the kind of the ledger entry that a sort key names.
pub(crate) fn entry_of(sk: &str) -> Option<EntryKind> {
    let rest = LEDGER.rest(sk)?;
    if TOP_UP.rest(sk).is_some() {
        Some(EntryKind::TopUp)
    } else if rest.ends_with(RESERVE) {
        Some(EntryKind::Reserve)
    } else if rest.ends_with(SETTLE) {
        Some(EntryKind::Settle)
    } else {
        None
    }
}

/// Sort key of the INPUT row that starts at a unit. Padded, so that text order is number order.
pub fn input(first: Seq) -> String {
    INPUT.key(format_args!("{first:06}"))
}

/// Sort key of the row that says which unit of a crawl owns a page, by the hash of the page key.
pub fn seen(hash: &str) -> String {
    SEEN.key(hash)
}

/// Sort key of a segment's row. Padded, so that text order is number order.
pub fn segment(index: u32) -> String {
    SEGMENT.key(format_args!("{index:08}"))
}

/// Returns the number of the segment that a sort key names.
pub(crate) fn segment_of(sk: &str) -> Option<u32> {
    SEGMENT.rest(sk)?.parse().ok()
}

/// Sort key of a result. Padded in the same way.
pub fn result(seq: Seq, attempt: u8) -> String {
    RESULT.key(format_args!("{seq:06}#{attempt:03}"))
}

/// Sort key of a capture of a unit's page. Padded in the same way.
pub fn capture(seq: Seq) -> String {
    CAPTURE.key(format_args!("{seq:06}"))
}

/// Sort key of a question to a model about a unit's page. Padded in the same way.
pub fn ask(seq: Seq, attempt: u8) -> String {
    ASK.key(format_args!("{seq:06}#{attempt:03}"))
}

/// Sort key of one of a job's batches at a model's provider. Padded in the same way.
pub fn model_batch(n: u32) -> String {
    MODEL_BATCH.key(format_args!("{n:010}"))
}

/// Returns the number of the batch that a sort key names.
pub fn model_batch_of(sk: &str) -> Option<u32> {
    MODEL_BATCH.rest(sk)?.parse().ok()
}

/// Returns the unit and attempt that a result's sort key names.
pub fn result_of(sk: &str) -> Option<(Seq, u8)> {
    unit_of(RESULT.rest(sk)?)
}

/// Returns the unit and attempt that a question's sort key names.
pub fn ask_of(sk: &str) -> Option<(Seq, u8)> {
    unit_of(ASK.rest(sk)?)
}

fn unit_of(rest: &str) -> Option<(Seq, u8)> {
    let (seq, attempt) = rest.split_once('#')?;
    Some((seq.parse().ok()?, attempt.parse().ok()?))
}

/// List partition of an account's running jobs.
pub fn list_running(id: &AccountId) -> String {
    ACCOUNT.key(format_args!("{id}#RUNNING"))
}

/// List partition of an account's finished jobs.
pub fn list_finished(id: &AccountId) -> String {
    ACCOUNT.key(format_args!("{id}#FINISHED"))
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
    DUE.key(shard)
}

/// Partition of the sweeper's index for a job.
pub fn due(id: &JobId) -> String {
    due_shard(shard_of(id))
}

/// Partition of the sweeper's index for one shard of deliveries.
pub fn delivery_shard(shard: u8) -> String {
    DELIVERY_DUE.key(shard)
}

/// Partition of the sweeper's index for a job's delivery.
pub fn delivery_due(id: &JobId) -> String {
    delivery_shard(shard_of(id))
}

fn shard_of(id: &JobId) -> u8 {
    id.as_str().bytes().last().unwrap_or(0) % DUE_SHARDS
}

#[cfg(test)]
mod tests;

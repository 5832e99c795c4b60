//! Steps: requests to the tables and queues, and what each costs, as `store` makes them.

use domain::JobState;
use domain::job::DriverLease;
use domain::machine::{Commit, Settling};

use crate::assumptions::{Latencies, Latency, Micros};
use crate::chance::mixed;
use crate::deployment::MAX_INPUT_BYTES;
use crate::keys::{JobRef, ProcessKey, RunnerKey, TaskKey};
use crate::limits::{BATCH_WRITES, READ_UNIT_BYTES, SQS_BATCH, TRANSACTION_FACTOR, WRITE_UNIT_BYTES};
use crate::load::{Load, Way};
use crate::queue::{Body, QueueName};
use crate::retries::Tries;
use crate::rows::{JobRow, segment_units, shard, units_of};
use crate::tables::{Charge, Table};

/// Who waits for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A task.
    Task(TaskKey),
    /// A runner.
    Runner(RunnerKey),
    /// The renewal of a runner's lease.
    Lease(RunnerKey),
    /// Nobody.
    Nobody,
}

/// The request of a step.
#[derive(Debug)]
pub enum What {
    /// Read the row of the API key.
    Authenticate,
    /// Read the account's quota.
    Quota,
    /// Write URLs that do not fit into the transaction.
    PutInputs,
    /// Accept the job.
    Accept,
    /// Read the job's row.
    Job,
    /// Read these segments, first and last included.
    Segments(u32, u32),
    /// Read the job's spec.
    Spec,
    /// Read the job's URLs, for units that are prepared in this process.
    Inputs(ProcessKey),
    /// Read the workers' heartbeat.
    Heartbeat,
    /// Write the results of a commit.
    Results(Commit),
    /// Write the segments of a commit.
    Put(Commit),
    /// Settle the job.
    Settle(Settling),
    /// Replace the driver's lease by the next.
    Drive(DriverLease, DriverLease),
    /// Write a worker's heartbeat.
    Beat,
    /// Query a shard of the sweeper's index.
    Due(u64),
    /// Change the job's state.
    Terminate(JobState),
    /// Send messages with a delay.
    Send(QueueName, Vec<Body>, Micros),
    /// Let time pass.
    Pause(Micros),
}

/// A step that is running.
#[derive(Debug)]
pub struct Step {
    /// Who waits for it.
    pub who: Who,
    /// Its job.
    pub job: JobRef,
    /// Its request.
    pub what: What,
    /// Its tries so far.
    pub tries: Tries,
    /// When it began.
    pub begun: Micros,
    /// Of a batch: how many items are not processed yet.
    pub left: u32,
}

/// The cost of a request.
#[derive(Debug, Clone, Copy)]
pub struct Bill {
    charges: [Charge; 8],
    n: usize,
    /// Requests to the tables.
    pub calls: u32,
    /// Rows that are asked for; a query counts as one.
    pub rows: u32,
    /// Whether it is a transaction.
    pub transaction: bool,
}

impl Bill {
    fn nothing(calls: u32, rows: u32) -> Bill {
        let charge = Charge { table: Table::Jobs, collection: 0, writes: 0, reads: 0 };
        Bill { charges: [charge; 8], n: 0, calls, rows, transaction: false }
    }

    fn and(mut self, table: Table, collection: u64, writes: u32, reads: u32) -> Bill {
        self.charges[self.n] = Charge { table, collection, writes, reads };
        self.n += 1;
        self
    }

    /// Returns the charge of each collection.
    pub fn charges(&self) -> &[Charge] {
        &self.charges[..self.n]
    }
}

/// Bytes of a job's row when it is created.
const META_BYTES: usize = 600;
/// Maximum number of bytes of a job's row after updates.
const MAX_META_BYTES: usize = 900;
/// Bytes of a spec.
const SPEC_BYTES: usize = 300;
/// Bytes of a row of the sweeper's index, which has only keys.
const DUE_ROW_BYTES: usize = 120;

fn account_of(account: u32) -> u64 {
    mixed(u64::from(account))
}

fn lists_of(account: u32, running: bool) -> u64 {
    mixed(u64::from(account) << 1 | u64::from(running) | 1 << 40)
}

fn due_of(job: JobRef) -> u64 {
    mixed(shard(job.collection) | 1 << 41)
}

/// Returns the bytes of all URLs of a job.
fn input_bytes(load: &Load) -> u32 {
    load.units * load.url_bytes
}

/// Returns whether a job's URLs are written before its transaction.
pub fn inputs_go_before(load: &Load) -> bool {
    load.way != Way::Extract && input_bytes(load) > MAX_INPUT_BYTES
}

impl Step {
    /// A step that begins now.
    pub fn new(who: Who, job: JobRef, what: What, now: Micros) -> Step {
        let left = match &what {
            What::Results(commit) => u32::try_from(commit.results.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        Step { who, job, what, tries: Tries::default(), begun: now, left }
    }

    /// Returns the number of requests to SQS.
    pub fn messages(&self) -> u32 {
        match &self.what {
            What::Send(_, bodies, _) => u32::try_from(bodies.len()).unwrap_or(u32::MAX).div_ceil(SQS_BATCH),
            _ => 0,
        }
    }

    /// Returns how long the step takes.
    pub fn latency(&self, latencies: &Latencies) -> Latency {
        match &self.what {
            What::Results(_) | What::PutInputs => latencies.batch,
            What::Accept | What::Settle(_) => latencies.transaction,
            What::Send(..) => latencies.message,
            What::Pause(time) => Latency { min: *time, beyond: 0 },
            _ => latencies.row,
        }
    }

    /// Returns the charge of one result of a batch.
    pub fn each(&self, load: &Load) -> Charge {
        let writes = load.result_bytes.div_ceil(WRITE_UNIT_BYTES).max(1);
        Charge { table: Table::Jobs, collection: self.job.collection, writes, reads: 0 }
    }

    /// Returns the cost of the step, without results.
    pub fn bill(&self, load: &Load, row: Option<&JobRow>) -> Bill {
        let (job, account) = (self.job, account_of(self.job.account));
        let write = |bytes| units_of(bytes, WRITE_UNIT_BYTES);
        let in_jobs =
            |writes, reads| Bill::nothing(1, u32::from(reads > 0)).and(Table::Jobs, job.collection, writes, reads);
        let input = input_bytes(load) as usize;
        match &self.what {
            What::Authenticate => Bill::nothing(1, 1).and(Table::Accounts, account, 0, 1),
            What::Quota => Bill::nothing(1, 3).and(Table::Accounts, account, 0, 3),
            What::PutInputs => in_jobs(write(input), 0),
            What::Accept => {
                let extract = load.way == Way::Extract;
                let meta = if extract { META_BYTES + SPEC_BYTES + input } else { META_BYTES };
                let within = !extract && !inputs_go_before(load);
                let rows =
                    write(meta) + if extract { 0 } else { write(SPEC_BYTES) } + if within { write(input) } else { 0 };
                let bill = Bill::nothing(1, 0)
                    .and(Table::Jobs, job.collection, TRANSACTION_FACTOR * rows, 0)
                    // The ledger's entry and the month's row.
                    .and(Table::Accounts, account, 2 * TRANSACTION_FACTOR, 0)
                    .and(Table::ByAccount, lists_of(job.account, true), 1, 0)
                    .and(Table::ByDue, due_of(job), 1, 0);
                Bill { transaction: true, ..bill }
            }
            What::Settle(settling) => {
                let last = settling.last.is_some();
                let meta = MAX_META_BYTES + if last { load.result_bytes as usize } else { 0 };
                let factor = if last { 1 } else { TRANSACTION_FACTOR };
                let bill = Bill::nothing(1, 0)
                    .and(Table::Jobs, job.collection, factor * write(meta), 0)
                    .and(Table::ByAccount, lists_of(job.account, true), 1, 0)
                    .and(Table::ByAccount, lists_of(job.account, false), 1, 0)
                    .and(Table::ByDue, due_of(job), 1, 0);
                match last {
                    true => bill,
                    false => Bill { transaction: true, ..bill.and(Table::Accounts, account, TRANSACTION_FACTOR, 0) },
                }
            }
            What::Job => in_jobs(0, 1),
            What::Segments(first, last) => in_jobs(0, row.map_or(1, |row| row.segments_units(*first, *last))),
            What::Spec => in_jobs(0, 1),
            What::Inputs(_) => in_jobs(0, units_of(input, READ_UNIT_BYTES)),
            What::Heartbeat => Bill::nothing(1, 1).and(Table::Jobs, mixed(1 << 42), 0, 1),
            What::Beat => Bill::nothing(1, 0).and(Table::Jobs, mixed(1 << 42), 1, 0),
            What::Results(_) => Bill::nothing(self.left.div_ceil(BATCH_WRITES), 0),
            What::Put(commit) => {
                let n = u32::try_from(commit.segments.len()).unwrap_or(u32::MAX);
                let writes = commit.segments.iter().map(segment_units).sum();
                Bill { calls: n, ..in_jobs(writes, 0) }
            }
            // The index has keys only: those of an unchanged lease cost nothing.
            What::Drive(old, next) if old.until == next.until => in_jobs(write(MAX_META_BYTES), 0),
            // A changed index key costs a delete and a put.
            What::Drive(..) => in_jobs(write(MAX_META_BYTES), 0).and(Table::ByDue, due_of(job), 2, 0),
            What::Terminate(_) => in_jobs(write(MAX_META_BYTES), 0).and(Table::ByDue, due_of(job), 2, 0),
            What::Due(n) => {
                let reads = units_of(crate::deployment::SWEEP_BATCH * DUE_ROW_BYTES, READ_UNIT_BYTES);
                Bill::nothing(1, 1).and(Table::ByDue, mixed(*n | 1 << 41), 0, reads)
            }
            What::Send(..) | What::Pause(_) => Bill::nothing(0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::JobKey;

    fn bill(load: &Load, what: What) -> (u32, u32) {
        let job = JobRef { key: JobKey::nothing(), collection: 9, account: 3 };
        let bill = Step::new(Who::Nobody, job, what, 0).bill(load, None);
        let sum = |of: fn(&Charge) -> u32| bill.charges().iter().map(of).sum();
        (sum(|charge| charge.writes), sum(|charge| charge.reads))
    }

    /// These figures are those of `tests/suite/budget.rs` and docs/SCALING.md: an extract's
    /// transaction and end cost 13.
    #[test]
    fn an_extract_costs_thirteen_write_units() {
        let load = Load { way: Way::Extract, units: 1, result_bytes: 300, ..Load::default() };
        let settling = Settling {
            job: domain::machine::JobView { state: JobState::Running, admitted: 1, deadline: domain::Timestamp(0) },
            totals: domain::segment::Totals::default(),
            last: Some(domain::segment::Segment::untouched(0)),
        };
        assert_eq!(bill(&load, What::Accept).0 + bill(&load, What::Settle(settling)).0, 13);
    }

    #[test]
    fn few_urls_are_part_of_the_transaction() {
        let few = Load { units: 100, ..Load::default() };
        assert_eq!(bill(&few, What::Accept).0, 2 + 2 + 2 * 6 + 4 + 2);
        let many = Load { units: 1_000, ..Load::default() };
        assert!(!inputs_go_before(&few) && inputs_go_before(&many));
        assert_eq!((bill(&many, What::Accept).0, bill(&many, What::PutInputs).0), (10, 59));
        assert_eq!(bill(&many, What::Inputs(ProcessKey::nothing())).1, 15);
    }
}

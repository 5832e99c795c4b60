//! Steps: requests to the tables and queues, and what each costs, as `store` makes them.

use domain::JobState;
use domain::job::DriverLease;
use domain::machine::{Commit, SettlementRequest};

use crate::assumptions::{Latencies, Latency, Micros};
use crate::deployment::MAX_INPUT_BYTES;
use crate::keys::{JobRef, ProcessKey, RunnerKey, TaskKey};
use crate::limits::{BATCH_WRITES, READ_UNIT_BYTES, SQS_BATCH, TRANSACTION_FACTOR, WRITE_UNIT_BYTES};
use crate::load::{CallKind, Load};
use crate::queue::{Body, QueueName};
use crate::random::hash64;
use crate::retries::Tries;
use crate::rows::{JobRow, capacity_units, shard, write_units};
use crate::tables::{Charge, Table};

/// What a step reports its result to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiter {
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
pub enum Request {
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
    Settle(SettlementRequest),
    /// Replace the driver's lease by the next.
    ReplaceLease(DriverLease, DriverLease),
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
    /// What it reports its result to.
    pub waiter: Waiter,
    /// Its job.
    pub job: JobRef,
    /// Its request.
    pub request: Request,
    /// Its tries so far.
    pub tries: Tries,
    /// When it began.
    pub begun: Micros,
    /// For a batch: the number of items that are not processed yet.
    pub left: u32,
}

/// The cost of a request.
#[derive(Debug, Clone, Copy)]
pub struct Bill {
    charges: [Charge; 8],
    n: usize,
    /// Requests to the tables.
    pub calls: u32,
    /// Rows that it requests; a query counts as one.
    pub rows: u32,
    /// Whether it is a transaction.
    pub transaction: bool,
}

impl Bill {
    fn new(calls: u32, rows: u32) -> Bill {
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

fn account_collection(account: u32) -> u64 {
    hash64(u64::from(account))
}

fn account_list_collection(account: u32, running: bool) -> u64 {
    hash64(u64::from(account) << 1 | u64::from(running) | 1 << 40)
}

fn due_collection(job: JobRef) -> u64 {
    hash64(shard(job.collection) | 1 << 41)
}

/// Returns the bytes of all URLs of a job.
fn input_bytes(load: &Load) -> u32 {
    load.units * load.url_bytes
}

/// Returns whether a job's URLs are written before its accept transaction, because they do not fit into it.
pub fn writes_inputs_first(load: &Load) -> bool {
    load.call_kind != CallKind::Extract && input_bytes(load) > MAX_INPUT_BYTES
}

impl Step {
    /// A step that begins now.
    pub fn new(waiter: Waiter, job: JobRef, request: Request, now: Micros) -> Step {
        let left = match &request {
            Request::Results(commit) => u32::try_from(commit.results.len()).unwrap_or(u32::MAX),
            _ => 0,
        };
        Step { waiter, job, request, tries: Tries::default(), begun: now, left }
    }

    /// Returns the number of requests to SQS.
    pub fn messages(&self) -> u32 {
        match &self.request {
            Request::Send(_, bodies, _) => u32::try_from(bodies.len()).unwrap_or(u32::MAX).div_ceil(SQS_BATCH),
            _ => 0,
        }
    }

    /// Returns how long the step takes.
    pub fn latency(&self, latencies: &Latencies) -> Latency {
        match &self.request {
            Request::Results(_) | Request::PutInputs => latencies.batch,
            Request::Accept | Request::Settle(_) => latencies.transaction,
            Request::Send(..) => latencies.message,
            Request::Pause(time) => Latency { min: *time, mean_extra: 0 },
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
        let (job, account) = (self.job, account_collection(self.job.account));
        let write = |bytes| capacity_units(bytes, WRITE_UNIT_BYTES);
        let in_jobs =
            |writes, reads| Bill::new(1, u32::from(reads > 0)).and(Table::Jobs, job.collection, writes, reads);
        let input = input_bytes(load) as usize;
        match &self.request {
            Request::Authenticate => Bill::new(1, 1).and(Table::Accounts, account, 0, 1),
            Request::Quota => Bill::new(1, 3).and(Table::Accounts, account, 0, 3),
            Request::PutInputs => in_jobs(write(input), 0),
            Request::Accept => {
                let extract = load.call_kind == CallKind::Extract;
                let meta = if extract { META_BYTES + SPEC_BYTES + input } else { META_BYTES };
                let within = !extract && !writes_inputs_first(load);
                let rows =
                    write(meta) + if extract { 0 } else { write(SPEC_BYTES) } + if within { write(input) } else { 0 };
                let bill = Bill::new(1, 0)
                    .and(Table::Jobs, job.collection, TRANSACTION_FACTOR * rows, 0)
                    // The ledger's entry and the month's row.
                    .and(Table::Accounts, account, 2 * TRANSACTION_FACTOR, 0)
                    .and(Table::ByAccount, account_list_collection(job.account, true), 1, 0)
                    .and(Table::ByDue, due_collection(job), 1, 0);
                Bill { transaction: true, ..bill }
            }
            Request::Settle(settling) => {
                let last = settling.final_segment.is_some();
                let meta = MAX_META_BYTES + if last { load.result_bytes as usize } else { 0 };
                let factor = if last { 1 } else { TRANSACTION_FACTOR };
                let bill = Bill::new(1, 0)
                    .and(Table::Jobs, job.collection, factor * write(meta), 0)
                    .and(Table::ByAccount, account_list_collection(job.account, true), 1, 0)
                    .and(Table::ByAccount, account_list_collection(job.account, false), 1, 0)
                    .and(Table::ByDue, due_collection(job), 1, 0);
                match last {
                    true => bill,
                    false => Bill { transaction: true, ..bill.and(Table::Accounts, account, TRANSACTION_FACTOR, 0) },
                }
            }
            Request::Job => in_jobs(0, 1),
            Request::Segments(first, last) => in_jobs(0, row.map_or(1, |row| row.read_units(*first, *last))),
            Request::Spec => in_jobs(0, 1),
            Request::Inputs(_) => in_jobs(0, capacity_units(input, READ_UNIT_BYTES)),
            Request::Heartbeat => Bill::new(1, 1).and(Table::Jobs, hash64(1 << 42), 0, 1),
            Request::Beat => Bill::new(1, 0).and(Table::Jobs, hash64(1 << 42), 1, 0),
            Request::Results(_) => Bill::new(self.left.div_ceil(BATCH_WRITES), 0),
            Request::Put(commit) => {
                let n = u32::try_from(commit.segments.len()).unwrap_or(u32::MAX);
                let writes = commit.segments.iter().map(write_units).sum();
                Bill { calls: n, ..in_jobs(writes, 0) }
            }
            // The index contains only keys, which do not change with an unchanged end of the lease.
            Request::ReplaceLease(old, next) if old.until == next.until => in_jobs(write(MAX_META_BYTES), 0),
            // A changed index key costs a delete and a put.
            Request::ReplaceLease(..) => in_jobs(write(MAX_META_BYTES), 0).and(Table::ByDue, due_collection(job), 2, 0),
            Request::Terminate(_) => in_jobs(write(MAX_META_BYTES), 0).and(Table::ByDue, due_collection(job), 2, 0),
            Request::Due(n) => {
                let reads = capacity_units(crate::deployment::SWEEP_BATCH * DUE_ROW_BYTES, READ_UNIT_BYTES);
                Bill::new(1, 1).and(Table::ByDue, hash64(*n | 1 << 41), 0, reads)
            }
            Request::Send(..) | Request::Pause(_) => Bill::new(0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::JobKey;

    fn bill(load: &Load, request: Request) -> (u32, u32) {
        let job = JobRef { key: JobKey::null(), collection: 9, account: 3 };
        let bill = Step::new(Waiter::Nobody, job, request, 0).bill(load, None);
        let sum = |of: fn(&Charge) -> u32| bill.charges().iter().map(of).sum();
        (sum(|charge| charge.writes), sum(|charge| charge.reads))
    }

    /// These figures are those of `tests/suite/budget.rs` and docs/SCALING.md: an extract's
    /// transaction and end cost 13.
    #[test]
    fn an_extract_costs_thirteen_write_units() {
        let load = Load { call_kind: CallKind::Extract, units: 1, result_bytes: 300, ..Load::default() };
        let settling = SettlementRequest {
            job: domain::machine::JobView { state: JobState::Running, admitted: 1, deadline: domain::Timestamp(0) },
            totals: domain::segment::Totals::default(),
            final_segment: Some(domain::segment::Segment::untouched(0)),
        };
        assert_eq!(bill(&load, Request::Accept).0 + bill(&load, Request::Settle(settling)).0, 13);
    }

    #[test]
    fn few_urls_are_part_of_the_transaction() {
        let few = Load { units: 100, ..Load::default() };
        assert_eq!(bill(&few, Request::Accept).0, 2 + 2 + 2 * 6 + 4 + 2);
        let many = Load { units: 1_000, ..Load::default() };
        assert!(!writes_inputs_first(&few) && writes_inputs_first(&many));
        assert_eq!((bill(&many, Request::Accept).0, bill(&many, Request::PutInputs).0), (10, 59));
        assert_eq!(bill(&many, Request::Inputs(ProcessKey::null())).1, 15);
    }
}

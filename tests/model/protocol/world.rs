//! A state of the whole system: rows, queue, writes that are still on their way, and processes.

use std::collections::BTreeSet;

use domain::machine::SettlementRequest;
use domain::segment::Segment;
use domain::{JobState, Nonce, Seq};

use crate::hashed::Hashed;
use crate::process::{NONCES, Process, Units};

/// Maximum number of jobs of a configuration.
pub const MAX_JOBS: usize = 2;

/// A job's rows.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct JobRow {
    pub state: JobState,
    pub admitted: u32,
    /// By index; segments of version 0 have no row.
    pub segments: Vec<Segment>,
    pub results: BTreeSet<(Seq, u8)>,
    /// Units that have admitted the page they link to.
    pub grown: Units,
    /// LEDGER SETTLE, or an extract's charge: charged, refunded to the month, refunded to prepaid.
    pub settled: Option<(u64, u64, u64)>,
}

/// All rows: the jobs draw on one account's pools.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Rows {
    pub jobs: Vec<JobRow>,
    /// The month row's `used`.
    pub used: i64,
    /// The prepaid row's `balance`.
    pub prepaid: i64,
}

/// A write that takes effect after its process saw a failure.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum DelayedWrite {
    Segment { job: usize, row: Segment },
    Terminate { job: usize, from: JobState, to: JobState },
    Settle { job: usize, settling: SettlementRequest },
}

/// Facts that the rows do not show. Only properties read them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct History {
    /// What DELETE answered for each job: whether the job was cancelled.
    pub delete_answer: [Option<bool>; MAX_JOBS],
    /// How often a settlement of each job took effect.
    pub settled: [u8; MAX_JOBS],
    /// A unit that had ended was changed again.
    pub ended_unit_changed: bool,
    /// A unit was both started and skipped.
    pub started_and_skipped: bool,
    /// A process changed a unit that it did not hold, and no rule allowed it.
    pub unfenced: bool,
    /// A unit was started after DELETE had answered.
    pub started_after_delete: bool,
    /// A unit was started on a row that records another's failure.
    pub started_after_failure: bool,
    /// A page ran although no row says that its unit was started.
    pub ran_unstarted: bool,
    /// `domain::invariants` found a violation.
    pub invariant_violated: bool,
    /// A unit was taken over.
    pub taken_over: bool,
    /// A unit that waited for the model ended with the model's answer.
    pub ended_with_answer: bool,
    /// A unit that waited for the model ended with its provisional result.
    pub ended_provisionally: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct World {
    pub rows: Hashed<Rows>,
    pub processes: Vec<Process>,
    /// The queue's messages. It may deliver any of them, to any worker, any number of times.
    pub queue: Hashed<BTreeSet<(usize, Units)>>,
    pub delayed_writes: Vec<DelayedWrite>,
    /// How many lease lengths have passed.
    pub clock: u8,
    /// Whether the deadline has passed.
    pub deadline_passed: bool,
    /// Faults that may still happen.
    pub faults: u8,
    /// How often a live process may still be slower than its lease.
    pub overruns: u8,
    pub history: History,
}

impl World {
    pub fn job(&self, job: usize) -> &JobRow {
        &self.rows.jobs[job]
    }

    /// Returns a job's units that wait for the model, with the attempts that read them.
    pub fn asked(&self, job: usize) -> impl Iterator<Item = (Seq, u8)> + '_ {
        self.job(job).segments.iter().flat_map(Segment::asked)
    }

    /// Returns the least nonce that no row and no process refers to.
    pub fn fresh_nonce(&self) -> Nonce {
        let delayed = self.delayed_writes.iter().filter_map(|write| match write {
            DelayedWrite::Segment { row, .. } => Some(row),
            DelayedWrite::Settle { settling, .. } => settling.final_segment.as_ref(),
            DelayedWrite::Terminate { .. } => None,
        });
        let known = self.processes.iter().flat_map(|process| process.machine.rows());
        let rows = self.rows.jobs.iter().flat_map(|job| &job.segments);
        let mut used: BTreeSet<Nonce> = self.processes.iter().map(|process| process.nonce).collect();
        for row in rows.chain(delayed).chain(known) {
            used.extend(row.last_write.map(|id| id.writer));
            used.extend(row.non_pending().filter_map(|(_, unit)| match unit {
                domain::segment::UnitState::Started { holder, .. } => Some(holder),
                _ => None,
            }));
        }
        NONCES.iter().copied().find(|nonce| !used.contains(nonce)).expect("there are enough nonces")
    }
}

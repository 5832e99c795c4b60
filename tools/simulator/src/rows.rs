//! The rows that decisions depend on: jobs with their segments, packed as in DynamoDB, and the accounts' months.
//! Writes have the conditions of `store`.

use std::collections::BTreeSet;

use domain::job::DriverLease;
use domain::machine::{JobView, Moment, SettlementRequest};
use domain::segment::{Segment, WriteId};
use domain::{Endpoint, JobState, Timestamp};

use crate::assumptions::{MS, Micros};
use crate::deployment::DUE_SHARDS;
use crate::limits::{READ_UNIT_BYTES, WRITE_UNIT_BYTES};
use crate::random::hash64;
use crate::slab::{Key, Slab};

/// Key of a job.
pub type JobKey = Key<JobRow>;

/// Bytes of a segment's row besides its packed units.
const SEGMENT_OVERHEAD: usize = 140;
/// The wall clock at the start: 2026-11-24T00:00:00Z.
const EPOCH_MS: i64 = 1_795_478_400_000;

/// Returns a time in the form that machines take.
pub fn moment(now: Micros) -> Moment {
    Moment { now: wall_clock(now), ticks: now / MS }
}

/// Returns the wall clock at a time.
pub fn wall_clock(now: Micros) -> Timestamp {
    Timestamp(EPOCH_MS).plus_ms(i64::try_from(now / MS).unwrap_or(i64::MAX))
}

/// Returns the capacity units of a row of this size.
pub fn capacity_units(bytes: usize, a_unit: u32) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).div_ceil(a_unit).max(1)
}

#[derive(Debug, Clone)]
struct Packed {
    version: u64,
    written: WriteId,
    units: Box<[u8]>,
}

/// A job's rows.
#[derive(Debug)]
pub struct JobRow {
    /// The account.
    pub account: u32,
    /// The endpoint that created it.
    pub endpoint: Endpoint,
    /// `options.concurrency`, or its default.
    pub concurrency: u32,
    /// How many units exist.
    pub admitted: u32,
    /// Its state.
    pub state: JobState,
    /// Its deadline.
    pub deadline: Timestamp,
    /// When it was accepted.
    pub started_at: Timestamp,
    /// The driver's lease.
    pub lease: DriverLease,
    /// When its call was first tried.
    pub called_at: Micros,
    /// Until when a transaction runs on its META row.
    pub locked_until: Micros,
    /// The hash of its partition key.
    pub collection: u64,
    /// Whether its answer is held open.
    pub held: bool,
    segments: Vec<Option<Packed>>,
}

impl JobRow {
    /// Returns the job as machines see it.
    pub fn view(&self) -> JobView {
        JobView { state: self.state, admitted: self.admitted, deadline: self.deadline }
    }

    fn packed(&self, first: u32, last: u32) -> impl Iterator<Item = (u32, &Packed)> {
        let rows = (0..).zip(&self.segments).skip(first as usize).take_while(move |(index, _)| *index <= last);
        rows.filter_map(|(index, packed)| Some((index, packed.as_ref()?)))
    }

    /// Returns the segments from `first` to `last` that have rows.
    pub fn segments(&self, first: u32, last: u32) -> Vec<Segment> {
        let unpack = |(index, packed): (u32, &Packed)| {
            // Unpacking what was packed here does not fail.
            Segment::unpack(index, packed.version, packed.written, &packed.units).ok()
        };
        self.packed(first, last).filter_map(unpack).collect()
    }

    /// Returns the read units of a query for these segments.
    pub fn read_units(&self, first: u32, last: u32) -> u32 {
        let bytes = self.packed(first, last).map(|(_, packed)| packed.units.len() + SEGMENT_OVERHEAD).sum();
        capacity_units(bytes, READ_UNIT_BYTES)
    }

    /// Writes a segment by its version. If that is refused, returns the row as it is.
    pub fn put_segment(&mut self, row: &Segment) -> Result<(), Option<Segment>> {
        let index = row.index as usize;
        let version = self.segments.get(index).and_then(Option::as_ref).map_or(0, |packed| packed.version);
        let Some(written) = row.last_write.filter(|_| version + 1 == row.version) else {
            return Err(self.segments(row.index, row.index).pop());
        };
        if self.segments.len() <= index {
            self.segments.resize(index + 1, None);
        }
        let units = row.pack().into_boxed_slice();
        self.segments[index] = Some(Packed { version: row.version, written, units });
        Ok(())
    }
}

/// Returns the write units of a segment's row.
pub fn write_units(row: &Segment) -> u32 {
    // A packed unit takes a byte or a few; the size depends on the number of holders, so the row is packed to know it.
    capacity_units(row.pack().len() + SEGMENT_OVERHEAD, WRITE_UNIT_BYTES)
}

/// An account's row of the month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthRow {
    /// The minute whose calls are counted.
    pub minute: i64,
    /// Accepted calls in that minute.
    pub calls: u64,
    /// Until when a transaction runs on it.
    pub locked_until: Micros,
}

/// All rows.
#[derive(Debug, Default)]
pub struct Rows {
    /// Jobs that have not ended; ended jobs are removed.
    pub jobs: Slab<JobRow>,
    /// By account.
    pub months: Vec<MonthRow>,
    due: [BTreeSet<(Timestamp, JobKey)>; DUE_SHARDS as usize],
}

/// The values of a new job.
#[derive(Debug, Clone, Copy)]
pub struct NewJob {
    /// The account.
    pub account: u32,
    /// The endpoint that creates it.
    pub endpoint: Endpoint,
    /// Concurrent pages.
    pub concurrency: u32,
    /// Units.
    pub units: u32,
    /// The lease of its first driver.
    pub lease: DriverLease,
    /// Its deadline.
    pub deadline: Timestamp,
    /// When its call was first tried.
    pub called_at: Micros,
    /// The hash of its partition key.
    pub collection: u64,
    /// Whether its answer is held open.
    pub held: bool,
}

/// Returns a job's shard of the sweeper's index.
pub fn shard(collection: u64) -> u64 {
    hash64(collection) % DUE_SHARDS
}

impl Rows {
    /// Creates the rows of this many accounts, without a job.
    pub fn of(accounts: u32) -> Rows {
        Rows { months: vec![MonthRow::default(); accounts as usize], ..Rows::default() }
    }

    /// Adds a job with the rows of its accept transaction.
    pub fn add(&mut self, new: NewJob, now: Micros, first: Option<&Segment>) -> JobKey {
        let mut row = JobRow {
            account: new.account,
            endpoint: new.endpoint,
            concurrency: new.concurrency,
            admitted: new.units,
            state: JobState::Running,
            deadline: new.deadline,
            started_at: wall_clock(now),
            lease: new.lease,
            called_at: new.called_at,
            locked_until: 0,
            collection: new.collection,
            held: new.held,
            segments: Vec::new(),
        };
        // The first version is always accepted.
        first.into_iter().for_each(|segment| drop(row.put_segment(segment)));
        let key = self.jobs.insert(row);
        self.due[shard(new.collection) as usize].insert((new.lease.until.min(new.deadline), key));
        key
    }

    /// Returns a job's row, or `None` if the job has ended.
    pub fn view(&self, job: JobKey) -> Option<&JobRow> {
        self.jobs.get(job)
    }

    /// Replaces the driver's lease, if it is as expected.
    pub fn replace_lease(&mut self, job: JobKey, old: DriverLease, next: DriverLease) -> bool {
        let Some(row) = self.jobs.get_mut(job) else { return false };
        if (row.lease.holder, row.lease.until) != (old.holder, old.until) {
            return false;
        }
        let was = row.lease.until.min(row.deadline);
        row.lease = next;
        let due = &mut self.due[shard(row.collection) as usize];
        due.remove(&(was, job));
        due.insert((next.until.min(row.deadline), job));
        true
    }

    /// Returns the jobs of a shard that are due.
    pub fn due(&self, shard: u64, now: Timestamp, max: usize) -> Vec<JobKey> {
        let due = self.due[shard as usize].iter().take_while(|(at, _)| *at <= now);
        due.map(|(_, job)| *job).take(max).collect()
    }

    /// Settles a job, if it is as the machine saw it. In production its rows stay for a day, but they are only read to
    /// see that the job has ended, so the job is removed here.
    pub fn settle(&mut self, job: JobKey, settling: &SettlementRequest) -> Option<JobRow> {
        let row = self.jobs.get(job)?;
        let is_unchanged = row.state == settling.job.state && row.admitted == settling.job.admitted;
        if !is_unchanged || settling.totals.tally.pending > 0 {
            return None;
        }
        if let Some(last) = &settling.final_segment {
            let known = row.segments(0, 0).first().map_or(0, |row| row.version);
            if known + 1 != last.version {
                return None;
            }
        }
        let row = self.jobs.remove(job)?;
        self.due[shard(row.collection) as usize].remove(&(row.lease.until.min(row.deadline), job));
        Some(row)
    }
}

#[cfg(test)]
mod tests {
    use domain::segment::{Totals, UnitEnd, UnitState};

    use domain::Nonce;

    use super::*;

    fn rows() -> (Rows, JobKey, DriverLease) {
        let lease = DriverLease {
            holder: Nonce::from_random(1),
            until: wall_clock(0).plus_secs(30),
            queued: false,
            idle_checks: 0,
        };
        let new = NewJob {
            account: 0,
            endpoint: Endpoint::Batch,
            concurrency: 8,
            units: 65,
            lease,
            deadline: wall_clock(0).plus_secs(86_400),
            called_at: 0,
            collection: 5,
            held: true,
        };
        let mut rows = Rows::of(1);
        let job = rows.add(new, 0, None);
        (rows, job, lease)
    }

    #[test]
    fn a_segment_is_written_by_its_version_and_read_as_it_was() {
        let (mut rows, job, _) = rows();
        let row = rows.jobs.get_mut(job).unwrap();
        let mut first = Segment::untouched(1);
        first.put(64, UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: wall_clock(5), skipped: 0 });
        let first = first.next(WriteId { writer: Nonce::from_random(7), n: 1 });
        assert_eq!(row.put_segment(&first), Ok(()));
        assert_eq!(row.put_segment(&first), Err(Some(first.clone())), "its version is not the next one");
        assert_eq!((row.segments(0, 9), row.read_units(0, 9)), (vec![first.clone()], 1));
        assert_eq!(write_units(&first), 1);
    }

    #[test]
    fn a_job_is_due_when_its_lease_is_over_and_settles_once() {
        let (mut rows, job, lease) = rows();
        let due = |rows: &Rows, at| (0..DUE_SHARDS).flat_map(|shard| rows.due(shard, at, 9)).count();
        assert_eq!((due(&rows, lease.until.plus_ms(-1)), due(&rows, lease.until)), (0, 1));
        let next = DriverLease { until: lease.until.plus_secs(10), ..lease };
        assert!(rows.replace_lease(job, lease, next) && !rows.replace_lease(job, lease, next));
        assert_eq!((due(&rows, lease.until), due(&rows, next.until)), (0, 1));
        let view = rows.view(job).unwrap().view();
        let totals = Totals::of([], 65);
        assert!(
            rows.settle(job, &SettlementRequest { job: view, totals, final_segment: None }).is_none(),
            "something is pending"
        );
        let done = Totals { tally: domain::progress::Tally { pending: 0, done: 65, ..totals.tally }, ..totals };
        let settling = SettlementRequest { job: view, totals: done, final_segment: None };
        assert!(rows.settle(job, &settling).is_some() && rows.settle(job, &settling).is_none());
        assert_eq!(due(&rows, next.until), 0);
    }
}

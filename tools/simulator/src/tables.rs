//! DynamoDB's tables and indexes on demand: what partitions accept and refuse, and how they are split.
//!
//! Modelled: a partition's limit as a bucket of one second; collections (the rows of one partition key) spread over
//! partitions by their hash; the table's quota; a split in the middle of a partition's range after it was near its
//! limit for [`SPLIT_SECS`]; a write that an index has no throughput for is refused, as the index's backpressure does
//! in the end. Not modelled: burst capacity (best effort, and none beyond a partition's limit) and splits within a
//! collection (the rows of a job are written in the order of their keys, so that a split would only move the heat).

use crate::assumptions::{HOT_PERCENT, Micros, SPLIT_SECS};
use crate::bucket::TokenBucket;
use crate::limits::{NEW_TABLE_PARTITIONS, PARTITION_READS, PARTITION_WRITES, TABLE_UNITS};

/// A table or an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Balances and keys.
    Accounts,
    /// Jobs, segments and results.
    Jobs,
    /// The index that lists an account's jobs.
    ByAccount,
    /// The sweeper's index.
    ByDue,
}

impl Table {
    /// All tables and indexes.
    pub const ALL: [Table; 4] = [Table::Accounts, Table::Jobs, Table::ByAccount, Table::ByDue];

    /// Returns the table's name.
    pub fn name(self) -> &'static str {
        match self {
            Table::Accounts => "accounts",
            Table::Jobs => "jobs",
            Table::ByAccount => "by_account",
            Table::ByDue => "by_due",
        }
    }
}

/// What a step takes from one collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Charge {
    /// The table.
    pub table: Table,
    /// The hash of the partition key.
    pub collection: u64,
    /// Write units.
    pub writes: u32,
    /// Read units.
    pub reads: u32,
}

#[derive(Debug, Clone)]
struct Partition {
    /// The first hash in it.
    first: u64,
    writes: TokenBucket,
    reads: TokenBucket,
    /// Units in this second.
    wrote: u32,
    read: u32,
    /// How many seconds it has been near its limit.
    hot_secs: u32,
}

impl Partition {
    fn new(first: u64) -> Partition {
        Partition {
            first,
            writes: TokenBucket::new(PARTITION_WRITES, PARTITION_WRITES),
            reads: TokenBucket::new(PARTITION_READS, PARTITION_READS),
            wrote: 0,
            read: 0,
            hot_secs: 0,
        }
    }

    fn is_hot(&self) -> bool {
        let near = |used: u32, limit: u32| used * 100 >= limit * HOT_PERCENT;
        near(self.wrote, PARTITION_WRITES) || near(self.read, PARTITION_READS)
    }
}

/// The counts of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Write units.
    pub writes: u64,
    /// Read units.
    pub reads: u64,
    /// Requests that were refused.
    pub throttled: u64,
    /// Seconds in which a partition was near its limit.
    pub hot_secs: u64,
    /// Maximum number of write units of a partition in a second.
    pub peak_partition_writes: u32,
    /// Splits.
    pub splits: u32,
}

#[derive(Debug)]
struct State {
    /// In the order of their first hashes.
    partitions: Vec<Partition>,
    writes: TokenBucket,
    reads: TokenBucket,
    counts: Counts,
}

impl State {
    fn at(&self, collection: u64) -> usize {
        // The first partition begins at 0.
        self.partitions.partition_point(|partition| partition.first <= collection) - 1
    }

    fn fits(&mut self, charge: &Charge, now: Micros) -> bool {
        let at = self.at(charge.collection);
        let partition = &mut self.partitions[at];
        (charge.writes == 0 || partition.writes.fits(charge.writes, now) && self.writes.fits(charge.writes, now))
            && (charge.reads == 0 || partition.reads.fits(charge.reads, now) && self.reads.fits(charge.reads, now))
    }

    fn take(&mut self, charge: &Charge) {
        let at = self.at(charge.collection);
        let partition = &mut self.partitions[at];
        partition.writes.take(charge.writes);
        partition.reads.take(charge.reads);
        partition.wrote += charge.writes;
        partition.read += charge.reads;
        self.writes.take(charge.writes);
        self.reads.take(charge.reads);
        self.counts.writes += u64::from(charge.writes);
        self.counts.reads += u64::from(charge.reads);
    }
}

/// All tables and indexes.
#[derive(Debug)]
pub struct Tables([State; 4]);

impl Tables {
    /// Tables that have served `warm` write units per second before; new tables if it is 0.
    pub fn new(warm: u32) -> Tables {
        let count = u64::from(NEW_TABLE_PARTITIONS.max(warm.div_ceil(PARTITION_WRITES)));
        let partitions: Vec<Partition> = (0..count).map(|n| Partition::new(u64::MAX / count * n)).collect();
        Tables(Table::ALL.map(|_| State {
            partitions: partitions.clone(),
            writes: TokenBucket::new(TABLE_UNITS, TABLE_UNITS),
            reads: TokenBucket::new(TABLE_UNITS, TABLE_UNITS),
            counts: Counts::default(),
        }))
    }

    /// Takes everything that a request needs, or nothing.
    pub fn admit(&mut self, charges: &[Charge], now: Micros) -> bool {
        let short = charges.iter().find(|charge| !self.0[charge.table as usize].fits(charge, now));
        match short {
            Some(charge) => {
                self.0[charge.table as usize].counts.throttled += 1;
                false
            }
            None => {
                charges.iter().for_each(|charge| self.0[charge.table as usize].take(charge));
                true
            }
        }
    }

    /// Takes as many of `n` equal writes as fit. A batch of writes returns the items that were not processed.
    pub fn admit_some(&mut self, each: Charge, n: u32, now: Micros) -> u32 {
        let state = &mut self.0[each.table as usize];
        let at = state.at(each.collection);
        let left = state.partitions[at].writes.available(now).min(state.writes.available(now));
        let taken = n.min(left / each.writes.max(1));
        state.take(&Charge { writes: each.writes * taken, ..each });
        if taken < n {
            state.counts.throttled += 1;
        }
        taken
    }

    /// Ends a second.
    pub fn end_second(&mut self) {
        for state in &mut self.0 {
            let mut split = Vec::new();
            for (at, partition) in state.partitions.iter_mut().enumerate() {
                let hot = partition.is_hot();
                partition.hot_secs = if hot { partition.hot_secs + 1 } else { 0 };
                state.counts.hot_secs += u64::from(hot);
                state.counts.peak_partition_writes = state.counts.peak_partition_writes.max(partition.wrote);
                (partition.wrote, partition.read) = (0, 0);
                if partition.hot_secs >= SPLIT_SECS {
                    partition.hot_secs = 0;
                    split.push(at);
                }
            }
            for at in split.into_iter().rev() {
                let first = state.partitions[at].first;
                let end = state.partitions.get(at + 1).map_or(u64::MAX, |next| next.first);
                if end - first > 1 {
                    state.partitions.insert(at + 1, Partition::new(first + (end - first) / 2));
                    state.counts.splits += 1;
                }
            }
        }
    }

    /// Returns the counts of a table.
    pub fn counts(&self, table: Table) -> Counts {
        self.0[table as usize].counts
    }

    /// Returns how many partitions a table has.
    pub fn partitions(&self, table: Table) -> usize {
        self.0[table as usize].partitions.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assumptions::SECOND;
    use crate::random::hash64;

    fn write(collection: u64, writes: u32) -> Charge {
        Charge { table: Table::Jobs, collection, writes, reads: 0 }
    }

    #[test]
    fn a_collection_is_limited_by_its_partition_and_a_table_by_all_of_them() {
        let mut tables = Tables::new(0);
        let taken = |tables: &mut Tables, spread: bool, now| {
            let taken = (0..10_000u64).filter(|n| tables.admit(&[write(if spread { hash64(*n) } else { 7 }, 1)], now));
            taken.count() as u32
        };
        assert_eq!(taken(&mut tables, false, 0), PARTITION_WRITES);
        assert_eq!(tables.counts(Table::Jobs).throttled, 10_000 - u64::from(PARTITION_WRITES));
        assert_eq!(taken(&mut Tables::new(0), true, 0), NEW_TABLE_PARTITIONS * PARTITION_WRITES);
        assert_eq!(taken(&mut tables, false, SECOND / 2), PARTITION_WRITES / 2, "half a second's worth is there again");
    }

    #[test]
    fn a_batch_is_accepted_in_part_and_a_request_as_a_whole() {
        let mut tables = Tables::new(0);
        assert_eq!(tables.admit_some(write(1, 2), 600, 0), 500);
        assert!(!tables.admit(&[write(hash64(2), 1), write(1, 1)], 0));
        assert_eq!(tables.counts(Table::Jobs).writes, 1_000, "a refused request takes nothing elsewhere");
    }

    #[test]
    fn a_partition_that_stays_hot_is_split() {
        let mut tables = Tables::new(0);
        for second in 1..=u64::from(SPLIT_SECS) {
            tables.admit(&[write(1, PARTITION_WRITES)], second * SECOND);
            tables.end_second();
        }
        assert_eq!((tables.partitions(Table::Jobs), tables.counts(Table::Jobs).splits), (5, 1));
        assert_eq!(tables.counts(Table::Jobs).peak_partition_writes, PARTITION_WRITES);
    }
}

//! Reads of jobs: all jobs by a scan, one job by its own rows, and their ledger entries.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::invariants::{JobEntries, JobRows, LedgerEntry};
use domain::segment::{Segment, UnitState};
use domain::{AccountId, Job, JobId, Seq};

use super::{ScanPosition, ledger_entry};
use crate::Audit;
use crate::error::StoreError;
use crate::item::{Item, Row, key};
use crate::{keys, meta, segments};

/// A job's rows read so far.
#[derive(Debug, Default)]
struct PartialJob {
    job: Option<Job>,
    segments: BTreeMap<u32, Segment>,
    results: BTreeSet<(Seq, u8)>,
    delivery: bool,
}

impl PartialJob {
    fn read(&mut self, item: &Item) -> Result<(), StoreError> {
        let sk = Row(item).s("sk")?;
        if sk == keys::META {
            self.job = Some(meta::from_item(item)?);
        } else if keys::SEGMENT.rest(sk).is_some() {
            let segment = segments::from_item(item)?;
            self.segments.insert(segment.index, segment);
        } else if sk == keys::DELIVERY {
            self.delivery = true;
        } else if let Some(result) = keys::result_of(sk) {
            self.results.insert(result);
        }
        Ok(())
    }

    /// Returns the job, if there is one: rows without a META row are being removed by TTL.
    fn finish(mut self) -> Option<JobRows> {
        let job = self.job?;
        if let Some(extract_unit) = &job.extract_unit {
            self.segments.insert(0, extract_unit.segment.clone());
            let unit = extract_unit.segment.unit(0);
            if let (UnitState::Ended { attempt, .. }, Some(_)) = (unit, &extract_unit.result) {
                self.results.insert((0, attempt));
            }
        }
        Some(JobRows { job, segments: self.segments, results: self.results, delivery: self.delivery })
    }
}

/// A scan of the jobs table that returns whole jobs. It keeps the rows of one job, not of the table. If a scan returns
/// a job a second time, that job may seem to violate an invariant. Reading the job's own rows then shows that it does
/// not.
#[derive(Debug)]
pub struct JobScan<'a> {
    audit: &'a Audit,
    start: Option<Item>,
    ended: bool,
    partial: Option<(String, PartialJob)>,
    /// The position after the last job returned.
    place: Option<ScanPosition>,
    last: Option<ScanPosition>,
}

impl JobScan<'_> {
    /// Returns where to continue after the jobs returned so far.
    pub fn place(&self) -> Option<ScanPosition> {
        self.place.clone()
    }

    /// Returns the jobs that the next page completes, possibly none; `None` after the last page.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn next(&mut self) -> Result<Option<Vec<JobRows>>, StoreError> {
        if self.ended {
            return Ok(None);
        }
        let scan = self.audit.db().scan().table_name(&self.audit.tables.jobs).consistent_read(true);
        let page = scan.set_exclusive_start_key(self.start.take()).send().await;
        let page = page.map_err(|e| StoreError::sdk("Scan", e))?;
        let mut whole = Vec::new();
        for item in page.items() {
            let place = ScanPosition::of(item)?;
            if self.partial.as_ref().is_none_or(|(pk, _)| *pk != place.pk) {
                whole.extend(self.complete());
                self.partial = Some((place.pk.clone(), PartialJob::default()));
            }
            if let Some((_, partial)) = &mut self.partial {
                partial.read(item)?;
            }
            self.last = Some(place);
        }
        self.start = page.last_evaluated_key;
        self.ended = self.start.is_none();
        if self.ended {
            whole.extend(self.complete());
        }
        Ok(Some(whole))
    }

    fn complete(&mut self) -> Option<JobRows> {
        let (_, partial) = self.partial.take()?;
        self.place = self.last.clone();
        partial.finish()
    }
}

impl Audit {
    /// Starts a scan of the jobs after a position.
    pub fn jobs(&self, after: Option<&ScanPosition>) -> JobScan<'_> {
        let (start, place) = (after.map(ScanPosition::key), after.cloned());
        JobScan { audit: self, start, ended: false, partial: None, place, last: None }
    }

    /// Reads one job by its own rows, strongly consistent, in an order that never makes a running job look faulty: META
    /// before segments, so that the segments include every unit that had ended by then, and segments before results, so
    /// that the results include each one that a segment names.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn job(&self, id: &JobId) -> Result<Option<JobRows>, StoreError> {
        let (table, pk) = (&self.tables.jobs, keys::job(id));
        let mut rows = PartialJob::default();
        let Some(meta) = self.get(table, key(&pk, keys::META)).await? else { return Ok(None) };
        rows.read(&meta)?;
        for item in self.range(table, &pk, keys::SEGMENT.range(), &[]).await? {
            rows.read(&item)?;
        }
        for item in self.range(table, &pk, keys::RESULT.range(), &["pk", "sk"]).await? {
            rows.read(&item)?;
        }
        rows.delivery = self.get(table, key(pk, keys::DELIVERY)).await?.is_some();
        Ok(rows.finish())
    }

    /// Returns the jobs' entries in their accounts' ledgers, in the order of the jobs. Read by key, strongly
    /// consistent.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn entries(&self, jobs: &[(&AccountId, &JobId)]) -> Result<Vec<JobEntries>, StoreError> {
        let keys_of = |(account, job): &(&AccountId, &JobId)| {
            let pk = keys::account(account);
            [key(&pk, keys::reserve(job)), key(&pk, keys::settle(job))]
        };
        let mut found: HashMap<(String, JobId), JobEntries> = HashMap::new();
        for item in self.get_many(&self.tables.accounts, jobs.iter().flat_map(keys_of).collect()).await? {
            let row = Row(&item);
            let mut entries = |job: &JobId| {
                let pk = row.s("pk")?.to_owned();
                Ok::<_, StoreError>(std::mem::take(found.entry((pk, job.clone())).or_default()))
            };
            let (job, new) = match ledger_entry(&row)? {
                Some(LedgerEntry::Reserve(reserve)) => {
                    (reserve.job.clone(), JobEntries { reserve: Some(reserve.clone()), ..entries(&reserve.job)? })
                }
                Some(LedgerEntry::Settle(settle)) => {
                    (settle.job.clone(), JobEntries { settle: Some(settle.clone()), ..entries(&settle.job)? })
                }
                Some(LedgerEntry::TopUp { .. }) | None => continue,
            };
            found.insert((row.s("pk")?.to_owned(), job), new);
        }
        let of = |(account, job): &(&AccountId, &JobId)| {
            found.remove(&(keys::account(account), (*job).clone())).unwrap_or_default()
        };
        Ok(jobs.iter().map(of).collect())
    }
}

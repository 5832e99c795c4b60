//! Unit rows: claim, take over, finish, close, read. What a refused write means is judged by [`domain::unit`].

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::job::Sitemaps;
use domain::unit::Unit;
use domain::{Job, JobId, Nonce, Seq, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional, tx_put, tx_put_if};

/// What a conditional write of a unit's row came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitWrite {
    /// It took effect.
    Written,
    /// The condition failed; the row as it stands, if there is one.
    Refused(Option<Unit>),
}

/// A unit's row with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRow {
    /// Its number.
    pub seq: Seq,
    /// Its state.
    pub unit: Unit,
    /// When it ended; `None` while it has not.
    pub at: Option<Timestamp>,
    /// Of a crawl: URLs that the unit found and that will not be fetched.
    pub skipped: u32,
    /// Of a crawl: the sitemaps that the unit asked for.
    pub sitemaps: Sitemaps,
    /// Of a crawl: the unit turned out to be another unit's page, and has no result.
    pub duplicate: bool,
    /// The result as the JSON text that goes on the wire; only of units that are done.
    pub result: Option<String>,
}

/// A claim: who holds a unit, which attempt it is, and until when nobody else may take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which unit.
    pub seq: Seq,
    /// 1 for the first.
    pub attempt: u32,
    /// Whose.
    pub nonce: Nonce,
    /// The end of the lease.
    pub lease_until: Timestamp,
}

/// A result to be put: its JSON text and whether it is a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finish {
    /// JSON text of the result, at most 64 KB or so.
    pub result: String,
    /// Whether it counts as done or failed.
    pub succeeded: bool,
    /// When the unit ended: what results in order of completion are ordered by.
    pub at: Timestamp,
    /// Of a crawl: URLs that the unit found and that will not be fetched.
    pub skipped: u32,
    /// Of a crawl: the sitemaps that the unit asked for.
    pub sitemaps: Sitemaps,
    /// Of a crawl: the unit turned out to be another unit's page, and has no result.
    pub duplicate: bool,
}

pub(crate) const HELD: &str = "#state = :started AND #attempt = :attempt AND #nonce = :nonce";

fn parse(item: &Item) -> Result<Unit, StoreError> {
    let row = Row(item);
    Ok(match row.s("state")? {
        "started" => Unit::Started {
            attempt: row.n("attempt")?,
            nonce: Nonce(row.s("nonce")?.to_owned()),
            lease_until: Timestamp(row.n("lease_until")?),
        },
        "done" => Unit::Done {
            attempt: row.n("attempt")?,
            nonce: Nonce(row.s("nonce")?.to_owned()),
            succeeded: row.flag("succeeded"),
        },
        "closed" => Unit::Closed,
        other => return Err(StoreError::Malformed(format!("unit row: unknown state \"{other}\""))),
    })
}

pub(crate) fn parse_row(item: &Item) -> Result<UnitRow, StoreError> {
    let row = Row(item);
    Ok(UnitRow {
        seq: row.parse("sk", keys::unit_seq)?,
        unit: parse(item)?,
        at: row.opt_n("at")?.map(Timestamp),
        skipped: row.opt_n("skipped")?.unwrap_or(0),
        sitemaps: row.sitemaps()?,
        duplicate: row.flag("duplicate"),
        result: row.opt_s("result").map(str::to_owned),
    })
}

fn written(outcome: Conditional) -> Result<UnitWrite, StoreError> {
    Ok(match outcome {
        Conditional::Written => UnitWrite::Written,
        Conditional::Refused(None) => UnitWrite::Refused(None),
        Conditional::Refused(Some(item)) => UnitWrite::Refused(Some(parse(&item)?)),
    })
}

impl Store {
    fn started_item(&self, job: &Job, claim: &Claim) -> Item {
        key(keys::job(&job.id), keys::unit(claim.seq))
            .with("state", s("started"))
            .with("attempt", n(claim.attempt))
            .with("nonce", s(claim.nonce.0.clone()))
            .with("lease_until", n(claim.lease_until.0))
            .with("ttl", n(self.ttl_of(job)))
    }

    fn done_item(&self, job: &Job, claim: &Claim, finish: &Finish) -> Item {
        key(keys::job(&job.id), keys::unit(claim.seq))
            .with("state", s("done"))
            .with("attempt", n(claim.attempt))
            .with("nonce", s(claim.nonce.0.clone()))
            .with("succeeded", AttributeValue::Bool(finish.succeeded))
            .with("at", n(finish.at.0))
            .with_some("skipped", (finish.skipped > 0).then(|| n(finish.skipped)))
            .with_some("sitemaps_read", (finish.sitemaps.read > 0).then(|| n(finish.sitemaps.read)))
            .with_some("sitemaps_failed", (finish.sitemaps.failed > 0).then(|| n(finish.sitemaps.failed)))
            .with_some("duplicate", finish.duplicate.then_some(AttributeValue::Bool(true)))
            .with("result", s(finish.result.clone()))
            .with("ttl", n(self.ttl_of(job)))
    }

    /// The first claim as part of a transaction.
    pub(crate) fn tx_claim(&self, job: &Job, claim: &Claim) -> Result<TransactWriteItem, StoreError> {
        tx_put(&self.tables.jobs, self.started_item(job, claim), ABSENT)
    }

    /// A finish as part of a transaction.
    pub(crate) fn tx_finish(&self, job: &Job, claim: &Claim, finish: &Finish) -> Result<TransactWriteItem, StoreError> {
        tx_put_if(&self.tables.jobs, self.done_item(job, claim, finish), HELD, held(claim))
    }

    /// Starts a unit that has no row: put if absent.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether the claim took effect.
    pub async fn claim(&self, job: &Job, claim: &Claim) -> Result<UnitWrite, StoreError> {
        written(self.put_if(&self.tables.jobs, self.started_item(job, claim), ABSENT, None).await?)
    }

    /// Replaces the claim `old`, whose lease is over, by `claim`.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect.
    pub async fn take_over(&self, job: &Job, old: &Claim, claim: &Claim) -> Result<UnitWrite, StoreError> {
        let item = self.started_item(job, claim);
        written(self.put_if(&self.tables.jobs, item, HELD, Some(held(old))).await?)
    }

    /// Puts the result of the unit that `claim` holds. Refused where another claim has the row by now.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect.
    pub async fn finish(&self, job: &Job, claim: &Claim, finish: &Finish) -> Result<UnitWrite, StoreError> {
        let item = self.done_item(job, claim, finish);
        written(self.put_if(&self.tables.jobs, item, HELD, Some(held(claim))).await?)
    }

    /// Makes sure that a unit never starts: put `closed` if absent.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect.
    pub async fn close(&self, job: &Job, seq: Seq, now: Timestamp) -> Result<UnitWrite, StoreError> {
        let item = key(keys::job(&job.id), keys::unit(seq))
            .with("state", s("closed"))
            .with("at", n(now.0))
            .with("ttl", n(self.ttl_of(job)));
        written(self.put_if(&self.tables.jobs, item, ABSENT, None).await?)
    }

    /// One unit's row.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn unit(&self, job: &JobId, seq: Seq) -> Result<Option<UnitRow>, StoreError> {
        let item = self.get(&self.tables.jobs, key(keys::job(job), keys::unit(seq))).await?;
        item.as_ref().map(parse_row).transpose()
    }

    /// The unit rows from `first` to `last` (both included) that exist, in order, without their results.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn units(&self, job: &JobId, first: Seq, last: Seq) -> Result<Vec<UnitRow>, StoreError> {
        let only = [
            "pk",
            "sk",
            "state",
            "attempt",
            "nonce",
            "lease_until",
            "succeeded",
            "at",
            "skipped",
            "duplicate",
            "sitemaps_read",
            "sitemaps_failed",
        ];
        let (from, to) = (keys::unit(first), keys::unit(last));
        let items = self.range(&self.tables.jobs, &keys::job(job), &from, &to, &only).await?;
        items.iter().map(parse_row).collect()
    }

    /// The rows of these units with their results, in no order; those that are absent are left out.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn results_of(&self, job: &JobId, seqs: &[Seq]) -> Result<Vec<UnitRow>, StoreError> {
        // Neighbours are read in one go: that is cheaper, for their sizes are added up before they are rounded.
        if let (Some(first), Some(last)) = (seqs.iter().min(), seqs.iter().max())
            && last.abs_diff(*first) as usize + 1 == seqs.len()
        {
            let (from, to) = (keys::unit(*first), keys::unit(*last));
            let items = self.range(&self.tables.jobs, &keys::job(job), &from, &to, &[]).await?;
            return items.iter().map(parse_row).collect();
        }
        let wanted = seqs.iter().map(|seq| key(keys::job(job), keys::unit(*seq))).collect();
        self.get_many(&self.tables.jobs, wanted).await?.iter().map(parse_row).collect()
    }
}

pub(crate) fn held(claim: &Claim) -> std::collections::HashMap<String, AttributeValue> {
    values([(":started", s("started")), (":attempt", n(claim.attempt)), (":nonce", s(claim.nonce.0.clone()))])
}

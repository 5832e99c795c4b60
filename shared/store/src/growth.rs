//! Growth of a crawl: units are admitted in one transaction with the rows that say which unit owns which page. A page
//! therefore has one unit, and no unit is admitted beyond the ceiling.

use std::collections::HashMap;

use domain::job::Sitemaps;
use domain::{Job, JobId, JobState, Seq};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional, Transaction, tx_put, tx_update};
use crate::{Base, Crawls};

/// Maximum number of children in a transaction. DynamoDB takes 100 items; fewer cause fewer conflicts.
pub const MAX_CHILDREN: usize = 45;

/// A page that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// Its URL, in the form that is shown.
    pub url: String,
    /// The hash of its page key.
    pub hash: String,
}

/// Units to be admitted.
#[derive(Debug, Clone, Copy)]
pub struct Growth<'a> {
    /// The job as read. Its `admitted` becomes the first child's number.
    pub job: &'a Job,
    /// The depth of these units: their number of links from the seed.
    pub depth: u32,
    /// The pages, at most [`MAX_CHILDREN`].
    pub children: &'a [Child],
    /// Identifies this write, so that a retry recognises it.
    pub write_id: &'a str,
}

impl Base {
    pub(crate) fn seen_item(&self, job: &Job, hash: &str, seq: Seq) -> Item {
        key(keys::job(&job.id), keys::seen(hash)).with("seq", n(seq)).with("ttl", n(self.ttl_of(job)))
    }
}

impl Crawls {
    /// Admits units on three conditions: the job is running, it has admitted as many units as when it was read, and
    /// none of the pages has a unit. The finder may have lost its own unit in the meantime: the pages exist in any
    /// case. Returns whether the write took effect, now or in an earlier try.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn grow(&self, growth: Growth<'_>) -> Result<bool, StoreError> {
        let Growth { job, depth, children, write_id } = growth;
        let (table, pk, first) = (&self.tables.jobs, keys::job(&job.id), job.admitted);
        let count = u32::try_from(children.len()).map_err(|_| StoreError::Malformed("too many children".into()))?;
        let urls: Vec<String> = children.iter().map(|child| child.url.clone()).collect();
        let mut items = vec![tx_update(
            table,
            key(&pk, keys::META),
            "SET #admitted = :next",
            "#state = :running AND #admitted = :first",
            values([(":running", s(JobState::Running.name())), (":first", n(first)), (":next", n(first + count))]),
        )?];
        for item in crate::jobs::input_items(&job.id, first, &urls, self.ttl_of(job))? {
            items.push(tx_put(table, item.with("depth", n(depth)).with("mark", s(write_id)), ABSENT)?);
        }
        for (seq, child) in (first..).zip(children) {
            items.push(tx_put(table, self.seen_item(job, &child.hash, seq), ABSENT)?);
        }
        match self.transact(items).await? {
            Transaction::Written => Ok(true),
            Transaction::Refused(_) => {
                let row = self.get(table, key(&pk, keys::input(first))).await?;
                Ok(row.is_some_and(|row| Row(&row).opt_s("mark") == Some(write_id)))
            }
        }
    }

    /// Returns the units that own pages, by the hashes of their page keys. Pages without an owner are left out.
    ///
    /// # Errors
    /// Store errors.
    pub async fn seen(&self, job: &JobId, hashes: &[String]) -> Result<HashMap<String, Seq>, StoreError> {
        let wanted = hashes.iter().map(|hash| key(keys::job(job), keys::seen(hash))).collect();
        let rows = self.get_many(&self.tables.jobs, wanted).await?;
        rows.iter()
            .map(|item| {
                let row = Row(item);
                Ok((row.parse("sk", |sk| keys::SEEN.rest(sk).map(str::to_owned))?, row.n("seq")?))
            })
            .collect()
    }

    /// Makes a unit the owner of a page unless the page has one. Returns the owner.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn own_page(&self, job: &Job, hash: &str, seq: Seq) -> Result<Seq, StoreError> {
        match self.put_if(&self.tables.jobs, self.seen_item(job, hash, seq), ABSENT, None).await? {
            Conditional::Written | Conditional::Refused(None) => Ok(seq),
            Conditional::Refused(Some(row)) => Row(&row).n("seq"),
        }
    }

    /// Records how reading a crawl's sitemaps went. The unit of the seed reads them, in whichever attempt ends.
    ///
    /// # Errors
    /// Store errors.
    pub async fn record_sitemaps(&self, id: &JobId, sitemaps: Sitemaps) -> Result<(), StoreError> {
        let set = values([(":read", n(sitemaps.read)), (":failed", n(sitemaps.failed))]);
        let (key, update) = (key(keys::job(id), keys::META), "SET #sitemaps_read = :read, #sitemaps_failed = :failed");
        self.update_if(&self.tables.jobs, key, update, "attribute_exists(#pk)", set).await?;
        Ok(())
    }

    /// Records that a matching page was left out because of `max_pages`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn record_limit_reached(&self, job: &Job) -> Result<(), StoreError> {
        let set = values([(":yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))]);
        let (key, update) = (key(keys::job(&job.id), keys::META), "SET #limit_reached = :yes");
        self.update_if(&self.tables.jobs, key, update, "attribute_exists(#pk)", set).await?;
        Ok(())
    }
}

//! Lists of an account's jobs. The index gives the order; the rows themselves are authoritative.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AccountId, Job, JobId, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::item::{Item, Row, key, s};
use crate::keys;
use crate::meta;

/// Which of an account's jobs to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobFilter {
    /// Running or being terminated.
    Running,
    /// Ended and still retained.
    Finished,
    /// Both.
    All,
}

/// A page of jobs, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct JobPage {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<Cursor>,
}

/// A position in a list: after this job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// When the last job shown started.
    pub started_at: Timestamp,
    /// Its id.
    pub job: JobId,
}

impl Jobs {
    /// Returns a page of at most `limit` jobs, starting after `after`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn list(
        &self,
        account: &AccountId,
        filter: JobFilter,
        limit: usize,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<JobPage, StoreError> {
        if filter != JobFilter::All {
            return self.list_of(account, filter == JobFilter::Finished, limit, after, now).await;
        }
        // In this order, a job that ends between the two reads is in both lists rather than in neither.
        let running = self.list_of(account, false, limit, after, now).await?;
        let finished = self.list_of(account, true, limit, after, now).await?;
        Ok(merged(running, finished, limit))
    }

    async fn list_of(
        &self,
        account: &AccountId,
        finished: bool,
        limit: usize,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<JobPage, StoreError> {
        let list_pk = if finished { keys::list_finished(account) } else { keys::list_running(account) };
        let mut start = after.map(|c| index_key(&list_pk, c));
        let mut jobs: Vec<Job> = Vec::new();
        loop {
            let page = self
                .db()
                .query()
                .table_name(&self.tables.jobs)
                .index_name(keys::BY_ACCOUNT)
                .key_condition_expression("list_pk = :pk")
                .expression_attribute_values(":pk", AttributeValue::S(list_pk.clone()))
                .scan_index_forward(false)
                .limit(i32::try_from(limit + 1).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|e| StoreError::sdk("Query", e))?;
            for job in self.jobs_of(page.items.unwrap_or_default()).await? {
                if finished == job.state.ended() && job.retained(now) {
                    jobs.push(job);
                }
            }
            start = page.last_evaluated_key;
            if jobs.len() > limit || start.is_none() {
                break;
            }
        }
        let more = jobs.len() > limit;
        jobs.truncate(limit);
        Ok(page(jobs, more))
    }

    /// Returns the META rows of index entries, in the order of the entries.
    async fn jobs_of(&self, entries: Vec<Item>) -> Result<Vec<Job>, StoreError> {
        let ids: Vec<&str> = entries.iter().map(|i| Row(i).s("pk")).collect::<Result<_, _>>()?;
        let wanted = ids.iter().map(|pk| key(*pk, keys::META)).collect();
        let mut rows = HashMap::new();
        for item in self.get_many(&self.tables.jobs, wanted).await? {
            rows.insert(Row(&item).s("pk")?.to_owned(), meta::from_item(&item)?);
        }
        Ok(ids.iter().filter_map(|pk| rows.remove(*pk)).collect())
    }
}

fn page(jobs: Vec<Job>, more: bool) -> JobPage {
    let next = jobs.last().filter(|_| more).map(|j| Cursor { started_at: j.started_at, job: j.id.clone() });
    JobPage { jobs, next }
}

/// Merges two pages, newest first. For a job in both, the second page is newer.
fn merged(running: JobPage, finished: JobPage, limit: usize) -> JobPage {
    let more = running.next.is_some() || finished.next.is_some();
    let mut jobs = finished.jobs;
    let new = running.jobs.into_iter().filter(|job| jobs.iter().all(|other| other.id != job.id));
    jobs.extend(new.collect::<Vec<_>>());
    jobs.sort_by_key(|job| std::cmp::Reverse(keys::list_sort(job.started_at, &job.id)));
    let more = more || jobs.len() > limit;
    jobs.truncate(limit);
    page(jobs, more)
}

fn index_key(list_pk: &str, cursor: &Cursor) -> Item {
    let mut item = key(keys::job(&cursor.job), keys::META);
    item.insert("list_pk".into(), s(list_pk));
    item.insert("list_sk".into(), s(keys::list_sort(cursor.started_at, &cursor.job)));
    item
}

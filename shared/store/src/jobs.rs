//! META, SPEC and INPUT rows: reads a job, renews or takes its driver's lease, and moves it from one state to the next.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::job::DriverLease;
use domain::{Job, JobId, JobSpec, JobState, Seq, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s, values};
use crate::keys;
use crate::meta;
use crate::ops::Conditional;
use crate::{Base, Jobs};

/// Maximum size of the URLs in an INPUT row, in bytes. DynamoDB's limit for an item is 400 KB.
const INPUT_ROW_BYTES: usize = 200 * 1024;

/// Maximum size in bytes of a spec that is stored in an extract's own row.
const INLINE_SPEC_BYTES: usize = 4 * 1024;

/// Returns the SPEC row of a job.
pub(crate) fn spec_item(job: &JobId, spec: &JobSpec, ttl: i64) -> Result<Item, StoreError> {
    Ok(key(keys::job(job), keys::SPEC).with("spec", json_text(spec)?).with("ttl", n(ttl)))
}

/// Returns whether a spec is small enough for an extract's own row.
pub fn is_small(spec: &JobSpec) -> bool {
    serde_json::to_string(spec).is_ok_and(|text| text.len() <= INLINE_SPEC_BYTES)
}

/// The input of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The URL as the caller gave it, or as it was first found.
    pub url: String,
    /// Number of links from the seed of a crawl; 0 in other jobs.
    pub depth: u32,
}

/// Returns the INPUT rows of a run of units that starts at `first`.
pub(crate) fn input_items(job: &JobId, first: Seq, urls: &[String], ttl: i64) -> Result<Vec<Item>, StoreError> {
    let mut rows = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (i, url) in urls.iter().enumerate() {
        // The size in the row, where a control character takes six bytes.
        let size = serde_json::to_string(url).map_or(0, |text| text.len() + 1);
        if i > start && bytes + size > INPUT_ROW_BYTES {
            rows.push((start, &urls[start..i]));
            (start, bytes) = (i, 0);
        }
        bytes += size;
    }
    if start < urls.len() {
        rows.push((start, &urls[start..]));
    }
    rows.into_iter()
        .map(|(start, urls)| {
            let seq = first + Seq::try_from(start).map_err(|_| StoreError::Malformed("too many units".into()))?;
            Ok(key(keys::job(job), keys::input(seq)).with("urls", json_text(&urls)?).with("ttl", n(ttl)))
        })
        .collect()
}

impl Base {
    /// Returns a job's row.
    pub(crate) async fn read_job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let item = self.get(&self.tables.jobs, key(keys::job(id), keys::META)).await?;
        item.as_ref().map(meta::from_item).transpose()
    }
}

impl Jobs {
    /// Returns a job, strongly consistent, even if its retention is over: see [`Job::retained`].
    ///
    /// # Errors
    /// Store errors.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        self.read_job(id).await
    }

    /// Returns a job's spec, which never changes.
    ///
    /// # Errors
    /// Store errors.
    pub async fn spec(&self, job: &Job) -> Result<JobSpec, StoreError> {
        if let Some(spec) = job.extract_unit.as_ref().and_then(|unit| unit.spec.clone()) {
            return Ok(spec);
        }
        let item = self.get(&self.tables.jobs, key(keys::job(&job.id), keys::SPEC)).await?;
        let item = item.ok_or_else(|| StoreError::Malformed(format!("{}: the job's spec is gone", job.id)))?;
        Row(&item).json("spec")
    }

    /// Returns the inputs of a job's units in order, from `first` on, which must be the first unit of a row.
    ///
    /// # Errors
    /// Store errors.
    pub async fn inputs(&self, id: &JobId, first: Seq) -> Result<Vec<Input>, StoreError> {
        let mut inputs = Vec::new();
        // An extract has no INPUT rows; its input is in its META row.
        let range = (keys::input(first), keys::INPUT.range().1);
        for item in self.range(&self.tables.jobs, &keys::job(id), range, &[]).await? {
            let row = Row(&item);
            let depth = row.opt_n("depth")?.unwrap_or(0);
            inputs.extend(row.json::<Vec<String>>("urls")?.into_iter().map(|url| Input { url, depth }));
        }
        Ok(inputs)
    }

    /// Replaces the driver's lease `old` by `lease` if it is unchanged and the job has not ended. A driver renews its
    /// own lease this way, and its successor takes over an expired one.
    ///
    /// # Errors
    /// Store errors.
    pub async fn replace_lease(&self, job: &Job, old: &DriverLease, lease: &DriverLease) -> Result<bool, StoreError> {
        let mut expected_until = old.until;
        loop {
            let wrote = self
                .update_if(
                    &self.tables.jobs,
                    key(keys::job(&job.id), keys::META),
                    "SET #driver = :new, #driver_until = :until, #queued = :queued, #quiet = :quiet, #due = :due",
                    "#driver = :old AND #driver_until = :was AND attribute_not_exists(#ended_at)",
                    values([
                        (":new", s(lease.holder.as_str())),
                        (":until", n(lease.until.0)),
                        (":queued", AttributeValue::Bool(lease.queued)),
                        (":quiet", n(lease.idle_checks)),
                        (":due", n(lease.until.min(job.deadline).0)),
                        (":old", s(old.holder.as_str())),
                        (":was", n(expected_until.0)),
                    ]),
                )
                .await?;
            return Ok(match wrote {
                Conditional::Written => true,
                Conditional::Refused(Some(item)) => {
                    let now = meta::from_item(&item)?;
                    // This call may have written it earlier and lost the reply: no other holder has the same nonce.
                    let own = now.driver.holder == lease.holder && !now.state.ended();
                    if own && now.driver.until != lease.until && now.driver.until != expected_until {
                        expected_until = now.driver.until;
                        continue;
                    }
                    own && now.driver == *lease
                }
                Conditional::Refused(None) => false,
            });
        }
    }

    /// Begins a job's termination: moves it to the state `to` if it is still in the state that was read. Records `now`
    /// as the time of the move.
    ///
    /// # Errors
    /// Store errors.
    pub async fn terminate(&self, job: &Job, to: JobState, now: Timestamp) -> Result<bool, StoreError> {
        let stamp = match to {
            JobState::Cancelling => "cancelled_at",
            JobState::Expiring => "expiring_at",
            JobState::FailingFast => "failing_at",
            JobState::Running | JobState::Ended(_) => {
                return Err(StoreError::Malformed(format!("a job is not terminated by {}", to.name())));
            }
        };
        let wrote = self
            .update_if(
                &self.tables.jobs,
                key(keys::job(&job.id), keys::META),
                &format!("SET #state = :to, #{stamp} = :now"),
                "#state = :from",
                values([(":to", s(to.name())), (":from", s(job.state.name())), (":now", n(now.0))]),
            )
            .await?;
        Ok(match wrote {
            Conditional::Written => true,
            Conditional::Refused(Some(item)) => meta::from_item(&item)?.state == to,
            Conditional::Refused(None) => false,
        })
    }

    /// Returns jobs that are due: their driver's lease or their deadline is over. Oldest first, at most `limit` per
    /// shard. The index lags, so each job must be read again before it is acted on.
    ///
    /// # Errors
    /// Store errors.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<JobId>, StoreError> {
        self.due_of(keys::due_shard, now, limit).await
    }
}

impl Base {
    /// Returns jobs with a due row in these shards of the sweeper's index.
    pub(crate) async fn due_of(
        &self,
        shard_key: fn(u8) -> String,
        now: Timestamp,
        limit: i32,
    ) -> Result<Vec<JobId>, StoreError> {
        let mut found = Vec::new();
        for shard in 0..keys::DUE_SHARDS {
            for item in self.due_rows(shard_key(shard), now, limit).await? {
                if let Some(id) = keys::JOB.rest(Row(&item).s("pk")?).and_then(JobId::parse) {
                    found.push(id);
                }
            }
        }
        Ok(found)
    }

    /// Returns the rows of a shard of the sweeper's index that are due: at most `limit`, those due longest first.
    pub(crate) async fn due_rows(&self, due_pk: String, now: Timestamp, limit: i32) -> Result<Vec<Item>, StoreError> {
        let page = self
            .db()
            .query()
            .table_name(&self.tables.jobs)
            .index_name(keys::BY_DUE)
            .key_condition_expression("due_pk = :pk AND due <= :now")
            .expression_attribute_values(":pk", AttributeValue::S(due_pk))
            .expression_attribute_values(":now", n(now.0))
            .limit(limit)
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", e))?;
        Ok(page.items.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_split_into_rows_that_fit() {
        let id = JobId::from_random(1);
        let mut urls: Vec<String> = (0..100).map(|i| format!("https://x.test/{i}/{}", "a".repeat(8_000))).collect();
        urls.extend((0..40).map(|i| format!("https://x.test/{i}/{}", "\0".repeat(2_600))));
        let rows = input_items(&id, 0, &urls, 9).unwrap();
        assert!(rows.len() >= 7);
        let mut back = Vec::new();
        for row in &rows {
            let text = Row(row).s("urls").unwrap();
            assert!(text.len() <= INPUT_ROW_BYTES + 8);
            back.extend(serde_json::from_str::<Vec<String>>(text).unwrap());
        }
        assert_eq!(back, urls);
        assert_eq!(Row(&rows[0]).s("sk").unwrap(), "INPUT#000000");
        assert!(input_items(&id, 0, &[], 9).unwrap().is_empty());
    }
}

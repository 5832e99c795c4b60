//! Progress rows: number sets per 128 units, added to in groups, read whole.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::progress::{Fate, Progress, UNITS_PER_ROW};
use domain::{Job, JobId, Seq, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::item::{Item, Row, key, n};
use crate::keys;
use crate::ops::tx_update;

struct RowUpdate {
    key: Item,
    update: String,
    values: HashMap<String, AttributeValue>,
}

fn row_updates(job: &JobId, ttl: i64, now: Timestamp, fates: &[(Seq, Fate)]) -> Vec<RowUpdate> {
    let mut rows: BTreeMap<u32, BTreeMap<&'static str, Vec<String>>> = BTreeMap::new();
    for (seq, fate) in fates {
        let set = match fate {
            Fate::Done => "done",
            Fate::Failed => "failed",
            Fate::Closed => "closed",
        };
        rows.entry(seq / UNITS_PER_ROW).or_default().entry(set).or_default().push(seq.to_string());
    }
    rows.into_iter()
        .map(|(row, sets)| {
            let adds: Vec<String> = sets.keys().map(|set| format!("#{set} :{set}")).collect();
            let mut values = HashMap::from([(":ttl".to_owned(), n(ttl)), (":at".to_owned(), n(now.0))]);
            values.extend(sets.into_iter().map(|(set, mut seqs)| {
                // A number set with a double is refused.
                seqs.sort_unstable();
                seqs.dedup();
                (format!(":{set}"), AttributeValue::Ns(seqs))
            }));
            RowUpdate {
                key: key(keys::job(job), keys::progress(row)),
                update: format!("SET #ttl = :ttl, #at = :at ADD {}", adds.join(", ")),
                values,
            }
        })
        .collect()
}

pub(crate) fn add_row(progress: &mut Progress, item: &Item) -> Result<(), StoreError> {
    let row = Row(item);
    progress.done.extend(row.numbers::<Seq>("done")?);
    progress.failed.extend(row.numbers::<Seq>("failed")?);
    progress.closed.extend(row.numbers::<Seq>("closed")?);
    Ok(())
}

impl Store {
    /// Adds what became of units. Adding twice changes nothing.
    ///
    /// # Errors
    /// Faults of the store; some rows may have been written.
    pub async fn add_progress(&self, job: &Job, fates: &[(Seq, Fate)], now: Timestamp) -> Result<(), StoreError> {
        for row in row_updates(&job.id, self.ttl_of(job), now, fates) {
            self.update_if(&self.tables.jobs, row.key, &row.update, "", row.values).await?;
        }
        Ok(())
    }

    /// The same as parts of a transaction.
    pub(crate) fn tx_progress(
        &self,
        job: &Job,
        fates: &[(Seq, Fate)],
        now: Timestamp,
    ) -> Result<Vec<TransactWriteItem>, StoreError> {
        row_updates(&job.id, self.ttl_of(job), now, fates)
            .into_iter()
            .map(|row| tx_update(&self.tables.jobs, row.key, &row.update, "", row.values))
            .collect()
    }

    /// All progress of a job.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn progress(&self, job: &JobId) -> Result<Progress, StoreError> {
        Ok(self.progress_seen(job).await?.0)
    }

    /// All progress of a job, and when it last moved.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn progress_seen(&self, job: &JobId) -> Result<(Progress, Option<Timestamp>), StoreError> {
        let (mut progress, mut latest) = (Progress::default(), None);
        for item in self.range(&self.tables.jobs, &keys::job(job), "PROGRESS#", "PROGRESS#~", &[]).await? {
            add_row(&mut progress, &item)?;
            latest = latest.max(Row(&item).opt_n("at")?.map(Timestamp));
        }
        Ok((progress, latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_spread_over_rows_and_doubles_fold() {
        let id = JobId::from_random(1);
        let fates = [(0, Fate::Done), (0, Fate::Done), (127, Fate::Failed), (128, Fate::Closed)];
        let rows = row_updates(&id, 5, Timestamp(9), &fates);
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].values[":done"], AttributeValue::Ns(vec!["0".into()]));
        assert!(rows[0].update.contains("#failed :failed") && !rows[0].update.contains("closed"));
        assert_eq!(rows[1].values[":closed"], AttributeValue::Ns(vec!["128".into()]));
    }
}

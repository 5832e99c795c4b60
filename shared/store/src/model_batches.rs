//! Questions to a language model in its provider's batches: each unit's question, each batch's row, and the results
//! made from answers. A batch's row is written on condition of the version that was read.

use std::collections::HashMap;

use domain::model_batch::{ModelBatch, Stage};
use domain::{Job, JobId, Nonce, Seq, Timestamp};

use crate::ModelBatches;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, b, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};
use crate::results::ResultText;

/// Size of a unit in a batch's row in bytes: its number and its attempt.
const UNIT_BYTES: usize = 5;

/// The question of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionText {
    /// The unit.
    pub seq: Seq,
    /// The attempt that read the page.
    pub attempt: u8,
    /// The question as JSON text.
    pub text: String,
}

fn row_of(batch: &ModelBatch) -> Item {
    let mut units = Vec::with_capacity(batch.units.len() * UNIT_BYTES);
    for (seq, attempt) in &batch.units {
        units.extend(seq.to_be_bytes());
        units.push(*attempt);
    }
    key(keys::job(&batch.job), keys::model_batch(batch.n))
        .with("units", b(units))
        .with("stage", s(batch.stage.name()))
        .with_some("file", batch.file.as_deref().map(s))
        .with_some("batch", batch.batch.as_deref().map(s))
        .with("tries", n(batch.tries))
        .with("reserved", n(batch.reserved))
        .with("planned_at", n(batch.planned_at.0))
        .with("holder", s(batch.holder.as_str()))
        .with("lease", n(batch.lease_until.0))
        .with("version", n(batch.version))
        .with_some("due_pk", batch.due.map(|_| s(keys::MODEL_DUE)))
        .with_some("due", batch.due.map(|due| n(due.0)))
}

fn parse(item: &Item) -> Result<ModelBatch, StoreError> {
    let row = Row(item);
    let unit = |bytes: &[u8]| match bytes {
        [a, b, c, d, attempt] => Some((Seq::from_be_bytes([*a, *b, *c, *d]), *attempt)),
        _ => None,
    };
    let units: Option<Vec<_>> = row.bytes("units")?.chunks(UNIT_BYTES).map(unit).collect();
    Ok(ModelBatch {
        job: row.parse("pk", |pk| JobId::parse(keys::JOB.rest(pk)?))?,
        n: row.parse("sk", keys::model_batch_of)?,
        units: units.ok_or_else(|| StoreError::Malformed("the units of a batch are truncated".into()))?,
        stage: row.parse("stage", Stage::parse)?,
        file: row.opt_s("file").map(str::to_owned),
        batch: row.opt_s("batch").map(str::to_owned),
        tries: row.n("tries")?,
        reserved: row.n("reserved")?,
        planned_at: Timestamp(row.n("planned_at")?),
        due: row.opt_n("due")?.map(Timestamp),
        holder: row.parse("holder", Nonce::parse)?,
        lease_until: Timestamp(row.n("lease")?),
        version: row.n("version")?,
    })
}

impl ModelBatches {
    /// Stores a unit's question, before its segment says `asked`. Storing it twice changes nothing.
    ///
    /// # Errors
    /// Store errors.
    pub async fn put_question(&self, job: &Job, question: &QuestionText) -> Result<(), StoreError> {
        let row = key(keys::job(&job.id), keys::ask(question.seq, question.attempt))
            .with("ask", s(question.text.clone()))
            .with("ttl", n(self.ttl_of(job)));
        self.put_many(&self.tables.jobs, vec![row]).await
    }

    /// Returns the questions of these units and attempts. Missing ones are left out.
    ///
    /// # Errors
    /// Store errors.
    pub async fn questions(&self, job: &JobId, units: &[(Seq, u8)]) -> Result<HashMap<Seq, String>, StoreError> {
        let keys = units.iter().map(|(seq, attempt)| key(keys::job(job), keys::ask(*seq, *attempt)));
        let items = self.get_many(&self.tables.jobs, keys.collect()).await?;
        let text = |item: &Item| {
            let row = Row(item);
            Ok((row.parse("sk", keys::ask_of)?.0, row.s("ask")?.to_owned()))
        };
        items.iter().map(text).collect()
    }

    /// Stores the result made from an answer, unless there is one: a result that may have been shown must not change.
    ///
    /// # Errors
    /// Store errors.
    pub async fn put_answer(&self, job: &Job, result: &ResultText) -> Result<(), StoreError> {
        let row = key(keys::job(&job.id), keys::result(result.seq, result.attempt))
            .with("result", s(result.text.clone()))
            .with("ttl", n(self.ttl_of(job)));
        self.put_if(&self.tables.jobs, row, ABSENT, None).await?;
        Ok(())
    }

    /// Writes a batch's row if the row still has the previous version. Returns whether the row is now this one.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn put_batch(&self, job: &Job, batch: &ModelBatch) -> Result<bool, StoreError> {
        let before = batch.version.saturating_sub(1);
        let (table, item) = (&self.tables.jobs, row_of(batch).with("ttl", n(self.ttl_of(job))));
        let wrote = match before {
            0 => self.put_if(table, item, ABSENT, None).await?,
            _ => self.put_if(table, item, "#version = :before", Some(values([(":before", n(before))]))).await?,
        };
        Ok(match wrote {
            Conditional::Written => true,
            // This process wrote it earlier, and the reply was lost.
            Conditional::Refused(Some(row)) => parse(&row)? == *batch,
            Conditional::Refused(None) => false,
        })
    }

    /// Returns a job's batches, in order.
    ///
    /// # Errors
    /// Store errors.
    pub async fn batches_of(&self, job: &JobId) -> Result<Vec<ModelBatch>, StoreError> {
        let range = (keys::model_batch(0), keys::model_batch(u32::MAX));
        let items = self.range(&self.tables.jobs, &keys::job(job), range, &[]).await?;
        items.iter().map(parse).collect()
    }

    /// Returns batches that are due. The index lags behind the rows, so the rows are read and returned.
    ///
    /// # Errors
    /// Store errors.
    pub async fn due_batches(&self, now: Timestamp, limit: i32) -> Result<Vec<ModelBatch>, StoreError> {
        let items = self.due_rows(keys::MODEL_DUE.into(), now, limit).await?;
        let keys = items.iter().map(|item| Ok(key(Row(item).s("pk")?, Row(item).s("sk")?)));
        let rows = self.get_many(&self.tables.jobs, keys.collect::<Result<_, StoreError>>()?).await?;
        rows.iter().map(parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batchs_row_round_trips() {
        let holder = Nonce::from_random(3);
        let plan = ModelBatch::planned(JobId::from_random(1), 12, vec![(0, 1), (70_000, 3)], holder, Timestamp(5));
        let made = ModelBatch {
            stage: Stage::Created,
            file: Some("file-1".into()),
            batch: Some("batch_1".into()),
            tries: 2,
            reserved: 77,
            ..plan.clone()
        };
        let closed = ModelBatch { stage: Stage::Closed, due: None, ..made.clone() };
        for batch in [plan, made, closed] {
            assert_eq!(parse(&row_of(&batch)).unwrap(), batch);
        }
    }
}

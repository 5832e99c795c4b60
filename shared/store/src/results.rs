//! Result rows: written before the segment that names them, many at once, without a condition. A result that no segment
//! names does not exist.

use std::collections::HashMap;

use domain::{Job, JobId, Seq};

use crate::Segments;
use crate::error::StoreError;
use crate::item::{Put, Row, key, n, s};
use crate::keys;

/// Maximum size in bytes of a result that is stored in an extract's own row.
pub(crate) const INLINE_BYTES: usize = 4 * 1024;

/// A result to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultText {
    /// The unit.
    pub seq: Seq,
    /// The attempt; unit and attempt together identify one holder.
    pub attempt: u8,
    /// The JSON text, about 64 KB at most.
    pub text: String,
}

impl Segments {
    /// Stores results. Storing one twice changes nothing.
    ///
    /// # Errors
    /// Store errors; some of the results may have been stored.
    pub async fn put_results(&self, job: &Job, results: &[ResultText]) -> Result<(), StoreError> {
        let ttl = self.ttl_of(job);
        let row = |result: &ResultText| {
            key(keys::job(&job.id), keys::result(result.seq, result.attempt))
                .with("result", s(result.text.clone()))
                .with("ttl", n(ttl))
        };
        self.put_many(&self.tables.jobs, results.iter().map(row).collect()).await
    }

    /// Returns the results of these units and attempts, in no order. Missing ones are left out.
    ///
    /// # Errors
    /// Store errors.
    pub async fn results(&self, job: &JobId, wanted: &[(Seq, u8)]) -> Result<HashMap<Seq, String>, StoreError> {
        let attempts: HashMap<Seq, u8> = wanted.iter().copied().collect();
        let (first, last) = (attempts.keys().min(), attempts.keys().max());
        let items = match (first, last) {
            // One query for consecutive units is cheaper: DynamoDB rounds the sum of their sizes, not each size.
            (Some(first), Some(last)) if last.abs_diff(*first) as usize + 1 == attempts.len() => {
                let range = (keys::result(*first, 0), keys::result(*last, u8::MAX));
                self.range(&self.tables.jobs, &keys::job(job), range, &[]).await?
            }
            _ => {
                let keys = wanted.iter().map(|(seq, attempt)| key(keys::job(job), keys::result(*seq, *attempt)));
                self.get_many(&self.tables.jobs, keys.collect()).await?
            }
        };
        let mut found = HashMap::with_capacity(items.len());
        for item in &items {
            let row = Row(item);
            let (seq, attempt) = row.parse("sk", keys::result_of)?;
            // Results of attempts that were fenced off do not count.
            if attempts.get(&seq) == Some(&attempt) {
                found.insert(seq, row.s("result")?.to_owned());
            }
        }
        Ok(found)
    }
}

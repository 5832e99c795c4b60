//! Rows of the result cache, in the table of hosts: results that other jobs may be served. Losing one costs a fetch and
//! nothing else, so these are the only writes without a condition. When a result may be served is [`domain`]'s to say.

use aws_sdk_dynamodb::types::{PutRequest, WriteRequest};
use domain::{CacheKey, Cached, JobId};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s};
use crate::{Store, keys};

/// Sort key of a cached result.
const RESULT: &str = "RESULT";
/// Most rows in one request of BatchWriteItem
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>).
pub const ROWS_PER_WRITE: usize = 25;

fn parse(item: &Item) -> Result<Cached, StoreError> {
    let row = Row(item);
    Ok(Cached {
        job: row.parse("job", JobId::parse)?,
        at: domain::Timestamp(row.n("at")?),
        outcome: row.json("result")?,
    })
}

impl Store {
    /// What the cache has under a key, however old.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn cached(&self, of: &CacheKey) -> Result<Option<Cached>, StoreError> {
        let item = self.get(&self.tables.hosts, key(keys::cached(of), RESULT)).await?;
        item.as_ref().map(parse).transpose()
    }

    /// Puts results into the cache, each to be forgotten `ttl_secs` after it was made. Under one key the last one
    /// stays. What the service does not take at once is dropped.
    ///
    /// # Errors
    /// Faults of the store; then some may be there.
    pub async fn put_cached(&self, results: &[(CacheKey, Cached)], ttl_secs: u64) -> Result<(), StoreError> {
        // One request may not name a key twice.
        let latest: std::collections::BTreeMap<&CacheKey, &Cached> = results.iter().map(|(k, c)| (k, c)).collect();
        let mut writes = Vec::with_capacity(latest.len());
        for (of, cached) in latest {
            let item = key(keys::cached(of), RESULT)
                .with("job", s(cached.job.as_str()))
                .with("at", n(cached.at.0))
                .with("result", json_text(&cached.outcome)?)
                .with("ttl", n(cached.at.plus_secs(ttl_secs).secs()));
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            writes.push(WriteRequest::builder().put_request(put).build());
        }
        for group in writes.chunks(ROWS_PER_WRITE) {
            let sent = self.db.batch_write_item().request_items(&self.tables.hosts, group.to_vec()).send().await;
            sent.map_err(|e| StoreError::sdk("BatchWriteItem", e))?;
        }
        Ok(())
    }
}

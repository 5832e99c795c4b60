//! Rows of the result cache, in the table of hosts: results that other jobs may be served. Losing one costs a fetch and
//! nothing else, so this is the only write without a condition. When a result may be served is [`domain`]'s to say.

use domain::{CacheKey, Cached, JobId, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s};
use crate::{Store, keys};

/// Sort key of a cached result.
const RESULT: &str = "RESULT";

fn parse(item: &Item) -> Result<Cached, StoreError> {
    let row = Row(item);
    Ok(Cached { job: row.parse("job", JobId::parse)?, at: Timestamp(row.n("at")?), outcome: row.json("result")? })
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

    /// Puts a result into the cache, to be forgotten `ttl_secs` after it was made. The last one stays.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it is there.
    pub async fn put_cached(&self, of: &CacheKey, cached: &Cached, ttl_secs: u64) -> Result<(), StoreError> {
        let item = key(keys::cached(of), RESULT)
            .with("job", s(cached.job.as_str()))
            .with("at", n(cached.at.0))
            .with("result", json_text(&cached.outcome)?)
            .with("ttl", n(cached.at.plus_secs(ttl_secs).secs()));
        let sent = self.db.put_item().table_name(&self.tables.hosts).set_item(Some(item)).send().await;
        sent.map(drop).map_err(|e| StoreError::sdk("PutItem", e))
    }
}

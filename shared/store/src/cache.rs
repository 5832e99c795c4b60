//! Rows of the result cache, in the table of hosts: results that other jobs may be served. Losing one costs a fetch and
//! nothing else. When a result may be served is [`domain`]'s to say.

use domain::{CacheKey, Cached, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, values};
use crate::{ResultCache, keys};

/// Sort key of a cached result.
const RESULT: &str = "RESULT";
/// Of two the one that was read later stays.
const NEWER: &str = "attribute_not_exists(#pk) OR #at < :at";

fn parse(item: &Item) -> Result<Cached, StoreError> {
    let row = Row(item);
    Ok(Cached { at: Timestamp(row.n("at")?), outcome: row.json("result")? })
}

impl ResultCache {
    /// What the cache has under a key, however old.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn cached(&self, of: &CacheKey) -> Result<Option<Cached>, StoreError> {
        let item = self.get(&self.tables.hosts, key(keys::cached(of), RESULT)).await?;
        item.as_ref().map(parse).transpose()
    }

    /// Puts a result into the cache, to be forgotten `ttl_secs` after it was made, unless what is there is
    /// younger: a function that was frozen before it wrote may come late.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it is there.
    pub async fn put_cached(&self, of: &CacheKey, cached: &Cached, ttl_secs: u64) -> Result<(), StoreError> {
        let item = key(keys::cached(of), RESULT)
            .with("at", n(cached.at.0))
            .with("result", json_text(&cached.outcome)?)
            .with("ttl", n(cached.at.plus_secs(ttl_secs).secs()));
        self.put_if(&self.tables.hosts, item, NEWER, Some(values([(":at", n(cached.at.0))]))).await?;
        Ok(())
    }
}

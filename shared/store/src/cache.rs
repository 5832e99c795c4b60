//! Rows of the result cache, in the hosts table: results that later jobs may be served. Losing one costs a fetch and
//! nothing else. [`domain`] decides when a result may be served.

use domain::{CacheKey, Cached, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, values};
use crate::{ResultCache, keys};

/// The condition that no result is stored, or an older one.
const IS_NEWER: &str = "attribute_not_exists(#pk) OR #at < :at";

fn parse(item: &Item) -> Result<Cached, StoreError> {
    let row = Row(item);
    Ok(Cached { at: Timestamp(row.n("at")?), outcome: row.json("result")? })
}

impl ResultCache {
    /// Returns the result cached under a key, however old it is.
    ///
    /// # Errors
    /// Store errors.
    pub async fn cached(&self, of: &CacheKey) -> Result<Option<Cached>, StoreError> {
        let item = self.get(&self.tables.hosts, key(keys::cached(of), keys::CACHED_RESULT)).await?;
        item.as_ref().map(parse).transpose()
    }

    /// Caches a result for `ttl_secs` after it was made, unless a newer one is cached: a function that was frozen
    /// before its write may write late.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the result is cached.
    pub async fn put_cached(&self, of: &CacheKey, cached: &Cached, ttl_secs: u64) -> Result<(), StoreError> {
        let item = key(keys::cached(of), keys::CACHED_RESULT)
            .with("at", n(cached.at.0))
            .with("result", json_text(&cached.outcome)?)
            .with("ttl", n(cached.at.plus_secs(ttl_secs).secs()));
        self.put_if(&self.tables.hosts, item, IS_NEWER, Some(values([(":at", n(cached.at.0))]))).await?;
        Ok(())
    }
}

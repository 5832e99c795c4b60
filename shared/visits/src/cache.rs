//! Reads and writes the result cache. An extract may be served a stored result instead of a fetch, and stores its own
//! for later ones. A failure of the store counts as a miss and stops nothing. [`domain`] decides when a result may be
//! served.

use std::sync::Arc;

use domain::{CacheKey, Cached, RenderMode, Timestamp, UnitOutcome};

use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::rows::Rows;

/// The cache of results.
pub(crate) struct ResultCache {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
}

impl ResultCache {
    fn cache_key(&self, job: &Assignment, url: &str) -> Option<CacheKey> {
        if self.context.settings().cache_ttl_secs == 0 { None } else { CacheKey::of(job, &job.spec, url) }
    }

    /// Returns a result that may be served instead of a fetch.
    pub(crate) async fn recall(&self, job: &Assignment, url: &str) -> Option<UnitOutcome> {
        if job.spec.options.no_cache {
            return None;
        }
        let key = self.cache_key(job, url)?;
        match self.rows.store().cache.cached(&key).await {
            Ok(cached) => cached?.serve(url, self.context.now(), self.context.settings().cache_ttl_secs),
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "the result cache could not be read; the page is fetched");
                None
            }
        }
    }

    /// Keeps a fresh result for later jobs, even with `no_cache`: a caller that asked for a fresh page must not get an
    /// older one afterwards.
    pub(crate) async fn remember(&self, job: &Assignment, url: &str, outcome: &UnitOutcome, at: Timestamp) {
        let fresh = matches!(outcome, UnitOutcome::Success { render_mode, .. } if *render_mode != RenderMode::Cache);
        let Some(key) = self.cache_key(job, url).filter(|_| fresh) else { return };
        let cached = Cached { at, outcome: outcome.clone() };
        if let Err(error) =
            self.rows.store().cache.put_cached(&key, &cached, self.context.settings().cache_ttl_secs).await
        {
            tracing::warn!(job = %job.id, %error, "a result could not be cached");
        }
    }
}

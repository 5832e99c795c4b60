//! The result cache at work: what is served instead of a fetch, and what is kept for later jobs. A fault of it is a
//! miss and stops nothing. When a result may be served is [`domain`]'s to say.

use std::sync::{Mutex, PoisonError};

use domain::{CacheKey, Cached, Job, RenderMode, Timestamp, UnitOutcome};
use store::cache::ROWS_PER_WRITE;

use crate::Engine;

/// Results that are still to be written, so that many go in one request.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(Mutex<Vec<(CacheKey, Cached)>>);

impl Unwritten {
    fn push(&self, entry: (CacheKey, Cached)) -> usize {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(entry);
        kept.len()
    }

    fn take(&self) -> Vec<(CacheKey, Cached)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine {
    fn cache_key(&self, job: &Job, url: &str) -> Option<CacheKey> {
        if self.settings().cache_ttl_secs == 0 { None } else { CacheKey::of(job, url) }
    }

    /// A result that may be served instead of a fetch.
    pub(crate) async fn recall(&self, job: &Job, url: &str) -> Option<UnitOutcome> {
        if job.options.no_cache {
            return None;
        }
        let key = self.cache_key(job, url)?;
        match self.store().cached(&key).await {
            Ok(cached) => cached?.serve(&job.id, url, self.now(), self.settings().cache_ttl_secs),
            Err(error) => {
                tracing::warn!(job = %job.id, %error, "the result cache could not be read; the page is fetched");
                None
            }
        }
    }

    /// Keeps a fresh result for later jobs. `no_cache` keeps it too: who asks for a fresh page must not be shown an
    /// older one afterwards.
    pub(crate) async fn remember(&self, job: &Job, url: &str, outcome: &UnitOutcome, at: Timestamp) {
        let fresh = matches!(outcome, UnitOutcome::Success { render_mode, .. } if *render_mode != RenderMode::Cache);
        if !fresh {
            return;
        }
        let Some(key) = self.cache_key(job, url) else { return };
        let cached = Cached { job: job.id.clone(), at, outcome: outcome.clone() };
        if self.inner.uncached.push((key, cached)) >= ROWS_PER_WRITE {
            self.write_cache().await;
        }
    }

    /// Writes what [`Engine::remember`] has gathered.
    pub(crate) async fn write_cache(&self) {
        let results = self.inner.uncached.take();
        if results.is_empty() {
            return;
        }
        if let Err(error) = self.store().put_cached(&results, self.settings().cache_ttl_secs).await {
            tracing::warn!(%error, results = results.len(), "results could not be cached");
        }
    }
}

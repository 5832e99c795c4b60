//! What this process knows of a crawl: pages that have a unit, and URLs that were counted as skipped. It saves reads
//! and double counting; the rows decide.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{JobId, Seq};
use lru::LruCache;

/// Maximum number of crawls that are remembered.
#[allow(clippy::unwrap_used)] // checked at compile time
const MAX_CRAWLS: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// Maximum number of pages of each crawl. A crawl has at most 10,000 units.
const MAX_PAGES: usize = 20_000;

#[derive(Debug, Default)]
struct CrawlState {
    /// Pages by the hash of their page key, with the URL of their unit where it is known.
    seen: HashMap<String, Option<String>>,
    skipped: HashSet<String>,
    admitted: Seq,
    /// How many units this process admitted.
    admitted_here: Seq,
    /// Whether the crawl has as many units as it may, and this process knows all of them.
    full: bool,
}

/// What is known of one crawl.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrawlCache {
    state: Arc<Mutex<CrawlState>>,
    growth: Arc<tokio::sync::Mutex<()>>,
}

impl CrawlCache {
    fn state(&self) -> std::sync::MutexGuard<'_, CrawlState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks the growth of the crawl within this process: two growths at once would only conflict.
    pub(crate) async fn lock_growth(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.growth.lock().await
    }

    /// Returns whether the page is known to have a unit.
    pub(crate) fn knows(&self, hash: &str) -> bool {
        self.state().seen.contains_key(hash)
    }

    /// Records that the page has a unit, and the unit's URL.
    pub(crate) fn record_owned(&self, hash: &str, url: Option<&str>) {
        let mut state = self.state();
        if state.seen.len() < MAX_PAGES || state.seen.contains_key(hash) {
            let unit_url = state.seen.entry(hash.to_owned()).or_default();
            if unit_url.is_none() {
                *unit_url = url.map(str::to_owned);
            }
        }
    }

    /// Returns whether the page has a unit with another URL: then `url` is a duplicate of it.
    pub(crate) fn is_duplicate(&self, hash: &str, url: &str) -> bool {
        matches!(self.state().seen.get(hash), Some(Some(unit_url)) if unit_url != url)
    }

    /// Returns how many units the crawl has, as far as this process admitted them.
    pub(crate) fn admitted(&self) -> Seq {
        self.state().admitted
    }

    /// Records that this process admitted `admitted_here` units, and how many the crawl has now.
    pub(crate) fn record_admitted(&self, admitted_here: Seq, admitted: Seq) {
        let mut state = self.state();
        state.admitted_here = state.admitted_here.saturating_add(admitted_here);
        state.admitted = state.admitted.max(admitted);
    }

    /// Records that a crawl with `admitted` units may have no more. Has an effect only if this process admitted all
    /// units but the seed: only then does it know every page that has a unit.
    pub(crate) fn mark_full(&self, admitted: Seq) {
        let mut state = self.state();
        state.full = state.admitted_here.saturating_add(1) >= admitted && state.seen.len() < MAX_PAGES;
    }

    /// Returns whether no unknown page can be admitted any more, so that nothing has to be looked up.
    pub(crate) fn is_full(&self) -> bool {
        self.state().full
    }

    /// Records that a URL will not be fetched. Returns whether that was not known yet.
    pub(crate) fn record_skipped(&self, url: &str) -> bool {
        let mut state = self.state();
        state.skipped.len() < MAX_PAGES && state.skipped.insert(url.to_owned())
    }
}

/// The crawls that this process worked on last.
#[derive(Debug)]
pub(crate) struct CrawlCaches(Mutex<LruCache<JobId, CrawlCache>>);

impl Default for CrawlCaches {
    fn default() -> Self {
        CrawlCaches(Mutex::new(LruCache::new(MAX_CRAWLS)))
    }
}

impl CrawlCaches {
    /// Returns what is known of a crawl.
    pub(crate) fn of(&self, id: &JobId) -> CrawlCache {
        let mut caches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        caches.get_or_insert(id.clone(), CrawlCache::default).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crawl_in_use_is_remembered_however_many_others_there_are() {
        let caches = CrawlCaches::default();
        let (active, others) = (JobId::from_random(0), || (1..=40).map(JobId::from_random));
        assert!(caches.of(&active).record_skipped("https://e.test/"));
        for other in others() {
            caches.of(&other);
            assert!(!caches.of(&active).record_skipped("https://e.test/"), "it is counted once");
        }
        others().for_each(|other| drop(caches.of(&other)));
        assert!(caches.of(&active).record_skipped("https://e.test/"), "it was not used for a while");
    }
}

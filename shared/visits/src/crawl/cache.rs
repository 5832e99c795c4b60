//! What this process knows of a crawl: pages that have a unit, and URLs that were counted as skipped. It saves reads
//! and double counting; the rows decide.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{JobId, Seq};

/// How many crawls are remembered.
const JOBS: usize = 16;
/// How many pages of each crawl: a crawl has at most 10,000 units.
const PAGES: usize = 20_000;

#[derive(Debug, Default)]
struct Known {
    /// Pages by the hash of their page key, with the URL of their unit where it is known.
    seen: HashMap<String, Option<String>>,
    skipped: HashSet<String>,
    admitted: Seq,
    /// How many units this process admitted.
    grown: Seq,
    /// Whether the crawl has as many units as it may, and this process knows all of them.
    full: bool,
}

/// What is known of one crawl.
#[derive(Debug, Clone, Default)]
pub(crate) struct CrawlCache {
    known: Arc<Mutex<Known>>,
    growth: Arc<tokio::sync::Mutex<()>>,
}

impl CrawlCache {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets growths of a crawl in this process take turns: two at once would only conflict.
    pub(crate) async fn lock_growth(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.growth.lock().await
    }

    /// Returns whether the page is known to have a unit.
    pub(crate) fn knows(&self, hash: &str) -> bool {
        self.known().seen.contains_key(hash)
    }

    /// Records that the page has a unit, and the unit's URL.
    pub(crate) fn note_owned(&self, hash: &str, url: Option<&str>) {
        let mut known = self.known();
        if known.seen.len() < PAGES || known.seen.contains_key(hash) {
            let spelt = known.seen.entry(hash.to_owned()).or_default();
            if spelt.is_none() {
                *spelt = url.map(str::to_owned);
            }
        }
    }

    /// Returns whether the page has a unit with another URL: then `url` is a duplicate of it.
    pub(crate) fn is_disguised(&self, hash: &str, url: &str) -> bool {
        matches!(self.known().seen.get(hash), Some(Some(spelt)) if spelt != url)
    }

    /// Returns how many units the crawl has, as far as this process admitted them.
    pub(crate) fn admitted(&self) -> Seq {
        self.known().admitted
    }

    /// Records that this process admitted `grown` units, and how many the crawl has now.
    pub(crate) fn admit(&self, grown: Seq, admitted: Seq) {
        let mut known = self.known();
        known.grown = known.grown.saturating_add(grown);
        known.admitted = known.admitted.max(admitted);
    }

    /// Records that a crawl with that many units may have no more. This has an effect only if this process admitted all
    /// but the seed: only then does every page with a unit appear here.
    pub(crate) fn fill(&self, admitted: Seq) {
        let mut known = self.known();
        known.full = known.grown.saturating_add(1) >= admitted && known.seen.len() < PAGES;
    }

    /// Returns whether no unknown page can be admitted any more, so that nothing has to be looked up.
    pub(crate) fn is_full(&self) -> bool {
        self.known().full
    }

    /// Records that a URL will not be fetched. Returns whether that was not known yet.
    pub(crate) fn skip(&self, url: &str) -> bool {
        let mut known = self.known();
        known.skipped.len() < PAGES && known.skipped.insert(url.to_owned())
    }
}

/// The crawls that this process worked on last.
#[derive(Debug, Default)]
pub(crate) struct CrawlCaches(Mutex<VecDeque<(JobId, CrawlCache)>>);

impl CrawlCaches {
    /// Returns what is known of a crawl.
    pub(crate) fn of(&self, id: &JobId) -> CrawlCache {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, cache)) = kept.iter().find(|(known, _)| known == id) {
            return cache.clone();
        }
        let cache = CrawlCache::default();
        kept.push_back((id.clone(), cache.clone()));
        if kept.len() > JOBS {
            kept.pop_front();
        }
        cache
    }
}

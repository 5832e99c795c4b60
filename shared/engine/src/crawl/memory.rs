//! What this process knows of a crawl: pages that have a unit, and URLs that were counted as skipped. It saves look-ups
//! and double counting; what decides are the rows.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use domain::{JobId, Seq};

/// How many crawls are remembered.
const JOBS: usize = 16;
/// How many pages of each: a crawl has 10,000 at most.
const PAGES: usize = 20_000;

#[derive(Debug, Default)]
struct Known {
    seen: HashSet<String>,
    skipped: HashSet<String>,
    admitted: Seq,
}

/// What is known of one crawl.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Known>>);

impl Memory {
    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the page is known to have a unit.
    pub(crate) fn knows(&self, hash: &str) -> bool {
        self.known().seen.contains(hash)
    }

    /// Notes that the page has a unit.
    pub(crate) fn see(&self, hash: &str) {
        let mut known = self.known();
        if known.seen.len() < PAGES {
            known.seen.insert(hash.to_owned());
        }
    }

    /// How many units the crawl has, as far as this process admitted them.
    pub(crate) fn admitted(&self) -> Seq {
        self.known().admitted
    }

    /// Notes that the crawl has that many units.
    pub(crate) fn admit(&self, admitted: Seq) {
        let mut known = self.known();
        known.admitted = known.admitted.max(admitted);
    }

    /// Notes that the page will not be fetched. Returns whether that is news.
    pub(crate) fn skip(&self, hash: &str) -> bool {
        let mut known = self.known();
        known.skipped.len() < PAGES && known.skipped.insert(hash.to_owned())
    }
}

/// The crawls that this process worked on last.
#[derive(Debug, Default)]
pub(crate) struct Memories(Mutex<VecDeque<(JobId, Memory)>>);

impl Memories {
    /// What is known of a crawl.
    pub(crate) fn of(&self, id: &JobId) -> Memory {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, memory)) = kept.iter().find(|(known, _)| known == id) {
            return memory.clone();
        }
        let memory = Memory::default();
        kept.push_back((id.clone(), memory.clone()));
        if kept.len() > JOBS {
            kept.pop_front();
        }
        memory
    }
}

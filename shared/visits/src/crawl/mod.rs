//! Makes a crawl grow: the links of a unit's page become units before the unit ends. Once all of a crawl's units have
//! ended, it therefore has no pages left to visit.

mod cache;
mod edge;
mod redirects;
mod sitemaps;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::job::{CrawlPlan, Sitemaps};
use domain::{CanonicalUrl, Job, JobState, Seq};
use extraction::budget::Budget;
use fetch::{Fetcher, Page};
use store::StoreError;
use store::growth::{Child, Growth, MAX_CHILDREN};
use tokio::time::Instant;
use url::Url;

use crate::hosts::RobotsReader;
pub(crate) use cache::CrawlCaches;
use edge::Verdict;
pub(crate) use edge::{Edge, Judged};
use permits::Slice;
pub(crate) use redirects::Redirects;
use runtime::assignment::{Assignment, JobReader};
use runtime::context::Context;
use runtime::rows::Rows;
use runtime::semaphores::Semaphores;

/// How often a growth is tried that keeps conflicting with others.
const TRIES: u32 = 40;

/// What a visit to a page of a crawl found.
#[derive(Debug)]
pub(crate) struct Found {
    /// The page's final URL, after redirects.
    pub(crate) at: Url,
    /// What its links were judged by.
    pub(crate) edge: Arc<Edge>,
    pub(crate) judged: Vec<Judged>,
    /// When the unit's time is over: links that were not judged by then are not followed.
    pub(crate) end: Instant,
}

/// Makes crawls grow.
pub(crate) struct Crawler {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) robots: Arc<RobotsReader>,
    pub(crate) fetcher: Fetcher,
    pub(crate) semaphores: Semaphores,
    pub(crate) caches: CrawlCaches,
}

impl Crawler {
    /// Admits the links of a unit's page. Returns how many URLs matched and will not be fetched.
    pub(crate) async fn grow_from(
        self: &Arc<Self>,
        job: &Assignment,
        plan: &CrawlPlan,
        seq: Seq,
        attempt: u8,
        found: Found,
    ) -> Result<u32, StoreError> {
        let Found { at, edge, judged, end } = found;
        let (Some(at), depth) = (CanonicalUrl::of(&at), edge.depth()) else { return Ok(0) };
        let cache = self.caches.of(&job.id);
        let seed = edge.seed();
        cache.note_owned(&seed.key().hash(), Some(seed.as_str()));
        let (mut skipped, mut wanted, mut here) = (0, Vec::new(), HashMap::<String, String>::new());
        for link in self.ask_elsewhere(job, judged, &cache, end).await {
            let (hash, url) = (link.hash, link.page.as_str());
            let twin = here.get(&hash).is_some_and(|other| other != url);
            if twin || cache.is_disguised(&hash, url) {
                skipped += u32::from(cache.skip(url));
                continue;
            }
            if cache.knows(&hash) {
                continue;
            }
            if link.verdict != Verdict::Follow {
                skipped += u32::from(cache.skip(url));
                continue;
            }
            here.insert(hash.clone(), url.to_owned());
            wanted.push(Child { url: url.to_owned(), hash });
        }
        let mut sitemaps = Sitemaps::default();
        if depth == 0 && plan.use_sitemap {
            // Tens of megabytes may have to be decompressed, parsed and compared with robots.txt: this counts as the
            // account's work and runs where pages are parsed.
            let (crawler, id, plan, frontier) =
                (Arc::clone(self), job.id.clone(), plan.clone(), edge.frontier().clone());
            let read = async move { crawler.sitemap_pages(&id, &plan, &frontier, &at).await };
            if let Some(found) = self.semaphores.parsers.run(&job.account, read).await {
                (sitemaps, wanted) = (found.files, [wanted, found.pages].concat());
            }
        }
        if sitemaps != Sitemaps::default() {
            self.rows.retry(|| self.rows.store().crawls.note_sitemaps(&job.id, sitemaps)).await?;
        }
        Ok(skipped + self.admit(job, plan, &format!("{seq}#{attempt}"), depth + 1, wanted).await?)
    }

    /// Returns the edge for a unit's page, or `None` if its links are not followed.
    pub(crate) async fn edge_at(&self, job: &Job, plan: &CrawlPlan, seq: Seq, page: &Page) -> Option<Arc<Edge>> {
        let at = &page.final_url;
        let (seed, input) = match (self.jobs.input_of(job, 0).await, self.jobs.input_of(job, seq).await) {
            (Ok(seed), Ok(input)) => (seed, input),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(job = %job.id, %error, "could not read a page's crawl; its links are not followed");
                return None;
            }
        };
        let edge = Edge::new(plan, &seed.url, input.depth)?;
        if !edge.follows(at) {
            return None;
        }
        let robots = if plan.ignore_robots { None } else { Some(self.robots.of(at).await) };
        Some(Arc::new(edge.with_robots(at, robots).with_nofollow(page.nofollow)))
    }

    /// Judges links to other origins, whose robots.txt was not at hand when the page was read.
    /// Ends with the unit's time.
    async fn ask_elsewhere(
        &self,
        job: &Assignment,
        judged: Vec<Judged>,
        cache: &cache::CrawlCache,
        end: Instant,
    ) -> Vec<Judged> {
        let mut robots = HashMap::new();
        for link in judged.iter().filter(|link| link.verdict == Verdict::Ask && !cache.knows(&link.hash)) {
            let url = link.page.url();
            if let Entry::Vacant(origin) = robots.entry(edge::origin(url)) {
                let Ok(rules) = tokio::time::timeout_at(end, self.robots.of(url)).await else { break };
                origin.insert(rules);
            }
        }
        if robots.is_empty() {
            return judged;
        }
        let end = end.into_std();
        let work = move |slice: &Slice| {
            let over = || slice.is_over() || std::time::Instant::now() >= end;
            let mut asked = judged.clone();
            edge::ask(&mut asked, &robots, &Budget::until(&over));
            (!slice.is_over()).then_some(asked)
        };
        self.semaphores.parsers.run_blocking(&job.account, work).await.unwrap_or_default()
    }

    /// Admits pages that no unit owns, as many as the job's limit allows. Returns how many it left out.
    async fn admit(
        &self,
        job: &Assignment,
        plan: &CrawlPlan,
        parent: &str,
        depth: u32,
        wanted: Vec<Child>,
    ) -> Result<u32, StoreError> {
        let cache = self.caches.of(&job.id);
        let mut named = HashSet::new();
        let mut open: Vec<Child> = wanted;
        open.retain(|child| !cache.knows(&child.hash) && named.insert(child.hash.clone()));
        if open.is_empty() {
            return Ok(0);
        }
        let _growth = cache.lock_growth().await;
        open.retain(|child| !cache.knows(&child.hash));
        let left_out = |open: &[Child]| {
            let left = open.iter().filter(|child| cache.skip(&child.url)).count();
            u32::try_from(left).unwrap_or(u32::MAX)
        };
        if cache.is_full() {
            return Ok(left_out(&open));
        }
        let mark = format!("{parent}#{}", self.context.nonce());
        let mut tries = 0;
        while !open.is_empty() {
            let hashes: Vec<String> = open.iter().map(|child| child.hash.clone()).collect();
            let owned = self.rows.retry(|| self.rows.store().crawls.seen(&job.id, &hashes)).await?;
            owned.keys().for_each(|hash| cache.note_owned(hash, None));
            open.retain(|child| !owned.contains_key(&child.hash));
            let now = self.rows.reread(&job.id).await?;
            if open.is_empty() || now.state != JobState::Running {
                return Ok(0);
            }
            let room = plan.max_pages.saturating_sub(now.admitted) as usize;
            if room == 0 {
                if !now.limit_reached {
                    self.rows.retry(|| self.rows.store().crawls.note_limit(&now)).await?;
                }
                cache.fill(now.admitted);
                return Ok(left_out(&open));
            }
            let take = open.len().min(room).min(MAX_CHILDREN);
            // Each try has its own mark, so that units admitted by an earlier try are not taken for this one's.
            let mark = format!("{mark}#{tries}");
            let growth = Growth { job: &now, depth, children: &open[..take], mark: &mark };
            if self.rows.retry(|| self.rows.store().crawls.grow(growth)).await? {
                let grown = u32::try_from(take).unwrap_or(0);
                cache.admit(grown, now.admitted + grown);
                open.drain(..take).for_each(|child| cache.note_owned(&child.hash, Some(&child.url)));
                tries = 0;
                continue;
            }
            tries += 1;
            if tries >= TRIES {
                return Err(StoreError::Contended { operation: "grow", attempts: tries });
            }
            let wait = (self.context.random() % u128::from(5 * u64::from(tries) + 1)) as u64;
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Ok(0)
    }

    /// Returns the judge of redirects for a unit's page, if the job is a crawl.
    pub(crate) fn redirects(self: &Arc<Self>, job: &Arc<Assignment>, seq: Seq) -> Option<Arc<Redirects>> {
        job.is_crawl().then(|| Arc::new(Redirects::new(Arc::clone(self), Arc::clone(job), seq)))
    }

    /// Returns whether robots.txt denies a crawl's seed, which is the only unit that is admitted before its robots.txt
    /// is read. If no connection to the site can be made, returns false: fetching the seed then reports the failure.
    pub(crate) async fn seed_is_denied(&self, job: &Assignment, seq: Seq, seed: &Url) -> bool {
        if seq != 0 || job.spec.crawl.as_ref().is_none_or(|plan| plan.ignore_robots) {
            return false;
        }
        let robots = self.robots.of(seed).await;
        !robots.is_unreached() && !robots.allows(seed)
    }
}

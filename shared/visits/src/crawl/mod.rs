//! Makes a crawl grow: the links of a unit's page become units before the unit ends. Once all of a crawl's units have
//! ended, it therefore has no pages left to visit.

mod cache;
mod link_filter;
mod redirects;
mod sitemaps;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::job::{CrawlOptions, Sitemaps};
use domain::{CanonicalUrl, Job, JobState, Seq};
use extraction::budget::Budget;
use fetch::{Fetcher, Page};
use store::StoreError;
use store::growth::{Child, Growth, MAX_CHILDREN};
use tokio::time::Instant;
use url::Url;

use crate::hosts::RobotsReader;
pub(crate) use cache::CrawlCaches;
use link_filter::Verdict;
pub(crate) use link_filter::{CheckedLink, LinkFilter};
use permits::CpuTimeLimit;
pub(crate) use redirects::Redirects;
use runtime::assignment::{Assignment, JobReader};
use runtime::context::Context;
use runtime::rows::Rows;
use runtime::semaphores::Semaphores;

/// Maximum number of tries of a growth that conflicts with others.
const MAX_TRIES: u32 = 40;

/// The links that a visit to a page of a crawl found.
#[derive(Debug)]
pub(crate) struct FoundLinks {
    /// The page's final URL, after redirects.
    pub(crate) at: Url,
    /// The filter that checked its links.
    pub(crate) link_filter: Arc<LinkFilter>,
    pub(crate) links: Vec<CheckedLink>,
    /// When the unit's time is over: links that were not checked by then are not followed.
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
        plan: &CrawlOptions,
        seq: Seq,
        attempt: u8,
        found: FoundLinks,
    ) -> Result<u32, StoreError> {
        let FoundLinks { at, link_filter, links, end } = found;
        let (Some(at), depth) = (CanonicalUrl::of(&at), link_filter.depth()) else { return Ok(0) };
        let cache = self.caches.of(&job.id);
        let seed = link_filter.seed();
        cache.record_owned(&seed.key().hash(), Some(seed.as_str()));
        let (mut skipped, mut wanted, mut page_urls) = (0, Vec::new(), HashMap::<String, String>::new());
        for link in self.check_other_origins(job, links, &cache, end).await {
            let (hash, url) = (link.hash, link.page.as_str());
            let is_duplicate = page_urls.get(&hash).is_some_and(|other| other != url);
            if is_duplicate || cache.is_duplicate(&hash, url) {
                skipped += u32::from(cache.record_skipped(url));
                continue;
            }
            if cache.knows(&hash) {
                continue;
            }
            if link.verdict != Verdict::Follow {
                skipped += u32::from(cache.record_skipped(url));
                continue;
            }
            page_urls.insert(hash.clone(), url.to_owned());
            wanted.push(Child { url: url.to_owned(), hash });
        }
        let mut sitemaps = Sitemaps::default();
        if depth == 0 && plan.use_sitemap {
            // Tens of megabytes may have to be decompressed, parsed and compared with robots.txt: this counts as the
            // account's work and runs where pages are parsed.
            let (crawler, id, plan, frontier) =
                (Arc::clone(self), job.id.clone(), plan.clone(), link_filter.frontier().clone());
            let read = async move { crawler.sitemap_pages(&id, &plan, &frontier, &at).await };
            if let Some(found) = self.semaphores.parsers.run(&job.account, read).await {
                (sitemaps, wanted) = (found.files, [wanted, found.pages].concat());
            }
        }
        if sitemaps != Sitemaps::default() {
            self.rows.retry(|| self.rows.store().crawls.record_sitemaps(&job.id, sitemaps)).await?;
        }
        Ok(skipped + self.admit(job, plan, &format!("{seq}#{attempt}"), depth + 1, wanted).await?)
    }

    /// Returns the filter for the links of a unit's page, or `None` if its links are not followed.
    pub(crate) async fn link_filter(
        &self,
        job: &Job,
        plan: &CrawlOptions,
        seq: Seq,
        page: &Page,
    ) -> Option<Arc<LinkFilter>> {
        let at = &page.final_url;
        let (seed, input) = match (self.jobs.input_of(job, 0).await, self.jobs.input_of(job, seq).await) {
            (Ok(seed), Ok(input)) => (seed, input),
            (Err(error), _) | (_, Err(error)) => {
                tracing::warn!(job = %job.id, %error, "could not read a page's crawl; its links are not followed");
                return None;
            }
        };
        let link_filter = LinkFilter::new(plan, &seed.url, input.depth)?;
        if !link_filter.follows(at) {
            return None;
        }
        let robots = if plan.ignore_robots { None } else { Some(self.robots.of(at).await) };
        Some(Arc::new(link_filter.with_robots(at, robots).with_nofollow(page.nofollow)))
    }

    /// Checks links to other origins, whose robots.txt was not at hand when the page was read. Ends with the unit's time.
    async fn check_other_origins(
        &self,
        job: &Assignment,
        links: Vec<CheckedLink>,
        cache: &cache::CrawlCache,
        end: Instant,
    ) -> Vec<CheckedLink> {
        let mut robots = HashMap::new();
        for link in links.iter().filter(|link| link.verdict == Verdict::NeedsRobots && !cache.knows(&link.hash)) {
            let url = link.page.url();
            if let Entry::Vacant(origin) = robots.entry(link_filter::origin(url)) {
                let Ok(rules) = tokio::time::timeout_at(end, self.robots.of(url)).await else { break };
                origin.insert(rules);
            }
        }
        if robots.is_empty() {
            return links;
        }
        let end = end.into_std();
        let work = move |cpu_limit: &CpuTimeLimit| {
            let is_over = || cpu_limit.is_exceeded() || std::time::Instant::now() >= end;
            let mut links = links.clone();
            link_filter::check_with_robots(&mut links, &robots, &Budget::with_deadline(&is_over));
            (!cpu_limit.is_exceeded()).then_some(links)
        };
        self.semaphores.parsers.run_blocking(&job.account, work).await.unwrap_or_default()
    }

    /// Admits pages that no unit owns, as many as the job's limit allows. Returns how many it left out.
    async fn admit(
        &self,
        job: &Assignment,
        plan: &CrawlOptions,
        parent: &str,
        depth: u32,
        wanted: Vec<Child>,
    ) -> Result<u32, StoreError> {
        let cache = self.caches.of(&job.id);
        let mut unique = HashSet::new();
        let mut open: Vec<Child> = wanted;
        open.retain(|child| !cache.knows(&child.hash) && unique.insert(child.hash.clone()));
        if open.is_empty() {
            return Ok(0);
        }
        let _growth = cache.lock_growth().await;
        open.retain(|child| !cache.knows(&child.hash));
        let left_out = |open: &[Child]| {
            let left = open.iter().filter(|child| cache.record_skipped(&child.url)).count();
            u32::try_from(left).unwrap_or(u32::MAX)
        };
        if cache.is_full() {
            return Ok(left_out(&open));
        }
        let write_prefix = format!("{parent}#{}", self.context.nonce());
        let mut tries = 0;
        while !open.is_empty() {
            let hashes: Vec<String> = open.iter().map(|child| child.hash.clone()).collect();
            let owned = self.rows.retry(|| self.rows.store().crawls.seen(&job.id, &hashes)).await?;
            owned.keys().for_each(|hash| cache.record_owned(hash, None));
            open.retain(|child| !owned.contains_key(&child.hash));
            let current = self.rows.reread(&job.id).await?;
            if open.is_empty() || current.state != JobState::Running {
                return Ok(0);
            }
            let remaining = plan.max_pages.saturating_sub(current.admitted) as usize;
            if remaining == 0 {
                if !current.limit_reached {
                    self.rows.retry(|| self.rows.store().crawls.record_limit_reached(&current)).await?;
                }
                cache.mark_full(current.admitted);
                return Ok(left_out(&open));
            }
            let take = open.len().min(remaining).min(MAX_CHILDREN);
            // Each try has its own id, so that units admitted by an earlier try are not taken for this one's.
            let write_id = format!("{write_prefix}#{tries}");
            let growth = Growth { job: &current, depth, children: &open[..take], write_id: &write_id };
            if self.rows.retry(|| self.rows.store().crawls.grow(growth)).await? {
                let grown = u32::try_from(take).unwrap_or(0);
                cache.record_admitted(grown, current.admitted + grown);
                open.drain(..take).for_each(|child| cache.record_owned(&child.hash, Some(&child.url)));
                tries = 0;
                continue;
            }
            tries += 1;
            if tries >= MAX_TRIES {
                return Err(StoreError::Contended { operation: "grow", tries });
            }
            let wait = (self.context.random() % u128::from(5 * u64::from(tries) + 1)) as u64;
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        Ok(0)
    }

    /// Returns the policy for the redirects of a unit's page, if the job is a crawl.
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
        !robots.has_no_connection() && !robots.allows(seed)
    }
}

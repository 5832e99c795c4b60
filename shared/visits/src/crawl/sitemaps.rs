//! Reads the pages named by a crawl's sitemaps. If robots.txt names no sitemap, the usual addresses are tried. If they
//! have none either, that is no failure.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use domain::frontier::Frontier;
use domain::job::{CrawlOptions, Sitemaps};
use domain::{CanonicalUrl, JobId};
use fetch::{Sitemap, SitemapRequest};
use store::growth::Child;
use tokio::time::Instant;
use url::Url;

use super::Crawler;

/// Maximum number of bytes that are compared with robots.txt for all URLs of a crawl's sitemaps; URLs beyond that are
/// denied.
const MAX_COMPARED_BYTES: usize = 64 * 1024 * 1024;

/// Usual paths of sitemaps. The second is tried if there is nothing at the first.
const DEFAULT_PATHS: [&str; 2] = ["/sitemap.xml", "/sitemap_index.xml"];

/// The pages that a crawl's sitemaps name.
pub(super) struct SitemapPages {
    pub(super) pages: Vec<Child>,
    pub(super) files: Sitemaps,
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl SitemapPages {
    fn add(&mut self, sitemap: &Sitemap) {
        self.files.read += count(sitemap.files.saturating_sub(sitemap.failed));
        self.files.failed += count(sitemap.failed);
        let pages = sitemap.urls.iter().filter_map(CanonicalUrl::of);
        self.pages.extend(pages.map(|page| Child { url: page.as_str().to_owned(), hash: page.key().hash() }));
    }
}

impl Crawler {
    /// Returns the pages of the seed's sitemaps that match.
    pub(super) async fn sitemap_pages(
        &self,
        job: &JobId,
        plan: &CrawlOptions,
        frontier: &Frontier,
        seed: &CanonicalUrl,
    ) -> SitemapPages {
        let robots = self.robots.of(seed.url()).await;
        let named = !robots.sitemaps().is_empty();
        let files = match named {
            true => robots.sitemaps().to_vec(),
            false => DEFAULT_PATHS.iter().filter_map(|path| seed.url().join(path).ok()).collect(),
        };
        let (mut found, mut urls_left) =
            (SitemapPages { pages: Vec::new(), files: Sitemaps::default() }, plan.max_pages as usize + 1);
        // A limit for all of them together: both robots.txt and the sitemaps are under the site's control.
        let left_to_compare = AtomicUsize::new(MAX_COMPARED_BYTES);
        let take = |bytes: usize| {
            let less = |left: usize| left.checked_sub(bytes);
            left_to_compare.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
        };
        let wanted = |url: &Url| {
            CanonicalUrl::of(url).is_some_and(|page| {
                frontier.matches(&page) && (plan.ignore_robots || robots.allows_within(page.url(), &take))
            })
        };
        // All sitemaps share one deadline: robots.txt may name a hundred, and the unit's lease runs on while they are
        // read.
        let until = Instant::now() + Duration::from_millis(self.context.settings().sitemap_ms);
        for (at, file) in files.iter().enumerate() {
            let timeout = until.saturating_duration_since(Instant::now());
            if timeout.is_zero() {
                tracing::debug!(%job, "some sitemaps were left out: the others took too long");
                found.files.failed += count(if named { files.len() - at } else { 0 });
                break;
            }
            let request = SitemapRequest {
                url: file,
                wanted: &wanted,
                max_urls: urls_left,
                timeout,
                pause: Duration::from_millis(self.context.settings().host_delay_ms),
            };
            let sitemap = self.fetcher.sitemap(request).await;
            if let Some(fault) = &sitemap.fault {
                tracing::debug!(%job, %fault, "a sitemap could not be read to its end");
            }
            if !named && sitemap.absent {
                continue;
            }
            urls_left = urls_left.saturating_sub(sitemap.urls.len());
            found.add(&sitemap);
            if urls_left == 0 || !named {
                break;
            }
        }
        found
    }
}

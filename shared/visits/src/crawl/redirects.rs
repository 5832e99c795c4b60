//! Judges the redirects of a crawl's page. A redirect is not followed if robots.txt denies its target, or if the target
//! is the page of another unit. A target that no unit owns becomes this unit's page.

use std::sync::Arc;

use domain::{CanonicalUrl, Seq};
use fetch::target::check_parsed;
use fetch::{BoxFuture, Hop, Hops};
use url::Url;

use super::Crawler;
use runtime::assignment::Assignment;

/// Judges the redirects of one unit's page.
pub(crate) struct Redirects {
    crawler: Arc<Crawler>,
    job: Arc<Assignment>,
    seq: Seq,
}

impl Redirects {
    pub(crate) fn new(crawler: Arc<Crawler>, job: Arc<Assignment>, seq: Seq) -> Redirects {
        Redirects { crawler, job, seq }
    }

    /// Returns whether the target's own robots.txt denies it. If no connection to the site can be made, returns false:
    /// the redirect itself then reports the failure.
    async fn is_denied(&self, url: &Url) -> bool {
        if self.job.spec.crawl.as_ref().is_none_or(|plan| plan.ignore_robots) || check_parsed(url).is_err() {
            return false;
        }
        let robots = self.crawler.robots.of(url).await;
        !robots.is_unreached() && !robots.allows(url)
    }
}

impl Hops for Redirects {
    fn may_go<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, Hop> {
        Box::pin(async move {
            // A URL that is not a page is judged by the address guard, hop by hop.
            let Some(page) = CanonicalUrl::of(url) else { return Hop::Go };
            if self.is_denied(page.url()).await {
                return Hop::Denied;
            }
            let (crawler, hash) = (&self.crawler, page.key().hash());
            match crawler.rows.retry(|| crawler.rows.store().crawls.own_page(&self.job, &hash, self.seq)).await {
                Ok(owner) => {
                    crawler.caches.of(&self.job.id).note_owned(&hash, None);
                    if owner == self.seq { Hop::Go } else { Hop::Elsewhere }
                }
                Err(error) => {
                    tracing::warn!(job = %self.job.id, %error, "could not read which unit owns a redirect's target");
                    // Fetching a page twice is better than losing it.
                    Hop::Go
                }
            }
        })
    }
}

//! Checks the redirects of a crawl's page. A redirect is not followed if robots.txt denies its target, or if the target
//! is the page of another unit. A target that no unit owns becomes this unit's page.

use std::sync::Arc;

use domain::{CanonicalUrl, Seq};
use fetch::target::check_parsed;
use fetch::{BoxFuture, RedirectDecision, RedirectPolicy};
use runtime::assignment::Assignment;
use url::Url;

use super::Crawler;

/// Checks the redirects of one unit's page.
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
        !robots.has_no_connection() && !robots.allows(url)
    }
}

impl RedirectPolicy for Redirects {
    fn decide<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, RedirectDecision> {
        Box::pin(async move {
            // The address guard checks a URL that is not a page.
            let Some(page) = CanonicalUrl::of(url) else { return RedirectDecision::Follow };
            if self.is_denied(page.url()).await {
                return RedirectDecision::Denied;
            }
            let (crawler, hash) = (&self.crawler, page.key().hash());
            match crawler.rows.retry(|| crawler.rows.store().crawls.own_page(&self.job, &hash, self.seq)).await {
                Ok(owner) => {
                    crawler.caches.of(&self.job.id).record_owned(&hash, None);
                    if owner == self.seq { RedirectDecision::Follow } else { RedirectDecision::Reject }
                }
                Err(error) => {
                    tracing::warn!(job = %self.job.id, %error, "could not read which unit owns a redirect's target");
                    // Fetching a page twice is better than losing it.
                    RedirectDecision::Follow
                }
            }
        })
    }
}

//! Redirects of a crawl's page: one that robots.txt denies at its target is not taken; a target that another unit owns is
//! that unit's page, and the hop is not taken either; one that nobody owns becomes this unit's.

use std::sync::Arc;

use domain::{CanonicalUrl, Seq};
use fetch::target::check_parsed;
use fetch::{BoxFuture, Hop, Hops};
use url::Url;

use super::Crawler;
use runtime::assignment::Assignment;

/// Judges the hops of one unit's page.
pub(crate) struct Redirects {
    crawler: Arc<Crawler>,
    job: Arc<Assignment>,
    seq: Seq,
}

impl Redirects {
    pub(crate) fn new(crawler: Arc<Crawler>, job: Arc<Assignment>, seq: Seq) -> Redirects {
        Redirects { crawler, job, seq }
    }

    /// Whether the target's own robots.txt says no. Of a site to which no connection comes about the hop tells.
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
            // What is no page of ours is judged by the guard, hop by hop.
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
                    tracing::warn!(job = %self.job.id, %error, "could not look who owns a redirect's target");
                    // A page that is fetched twice is better than one that is lost.
                    Hop::Go
                }
            }
        })
    }
}

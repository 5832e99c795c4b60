//! Redirects of a crawl's page: a target that another unit owns is that unit's page, and the hop is not taken; one that
//! nobody owns becomes this unit's.

use std::sync::Arc;

use domain::{CanonicalUrl, Job, Seq};
use fetch::{BoxFuture, Hops};
use url::Url;

use crate::Engine;

/// Judges the hops of one unit's page.
pub(crate) struct Redirects {
    engine: Engine,
    job: Arc<Job>,
    seq: Seq,
}

impl Redirects {
    pub(crate) fn new(engine: Engine, job: Arc<Job>, seq: Seq) -> Redirects {
        Redirects { engine, job, seq }
    }
}

impl Hops for Redirects {
    fn may_go<'a>(&'a self, url: &'a Url) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // What is no page of ours is judged by the guard, hop by hop.
            let Some(page) = CanonicalUrl::of(url) else { return true };
            let (engine, hash) = (&self.engine, page.key().hash());
            match engine.again(|| engine.store().own_page(&self.job, &hash, self.seq)).await {
                Ok(owner) => {
                    engine.inner.crawls.of(&self.job.id).see(&hash, None);
                    owner == self.seq
                }
                Err(error) => {
                    tracing::warn!(job = %self.job.id, %error, "could not look who owns a redirect's target");
                    // A page that is fetched twice is better than one that is lost.
                    true
                }
            }
        })
    }
}

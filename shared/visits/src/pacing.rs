//! A host's slots as a unit of a job needs them: a crawl's pages are spaced as robots.txt and the settings ask, others
//! start at once unless their host is backed off.

use std::sync::Arc;
use std::time::Duration;

use domain::pace::AccountTag;
use domain::{Job, Timestamp};
use fetch::Throttled;
use store::StoreError;
use url::Url;

use crate::hosts::{HostPacing, RobotsReader, Slot};
use runtime::assignment::Assignment;
use runtime::context::Context;

/// Acquires slots for units.
pub(crate) struct UnitPacing {
    pub(crate) context: Arc<Context>,
    pub(crate) hosts: Arc<HostPacing>,
    pub(crate) robots: Arc<RobotsReader>,
}

impl UnitPacing {
    /// Books a slot for a unit's page, if there is one by `latest`. Waiting is the caller's.
    pub(crate) async fn acquire(&self, work: &Assignment, url: &Url, latest: Timestamp) -> Result<Slot, StoreError> {
        let crawl_delay = self.crawl_delay(work, url).await;
        self.hosts.acquire_slot(url, work.is_crawl(), crawl_delay, latest).await
    }

    /// Waits until a unit's page may start; where that is later than `latest`, says so and books nothing.
    pub(crate) async fn wait(&self, work: &Assignment, url: &Url, latest: Timestamp) -> Result<Slot, StoreError> {
        let crawl_delay = self.crawl_delay(work, url).await;
        loop {
            // Before a slot is taken that nobody would use; afterwards, because the host may have said something since.
            if let Some(opens) = self.closed_until(work, url) {
                if opens > latest {
                    return Ok(Slot::Later(opens));
                }
                self.context.sleep_until(opens).await;
            } else {
                let slot = self.hosts.acquire_slot(url, work.is_crawl(), crawl_delay, latest).await?;
                let Slot::At(start) = slot else { return Ok(slot) };
                self.context.sleep_until(start).await;
                if self.closed_until(work, url).is_none() {
                    return Ok(slot);
                }
            }
            if self.context.stopping() {
                return Ok(Slot::At(self.context.now()));
            }
        }
    }

    /// When a unit's host opens again, if it is closed for its account.
    pub(crate) fn closed_until(&self, job: &Job, url: &Url) -> Option<Timestamp> {
        self.hosts.closed_until(AccountTag::of(&job.account), url)
    }

    /// Takes note of how a host answered a unit's page.
    pub(crate) async fn record_response(&self, job: &Job, at: &Url, throttled: Option<Throttled>) {
        self.hosts.record_response(AccountTag::of(&job.account), at, throttled).await;
    }

    /// How far apart the site wants the pages of a crawl.
    async fn crawl_delay(&self, work: &Assignment, url: &Url) -> Option<Duration> {
        match &work.spec.crawl {
            Some(plan) if !plan.ignore_robots => self.robots.of(url).await.crawl_delay(),
            Some(_) | None => None,
        }
    }
}

//! Slots of hosts for the units of jobs: a crawl's pages are spaced as robots.txt and the settings ask, others start at
//! once unless their host is backed off.

use std::sync::Arc;
use std::time::Duration;

use domain::pace::AccountTag;
use domain::{Job, Timestamp};
use fetch::Throttled;
use runtime::assignment::Assignment;
use runtime::context::Context;
use store::StoreError;
use url::Url;

use crate::hosts::{HostPacing, RobotsReader, Slot};

/// Gets slots for units.
pub(crate) struct UnitPacing {
    pub(crate) context: Arc<Context>,
    pub(crate) hosts: Arc<HostPacing>,
    pub(crate) robots: Arc<RobotsReader>,
}

impl UnitPacing {
    /// Books a slot for a unit's page, if there is one by `latest`. The caller waits for it.
    pub(crate) async fn acquire(&self, work: &Assignment, url: &Url, latest: Timestamp) -> Result<Slot, StoreError> {
        let crawl_delay = self.crawl_delay(work, url).await;
        self.hosts.acquire_slot(url, work.is_crawl(), crawl_delay, latest).await
    }

    /// Waits until a unit's page may start. If that is later than `latest`, returns when it may and books nothing.
    pub(crate) async fn wait(&self, work: &Assignment, url: &Url, latest: Timestamp) -> Result<Slot, StoreError> {
        let crawl_delay = self.crawl_delay(work, url).await;
        loop {
            // Checked before, so that no slot is taken and then left unused. Checked again afterwards, because the host
            // may have throttled in the meantime.
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

    /// Returns when a unit's host opens again, if it is closed for the unit's account.
    pub(crate) fn closed_until(&self, job: &Job, url: &Url) -> Option<Timestamp> {
        self.hosts.closed_until(AccountTag::of(&job.account), url)
    }

    /// Records how a host answered a unit's page.
    pub(crate) async fn record_response(&self, job: &Job, at: &Url, throttled: Option<Throttled>) {
        self.hosts.record_response(AccountTag::of(&job.account), at, throttled).await;
    }

    /// Returns the distance between pages that the site asks crawls to keep.
    async fn crawl_delay(&self, work: &Assignment, url: &Url) -> Option<Duration> {
        match &work.spec.crawl {
            Some(plan) if !plan.ignore_robots => self.robots.of(url).await.crawl_delay(),
            Some(_) | None => None,
        }
    }
}

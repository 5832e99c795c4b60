//! Fetching a unit's page, again where it failed in a way that may pass. All attempts share the page's time, and the host
//! sees each of them as a request like any other: it takes a turn, and what the host answers counts.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::retry;
use fetch::{FetchError, FetchRequest, Fetcher, Hops, Page, Room, header_map};
use url::Url;

use crate::hosts::Slot;
use crate::pacing::UnitPacing;
use permits::{Growing, Permit};
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::semaphores::Semaphores;

/// What came of fetching a page.
pub(crate) struct Tried {
    /// With the room that its body has.
    pub(crate) page: Result<(Page, Arc<Growing>), FetchError>,
    /// How often the site was asked for it.
    pub(crate) attempts: u32,
    /// The permit that the last attempt took.
    pub(crate) permit: Permit,
}

/// Fetches pages.
pub(crate) struct PageFetcher {
    pub(crate) context: Arc<Context>,
    pub(crate) fetcher: Fetcher,
    pub(crate) semaphores: Semaphores,
    pub(crate) pacing: Arc<UnitPacing>,
}

impl PageFetcher {
    /// Fetches a page until `end`, as often as the job's options allow. `permit` is given back while it waits for another
    /// attempt. Where this machine was short of something the site was not asked: that is no attempt.
    pub(crate) async fn fetch_page(
        &self,
        job: &Assignment,
        url: &Url,
        hops: Option<&dyn Hops>,
        mut permit: Permit,
        end: Instant,
    ) -> Tried {
        let headers = header_map(job.spec.options.headers.of(url));
        let mut shortage_wait = Duration::from_millis(self.context.settings().retry_base_ms.max(1));
        let mut attempts = 1;
        loop {
            // Its own: whoever waits to try again holds nothing that others need to get on.
            let growing = Arc::new(self.semaphores.heavy.growing(&job.account));
            let room: Room = growing.clone();
            let request = FetchRequest {
                url,
                accept_language: &job.spec.options.locale,
                timeout: end.saturating_duration_since(Instant::now()),
                headers: (!headers.is_empty()).then_some(&headers),
                hops,
                room: Some(&room),
            };
            // What it decodes is the account's work.
            let fetched = self.semaphores.parsers.usage().metered(&job.account, self.fetcher.fetch(request));
            let error = match fetched.await {
                Ok(page) => return Tried { page: Ok((page, growing)), attempts, permit },
                // What the caller set, not what was left of it.
                Err(FetchError::Timeout(_)) => FetchError::Timeout(Duration::from_millis(u64::from(job.timeout_ms))),
                Err(error) => error,
            };
            drop((room, growing));
            if let FetchError::Ours(what) = error
                && Instant::now() + shortage_wait < end
            {
                tracing::warn!(what, "a page could not be asked for; trying again");
                tokio::time::sleep(shortage_wait).await;
                shortage_wait *= 2;
                continue;
            }
            let Some(wait) = self.wait_for_next(job, url, &error, attempts, end).await else {
                return Tried { page: Err(error), attempts, permit };
            };
            drop(permit);
            tokio::time::sleep(wait).await;
            permit = self.semaphores.pages.acquire(&job.account).await;
            attempts += 1;
        }
    }

    /// How long to wait before the next attempt, its turn at the host included; `None` where there is to be none. The host
    /// hears of what it answered here only where it is asked again: the last answer is the visit's to tell.
    async fn wait_for_next(
        &self,
        job: &Assignment,
        url: &Url,
        error: &FetchError,
        attempts: u32,
        end: Instant,
    ) -> Option<Duration> {
        if !error.may_pass() || self.context.stopping() {
            return None;
        }
        let left = || millis(end.saturating_duration_since(Instant::now()));
        let asked = error.throttled().and_then(|throttled| throttled.retry_after).map(millis);
        let wait = retry::wait_ms(attempts, job.spec.options.retries, asked, left(), self.context.random())?;
        if let Some(at) = error.throttled_at() {
            self.pacing.record_response(job, at, error.throttled()).await;
        }
        let latest = self.context.now().plus_ms(i64::try_from(left()).unwrap_or(i64::MAX));
        let turn = match self.pacing.acquire(job, url, latest).await {
            Ok(Slot::At(start)) => start.ms_since(self.context.now()),
            Ok(Slot::Later(_)) => return None,
            Err(error) => {
                tracing::warn!(%error, "no turn for another attempt at a page");
                return None;
            }
        };
        let wait = wait.max(turn);
        retry::fits(wait, left()).then(|| Duration::from_millis(wait))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

//! Fetches a unit's page, and retries transient failures. All tries share the page's timeout. Each try is like any
//! other request to the host: it takes a slot, and the host's answer counts for its pace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::retry;
use domain::time::millis;
use fetch::{FetchError, FetchRequest, Fetcher, Page, RedirectPolicy, SharedBodyResources, header_map};
use permits::{LargeBodyPermits, Permit};
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::semaphores::Semaphores;
use url::Url;

use crate::hosts::Slot;
use crate::pacing::UnitPacing;

/// Result of fetching a page.
pub(crate) struct FetchAttempts {
    /// The page, with the memory permit of its body.
    pub(crate) page: Result<(Page, Arc<LargeBodyPermits>), FetchError>,
    /// How many requests for the page were sent to the site.
    pub(crate) attempts: u32,
    /// The permit of the last try.
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
    /// Fetches a page until `end`, with as many tries as the job's options allow. Gives `permit` back while the page
    /// waits for another try. If this machine lacks a resource, no request is sent, the try does not count, and the
    /// permit is kept.
    pub(crate) async fn fetch_page(
        &self,
        job: &Assignment,
        url: &Url,
        redirect_policy: Option<&dyn RedirectPolicy>,
        mut permit: Permit,
        end: Instant,
    ) -> FetchAttempts {
        let headers = header_map(job.spec.options.headers.of(url));
        let mut shortage_wait = Duration::from_millis(self.context.settings().retry_base_ms.max(1));
        let mut attempts = 1;
        loop {
            // Each try has its own permits. While a page waits for another try, it holds nothing that others need.
            let large_body = Arc::new(self.semaphores.heavy.large_body_permits(&job.account));
            let body_resources: SharedBodyResources = large_body.clone();
            let request = FetchRequest {
                url,
                accept_language: &job.spec.options.locale,
                timeout: end.saturating_duration_since(Instant::now()),
                headers: (!headers.is_empty()).then_some(&headers),
                redirect_policy,
                body_resources: Some(&body_resources),
            };
            // Decoding counts as the account's processor time.
            let fetched = self.semaphores.parsers.usage().metered(&job.account, self.fetcher.fetch(request));
            let error = match fetched.await {
                Ok(page) => return FetchAttempts { page: Ok((page, large_body)), attempts, permit },
                // Names the timeout that the caller set, not the rest of it that this try had.
                Err(FetchError::Timeout(_)) => FetchError::Timeout(Duration::from_millis(u64::from(job.timeout_ms))),
                Err(error) => error,
            };
            drop((body_resources, large_body));
            if let FetchError::Internal(what) = error
                && Instant::now() + shortage_wait < end
            {
                tracing::warn!(what, "a request for a page could not be sent; trying again");
                tokio::time::sleep(shortage_wait).await;
                shortage_wait *= 2;
                continue;
            }
            let Some(wait) = self.wait_for_next(job, url, &error, attempts, end).await else {
                return FetchAttempts { page: Err(error), attempts, permit };
            };
            drop(permit);
            tokio::time::sleep(wait).await;
            permit = self.semaphores.pages.acquire(&job.account).await;
            attempts += 1;
        }
    }

    /// Returns how long to wait before the next try, including the wait for a slot at the host, or `None` if there is
    /// no other try. Records the host's answer only if there may be another try: the caller records the last answer.
    async fn wait_for_next(
        &self,
        job: &Assignment,
        url: &Url,
        error: &FetchError,
        attempts: u32,
        end: Instant,
    ) -> Option<Duration> {
        if !error.is_transient() || self.context.stopping() {
            return None;
        }
        let left = || millis(end.saturating_duration_since(Instant::now()));
        let requested = error.throttled().and_then(|throttled| throttled.retry_after).map(millis);
        let wait = retry::wait_ms(attempts, job.spec.options.retries, requested, left(), self.context.random())?;
        if let Some(at) = error.throttled_at() {
            self.pacing.record_response(job, at, error.throttled()).await;
        }
        let latest = self.context.now().plus_ms(i64::try_from(left()).unwrap_or(i64::MAX));
        let slot_wait = match self.pacing.acquire(job, url, latest).await {
            Ok(Slot::At(start)) => start.ms_since(self.context.now()),
            Ok(Slot::Later(_)) => return None,
            Err(error) => {
                tracing::warn!(%error, "could not get a slot for another try of a page");
                return None;
            }
        };
        let wait = wait.max(slot_wait);
        retry::fits(wait, left()).then(|| Duration::from_millis(wait))
    }
}

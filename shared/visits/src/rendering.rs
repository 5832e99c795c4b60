//! Renders pages in a browser: waits for a permit, builds the request, and interprets the answer. A page that waits for
//! a browser holds no permit to fetch, so that other pages do not wait for rendered ones. Knows no rows and no browser.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::{Capture, Options, RenderJs, WaitFor};
use domain::{ErrorCode, UnitError};
use fetch::{FetchError, Fetcher, Page, RedirectDecision, RedirectPolicy, check_code};
use reader::{Values, is_found};
use render::{Documents, Fields, Render, RenderError, Rendered, Request};
use runtime::assignment::Assignment;
use runtime::context::Context;
use runtime::semaphores::Semaphores;
use url::Url;

use crate::crawl::Redirects;
use crate::hosts::Slot;
use crate::pacing::UnitPacing;
use crate::waits::acquire_before;

/// Maximum number of further documents to which a crawl's page may navigate.
const MAX_HOPS: u32 = 5;
/// Part of a page's time that is reserved to read what was rendered.
const READ_RESERVE: Duration = Duration::from_millis(800);
/// Rendering is not started if less time than this is left.
const MIN_RENDER_TIME: Duration = Duration::from_millis(1_500);

/// A page as a browser showed it.
pub(crate) struct RenderedPage {
    pub(crate) page: Page,
    /// Warnings for the caller.
    pub(crate) notes: Vec<String>,
    /// A PNG of the window, if one was requested.
    pub(crate) screenshot: Option<Vec<u8>>,
}

/// Why a page could not be rendered.
pub(crate) enum Unrendered {
    /// The page is the cause: this is its result.
    Failed(FetchError),
    /// The renderer in another process did not answer.
    NoAnswer,
    /// A browser adds nothing to this document.
    NoPage,
    /// The browser failed, or there is no time for it.
    NoBrowser(String),
    /// The page waited for its turn until too little of its time was left.
    NoTurn,
}

impl std::fmt::Display for Unrendered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unrendered::Failed(error) => write!(f, "{error}"),
            Unrendered::NoAnswer => f.write_str("the browser did not answer: it failed, or timeout_ms was too short"),
            Unrendered::NoPage => f.write_str("the document is not a web page"),
            Unrendered::NoBrowser(why) => f.write_str(why),
            Unrendered::NoTurn => {
                f.write_str("the page waited for other pages until too little of timeout_ms was left")
            }
        }
    }
}

/// Renders the pages of jobs.
pub(crate) struct PageRenderer {
    pub(crate) context: Arc<Context>,
    pub(crate) renderer: Option<Arc<dyn Render>>,
    pub(crate) fetcher: Fetcher,
    pub(crate) semaphores: Semaphores,
    pub(crate) pacing: Arc<UnitPacing>,
}

impl PageRenderer {
    /// Returns the browser for a job's pages, if the job wants one and there is one.
    pub(crate) fn of(&self, job: &Assignment) -> Option<&dyn Render> {
        let wanted = job.spec.options.render_js != RenderJs::Never;
        self.renderer.as_deref().filter(|_| wanted)
    }

    /// Waits for a slot at the page's host, since rendering is one more request. Returns `None` if
    /// there is no time for that.
    pub(crate) async fn acquire_slot(&self, job: &Assignment, url: &Url, end: Instant) -> Option<()> {
        let latest = self.context.now().plus(end.saturating_duration_since(Instant::now()));
        let Slot::At(start) = self.pacing.acquire(job, url, latest).await.ok()? else { return None };
        let start = Instant::now() + Duration::from_millis(start.ms_since(self.context.now()));
        if start + READ_RESERVE + MIN_RENDER_TIME > end {
            return None;
        }
        tokio::time::sleep_until(start.into()).await;
        self.pacing.closed_until(job, url).is_none().then_some(())
    }

    /// Renders a page. For a crawl, also renders the documents that the page goes on to, as far as
    /// the crawl may fetch them.
    pub(crate) async fn render_page(
        &self,
        job: &Assignment,
        renderer: &dyn Render,
        url: &Url,
        redirects: Option<&Redirects>,
        end: Instant,
    ) -> Result<RenderedPage, Unrendered> {
        let mut url = url.clone();
        let requested_url = url.clone();
        for _ in 0..=MAX_HOPS {
            // If the page was read without a browser before, its values must not be lost in the wait.
            let permit = acquire_before(&self.semaphores.renders, &job.account, end, MIN_RENDER_TIME).await;
            let permit = permit.ok_or(Unrendered::NoTurn)?;
            let left = end.saturating_duration_since(Instant::now()).saturating_sub(READ_RESERVE);
            if left + READ_RESERVE < MIN_RENDER_TIME {
                return Err(Unrendered::NoBrowser("too little of timeout_ms was left to render the page".into()));
            }
            let rendered = renderer.render(self.request(job, &url, left)).await;
            drop(permit);
            match rendered {
                Ok(rendered) => return self.page_of(rendered, &requested_url),
                Err(RenderError::Diverted(to)) => {
                    let hop = match redirects {
                        Some(redirects) => redirects.decide(&to).await,
                        None => RedirectDecision::Follow,
                    };
                    match hop {
                        RedirectDecision::Follow => url = to,
                        RedirectDecision::Reject => return Err(Unrendered::Failed(FetchError::Diverted(Box::new(to)))),
                        RedirectDecision::Denied => return Err(Unrendered::Failed(FetchError::Denied(Box::new(to)))),
                    }
                }
                Err(error) => return Err(unrendered(job, error)),
            }
        }
        Err(Unrendered::Failed(FetchError::Unreachable("the page navigated through too many documents".into())))
    }

    fn request(&self, job: &Assignment, url: &Url, timeout: Duration) -> Request {
        let options = &job.spec.options;
        let mut request = Request::new(url.clone(), self.fetcher.user_agent(), timeout);
        request.headers = Fields(options.headers.of(url).map(|(name, value)| (name.into(), value.into())).collect());
        request.locale = options.locale.clone();
        request.wait_for = options.wait_for.as_ref().map(|wait_for| match wait_for {
            WaitFor::Selector(selector) => render::WaitFor::Selector(selector.clone()),
            WaitFor::Ms(ms) => render::WaitFor::After(Duration::from_millis(u64::from(*ms))),
        });
        request.capture = options.capture.iter().map(|Capture::Screenshot| render::Capture::Screenshot).collect();
        // Other documents may belong to other units, and robots.txt holds for each of them.
        request.documents = if job.is_crawl() { Documents::OnlyThis } else { Documents::Any };
        request
    }

    fn page_of(&self, rendered: Rendered, requested_url: &Url) -> Result<RenderedPage, Unrendered> {
        let Rendered { final_url, status, html, notes, robots_tag, screenshot, .. } = rendered;
        check_code(status, &final_url).map_err(Unrendered::Failed)?;
        let mut from = requested_url.clone();
        from.set_fragment(None);
        let page = Page {
            redirected: final_url != from,
            final_url,
            status,
            content_type: Some("text/html; charset=utf-8".into()),
            nofollow: robots_tag.is_some_and(|fields| self.fetcher.is_nofollow(&fields)),
            body: html.into_bytes().into(),
        };
        Ok(RenderedPage { page, notes, screenshot })
    }
}

fn unrendered(job: &Assignment, error: RenderError) -> Unrendered {
    Unrendered::Failed(match error {
        RenderError::Forbidden(text) => FetchError::Forbidden(text),
        RenderError::Unreachable(text) => FetchError::Unreachable(text),
        RenderError::LimitExceeded(text) => FetchError::Unsupported(text),
        // Names the timeout that the caller set, not the rest of it that rendering had.
        RenderError::Timeout(_) => FetchError::Timeout(Duration::from_millis(u64::from(job.timeout_ms))),
        RenderError::Diverted(to) => FetchError::Diverted(Box::new(to)),
        RenderError::NoAnswer => return Unrendered::NoAnswer,
        RenderError::NoPage(_) => return Unrendered::NoPage,
        RenderError::Internal(_) => return Unrendered::NoBrowser("the browser failed".into()),
    })
}

/// Returns whether the rendered page is the better answer: more values were found in it.
pub(crate) fn is_better(plain: &Values, rendered: &Result<Values, UnitError>) -> bool {
    let found = |values: &Values| values.data.values().filter(|value| is_found(value)).count();
    rendered.as_ref().is_ok_and(|rendered| found(rendered) > found(plain))
}

/// Returns whether to render at once: if the caller asked for that, or for a capture, whatever the page
/// shows without a browser.
pub(crate) fn renders_at_once(options: &Options) -> bool {
    options.render_js == RenderJs::Always || !options.capture.is_empty()
}

/// Returns the error of a page that only a browser should have read.
pub(crate) fn no_answer_error() -> UnitError {
    UnitError::new(ErrorCode::Timeout, format!("{}; the page was not read", Unrendered::NoAnswer))
}

/// Returns the warning of a page that asks for a browser where none is configured.
pub(crate) fn no_browser_warning(options: &Options) -> String {
    let wanted = if options.capture.is_empty() { "render_js was \"always\"" } else { "capture needs a browser" };
    format!(
        "{wanted}, but no browser is configured; the page was fetched without one. The operator of a local server can \
         install Chromium or set BROWSER to the path of one; in AWS, a function of its own renders pages \
         (docs/OPERATIONS.md#a-browser)"
    )
}

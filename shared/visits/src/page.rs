//! Visits one page: fetches it, reads it and returns the result. Knows nothing of rows. A panic or a hang in here
//! becomes the error of this unit and affects no other.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::result_size::limit_size;
use domain::{ErrorCode, RenderMode, Seq, UnitError, UnitOutcome};
use fetch::{FetchError, Page, RedirectPolicy, Throttled, UrlFault};
use permits::Permit;
use reader::Values;
use runtime::assignment::Assignment;
use runtime::semaphores::Semaphores;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;
use url::Url;

use crate::attempts::{FetchAttempts, PageFetcher};
use crate::crawl::{Crawler, FoundLinks, Redirects};
use crate::model_reader::ModelReader;
use crate::page_question::PageQuestion;
use crate::reading::{BodyPermits, Fetched, PageReader};
use crate::rendering::{
    PageRenderer, RenderedPage, Unrendered, is_better, no_answer_error, no_browser_warning, renders_at_once,
};
use crate::vision::PictureReader;

/// How to visit a page.
pub(crate) struct VisitPlan {
    /// The unit.
    pub(crate) seq: Seq,
    /// When the unit started; its timeout counts from here.
    pub(crate) started: Instant,
    /// The permit to fetch the page, given back once the page is fetched and its body may wait for a reader. If `None`,
    /// the visit waits for one.
    pub(crate) permit: Option<Permit>,
    /// Whether reading the page may have killed a process before. A child process then reads it.
    pub(crate) suspect: bool,
    /// Checks the page's redirects; set for crawls.
    pub(crate) redirects: Option<Arc<Redirects>>,
}

/// Result of a visit.
pub(crate) struct Visited {
    pub(crate) outcome: UnitOutcome,
    /// Whether the result is complete, so that it may be cached.
    pub(crate) is_complete: bool,
    /// Links that a crawl may follow.
    pub(crate) found: Option<FoundLinks>,
    /// Whether the page belongs to another unit, or robots.txt denies it. The unit then has no result of its own.
    pub(crate) duplicate: bool,
    /// The URL that answered, if one did, and whether it throttled.
    pub(crate) answered: Option<(Url, Option<Throttled>)>,
    /// A screenshot of the page, if one was asked for and taken.
    pub(crate) screenshot: Option<Vec<u8>>,
    /// A question for a model to be asked later; the outcome is provisional then.
    pub(crate) page_question: Option<PageQuestion>,
}

impl Visited {
    /// A result from the cache: nothing was fetched.
    pub(crate) fn recalled(outcome: UnitOutcome) -> Visited {
        Visited::of(outcome)
    }

    /// An outcome with nothing else to report.
    fn of(outcome: UnitOutcome) -> Visited {
        let (found, answered, screenshot, page_question) = (None, None, None, None);
        Visited { outcome, is_complete: true, found, duplicate: false, answered, screenshot, page_question }
    }

    /// A URL that cannot be fetched.
    pub(crate) fn unreachable(url: &str, fault: &UrlFault) -> Visited {
        Visited::failed(url, UnitError::new(ErrorCode::UrlUnreachable, fault.to_string()))
    }

    fn failed(url: &str, error: UnitError) -> Visited {
        Visited::of(UnitOutcome::error(url, error))
    }
}

/// Visits pages.
pub(crate) struct PageVisitor {
    pub(crate) fetcher: PageFetcher,
    pub(crate) renderer: PageRenderer,
    pub(crate) reader: PageReader,
    /// Asks for fields that the rules left open.
    pub(crate) model: Option<Arc<ModelReader>>,
    pub(crate) pictures: Arc<PictureReader>,
    pub(crate) crawler: Arc<Crawler>,
    pub(crate) semaphores: Semaphores,
}

impl PageVisitor {
    /// Visits a unit's page at `target`, which is `url` parsed. Never fails: errors are part of the outcome.
    pub(crate) async fn visit(
        self: &Arc<Self>,
        job: &Arc<Assignment>,
        url: &str,
        target: Url,
        plan: VisitPlan,
    ) -> Visited {
        let (visitor, job, owned_url) = (Arc::clone(self), Arc::clone(job), url.to_owned());
        let limit = Duration::from_millis(u64::from(job.timeout_ms));
        let end = plan.started + limit;
        // Runs in a task of its own. A panic ends only that task, and the task continues while the caller waits for a
        // row. Dropping this future ends it.
        let (usage, account) = (self.semaphores.parsers.usage().clone(), job.account.clone());
        let work = async move { visitor.fetch_and_read(&job, owned_url, target, plan, end).await }.in_current_span();
        let work = tokio::spawn(usage.metered(&account, work));
        match tokio::time::timeout_at(end.into(), AbortOnDropHandle::new(work)).await {
            Ok(Ok(visited)) => Visited { outcome: limit_size(visited.outcome), ..visited },
            Ok(Err(e)) => {
                tracing::error!(
                    panicked = e.is_panic(),
                    "the task that reads a page panicked or was ended; its unit ends as INTERNAL"
                );
                let text = "this page could not be read because of an internal error";
                Visited::failed(url, UnitError::new(ErrorCode::Internal, text))
            }
            Err(_) => Visited::failed(url, FetchError::Timeout(limit).into_unit_error()),
        }
    }

    async fn fetch_and_read(
        &self,
        job: &Arc<Assignment>,
        url: String,
        target: Url,
        mut plan: VisitPlan,
        end: Instant,
    ) -> Visited {
        let at_once = renders_at_once(&job.spec.options);
        let (mut notes, mut incomplete) = (Vec::new(), false);
        match self.renderer.of(job) {
            Some(renderer) if at_once => {
                // A page that waits for a browser holds no permit to fetch.
                drop(plan.permit.take());
                let redirects = plan.redirects.as_deref();
                match self.renderer.render_page(job, renderer, &target, redirects, end).await {
                    Ok(shown) => {
                        let mut answer = self.read_rendered(job, shown, &plan, end).await;
                        self.complete(job, &mut answer, end).await;
                        return visited(url, answer, None);
                    }
                    Err(Unrendered::Failed(error)) => return failed(&url, error, 1, plan.seq),
                    Err(Unrendered::NoAnswer) => return Visited::failed(&url, no_answer_error()),
                    Err(Unrendered::NoTurn) => {
                        let limit = Duration::from_millis(u64::from(job.timeout_ms));
                        return Visited::failed(&url, FetchError::Timeout(limit).into_unit_error());
                    }
                    Err(Unrendered::NoPage) => {}
                    Err(Unrendered::NoBrowser(why)) => {
                        notes.push(format!("{why}; the page was fetched without a browser"));
                        // A later visit may find a browser.
                        incomplete = true;
                    }
                }
            }
            None if at_once => notes.push(no_browser_warning(&job.spec.options)),
            Some(_) | None => {}
        }
        let permit = match plan.permit.take() {
            Some(permit) => permit,
            None => self.semaphores.pages.acquire(&job.account).await,
        };
        let redirects = plan.redirects.as_deref().map(|redirects| redirects as &dyn RedirectPolicy);
        let FetchAttempts { page, attempts, permit } =
            self.fetcher.fetch_page(job, &target, redirects, permit, end).await;
        let (page, large_body) = match page {
            Ok(page) => page,
            Err(error) => return failed(&url, error, attempts, plan.seq),
        };
        let body_permits = BodyPermits::take(&self.semaphores, &job.job, permit, large_body, &page.body);
        let mut answer = self.read_answer(job, page, body_permits, &plan, end).await;
        if let Some(Ok(values)) = answer.values.as_mut() {
            values.warnings.append(&mut notes);
            values.incomplete |= incomplete;
        }
        if let Some(rendered) = self.render_shell(job, &target, &mut answer, &plan, end).await {
            answer = rendered;
        }
        self.complete(job, &mut answer, end).await;
        visited(url, answer, Some(attempts))
    }

    /// Asks the operator's model for fields that the rules left open, if there is one and the caller waits for it.
    async fn complete(&self, job: &Assignment, answer: &mut Answer, end: Instant) {
        if let (Some(model), Some(Ok(values))) = (&self.model, answer.values.as_mut())
            && !model.waits_for_batch(job)
        {
            let with_pictures = values.compact.as_ref().and_then(|compact| self.pictures.wanted(job, compact));
            model.complete(job, &answer.at, values, end).await;
            if let Some(page) = with_pictures {
                self.pictures.read(job, &answer.at, page, values, end).await;
            }
        }
    }

    /// Renders a page that was fetched and turned out to be a shell, if there is a browser. Returns `None` if the
    /// fetched page is the better answer; if rendering failed, its warnings then say why.
    async fn render_shell(
        &self,
        job: &Arc<Assignment>,
        target: &Url,
        plain: &mut Answer,
        plan: &VisitPlan,
        end: Instant,
    ) -> Option<Answer> {
        let renderer = self.renderer.of(job)?;
        let values = plain.values.as_mut()?.as_mut().ok().filter(|values| values.shell)?;
        // The final URL, or the target. The target has the fragment, which the page's scripts may use.
        let url = if plain.redirected { &plain.at } else { target };
        let rendered = match self.renderer.acquire_slot(job, url, end).await {
            Some(()) => self.renderer.render_page(job, renderer, url, plan.redirects.as_deref(), end).await,
            None => Err(Unrendered::NoBrowser(
                "requests to this host are spaced, and the next one may be sent only after timeout_ms".into(),
            )),
        };
        let shown = match rendered {
            Ok(shown) => shown,
            Err(why) => {
                values.warnings.push(format!("the page seems to need a browser, but could not be rendered: {why}"));
                // A later visit may find a browser.
                values.incomplete |= !matches!(why, Unrendered::Failed(_) | Unrendered::NoPage);
                return None;
            }
        };
        let redirected = plain.redirected || shown.page.redirected;
        let answer = self.read_rendered(job, shown, plan, end).await;
        let better = answer.values.as_ref().is_some_and(|rendered| is_better(values, rendered));
        better.then_some(Answer { redirected, ..answer })
    }

    /// Reads a page that was rendered.
    async fn read_rendered(
        &self,
        job: &Arc<Assignment>,
        shown: RenderedPage,
        plan: &VisitPlan,
        end: Instant,
    ) -> Answer {
        let RenderedPage { page, notes, screenshot } = shown;
        // Its body waits for a reader like any other.
        let permit = self.semaphores.pages.acquire(&job.account).await;
        let large_body = Arc::new(self.semaphores.heavy.large_body_permits(&job.account));
        let body_permits = BodyPermits::take(&self.semaphores, &job.job, permit, large_body, &page.body);
        let mut answer = self.read_answer(job, page, body_permits, plan, end).await;
        if let Some(Ok(values)) = answer.values.as_mut() {
            values.render_mode = RenderMode::Headless;
            values.warnings.extend(notes);
        }
        Answer { screenshot, ..answer }
    }

    /// Reads a page and, for a crawl, checks its links.
    async fn read_answer(
        &self,
        job: &Arc<Assignment>,
        page: Page,
        body_permits: BodyPermits,
        plan: &VisitPlan,
        end: Instant,
    ) -> Answer {
        let (at, redirected) = (page.final_url.clone(), page.redirected);
        let link_filter = match &job.spec.crawl {
            Some(crawl) => self.crawler.link_filter(job, crawl, plan.seq, &page).await,
            None => None,
        };
        let fetched = Fetched { job, page, body_permits, link_filter: link_filter.clone(), end };
        match self.reader.read_page(fetched, plan.suspect).await {
            Some((values, links)) => {
                let found =
                    link_filter.map(|link_filter| FoundLinks { at: at.clone(), link_filter, links, end: end.into() });
                Answer { at, redirected, values: Some(values), found, screenshot: None }
            }
            None => Answer { at, redirected, values: None, found: None, screenshot: None },
        }
    }
}

/// Result of reading a page.
struct Answer {
    /// The page's final URL.
    at: Url,
    /// Whether that is not the URL that was requested.
    redirected: bool,
    /// `None` if its reader failed because of an internal error.
    values: Option<Result<Values, UnitError>>,
    found: Option<FoundLinks>,
    screenshot: Option<Vec<u8>>,
}

/// Returns the result of a page that was read.
fn visited(url: String, answer: Answer, attempts: Option<u32>) -> Visited {
    let Answer { at, redirected, values, found, screenshot } = answer;
    let final_url = redirected.then(|| at.to_string());
    let internal_error =
        || UnitError::new(ErrorCode::Internal, "this page could not be read because of an internal error");
    let (mut is_complete, mut page_question) = (true, None);
    let outcome = match values.unwrap_or_else(|| Err(internal_error())) {
        Ok(Values {
            data,
            warnings,
            render_mode,
            model_fields,
            incomplete,
            shell: _,
            compact,
            images_processed,
            explained,
        }) => {
            is_complete = !incomplete;
            // Fields that no model has been asked about yet.
            page_question =
                compact.filter(|compact| !compact.open.is_empty()).map(|compact| PageQuestion::new(&at, compact));
            UnitOutcome::Success {
                url,
                final_url,
                render_mode,
                data,
                warnings,
                images_processed,
                model_fields,
                captures: Vec::new(),
                explain: explained,
                attempts: None,
            }
        }
        Err(error) => UnitOutcome::Error { url, final_url, error, attempts: None },
    };
    let outcome = outcome.with_attempts(attempts.unwrap_or(1));
    Visited { outcome, is_complete, found, duplicate: false, answered: Some((at, None)), screenshot, page_question }
}

/// Returns the result of a page that could not be fetched.
fn failed(url: &str, error: FetchError, attempts: u32, seq: Seq) -> Visited {
    let answered = error.throttled_at().cloned().map(|at| (at, error.throttled()));
    // If robots.txt denies the target of a redirect, the unit is a duplicate. Only a seed reports it as its result.
    let duplicate = matches!(error, FetchError::Diverted(_)) || matches!(error, FetchError::Denied(_)) && seq > 0;
    let outcome = UnitOutcome::error(url, error.into_unit_error()).with_attempts(attempts);
    Visited { answered, duplicate, ..Visited::of(outcome) }
}

//! One unit of a job: prepares it (a slot of its host, a permit) and visits its page. Does not read or write segments.

use std::sync::Arc;
use std::time::Instant;

use domain::segment::UnitEnd;
use domain::{AccountId, Endpoint, Seq, Timestamp, UnitOutcome, synthetic};
use fetch::UrlFault;
use permits::Permit;
use runtime::assignment::{Assignment, JobReader};
use runtime::context::Context;
use runtime::semaphores::Semaphores;
use store::StoreError;
use store::results::ResultText;
use url::Url;

use crate::cache::ResultCache;
use crate::captures::Captures;
use crate::crawl::Crawler;
use crate::hosts::Slot;
use crate::pacing::UnitPacing;
use crate::page::{PageVisitor, VisitPlan, Visited};
use crate::page_question::QuestionStore;

/// Maximum wait of a unit for its host's next slot, in milliseconds. If the slot is later, the unit is deferred.
const MAX_SLOT_WAIT_MS: i64 = 5_000;

/// The result of a visited page.
pub struct PageResult {
    /// Attempt of the unit.
    pub attempt: u8,
    /// The outcome.
    pub outcome: UnitOutcome,
    /// The outcome as JSON text, as it is stored and sent.
    pub text: String,
}

impl PageResult {
    /// Returns the result as a row of unit `seq`.
    pub fn row(&self, seq: Seq) -> ResultText {
        ResultText { seq, attempt: self.attempt, text: self.text.clone() }
    }
}

/// A unit that may be run.
pub struct ReadyUnit {
    url: String,
    target: Result<Url, UrlFault>,
    permit: Option<Permit>,
    suspect: bool,
    started: Instant,
}

/// Result of a unit's task.
pub enum TaskOutcome {
    /// The unit may be run.
    Ready {
        /// The unit.
        seq: Seq,
        /// What it is run with.
        ready: ReadyUnit,
        /// Whether its host spaces pages, so that other units do not start with it.
        paced: bool,
    },
    /// The unit's host has no slot until then.
    Deferred {
        /// The unit.
        seq: Seq,
        /// When there is a slot.
        until: Timestamp,
    },
    /// robots.txt denies the page.
    Denied(Seq),
    /// The unit was not run, or its result could not be stored: prepare it again.
    Dropped(Seq),
    /// The unit ended.
    Ended(Visit, UnitEnd),
    /// The page was read, and a model is to be asked later for open fields.
    Asked(Visit),
}

/// A page that was visited, and what a crawl did with its links.
pub struct Visit {
    /// The unit.
    pub seq: Seq,
    /// URLs that matched and will not be fetched.
    pub skipped: u32,
    /// How many units the crawl has, as far as this process admitted them.
    pub admitted: u32,
    /// When the visit ended.
    pub at: Timestamp,
    /// The result.
    pub result: PageResult,
}

/// Prepares and runs units.
pub struct UnitRunner {
    pub(crate) context: Arc<Context>,
    pub(crate) jobs: Arc<JobReader>,
    pub(crate) pacing: Arc<UnitPacing>,
    pub(crate) crawler: Arc<Crawler>,
    pub(crate) visitor: Arc<PageVisitor>,
    pub(crate) cache: Arc<ResultCache>,
    pub(crate) captures: Captures,
    pub(crate) questions: QuestionStore,
    pub(crate) semaphores: Semaphores,
}

impl UnitRunner {
    /// Gets a slot of its host and a permit for a unit. The unit's runner ends at `until`, so no later slot is booked.
    ///
    /// # Errors
    /// Store errors.
    pub async fn prepare(
        &self,
        work: &Arc<Assignment>,
        seq: Seq,
        suspect: bool,
        until: Option<Timestamp>,
    ) -> Result<TaskOutcome, StoreError> {
        let url = self.jobs.input_of(work, seq).await?.url.clone();
        // A URL that cannot be fetched has no host to wait for; it becomes the unit's error.
        let target = fetch::check_url(&url);
        let started = Instant::now();
        let ready = |target, permit| ReadyUnit { url: url.clone(), target, permit, suspect, started };
        if work.endpoint == Endpoint::Extract {
            // The timeout of an extract is already running: it waits for a permit within it.
            return Ok(TaskOutcome::Ready { seq, ready: ready(target, None), paced: false });
        }
        let mut paced = false;
        if let Ok(target) = &target {
            if !suspect && self.crawler.seed_is_denied(work, seq, target).await {
                return Ok(TaskOutcome::Denied(seq));
            }
            let latest = self.context.now().plus_ms(MAX_SLOT_WAIT_MS);
            match self.pacing.wait(work, target, until.map_or(latest, |until| until.min(latest))).await? {
                // If nothing spaces a crawl's pages, they start in groups, as a batch's do.
                Slot::At(_) => paced = work.is_crawl() && self.context.settings().host_delay_ms > 0,
                Slot::Later(until) => return Ok(TaskOutcome::Deferred { seq, until }),
            }
        }
        // A unit that has not started waits for a permit without a limit; one that has started
        // waits within its timeout.
        let permit = match suspect {
            true => None,
            false => match self.page_permit(&work.account).await {
                Some(permit) => Some(permit),
                None => return Ok(TaskOutcome::Dropped(seq)),
            },
        };
        Ok(TaskOutcome::Ready { seq, ready: ready(target, permit), paced })
    }

    /// Visits a unit's page and, for a crawl, admits its links.
    pub async fn run_page(&self, work: Arc<Assignment>, seq: Seq, attempt: u8, ready: ReadyUnit) -> TaskOutcome {
        let ReadyUnit { url, target, permit, suspect, started } = ready;
        let extract = work.endpoint == Endpoint::Extract;
        let started = if extract { started } else { Instant::now() };
        let mut visited = match target {
            Ok(target) => {
                let recalled = if extract { self.cache.recall(&work, &url).await } else { None };
                match recalled {
                    Some(outcome) => Visited::recalled(outcome),
                    None => {
                        let redirects = self.crawler.redirects(&work, seq);
                        let plan = VisitPlan { seq, started, permit, suspect, redirects };
                        let mut visited = self.visitor.visit(&work, &url, target, plan).await;
                        if let Some((at, throttled)) = visited.answered.take().filter(|_| !extract) {
                            self.pacing.record_response(&work, &at, throttled).await;
                        }
                        visited
                    }
                }
            }
            Err(fault) => {
                drop(permit);
                Visited::unreachable(&url, &fault)
            }
        };
        if let Some(png) = visited.screenshot.take() {
            self.captures.store(&work, seq, png, &mut visited.outcome).await;
        }
        let skipped = match (&work.spec.crawl, visited.found.take()) {
            (Some(plan), Some(found)) => match self.crawler.grow_from(&work, plan, seq, attempt, found).await {
                Ok(skipped) => skipped,
                Err(error) => {
                    tracing::warn!(job = %work.id, seq, %error, "could not admit a page's links; trying again");
                    return TaskOutcome::Dropped(seq);
                }
            },
            _ => 0,
        };
        let at = self.context.now();
        let end = match (&visited.outcome, visited.duplicate) {
            (_, true) => UnitEnd::Duplicate,
            (outcome, false) if outcome.succeeded() => UnitEnd::Succeeded,
            _ => UnitEnd::Failed,
        };
        if extract && visited.is_complete {
            // In a task of its own, so that the settlement does not wait for it.
            let (cache, work, outcome) = (Arc::clone(&self.cache), Arc::clone(&work), visited.outcome.clone());
            self.context.spawn(async move { cache.remember(&work, &url, &outcome, at).await });
        }
        let admitted = if work.is_crawl() { self.crawler.caches.of(&work.id).admitted() } else { 0 };
        let visit = |outcome: UnitOutcome| {
            let text = synthetic::json(&outcome);
            Visit { seq, skipped, admitted, at, result: PageResult { attempt, outcome, text } }
        };
        if let Some(page_question) = visited.page_question.take().filter(|_| end == UnitEnd::Succeeded) {
            return match self.questions.store(&work, (seq, attempt), page_question, visited.outcome).await {
                Ok(outcome) => TaskOutcome::Asked(visit(outcome)),
                Err(error) => {
                    tracing::warn!(job = %work.id, seq, %error, "could not store a page's question; trying again");
                    TaskOutcome::Dropped(seq)
                }
            };
        }
        TaskOutcome::Ended(visit(visited.outcome), end)
    }

    /// Waits for a permit to fetch a page. Returns `None` if the process has to end.
    async fn page_permit(&self, account: &AccountId) -> Option<Permit> {
        let permit = self.semaphores.pages.acquire(account).await;
        (!self.context.stopping()).then_some(permit)
    }
}

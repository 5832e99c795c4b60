//! The pages of a runner: each is prepared (its host's slot, a permit) and run in tasks of their own, which end with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use domain::machine::Event;
use domain::pace::AccountTag;
use domain::segment::UnitEnd;
use domain::{Endpoint, Seq, Timestamp, UnitOutcome};
use fetch::UrlFault;
use store::StoreError;
use store::results::ResultText;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tracing::Instrument;
use url::Url;

use super::{Runner, RunnerAccess};
use crate::Engine;
use crate::assignment::Assignment;
use crate::gate::Permit;
use crate::hosts::Slot;
use crate::page::{Visit, Visited};
use crate::synthetic;

/// A unit whose host's next slot is further away than this does not wait for it.
const NEAR_MS: i64 = 5_000;

/// What a page came to.
pub(super) struct Result {
    pub(super) attempt: u8,
    pub(super) outcome: UnitOutcome,
    pub(super) text: String,
}

impl Result {
    pub(super) fn row(&self, seq: Seq) -> ResultText {
        ResultText { seq, attempt: self.attempt, text: self.text.clone() }
    }
}

/// A unit that may be run.
pub(super) struct Ready {
    url: String,
    target: std::result::Result<Url, UrlFault>,
    permit: Option<Permit>,
    suspect: bool,
    started: Instant,
}

/// What a task came to.
pub(super) enum Page {
    Ready { seq: Seq, ready: Ready, paced: bool },
    Deferred { seq: Seq, until: Timestamp },
    Denied(Seq),
    Dropped(Seq),
    Ended { seq: Seq, end: UnitEnd, skipped: u32, admitted: u32, at: Timestamp, result: Result },
}

/// What is under way.
#[derive(Default)]
pub(super) struct Pages {
    ready: HashMap<Seq, Ready>,
    handles: HashMap<Seq, AbortHandle>,
    seqs: HashMap<Id, Seq>,
}

impl Pages {
    fn spawn(&mut self, tasks: &mut JoinSet<Page>, seq: Seq, work: impl Future<Output = Page> + Send + 'static) {
        let handle = tasks.spawn(work.in_current_span());
        self.seqs.insert(handle.id(), seq);
        self.handles.insert(seq, handle);
    }

    /// Gets a unit its host's slot and a permit.
    pub(super) fn prepare(
        &mut self,
        tasks: &mut JoinSet<Page>,
        engine: Engine,
        work: Arc<Assignment>,
        seq: Seq,
        suspect: bool,
        until: Option<Timestamp>,
    ) {
        self.spawn(tasks, seq, async move {
            match engine.prepare(&work, seq, suspect, until).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(job = %work.id, seq, %error, "a unit could not be prepared; trying again");
                    Page::Dropped(seq)
                }
            }
        });
    }

    /// Runs a unit that is ready.
    pub(super) fn run(
        &mut self,
        tasks: &mut JoinSet<Page>,
        engine: Engine,
        work: Arc<Assignment>,
        seq: Seq,
        attempt: u8,
    ) {
        let Some(ready) = self.ready.remove(&seq) else {
            // Its permit went with an abort that crossed the write.
            return self.spawn(tasks, seq, async move { Page::Dropped(seq) });
        };
        self.spawn(tasks, seq, async move { engine.run_page(work, seq, attempt, ready).await });
    }

    /// Stops whatever is under way for a unit.
    pub(super) fn abort(&mut self, seq: Seq) {
        self.ready.remove(&seq);
        if let Some(handle) = self.handles.remove(&seq) {
            self.seqs.remove(&handle.id());
            handle.abort();
        }
    }

    /// The unit of a task that ended, unless that was aborted.
    fn ended(&mut self, id: Id) -> Option<Seq> {
        let seq = self.seqs.remove(&id)?;
        self.handles.remove(&seq);
        Some(seq)
    }
}

impl<A: RunnerAccess> Runner<A> {
    /// Tells the machine what came of a task.
    pub(super) fn joined(&mut self, joined: std::result::Result<(Id, Page), JoinError>) {
        let (id, page) = match joined {
            Ok((id, page)) => (id, Some(page)),
            Err(error) => (error.id(), None),
        };
        let Some(seq) = self.pages.ended(id) else { return };
        let at = self.engine.moment();
        let event = match page {
            Some(Page::Ready { seq, ready, paced }) => {
                self.pages.ready.insert(seq, ready);
                Event::Ready { seq, paced }
            }
            Some(Page::Deferred { seq, until }) => Event::Deferred { seq, until },
            Some(Page::Denied(seq)) => Event::Denied(seq),
            Some(Page::Dropped(seq)) => Event::Dropped(seq),
            Some(Page::Ended { seq, end, skipped, admitted, at: when, result }) => {
                if admitted > 0 {
                    self.machine.handle(Event::Admitted(admitted), at);
                }
                let attempt = result.attempt;
                self.results.insert(seq, result);
                Event::Ended { seq, attempt, end, at: when, skipped }
            }
            None => {
                tracing::error!(job = %self.work.id, seq, "a unit's task panicked");
                Event::Dropped(seq)
            }
        };
        self.machine.handle(event, at);
    }
}

impl Engine {
    async fn prepare(
        &self,
        work: &Arc<Assignment>,
        seq: Seq,
        suspect: bool,
        until: Option<Timestamp>,
    ) -> std::result::Result<Page, StoreError> {
        let url = self.input_of(work, seq).await?.url.clone();
        // What cannot be asked for has no host to wait for; it is the unit's error.
        let target = fetch::check_url(&url);
        let started = Instant::now();
        let ready = |target, permit| Ready { url: url.clone(), target, permit, suspect, started };
        if work.endpoint == Endpoint::Extract {
            // Its time runs: it waits for a permit within it.
            return Ok(Page::Ready { seq, ready: ready(target, None), paced: false });
        }
        let mut paced = false;
        if let Ok(target) = &target {
            if !suspect && self.seed_is_denied(work, seq, target).await {
                return Ok(Page::Denied(seq));
            }
            let near = self.now().plus_ms(NEAR_MS);
            match self.wait_for_slot(work, target, until.map_or(near, |until| until.min(near))).await? {
                // Where nothing spaces the pages of a crawl, they start in groups as a batch's do.
                Slot::At(_) => paced = work.is_crawl() && self.settings().host_delay_ms > 0,
                Slot::Later(until) => return Ok(Page::Deferred { seq, until }),
            }
        }
        // What has not started waits for a permit as long as it takes. What has waits within its time.
        let permit = match suspect {
            true => None,
            false => match self.page_permit(&work.account).await {
                Some(permit) => Some(permit),
                None => return Ok(Page::Dropped(seq)),
            },
        };
        Ok(Page::Ready { seq, ready: ready(target, permit), paced })
    }

    /// Visits a unit's page, and of a crawl admits what it links to.
    async fn run_page(&self, work: Arc<Assignment>, seq: Seq, attempt: u8, ready: Ready) -> Page {
        let Ready { url, target, permit, suspect, started } = ready;
        let extract = work.endpoint == Endpoint::Extract;
        let started = if extract { started } else { Instant::now() };
        let mut visited = match target {
            Ok(target) => {
                let recalled = if extract { self.recall(&work, &url).await } else { None };
                match recalled {
                    Some(outcome) => Visited::recalled(outcome),
                    None => {
                        let redirects = self.redirects(&work, seq);
                        let visit = Visit { seq, started, permit, suspect, redirects };
                        let mut visited = self.visit(&work, &url, target, visit).await;
                        if let Some((at, throttled)) = visited.answered.take().filter(|_| !extract) {
                            self.record_response(AccountTag::of(&work.account), &at, throttled).await;
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
            self.keep(&work, seq, png, &mut visited.outcome).await;
        }
        let skipped = match (&work.spec.crawl, visited.found.take()) {
            (Some(plan), Some(found)) => match self.grow_from(&work, plan, seq, attempt, found).await {
                Ok(skipped) => skipped,
                Err(error) => {
                    tracing::warn!(job = %work.id, seq, %error, "a page's links could not be admitted; trying again");
                    return Page::Dropped(seq);
                }
            },
            _ => 0,
        };
        let at = self.now();
        let end = match (&visited.outcome, visited.duplicate) {
            (_, true) => UnitEnd::Duplicate,
            (outcome, false) if outcome.succeeded() => UnitEnd::Succeeded,
            _ => UnitEnd::Failed,
        };
        if extract && visited.is_whole {
            // Beside the settlement, so that nobody waits for it.
            let (engine, work, outcome) = (self.clone(), Arc::clone(&work), visited.outcome.clone());
            self.inner.drives.spawn(async move { engine.remember(&work, &url, &outcome, at).await }.in_current_span());
        }
        let admitted = if work.is_crawl() { self.inner.crawls.of(&work.id).admitted() } else { 0 };
        let text = synthetic::json(&visited.outcome);
        Page::Ended { seq, end, skipped, admitted, at, result: Result { attempt, outcome: visited.outcome, text } }
    }

    /// Waits until this page's host may be asked again; where that is later than `latest`, says so and books nothing.
    async fn wait_for_slot(
        &self,
        work: &Assignment,
        url: &Url,
        latest: Timestamp,
    ) -> std::result::Result<Slot, StoreError> {
        let crawl_delay = self.crawl_delay(work, url).await;
        let by = AccountTag::of(&work.account);
        loop {
            // Before a slot is taken that nobody would use; afterwards, because the host may have said something since.
            if let Some(opens) = self.closed_until(by, url) {
                if opens > latest {
                    return Ok(Slot::Later(opens));
                }
                self.sleep_until(opens).await;
            } else {
                let slot = self.acquire_slot(url, work.is_crawl(), crawl_delay, latest).await?;
                let Slot::At(start) = slot else { return Ok(slot) };
                self.sleep_until(start).await;
                if self.closed_until(by, url).is_none() {
                    return Ok(slot);
                }
            }
            if self.stopping() {
                return Ok(Slot::At(self.now()));
            }
        }
    }

    /// How far apart the site wants the pages of a crawl.
    pub(crate) async fn crawl_delay(&self, work: &Assignment, url: &Url) -> Option<std::time::Duration> {
        match &work.spec.crawl {
            Some(plan) if !plan.ignore_robots => self.robots(url).await.crawl_delay(),
            Some(_) | None => None,
        }
    }

    async fn sleep_until(&self, moment: Timestamp) {
        while self.now() < moment && !self.stopping() {
            let left = moment.ms_since(self.now()).clamp(1, 500);
            tokio::time::sleep(std::time::Duration::from_millis(left)).await;
        }
    }
}

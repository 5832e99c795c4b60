//! One unit from claim to finish, the same for a driver in a handler and for a worker behind the queue.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::job::CrawlFigures;
use domain::pace::Witness;
use domain::progress::Fate;
use domain::unit::Unit;
use domain::{Job, JobState, Nonce, Seq, Timestamp};
use store::StoreError;
use store::units::UnitWrite;
use url::Url;

use crate::Engine;
use crate::page::{Visit, Visited};
use crate::unit::{Ending, Start, fate};
use crate::watch::Watch;

/// What came of it.
#[derive(Debug)]
pub(crate) enum Done {
    /// The unit has ended; the result's JSON text and when that was, if it was made here.
    Ended(Fate, Option<(String, Timestamp)>),
    /// Somebody else is at it.
    Held(Unit),
    /// The job's state forbids to start it, or this process ends.
    Stopped,
}

impl Engine {
    /// Claims, runs and finishes a unit. `me` is the same for every try of one driver or message, so that it knows its
    /// own writes again; `row` is what is known of the unit.
    pub(crate) async fn run_unit(
        &self,
        job: &Arc<Job>,
        watch: &Watch,
        me: &Nonce,
        seq: Seq,
        row: Option<Unit>,
        url: &str,
    ) -> Result<Done, StoreError> {
        // What cannot be asked for has no host to wait for; it is the unit's error.
        let target = fetch::check_url(url);
        if let Ok(target) = &target
            && watch.state().await? == JobState::Running
        {
            if self.seed_is_denied(job, seq, target).await {
                return self.deny(job, seq).await;
            }
            self.wait_for_turn(job, target).await?;
        }
        // What has not started waits for its place as long as it takes. What has waits within its time.
        let suspect = row.is_some();
        let place = match suspect {
            true => None,
            false => match self.page_place(&job.account).await {
                Some(place) => Some(place),
                None => return Ok(Done::Stopped),
            },
        };
        if self.stopping() {
            return Ok(Done::Stopped);
        }
        match watch.state().await? {
            JobState::Running if row.is_some() || watch.job().await.deadline > self.now() => {}
            // What has started is brought to its end: whoever knows of no row has to look.
            JobState::Cancelling | JobState::FailingFast if row.is_some() => {}
            JobState::Cancelling | JobState::FailingFast => {
                let found = self.again(|| self.store().unit(&job.id, seq)).await?.map(|row| row.unit);
                return Ok(match found {
                    None => Done::Stopped,
                    Some(unit) => match fate(&unit) {
                        Some(fate) => Done::Ended(fate, None),
                        None => Done::Held(unit),
                    },
                });
            }
            JobState::Running | JobState::Expiring | JobState::Ended(_) => return Ok(Done::Stopped),
        }
        let mine = match self.start_unit(job, seq, me, row, url).await? {
            Start::Mine(claim) => claim,
            Start::Held(unit) => return Ok(Done::Held(unit)),
            Start::Ended(fate) => {
                if fate == Fate::Closed {
                    watch.doubt().await;
                }
                return Ok(Done::Ended(fate, None));
            }
        };
        let mut visited = match target {
            Ok(target) => {
                let redirects = self.redirects(job, &mine);
                let visit = Visit { seq, started: Instant::now(), place, suspect, redirects };
                let mut visited = self.visit(job, url, target, visit).await;
                if let Some((at, throttled)) = visited.answered.take() {
                    self.heard(Witness::of(&job.account), &at, throttled).await;
                }
                visited
            }
            Err(fault) => {
                drop(place);
                Visited::unreachable(url, &fault)
            }
        };
        let figures = match (&job.crawl, visited.found.take()) {
            (Some(plan), Some(found)) => self.grow_from(job, plan, &mine, found).await?,
            _ => CrawlFigures::default(),
        };
        match self.finish_unit(job, &mine, &visited, figures).await? {
            Some(Ending { fate, text, at }) => Ok(Done::Ended(fate, (fate != Fate::Closed).then_some((text, at)))),
            None => {
                let row = self.again(|| self.store().unit(&job.id, seq)).await?;
                row.map(|r| Done::Held(r.unit)).ok_or_else(|| StoreError::Malformed("a started unit vanished".into()))
            }
        }
    }

    /// Waits until this page's host may be asked again.
    async fn wait_for_turn(&self, job: &Job, url: &Url) -> Result<(), StoreError> {
        let crawl_delay = self.crawl_delay(job, url).await;
        let by = Witness::of(&job.account);
        loop {
            // Before a turn is taken that nobody would use; afterwards, because the host may have said something since.
            if let Some(opens) = self.closed_until(by, url) {
                self.sleep_until(opens).await;
            } else {
                let turn = self.turn(url, job.crawl.is_some(), crawl_delay).await?;
                self.sleep_until(turn).await;
                if self.closed_until(by, url).is_none() {
                    return Ok(());
                }
            }
            if self.stopping() {
                return Ok(());
            }
        }
    }

    /// How far apart the site wants the pages of a crawl.
    pub(crate) async fn crawl_delay(&self, job: &Job, url: &Url) -> Option<Duration> {
        match &job.crawl {
            Some(plan) if !plan.ignore_robots => self.robots(url).await.crawl_delay(),
            Some(_) | None => None,
        }
    }

    async fn sleep_until(&self, moment: Timestamp) {
        while self.now() < moment && !self.stopping() {
            tokio::time::sleep(Duration::from_millis(moment.ms_since(self.now()).clamp(1, 500))).await;
        }
    }

    /// A seed that robots.txt denies never starts: it is closed, and its marker says why.
    async fn deny(&self, job: &Job, seq: Seq) -> Result<Done, StoreError> {
        Ok(match self.again(|| self.store().close(job, seq, self.now())).await? {
            UnitWrite::Written => Done::Ended(Fate::Closed, None),
            UnitWrite::Refused(Some(unit)) => match fate(&unit) {
                Some(fate) => Done::Ended(fate, None),
                None => Done::Held(unit),
            },
            UnitWrite::Refused(None) => Done::Stopped,
        })
    }
}

//! The results of a job in input order, as they become known: from the driver in this process while there is one,
//! from the rows otherwise. What a response body is written from; it cannot tell the two apart.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::progress::Fate;
use domain::unit::Unit;
use domain::{Job, JobId, JobState, Seq};
use store::StoreError;
use store::units::UnitRow;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::Engine;
use crate::driver::Event;
use crate::marker;

/// Most results that are read from rows at once.
const PAGE: Seq = 32;
/// Shortest and longest wait between two looks at the rows.
const POLL: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(1_000));

/// What a feed gives next.
#[derive(Debug)]
pub enum Item {
    /// The next result's JSON text.
    Result(String),
    /// Every result was given; the job as it ended.
    End(Box<Job>),
}

/// A job's results in input order.
#[derive(Debug)]
pub struct Feed {
    engine: Engine,
    job: Job,
    urls: Option<Arc<Vec<String>>>,
    events: Option<UnboundedReceiver<Event>>,
    ready: BTreeMap<Seq, String>,
    next: Seq,
    poll: Duration,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", self.settings()).finish_non_exhaustive()
    }
}

impl Feed {
    pub(crate) fn live(engine: Engine, job: Job, urls: Arc<Vec<String>>, events: UnboundedReceiver<Event>) -> Feed {
        let (ready, poll) = (BTreeMap::new(), POLL.0);
        Feed { engine, job, urls: Some(urls), events: Some(events), ready, next: 0, poll }
    }

    /// The job as last seen.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The number of the result that is given next.
    pub fn position(&self) -> Seq {
        self.next
    }

    /// The next result, or the end. Waits as long as it takes. Dropping the future loses no result.
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn next(&mut self) -> Result<Item, StoreError> {
        loop {
            if let Some(text) = self.ready.remove(&self.next) {
                self.next += 1;
                return Ok(Item::Result(text));
            }
            if let Some(events) = &mut self.events {
                match events.recv().await {
                    Some(Event::Result(seq, text)) => drop(self.ready.insert(seq, text)),
                    None => self.events = None,
                }
                continue;
            }
            if self.job.state.ended() && self.next >= self.job.admitted {
                return Ok(Item::End(Box::new(self.job.clone())));
            }
            self.look().await?;
        }
    }

    /// Reads what the rows have that was not given yet; waits a little where that is nothing.
    async fn look(&mut self) -> Result<(), StoreError> {
        if !self.job.state.ended() {
            let engine = self.engine.clone();
            let id = self.job.id.clone();
            self.job = engine.reread(&id).await?;
        }
        let until = if self.job.state.ended() {
            self.job.admitted
        } else {
            let progress = self.engine.again(|| self.engine.store().progress(&self.job.id)).await?;
            (self.next..self.job.admitted)
                // The reason for a closed unit is the state's; where the state was read before it, wait for the next look.
                .find(|seq| match progress.fate(*seq) {
                    Some(Fate::Closed) => self.job.state == JobState::Running,
                    Some(Fate::Done | Fate::Failed) => false,
                    None => true,
                })
                .unwrap_or(self.job.admitted)
        };
        if self.next >= until {
            if !self.job.state.ended() {
                tokio::time::sleep(self.poll).await;
                self.poll = (self.poll * 3 / 2).min(POLL.1);
            }
            return Ok(());
        }
        self.poll = POLL.0;
        // Results that came by way of the driver need not be read again.
        let last = (self.next + PAGE).min(until) - 1;
        let rows = self.engine.again(|| self.engine.store().results(&self.job.id, self.next, last)).await?;
        self.take(rows).await
    }

    async fn take(&mut self, rows: Vec<UnitRow>) -> Result<(), StoreError> {
        for row in rows {
            let text = match (row.unit, row.result) {
                (Unit::Done { .. }, Some(text)) => text,
                (Unit::Closed, _) => {
                    marker::error_json(&self.url(row.seq).await?, marker::closed_error(self.job.state))
                }
                (Unit::Done { .. } | Unit::Started { .. }, _) => continue,
            };
            self.ready.entry(row.seq).or_insert(text);
        }
        if self.job.state.ended() && !self.ready.contains_key(&self.next) {
            let text = format!("{}: unit {} has no result though the job ended", self.job.id, self.next);
            return Err(StoreError::Malformed(text));
        }
        Ok(())
    }

    /// The URL of a unit.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn url(&mut self, seq: Seq) -> Result<String, StoreError> {
        let urls = match &self.urls {
            Some(urls) => Arc::clone(urls),
            None => {
                let urls = Arc::new(self.engine.again(|| self.engine.store().inputs(&self.job.id)).await?);
                self.urls = Some(Arc::clone(&urls));
                urls
            }
        };
        Ok(urls.get(seq as usize).cloned().unwrap_or_default())
    }
}

impl Engine {
    /// The results of a job that may run anywhere, or have ended, from number `from` on.
    pub fn follow(&self, job: Job, from: Seq) -> Feed {
        let next = from.min(job.admitted);
        Feed { engine: self.clone(), job, urls: None, events: None, ready: BTreeMap::new(), next, poll: POLL.0 }
    }

    /// A job that is still kept.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, StoreError> {
        let job = self.again(|| self.store().job(id)).await?;
        Ok(job.filter(|job| job.retained(self.now())))
    }
}

//! Drives one job to its end: claims its units, runs them, writes progress in groups, winds it down when it is
//! cancelled, fails fast or meets its deadline, and settles it. A fresh job and one whose driver died take the same
//! way; the second begins by reading what is there.

mod winding;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::progress::{Fate, Progress};
use domain::unit::Unit;
use domain::{Job, JobState, Seq, Timestamp};
use store::StoreError;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::Engine;
use crate::lease::Keeper;
use crate::unit::{Start, fate};
use crate::watch::Watch;

/// What a driver tells whoever listens, as it happens.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A unit's result is in its row; this is its JSON text.
    Result(Seq, String),
}

/// How long a driver that can only wait sleeps.
const IDLE_PAUSE: Duration = Duration::from_millis(250);
/// How often units that others hold are looked at.
const HELD_LOOK: Duration = Duration::from_secs(2);
/// Store faults in a row after which a driver gives the job up for a sweeper to take.
const FAULTS: u32 = 5;

/// Where a unit stands, as this driver knows it.
enum Slot {
    /// Nobody is known to have started it.
    Open,
    /// A task of this driver is at it.
    Running,
    /// Somebody else has started it.
    Held(Unit),
}

/// What a unit's task came back with.
enum Done {
    Ended(Fate, Option<String>),
    Held(Unit),
    /// The job's state forbids to start it.
    Stopped,
}

struct Driver {
    engine: Engine,
    job: Arc<Job>,
    urls: Arc<Vec<String>>,
    watch: Arc<Watch>,
    keeper: Keeper,
    events: Option<UnboundedSender<Event>>,
    /// Units that have not ended.
    slots: BTreeMap<Seq, Slot>,
    ended: Progress,
    unwritten: Vec<(Seq, Fate)>,
    tasks: JoinSet<Result<Done, StoreError>>,
    running: BTreeMap<Id, Seq>,
    faults: u32,
}

impl Engine {
    /// Drives a job whose driver lease this process holds. `fresh` says that no unit can have a row yet.
    pub(crate) async fn drive(
        &self,
        job: Job,
        urls: Arc<Vec<String>>,
        fresh: bool,
        events: Option<UnboundedSender<Event>>,
    ) -> Result<(), StoreError> {
        let mut driver = Driver {
            engine: self.clone(),
            watch: Arc::new(Watch::new(self.clone(), job.clone(), self.now())),
            keeper: Keeper::start(self, &job),
            slots: job.seqs().map(|seq| (seq, Slot::Open)).collect(),
            job: Arc::new(job),
            urls,
            events,
            ended: Progress::default(),
            unwritten: Vec::new(),
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            faults: 0,
        };
        if !fresh {
            driver.read_rows().await?;
        }
        driver.run().await
    }
}

impl Driver {
    /// Learns what became of the units so far, and adds what progress lacks.
    async fn read_rows(&mut self) -> Result<(), StoreError> {
        let (engine, job) = (self.engine.clone(), Arc::clone(&self.job));
        let known = engine.again(|| engine.store().progress(&job.id)).await?;
        for row in engine.again(|| engine.store().units(&job.id, 0, job.admitted)).await? {
            self.learn(row.seq, row.unit);
        }
        self.unwritten.retain(|(seq, _)| known.fate(*seq).is_none());
        Ok(())
    }

    async fn run(mut self) -> Result<(), StoreError> {
        let flush_every = Duration::from_millis(self.engine.settings().progress_ms.max(1));
        let mut next_flush = Instant::now() + flush_every;
        let mut next_look = Instant::now();
        let mut winding = false;
        while !self.slots.is_empty() {
            if self.faults >= FAULTS {
                return self.give_up().await;
            }
            let starting = !self.keeper.lost() && !self.engine.stopping();
            if !starting && self.tasks.is_empty() {
                return self.stop().await;
            }
            if starting {
                if !winding {
                    self.start_open();
                }
                self.take_over_expired();
            }
            // With tasks under way the next claim looks at the state; with none somebody has to.
            if self.tasks.is_empty() || winding || self.engine.now() >= self.job.deadline {
                winding = self.wind_down().await;
            }
            if Instant::now() >= next_look && self.slots.values().any(|s| matches!(s, Slot::Held(_))) {
                self.look_at_held().await;
                next_look = Instant::now() + HELD_LOOK;
            }
            if self.slots.is_empty() {
                break;
            }
            let pause = if self.tasks.is_empty() { IDLE_PAUSE } else { flush_every };
            tokio::select! {
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined, &mut winding).await,
                () = tokio::time::sleep(pause) => {}
            }
            while let Some(joined) = self.tasks.try_join_next_with_id() {
                self.joined(joined, &mut winding).await;
            }
            if Instant::now() >= next_flush {
                self.flush().await;
                next_flush = Instant::now() + flush_every;
            }
        }
        let (job, unwritten) = (self.watch.job().await, std::mem::take(&mut self.unwritten));
        self.engine.settle_job(&job, &self.ended, &unwritten).await?;
        Ok(())
    }

    /// Spawns tasks for open units, lowest first, up to the job's concurrency.
    fn start_open(&mut self) {
        let settings = self.engine.settings();
        let asked = self.job.options.concurrency.unwrap_or(settings.default_concurrency);
        let most = asked.clamp(1, settings.fetch_concurrency.max(1)) as usize;
        while self.tasks.len() < most {
            let open = self.slots.iter().find(|(_, slot)| matches!(slot, Slot::Open)).map(|(seq, _)| *seq);
            let Some(seq) = open else { return };
            self.spawn(seq, None);
        }
    }

    fn spawn(&mut self, seq: Seq, row: Option<Unit>) {
        let url = self.urls.get(seq as usize).cloned().unwrap_or_default();
        let task = run_unit(self.engine.clone(), Arc::clone(&self.job), Arc::clone(&self.watch), seq, row, url);
        let handle = self.tasks.spawn(task);
        self.running.insert(handle.id(), seq);
        self.slots.insert(seq, Slot::Running);
    }

    /// Books what a task came back with.
    async fn joined(&mut self, joined: Result<(Id, Result<Done, StoreError>), JoinError>, winding: &mut bool) {
        let (id, result) = match joined {
            Ok((id, result)) => (id, Some(result)),
            // Aborted, because the job expired: the unit may or may not have started.
            Err(e) if e.is_cancelled() => (e.id(), Some(Ok(Done::Stopped))),
            Err(e) => (e.id(), None),
        };
        let Some(seq) = self.running.remove(&id) else { return };
        if !self.slots.contains_key(&seq) {
            return; // it was ended over the task's head
        }
        match result {
            Some(Ok(Done::Ended(fate, text))) => {
                self.faults = 0;
                self.end(seq, fate);
                if let (Some(events), Some(text)) = (&self.events, text) {
                    // Nobody listening any more stops nothing.
                    let _ = events.send(Event::Result(seq, text));
                }
                if fate == Fate::Failed && self.job.options.fail_fast && !*winding {
                    *winding = self.fail_fast().await;
                }
            }
            Some(Ok(Done::Held(unit))) => {
                self.slots.insert(seq, Slot::Held(unit));
            }
            Some(Ok(Done::Stopped)) => {
                self.slots.insert(seq, Slot::Open);
                *winding = true;
            }
            Some(Err(error)) => {
                tracing::warn!(job = %self.job.id, seq, %error, "a unit's rows could not be written; trying again");
                self.faults += 1;
                self.slots.insert(seq, Slot::Open);
            }
            None => {
                tracing::error!(job = %self.job.id, seq, "a unit's task panicked");
                self.faults += 1;
                self.slots.insert(seq, Slot::Open);
            }
        }
    }

    fn end(&mut self, seq: Seq, fate: Fate) {
        if self.slots.remove(&seq).is_some() {
            self.ended.add(seq, fate);
            self.unwritten.push((seq, fate));
        }
    }

    fn learn(&mut self, seq: Seq, unit: Unit) {
        match fate(&unit) {
            Some(fate) => self.end(seq, fate),
            None => drop(self.slots.insert(seq, Slot::Held(unit))),
        }
    }

    /// Reads the rows of units that others hold.
    async fn look_at_held(&mut self) {
        let held: BTreeSet<Seq> =
            self.slots.iter().filter(|(_, s)| matches!(s, Slot::Held(_))).map(|(seq, _)| *seq).collect();
        let (Some(first), Some(last)) = (held.first(), held.last()) else { return };
        match self.engine.store().units(&self.job.id, *first, *last).await {
            Ok(rows) => {
                for row in rows.into_iter().filter(|row| held.contains(&row.seq)) {
                    self.learn(row.seq, row.unit);
                }
            }
            Err(error) => {
                tracing::warn!(job = %self.job.id, %error, "could not read units that others hold");
                self.faults += 1;
            }
        }
    }

    /// Starts units again whose holders' leases are over.
    fn take_over_expired(&mut self) {
        let now = self.engine.now();
        let over = |until: &Timestamp| *until <= now;
        let due: Vec<(Seq, Unit)> = self
            .slots
            .iter()
            .filter_map(|(seq, slot)| match slot {
                Slot::Held(unit @ Unit::Started { lease_until, .. }) if over(lease_until) => Some((*seq, unit.clone())),
                Slot::Held(_) | Slot::Open | Slot::Running => None,
            })
            .collect();
        for (seq, unit) in due {
            self.spawn(seq, Some(unit));
        }
    }

    /// Writes the progress that is not written yet; what fails is tried with the next group.
    async fn flush(&mut self) {
        if self.unwritten.is_empty() {
            return;
        }
        match self.engine.store().add_progress(&self.job, &self.unwritten).await {
            Ok(()) => self.unwritten.clear(),
            Err(error) => tracing::warn!(job = %self.job.id, %error, "could not write progress"),
        }
    }

    /// This process ends, or the job is another's: leave it in order.
    async fn stop(mut self) -> Result<(), StoreError> {
        self.flush().await;
        if !self.keeper.lost() {
            self.keeper.give_back().await;
        }
        Ok(())
    }

    async fn give_up(mut self) -> Result<(), StoreError> {
        tracing::error!(job = %self.job.id, "the store failed too often; a sweeper will take the job up");
        self.tasks.abort_all();
        self.flush().await;
        self.keeper.give_back().await;
        Ok(())
    }
}

/// One unit from claim to finish.
async fn run_unit(
    engine: Engine,
    job: Arc<Job>,
    watch: Arc<Watch>,
    seq: Seq,
    row: Option<Unit>,
    url: String,
) -> Result<Done, StoreError> {
    // A second attempt runs alone, so that a page that kills processes takes no others with it.
    let permits = if row.is_some() { engine.settings().fetch_concurrency } else { 1 };
    let Ok(_permit) = engine.inner.pages.acquire_many(permits).await else { return Ok(Done::Stopped) };
    if engine.stopping() {
        return Ok(Done::Stopped);
    }
    let state = watch.state().await?;
    let may_start = match state {
        JobState::Running => row.is_some() || job.deadline > engine.now(),
        // What has started is brought to its end.
        JobState::Cancelling | JobState::FailingFast => row.is_some(),
        JobState::Expiring | JobState::Ended(_) => false,
    };
    if !may_start {
        return Ok(Done::Stopped);
    }
    let mine = match engine.start_unit(&job, seq, &job.driver.holder, row, &url).await? {
        Start::Mine(claim) => claim,
        Start::Held(unit) => return Ok(Done::Held(unit)),
        Start::Ended(fate) => {
            if fate == Fate::Closed {
                watch.doubt().await;
            }
            return Ok(Done::Ended(fate, None));
        }
    };
    let outcome = engine.run_page(&job, &url).await;
    match engine.finish_unit(&job, &mine, &outcome).await? {
        Some((fate, text)) => Ok(Done::Ended(fate, (fate != Fate::Closed).then_some(text))),
        None => {
            let row = engine.again(|| engine.store().unit(&job.id, seq)).await?;
            row.map(|r| Done::Held(r.unit)).ok_or_else(|| StoreError::Malformed("a started unit vanished".into()))
        }
    }
}

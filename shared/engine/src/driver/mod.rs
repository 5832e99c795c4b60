//! Drives one job to its end: claims its units and runs them, or lets the queue's workers do so and waits for them;
//! writes progress in groups, winds the job down when it is cancelled, fails fast or meets its deadline, and settles it.
//! A fresh job and one whose driver died take the same way; the second begins by reading what is there.

mod queued;
mod slots;
mod winding;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::progress::{Fate, Progress};
use domain::unit::Unit;
use domain::{Job, Seq, Timestamp};
use store::StoreError;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::Engine;
use crate::events::{Event, Sender};
use crate::lease::Keeper;
use crate::run::Done;
use crate::unit::fate;
use crate::watch::Watch;
use crate::worker::MARGIN_MS;
use slots::{Slot, Slots};

/// How long a driver that can only wait sleeps.
const IDLE_PAUSE: Duration = Duration::from_millis(250);
/// How often units that others hold are looked at.
const HELD_LOOK: Duration = Duration::from_secs(2);

/// How a job is to be driven.
pub(crate) struct Drive {
    /// No unit can have a row yet.
    pub(crate) fresh: bool,
    /// Who is told of results.
    pub(crate) events: Option<Sender>,
    /// When this process has to be done with the job. Units that may take longer than that are not claimed; what is
    /// open then goes to the queue.
    pub(crate) until: Option<Timestamp>,
}

struct Driver {
    engine: Engine,
    job: Arc<Job>,
    watch: Arc<Watch>,
    keeper: Keeper,
    events: Option<Sender>,
    until: Option<Timestamp>,
    /// How many units this driver knows of.
    admitted: Seq,
    /// Units that have not ended.
    slots: Slots,
    ended: Progress,
    unwritten: Vec<(Seq, Fate)>,
    tasks: JoinSet<Result<Done, StoreError>>,
    running: BTreeMap<Id, Seq>,
    queue: queued::Waiting,
    winding: bool,
    faults: u32,
}

impl Engine {
    /// Drives a job whose driver lease this process holds.
    pub(crate) async fn drive(&self, job: Job, how: Drive) -> Result<(), StoreError> {
        let mut driver = Driver {
            engine: self.clone(),
            watch: Arc::new(Watch::new(self.clone(), job.clone(), self.now())),
            keeper: Keeper::start(self, &job),
            admitted: job.admitted,
            slots: Slots::of(job.seqs()),
            job: Arc::new(job),
            events: how.events,
            until: how.until,
            ended: Progress::default(),
            unwritten: Vec::new(),
            tasks: JoinSet::new(),
            running: BTreeMap::new(),
            queue: queued::Waiting::new(self.now()),
            winding: false,
            faults: 0,
        };
        if !how.fresh {
            driver.read_rows().await?;
        } else if driver.job.async_mode {
            driver.send_open().await;
        }
        driver.run().await
    }
}

impl Driver {
    /// Learns what became of the units so far, and notes what progress lacks.
    async fn read_rows(&mut self) -> Result<(), StoreError> {
        let (engine, job) = (self.engine.clone(), Arc::clone(&self.job));
        let known = engine.again(|| engine.store().progress(&job.id)).await?;
        for row in engine.again(|| engine.store().units(&job.id, 0, self.admitted)).await? {
            if self.slots.contains(row.seq) && !self.slots.running.contains(&row.seq) {
                self.learn(row.seq, row.unit);
            }
        }
        self.unwritten.retain(|(seq, _)| known.fate(*seq).is_none());
        Ok(())
    }

    async fn run(mut self) -> Result<(), StoreError> {
        let flush_every = Duration::from_millis(self.engine.settings().progress_ms.max(1));
        let mut next_flush = Instant::now() + flush_every;
        let mut next_look = Instant::now();
        let mut next_state = Instant::now();
        while self.has_more().await? {
            if self.faults >= self.engine.settings().driver_faults {
                return self.give_up().await;
            }
            let now = self.engine.now();
            let over = self.until.is_some_and(|until| now >= until);
            let starting = !self.keeper.lost() && !self.engine.stopping() && !over;
            if !starting && self.tasks.is_empty() {
                if over && !self.winding && !self.keeper.lost() {
                    // There was no time even to begin: the queue goes on at once, instead of a sweeper later.
                    self.send_open().await;
                }
                return self.stop().await;
            }
            if self.job.options.fail_fast && !self.winding && !self.ended.failed.is_empty() {
                self.winding = self.fail_fast().await;
            }
            if starting && self.may_claim(now) {
                if !self.winding {
                    self.start_open();
                }
                self.take_over_expired();
            } else if starting && !self.winding {
                self.spill().await;
            }
            // With tasks under way the next claim looks at the state; with none somebody has to.
            let look = self.tasks.is_empty() && Instant::now() >= next_state;
            if look || self.winding || now >= self.job.deadline {
                self.winding = self.wind_down().await;
                self.admit(self.watch.job().await.admitted);
                next_state = Instant::now() + if self.waits_for_queue() { queued::STATE_LOOK } else { IDLE_PAUSE };
            }
            if Instant::now() >= next_look && !self.slots.held.is_empty() {
                self.look_at_held().await;
                next_look = Instant::now() + HELD_LOOK;
            }
            self.attend().await;
            self.admit(self.engine.inner.crawls.of(&self.job.id).admitted());
            if self.slots.is_empty() {
                continue;
            }
            let pause = if self.tasks.is_empty() { IDLE_PAUSE } else { flush_every };
            let pause = self.queue.pause(pause, self.waits_for_queue());
            tokio::select! {
                Some(joined) = self.tasks.join_next_with_id() => self.joined(joined),
                () = tokio::time::sleep(pause) => {}
            }
            while let Some(joined) = self.tasks.try_join_next_with_id() {
                self.joined(joined);
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

    /// Whether anything is open; of a crawl, the row is asked whether it has grown.
    async fn has_more(&mut self) -> Result<bool, StoreError> {
        if self.slots.is_empty() && self.job.crawl.is_some() {
            self.watch.doubt().await;
            if !self.watch.state().await?.ended() {
                self.admit(self.watch.job().await.admitted);
            }
        }
        Ok(!self.slots.is_empty())
    }

    /// Takes units in that the crawl has admitted since.
    fn admit(&mut self, admitted: Seq) {
        for seq in self.admitted..admitted {
            let slot = if self.queue.in_charge { Slot::Queued } else { Slot::Open };
            self.slots.put(seq, slot);
        }
        self.admitted = self.admitted.max(admitted);
    }

    /// Whether a unit that is claimed now can be finished before this process has to be done.
    fn may_claim(&self, now: Timestamp) -> bool {
        let page = i64::from(self.job.options.timeout_ms) + MARGIN_MS;
        self.until.is_none_or(|until| now.plus_ms(page) < until)
    }

    /// Spawns tasks for open units, lowest first, up to the job's concurrency.
    fn start_open(&mut self) {
        let settings = self.engine.settings();
        let asked = self.job.options.concurrency.unwrap_or(settings.default_concurrency);
        let most = asked.clamp(1, settings.fetch_concurrency.max(1)) as usize;
        while self.tasks.len() < most {
            let Some(seq) = self.slots.open.first().copied() else { return };
            self.spawn(seq, None);
        }
    }

    fn spawn(&mut self, seq: Seq, row: Option<Unit>) {
        let (engine, job, watch) = (self.engine.clone(), Arc::clone(&self.job), Arc::clone(&self.watch));
        let task = async move {
            let input = engine.input_of(&job, seq).await?;
            engine.run_unit(&job, &watch, &job.driver.holder, seq, row, &input.url).await
        };
        let handle = self.tasks.spawn(task);
        self.running.insert(handle.id(), seq);
        self.slots.put(seq, Slot::Running);
    }

    /// Books what a task came back with.
    fn joined(&mut self, joined: Result<(Id, Result<Done, StoreError>), JoinError>) {
        let (id, result) = match joined {
            Ok((id, result)) => (id, Some(result)),
            // Aborted, because the job expired: the unit may or may not have started.
            Err(e) if e.is_cancelled() => (e.id(), Some(Ok(Done::Stopped))),
            Err(e) => (e.id(), None),
        };
        let Some(seq) = self.running.remove(&id) else { return };
        if !self.slots.contains(seq) {
            return; // it was ended over the task's head
        }
        match result {
            Some(Ok(Done::Ended(fate, result))) => {
                self.faults = 0;
                self.end(seq, fate, result);
            }
            Some(Ok(Done::Held(unit))) => self.learn(seq, unit),
            Some(Ok(Done::Stopped)) => {
                self.slots.put(seq, Slot::Open);
                self.winding = true;
            }
            Some(Err(error)) => {
                tracing::warn!(job = %self.job.id, seq, %error, "a unit's rows could not be written; trying again");
                self.faults += 1;
                self.slots.put(seq, Slot::Open);
            }
            None => {
                tracing::error!(job = %self.job.id, seq, "a unit's task panicked");
                self.faults += 1;
                self.slots.put(seq, Slot::Open);
            }
        }
    }

    /// Books a unit's end, which progress does not tell of yet.
    fn end(&mut self, seq: Seq, fate: Fate, result: Option<(String, Timestamp)>) {
        if self.know(seq, fate, result) {
            self.unwritten.push((seq, fate));
        }
    }

    /// Books a unit's end that progress tells of. Returns whether it is news.
    fn know(&mut self, seq: Seq, fate: Fate, result: Option<(String, Timestamp)>) -> bool {
        if !self.slots.remove(seq) {
            return false;
        }
        self.ended.add(seq, fate);
        if let Some(events) = &self.events {
            events.send(Event { seq, fate, result });
        }
        true
    }

    fn learn(&mut self, seq: Seq, unit: Unit) {
        match fate(&unit) {
            Some(fate) => self.end(seq, fate, None),
            None => self.slots.put(seq, Slot::Held(unit)),
        }
    }

    /// Reads the rows of units that others hold.
    async fn look_at_held(&mut self) {
        let held = &self.slots.held;
        let (Some((&first, _)), Some((&last, _))) = (held.first_key_value(), held.last_key_value()) else { return };
        match self.engine.store().units(&self.job.id, first, last).await {
            Ok(rows) => {
                for row in rows {
                    if self.slots.held.contains_key(&row.seq) {
                        self.learn(row.seq, row.unit);
                    }
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
            .held
            .iter()
            .filter(|(_, unit)| matches!(unit, Unit::Started { lease_until, .. } if over(lease_until)))
            .map(|(seq, unit)| (*seq, unit.clone()))
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
        match self.engine.store().add_progress(&self.job, &self.unwritten, self.engine.now()).await {
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

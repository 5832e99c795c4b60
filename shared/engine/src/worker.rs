//! What a worker does with a message: claims, runs and finishes its units, writes their progress, and lets the lane go
//! on. It touches no money: where nothing of the job is open any more, it asks for the job to be settled.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::progress::Fate;
use domain::unit::Unit;
use domain::{Job, JobId, JobState, Nonce, Seq, Timestamp};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use store::StoreError;
use store::queue::Message;
use tokio::time::Instant;

use crate::Engine;
use crate::inputs::Inputs;
use crate::run::Done;
use crate::unit::fate;
use crate::watch::Watch;

/// How long closing may take in one message.
const CLOSE_LIMIT: Duration = Duration::from_secs(10);
/// Kept free before the process's own deadline, in milliseconds.
pub(crate) const MARGIN_MS: i64 = 2_000;

/// How long a lane of a crawl waits before it looks again whether there is something for it.
const PARKED_SECS: u32 = 1;

/// For how long a crawl counts as just begun, and how often a lane of it looks before it is parked.
const YOUNG_MS: u64 = 10_000;
const YOUNG_LOOKS: u32 = 4;
const YOUNG_LOOK: Duration = Duration::from_millis(80);

/// What a lane does after a message.
enum Next {
    /// Nothing of the job is open any more.
    Settle(Box<Job>),
    /// It goes on with these units.
    Go(Vec<Seq>),
    /// It waits for the crawl to grow.
    Park,
    /// It has nothing to do and never will.
    End,
}

/// What is to become of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Nothing is left to be done: acknowledge it.
    Done,
    /// It must not be acknowledged; look again after this time.
    Again(Duration),
}

/// One message at work.
struct Work<'e> {
    engine: &'e Engine,
    job: Arc<Job>,
    watch: Watch,
    me: Nonce,
    inputs: Inputs,
    /// Units that have not ended, as far as is known.
    open: BTreeSet<Seq>,
    held: BTreeMap<Seq, Timestamp>,
    unwritten: Vec<(Seq, Fate)>,
    failed: bool,
}

impl Engine {
    /// Works on a message of the units' queue. Nothing is claimed that could not be finished by `until`.
    /// `receives` is how often the message has been received, this time included.
    ///
    /// # Errors
    /// Faults of the store: leave the message to come again.
    pub async fn work(
        &self,
        job: &JobId,
        lane: u32,
        seqs: &[Seq],
        receives: u32,
        until: Option<Timestamp>,
    ) -> Result<Handled, StoreError> {
        let _beating = self.beat_while_working();
        let read_at = self.now();
        let Some(job) = self.again(|| self.store().job(job)).await? else { return Ok(Handled::Done) };
        if job.state.ended() {
            return Ok(Handled::Done);
        }
        let job = Arc::new(job);
        let mut work = Work {
            engine: self,
            watch: Watch::new(self.clone(), (*job).clone(), read_at),
            me: self.nonce(),
            inputs: self.inputs_of(&job).await?,
            open: seqs.iter().copied().filter(|seq| *seq < job.admitted).collect(),
            held: BTreeMap::new(),
            unwritten: Vec::new(),
            failed: false,
            job,
        };
        work.run(lane, until).await?;
        work.close_if_winding().await?;
        work.write_progress().await?;
        work.conclude(lane, receives).await
    }
}

impl Work<'_> {
    /// Runs the open units, as many at once as is the lane's share.
    async fn run(&mut self, lane: u32, until: Option<Timestamp>) -> Result<(), StoreError> {
        let Work { engine, job, watch, me, inputs, open, held, unwritten, failed } = self;
        let engine: &Engine = engine;
        let parallel = engine.lanes(job).parallel(lane) as usize;
        let last_claim = until.map(|u| u.plus_ms(-i64::from(job.options.timeout_ms) - MARGIN_MS));
        let mut waiting: Vec<(Seq, Option<Unit>)> = open.iter().rev().map(|seq| (*seq, None)).collect();
        let mut running = FuturesUnordered::new();
        let flush_every = Duration::from_millis(engine.settings().worker_progress_ms.max(1));
        let mut next_flush = Instant::now() + flush_every;
        let mut fault = None;
        loop {
            let late = last_claim.is_some_and(|at| engine.now() >= at);
            while running.len() < parallel && !late && fault.is_none() {
                let Some((seq, row)) = waiting.pop() else { break };
                let url = inputs.get(seq as usize).map(|input| input.url.as_str()).unwrap_or_default();
                let unit = engine.run_unit(job, watch, me, seq, row, url);
                running.push(async move { (seq, unit.await) });
            }
            let ended = tokio::select! {
                next = running.next() => match next {
                    Some(ended) => ended,
                    None => break,
                },
                () = tokio::time::sleep_until(next_flush) => {
                    write(engine, job, unwritten).await?;
                    next_flush = Instant::now() + flush_every;
                    continue;
                }
            };
            match ended {
                (seq, Ok(Done::Ended(fate, _))) => {
                    open.remove(&seq);
                    unwritten.push((seq, fate));
                    *failed |= fate == Fate::Failed;
                    if *failed && job.options.fail_fast {
                        waiting.clear();
                    }
                }
                (seq, Ok(Done::Held(unit))) => match (&unit, fate(&unit)) {
                    (_, Some(fate)) => {
                        open.remove(&seq);
                        unwritten.push((seq, fate));
                    }
                    (Unit::Started { lease_until, .. }, None) if *lease_until > engine.now() => {
                        held.insert(seq, *lease_until);
                    }
                    // Its holder's lease is over: take it over, alone.
                    (_, None) => waiting.insert(0, (seq, Some(unit))),
                },
                // It stays open; others of the message may have started before, and are brought to their end.
                (_, Ok(Done::Stopped)) => {}
                (seq, Err(error)) => {
                    tracing::warn!(job = %job.id, seq, %error, "a unit's rows could not be written");
                    fault = Some(error);
                }
            }
        }
        drop(running);
        match fault {
            None => Ok(()),
            // What did end is told before the message is left to come again.
            Some(error) => self.write_progress().await.and(Err(error)),
        }
    }

    /// Where the job winds down, what has not started never will.
    async fn close_if_winding(&mut self) -> Result<(), StoreError> {
        if self.failed && self.job.options.fail_fast {
            self.fail_fast().await?;
        }
        if self.open.is_empty() || self.watch.state().await? == JobState::Running {
            return Ok(());
        }
        let open = self.open.iter().copied().collect();
        for (seq, unit) in self.engine.close_units(&self.job, open, CLOSE_LIMIT).await {
            match fate(&unit) {
                Some(fate) => {
                    self.open.remove(&seq);
                    self.unwritten.push((seq, fate));
                }
                None => {
                    if let Unit::Started { lease_until, .. } = unit {
                        self.held.insert(seq, lease_until);
                    }
                }
            }
        }
        Ok(())
    }

    /// The first failure of a job that is to stop there: nothing more starts, in whatever lane.
    async fn fail_fast(&mut self) -> Result<(), StoreError> {
        let engine = self.engine;
        let job = engine.reread(&self.job.id).await?;
        if job.state == JobState::Running {
            engine.again(|| engine.store().wind_down(&job, JobState::FailingFast, engine.now())).await?;
            self.watch.doubt().await;
        }
        let progress = engine.again(|| engine.store().progress(&self.job.id)).await?;
        self.open.extend(self.job.seqs().filter(|seq| progress.fate(*seq).is_none()));
        for (seq, _) in &self.unwritten {
            self.open.remove(seq);
        }
        Ok(())
    }

    async fn write_progress(&mut self) -> Result<(), StoreError> {
        write(self.engine, &self.job, &mut self.unwritten).await
    }

    /// Decides what becomes of the message and lets the lane go on.
    async fn conclude(&mut self, lane: u32, receives: u32) -> Result<Handled, StoreError> {
        let engine = self.engine;
        if !self.open.is_empty() && self.held.is_empty() && self.watch.state().await? == JobState::Running {
            // No time for these here. A message of their own starts to be counted anew.
            let rest = Message::Units { job: self.job.id.clone(), lane, seqs: self.open.iter().copied().collect() };
            let sent = engine.queues().units.send(&self.job.account, &[rest]).await.complete();
            return Ok(if sent { Handled::Done } else { Handled::Again(Duration::ZERO) });
        }
        if !self.open.is_empty() {
            return Ok(Handled::Again(self.pause(receives)));
        }
        if self.watch.state().await?.ended() {
            return Ok(Handled::Done);
        }
        let sent = match self.what_next(lane).await? {
            Next::Settle(job) => engine.ask_to_settle(&job).await,
            Next::Go(seqs) => {
                let next = Message::Units { job: self.job.id.clone(), lane, seqs };
                engine.queues().units.send(&self.job.account, &[next]).await.complete()
            }
            Next::Park => {
                let waiting = Message::Units { job: self.job.id.clone(), lane, seqs: Vec::new() };
                engine.queues().units.send_delayed(&self.job.account, &[waiting], PARKED_SECS).await.complete()
            }
            Next::End => true,
        };
        Ok(if sent { Handled::Done } else { Handled::Again(Duration::from_secs(1)) })
    }

    /// What the lane goes on with. One of a crawl that has just begun looks a few times before it is parked: its first
    /// pages come within moments, and the queue's shortest delay is a second.
    async fn what_next(&self, lane: u32) -> Result<Next, StoreError> {
        let (engine, crawl) = (self.engine, self.job.crawl.is_some());
        let mut looks = YOUNG_LOOKS;
        loop {
            // Read after the units' ends, so that what they admitted is in it.
            let job = if crawl { engine.reread(&self.job.id).await? } else { self.watch.job().await };
            let progress = engine.again(|| engine.store().progress(&job.id)).await?;
            if progress.covers(job.admitted) {
                return Ok(Next::Settle(Box::new(job)));
            }
            if job.state != JobState::Running {
                return Ok(Next::End);
            }
            match engine.lanes(&job).next(lane, job.admitted, |seq| progress.fate(seq).is_none()) {
                Some(seqs) => return Ok(Next::Go(seqs)),
                None if !crawl => return Ok(Next::End),
                // A crawl may still grow.
                None if looks > 0 && engine.now().ms_since(job.started_at) < YOUNG_MS => {
                    looks -= 1;
                    tokio::time::sleep(YOUNG_LOOK).await;
                }
                None => return Ok(Next::Park),
            }
        }
    }

    /// How long a message waits whose units others hold: short at first, since they may be done soon, and never longer
    /// than their leases.
    fn pause(&self, receives: u32) -> Duration {
        let now = self.engine.now();
        let lease = self.held.values().min().map_or(0, |until| until.ms_since(now));
        let growing = 500u64 << receives.min(6);
        Duration::from_millis(lease.min(growing).max(if self.held.is_empty() { 0 } else { 500 }))
    }
}

async fn write(engine: &Engine, job: &Job, unwritten: &mut Vec<(Seq, Fate)>) -> Result<(), StoreError> {
    if !unwritten.is_empty() {
        let now = engine.now();
        engine.again(|| engine.store().add_progress(job, unwritten, now)).await?;
        unwritten.clear();
    }
    Ok(())
}

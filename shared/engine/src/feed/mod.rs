//! The results of a job as they become known: from the driver in this process while there is one, from the rows
//! otherwise. What a response body is written from; it cannot tell the two apart.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use domain::progress::{Fate, Progress};
use domain::{Job, JobId, JobState, Seq, Timestamp};
use store::StoreError;
use tokio::time::Instant;

use crate::Engine;
use crate::events::{Event, Receiver};

/// Shortest wait between two looks at the rows, longest while something moves, and longest of all.
const POLL: (Duration, Duration, Duration) =
    (Duration::from_millis(40), Duration::from_millis(200), Duration::from_millis(1_000));
/// For how long after the last move a job counts as moving.
const MOVING: Duration = Duration::from_secs(10);
/// Results in order of completion wait this long for one that ended before them and is told later, in milliseconds.
const HOLD_BACK_MS: i64 = 50;
/// As much where the rows are all that is known: workers tell of results in groups.
const HOLD_BACK_ROWS_MS: i64 = 400;
/// Most bytes of results that are kept before their turn; the rest is read again.
const MOST_BYTES: usize = 512 * 1024;

/// In what order results are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By their numbers: as the caller named the URLs.
    Input,
    /// By when they ended, as recorded in their rows.
    Completion,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The unit's number.
    pub seq: Seq,
    /// How many results come before it in the feed's order.
    pub place: u32,
    /// The result's JSON text.
    pub text: String,
}

/// What a feed gives next.
#[derive(Debug)]
pub enum Item {
    /// The next result.
    Result(Given),
    /// Every result was given; the job as it ended.
    End(Box<Job>),
}

/// What a feed gives at once.
#[derive(Debug)]
pub enum Now {
    /// The next result.
    Result(Given),
    /// A unit that is still open.
    Open(Seq),
}

/// A job's results, one by one.
#[derive(Debug)]
pub struct Feed {
    engine: Engine,
    job: Job,
    order: Order,
    events: Option<Receiver>,
    /// What is known of the units' ends.
    known: Progress,
    /// Ended and not given yet.
    waiting: BTreeSet<Seq>,
    given: BTreeSet<Seq>,
    /// When units that wait ended, as their rows say, and the same in that order.
    ended_at: BTreeMap<Seq, Timestamp>,
    by_end: BTreeSet<(Timestamp, Seq)>,
    /// Units of which the rows say that they have a result.
    results: BTreeSet<Seq>,
    /// Results at hand.
    texts: BTreeMap<Seq, String>,
    bytes: usize,
    /// Where the next result stands in the order, and how many are still to be left out before it.
    place: u32,
    skip: u32,
    hold_back_ms: i64,
    poll: Duration,
    moved: Instant,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("settings", self.settings()).finish_non_exhaustive()
    }
}

impl Feed {
    pub(crate) fn live(engine: Engine, job: Job, events: Receiver) -> Feed {
        Feed { events: Some(events), hold_back_ms: HOLD_BACK_MS, ..Feed::new(engine, job, 0) }
    }

    fn new(engine: Engine, job: Job, from: u32) -> Feed {
        Feed {
            engine,
            job,
            order: Order::Input,
            events: None,
            known: Progress::default(),
            waiting: BTreeSet::new(),
            given: BTreeSet::new(),
            ended_at: BTreeMap::new(),
            by_end: BTreeSet::new(),
            results: BTreeSet::new(),
            texts: BTreeMap::new(),
            bytes: 0,
            place: 0,
            skip: from,
            hold_back_ms: HOLD_BACK_ROWS_MS,
            poll: POLL.0,
            moved: Instant::now(),
        }
    }

    /// The same results in another order. To be said before the first is taken.
    #[must_use]
    pub fn in_order(mut self, order: Order) -> Feed {
        self.order = order;
        self
    }

    /// The job as last seen.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// What is known of the units so far.
    pub fn known(&self) -> &Progress {
        &self.known
    }

    /// The next result, or the end. Waits as long as it takes. Dropping the future loses no result.
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn next(&mut self) -> Result<Item, StoreError> {
        loop {
            if let Some(given) = self.pick(self.job.state.ended()).await? {
                if self.skip > 0 {
                    self.skip -= 1;
                    continue;
                }
                return Ok(Item::Result(given));
            }
            if self.job.state.ended() && self.is_complete() {
                return Ok(Item::End(Box::new(self.job.clone())));
            }
            if self.events.is_none() {
                self.look().await?;
                continue;
            }
            self.wait_for_event().await;
        }
    }

    /// Gives without waiting what there is, for a body that has to end though its job runs. In input order a unit that
    /// is open has its turn too. `None` once that is all. What is known is brought up to date by [`Feed::refresh`].
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn next_now(&mut self) -> Result<Option<Now>, StoreError> {
        loop {
            let now = match self.pick(true).await? {
                Some(given) => Now::Result(given),
                None if self.order == Order::Input && self.place < self.job.admitted => {
                    self.place += 1;
                    Now::Open(self.place - 1)
                }
                None => return Ok(None),
            };
            if self.skip == 0 {
                return Ok(Some(now));
            }
            self.skip -= 1;
        }
    }

    /// Reads once what the rows know.
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.job.state.ended() {
            self.job = self.engine.reread(&self.job.id.clone()).await?;
        }
        let progress = self.engine.again(|| self.engine.store().progress(&self.job.id)).await?;
        self.learn(&progress);
        Ok(())
    }

    fn is_complete(&self) -> bool {
        self.given.len() >= self.job.admitted as usize
    }

    async fn wait_for_event(&mut self) {
        let Some(events) = &mut self.events else { return };
        // Results of one moment may be told out of their order: those that are held back come when it has passed.
        let held_back = self.order == Order::Completion && !self.waiting.is_empty();
        let event = tokio::select! {
            event = events.recv() => event,
            () = tokio::time::sleep(Duration::from_millis(HOLD_BACK_MS.unsigned_abs())), if held_back => return,
        };
        let Some(event) = event else {
            self.events = None;
            return;
        };
        self.hear(event);
        // All that was told at once is put in order together.
        while let Some(event) = self.events.as_mut().and_then(Receiver::try_recv) {
            self.hear(event);
        }
    }

    fn hear(&mut self, event: Event) {
        self.known.add(event.seq, event.fate);
        if self.given.contains(&event.seq) {
            return;
        }
        self.waiting.insert(event.seq);
        match event.result {
            Some((text, at)) => self.keep(event.seq, at, text),
            None => self.hold_back_ms = HOLD_BACK_ROWS_MS,
        }
    }

    fn keep(&mut self, seq: Seq, at: Timestamp, text: String) {
        self.note_end(seq, at);
        // The first always fits: it may be the one whose turn it is.
        if self.texts.is_empty() || self.bytes + text.len() <= MOST_BYTES {
            self.bytes += text.len();
            self.texts.insert(seq, text);
        }
    }

    /// Notes when a unit that waits ended.
    fn note_end(&mut self, seq: Seq, at: Timestamp) {
        if let Some(before) = self.ended_at.insert(seq, at) {
            self.by_end.remove(&(before, seq));
        }
        self.by_end.insert((at, seq));
    }

    fn learn(&mut self, progress: &Progress) {
        for (set, fate) in
            [(&progress.done, Fate::Done), (&progress.failed, Fate::Failed), (&progress.closed, Fate::Closed)]
        {
            for seq in set {
                self.known.add(*seq, fate);
                if !self.given.contains(seq) {
                    self.waiting.insert(*seq);
                }
            }
        }
    }

    /// Reads what the rows have that was not known yet; waits a little where that is nothing.
    async fn look(&mut self) -> Result<(), StoreError> {
        let before = self.waiting.len();
        self.refresh().await?;
        if self.job.state.ended() {
            // Unit rows are the truth, and every unit has ended.
            self.waiting = self.job.seqs().filter(|seq| !self.given.contains(seq)).collect();
            return Ok(());
        }
        if self.waiting.len() > before {
            (self.poll, self.moved) = (POLL.0, Instant::now());
        }
        tokio::time::sleep(self.poll).await;
        let most = if self.moved.elapsed() < MOVING { POLL.1 } else { POLL.2 };
        self.poll = (self.poll * 3 / 2).min(most);
        Ok(())
    }

    /// The result whose turn it is, if it is known. `all` says not to wait for others that may have ended before it.
    async fn pick(&mut self, all: bool) -> Result<Option<Given>, StoreError> {
        while let Some(seq) = self.turn(all).await? {
            // What is left out is not read, where it is known to be a result and so to have a place.
            let unread = self.skip > 0 && self.has_result(seq);
            if !unread && !self.texts.contains_key(&seq) {
                self.read(seq).await?;
            }
            let text = match self.texts.remove(&seq) {
                Some(text) => text,
                None if unread => String::new(),
                None => return Ok(None),
            };
            self.bytes = self.bytes.saturating_sub(text.len());
            self.waiting.remove(&seq);
            if let Some(at) = self.ended_at.remove(&seq) {
                self.by_end.remove(&(at, seq));
            }
            self.given.insert(seq);
            // A duplicate of another unit's page has no result of its own.
            if unread || !text.is_empty() {
                let place = self.place;
                self.place += 1;
                return Ok(Some(Given { seq, place, text }));
            }
        }
        Ok(None)
    }

    /// Whether a unit that has ended is known to have a result, and not to be a duplicate, before its text is read.
    fn has_result(&self, seq: Seq) -> bool {
        self.job.crawl.is_none() || self.results.contains(&seq)
    }

    /// Whose turn it is.
    async fn turn(&mut self, all: bool) -> Result<Option<Seq>, StoreError> {
        match self.order {
            Order::Input => {
                let next = self.place;
                Ok((self.waiting.contains(&next) && !self.is_unclear(next)).then_some(next))
            }
            Order::Completion => self.earliest(all).await,
        }
    }

    /// The reason for a closed unit is the state's: where that was read before the closing, it has to be read again.
    fn is_unclear(&self, seq: Seq) -> bool {
        self.job.state == JobState::Running && self.known.fate(seq) == Some(Fate::Closed)
    }
}

impl Engine {
    /// The results of a job that may run anywhere, or have ended, without the first `from`.
    pub fn follow(&self, job: Job, from: u32) -> Feed {
        Feed::new(self.clone(), job, from)
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

//! The results of a job as they become known: from the driver in this process while there is one, from the rows
//! otherwise. What a response body is written from; it cannot tell the two apart.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::segment::{Segment, UnitEnd, UnitState};
use domain::{Job, JobState, Seq, Timestamp};
use store::StoreError;
use tokio::time::Instant;

use crate::events::{Event, Receiver};
use runtime::assignment::JobReader;

/// Shortest wait between two looks at the rows, longest while something moves, and longest of all.
const POLL: (Duration, Duration, Duration) =
    (Duration::from_millis(40), Duration::from_millis(200), Duration::from_millis(1_000));
/// For how long after the last move a job counts as moving.
const MOVING: Duration = Duration::from_secs(10);
/// Results in order of completion wait this long for one that ended before them and is told later, in milliseconds.
const HOLD_BACK_MS: i64 = 50;
/// As much where the rows are all that is known: runners write results in groups.
const HOLD_BACK_ROWS_MS: i64 = 400;
/// When units ended that never started: in order of completion they come after all others, by their numbers. Whoever
/// skips them tells of it later than of results, so that no other place would be the same for everybody who reads.
const NEVER: Timestamp = Timestamp(i64::MAX / 2);
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
pub struct ResultItem {
    /// The unit's number.
    pub seq: Seq,
    /// How many results come before it in the stream's order.
    pub place: u32,
    /// The result's JSON text.
    pub text: String,
}

/// What a stream gives next.
#[derive(Debug)]
pub enum StreamEvent {
    /// The next result.
    Result(ResultItem),
    /// Every result was given; the job as it ended.
    End(Box<Job>),
}

/// What a stream gives at once.
#[derive(Debug)]
pub enum Available {
    /// The next result.
    Result(ResultItem),
    /// A unit that is still open.
    Open(Seq),
}

/// A job's results, one by one.
pub struct ResultStream {
    jobs: Arc<JobReader>,
    job: Job,
    order: Order,
    events: Option<Receiver>,
    /// The segments as last read.
    rows: BTreeMap<u32, Segment>,
    /// Units that are over, and how.
    over: BTreeMap<Seq, UnitState>,
    /// Of these, those that were not given yet, and the same by when they ended.
    waiting: BTreeSet<Seq>,
    by_end: BTreeSet<(Timestamp, Seq)>,
    /// Units that were given or left out.
    passed: usize,
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

impl std::fmt::Debug for ResultStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ResultStream").field("job", &self.job.id).field("place", &self.place).finish_non_exhaustive()
    }
}

impl ResultStream {
    pub(crate) fn of_runner(jobs: Arc<JobReader>, job: Job, events: Receiver) -> ResultStream {
        ResultStream { events: Some(events), hold_back_ms: HOLD_BACK_MS, ..ResultStream::of_rows(jobs, job, 0) }
    }

    pub(crate) fn of_rows(jobs: Arc<JobReader>, job: Job, from: u32) -> ResultStream {
        ResultStream {
            jobs,
            job,
            order: Order::Input,
            events: None,
            rows: BTreeMap::new(),
            over: BTreeMap::new(),
            waiting: BTreeSet::new(),
            by_end: BTreeSet::new(),
            passed: 0,
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
    pub fn in_order(mut self, order: Order) -> ResultStream {
        self.order = order;
        if order == Order::Input {
            // Every unit has a result there: what is left out is not looked at.
            let left_out = self.skip.min(self.job.admitted);
            (self.place, self.passed, self.skip) = (left_out, left_out as usize, 0);
        }
        self
    }

    /// The job as last seen.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The next result, or the end. Waits as long as it takes. Dropping the future loses no result.
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn next(&mut self) -> Result<StreamEvent, StoreError> {
        loop {
            if let Some(item) = self.pick(self.job.state.ended()).await? {
                return Ok(StreamEvent::Result(item));
            }
            if self.job.state.ended() && self.is_complete() {
                return Ok(StreamEvent::End(Box::new(self.job.clone())));
            }
            if self.events.is_none() {
                self.look().await?;
                continue;
            }
            self.wait_for_event().await;
        }
    }

    /// Gives without waiting what there is, for a body that has to end though its job runs. In input order a unit that
    /// is open has its turn too. `None` once that is all. What is known is brought up to date by [`ResultStream::refresh`].
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn next_now(&mut self) -> Result<Option<Available>, StoreError> {
        Ok(match self.pick(true).await? {
            Some(item) => Some(Available::Result(item)),
            None if self.order == Order::Input && self.place < self.job.admitted => {
                self.place += 1;
                Some(Available::Open(self.place - 1))
            }
            None => None,
        })
    }

    /// How many results come before the next one, those that were left out among them.
    pub fn place(&self) -> u32 {
        self.place
    }

    /// Reads once what the rows know.
    ///
    /// # Errors
    /// Faults of the store that outlast its retries.
    pub async fn refresh(&mut self) -> Result<(), StoreError> {
        if !self.job.state.ended() {
            self.job = self.jobs.rows().reread(&self.job.id.clone()).await?;
        }
        self.read_rows().await
    }

    fn is_complete(&self) -> bool {
        self.passed >= self.job.admitted as usize
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
        self.learn(event.seq, event.unit);
        match event.text {
            Some(text) => self.keep(event.seq, text),
            None if self.is_unread(event.seq) => self.hold_back_ms = HOLD_BACK_ROWS_MS,
            None => {}
        }
    }

    /// Takes note of a unit that is over.
    fn learn(&mut self, seq: Seq, unit: UnitState) {
        if self.over.insert(seq, unit).is_some() || (self.order == Order::Input && seq < self.place) {
            return;
        }
        self.waiting.insert(seq);
        self.by_end.insert((ended_at(unit), seq));
    }

    fn keep(&mut self, seq: Seq, text: String) {
        if !self.waiting.contains(&seq) {
            return;
        }
        // The first always fits: it may be the one whose turn it is.
        if self.texts.is_empty() || self.bytes + text.len() <= MOST_BYTES {
            self.bytes += text.len();
            self.texts.insert(seq, text);
        }
    }

    /// Reads what the rows have that was not known yet; waits a little where that is nothing.
    async fn look(&mut self) -> Result<(), StoreError> {
        let before = self.waiting.len();
        self.refresh().await?;
        if self.job.state.ended() {
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
    async fn pick(&mut self, all: bool) -> Result<Option<ResultItem>, StoreError> {
        while let Some(seq) = self.turn(all) {
            let unit = self.over.get(&seq).copied().unwrap_or_default();
            // A duplicate of another unit's page has no result of its own; what is left out is not read.
            let is_duplicate = matches!(unit, UnitState::Ended { end: UnitEnd::Duplicate, .. });
            let text = if is_duplicate || self.skip > 0 {
                None
            } else {
                match self.texts.remove(&seq) {
                    Some(text) => {
                        self.bytes = self.bytes.saturating_sub(text.len());
                        Some(text)
                    }
                    None => Some(self.read(seq).await?),
                }
            };
            self.waiting.remove(&seq);
            self.by_end.remove(&(ended_at(unit), seq));
            self.passed += 1;
            if is_duplicate {
                continue;
            }
            let place = self.place;
            self.place += 1;
            match text {
                Some(text) => return Ok(Some(ResultItem { seq, place, text })),
                None => self.skip -= 1,
            }
        }
        Ok(None)
    }

    /// Whose turn it is.
    fn turn(&self, all: bool) -> Option<Seq> {
        match self.order {
            Order::Input => {
                let next = self.place;
                (self.waiting.contains(&next) && !self.is_unclear(next)).then_some(next)
            }
            Order::Completion => {
                // What never started comes last, so that behind one whose reason is unclear there is nothing else.
                let (at, seq) = self.by_end.first().copied().filter(|(_, seq)| !self.is_unclear(*seq))?;
                // An earlier one may still come of one that ended so lately.
                (all || at.plus_ms(self.hold_back_ms) <= self.jobs.now()).then_some(seq)
            }
        }
    }

    /// The reason for a unit that never started is the state's: where that was read before, it has to be read again.
    fn is_unclear(&self, seq: Seq) -> bool {
        self.job.state == JobState::Running && self.over.get(&seq) == Some(&UnitState::Skipped)
    }

    /// Whether a unit that is over has a result row.
    fn is_unread(&self, seq: Seq) -> bool {
        matches!(self.over.get(&seq), Some(UnitState::Ended { end, .. }) if end.has_result())
    }
}

/// What results in order of completion are ordered by.
fn ended_at(unit: UnitState) -> Timestamp {
    match unit {
        UnitState::Ended { at, .. } => at,
        UnitState::Pending | UnitState::Started { .. } | UnitState::Asked { .. } | UnitState::Skipped => NEVER,
    }
}

//! The results of a job as they become known: from the driver while it runs in this process, otherwise from the rows.
//! Response bodies are written from this stream and cannot tell the two apart.

mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::segment::{Segment, UnitEnd, UnitState};
use domain::{Job, JobState, Seq, Timestamp};
use runtime::assignment::JobReader;
use store::StoreError;
use tokio::time::Instant;

use crate::events::{Event, Receiver};

/// Minimum time between two reads of the rows.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(40);
/// Maximum time between two reads of the rows while units end.
const MAX_ACTIVE_POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Maximum time between two reads of the rows otherwise.
const MAX_IDLE_POLL_INTERVAL: Duration = Duration::from_millis(1_000);
/// For this long after a unit has ended, more units are expected to end soon.
const ACTIVE_FOR: Duration = Duration::from_secs(10);
/// Milliseconds that a result waits, in order of completion, for one that ended earlier but is reported later.
const HOLD_BACK_MS: i64 = 50;
/// The same if only the rows are known. It is longer because runners write results in groups.
const HOLD_BACK_ROWS_MS: i64 = 400;
/// The end of units that never started: in order of completion they come last, by number. They are reported later than
/// results, so only the last places are the same for every reader.
const NEVER_STARTED: Timestamp = Timestamp(i64::MAX / 2);
/// Maximum number of bytes of results that are kept before their turn; results beyond it are read again.
const MAX_BYTES: usize = 512 * 1024;

/// Order of a stream's results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// By unit number: the order in which the caller named the URLs.
    Input,
    /// By the time at which the units ended, as recorded in their rows.
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

/// Next event of a stream.
#[derive(Debug)]
pub enum StreamEvent {
    /// The next result.
    Result(ResultItem),
    /// Every result has been returned; the job as it ended.
    End(Box<Job>),
}

/// Next item that a stream has without waiting.
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
    /// Units that are over, with their states.
    over: BTreeMap<Seq, UnitState>,
    /// Units in `over` whose results were not returned yet: by number, and by the time they ended.
    waiting: BTreeSet<Seq>,
    by_end: BTreeSet<(Timestamp, Seq)>,
    /// Number of units that were returned or left out.
    passed: usize,
    /// Result texts that are already in memory.
    texts: BTreeMap<Seq, String>,
    bytes: usize,
    /// Place of the next result in the order, and how many results are still to be left out before it.
    place: u32,
    skip: u32,
    hold_back_ms: i64,
    poll_interval: Duration,
    last_active: Instant,
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
            poll_interval: MIN_POLL_INTERVAL,
            last_active: Instant::now(),
        }
    }

    /// Returns the same results in another order. Call it before the first result is taken.
    #[must_use]
    pub fn in_order(mut self, order: Order) -> ResultStream {
        self.order = order;
        if order == Order::Input {
            // In input order every unit has a result: those that are left out need not be read.
            let left_out = self.skip.min(self.job.admitted);
            (self.place, self.passed, self.skip) = (left_out, left_out as usize, 0);
        }
        self
    }

    /// Returns the job as last read.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Returns the next result, or the end. Waits as long as necessary. Dropping the future loses no result.
    ///
    /// # Errors
    /// Store errors that outlast the retries.
    pub async fn next(&mut self) -> Result<StreamEvent, StoreError> {
        loop {
            if let Some(item) = self.take_next(self.job.state.ended()).await? {
                return Ok(StreamEvent::Result(item));
            }
            if self.job.state.ended() && self.is_complete() {
                return Ok(StreamEvent::End(Box::new(self.job.clone())));
            }
            if self.events.is_none() {
                self.poll_rows().await?;
                continue;
            }
            self.wait_for_event().await;
        }
    }

    /// Returns what is known without waiting, for a body that has to end while its job runs. In input order,
    /// an open unit takes its turn, too. Returns `None` after the last one. [`ResultStream::refresh`] brings
    /// what is known up to date.
    ///
    /// # Errors
    /// Store errors that outlast the retries.
    pub async fn next_now(&mut self) -> Result<Option<Available>, StoreError> {
        Ok(match self.take_next(true).await? {
            Some(item) => Some(Available::Result(item)),
            None if self.order == Order::Input && self.place < self.job.admitted => {
                self.place += 1;
                Some(Available::Open(self.place - 1))
            }
            None => None,
        })
    }

    /// Returns how many results come before the next one, including those that were left out.
    pub fn place(&self) -> u32 {
        self.place
    }

    /// Reads the rows once.
    ///
    /// # Errors
    /// Store errors that outlast the retries.
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
        // Results may arrive out of order. Those that are held back are returned once `HOLD_BACK_MS` have passed.
        let held_back = self.order == Order::Completion && !self.waiting.is_empty();
        let event = tokio::select! {
            event = events.recv() => event,
            () = tokio::time::sleep(Duration::from_millis(HOLD_BACK_MS.unsigned_abs())), if held_back => return,
        };
        let Some(event) = event else {
            self.events = None;
            return;
        };
        self.take_event(event);
        // Takes all events that have arrived before a result is chosen, so that they are put in order together.
        while let Some(event) = self.events.as_mut().and_then(Receiver::try_recv) {
            self.take_event(event);
        }
    }

    fn take_event(&mut self, event: Event) {
        self.record_over(event.seq, event.unit);
        match event.text {
            Some(text) => self.keep_text(event.seq, text),
            None if self.has_result_row(event.seq) => self.hold_back_ms = HOLD_BACK_ROWS_MS,
            None => {}
        }
    }

    /// Records a unit that is over.
    fn record_over(&mut self, seq: Seq, unit: UnitState) {
        if self.over.insert(seq, unit).is_some() || (self.order == Order::Input && seq < self.place) {
            return;
        }
        self.waiting.insert(seq);
        self.by_end.insert((ended_at(unit), seq));
    }

    fn keep_text(&mut self, seq: Seq, text: String) {
        if !self.waiting.contains(&seq) {
            return;
        }
        // The first text is always kept: its turn may be next.
        if self.texts.is_empty() || self.bytes + text.len() <= MAX_BYTES {
            self.bytes += text.len();
            self.texts.insert(seq, text);
        }
    }

    /// Reads what is new in the rows, then waits a little unless the job has ended.
    async fn poll_rows(&mut self) -> Result<(), StoreError> {
        let before = self.waiting.len();
        self.refresh().await?;
        if self.job.state.ended() {
            return Ok(());
        }
        if self.waiting.len() > before {
            (self.poll_interval, self.last_active) = (MIN_POLL_INTERVAL, Instant::now());
        }
        tokio::time::sleep(self.poll_interval).await;
        let active = self.last_active.elapsed() < ACTIVE_FOR;
        let max = if active { MAX_ACTIVE_POLL_INTERVAL } else { MAX_IDLE_POLL_INTERVAL };
        self.poll_interval = (self.poll_interval * 3 / 2).min(max);
        Ok(())
    }

    /// Returns the next result in the stream's order, if it is known. With `all`, does not wait for results of units
    /// that may have ended earlier.
    async fn take_next(&mut self, all: bool) -> Result<Option<ResultItem>, StoreError> {
        while let Some(seq) = self.next_in_order(all) {
            let unit = self.over.get(&seq).copied().unwrap_or_default();
            // A duplicate of another unit's page has no result of its own; results that are left out are not read.
            let is_duplicate = matches!(unit, UnitState::Ended { end: UnitEnd::Duplicate, .. });
            let text = if is_duplicate || self.skip > 0 {
                None
            } else {
                match self.texts.remove(&seq) {
                    Some(text) => {
                        self.bytes = self.bytes.saturating_sub(text.len());
                        Some(text)
                    }
                    None => Some(self.read_result(seq).await?),
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

    /// Returns the unit whose result comes next, if it is known.
    fn next_in_order(&self, all: bool) -> Option<Seq> {
        match self.order {
            Order::Input => {
                let next = self.place;
                (self.waiting.contains(&next) && !self.is_unclear(next)).then_some(next)
            }
            Order::Completion => {
                // Units that never started come last, so nothing follows one whose reason is unclear.
                let (at, seq) = self.by_end.first().copied().filter(|(_, seq)| !self.is_unclear(*seq))?;
                // If this unit ended very recently, a unit that ended before it may still be reported.
                (all || at.plus_ms(self.hold_back_ms) <= self.jobs.now()).then_some(seq)
            }
        }
    }

    /// Returns whether it is unclear why a unit was skipped. The job's state gives the reason. If that was read before
    /// the termination began, it has to be read again.
    fn is_unclear(&self, seq: Seq) -> bool {
        self.job.state == JobState::Running && self.over.get(&seq) == Some(&UnitState::Skipped)
    }

    /// Returns whether a unit that is over has a result row.
    fn has_result_row(&self, seq: Seq) -> bool {
        matches!(self.over.get(&seq), Some(UnitState::Ended { end, .. }) if end.has_result())
    }
}

/// The key by which results in order of completion are sorted.
fn ended_at(unit: UnitState) -> Timestamp {
    match unit {
        UnitState::Ended { at, .. } => at,
        UnitState::Pending | UnitState::Started { .. } | UnitState::Asked { .. } | UnitState::Skipped => NEVER_STARTED,
    }
}

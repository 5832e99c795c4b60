//! The life of a job as one runner sees it, sans-IO: it is told events and says actions. Runners in a handler, behind
//! the queue and in the sweeper carry the actions out; the model and the tests drive the same code.
//!
//! No I/O, no clock, no randomness, no async: time and ids come in with the plan and with each call. It keeps nothing
//! that the rows do not decide: whoever loses it starts another one and reads.

mod act;
mod commit;
mod delegate;
pub mod lane;
mod observe;
mod plan;
pub mod terminate;
mod wire;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, UnitEnd, UnitState, WriteId};
use crate::time::Timestamp;

use delegate::Delegated;
pub use plan::{Access, JobView, Mode, Moment, Plan, Scope, Settling, WithSettle, WithoutSettle};
pub use wire::{Action, Commit, Event, Exit, Outcome};

/// The oldest that a job's state may be when a start follows from it, in ticks.
pub const FRESH_TICKS: u64 = 100;
/// How often a runner that can only wait looks at the job's state, and at units that others hold, in ticks.
const IDLE_TICKS: u64 = 250;
/// The same where an extract runs, or the queue's workers do the work.
const LOOK_TICKS: u64 = 1_000;
/// How often units that others hold are looked at, in ticks.
const HELD_TICKS: u64 = 2_000;
/// Kept free before the runner has to be done, in milliseconds.
pub const MARGIN_MS: i64 = 2_000;

/// What this runner does with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Local {
    /// It is being prepared: it waits for its host and for a permit.
    Waiting,
    /// It may start with the next commit; `paced` ones at once, for their host's slot is now.
    Ready { paced: bool },
    /// robots.txt denies it: the next commit skips it.
    Denied,
    /// Its page is under way.
    Running { attempt: u8 },
    /// Its page has ended; the next commit says so.
    Finished { attempt: u8, end: UnitEnd, at: Timestamp, skipped: u32 },
}

/// What a write that is under way does with a unit of this runner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Move {
    Start { attempt: u8 },
    End,
}

/// A write that is under way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Write {
    id: WriteId,
    segments: BTreeMap<u32, Segment>,
    moves: BTreeMap<Seq, Move>,
}

/// A read that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reading {
    Job { asked_at: u64 },
    Segments { first: u32, last: u32 },
}

/// One runner of one job.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine<A: Access> {
    plan: Plan,
    job: JobView,
    /// When the job's state was asked for that is known; `None` where it has to be read again.
    seen_at: Option<u64>,
    /// The segments as last known. One that is left out is untouched.
    rows: BTreeMap<u32, Segment>,
    /// Segments of which a write's fate is not known, or that were never read: they are read before they are written.
    unsure: BTreeSet<u32>,
    /// How many units of the job are in a place.
    placed: Seq,
    /// Units of the scope that nobody is at.
    open: BTreeSet<Seq>,
    /// Units that others hold, until then.
    held: BTreeMap<Seq, Timestamp>,
    /// Units whose host has no slot before then.
    deferred: BTreeMap<Seq, Timestamp>,
    local: BTreeMap<Seq, Local>,
    delegated: Delegated,
    write: Option<Write>,
    writes: u32,
    /// Since when something waits for the next commit.
    waiting_since: Option<u64>,
    reading: Option<Reading>,
    looked_at: u64,
    held_looked_at: u64,
    failed: bool,
    moving: bool,
    settling: bool,
    sending: bool,
    lost: bool,
    stopped: bool,
    faults: u32,
    out: VecDeque<Action<A>>,
    exit: Option<Exit>,
    access: std::marker::PhantomData<A>,
}

impl<A: Access> Machine<A> {
    /// A runner of a job that was read (or written) at `at`. `rows` are its segments as they are known to be; where
    /// they are not, `None`: then they are read first.
    pub fn new(plan: Plan, job: JobView, rows: Option<Vec<Segment>>, at: Moment) -> Machine<A> {
        let mut machine = Machine {
            delegated: Delegated::new(at),
            seen_at: Some(at.ticks),
            unsure: BTreeSet::new(),
            rows: BTreeMap::new(),
            placed: 0,
            open: BTreeSet::new(),
            held: BTreeMap::new(),
            deferred: BTreeMap::new(),
            local: BTreeMap::new(),
            write: None,
            writes: 0,
            waiting_since: None,
            reading: None,
            looked_at: at.ticks,
            held_looked_at: at.ticks,
            failed: false,
            moving: false,
            settling: false,
            sending: false,
            lost: false,
            stopped: false,
            faults: 0,
            out: VecDeque::new(),
            exit: None,
            access: std::marker::PhantomData,
            plan,
            job,
        };
        match rows {
            Some(rows) => rows.into_iter().for_each(|row| drop(machine.rows.insert(row.index, row))),
            None => machine.unsure = machine.scope_segments().into_iter().collect(),
        }
        machine.admit();
        let rows: Vec<Segment> = machine.rows.values().cloned().collect();
        rows.iter().for_each(|row| machine.observe(None, row, false));
        machine
    }

    /// The job's state as last read.
    pub fn job(&self) -> JobView {
        self.job
    }

    /// The segments as last known; one that is left out is untouched, or was never read.
    pub fn rows(&self) -> &BTreeMap<u32, Segment> {
        &self.rows
    }

    /// Units that nobody is at, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = Seq> + '_ {
        self.open.iter().chain(self.deferred.keys()).copied()
    }

    /// When the first of the units that others hold may be taken over.
    pub fn held_until(&self) -> Option<Timestamp> {
        self.held.values().min().copied()
    }

    /// When the first host opens that units wait for.
    pub fn deferred_until(&self) -> Option<Timestamp> {
        self.deferred.values().min().copied()
    }

    /// When the last page may start, so that it can end before this runner has to be done.
    pub fn starts_until(&self) -> Option<Timestamp> {
        self.plan.until.map(|until| until.plus_ms(-i64::from(self.plan.timeout_ms) - MARGIN_MS))
    }

    /// The unit as its row says.
    fn unit(&self, seq: Seq) -> UnitState {
        self.rows.get(&Segment::of(seq)).map(|row| row.unit(seq)).unwrap_or_default()
    }

    fn in_scope(&self, seq: Seq) -> bool {
        seq < self.job.admitted
            && match &self.plan.scope {
                Scope::Job => true,
                Scope::Units(units) => units.contains(&seq),
            }
    }

    /// The segments that this runner has to know: of its units, or all of them.
    fn scope_segments(&self) -> Vec<u32> {
        match &self.plan.scope {
            Scope::Units(units) if self.job.state == JobState::Running => {
                let within = units.iter().filter(|seq| **seq < self.job.admitted);
                within.map(|seq| Segment::of(*seq)).collect::<BTreeSet<u32>>().into_iter().collect()
            }
            Scope::Job | Scope::Units(_) => Segment::of_job(self.job.admitted).collect(),
        }
    }

    /// Takes units in that the job has admitted since.
    fn admit(&mut self) {
        for seq in self.placed..self.job.admitted {
            if self.in_scope(seq) {
                self.place(seq);
            }
        }
        self.placed = self.placed.max(self.job.admitted);
    }

    /// Whether this runner starts anything, as far as it alone is concerned.
    fn is_starting(&self, at: Moment) -> bool {
        let over = self.plan.until.is_some_and(|until| at.now >= until);
        self.plan.mode == Mode::Run && !self.lost && !self.stopped && !over
    }

    /// Whether a unit that starts now can end before this runner has to be done.
    fn has_time(&self, at: Moment) -> bool {
        self.starts_until().is_none_or(|until| at.now < until)
    }

    /// Whether the known state allows to start a unit that nobody has started.
    fn may_start(&self, at: Moment) -> bool {
        self.is_starting(at)
            && self.job.state == JobState::Running
            && at.now < self.job.deadline
            && !(self.plan.fail_fast && self.has_failed())
            && self.has_time(at)
    }

    /// Whether the job's state is known well enough for a start.
    fn is_fresh(&self, at: Moment) -> bool {
        self.seen_at.is_some_and(|seen| at.ticks.saturating_sub(seen) <= FRESH_TICKS)
    }

    fn has_failed(&self) -> bool {
        self.failed || self.local.values().any(|local| matches!(local, Local::Finished { end, .. } if !end.is_done()))
    }

    /// Whether every unit that was admitted is over, as the rows say.
    fn is_over(&self) -> bool {
        let over = |index| self.rows.get(&index).is_some_and(|row: &Segment| row.is_over(self.job.admitted));
        self.unsure.is_empty() && Segment::of_job(self.job.admitted).all(over)
    }
}

#[cfg(test)]
mod tests;

//! A runner's share of its job: its plan, its knowledge of the rows and the state of its units, with the decisions that
//! follow from these alone.

use std::collections::{BTreeMap, BTreeSet};

use super::delegate::Delegated;
use super::group_commit::GroupCommit;
use super::known::Known;
use super::plan::{JobView, Mode, Moment, Plan, Settling};
use super::terminate::Rule;
use super::units::{Local, Units};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, Totals, UnitState};
use crate::time::Timestamp;

/// What accepting a row changes.
pub(super) struct Observed {
    /// Units that this runner gives up.
    pub(super) aborted: Vec<Seq>,
    /// Units that are over now.
    pub(super) over: Vec<(Seq, UnitState)>,
}

/// A runner's plan, its knowledge of the rows and the state of its units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Share {
    pub(super) plan: Plan,
    pub(super) known: Known,
    pub(super) units: Units,
    pub(super) delegated: Delegated,
    /// Another runner drives the job, or may do so.
    pub(super) lost: bool,
    /// The process is ending.
    pub(super) stopped: bool,
}

impl Share {
    pub(super) fn new(plan: Plan, job: JobView, at: Moment) -> Share {
        Share {
            plan,
            known: Known::new(job, at),
            units: Units::default(),
            delegated: Delegated::new(at),
            lost: false,
            stopped: false,
        }
    }

    /// Records that the model has answered for a unit. If the unit's row has changed meanwhile, reading the row
    /// corrects this.
    pub(super) fn answered(&mut self, seq: Seq, attempt: u8, at: Timestamp) {
        let waits = |unit| matches!(unit, UnitState::Asked { attempt: read, .. } if read == attempt);
        let unread = !self.known.is_sure_of(seq);
        if self.known.in_scope(&self.plan.scope, seq) && (unread || waits(self.known.unit(seq))) {
            self.units.local.insert(seq, Local::Answered { attempt, at });
        }
    }

    /// Returns units that no runner works on, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = Seq> + '_ {
        self.units.unclaimed()
    }

    /// Returns units that are not over, as far as is known, and that this runner does not run: those that no runner
    /// works on and those that others hold.
    pub fn unfinished(&self) -> BTreeSet<Seq> {
        self.open().chain(self.units.held.keys().copied()).collect()
    }

    /// Returns when the first of the units that others hold may be taken over.
    pub fn held_until(&self) -> Option<Timestamp> {
        self.units.held.values().min().copied()
    }

    /// Returns when the first of the hosts that deferred units wait for has a slot.
    pub fn deferred_until(&self) -> Option<Timestamp> {
        self.units.deferred.values().min().copied()
    }

    /// Returns whether units wait for a model and no other unit of the job is open. No runner then has anything to do.
    pub fn waits_for_model(&self) -> bool {
        self.known.is_quiet() && !self.known.is_over()
    }

    /// Returns when the last page may start, so that it ends before this runner must be done.
    pub fn starts_until(&self) -> Option<Timestamp> {
        self.plan.starts_until()
    }

    /// Accepts a row as current.
    pub(super) fn observe(&mut self, before: Option<&Segment>, row: &Segment) -> Observed {
        let (changed, over) = self.known.take(before, row);
        // The job's row says what the last unit admitted, so it is read again.
        if self.plan.crawl && self.known.is_quiet() {
            self.known.seen_at = None;
        }
        Observed { aborted: self.place_all(changed), over }
    }

    /// Adds units that the job has admitted since. Returns those that are given up.
    pub(super) fn admit(&mut self) -> Vec<Seq> {
        let admitted = self.known.job.admitted;
        let new = self.units.placed..admitted;
        self.units.placed = self.units.placed.max(admitted);
        self.place_all(new)
    }

    /// Updates the local state of units in scope from their rows. Returns those that are given up.
    pub(super) fn place_all(&mut self, seqs: impl IntoIterator<Item = Seq>) -> Vec<Seq> {
        let mut aborted = Vec::new();
        for seq in seqs {
            if self.known.in_scope(&self.plan.scope, seq)
                && self.units.place(seq, self.known.unit(seq), self.plan.me, &mut self.delegated)
            {
                aborted.push(seq);
            }
        }
        aborted
    }

    /// Gives up units that have not started, or all idle units if this runner `ends`. Returns those that are given up.
    pub(super) fn let_go(&mut self, commit: &GroupCommit, ends: bool) -> Vec<Seq> {
        let ends = ends || self.lost || self.stopped;
        let started = |seq: &Seq| matches!(self.known.unit(*seq), UnitState::Started { .. });
        let idle = self.units.idle().into_iter();
        let all: Vec<Seq> = idle.filter(|seq| !commit.moves_unit(*seq) && (ends || !started(seq))).collect();
        let mut aborted = Vec::new();
        for seq in all {
            if self.units.forget(seq) {
                aborted.push(seq);
            }
            aborted.extend(self.place_all([seq]));
        }
        aborted
    }

    /// Returns the segments of the scope that must be read before anything is decided on them.
    pub(super) fn to_read(&self, commit: &GroupCommit) -> Vec<u32> {
        self.known.to_read(&self.plan.scope, commit.write.as_ref())
    }

    /// Returns whether this runner still starts units, whatever the job's state is.
    pub(super) fn is_starting(&self, at: Moment) -> bool {
        let over = self.plan.until.is_some_and(|until| at.now >= until);
        self.plan.mode == Mode::Run && !self.lost && !self.stopped && !over
    }

    /// Returns whether the known state allows a pending unit to start.
    pub(super) fn may_start(&self, at: Moment) -> bool {
        let failed = self.plan.fail_fast && (self.known.failed || self.units.has_failed());
        let JobView { state, deadline, .. } = self.known.job;
        let running = state == JobState::Running && at.now < deadline && !failed;
        running && self.is_starting(at) && self.plan.has_time(at)
    }

    /// Returns an extract's unit if this runner started it together with its job.
    pub(super) fn own_extract(&self) -> Option<Seq> {
        let me = self.plan.me;
        let first = matches!(self.known.unit(0), UnitState::Started { attempt: 1, holder, .. } if holder == me);
        (self.plan.extract && first).then_some(0)
    }

    /// Returns the unit to run next.
    pub(super) fn next_unit(&self, at: Moment) -> Option<Seq> {
        if let Some(seq) = self.units.to_take_over(&self.known, self.own_extract(), at.now) {
            return Some(seq);
        }
        if self.may_start(at) {
            // All pages of a crawl share a host: if the first has to wait, so do the others.
            let waits = self.plan.crawl && !self.units.deferred.is_empty();
            return self.units.open.first().copied().filter(|_| !waits);
        }
        let started = |seq: &Seq| matches!(self.known.unit(*seq), UnitState::Started { .. });
        self.units.open.iter().copied().find(started)
    }

    /// Returns the termination that is due.
    pub(super) fn termination(&self, at: Moment) -> Option<JobState> {
        let state = self.known.job.state;
        match self.plan.mode {
            Mode::End(Some(to)) if state == JobState::Running => Some(to),
            Mode::End(Some(JobState::Cancelling)) if state == JobState::FailingFast => Some(JobState::Cancelling),
            _ if self.known.job.must_expire(at.now) => Some(JobState::Expiring),
            _ if state == JobState::Running && self.plan.fail_fast && self.known.failed => Some(JobState::FailingFast),
            _ => None,
        }
    }

    /// Returns the termination rule for the job's state, if there is one.
    pub(super) fn rule(&self, at: Moment) -> Option<Rule> {
        let (state, exhausted) = (self.known.job.state, matches!(self.plan.mode, Mode::End(_)));
        let asks = state != JobState::Running || exhausted;
        asks.then_some(Rule { state, extract: self.plan.extract, exhausted, now: at.now })
    }

    /// Returns an extract's settlement if this write ends its unit: both are one write.
    pub(super) fn last_of_extract(&self, segments: &BTreeMap<u32, Segment>) -> Option<Settling> {
        let job = self.known.job;
        let last = segments.get(&0).filter(|row| self.plan.extract && row.is_over(job.admitted))?;
        Some(Settling { job, totals: Totals::of([last], job.admitted), last: Some(last.clone()) })
    }
}

//! The state of a runner: its configuration, its knowledge of the rows and the state of its units, with the decisions
//! that follow from these alone.

use std::collections::{BTreeMap, BTreeSet};

use super::config::{JobView, Mode, Moment, RunnerConfig, SettlementRequest};
use super::delegate::Delegated;
use super::group_commit::GroupCommit;
use super::known::KnownRows;
use super::terminate::TerminationRule;
use super::units::{LocalState, Units};
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{Segment, Totals, UnitState};
use crate::time::Timestamp;

/// What accepting a row changes.
pub(super) struct Observed {
    /// Units whose work must be aborted.
    pub(super) aborted: Vec<Seq>,
    /// Units that are over now.
    pub(super) over: Vec<(Seq, UnitState)>,
}

/// A runner's configuration, its knowledge of the rows and the state of its units.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunnerState {
    pub(super) config: RunnerConfig,
    pub(super) known: KnownRows,
    pub(super) units: Units,
    pub(super) delegated: Delegated,
    /// Whether another runner drives the job, or may do so.
    pub(super) lease_lost: bool,
    /// Whether the process is ending.
    pub(super) stopped: bool,
}

impl RunnerState {
    pub(super) fn new(config: RunnerConfig, job: JobView, at: Moment) -> RunnerState {
        RunnerState {
            config,
            known: KnownRows::new(job, at),
            units: Units::default(),
            delegated: Delegated::new(at),
            lease_lost: false,
            stopped: false,
        }
    }

    /// Records that the model has answered for a unit. If the unit's row has changed meanwhile, reading the row
    /// corrects this.
    pub(super) fn on_answered(&mut self, seq: Seq, attempt: u8, at: Timestamp) {
        let waits = |unit| matches!(unit, UnitState::Asked { attempt: read, .. } if read == attempt);
        let unread = !self.known.is_verified(seq);
        if self.known.in_scope(&self.config.scope, seq) && (unread || waits(self.known.unit(seq))) {
            self.units.local.insert(seq, LocalState::Answered { attempt, at });
        }
    }

    /// Returns units that no runner works on, as far as is known.
    pub fn open(&self) -> impl Iterator<Item = Seq> + '_ {
        self.units.without_runner()
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
        self.known.needs_no_runner() && !self.known.is_over()
    }

    /// Returns when the last page may start, so that it ends before this runner must be done.
    pub fn latest_start(&self) -> Option<Timestamp> {
        self.config.latest_start()
    }

    /// Accepts a row as current.
    pub(super) fn observe(&mut self, before: Option<&Segment>, row: &Segment) -> Observed {
        let (changed, over) = self.known.take(before, row);
        // The job's row says what the last unit admitted, so it is read again.
        if self.config.crawl && self.known.needs_no_runner() {
            self.known.job_read_at = None;
        }
        Observed { aborted: self.sync_units(changed), over }
    }

    /// Adds units that the job has admitted since the last call. Returns those whose work must be aborted.
    pub(super) fn admit(&mut self) -> Vec<Seq> {
        let admitted = self.known.job.admitted;
        let new = self.units.synced..admitted;
        self.units.synced = self.units.synced.max(admitted);
        self.sync_units(new)
    }

    /// Updates the local state of units in scope from their rows. Returns those whose work must be aborted.
    pub(super) fn sync_units(&mut self, seqs: impl IntoIterator<Item = Seq>) -> Vec<Seq> {
        let mut aborted = Vec::new();
        for seq in seqs {
            if self.known.in_scope(&self.config.scope, seq)
                && self.units.sync(seq, self.known.unit(seq), self.config.nonce, &mut self.delegated)
            {
                aborted.push(seq);
            }
        }
        aborted
    }

    /// Releases units that do not run yet: those that have not started, or all of them if this runner `ends`. Returns
    /// those whose work must be aborted.
    pub(super) fn release_units(&mut self, commit: &GroupCommit, ends: bool) -> Vec<Seq> {
        let ends = ends || self.lease_lost || self.stopped;
        let started = |seq: &Seq| matches!(self.known.unit(*seq), UnitState::Started { .. });
        let idle = self.units.not_running().into_iter();
        let all: Vec<Seq> = idle.filter(|seq| !commit.changes_unit(*seq) && (ends || !started(seq))).collect();
        let mut aborted = Vec::new();
        for seq in all {
            if self.units.release(seq) {
                aborted.push(seq);
            }
            aborted.extend(self.sync_units([seq]));
        }
        aborted
    }

    /// Returns the segments of the scope that must be read before anything is decided on them.
    pub(super) fn to_read(&self, commit: &GroupCommit) -> Vec<u32> {
        self.known.to_read(&self.config.scope, commit.write.as_ref())
    }

    /// Returns whether this runner still starts units, whatever the job's state is.
    pub(super) fn starts_units(&self, at: Moment) -> bool {
        let late = self.config.until.is_some_and(|until| at.now >= until);
        self.config.mode == Mode::Run && !self.lease_lost && !self.stopped && !late
    }

    /// Returns whether the known state allows a pending unit to start.
    pub(super) fn may_start(&self, at: Moment) -> bool {
        let failed = self.config.fail_fast && (self.known.failed || self.units.has_failed());
        let JobView { state, deadline, .. } = self.known.job;
        let running = state == JobState::Running && at.now < deadline && !failed;
        running && self.starts_units(at) && self.config.has_time(at)
    }

    /// Returns an extract's unit if this runner started it together with its job.
    pub(super) fn own_extract(&self) -> Option<Seq> {
        let own_nonce = self.config.nonce;
        let first = matches!(self.known.unit(0), UnitState::Started { attempt: 1, holder, .. } if holder == own_nonce);
        (self.config.extract && first).then_some(0)
    }

    /// Returns the unit to run next.
    pub(super) fn next_unit(&self, at: Moment) -> Option<Seq> {
        if let Some(seq) = self.units.next_take_over(&self.known, self.own_extract(), at.now) {
            return Some(seq);
        }
        if self.may_start(at) {
            // All pages of a crawl share a host: if the first has to wait, so do the others.
            let waits = self.config.crawl && !self.units.deferred.is_empty();
            return self.units.open.first().copied().filter(|_| !waits);
        }
        let started = |seq: &Seq| matches!(self.known.unit(*seq), UnitState::Started { .. });
        self.units.open.iter().copied().find(started)
    }

    /// Returns the termination that is due.
    pub(super) fn termination(&self, at: Moment) -> Option<JobState> {
        let state = self.known.job.state;
        match self.config.mode {
            Mode::End(Some(to)) if state == JobState::Running => Some(to),
            Mode::End(Some(JobState::Cancelling)) if state == JobState::FailingFast => Some(JobState::Cancelling),
            _ if self.known.job.must_expire(at.now) => Some(JobState::Expiring),
            _ if state == JobState::Running && self.config.fail_fast && self.known.failed => {
                Some(JobState::FailingFast)
            }
            _ => None,
        }
    }

    /// Returns the termination rule for the job's state, if there is one.
    pub(super) fn rule(&self, at: Moment) -> Option<TerminationRule> {
        let (state, exhausted) = (self.known.job.state, matches!(self.config.mode, Mode::End(_)));
        let applies = state != JobState::Running || exhausted;
        applies.then_some(TerminationRule { state, extract: self.config.extract, exhausted, now: at.now })
    }

    /// Returns an extract's settlement if this write ends its unit: both are one write.
    pub(super) fn extract_settlement(&self, segments: &BTreeMap<u32, Segment>) -> Option<SettlementRequest> {
        let job = self.known.job;
        let last = segments.get(&0).filter(|row| self.config.extract && row.is_over(job.admitted))?;
        Some(SettlementRequest { job, totals: Totals::of([last], job.admitted), final_segment: Some(last.clone()) })
    }
}

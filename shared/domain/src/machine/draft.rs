//! A commit in preparation: the rows as they will be, and what that means for this runner's units.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::config::{Moment, RunnerConfig};
use super::known::KnownRows;
use super::terminate::TerminationRule;
use super::units::{LocalState, Units};
use super::write::UnitChange;
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{MAX_ATTEMPTS, Segment, UnitEnd, UnitState};

/// A commit in preparation.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The rows as they will be, without their new versions.
    pub(super) rows: BTreeMap<u32, Segment>,
    pub(super) changes: BTreeMap<Seq, UnitChange>,
    /// Units whose results are written first, with their attempts.
    pub(super) results: Vec<(Seq, u8)>,
    /// Units that were ready but do not start.
    pub(super) dropped: Vec<Seq>,
    /// Units that were ready and that this runner already holds: they run without a write.
    pub(super) running: Vec<(Seq, u8)>,
    /// Units that were ready but end as exhausted.
    pub(super) exhausted: Vec<Seq>,
}

impl Draft {
    /// Sets a unit's state. Returns `false` if its row is not known.
    fn put(&mut self, known: &KnownRows, seq: Seq, unit: UnitState) -> bool {
        let index = Segment::index_of(seq);
        if !known.is_verified(seq) {
            return false;
        }
        let row = match self.rows.entry(index) {
            Entry::Occupied(row) => row.into_mut(),
            Entry::Vacant(place) => match known.rows.get(&index) {
                Some(row) => place.insert(row.clone()),
                None => return false,
            },
        };
        row.put(seq, unit);
        true
    }

    /// Applies the termination rule to all known rows. Returns whether that changes anything.
    pub(super) fn terminate(&mut self, known: &KnownRows, rule: TerminationRule) -> bool {
        let mut changed = false;
        for (index, row) in &known.rows {
            let mut row = self.rows.get(index).unwrap_or(row).clone();
            if !known.unverified.contains(index) && rule.apply(&mut row, known.job.admitted) {
                self.rows.insert(*index, row);
                changed = true;
            }
        }
        changed
    }

    /// Adds units whose pages have ended, or that are denied.
    pub(super) fn add_ends(&mut self, known: &KnownRows, units: &Units) {
        for (&seq, local) in &units.local {
            match *local {
                LocalState::Finished { attempt, end, at, skipped } => {
                    if self.put(known, seq, UnitState::Ended { attempt, end, at, skipped }) {
                        self.changes.insert(seq, UnitChange::End);
                        if end.has_result() {
                            self.results.push((seq, attempt));
                        }
                    }
                }
                LocalState::Asked { attempt, at, skipped } => {
                    if self.put(known, seq, UnitState::Asked { attempt, at, skipped }) {
                        self.changes.insert(seq, UnitChange::End);
                        self.results.push((seq, attempt));
                    }
                }
                LocalState::Answered { attempt: read, at } => {
                    if let UnitState::Asked { attempt, skipped, .. } = known.unit(seq)
                        && attempt == read
                    {
                        // Its result was written when the answer arrived.
                        let attempt = attempt + 1;
                        let ended = UnitState::Ended { attempt, end: UnitEnd::Succeeded, at, skipped };
                        if self.put(known, seq, ended) {
                            self.changes.insert(seq, UnitChange::End);
                        }
                    }
                }
                LocalState::Denied if self.put(known, seq, UnitState::Skipped) => {
                    self.changes.insert(seq, UnitChange::End);
                }
                LocalState::Denied | LocalState::Preparing | LocalState::Ready { .. } | LocalState::Running { .. } => {}
            }
        }
    }

    /// Adds units that are ready. `may_start` says whether the job's state allows pending units to start.
    pub(super) fn add_starts(
        &mut self,
        known: &KnownRows,
        units: &Units,
        config: &RunnerConfig,
        may_start: bool,
        at: Moment,
    ) {
        if !known.is_fresh(at) {
            return;
        }
        let page = i64::from(config.timeout_ms);
        let lease_until = at.now.plus_ms(page).plus_secs(config.lease_secs);
        let started = |attempt| UnitState::Started { attempt, holder: config.nonce, lease_until };
        for seq in units.ready() {
            match known.unit(seq) {
                UnitState::Pending if may_start => {
                    if self.put(known, seq, started(1)) {
                        self.changes.insert(seq, UnitChange::Start { attempt: 1 });
                    }
                }
                UnitState::Started { .. } if known.job.state == JobState::Expiring => self.dropped.push(seq),
                UnitState::Started { attempt, holder, .. } if holder == config.nonce => {
                    self.running.push((seq, attempt))
                }
                UnitState::Started { attempt, lease_until: until, .. } if until <= at.now => {
                    let end = UnitState::Ended { attempt, end: UnitEnd::Exhausted, at: at.now, skipped: 0 };
                    let exhausted = attempt >= MAX_ATTEMPTS;
                    if self.put(known, seq, if exhausted { end } else { started(attempt + 1) }) {
                        let step = if exhausted { UnitChange::End } else { UnitChange::Start { attempt: attempt + 1 } };
                        self.changes.insert(seq, step);
                        if exhausted {
                            self.exhausted.push(seq);
                        }
                    }
                }
                UnitState::Pending
                | UnitState::Started { .. }
                | UnitState::Asked { .. }
                | UnitState::Ended { .. }
                | UnitState::Skipped => {
                    self.dropped.push(seq);
                }
            }
        }
    }
}

//! A commit in preparation: the rows as they will be, and what that means for this runner's units.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::known::Known;
use super::plan::{Moment, Plan};
use super::terminate::Rule;
use super::units::{Local, Units};
use super::write::Move;
use crate::ids::Seq;
use crate::job::JobState;
use crate::segment::{MAX_ATTEMPTS, Segment, UnitEnd, UnitState};

/// A commit in preparation.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The rows as they will be, without their new versions.
    pub(super) rows: BTreeMap<u32, Segment>,
    pub(super) moves: BTreeMap<Seq, Move>,
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
    fn put(&mut self, known: &Known, seq: Seq, unit: UnitState) -> bool {
        let index = Segment::of(seq);
        if !known.is_sure_of(seq) {
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
    pub(super) fn terminate(&mut self, known: &Known, rule: Rule) -> bool {
        let mut changed = false;
        for (index, row) in &known.rows {
            let mut row = self.rows.get(index).unwrap_or(row).clone();
            if !known.unsure.contains(index) && rule.apply(&mut row, known.job.admitted) {
                self.rows.insert(*index, row);
                changed = true;
            }
        }
        changed
    }

    /// Adds units whose pages have ended, or that are denied.
    pub(super) fn ends(&mut self, known: &Known, units: &Units) {
        for (&seq, local) in &units.local {
            match *local {
                Local::Finished { attempt, end, at, skipped } => {
                    if self.put(known, seq, UnitState::Ended { attempt, end, at, skipped }) {
                        self.moves.insert(seq, Move::End);
                        if end.has_result() {
                            self.results.push((seq, attempt));
                        }
                    }
                }
                Local::Asked { attempt, at, skipped } => {
                    if self.put(known, seq, UnitState::Asked { attempt, at, skipped }) {
                        self.moves.insert(seq, Move::End);
                        self.results.push((seq, attempt));
                    }
                }
                Local::Answered { attempt: read, at } => {
                    if let UnitState::Asked { attempt, skipped, .. } = known.unit(seq)
                        && attempt == read
                    {
                        // Its result was written when the answer arrived.
                        let attempt = attempt + 1;
                        let ended = UnitState::Ended { attempt, end: UnitEnd::Succeeded, at, skipped };
                        if self.put(known, seq, ended) {
                            self.moves.insert(seq, Move::End);
                        }
                    }
                }
                Local::Denied if self.put(known, seq, UnitState::Skipped) => {
                    self.moves.insert(seq, Move::End);
                }
                Local::Denied | Local::Waiting | Local::Ready { .. } | Local::Running { .. } => {}
            }
        }
    }

    /// Adds units that are ready. `may_start` says whether the job's state allows pending units to start.
    pub(super) fn starts(&mut self, known: &Known, units: &Units, plan: &Plan, may_start: bool, at: Moment) {
        if !known.is_fresh(at) {
            return;
        }
        let page = i64::from(plan.timeout_ms);
        let lease_until = at.now.plus_ms(page).plus_secs(plan.lease_secs);
        let started = |attempt| UnitState::Started { attempt, holder: plan.me, lease_until };
        for seq in units.ready() {
            match known.unit(seq) {
                UnitState::Pending if may_start => {
                    if self.put(known, seq, started(1)) {
                        self.moves.insert(seq, Move::Start { attempt: 1 });
                    }
                }
                UnitState::Started { .. } if known.job.state == JobState::Expiring => self.dropped.push(seq),
                UnitState::Started { attempt, holder, .. } if holder == plan.me => self.running.push((seq, attempt)),
                UnitState::Started { attempt, lease_until: until, .. } if until <= at.now => {
                    let end = UnitState::Ended { attempt, end: UnitEnd::Exhausted, at: at.now, skipped: 0 };
                    let exhausted = attempt >= MAX_ATTEMPTS;
                    if self.put(known, seq, if exhausted { end } else { started(attempt + 1) }) {
                        let step = if exhausted { Move::End } else { Move::Start { attempt: attempt + 1 } };
                        self.moves.insert(seq, step);
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

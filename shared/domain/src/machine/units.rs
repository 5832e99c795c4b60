//! Where each unit of a runner's scope stands: open, another's, waiting for its host, the queue's, or this runner's own.

use std::collections::{BTreeMap, BTreeSet};

use super::delegate::Delegated;
use super::known::Known;
use crate::ids::{Nonce, Seq};
use crate::segment::{UnitEnd, UnitState};
use crate::time::Timestamp;

/// What this runner does with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Local {
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
    /// Its page was read, and the next commit says that a model is asked.
    Asked { attempt: u8, at: Timestamp, skipped: u32 },
    /// It waited for a model, whose answer is there; the next commit says so.
    Answered { attempt: u8, at: Timestamp },
}

impl Local {
    /// Whether a row that says this of the unit leaves it to this runner.
    fn agrees_with(self, unit: UnitState, me: Nonce) -> bool {
        let holds =
            |mine| matches!(unit, UnitState::Started { attempt, holder, .. } if holder == me && attempt == mine);
        match self {
            Local::Running { attempt } | Local::Finished { attempt, .. } | Local::Asked { attempt, .. } => {
                holds(attempt)
            }
            Local::Answered { attempt: read, .. } => {
                matches!(unit, UnitState::Asked { attempt, .. } if attempt == read)
            }
            Local::Waiting | Local::Ready { .. } => {
                unit == UnitState::Pending || matches!(unit, UnitState::Started { holder, .. } if holder == me)
            }
            Local::Denied => unit == UnitState::Pending,
        }
    }

    /// Whether nothing is under way for it: only its row is to be written.
    pub(super) fn is_done(self) -> bool {
        matches!(self, Local::Finished { .. } | Local::Asked { .. } | Local::Answered { .. })
    }
}

/// The units of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Units {
    /// How many units of the job were put somewhere.
    pub(super) placed: Seq,
    /// Units that nobody is at.
    pub(super) open: BTreeSet<Seq>,
    /// Units that others hold, until then.
    pub(super) held: BTreeMap<Seq, Timestamp>,
    /// Units whose host has no slot before then.
    pub(super) deferred: BTreeMap<Seq, Timestamp>,
    pub(super) local: BTreeMap<Seq, Local>,
}

impl Units {
    /// Those that nobody is at, as far as is known.
    pub(super) fn unclaimed(&self) -> impl Iterator<Item = Seq> + '_ {
        self.open.iter().chain(self.deferred.keys()).copied()
    }

    /// Moves a unit on, if it stands there.
    pub(super) fn advance(&mut self, seq: Seq, from: Local, to: Local) {
        if let Some(local) = self.local.get_mut(&seq).filter(|local| **local == from) {
            *local = to;
        }
    }

    /// Puts a unit where it stands now, by its row and by what this runner does with it. Returns whether that is to be
    /// aborted.
    pub(super) fn place(&mut self, seq: Seq, unit: UnitState, me: Nonce, delegated: &mut Delegated) -> bool {
        let mut aborted = false;
        if let Some(local) = self.local.get(&seq) {
            if local.agrees_with(unit, me) {
                return false;
            }
            aborted = self.forget(seq);
        }
        self.open.remove(&seq);
        self.held.remove(&seq);
        let deferred = self.deferred.remove(&seq);
        let given = delegated.units.remove(&seq);
        match unit {
            UnitState::Pending if given || delegated.in_charge => drop(delegated.units.insert(seq)),
            UnitState::Pending => match deferred {
                Some(until) => drop(self.deferred.insert(seq, until)),
                None => drop(self.open.insert(seq)),
            },
            UnitState::Started { holder, .. } if holder == me => drop(self.open.insert(seq)),
            UnitState::Started { lease_until, .. } => drop(self.held.insert(seq, lease_until)),
            UnitState::Asked { .. } | UnitState::Ended { .. } | UnitState::Skipped => {}
        }
        aborted
    }

    /// Gives up what this runner does with a unit. Returns whether something is under way for it.
    pub(super) fn forget(&mut self, seq: Seq) -> bool {
        self.local.remove(&seq).is_some_and(|local| !local.is_done())
    }

    /// Notes that a unit's host has no slot before `until`.
    pub(super) fn defer(&mut self, seq: Seq, until: Timestamp) {
        if self.open.remove(&seq) {
            self.deferred.insert(seq, until);
        }
    }

    /// Opens the units whose hosts have slots again.
    pub(super) fn wake(&mut self, now: Timestamp) {
        let due: Vec<Seq> = self.deferred.iter().filter(|(_, until)| **until <= now).map(|(seq, _)| *seq).collect();
        for seq in due {
            self.deferred.remove(&seq);
            self.open.insert(seq);
        }
    }

    /// Takes a unit for this runner.
    pub(super) fn claim(&mut self, seq: Seq) {
        self.open.remove(&seq);
        self.held.remove(&seq);
        self.local.insert(seq, Local::Waiting);
    }

    /// How many pages are under way, or soon will be.
    pub(super) fn active(&self) -> usize {
        self.local.values().filter(|local| !local.is_done() && **local != Local::Denied).count()
    }

    pub(super) fn ready(&self) -> impl Iterator<Item = Seq> + '_ {
        self.local.iter().filter(|(_, local)| matches!(local, Local::Ready { .. })).map(|(seq, _)| *seq)
    }

    /// Whether a page failed, written or not.
    pub(super) fn has_failed(&self) -> bool {
        self.local.values().any(|local| matches!(local, Local::Finished { end, .. } if !end.is_done()))
    }

    /// The next unit whose holder's lease is over. One at a time: it may have killed its process, and its reader is one
    /// that may die. `own` is the unit that this runner started with its job.
    pub(super) fn to_take_over(&self, known: &Known, own: Option<Seq>, now: Timestamp) -> Option<Seq> {
        let suspect = |(seq, local): (&Seq, &Local)| match local {
            Local::Waiting | Local::Ready { .. } => {
                matches!(known.unit(*seq), UnitState::Started { .. }) && own != Some(*seq)
            }
            Local::Running { attempt } => *attempt > 1,
            Local::Denied | Local::Finished { .. } | Local::Asked { .. } | Local::Answered { .. } => false,
        };
        if self.local.iter().any(suspect) {
            return None;
        }
        self.held.iter().find(|(_, until)| **until <= now).map(|(seq, _)| *seq)
    }

    /// Those that were claimed and have not begun.
    pub(super) fn idle(&self) -> Vec<Seq> {
        let idle = |local: &Local| matches!(local, Local::Waiting | Local::Ready { .. });
        self.local.iter().filter(|(_, local)| idle(local)).map(|(seq, _)| *seq).collect()
    }
}

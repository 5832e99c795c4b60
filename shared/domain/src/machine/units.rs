//! The local state of each unit in a runner's scope: open, held by others, deferred, delegated, or this runner's own.

use std::collections::{BTreeMap, BTreeSet};

use super::delegate::Delegated;
use super::known::KnownRows;
use crate::ids::{Nonce, Seq};
use crate::segment::{UnitEnd, UnitState};
use crate::time::Timestamp;

/// What this runner does with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum LocalState {
    /// Being prepared: waits for its host's slot and for a permit.
    Preparing,
    /// May start with the next commit; at once if `paced`, because its host's slot is now.
    Ready { paced: bool },
    /// Denied by robots.txt: the next commit skips it.
    Denied,
    /// Its page runs.
    Running { attempt: u8 },
    /// Its page has ended; the next commit writes its end.
    Finished { attempt: u8, end: UnitEnd, at: Timestamp, skipped: u32 },
    /// Its page was read and leaves questions to a model; the next commit writes that.
    Asked { attempt: u8, at: Timestamp, skipped: u32 },
    /// Its model's answer has arrived; the next commit writes its end.
    Answered { attempt: u8, at: Timestamp },
}

impl LocalState {
    /// Returns whether this unit state in a row still allows this runner to work on the unit.
    fn agrees_with(self, unit: UnitState, own_nonce: Nonce) -> bool {
        let holds =
            |mine| matches!(unit, UnitState::Started { attempt, holder, .. } if holder == own_nonce && attempt == mine);
        match self {
            LocalState::Running { attempt }
            | LocalState::Finished { attempt, .. }
            | LocalState::Asked { attempt, .. } => holds(attempt),
            LocalState::Answered { attempt: read, .. } => {
                matches!(unit, UnitState::Asked { attempt, .. } if attempt == read)
            }
            LocalState::Preparing | LocalState::Ready { .. } => {
                unit == UnitState::Pending || matches!(unit, UnitState::Started { holder, .. } if holder == own_nonce)
            }
            LocalState::Denied => unit == UnitState::Pending,
        }
    }

    /// Returns whether nothing is under way for it and only its row is still to be written.
    pub(super) fn is_done(self) -> bool {
        matches!(self, LocalState::Finished { .. } | LocalState::Asked { .. } | LocalState::Answered { .. })
    }
}

/// The units of a scope.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Units {
    /// Number of units of the job that were synced from their rows at least once.
    pub(super) synced: Seq,
    /// Units that no runner works on.
    pub(super) open: BTreeSet<Seq>,
    /// Units that others hold, with the end of their leases.
    pub(super) held: BTreeMap<Seq, Timestamp>,
    /// Units whose host has no slot until then.
    pub(super) deferred: BTreeMap<Seq, Timestamp>,
    pub(super) local: BTreeMap<Seq, LocalState>,
}

impl Units {
    /// Returns units that no runner works on, according to the rows that were read.
    pub(super) fn without_runner(&self) -> impl Iterator<Item = Seq> + '_ {
        self.open.iter().chain(self.deferred.keys()).copied()
    }

    /// Moves a unit from one local state to another, if it is in the first.
    pub(super) fn advance(&mut self, seq: Seq, from: LocalState, to: LocalState) {
        if let Some(local) = self.local.get_mut(&seq).filter(|local| **local == from) {
            *local = to;
        }
    }

    /// Updates the local state of a unit from its row. Returns whether work under way for it must be aborted.
    pub(super) fn sync(&mut self, seq: Seq, unit: UnitState, own_nonce: Nonce, delegated: &mut Delegated) -> bool {
        let mut aborted = false;
        if let Some(local) = self.local.get(&seq) {
            if local.agrees_with(unit, own_nonce) {
                return false;
            }
            aborted = self.release(seq);
        }
        self.open.remove(&seq);
        self.held.remove(&seq);
        let deferred = self.deferred.remove(&seq);
        let given = delegated.units.remove(&seq);
        match unit {
            UnitState::Pending if given || delegated.delegates_new => drop(delegated.units.insert(seq)),
            UnitState::Pending => match deferred {
                Some(until) => drop(self.deferred.insert(seq, until)),
                None => drop(self.open.insert(seq)),
            },
            UnitState::Started { holder, .. } if holder == own_nonce => drop(self.open.insert(seq)),
            UnitState::Started { lease_until, .. } => drop(self.held.insert(seq, lease_until)),
            UnitState::Asked { .. } | UnitState::Ended { .. } | UnitState::Skipped => {}
        }
        aborted
    }

    /// Releases a unit of this runner. Returns whether work is under way for it.
    pub(super) fn release(&mut self, seq: Seq) -> bool {
        self.local.remove(&seq).is_some_and(|local| !local.is_done())
    }

    /// Records that a unit's host has no slot before `until`.
    pub(super) fn defer(&mut self, seq: Seq, until: Timestamp) {
        if self.open.remove(&seq) {
            self.deferred.insert(seq, until);
        }
    }

    /// Reopens units whose deferral is over.
    pub(super) fn reopen_deferred(&mut self, now: Timestamp) {
        let due: Vec<Seq> = self.deferred.iter().filter(|(_, until)| **until <= now).map(|(seq, _)| *seq).collect();
        for seq in due {
            self.deferred.remove(&seq);
            self.open.insert(seq);
        }
    }

    /// Takes a unit for this runner, which prepares it.
    pub(super) fn start_preparing(&mut self, seq: Seq) {
        self.open.remove(&seq);
        self.held.remove(&seq);
        self.local.insert(seq, LocalState::Preparing);
    }

    /// Returns how many units are being prepared or run.
    pub(super) fn active(&self) -> usize {
        self.local.values().filter(|local| !local.is_done() && **local != LocalState::Denied).count()
    }

    pub(super) fn ready(&self) -> impl Iterator<Item = Seq> + '_ {
        self.local.iter().filter(|(_, local)| matches!(local, LocalState::Ready { .. })).map(|(seq, _)| *seq)
    }

    /// Returns whether a page has failed whose end is not written yet.
    pub(super) fn has_failed(&self) -> bool {
        self.local.values().any(|local| matches!(local, LocalState::Finished { end, .. } if !end.is_done()))
    }

    /// Returns the next unit to take over: one whose holder's lease has expired. Only one unit at a time is taken over.
    /// Its page may have killed the holder, so a child process reads it. `own` is the unit that this runner started
    /// with its job.
    pub(super) fn next_take_over(&self, known: &KnownRows, own: Option<Seq>, now: Timestamp) -> Option<Seq> {
        let suspect = |(seq, local): (&Seq, &LocalState)| match local {
            LocalState::Preparing | LocalState::Ready { .. } => {
                matches!(known.unit(*seq), UnitState::Started { .. }) && own != Some(*seq)
            }
            LocalState::Running { attempt } => *attempt > 1,
            LocalState::Denied
            | LocalState::Finished { .. }
            | LocalState::Asked { .. }
            | LocalState::Answered { .. } => false,
        };
        if self.local.iter().any(suspect) {
            return None;
        }
        self.held.iter().find(|(_, until)| **until <= now).map(|(seq, _)| *seq)
    }

    /// Returns units that this runner prepares but does not run yet.
    pub(super) fn not_running(&self) -> Vec<Seq> {
        let idle = |local: &LocalState| matches!(local, LocalState::Preparing | LocalState::Ready { .. });
        self.local.iter().filter(|(_, local)| idle(local)).map(|(seq, _)| *seq).collect()
    }
}

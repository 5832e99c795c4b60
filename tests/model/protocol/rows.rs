//! The rows of one job and its account, and every conditional write on them. What a write's condition is, is said
//! here as the store says it to the database; what its refusal means is asked of `domain`. A mutant leaves one
//! condition out.

use domain::progress::{Fate, Progress, Tally};
use domain::unit::Unit;
use domain::{JobState, Nonce, Timestamp};

use crate::mutant::Mutant;

/// Most units that a configuration may have.
pub const MAX_UNITS: usize = 3;
/// The nonce of every claimer that is dead. None of them writes again, and a row's attempts differ anyway, so there
/// is no need to tell them apart.
pub const DEAD: u8 = 0;

/// META's state, with an order so that states can be brought to a normal form.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Phase(pub JobState);

impl PartialOrd for Phase {
    fn partial_cmp(&self, other: &Phase) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Phase {
    fn cmp(&self, other: &Phase) -> std::cmp::Ordering {
        let rank = |phase: &Phase| match phase.0 {
            JobState::Running => 0,
            JobState::FailingFast => 1,
            JobState::Cancelling => 2,
            JobState::Expiring => 3,
            JobState::Ended(outcome) => 4 + outcome as u8,
        };
        rank(self).cmp(&rank(other))
    }
}

/// A unit's row: `domain::unit::Unit` with small numbers for nonces, and of a lease only whether it is over.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Row {
    Absent,
    Started { attempt: u8, nonce: u8, over: bool },
    Done { attempt: u8, nonce: u8, ok: bool },
    Closed,
}

pub fn nonce(id: u8) -> Nonce {
    Nonce(id.to_string())
}

impl Row {
    /// The row as the rules see it.
    pub fn unit(self) -> Option<Unit> {
        match self {
            Row::Absent => None,
            Row::Started { attempt, nonce: id, over } => Some(Unit::Started {
                attempt: attempt.into(),
                nonce: nonce(id),
                lease_until: if over { Timestamp(0) } else { Timestamp(1_000) },
            }),
            Row::Done { attempt, nonce: id, ok } => {
                Some(Unit::Done { attempt: attempt.into(), nonce: nonce(id), succeeded: ok })
            }
            Row::Closed => Some(Unit::Closed),
        }
    }

    pub fn fate(self) -> Option<Fate> {
        match self {
            Row::Done { ok: true, .. } => Some(Fate::Done),
            Row::Done { ok: false, .. } => Some(Fate::Failed),
            Row::Closed => Some(Fate::Closed),
            Row::Absent | Row::Started { .. } => None,
        }
    }

    fn held_by(self, attempt: u8, nonce: u8) -> bool {
        matches!(self, Row::Started { attempt: a, nonce: n, .. } if a == attempt && n == nonce)
    }

    /// The same row with other names for the claimers.
    pub fn renamed(self, name: impl Fn(u8) -> u8) -> Row {
        match self {
            Row::Started { attempt, nonce, over } => Row::Started { attempt, nonce: name(nonce), over },
            Row::Done { attempt, nonce, ok } => Row::Done { attempt, nonce: name(nonce), ok },
            Row::Absent | Row::Closed => self,
        }
    }
}

/// Progress sets as bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Fates {
    pub done: u8,
    pub failed: u8,
    pub closed: u8,
}

impl Fates {
    pub fn add(&mut self, u: usize, fate: Fate) {
        match fate {
            Fate::Done => self.done |= 1 << u,
            Fate::Failed => self.failed |= 1 << u,
            Fate::Closed => self.closed |= 1 << u,
        }
    }

    pub fn all(self) -> u8 {
        self.done | self.failed | self.closed
    }

    pub fn with(self, other: Fates) -> Fates {
        Fates { done: self.done | other.done, failed: self.failed | other.failed, closed: self.closed | other.closed }
    }

    /// Without the units in `known`.
    pub fn without(self, known: u8) -> Fates {
        Fates { done: self.done & !known, failed: self.failed & !known, closed: self.closed & !known }
    }

    pub fn mapped(self, bits: impl Fn(u8) -> u8) -> Fates {
        Fates { done: bits(self.done), failed: bits(self.failed), closed: bits(self.closed) }
    }

    /// The sets as the rules see them.
    pub fn progress(self) -> Progress {
        let mut progress = Progress::default();
        for u in 0..MAX_UNITS {
            for (bits, fate) in [(self.done, Fate::Done), (self.failed, Fate::Failed), (self.closed, Fate::Closed)] {
                if bits & (1 << u) != 0 {
                    progress.add(u as u32, fate);
                }
            }
        }
        progress
    }
}

/// What a settlement is computed from.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Figures {
    pub done: u8,
    pub failed: u8,
    pub closed: u8,
}

impl Figures {
    pub fn of(tally: Tally) -> Figures {
        Figures { done: tally.done as u8, failed: tally.failed as u8, closed: tally.cancelled as u8 }
    }

    pub fn tally(self, total: u32) -> Tally {
        let (done, failed, cancelled) = (u32::from(self.done), u32::from(self.failed), u32::from(self.closed));
        Tally { total, done, failed, cancelled, pending: total.saturating_sub(done + failed + cancelled) }
    }
}

/// The account's pools, and what the ledger says became of the reservation.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Money {
    /// The month row's `used`.
    pub used: i8,
    /// The prepaid row's `balance`.
    pub prepaid: i8,
    /// LEDGER SETTLE: charged, back to the month, back to prepaid.
    pub settle: Option<(u8, u8, u8)>,
}

/// What happened, beyond what rows tell: for properties only, no actor reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct History {
    /// Units that were ever started.
    pub started: u8,
    /// Units that were ever closed.
    pub closed: u8,
    /// Units that a result was ever accepted for.
    pub accepted: u8,
    /// A second result was accepted for some unit.
    pub second_result: bool,
    /// A unit was started after DELETE had answered.
    pub started_after_delete: bool,
    /// How often a settlement took effect.
    pub settled: u8,
    /// DELETE has answered.
    pub answered: bool,
}

/// All rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Rows {
    pub meta: Phase,
    pub units: [Row; MAX_UNITS],
    pub progress: Fates,
    /// Only of the mutant that counts.
    pub counters: Figures,
    pub money: Money,
    pub history: History,
}

impl Rows {
    /// What the unit rows say.
    pub fn truth(&self, units: usize) -> Fates {
        let mut truth = Fates::default();
        for u in 0..units {
            if let Some(fate) = self.units[u].fate() {
                truth.add(u, fate);
            }
        }
        truth
    }

    /// Put `started` if absent.
    pub fn claim(&mut self, u: usize, me: u8, mutant: Option<Mutant>) -> bool {
        let free = self.units[u] == Row::Absent || mutant == Some(Mutant::UnconditionalClaim);
        if free {
            self.units[u] = Row::Started { attempt: 1, nonce: me, over: false };
            self.history.started |= 1 << u;
            self.history.started_after_delete |= self.history.answered;
        }
        free
    }

    /// `started(attempt, nonce)` → `started(attempt + 1, me)`.
    pub fn take_over(&mut self, u: usize, attempt: u8, nonce: u8, me: u8, mutant: Option<Mutant>) -> bool {
        let held = self.units[u].held_by(attempt, nonce) || mutant == Some(Mutant::UnguardedTakeOver);
        if held {
            self.units[u] = Row::Started { attempt: attempt + 1, nonce: me, over: false };
        }
        held
    }

    /// `started(attempt, nonce)` → `done`.
    pub fn finish(&mut self, u: usize, attempt: u8, nonce: u8, ok: bool, mutant: Option<Mutant>) -> bool {
        let held = self.units[u].held_by(attempt, nonce) || mutant == Some(Mutant::NoFence);
        if held {
            // The same result put again is no second one.
            let again = matches!(self.units[u], Row::Done { attempt: a, nonce: n, .. } if a == attempt && n == nonce);
            self.history.second_result |= self.history.accepted & (1 << u) != 0 && !again;
            self.history.accepted |= 1 << u;
            self.units[u] = Row::Done { attempt, nonce, ok };
        }
        held
    }

    /// Put `closed` if absent.
    pub fn close(&mut self, u: usize) -> bool {
        let free = self.units[u] == Row::Absent;
        if free {
            self.units[u] = Row::Closed;
            self.history.closed |= 1 << u;
        }
        free
    }

    /// Adds to the progress sets; no condition.
    pub fn add_progress(&mut self, fates: Fates, mutant: Option<Mutant>) {
        self.progress = self.progress.with(fates);
        if mutant == Some(Mutant::CountingProgress) {
            let more = |n: u8, bits: u8| (n + bits.count_ones() as u8).min(4);
            let old = self.counters;
            self.counters = Figures {
                done: more(old.done, fates.done),
                failed: more(old.failed, fates.failed),
                closed: more(old.closed, fates.closed),
            };
        }
    }

    /// META from one state to another. A refusal that finds the wanted state is a success whose reply was lost.
    pub fn wind_down(&mut self, from: Phase, to: JobState) -> bool {
        if self.meta == from {
            self.meta = Phase(to);
        }
        self.meta.0 == to
    }
}

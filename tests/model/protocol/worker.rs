//! The worker's program: message, look at META, claim, run, finish, progress with acknowledgement; with money rights
//! also settle.

use domain::JobState;
use domain::progress::Fate;
use domain::unit::{ClaimVerdict, FinishVerdict, claim, finish};

use crate::model::JobModel;
use crate::mutant::Mutant;
use crate::rows::{Fates, Phase, Row, nonce};
use crate::state::{State, Worker, fate_code, fate_of};

fn id(nonce: &domain::Nonce) -> u8 {
    nonce.0.parse().expect("nonces are made of numbers here")
}

impl JobModel {
    /// Whether a unit without a row may be started, as META stands.
    fn may_start(&self, s: &State) -> bool {
        self.job(s.rows.meta).may_claim(self.now(s.late))
    }

    /// Whether a unit that had started may be started again: what has started is brought to its end.
    fn may_restart(&self, s: &State) -> bool {
        if self.mutant == Some(Mutant::CancelledMessageIsNoOp) {
            return s.rows.meta.0 == JobState::Running;
        }
        matches!(s.rows.meta.0, JobState::Running | JobState::FailingFast | JobState::Cancelling)
    }

    /// An idle worker gets the message of unit `u`. `None` where that changes nothing.
    pub fn receive(&self, s: &State, w: usize, u: usize) -> Option<State> {
        let me = w as u8 + 1;
        let mut next = *s;
        let row = s.rows.units[u];
        let unit = u as u8;
        next.workers[w] = match claim(row.unit().as_ref(), &nonce(me), self.now(s.late)) {
            ClaimVerdict::Free if self.may_start(s) => Worker::Claim { u: unit, row },
            // A message of a job that winds down is a no-op, but for what had started.
            ClaimVerdict::Free => {
                next.queue &= !(1 << u);
                Worker::Idle
            }
            ClaimVerdict::TakeOver { .. } | ClaimVerdict::Exhausted { .. } if self.may_restart(s) => {
                Worker::Claim { u: unit, row }
            }
            ClaimVerdict::TakeOver { .. } | ClaimVerdict::Exhausted { .. } => {
                next.queue &= !(1 << u);
                Worker::Idle
            }
            ClaimVerdict::Mine { attempt } => Worker::Run { u: unit, attempt: attempt as u8 },
            // Not acknowledged.
            ClaimVerdict::Live { .. } => return None,
            ClaimVerdict::Done | ClaimVerdict::Closed => Worker::Report { u: unit, fate: fate_code(row.fate()?) },
        };
        Some(next)
    }

    /// The worker does its next write and learns how it went.
    pub fn work(&self, s: &State, w: usize) -> Option<State> {
        let mut next = *s;
        let rows = &mut next.rows;
        let me = w as u8 + 1;
        next.workers[w] = match s.workers[w] {
            Worker::Idle => return None,
            Worker::Claim { u, row } => {
                let at = usize::from(u);
                let (mine, written) = match claim(row.unit().as_ref(), &nonce(me), self.now(s.late)) {
                    ClaimVerdict::Free => (Worker::Run { u, attempt: 1 }, rows.claim(at, me, self.mutant)),
                    ClaimVerdict::TakeOver { attempt, nonce } => {
                        let attempt = attempt as u8;
                        let written = rows.take_over(at, attempt, id(&nonce), me, self.mutant);
                        (Worker::Run { u, attempt: attempt + 1 }, written)
                    }
                    ClaimVerdict::Exhausted { attempt, nonce } => {
                        let written = rows.finish(at, attempt as u8, id(&nonce), false, self.mutant);
                        (Worker::Report { u, fate: fate_code(Fate::Failed) }, written)
                    }
                    ClaimVerdict::Mine { .. }
                    | ClaimVerdict::Live { .. }
                    | ClaimVerdict::Done
                    | ClaimVerdict::Closed => unreachable!("nobody goes to claim with such a row"),
                };
                if written { mine } else { self.refused(s, w, u) }
            }
            Worker::Run { u, attempt } => {
                let at = usize::from(u);
                let written = rows.finish(at, attempt, me, true, self.mutant);
                let row = rows.units[at];
                match (written, finish(row.unit().as_ref(), &nonce(me), attempt.into()), row.fate()) {
                    (_, FinishVerdict::Accepted, _) if self.mutant == Some(Mutant::BelievesItsOwnResult) => {
                        Worker::Report { u, fate: fate_code(Fate::Done) }
                    }
                    // What is in the row is what counts: it may bear this claim and have been ended by somebody else.
                    (_, FinishVerdict::Accepted | FinishVerdict::Fenced, Some(fate)) => {
                        Worker::Report { u, fate: fate_code(fate) }
                    }
                    (false, FinishVerdict::Fenced, None) => Worker::Idle,
                    other => unreachable!("the store refuses what the rules allow, or the reverse: {other:?}"),
                }
            }
            Worker::Report { u, fate } => {
                let mut fates = Fates::default();
                fates.add(u.into(), fate_of(fate));
                rows.add_progress(fates, self.mutant);
                next.queue &= !(1 << u);
                // The state as read is as old as it can be; a refusal reads it again.
                match self.settlement(Phase(JobState::Running), next.rows.truth(self.units)) {
                    Some(settle) if self.money_rights => Worker::Settle(settle),
                    Some(_) | None => Worker::Idle,
                }
            }
            Worker::Fold { from } => self.fold(&mut next, w, from),
            Worker::Yield => {
                rows.finish(0, 1, me, false, self.mutant);
                self.reconcile(&next)
            }
            Worker::Settle(settle) => match self.settle(&mut next, settle) {
                Some(again) => Worker::Settle(again),
                None => Worker::Idle,
            },
        };
        Some(next)
    }

    /// An extract's end: `started(mine)` → `done` as part of the settlement.
    fn fold(&self, s: &mut State, w: usize, from: Phase) -> Worker {
        let me = w as u8 + 1;
        let mut result = Fates::default();
        result.add(0, Fate::Done);
        let Some(settle) = self.settlement(from, result) else { return Worker::Idle };
        if s.rows.meta == from && s.rows.money.settle.is_none() || self.mutant == Some(Mutant::NoOnceGuard) {
            if s.rows.finish(0, 1, me, true, self.mutant) {
                self.settle(s, settle);
                return Worker::Idle;
            }
            return self.reconcile(s);
        }
        match s.rows.meta {
            Phase(JobState::Ended(_)) => Worker::Idle,
            // A DELETE came between, and may have died before it could end the unit: its word stands.
            Phase(JobState::Cancelling) => Worker::Yield,
            from => Worker::Fold { from },
        }
    }

    fn reconcile(&self, s: &State) -> Worker {
        self.settlement(s.rows.meta, s.rows.truth(self.units)).map_or(Worker::Idle, Worker::Settle)
    }

    /// A claim was refused: the row as it stands says what to do.
    fn refused(&self, s: &State, w: usize, u: u8) -> Worker {
        let me = w as u8 + 1;
        let row: Row = s.rows.units[usize::from(u)];
        match claim(row.unit().as_ref(), &nonce(me), self.now(s.late)) {
            ClaimVerdict::Free => Worker::Claim { u, row },
            ClaimVerdict::Mine { attempt } => Worker::Run { u, attempt: attempt as u8 },
            ClaimVerdict::TakeOver { .. } | ClaimVerdict::Exhausted { .. } if self.may_restart(s) => {
                Worker::Claim { u, row }
            }
            ClaimVerdict::TakeOver { .. } | ClaimVerdict::Exhausted { .. } | ClaimVerdict::Live { .. } => Worker::Idle,
            ClaimVerdict::Done | ClaimVerdict::Closed => {
                let fate = row.fate().expect("a unit that is done or closed has a fate");
                Worker::Report { u, fate: fate_code(fate) }
            }
        }
    }
}

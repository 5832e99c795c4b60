//! The programs that end a job: DELETE, the sweep, and the settlement that all of them share.

use domain::JobState;
use domain::job::CancelVerdict;

use crate::model::JobModel;
use crate::mutant::Mutant;
use crate::rows::{Fates, Figures, MAX_UNITS, Phase, Row};
use crate::state::{Canceller, Settle, State, Sweeper};

/// A scan's choice to go by the progress rows alone, as a settle message has it done, and not by the unit rows.
pub const BY_PROGRESS: usize = MAX_UNITS;

impl JobModel {
    /// What to settle with, if `known` covers the job and `from` is not over.
    pub fn settlement(&self, from: Phase, known: Fates) -> Option<Settle> {
        let progress = known.progress();
        let job = self.job(from);
        if !progress.covers(job.admitted) || from.0.ended() {
            return None;
        }
        Some(Settle { from, figures: Figures::of(progress.tally(job.admitted)), known })
    }

    /// One transaction: META → ended on its state as read, refund to each pool, LEDGER SETTLE if absent, progress.
    /// Returns what to try next where META had moved on.
    pub fn settle(&self, s: &mut State, settle: Settle) -> Option<Settle> {
        let job = self.job(settle.from);
        let end =
            job.settle(settle.figures.tally(job.admitted), domain::job::CrawlFigures::default(), self.now(s.late))?;
        let rows = &mut s.rows;
        let as_read = rows.meta == settle.from || self.mutant == Some(Mutant::SettleIgnoresState);
        if as_read && rows.money.settle.is_none() || self.mutant == Some(Mutant::NoOnceGuard) {
            rows.meta = Phase(JobState::Ended(end.outcome));
            let (month, prepaid) = (end.charge.refund_monthly as u8, end.charge.refund_prepaid as u8);
            rows.money.used -= month as i8;
            rows.money.prepaid += prepaid as i8;
            rows.money.settle = Some((end.charge.charged as u8, month, prepaid));
            rows.history.settled += 1;
            rows.add_progress(settle.known, self.mutant);
            return None;
        }
        (!rows.meta.0.ended()).then_some(Settle { from: rows.meta, ..settle })
    }

    /// DELETE comes in, perhaps again after the first died.
    pub fn delete(&self, s: &State) -> Option<State> {
        let mut next = *s;
        next.canceller = match self.job(s.rows.meta).cancel() {
            CancelVerdict::Over => return None,
            CancelVerdict::Winding => self.closing(s, s.rows.meta),
            CancelVerdict::Cancel => Canceller::Mark { from: s.rows.meta },
        };
        Some(next)
    }

    /// What progress does not show as ended is closed; an extract's one unit has started and is ended.
    fn closing(&self, s: &State, phase: Phase) -> Canceller {
        if self.extract {
            return match s.rows.units[0] {
                Row::Started { attempt, nonce, .. } => Canceller::Force { phase, attempt, nonce },
                Row::Absent | Row::Done { .. } | Row::Closed => {
                    self.settlement(phase, s.rows.truth(1)).map_or(Canceller::Answer, Canceller::Settle)
                }
            };
        }
        let known = s.rows.progress;
        self.closed(phase, self.every() & !known.all(), Fates::default(), known)
    }

    /// What follows once `todo` is left to close.
    fn closed(&self, phase: Phase, todo: u8, found: Fates, known: Fates) -> Canceller {
        if todo != 0 {
            return Canceller::Close { phase, todo, found, known };
        }
        match self.settlement(phase, known) {
            Some(settle) => Canceller::Settle(settle),
            None if found.all() != 0 => Canceller::Add { found },
            None => Canceller::Answer,
        }
    }

    /// DELETE does its next write; `u` is the unit that it closes.
    pub fn cancel(&self, s: &State, u: usize) -> Option<State> {
        let mut next = *s;
        let rows = &mut next.rows;
        next.canceller = match s.canceller {
            Canceller::Idle | Canceller::Answered => return None,
            Canceller::Mark { from } => {
                if rows.wind_down(from, JobState::Cancelling) {
                    rows.history.answered |= self.mutant == Some(Mutant::AnswersBeforeClosing);
                    self.closing(&next, Phase(JobState::Cancelling))
                } else {
                    // Read META again.
                    match self.delete(&next) {
                        Some(again) => again.canceller,
                        None => Canceller::Answered,
                    }
                }
            }
            Canceller::Close { phase, todo, mut found, known } => {
                let fate = if self.mutant == Some(Mutant::NoClosing) && rows.units[u] == Row::Absent {
                    Some(domain::progress::Fate::Closed)
                } else {
                    rows.close(u);
                    rows.units[u].fate()
                };
                if let Some(fate) = fate {
                    found.add(u, fate);
                }
                self.closed(phase, todo & !(1 << u), found, known.with(found))
            }
            Canceller::Add { found } => {
                rows.add_progress(found, self.mutant);
                Canceller::Answer
            }
            Canceller::Force { phase, attempt, nonce } => {
                rows.finish(0, attempt, nonce, false, self.mutant);
                self.closing(&next, phase)
            }
            Canceller::Settle(settle) => match self.settle(&mut next, settle) {
                Some(again) => Canceller::Settle(again),
                None => Canceller::Answer,
            },
            Canceller::Answer => {
                rows.history.answered = true;
                Canceller::Answered
            }
        };
        Some(next)
    }

    /// What a sweep that read META as `phase` finds to do; `Idle` is nothing. `choice` is the unit that it ends first,
    /// or [`BY_PROGRESS`].
    fn plan(&self, s: &State, phase: Phase, choice: usize) -> Sweeper {
        let (job, rows) = (self.job(phase), &s.rows);
        if phase.0.ended() {
            return Sweeper::Idle;
        }
        if job.must_expire(self.now(s.late)) {
            return Sweeper::Expire;
        }
        if choice == BY_PROGRESS {
            return self.by_progress(s, phase).map_or(Sweeper::Idle, Sweeper::Settle);
        }
        let winding = phase.0 != JobState::Running;
        let mut truth = rows.truth(self.units);
        let absent = self.units_where(s, |row| row == Row::Absent);
        if winding && absent != 0 {
            if self.mutant != Some(Mutant::NoClosing) {
                return Sweeper::Close { todo: absent };
            }
            truth.closed |= absent;
        }
        if phase.0 == JobState::Expiring || self.extract && phase.0 == JobState::Cancelling {
            if let Row::Started { attempt, nonce, .. } = rows.units[choice] {
                return Sweeper::Force { u: choice as u8, attempt, nonce };
            }
            if self.units_where(s, |row| matches!(row, Row::Started { .. })) != 0 {
                return Sweeper::Idle;
            }
        }
        if let Some(settle) = self.settlement(phase, truth) {
            return Sweeper::Settle(settle);
        }
        let lacking = truth.without(rows.progress.all());
        if lacking.all() != 0 {
            return Sweeper::Add { lacking };
        }
        let over = self.units_where(s, |row| matches!(row, Row::Started { over: true, .. }));
        let open = match self.mutant {
            Some(Mutant::NoResend) => 0,
            Some(Mutant::ResendOnlyWhileRunning) if winding => 0,
            _ if winding => over,
            _ => absent | over,
        };
        match open & !s.queue {
            0 => Sweeper::Idle,
            units => Sweeper::Send { units },
        }
    }

    fn by_progress(&self, s: &State, from: Phase) -> Option<Settle> {
        if self.mutant == Some(Mutant::CountingProgress) {
            let (figures, job) = (s.rows.counters, self.job(from));
            let enough = figures.tally(job.admitted).pending == 0 && !from.0.ended();
            return enough.then_some(Settle { from, figures, known: Fates::default() });
        }
        self.settlement(from, s.rows.progress)
    }

    /// A sweep begins, if it would find something.
    pub fn sweep(&self, s: &State) -> Option<State> {
        let phase = s.rows.meta;
        self.useful(s, phase).then_some(State { sweeper: Sweeper::Scan { phase }, ..*s })
    }

    fn useful(&self, s: &State, phase: Phase) -> bool {
        (0..self.units).chain([BY_PROGRESS]).any(|choice| self.plan(s, phase, choice) != Sweeper::Idle)
    }

    /// The sweep goes on; `u` is the unit that it closes, or the scan's choice.
    pub fn sweep_on(&self, s: &State, u: usize) -> Option<State> {
        let mut next = *s;
        let rows = &mut next.rows;
        next.sweeper = match s.sweeper {
            Sweeper::Idle => return None,
            Sweeper::Scan { phase } => match self.plan(s, phase, u) {
                // Rather one of the choices that lead somewhere: a sweep without an effect is no event.
                Sweeper::Idle if self.useful(s, phase) => return None,
                planned => planned,
            },
            Sweeper::Expire => {
                rows.wind_down(Phase(JobState::Running), JobState::Expiring);
                Sweeper::Idle
            }
            Sweeper::Close { todo } => {
                rows.close(u);
                match todo & !(1 << u) {
                    0 => Sweeper::Idle,
                    todo => Sweeper::Close { todo },
                }
            }
            Sweeper::Force { u, attempt, nonce } => {
                let at = usize::from(u);
                rows.finish(at, attempt, nonce, false, self.mutant);
                match rows.units[at] {
                    // Taken over meanwhile: the new holder is ended.
                    Row::Started { attempt, nonce, .. } => Sweeper::Force { u, attempt, nonce },
                    Row::Absent | Row::Done { .. } | Row::Closed => Sweeper::Idle,
                }
            }
            Sweeper::Add { lacking } => {
                rows.add_progress(lacking, self.mutant);
                Sweeper::Idle
            }
            Sweeper::Send { units } => {
                next.queue |= units;
                Sweeper::Idle
            }
            Sweeper::Settle(settle) => match self.settle(&mut next, settle) {
                Some(again) => Sweeper::Settle(again),
                None => Sweeper::Idle,
            },
        };
        Some(next)
    }

    fn units_where(&self, s: &State, is: impl Fn(Row) -> bool) -> u8 {
        (0..self.units).filter(|u| is(s.rows.units[*u])).fold(0, |all, u| all | (1 << u))
    }

    /// All units.
    pub fn every(&self) -> u8 {
        (1 << self.units) - 1
    }
}

//! Starting and finishing one unit: the conditional writes with what their refusals mean.

use domain::job::{CrawlFigures, Sitemaps};
use domain::progress::Fate;
use domain::unit::{ClaimVerdict, FinishVerdict, Unit, claim, finish};
use domain::{Job, Nonce, Seq, Timestamp, UnitError, UnitOutcome};
use store::StoreError;
use store::units::{Claim, Finish, UnitRow, UnitWrite};

use crate::Engine;
use crate::marker;
use crate::observe::Fact;
use crate::page::Visited;

/// What somebody who wants to run a unit got.
#[derive(Debug)]
pub(crate) enum Start {
    /// It is the asker's to run.
    Mine(Claim),
    /// Somebody else started it: look again when the lease ends.
    Held(Unit),
    /// It ended already.
    Ended(Fate),
}

/// How a unit ended: what its row says.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) fate: Fate,
    pub(crate) text: String,
    pub(crate) at: Timestamp,
}

/// How a row ended, if it did.
pub(crate) fn fate(unit: &Unit) -> Option<Fate> {
    match unit {
        Unit::Done { succeeded: true, .. } => Some(Fate::Done),
        Unit::Done { succeeded: false, .. } => Some(Fate::Failed),
        Unit::Closed => Some(Fate::Closed),
        Unit::Started { .. } => None,
    }
}

impl Engine {
    fn fresh_claim(&self, job: &Job, seq: Seq, attempt: u32, me: &Nonce) -> Claim {
        let lease_until = self.now().plus_ms(i64::from(job.options.timeout_ms)).plus_secs(self.settings().lease_secs);
        Claim { seq, attempt, nonce: me.clone(), lease_until }
    }

    /// Claims a unit. `row` is what is known of it; a started row is taken over once its lease is over.
    /// `me` is the same for every try of one driver, so that it knows its own write again.
    pub(crate) async fn start_unit(
        &self,
        job: &Job,
        seq: Seq,
        me: &Nonce,
        row: Option<Unit>,
        url: &str,
    ) -> Result<Start, StoreError> {
        let mut row = row;
        loop {
            let (next, write) = match claim(row.as_ref(), me, self.now()) {
                ClaimVerdict::Free => {
                    let mine = self.fresh_claim(job, seq, 1, me);
                    let write = self.again(|| self.store().claim(job, &mine)).await?;
                    (mine, write)
                }
                ClaimVerdict::TakeOver { attempt, nonce } => {
                    let old = Claim { seq, attempt, nonce, lease_until: self.now() };
                    let mine = self.fresh_claim(job, seq, attempt + 1, me);
                    let write = self.again(|| self.store().take_over(job, &old, &mine)).await?;
                    (mine, write)
                }
                ClaimVerdict::Exhausted { attempt, nonce } => {
                    let old = Claim { seq, attempt, nonce, lease_until: self.now() };
                    return self.force_end(job, &old, url, marker::exhausted_error()).await.map(Start::Ended);
                }
                ClaimVerdict::Mine { attempt } => {
                    return Ok(Start::Mine(self.fresh_claim(job, seq, attempt, me)));
                }
                ClaimVerdict::Live { .. } | ClaimVerdict::Done | ClaimVerdict::Closed => {
                    return Ok(match row {
                        Some(unit) => match fate(&unit) {
                            Some(fate) => Start::Ended(fate),
                            None => Start::Held(unit),
                        },
                        // These three verdicts are only given on a row.
                        None => return Err(StoreError::Malformed("a verdict without a row".into())),
                    });
                }
            };
            match write {
                UnitWrite::Written => return Ok(Start::Mine(next)),
                // An absent row that refuses "put if absent" was removed in between: start over.
                UnitWrite::Refused(found) => {
                    // Somebody else's claim is the caller's to judge: a second attempt has to run alone.
                    if row.is_none()
                        && let Some(unit @ Unit::Started { .. }) = &found
                        && !matches!(unit, Unit::Started { nonce, .. } if nonce == me)
                    {
                        return Ok(Start::Held(unit.clone()));
                    }
                    row = found;
                }
            }
        }
    }

    /// What a visit came to, as it stands in the unit's row. A duplicate of another unit's page has no result: it ran,
    /// and the page is that unit's.
    pub(crate) fn finish_of(&self, visited: &Visited, found: CrawlFigures) -> Finish {
        let Visited { outcome, duplicate, .. } = visited;
        let result = if *duplicate { String::new() } else { marker::json(outcome) };
        let CrawlFigures { skipped, sitemaps, .. } = found;
        let succeeded = *duplicate || outcome.succeeded();
        Finish { result, succeeded, at: self.now(), skipped, sitemaps, duplicate: *duplicate }
    }

    /// Puts a unit's outcome. Whatever is in the row afterwards is what counts: its fate, its result's JSON text, and
    /// when it ended. `None` where another claim has the unit and still runs it.
    pub(crate) async fn finish_unit(
        &self,
        job: &Job,
        mine: &Claim,
        visited: &Visited,
        found: CrawlFigures,
    ) -> Result<Option<Ending>, StoreError> {
        let put = self.finish_of(visited, found);
        match self.again(|| self.store().finish(job, mine, &put)).await? {
            // A duplicate's outcome is its page's, which is told of where it was fetched.
            UnitWrite::Written if put.duplicate => {}
            UnitWrite::Written => self.tell(&Fact::UnitEnded(&visited.outcome)),
            UnitWrite::Refused(row) => {
                if finish(row.as_ref(), &mine.nonce, mine.attempt) == FinishVerdict::Fenced {
                    tracing::info!(job = %job.id, seq = mine.seq, "a result was refused: the unit is another's by now");
                }
                // The row may bear this very claim and have been ended over its holder's head: what it says counts.
                return self.accepted_result(job, mine.seq).await;
            }
        }
        let fate = if put.succeeded { Fate::Done } else { Fate::Failed };
        Ok(Some(Ending { fate, text: put.result, at: put.at }))
    }

    /// The result that was accepted for a unit that somebody else may have ended.
    async fn accepted_result(&self, job: &Job, seq: Seq) -> Result<Option<Ending>, StoreError> {
        let row = self.again(|| self.store().unit(&job.id, seq)).await?;
        Ok(row.and_then(|UnitRow { unit, result, at, .. }| {
            Some(Ending { fate: fate(&unit)?, text: result.unwrap_or_default(), at: at.unwrap_or_default() })
        }))
    }

    /// Ends a started unit with an error instead of its holder, who is fenced off by that. It stays charged.
    pub(crate) async fn force_end(
        &self,
        job: &Job,
        holder: &Claim,
        url: &str,
        error: UnitError,
    ) -> Result<Fate, StoreError> {
        let outcome = UnitOutcome::error(url, error);
        let put = Finish {
            result: marker::json(&outcome),
            succeeded: false,
            at: self.now(),
            skipped: 0,
            sitemaps: Sitemaps::default(),
            duplicate: false,
        };
        let mut holder = holder.clone();
        loop {
            match self.again(|| self.store().finish(job, &holder, &put)).await? {
                UnitWrite::Written => {
                    self.tell(&Fact::UnitEnded(&outcome));
                    return Ok(Fate::Failed);
                }
                UnitWrite::Refused(Some(Unit::Started { attempt, nonce, .. })) => {
                    holder = Claim { attempt, nonce, ..holder };
                }
                UnitWrite::Refused(row) => {
                    let ended = row.as_ref().and_then(fate);
                    return ended.ok_or_else(|| StoreError::Malformed(format!("{}: a started unit vanished", job.id)));
                }
            }
        }
    }
}

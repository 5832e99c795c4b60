//! The end of a job as one transaction: META, the pools that are refunded, the ledger, and what else still has to be
//! written for it to be true.

use domain::job::Settlement;
use domain::progress::Fate;
use domain::{Job, JobState, Seq};

use crate::Store;
use crate::error::StoreError;
use crate::item::{Put, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Transaction, tx_put, tx_update};
use crate::units::{Claim, Finish};

/// What a settle came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It took effect.
    Written,
    /// The finish that was folded in was refused: another claim has the unit.
    Fenced,
    /// META is not as read any more: read again. (Perhaps somebody settled; perhaps this very call, its reply lost.)
    Stale,
}

impl Store {
    /// Ends `job` as `end` says. `finish` and `fates` ride along: the last unit's result and progress still unwritten.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect.
    pub async fn settle(
        &self,
        job: &Job,
        end: &Settlement,
        finish: Option<(&Claim, &Finish)>,
        fates: &[(Seq, Fate)],
    ) -> Result<Settled, StoreError> {
        let expires_at = self.expiry(end.ended_at);
        let account = keys::account(&job.account);
        let mut items = vec![
            tx_update(
                &self.tables.jobs,
                key(keys::job(&job.id), "META"),
                "SET #state = :to, #ended_at = :now, #expires_at = :expires, #ttl = :ttl, #done = :done, \
                 #failed = :failed, #closed = :closed, #skipped = :skipped, #duplicates = :duplicates, \
                 #sitemaps_read = :sitemaps_read, #sitemaps_failed = :sitemaps_failed, #charged = :charged, #refund_monthly = :rm, \
                 #refund_prepaid = :rp, #list_pk = :list REMOVE #due_pk, #due",
                "#state = :from AND #admitted = :admitted",
                values([
                    (":to", s(JobState::Ended(end.outcome).name())),
                    (":from", s(job.state.name())),
                    (":admitted", n(job.admitted)),
                    (":now", n(end.ended_at.0)),
                    (":expires", n(expires_at.0)),
                    (":ttl", n(expires_at.plus_secs(crate::TTL_SLACK_SECS).secs())),
                    (":done", n(end.tally.done)),
                    (":failed", n(end.tally.failed)),
                    (":closed", n(end.tally.cancelled)),
                    (":skipped", n(end.figures.skipped)),
                    (":duplicates", n(end.figures.duplicates)),
                    (":sitemaps_read", n(end.figures.sitemaps.read)),
                    (":sitemaps_failed", n(end.figures.sitemaps.failed)),
                    (":charged", n(end.charge.charged)),
                    (":rm", n(end.charge.refund_monthly)),
                    (":rp", n(end.charge.refund_prepaid)),
                    (":list", s(keys::list_finished(&job.account))),
                ]),
            )?,
            tx_put(
                &self.tables.accounts,
                key(account.clone(), keys::settle(&job.id))
                    .with("job", s(job.id.as_str()))
                    .with("charged", n(end.charge.charged))
                    .with("refund_monthly", n(end.charge.refund_monthly))
                    .with("refund_prepaid", n(end.charge.refund_prepaid))
                    .with("month", s(job.reservation.month.to_string()))
                    .with("at", n(end.ended_at.0)),
                ABSENT,
            )?,
        ];
        if let Some((claim, finish)) = finish {
            items.push(self.tx_finish(job, claim, finish)?);
        }
        if end.charge.refund_monthly > 0 {
            items.push(tx_update(
                &self.tables.accounts,
                key(account.clone(), keys::month(job.reservation.month)),
                "SET #used = #used - :back",
                "#used >= :back",
                values([(":back", n(end.charge.refund_monthly))]),
            )?);
        }
        if end.charge.refund_prepaid > 0 {
            items.push(tx_update(
                &self.tables.accounts,
                key(account, "PREPAID"),
                "SET #balance = #balance + :back",
                "attribute_exists(#pk)",
                values([(":back", n(end.charge.refund_prepaid))]),
            )?);
        }
        items.extend(self.tx_progress(job, fates, end.ended_at)?);
        Ok(match self.transact(items).await? {
            Transaction::Written => Settled::Written,
            Transaction::Refused(which) => {
                let refused = |i: usize| which.get(i).copied().unwrap_or(false);
                if refused(0) || refused(1) {
                    Settled::Stale
                } else if finish.is_some() && refused(2) {
                    Settled::Fenced
                } else {
                    let text = format!("{}: a refund was refused by its pool; the ledger needs a look", job.id);
                    tracing::error!(job = %job.id, ?which, "a refund was refused by its pool");
                    return Err(StoreError::Malformed(text));
                }
            }
        })
    }
}

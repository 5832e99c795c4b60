//! The end of a job: META, the refunded pools and the ledger in one transaction. An extract never has a refund, so its
//! end is one write of its row.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::job::Settlement;
use domain::segment::Segment;
use domain::webhook::Delivery;
use domain::{Endpoint, Job, JobState, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::item::{Put, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional, Transaction, tx_put, tx_update};
use crate::results::INLINE_BYTES;
use crate::segments::{UNIT_ASSIGNMENTS, unit_values};

/// The result of settling a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It took effect.
    Written,
    /// META has changed since it was read: read it again. Another process may have settled the job, or an earlier try
    /// of this call did so and its reply was lost.
    Stale,
}

/// The assignments that end a job in its row.
const END_ASSIGNMENTS: &str = "#state = :to, #ended_at = :now, #expires_at = :expires, #ttl = :ttl, #done = :done, \
    #failed = :failed, #closed = :closed, #skipped = :skipped, #duplicates = :duplicates, #charged = :charged, \
    #refund_monthly = :rm, #refund_prepaid = :rp, #list_pk = :list";

/// The end of an extract's unit, which is written together with its job's.
#[derive(Debug, Clone, Copy)]
pub struct ExtractEnd<'a> {
    /// The unit's segment with the version after the row's.
    pub segment: &'a Segment,
    /// Its result's JSON text, if it has one.
    pub result: Option<&'a str>,
}

impl Jobs {
    /// Ends `job` as `end` says. For an extract, also writes `extract_end`. If the job has a webhook, `message` is its
    /// delivery and the time at which the sweeper checks it. Both are written in the same transaction, so a job that
    /// has ended has its delivery even if this process dies next.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn settle(
        &self,
        job: &Job,
        end: &Settlement,
        extract_end: Option<ExtractEnd<'_>>,
        message: Option<(&Delivery, Timestamp)>,
    ) -> Result<Settled, StoreError> {
        if job.endpoint == Endpoint::Extract {
            return self.settle_extract(job, end, extract_end).await;
        }
        let account = keys::account(&job.account);
        let mut items = vec![
            tx_update(
                &self.tables.jobs,
                key(keys::job(&job.id), keys::META),
                &format!("SET {END_ASSIGNMENTS} REMOVE #due_pk, #due"),
                "#state = :from AND #admitted = :admitted",
                self.end_values(job, end),
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
                key(account, keys::PREPAID),
                "SET #balance = #balance + :back",
                "attribute_exists(#pk)",
                values([(":back", n(end.charge.refund_prepaid))]),
            )?);
        }
        if let Some((delivery, due)) = message {
            items.push(tx_put(&self.tables.jobs, self.delivery_item(delivery, due), ABSENT)?);
        }
        Ok(match self.transact(items).await? {
            Transaction::Written => Settled::Written,
            Transaction::Refused(which) => {
                let refused = |i: usize| which.get(i).copied().unwrap_or(false);
                if refused(0) || refused(1) {
                    Settled::Stale
                } else {
                    let text = format!("{}: a refund was refused by its pool; check the ledger", job.id);
                    tracing::error!(job = %job.id, ?which, "a refund was refused by its pool");
                    return Err(StoreError::Malformed(text));
                }
            }
        })
    }

    fn end_values(&self, job: &Job, end: &Settlement) -> HashMap<String, AttributeValue> {
        let expires_at = self.expiry(end.ended_at);
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
            (":charged", n(end.charge.charged)),
            (":rm", n(end.charge.refund_monthly)),
            (":rp", n(end.charge.refund_prepaid)),
            (":list", s(keys::list_finished(&job.account))),
        ])
    }

    async fn settle_extract(
        &self,
        job: &Job,
        end: &Settlement,
        extract_end: Option<ExtractEnd<'_>>,
    ) -> Result<Settled, StoreError> {
        if end.charge.refunded() > 0 {
            return Err(StoreError::Malformed(format!("{}: an extract cannot have a refund", job.id)));
        }
        let (mut update, mut condition) = (format!("SET {END_ASSIGNMENTS}"), "#state = :from".to_owned());
        let mut given = self.end_values(job, end);
        given.remove(":admitted");
        if let Some(ExtractEnd { segment, result }) = extract_end {
            update = format!("{update}, {UNIT_ASSIGNMENTS}");
            condition.push_str(" AND #version = :before");
            given.extend(unit_values(segment, segment.version.saturating_sub(1)));
            if let Some(text) = result.filter(|text| text.len() <= INLINE_BYTES) {
                update.push_str(", #result = :result");
                given.insert(":result".into(), s(text));
            }
        }
        update.push_str(" REMOVE #due_pk, #due");
        let key = key(keys::job(&job.id), keys::META);
        Ok(match self.update_if(&self.tables.jobs, key, &update, &condition, given).await? {
            Conditional::Written => Settled::Written,
            Conditional::Refused(_) => Settled::Stale,
        })
    }

    /// Returns whether an extract's result is stored in its job's row rather than in a result row of its own.
    pub fn fits_job_row(text: &str) -> bool {
        text.len() <= INLINE_BYTES
    }
}

//! The accept transaction: money is taken, the call counted and the job written, all or nothing.

use domain::{Job, Timestamp};

use crate::Store;
use crate::error::StoreError;
use crate::item::{Put, key, n, s, values};
use crate::keys;
use crate::meta;
use crate::ops::{ABSENT, Transaction, tx_put, tx_put_if, tx_update};
use crate::standing::Standing;
use crate::units::Claim;

/// How long a minute's count is kept.
const RATE_TTL_SECS: u64 = 300;
/// How long an idempotency key is bound to its job.
pub const IDEMPOTENCY_SECS: u64 = 86_400;

/// A job to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Its META row; the reservation must have been split by `standing`.
    pub job: &'a Job,
    /// The URLs of its units.
    pub urls: &'a [String],
    /// What the reservation was judged by.
    pub standing: &'a Standing,
    /// A unit that starts with the job (extract).
    pub claim: Option<&'a Claim>,
    /// The hash of the seed's page key (crawl).
    pub seed: Option<&'a str>,
    /// Idempotency key and hash.
    pub idempotency: Option<(&'a str, &'a str)>,
    /// The moment.
    pub now: Timestamp,
}

/// What accepting came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The job is written and paid for.
    Written,
    /// The standing is not as it was any more: read it again and judge anew. Nothing was taken.
    Stale,
}

impl Store {
    /// Accepts a job. The job's id must be fixed before the first try: where an earlier try took effect and its reply
    /// was lost, the row that is met is its own, and that is success.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect: ask [`Store::job`].
    pub async fn accept(&self, new: NewJob<'_>) -> Result<Accepted, StoreError> {
        let NewJob { job, urls, standing, claim, seed, idempotency, now } = new;
        let account = keys::account(&job.account);
        let accounts = &self.tables.accounts;
        let ttl = self.ttl_of(job);
        let mut items = vec![
            tx_put(&self.tables.jobs, meta::to_item(job, ttl)?, ABSENT)?,
            tx_update(
                accounts,
                key(account.clone(), keys::rate(standing.minute)),
                "SET #ttl = :ttl ADD #count :one",
                "attribute_not_exists(#count) OR #count < :limit",
                values([
                    (":one", n(1)),
                    (":limit", n(standing.rate_limit)),
                    (":ttl", n(now.plus_secs(RATE_TTL_SECS).secs())),
                ]),
            )?,
            tx_put(
                accounts,
                key(account.clone(), keys::reserve(&job.id))
                    .with("job", s(job.id.as_str()))
                    .with("monthly", n(job.reservation.monthly))
                    .with("prepaid", n(job.reservation.prepaid))
                    .with("month", s(job.reservation.month.to_string()))
                    .with("at", n(now.0)),
                ABSENT,
            )?,
        ];
        items.push(self.tx_reserve_month(job, standing)?);
        if job.reservation.prepaid > 0 {
            items.push(tx_update(
                accounts,
                key(account.clone(), "PREPAID"),
                "SET #balance = #balance - :take",
                "#balance >= :take",
                values([(":take", n(job.reservation.prepaid))]),
            )?);
        }
        for item in crate::jobs::input_items(&job.id, 0, urls, ttl)? {
            items.push(tx_put(&self.tables.jobs, item, ABSENT)?);
        }
        if let Some(claim) = claim {
            items.push(self.tx_claim(job, claim)?);
        }
        if let Some(hash) = seed {
            items.push(tx_put(&self.tables.jobs, self.seen_item(job, hash, 0), ABSENT)?);
        }
        if let Some((idempotency_key, hash)) = idempotency {
            let expires = now.plus_secs(IDEMPOTENCY_SECS);
            items.push(tx_put_if(
                accounts,
                key(account, keys::idempotency(idempotency_key))
                    .with("hash", s(hash))
                    .with("job", s(job.id.as_str()))
                    .with("expires_at", n(expires.0))
                    .with("ttl", n(expires.secs())),
                "attribute_not_exists(#pk) OR #expires_at <= :now",
                values([(":now", n(now.0))]),
            )?);
        }
        Ok(match self.transact(items).await? {
            Transaction::Written => Accepted::Written,
            Transaction::Refused(which) if which.first() == Some(&true) => Accepted::Written,
            Transaction::Refused(_) => Accepted::Stale,
        })
    }

    /// The month's share. Where all of it comes from the month, any `used` that leaves enough will do; where prepaid
    /// credits are drawn on too, the split holds for the very figure that was read.
    fn tx_reserve_month(
        &self,
        job: &Job,
        standing: &Standing,
    ) -> Result<aws_sdk_dynamodb::types::TransactWriteItem, StoreError> {
        let month_key = key(keys::account(&job.account), keys::month(standing.month));
        let (take, limit) = (job.reservation.monthly, standing.limit());
        match standing.month_row {
            None => tx_put(&self.tables.accounts, month_key.with("used", n(take)).with("limit", n(limit)), ABSENT),
            Some((used, _)) => {
                let (condition, bound) = if job.reservation.prepaid > 0 {
                    ("#used = :bound AND #limit = :limit", used)
                } else {
                    ("#used <= :bound AND #limit = :limit", limit.saturating_sub(take))
                };
                tx_update(
                    &self.tables.accounts,
                    month_key,
                    "SET #used = #used + :take",
                    condition,
                    values([(":take", n(take)), (":bound", n(bound)), (":limit", n(limit))]),
                )
            }
        }
    }
}

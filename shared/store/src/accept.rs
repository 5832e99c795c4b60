//! The accept transaction: reserves credits, counts the call and writes the job, all or nothing.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::{Job, JobSpec, Timestamp};

use crate::Jobs;
use crate::error::StoreError;
use crate::item::{Put, key, n, s, values};
use crate::jobs::spec_item;
use crate::keys;
use crate::meta;
use crate::ops::{ABSENT, Transaction, tx_put, tx_put_if, tx_update};
use crate::quota::QuotaSnapshot;

/// Maximum size of URLs within the transaction: its limit is 4 MB, and writes in it cost twice as much.
const MAX_INPUT_BYTES: usize = 8 * 1024;
/// The condition that a month is not closed: the entries of a closed month have been counted.
const MONTH_IS_OPEN: &str = "attribute_not_exists(#closed_at)";
/// How long an idempotency key is bound to its job.
const IDEMPOTENCY_SECS: u64 = 86_400;

/// A job to accept.
#[derive(Debug, Clone, Copy)]
pub struct NewJob<'a> {
    /// Its META row. The reservation must have been split by `quota`.
    pub job: &'a Job,
    /// The URLs of its units.
    pub urls: &'a [String],
    /// The quota on which the reservation was decided.
    pub quota: &'a QuotaSnapshot,
    /// The job's spec; an extract's row may already contain it.
    pub spec: &'a JobSpec,
    /// The hash of the page key of a crawl's seed.
    pub seed: Option<&'a str>,
    /// The idempotency key and the hash of the call.
    pub idempotency: Option<(&'a str, &'a str)>,
    /// The current time.
    pub now: Timestamp,
}

/// The result of accepting a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// The job is written and paid for.
    Written,
    /// The quota has changed: read it again and decide anew. Nothing was taken.
    Stale,
}

impl Jobs {
    /// Accepts a job. The job's id must be fixed before the first try: if an earlier try took effect and its reply was
    /// lost, the existing row is the job's own, and that is a success.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect. [`Jobs::job`] tells.
    pub async fn accept(&self, new: NewJob<'_>) -> Result<Accepted, StoreError> {
        let NewJob { job, urls, quota, spec, seed, idempotency, now } = new;
        let account = keys::account(&job.account);
        let accounts = &self.tables.accounts;
        let ttl = self.ttl_of(job);
        let mut items = vec![
            tx_put(&self.tables.jobs, meta::to_item(job, ttl)?, ABSENT)?,
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
        items.push(self.tx_reserve_month(job, quota)?);
        if job.reservation.prepaid > 0 {
            items.push(tx_update(
                accounts,
                key(account.clone(), keys::PREPAID),
                "SET #balance = #balance - :take",
                "#balance >= :take",
                values([(":take", n(job.reservation.prepaid))]),
            )?);
        }
        if job.extract_unit.as_ref().is_none_or(|unit| unit.spec.is_none()) {
            items.push(tx_put(&self.tables.jobs, spec_item(&job.id, spec, ttl)?, ABSENT)?);
        }
        if job.extract_unit.is_none() {
            let inputs = crate::jobs::input_items(&job.id, 0, urls, ttl)?;
            if urls.iter().map(String::len).sum::<usize>() > MAX_INPUT_BYTES {
                // Written first: without a META row these rows do not count, and a repeat writes the same.
                self.put_many(&self.tables.jobs, inputs).await?;
            } else {
                for item in inputs {
                    items.push(tx_put(&self.tables.jobs, item, ABSENT)?);
                }
            }
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

    /// Takes the month's share and counts the call in the current minute. If the month pays for everything, any `used`
    /// that leaves enough is accepted. If prepaid credits are needed too, `used` must equal the figure that was read,
    /// because the split depends on it.
    fn tx_reserve_month(&self, job: &Job, quota: &QuotaSnapshot) -> Result<TransactWriteItem, StoreError> {
        let month_key = key(keys::account(&job.account), keys::month(quota.month));
        let (take, limit, minute) = (job.reservation.monthly, quota.limit(), quota.minute);
        let accounts = &self.tables.accounts;
        let Some(row) = &quota.month_row else {
            let row = month_key.with("used", n(take)).with("limit", n(limit)).with("minute", n(minute));
            return tx_put(accounts, row.with("calls", n(1)), ABSENT);
        };
        let (used, bound) = if job.reservation.prepaid > 0 {
            ("#used = :bound", row.used)
        } else {
            ("#used <= :bound", limit.saturating_sub(take))
        };
        let mut given = values([
            (":take", n(take)),
            (":bound", n(bound)),
            (":limit", n(limit)),
            (":minute", n(minute)),
            (":one", n(1)),
        ]);
        let (count, rate) = match row.minute {
            Some(counted) if counted == minute => {
                given.insert(":rate".into(), n(quota.rate_limit));
                ("#calls = #calls + :one", "#minute = :minute AND #calls < :rate")
            }
            Some(_) => ("#minute = :minute, #calls = :one", "#minute < :minute"),
            None => ("#minute = :minute, #calls = :one", "attribute_not_exists(#minute)"),
        };
        let update = format!("SET #used = #used + :take, {count}");
        tx_update(
            accounts,
            month_key,
            &update,
            &format!("{used} AND #limit = :limit AND {rate} AND {MONTH_IS_OPEN}"),
            given,
        )
    }
}

//! Conversion of a job's META row to and from [`Job`].

use aws_sdk_dynamodb::types::AttributeValue;
use domain::credits::Charge;
use domain::job::{CrawlFigures, DriverLease, ExtractUnit};
use domain::progress::Tally;
use domain::{AccountId, Endpoint, Job, JobId, JobState, Month, Nonce, Reservation, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s};
use crate::{keys, segments};

/// Returns the row of a job that is accepted now. `ttl` is in Unix seconds.
pub(crate) fn to_item(job: &Job, ttl: i64) -> Result<Item, StoreError> {
    let item = key(keys::job(&job.id), keys::META)
        .with("job", s(job.id.as_str()))
        .with("account", s(job.account.as_str()))
        .with("endpoint", s(job.endpoint.name()))
        .with("timeout_ms", n(job.timeout_ms))
        .with_some("concurrency", job.concurrency.map(n))
        .with_some("fail_fast", job.fail_fast.then_some(AttributeValue::Bool(true)))
        .with_some("webhook", job.webhook.then_some(AttributeValue::Bool(true)))
        .with("async", AttributeValue::Bool(job.async_mode))
        .with("state", s(job.state.name()))
        .with("reserved_monthly", n(job.reservation.monthly))
        .with("reserved_prepaid", n(job.reservation.prepaid))
        .with("reserved_month", s(job.reservation.month.to_string()))
        .with("admitted", n(job.admitted))
        .with("started_at", n(job.started_at.0))
        .with("deadline", n(job.deadline.0))
        .with("driver", s(job.driver.holder.as_str()))
        .with("driver_until", n(job.driver.until.0))
        .with("queued", AttributeValue::Bool(job.driver.queued))
        .with("quiet", n(job.driver.idle_checks))
        .with("list_pk", s(keys::list_running(&job.account)))
        .with("list_sk", s(keys::list_sort(job.started_at, &job.id)))
        .with("due_pk", s(keys::due(&job.id)))
        .with("due", n(job.driver.until.min(job.deadline).0))
        .with("ttl", n(ttl));
    let Some(unit) = &job.extract_unit else { return Ok(item) };
    let item = item.with("url", s(unit.url.clone())).with_some("spec", unit.spec.as_ref().map(json_text).transpose()?);
    Ok(item.with_all(segments::attributes(&unit.segment)))
}

/// Reads the unit of an extract, which is in its job's row.
fn extract_unit(row: &Row<'_>) -> Result<Option<Box<ExtractUnit>>, StoreError> {
    let Some(url) = row.opt_s("url") else { return Ok(None) };
    Ok(Some(Box::new(ExtractUnit {
        url: url.to_owned(),
        segment: segments::parse(row, 0)?,
        spec: row.opt_s("spec").map(|_| row.json("spec")).transpose()?,
        result: row.opt_s("result").map(str::to_owned),
    })))
}

/// Reads a job from its row.
pub(crate) fn from_item(item: &Item) -> Result<Job, StoreError> {
    let row = Row(item);
    let time = |name| Ok::<_, StoreError>(row.opt_n::<i64>(name)?.map(Timestamp));
    let admitted = row.n("admitted")?;
    let charge = match row.opt_n("charged")? {
        None => None,
        Some(charged) => {
            Some(Charge { charged, refund_monthly: row.n("refund_monthly")?, refund_prepaid: row.n("refund_prepaid")? })
        }
    };
    let tally = match row.opt_n("done")? {
        None => None,
        Some(done) => {
            Some(Tally { total: admitted, done, failed: row.n("failed")?, cancelled: row.n("closed")?, pending: 0 })
        }
    };
    Ok(Job {
        id: row.parse("job", JobId::parse)?,
        account: row.parse("account", AccountId::parse)?,
        endpoint: row.parse("endpoint", Endpoint::parse)?,
        timeout_ms: row.n("timeout_ms")?,
        concurrency: row.opt_n("concurrency")?,
        fail_fast: row.flag("fail_fast"),
        extract_unit: extract_unit(&row)?,
        limit_reached: row.flag("limit_reached"),
        webhook: row.flag("webhook"),
        async_mode: row.flag("async"),
        state: row.parse("state", JobState::parse)?,
        reservation: Reservation {
            monthly: row.n("reserved_monthly")?,
            prepaid: row.n("reserved_prepaid")?,
            month: row.parse("reserved_month", Month::parse)?,
        },
        admitted,
        started_at: Timestamp(row.n("started_at")?),
        deadline: Timestamp(row.n("deadline")?),
        driver: DriverLease {
            holder: row.parse("driver", Nonce::parse)?,
            until: Timestamp(row.n("driver_until")?),
            queued: row.flag("queued"),
            idle_checks: row.opt_n("quiet")?.unwrap_or(0),
        },
        cancelled_at: time("cancelled_at")?,
        ended_at: time("ended_at")?,
        expires_at: time("expires_at")?,
        tally,
        figures: CrawlFigures {
            skipped: row.opt_n("skipped")?.unwrap_or(0),
            duplicates: row.opt_n("duplicates")?.unwrap_or(0),
            sitemaps: row.sitemaps()?,
        },
        charge,
    })
}

//! Accepts validated calls: idempotency, rate limit, reservation and the job's rows, in one transaction.

use std::collections::HashSet;
use std::sync::Arc;

use domain::job::{CrawlFigures, CrawlOptions, DriverLease, ExtractUnit, Options};
use domain::segment::{Segment, UnitState, WriteId};
use domain::webhook::Webhook;
use domain::{CanonicalUrl, Endpoint, Job, JobSpec, JobState, Nonce, Reservation, Schema, Timestamp};
use store::StoreError;
use store::accept::{Accepted, NewJob};
use store::quota::{MonthRow, QuotaSnapshot};

use runtime::assignment::JobReader;
use runtime::context::Context;
use runtime::metrics::MetricEvent;
use runtime::rows::Rows;

/// Maximum number of times that a call is checked, if the account's rows keep changing in the meantime.
const MAX_TRIES: u32 = 20;

/// Caps a crawl plan at a quarter of the month's remaining credits, rounded down, but at least one page.
fn capped(plan: CrawlOptions, monthly_left: u64) -> CrawlOptions {
    if plan.allow_large_crawl {
        return plan;
    }
    let max = u32::try_from(monthly_left / 4).unwrap_or(u32::MAX).max(1);
    CrawlOptions { max_pages: plan.max_pages.min(max), ..plan }
}

/// A validated call.
#[derive(Debug, Clone)]
pub struct Call {
    /// Endpoint that was called.
    pub endpoint: Endpoint,
    /// Options of the call.
    pub options: Options,
    /// Schema of the call, or the one bound to the key.
    pub schema: Schema,
    /// One URL for each unit; for a crawl, the seed.
    pub urls: Vec<String>,
    /// For a crawl: how far it goes.
    pub crawl: Option<CrawlOptions>,
    /// Whether the call asked for async mode.
    pub async_mode: bool,
    /// Webhook to call when the job ends.
    pub webhook: Option<Webhook>,
    /// `Idempotency-Key` and the hash of the call that it is bound to.
    pub idempotency: Option<(String, String)>,
}

/// Result of checking a call.
#[derive(Debug)]
pub enum Verdict {
    /// The job exists and its credits are reserved. The caller has to start it.
    Accepted(Box<Started>),
    /// The idempotency key belongs to this job, whose result is the answer.
    Replay(domain::JobId),
    /// The idempotency key was used with a different body.
    Mismatch,
    /// The account has reached its calls per minute.
    RateLimited,
    /// The account's credits do not cover the call.
    QuotaExceeded {
        /// Credits that the call needs.
        needed: u64,
        /// Credits that are available to it.
        available: u64,
    },
    /// The account was suspended after its quota was first read.
    Suspended,
}

/// An accepted job, ready to run.
#[derive(Debug)]
pub struct Started {
    /// The job.
    pub job: Job,
}

/// Accepts calls.
pub struct Acceptor {
    pub(crate) context: Arc<Context>,
    pub(crate) rows: Rows,
    pub(crate) jobs: Arc<JobReader>,
}

impl Acceptor {
    /// Checks a call against the account's `quota` and accepts it if it may run. Returns the verdict and the
    /// quota as it is afterwards.
    ///
    /// # Errors
    /// Store errors. Either the call was not accepted, or its job exists and only the sweeper will find it.
    pub async fn accept(&self, call: Call, quota: QuotaSnapshot) -> Result<(Verdict, QuotaSnapshot), StoreError> {
        let (job_id, nonce, urls) = (self.context.job_id(), self.context.nonce(), call.urls);
        let mut options = call.options;
        if call.endpoint == Endpoint::Batch && options.concurrency.is_none() {
            options.concurrency = Some(self.concurrency_for(call.async_mode, &urls));
        }
        let seed = call.crawl.as_ref().and_then(|_| Some(CanonicalUrl::parse(urls.first()?)?.key().hash()));
        let mut quota = quota;
        for attempt in 1..=MAX_TRIES {
            if attempt > 1 {
                let key = call.idempotency.as_ref().map(|(key, _)| key.as_str());
                let (account, now) = (quota.account.clone(), self.context.now());
                let reread = self.rows.retry(|| self.rows.store().accounts.quota(&account, now, key)).await?;
                quota = reread.ok_or_else(|| StoreError::Malformed("the account's row is gone".into()))?;
            }
            if quota.suspended {
                return Ok((Verdict::Suspended, quota));
            }
            if let (Some(row), Some((_, hash))) = (&quota.idempotency, &call.idempotency) {
                let verdict = if row.hash == *hash { Verdict::Replay(row.job.clone()) } else { Verdict::Mismatch };
                return Ok((verdict, quota));
            }
            if quota.rate_count >= quota.rate_limit {
                return Ok((Verdict::RateLimited, quota));
            }
            let plan = call.crawl.clone().map(|plan| capped(plan, quota.monthly_left()));
            let needed = plan.as_ref().map_or(urls.len() as u64, |plan| u64::from(plan.max_pages));
            let split =
                Reservation::split(needed, quota.plan, quota.month, quota.monthly_left(), quota.prepaid.unwrap_or(0));
            let reservation = match split {
                Ok(reservation) => reservation,
                Err(e) => {
                    let verdict = Verdict::QuotaExceeded { needed: e.needed, available: e.available };
                    return Ok((verdict, quota));
                }
            };
            let now = self.context.now();
            options.images_allowed = options.process_images && quota.plan.vision();
            let spec = Arc::new(JobSpec {
                options: options.clone(),
                schema: call.schema.clone(),
                crawl: plan,
                webhook: call.webhook.clone(),
            });
            let extract_unit = (call.endpoint == Endpoint::Extract).then(|| {
                let lease = now.plus_ms(i64::from(options.timeout_ms)).plus_secs(self.context.settings().lease_secs);
                let spec = Some((*spec).clone()).filter(store::jobs::is_small);
                Box::new(started_unit(urls.first().cloned().unwrap_or_default(), spec, nonce, lease))
            });
            let job = Job {
                id: job_id.clone(),
                account: quota.account.clone(),
                endpoint: call.endpoint,
                timeout_ms: options.timeout_ms,
                concurrency: options.concurrency,
                fail_fast: options.fail_fast,
                extract_unit,
                limit_reached: false,
                webhook: call.webhook.is_some(),
                async_mode: call.async_mode,
                state: JobState::Running,
                reservation,
                admitted: u32::try_from(urls.len()).map_err(|_| StoreError::Malformed("too many units".into()))?,
                started_at: now,
                deadline: now.plus_secs(self.context.settings().deadline_secs),
                driver: DriverLease {
                    holder: nonce,
                    until: now.plus_secs(self.context.settings().lease_secs),
                    // False until its messages are sent, because the handler may die before.
                    queued: false,
                    idle_checks: 0,
                },
                cancelled_at: None,
                ended_at: None,
                expires_at: None,
                tally: None,
                figures: CrawlFigures::default(),
                charge: None,
            };
            let new = NewJob {
                job: &job,
                urls: &urls,
                quota: &quota,
                spec: &spec,
                seed: seed.as_deref(),
                idempotency: call.idempotency.as_ref().map(|(key, hash)| (key.as_str(), hash.as_str())),
                now,
            };
            match self.rows.retry(|| self.rows.store().jobs.accept(new)).await? {
                Accepted::Written => {
                    self.context.record(&MetricEvent::JobStarted(&job));
                    quota.rate_count += 1;
                    quota.month_row = Some(MonthRow {
                        used: quota.used() + reservation.monthly,
                        limit: quota.limit(),
                        minute: Some(quota.minute),
                        calls: quota.rate_count,
                    });
                    quota.prepaid = quota.prepaid.map(|p| p.saturating_sub(reservation.prepaid));
                    self.jobs.cache_spec(&job.id, &spec);
                    let started = Started { job };
                    return Ok((Verdict::Accepted(Box::new(started)), quota));
                }
                Accepted::Stale => {
                    tracing::debug!(job = %job_id, attempt, "the account has changed; checking the call again");
                }
            }
        }
        Err(StoreError::Contended { operation: "accept", tries: MAX_TRIES })
    }

    /// Returns the concurrency of a batch that names none: a handler's default; if the batch is queued, that default
    /// for each of its hosts, up to one job's share of the workers.
    fn concurrency_for(&self, queued: bool, urls: &[String]) -> u32 {
        let settings = self.context.settings();
        if !queued {
            return settings.default_concurrency;
        }
        let hosts: HashSet<Option<String>> = urls
            .iter()
            .map(|url| url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)))
            .collect();
        let hosts = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        settings.default_concurrency.saturating_mul(hosts).min(settings.queue_concurrency)
    }
}

/// Returns the unit of an extract. It is already started, because it starts with its job.
fn started_unit(url: String, spec: Option<JobSpec>, holder: Nonce, lease_until: Timestamp) -> ExtractUnit {
    let mut segment = Segment::untouched(0).next(WriteId { writer: holder, n: 0 });
    segment.put(0, UnitState::Started { attempt: 1, holder, lease_until });
    ExtractUnit { url, segment, spec, result: None }
}

//! The endpoints that read and cancel: jobs, results, usage, keys, health, and the OpenAPI description.

use domain::progress::Tally;
use domain::{ErrorCode, Job, JobId};
use engine::cancel::Cancelled;
use futures_util::{StreamExt, TryStreamExt};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use lambda_http::{Request, RequestExt};
use serde_json::{Value, json};
use store::lists::JobFilter;
use store::model::ModelFigures;

use crate::app::App;
use crate::auth::{Caller, authenticate, check_active};
use crate::calls::{HoldReason, ResponseOptions};
use crate::headers::{add_limits, result_path};
use crate::openapi::{OPENAPI, OPENAPI_3_0};
use crate::response::{json_response, json_text};
use crate::routes::{Operation, Segments};
use crate::telemetry::RequestLog;
use crate::{ApiError, Body, Response, cursor, keys, request, webhooks};

/// Page size of a list if the call gives none.
const DEFAULT_LIMIT: usize = 20;
/// Maximum page size.
const MAX_LIMIT: usize = 100;

impl App {
    /// Serves an operation of `functions/jobs`.
    pub async fn read(&self, operation: Operation, segments: Segments<'_>, request: &Request) -> Response {
        if operation == Operation::Health {
            return json_response(&json!({ "status": "ok" }));
        }
        if operation == Operation::OpenApi {
            let version = request.query_string_parameters().first("version").map(str::to_owned);
            return json_text(if version.as_deref() == Some("3.0") { &OPENAPI_3_0 } else { OPENAPI });
        }
        let caller = match authenticate(self.engine.store(), request.headers(), None, self.engine.now()).await {
            Ok(caller) => caller,
            Err(refusal) => return refusal.into_response(),
        };
        RequestLog::note(request, |log| {
            log.account(&caller.account);
            segments.job_id.and_then(JobId::parse).iter().for_each(|id| log.job(id));
        });
        let answer = self.answer(operation, segments, &caller, request).await;
        let mut response = answer.unwrap_or_else(ApiError::into_response);
        add_limits(response.headers_mut(), &caller.quota, self.engine.now());
        response
    }

    async fn answer(
        &self,
        operation: Operation,
        segments: Segments<'_>,
        caller: &Caller,
        request: &Request,
    ) -> Result<Response, ApiError> {
        check_active(&caller.quota)?;
        let job_id = segments.job_id.unwrap_or_default();
        match operation {
            Operation::ListJobs => self.list(caller, request).await,
            Operation::GetJob => {
                request::query(request, &[])?;
                let job = self.owned(job_id, caller).await?;
                let tally = tally(self, &job).await?;
                let mut shown = job_json(&job, &json!(tally));
                shown["result"] = result_path(&job.id).into();
                if let Some(webhook) = webhooks::state_of(&self.engine.notifier, &job).await? {
                    shown["webhook"] = webhook;
                }
                Ok(json_response(&shown))
            }
            Operation::CancelJob => {
                request::query(request, &[])?;
                self.cancel(job_id, caller).await
            }
            Operation::GetResult => self.result(job_id, caller, request).await,
            Operation::GetCapture => {
                request::query(request, &[])?;
                self.capture(job_id, segments.n.unwrap_or_default(), caller).await
            }
            Operation::ResendWebhook => {
                request::query(request, &[])?;
                webhooks::resend(&self.engine.notifier, &self.owned(job_id, caller).await?).await
            }
            Operation::Usage => {
                request::query(request, &[])?;
                let mut usage = usage_json(caller);
                if self.engine.has_model() {
                    let figures = self.engine.store().models.model_figures(&caller.account, caller.quota.month).await?;
                    usage["model"] = model_json(&figures);
                }
                Ok(json_response(&usage))
            }
            Operation::ListKeys => {
                request::query(request, &[])?;
                keys::list(self.engine.store(), &caller.account).await
            }
            Operation::Health
            | Operation::OpenApi
            | Operation::Extract
            | Operation::Batch
            | Operation::Crawl
            | Operation::Mcp
            | Operation::Root
            | Operation::Console
            | Operation::ConsoleFile => Err(ApiError::misrouted()),
        }
    }

    async fn list(&self, caller: &Caller, request: &Request) -> Result<Response, ApiError> {
        let (mut limit, mut after, mut filter) = (DEFAULT_LIMIT, None, JobFilter::Running);
        for (name, value) in request::query(request, &["limit", "cursor", "state"])? {
            match name.as_str() {
                "limit" => {
                    let read = request::whole(&value).and_then(|n| usize::try_from(n).ok());
                    let read = read.filter(|n| (1..=MAX_LIMIT).contains(n));
                    let text = format!("\"limit\" must be a whole number from 1 to {MAX_LIMIT}");
                    limit = read.ok_or_else(|| ApiError::invalid(text))?;
                }
                "cursor" => after = Some(cursor::decode(&value)?),
                _ => {
                    filter = match value.as_str() {
                        "running" => JobFilter::Running,
                        "finished" => JobFilter::Finished,
                        "all" => JobFilter::All,
                        _ => return Err(ApiError::invalid("\"state\" must be \"running\", \"finished\" or \"all\"")),
                    }
                }
            }
        }
        let page =
            self.engine.store().jobs.list(&caller.account, filter, limit, after.as_ref(), self.engine.now()).await?;
        let rows: Vec<Value> = futures_util::stream::iter(page.jobs)
            .map(|job| async move {
                let tally = tally(self, &job).await?;
                let progress = json!({ "total": tally.total, "done": tally.done, "failed": tally.failed });
                Ok::<_, ApiError>(job_json(&job, &progress))
            })
            .buffered(16)
            .try_collect()
            .await?;
        let mut body = json!({ "jobs": rows });
        if let Some(next) = &page.next {
            body["next_cursor"] = cursor::encode(next).into();
        }
        Ok(json_response(&body))
    }

    async fn cancel(&self, job_id: &str, caller: &Caller) -> Result<Response, ApiError> {
        let id = JobId::parse(job_id).ok_or_else(|| ApiError::job_not_found(job_id))?;
        match self.engine.canceller.cancel(&caller.account, &id).await? {
            Cancelled::Terminating => {
                tracing::info!(job = %id, account = %caller.account, "job cancelled");
                Ok(json_response(&json!({ "status": "cancelled", "job_id": id })))
            }
            Cancelled::NotFound => Err(ApiError::no_running_job(job_id)),
            Cancelled::Forbidden => Err(forbidden()),
        }
    }

    async fn result(&self, job_id: &str, caller: &Caller, request: &Request) -> Result<Response, ApiError> {
        let mut from = request::last_event_id(request.headers())?;
        for (_, value) in request::query(request, &["from"])? {
            let text = "\"from\" must be a whole number from 0 to 4294967295";
            from = request::whole(&value).ok_or_else(|| ApiError::invalid(text))?;
        }
        let job = self.owned(job_id, caller).await?;
        let options = ResponseOptions::of(self, request);
        if options.preferences.respond_async && !job.state.ended() {
            return Ok(self.respond_async(&job.id, None, &options));
        }
        // The result of an ended job is sent at once: it needs no permit.
        let held = if job.state.ended() { None } else { self.hold(&caller.quota, &options, HoldReason::Read).await? };
        Ok(self.stream(self.engine.follow(job, from), held, HoldReason::Read, &options))
    }

    async fn capture(&self, job_id: &str, n: &str, caller: &Caller) -> Result<Response, ApiError> {
        let job = self.owned(job_id, caller).await?;
        let png = match request::whole(n) {
            Some(n) => self.engine.captures.of(&job.id, n).await?,
            None => None,
        };
        let shown: String = n.chars().take(20).collect();
        let text = format!("this job has no capture \"{shown}\"; see \"captures\" in its results");
        let mut response = Response::new(Body::full(png.ok_or_else(|| ApiError::new(ErrorCode::NotFound, text))?));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
        Ok(response)
    }

    /// Returns a job of the caller that is still kept. Errors: `JOB_NOT_FOUND`, `JOB_FORBIDDEN`; store errors.
    async fn owned(&self, job_id: &str, caller: &Caller) -> Result<Job, ApiError> {
        let id = JobId::parse(job_id).ok_or_else(|| ApiError::job_not_found(job_id))?;
        let job = self.engine.jobs.job(&id).await?.ok_or_else(|| ApiError::job_not_found(job_id))?;
        if job.account == caller.account { Ok(job) } else { Err(forbidden()) }
    }
}

/// Returns the tally of an ended job from its row, of a running one from its segments.
async fn tally(app: &App, job: &Job) -> Result<Tally, ApiError> {
    match job.tally {
        Some(tally) => Ok(tally),
        None => Ok(app.engine.jobs.totals(job).await?.tally),
    }
}

fn forbidden() -> ApiError {
    ApiError::new(ErrorCode::JobForbidden, "this job belongs to another account")
}

/// Returns what a list and a single job have in common.
fn job_json(job: &Job, progress: &Value) -> Value {
    json!({
        "job_id": job.id,
        "endpoint": format!("/{}", job.endpoint.name()),
        "status": job.state.wire_name(),
        "async_mode": job.async_mode,
        "started_at": job.started_at.rfc3339(),
        "ended_at": job.ended_at.map(|at| at.rfc3339()),
        "progress": progress,
        "credits": credits_json(job),
    })
}

fn credits_json(job: &Job) -> Value {
    json!({
        "reserved": job.reservation.total(),
        "charged": job.charge.map(|c| c.charged),
        "refunded": job.charge.map(|c| c.refunded()),
        "monthly": job.reservation.monthly,
        "prepaid": job.reservation.prepaid,
    })
}

fn usage_json(caller: &Caller) -> Value {
    let quota = &caller.quota;
    json!({
        "account_id": caller.account,
        "plan": quota.plan,
        "month": quota.month.to_string(),
        "monthly": {
            "limit": quota.limit(),
            "used": quota.used(),
            "remaining": quota.monthly_left(),
        },
        "prepaid": { "balance": quota.prepaid.unwrap_or(0) },
        "rate": {
            "limit": quota.rate_limit,
            "remaining": quota.rate_limit.saturating_sub(quota.rate_count),
            "reset": (quota.minute + 1) * 60,
        },
    })
}

/// The use of the operator's model by an account in a month.
fn model_json(figures: &ModelFigures) -> Value {
    json!({
        "calls": figures.calls,
        "input_tokens": figures.input_tokens,
        "output_tokens": figures.output_tokens,
        "refused_values": figures.refused_values,
        "failures": figures.failures,
    })
}

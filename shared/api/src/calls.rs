//! Calls that create jobs: accept, send the head at once, stream the body.

use std::time::Duration;

use domain::{Endpoint, ErrorCode, JobId, Timestamp};
use engine::accept::{Call, Started, Verdict};
use engine::result_stream::ResultStream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use lambda_http::{Request, RequestExt};
use runtime::Settings;
use store::accounts::Binding;
use store::quota::QuotaSnapshot;

use crate::app::App;
use crate::auth::{authenticate, check_active, suspended};
use crate::headers::{X_JOB_ID, add_limits, result_path, seconds_to_reset};
use crate::held::{HeldCall, MAX_HELD_CALLS};
use crate::prefer::{self, Format, Preferences};
use crate::telemetry::RequestLog;
use crate::{ApiError, Body, Response, idempotency, request, results, validate, webhooks};

/// A body ends this long before its invocation does, so that its end can still be written. In milliseconds.
const INVOCATION_MARGIN_MS: i64 = 5_000;

/// The form of the response that a request asks for, and the time that there is for it.
pub(crate) struct ResponseOptions {
    pub(crate) preferences: Preferences,
    format: Format,
    /// When the invocation ends; `None` if it has no deadline.
    invocation_end: Option<Timestamp>,
    log: Option<RequestLog>,
    /// Prefix of paths that are returned to the client (see [`request::prefix`]).
    prefix: String,
}

/// Why a call is held open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HoldReason {
    /// It waits for one page, for a minute or two at most. Counted in its process only.
    Extract,
    /// It waits for a job that it started.
    Job,
    /// It waits for an existing job.
    Read,
}

impl ResponseOptions {
    pub(crate) fn of(app: &App, request: &Request) -> ResponseOptions {
        ResponseOptions {
            // Only `extract` can explain; `accept` sets it there.
            preferences: Preferences { explain: false, ..prefer::preferences(request.headers()) },
            format: prefer::format(request.headers()),
            invocation_end: request.lambda_context_ref().and_then(|context| app.invocation_end(context.deadline)),
            log: request.extensions().get().cloned(),
            prefix: request::prefix(request).to_owned(),
        }
    }

    /// Returns how long a body may be held open from `now` on.
    fn hold(&self, now: Timestamp, reason: HoldReason, settings: &Settings) -> Duration {
        let max = match reason {
            HoldReason::Extract | HoldReason::Job => settings.hold_secs,
            HoldReason::Read => settings.hold_secs.min(settings.read_hold_secs),
        };
        let hold = Duration::from_secs(self.preferences.wait.map_or(max, |wait| wait.min(max)));
        match self.invocation_end {
            None => hold,
            Some(end) => hold.min(Duration::from_millis(end.plus_ms(-INVOCATION_MARGIN_MS).ms_since(now))),
        }
    }

    /// Returns until when this process may run a job that nobody waits for and that the queue did not accept.
    fn latest_end(&self, now: Timestamp, settings: &Settings) -> Timestamp {
        let latest = now.plus_secs(settings.hold_secs);
        self.invocation_end.map_or(latest, |end| latest.min(end.plus_ms(-INVOCATION_MARGIN_MS)))
    }
}

impl App {
    /// Serves a call of `extract`, `batch` or `crawl`.
    pub async fn call(&self, endpoint: Endpoint, request: &Request) -> Response {
        let now = self.engine.now();
        let key = match request::idempotency_key(request.headers()) {
            Ok(key) => key,
            Err(refusal) => return self.refuse_before_quota(request, refusal).await,
        };
        let caller = match authenticate(self.engine.store(), request.headers(), key, now).await {
            Ok(caller) => caller,
            Err(refusal) => return refusal.into_response(),
        };
        RequestLog::note(request, |log| log.account(&caller.account));
        let mut quota = caller.quota.clone();
        let response = self.accept(endpoint, request, key, caller.bound.as_ref(), &mut quota).await;
        let mut response = response.unwrap_or_else(ApiError::into_response);
        add_limits(response.headers_mut(), &quota, self.engine.now());
        response
    }

    async fn accept(
        &self,
        endpoint: Endpoint,
        request: &Request,
        key: Option<&str>,
        bound: Option<&Binding>,
        quota: &mut QuotaSnapshot,
    ) -> Result<Response, ApiError> {
        check_active(quota)?;
        request::query(request, &[])?;
        let mut valid = validate::check(endpoint, request::body(request)?, bound)?;
        let mut options = ResponseOptions::of(self, request);
        if endpoint == Endpoint::Extract {
            // One unit and one body: there is nothing to read later.
            options.preferences = Preferences::default();
        }
        // Only one page can be explained: the explanations of ten thousand pages would be larger than their values.
        let may_explain = self.explains && endpoint == Endpoint::Extract;
        options.preferences.explain = may_explain && prefer::preferences(request.headers()).explain;
        valid.options.explain = options.preferences.explain;
        let respond_async = options.preferences.respond_async;
        if let Some(webhook) = &valid.webhook {
            webhooks::check_receiver(&self.engine.notifier, &quota.account, webhook).await?;
        }
        // Checked before the reservation: a refused call is not charged.
        let reason = if endpoint == Endpoint::Extract { HoldReason::Extract } else { HoldReason::Job };
        let mut held = if respond_async { None } else { self.hold(quota, &options, reason).await? };
        let hash = key.map(|key| (key.to_owned(), idempotency::hash(endpoint, &valid.schema, &valid.body)));
        let call = Call {
            endpoint,
            options: valid.options,
            schema: valid.schema,
            urls: valid.urls,
            crawl: valid.crawl,
            async_mode: valid.async_mode || respond_async,
            webhook: valid.webhook,
            idempotency: hash,
        };
        let accepted = self.engine.acceptor.accept(call, quota.clone()).await;
        let answer = match accepted {
            Ok((verdict, after)) => {
                *quota = after;
                self.answer_to(verdict, quota, &mut held, (reason, request, &options)).await
            }
            Err(error) => Err(error.into()),
        };
        if let Some(mut held) = held {
            held.end().await;
        }
        answer
    }

    /// Turns a verdict into a response. A body that waits takes `held`.
    async fn answer_to(
        &self,
        verdict: Verdict,
        quota: &QuotaSnapshot,
        held: &mut Option<HeldCall>,
        (reason, request, options): (HoldReason, &Request, &ResponseOptions),
    ) -> Result<Response, ApiError> {
        let respond_async = options.preferences.respond_async;
        match verdict {
            Verdict::Accepted(started) => {
                let job = started.job.id.clone();
                if respond_async {
                    RequestLog::note(request, |log| log.job(&job));
                    return Ok(self.respond_async(&job, Some(*started), options));
                }
                let now = self.engine.now();
                let hold = options.hold(now, reason, self.engine.settings());
                let stream = self.engine.driver.start(*started, Some(now.plus(hold)));
                Ok(self.stream(stream, held.take(), reason, options))
            }
            Verdict::Replay(id) => match self.engine.jobs.job(&id).await? {
                Some(job) if respond_async && !job.state.ended() => Ok(self.respond_async(&id, None, options)),
                Some(job) => Ok(self.stream(self.engine.follow(job, 0), held.take(), HoldReason::Read, options)),
                None => Err(ApiError::new(
                    ErrorCode::JobNotFound,
                    format!(
                        "this Idempotency-Key belongs to {id}, whose results are no longer kept; use a new \
                         Idempotency-Key"
                    ),
                )),
            },
            Verdict::Mismatch => Err(ApiError::new(
                ErrorCode::IdempotencyMismatch,
                "this Idempotency-Key was used in the last 24 hours for another call: with another endpoint, another \
                 body, or another schema bound to the API key; use a new Idempotency-Key",
            )),
            Verdict::RateLimited => Err(rate_limited(quota, self.engine.now())),
            Verdict::QuotaExceeded { needed, available } => {
                let smaller = match reason {
                    HoldReason::Extract => "",
                    HoldReason::Job | HoldReason::Read => "send fewer URLs or a smaller crawl.max_pages, ",
                };
                let text = format!(
                    "this call needs {needed} credits, and {available} are left (nothing was charged); {smaller}wait for \
                     the next month (UTC), or ask the operator for more"
                );
                Err(ApiError::new(ErrorCode::QuotaExceeded, text))
            }
            Verdict::Suspended => Err(suspended()),
        }
    }

    /// Acquires a permit to hold the answer open. Returns `None` if the answer does not wait (`wait=0`).
    ///
    /// # Errors
    /// `RATE_LIMITED` if the account holds as many calls as its plan allows; store errors.
    pub(crate) async fn hold(
        &self,
        quota: &QuotaSnapshot,
        options: &ResponseOptions,
        reason: HoldReason,
    ) -> Result<Option<HeldCall>, ApiError> {
        if options.preferences.wait == Some(0) {
            return Ok(None);
        }
        let (max, now) = (quota.plan.held_calls(), self.engine.now());
        let held = match (self.held.hold(&quota.account, max), reason) {
            (Some(held), HoldReason::Job | HoldReason::Read) => {
                let until = now.plus(options.hold(now, reason, self.engine.settings()));
                held.with_permit(self.engine.store(), max, self.engine.nonce(), (now, until)).await?
            }
            (held, _) => held,
        };
        let refused = || {
            let instead = match reason {
                HoldReason::Extract => "",
                HoldReason::Job | HoldReason::Read => ", or send \"Prefer: respond-async\" or \"Prefer: wait=0\"",
            };
            let text = format!(
                "too many calls are held open (an account may hold {max}, a process {MAX_HELD_CALLS}); try again when \
                 one of them has ended{instead}"
            );
            ApiError { retry_after: Some(1), ..ApiError::new(ErrorCode::RateLimited, text) }
        };
        held.map(Some).ok_or_else(refused)
    }

    /// Answers with a refusal that is known before the quota is read; includes the rate and quota headers all the same.
    async fn refuse_before_quota(&self, request: &Request, refusal: ApiError) -> Response {
        match authenticate(self.engine.store(), request.headers(), None, self.engine.now()).await {
            Ok(caller) => {
                let mut response = refusal.into_response();
                add_limits(response.headers_mut(), &caller.quota, self.engine.now());
                response
            }
            Err(unauthorized) => unauthorized.into_response(),
        }
    }

    /// Answers 200 with the job's id at once; the body streams the results as units end.
    pub(crate) fn stream(
        &self,
        stream: ResultStream,
        held: Option<HeldCall>,
        reason: HoldReason,
        options: &ResponseOptions,
    ) -> Response {
        let (sender, body) = Body::stream();
        let hold = options.hold(self.engine.now(), reason, self.engine.settings());
        let mut response = job_response(StatusCode::OK, &stream.job().id, body, options.format.content_type());
        let headers = response.headers_mut();
        if options.format == Format::Events {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        let preferred = Preferences { respond_async: false, ..options.preferences };
        if let Some(applied) = preferred.applied() {
            insert(headers, PREFERENCE_APPLIED, &applied);
        }
        let style = results::Style { format: options.format, hold };
        let log = options.log.clone();
        log.iter().for_each(|log| log.job(&stream.job().id));
        tokio::spawn(results::write(self.engine.clone(), stream, (sender, held, log), style));
        response
    }

    /// Answers 202 with the job's id at once. The body ends once the queue has the job: the process may be frozen after
    /// that.
    pub(crate) fn respond_async(&self, job: &JobId, started: Option<Started>, options: &ResponseOptions) -> Response {
        let (sender, body) = Body::stream();
        let mut response = job_response(StatusCode::ACCEPTED, job, body, Format::Json.content_type());
        insert(response.headers_mut(), LOCATION, &(options.prefix.clone() + &result_path(job)));
        insert(response.headers_mut(), PREFERENCE_APPLIED, "respond-async");
        let text = serde_json::json!({ "job_id": job, "status": "running" }).to_string() + "\n";
        let engine = self.engine.clone();
        let until = options.latest_end(engine.now(), engine.settings());
        tokio::spawn(async move {
            if let Some(started) = started {
                engine.driver.detach(started, Some(until)).await;
            }
            let _ = sender.send(text.into()).await;
        });
        response
    }
}

fn rate_limited(quota: &QuotaSnapshot, now: Timestamp) -> ApiError {
    let wait = seconds_to_reset(quota, now);
    let text = format!("too many calls: the account may start {} per minute; try again in {wait} s", quota.rate_limit);
    ApiError { retry_after: Some(wait), ..ApiError::new(ErrorCode::RateLimited, text) }
}

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// Builds a response with the job's id in its head.
fn job_response(status: StatusCode, job: &JobId, body: Body, content_type: &'static str) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    insert(response.headers_mut(), HeaderName::from_static(X_JOB_ID), job.as_str());
    response
}

/// Inserts a value that this code built, which is always a valid header value.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_nobody_waits_for_ends_with_its_invocation() {
        let (now, settings) = (Timestamp(1_795_478_400_000), Settings { hold_secs: 100, ..Settings::default() });
        for (invocation_ms, want_ms) in [(None, 100_000), (Some(900_000), 100_000), (Some(60_000), 55_000)] {
            let options = ResponseOptions {
                preferences: Preferences::default(),
                format: Format::Json,
                invocation_end: invocation_ms.map(|ms| now.plus_ms(ms)),
                log: None,
                prefix: String::new(),
            };
            assert_eq!(options.latest_end(now, &settings), now.plus_ms(want_ms), "{invocation_ms:?}");
        }
    }
}

//! `POST /v1/extract` and `POST /v1/batch`: accept, answer with the head at once, and let the body follow.

use std::time::Duration;

use domain::{Endpoint, ErrorCode};
use engine::accept::{Call, Verdict};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use lambda_http::Request;
use store::standing::Standing;

use crate::app::App;
use crate::auth::{authenticate, check_active};
use crate::headers::{X_JOB_ID, add_limits, seconds_to_reset};
use crate::{ApiError, Body, Response, idempotency, request, results, validate};

impl App {
    /// Serves a call of an endpoint that makes jobs.
    pub async fn call(&self, endpoint: Endpoint, request: &Request) -> Response {
        let now = self.engine.now();
        let key = match request::idempotency_key(request.headers()) {
            Ok(key) => key,
            Err(refusal) => return self.refuse_before_standing(request, refusal).await,
        };
        let caller = match authenticate(self.engine.store(), request.headers(), key, now).await {
            Ok(caller) => caller,
            Err(refusal) => return refusal.into_response(),
        };
        let mut standing = caller.standing.clone();
        let response = self.accept(endpoint, request, key, caller.bound_schema.as_ref(), &mut standing).await;
        let mut response = response.unwrap_or_else(ApiError::into_response);
        add_limits(response.headers_mut(), &standing);
        response
    }

    async fn accept(
        &self,
        endpoint: Endpoint,
        request: &Request,
        key: Option<&str>,
        bound: Option<&domain::Schema>,
        standing: &mut Standing,
    ) -> Result<Response, ApiError> {
        check_active(standing)?;
        let valid = validate::check(endpoint, request::body(request)?, bound, standing.plan)?;
        let hash = key.map(|key| (key.to_owned(), idempotency::hash(endpoint, &valid.schema, &valid.body)));
        let call = Call {
            endpoint,
            options: valid.options,
            schema: valid.schema,
            urls: valid.urls,
            async_mode: valid.async_mode,
            idempotency: hash,
        };
        let (verdict, after) = self.engine.accept(call, standing.clone()).await?;
        *standing = after;
        match verdict {
            Verdict::Accepted(started) => {
                let job = started.job.id.clone();
                tracing::info!(%job, account = %started.job.account, endpoint = endpoint.name(),
                    units = started.job.admitted, "job accepted");
                Ok(self.stream(&job, self.engine.start(*started)))
            }
            Verdict::Replay(id) => match self.engine.job(&id).await? {
                Some(job) => Ok(self.stream(&id, self.engine.follow(job, 0))),
                None => Err(ApiError::new(
                    ErrorCode::JobNotFound,
                    format!("this Idempotency-Key belongs to {id}, whose results are no longer kept; use another key"),
                )),
            },
            Verdict::Mismatch => Err(ApiError::new(
                ErrorCode::IdempotencyMismatch,
                "this Idempotency-Key was used with another body within 24 hours; use another key for another call",
            )),
            Verdict::RateLimited => Err(self.rate_limited(standing)),
            Verdict::QuotaExceeded { needed, available } => Err(ApiError::new(
                ErrorCode::QuotaExceeded,
                format!("this call needs {needed} credits and {available} are left; nothing was charged"),
            )),
            Verdict::Suspended => check_active(standing).and(Err(ApiError::invalid("the account changed; try again"))),
        }
    }

    fn rate_limited(&self, standing: &Standing) -> ApiError {
        let wait = seconds_to_reset(standing, self.engine.now());
        let text = format!("{} calls a minute are allowed; the next is in {wait} s", standing.rate_limit);
        ApiError { retry_after: Some(wait), ..ApiError::new(ErrorCode::RateLimited, text) }
    }

    /// A refusal that is known before the standing was read: the figures belong on it all the same.
    async fn refuse_before_standing(&self, request: &Request, refusal: ApiError) -> Response {
        match authenticate(self.engine.store(), request.headers(), None, self.engine.now()).await {
            Ok(caller) => {
                let mut response = refusal.into_response();
                add_limits(response.headers_mut(), &caller.standing);
                response
            }
            Err(unauthorized) => unauthorized.into_response(),
        }
    }

    /// 200 and the job's id now; the results as they come.
    pub(crate) fn stream(&self, job: &domain::JobId, feed: engine::feed::Feed) -> Response {
        let (sender, body) = Body::stream();
        let hold = Duration::from_secs(self.engine.settings().hold_secs);
        tokio::spawn(results::write(self.engine.clone(), feed, sender, hold));
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::OK;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Ok(id) = HeaderValue::from_str(job.as_str()) {
            headers.insert(X_JOB_ID, id);
        }
        response
    }
}

//! Headers of every answer to an authenticated call.

use domain::{JobId, Timestamp};
use http::header::{CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use store::quota::QuotaSnapshot;

/// Marks an answer as private to its caller: not cached, with the request headers that it depends on, and read only as
/// its declared type.
pub fn add_privacy(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("X-API-Key, Accept, Prefer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The header with the job id of an accepted call.
pub const X_JOB_ID: &str = "x-job-id";

/// Returns the path of a job's result.
pub fn result_path(job: &JobId) -> String {
    format!("/v1/jobs/{job}/result")
}

/// Returns the seconds until the rate limit's minute ends; at least 1.
pub fn seconds_to_reset(quota: &QuotaSnapshot, now: Timestamp) -> u64 {
    u64::try_from((quota.minute + 1) * 60 - now.secs()).unwrap_or(0).max(1)
}

/// Adds the rate and quota headers, with the figures after the call's reservation. Adds the rate also in the form of
/// draft-ietf-httpapi-ratelimit-headers.
pub fn add_limits(headers: &mut HeaderMap, quota: &QuotaSnapshot, now: Timestamp) {
    let reset = u64::try_from((quota.minute + 1) * 60).unwrap_or(0);
    let remaining = quota.rate_limit.saturating_sub(quota.rate_count);
    let policy = format!("\"minute\";q={};w=60", quota.rate_limit);
    let left = format!("\"minute\";r={remaining};t={}", seconds_to_reset(quota, now));
    for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        // ASCII text: always a valid header value.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    headers.insert("x-ratelimit-limit", quota.rate_limit.into());
    headers.insert("x-ratelimit-remaining", remaining.into());
    headers.insert("x-ratelimit-reset", reset.into());
    headers.insert("x-monthly-usage-limit", quota.limit().into());
    headers.insert("x-monthly-usage-remaining", quota.monthly_left().into());
}

//! The headers that every answer to an authenticated call bears.

use domain::{JobId, Timestamp};
use http::header::{CACHE_CONTROL, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue};
use store::quota::QuotaSnapshot;

/// Says of an answer that it is its caller's alone: no cache keeps it, what it depends on is
/// named, and it is read as what it says it is.
pub fn add_privacy(headers: &mut HeaderMap) {
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("X-API-Key, Accept, Prefer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Job id of an accepted call.
pub const X_JOB_ID: &str = "x-job-id";

/// Where a job's result is.
pub fn result_path(job: &JobId) -> String {
    format!("/v1/jobs/{job}/result")
}

/// Seconds until the minute of the rate limit is over; at least 1.
pub fn seconds_to_reset(quota: &QuotaSnapshot, now: Timestamp) -> u64 {
    u64::try_from((quota.minute + 1) * 60 - now.secs()).unwrap_or(0).max(1)
}

/// Adds rate and quota figures, told after the call's reservation; the rate also as draft-ietf-httpapi-ratelimit-headers
/// has it.
pub fn add_limits(headers: &mut HeaderMap, quota: &QuotaSnapshot, now: Timestamp) {
    let reset = u64::try_from((quota.minute + 1) * 60).unwrap_or(0);
    let remaining = quota.rate_limit.saturating_sub(quota.rate_count);
    let policy = format!("\"minute\";q={};w=60", quota.rate_limit);
    let left = format!("\"minute\";r={remaining};t={}", seconds_to_reset(quota, now));
    for (name, text) in [("ratelimit-policy", policy), ("ratelimit", left)] {
        // Digits and letters: always a header's value.
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

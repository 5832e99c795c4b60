//! The HTTP requests of the API. Each is built once, so all its attempts are byte-identical.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use serde::Serialize;

use crate::error::{Error, Result};

const NDJSON: &str = "application/x-ndjson";
const PREFER: HeaderName = HeaderName::from_static("prefer");
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// One HTTP request.
#[derive(Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: Vec<(HeaderName, String)>,
    pub(crate) body: Option<Bytes>,
}

/// Builds a POST. All its attempts have one idempotency key, so they create one job and are charged once.
pub(crate) fn post(
    path: &str,
    body: &impl Serialize,
    key: Option<String>,
    extra_headers: Vec<(HeaderName, String)>,
) -> Result<Call> {
    let body = serde_json::to_vec(body).map_err(|e| Error::invalid(format!("the call cannot be serialized: {e}")))?;
    let key = match key {
        Some(key) => key,
        None => new_idempotency_key()?,
    };
    let mut headers = vec![(CONTENT_TYPE, "application/json".to_owned()), (IDEMPOTENCY_KEY, key)];
    headers.extend(extra_headers);
    Ok(Call { method: Method::POST, path: path.to_owned(), headers, body: Some(body.into()) })
}

/// `GET /v1/jobs/{job_id}`.
pub(crate) fn job(id: &str) -> Result<Call> {
    Ok(without_body(Method::GET, format!("/v1/jobs/{}", valid_job_id(id)?)))
}

/// `DELETE /v1/jobs/{job_id}`.
pub(crate) fn cancel(id: &str) -> Result<Call> {
    Ok(without_body(Method::DELETE, format!("/v1/jobs/{}", valid_job_id(id)?)))
}

/// `POST /v1/jobs/{job_id}/webhook`. A repeated call may send the message twice, with the same id.
pub(crate) fn resend_webhook(id: &str) -> Result<Call> {
    Ok(without_body(Method::POST, format!("/v1/jobs/{}/webhook", valid_job_id(id)?)))
}

/// `GET /v1/jobs/{job_id}/result` as NDJSON, without the first `start` results.
pub(crate) fn result(id: &str, start: u64, wait: Option<Duration>) -> Result<Call> {
    let from = if start > 0 { format!("?from={start}") } else { String::new() };
    let call = without_body(Method::GET, format!("/v1/jobs/{}/result{from}", valid_job_id(id)?));
    Ok(Call { headers: job_headers(wait, false), ..call })
}

/// `GET /v1/jobs/{job_id}/result` of an extract.
pub(crate) fn extract_result(id: &str) -> Result<Call> {
    Ok(without_body(Method::GET, format!("/v1/jobs/{}/result", valid_job_id(id)?)))
}

/// `GET /v1/jobs/{job_id}/captures/{n}`.
pub(crate) fn capture(id: &str, n: u64) -> Result<Call> {
    Ok(without_body(Method::GET, format!("/v1/jobs/{}/captures/{n}", valid_job_id(id)?)))
}

/// `GET /v1/jobs`.
pub(crate) fn jobs(state: &str, limit: u32, cursor: Option<&str>) -> Call {
    let cursor = cursor.map(|cursor| format!("&cursor={}", percent_encoded(cursor))).unwrap_or_default();
    without_body(Method::GET, format!("/v1/jobs?state={state}&limit={limit}{cursor}"))
}

/// `GET /v1/usage`.
pub(crate) fn usage() -> Call {
    without_body(Method::GET, "/v1/usage".to_owned())
}

/// Headers of a call whose response is a job's results as NDJSON.
pub(crate) fn job_headers(wait: Option<Duration>, respond_async: bool) -> Vec<(HeaderName, String)> {
    let mut headers = vec![(ACCEPT, NDJSON.to_owned())];
    if respond_async {
        headers.push((PREFER, "respond-async".to_owned()));
    } else if let Some(wait) = wait {
        headers.push((PREFER, format!("wait={}", wait.as_secs_f64().ceil().max(1.0))));
    }
    headers
}

fn without_body(method: Method, path: String) -> Call {
    Call { method, path, headers: Vec::new(), body: None }
}

/// Returns a new `Idempotency-Key` of 128 random bits, for callers that store it to survive the end of the process.
///
/// # Errors
/// The platform's random number generator failed.
pub fn new_idempotency_key() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| Error::invalid(format!("the random number generator failed: {e}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn valid_job_id(id: &str) -> Result<&str> {
    let rest = id.strip_prefix("job_").filter(|rest| !rest.is_empty());
    rest.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()))
        .map(|_| id)
        .ok_or_else(|| Error::invalid(format!("{id:?} is not a job id like job_0123456789abcdef")))
}

fn percent_encoded(text: &str) -> String {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if is_unreserved(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_job_ids_get_into_a_path() {
        for id in ["", "job_", "job_A", "job_1/result", "../usage", "job_1?from=1", "job_ä"] {
            assert!(job(id).is_err(), "{id}");
        }
        assert_eq!(job("job_01az").map(|call| call.path).unwrap(), "/v1/jobs/job_01az");
    }

    #[test]
    fn a_cursor_is_percent_encoded() {
        assert_eq!(jobs("running", 5, Some("a+b/c=")).path, "/v1/jobs?state=running&limit=5&cursor=a%2Bb%2Fc%3D");
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds_and_at_least_one() {
        let prefer = |wait| job_headers(Some(wait), false)[1].1.clone();
        assert_eq!(prefer(Duration::from_millis(10)), "wait=1");
        assert_eq!(prefer(Duration::from_millis(4_100)), "wait=5");
    }
}

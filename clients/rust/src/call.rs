//! The calls of the API as they are sent. Each is made once and sent as often as it takes, alike to the byte.

use std::time::Duration;

use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use serde::Serialize;

use crate::error::{Error, Result};

const LINES: &str = "application/x-ndjson";
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

/// A POST. One key for all attempts: however often it is sent, it is one job and is paid once.
pub(crate) fn post(
    path: &str,
    body: &impl Serialize,
    key: Option<String>,
    more: Vec<(HeaderName, String)>,
) -> Result<Call> {
    let body = serde_json::to_vec(body).map_err(|e| Error::invalid(format!("the call cannot be written: {e}")))?;
    let key = match key {
        Some(key) => key,
        None => new_idempotency_key()?,
    };
    let mut headers = vec![(CONTENT_TYPE, "application/json".to_owned()), (IDEMPOTENCY_KEY, key)];
    headers.extend(more);
    Ok(Call { method: Method::POST, path: path.to_owned(), headers, body: Some(body.into()) })
}

/// `GET /v1/jobs/{job_id}`.
pub(crate) fn job(id: &str) -> Result<Call> {
    Ok(plain(Method::GET, format!("/v1/jobs/{}", checked(id)?)))
}

/// `DELETE /v1/jobs/{job_id}`.
pub(crate) fn cancel(id: &str) -> Result<Call> {
    Ok(plain(Method::DELETE, format!("/v1/jobs/{}", checked(id)?)))
}

/// `POST /v1/jobs/{job_id}/webhook`. Whoever is told twice knows the message by its id.
pub(crate) fn resend_webhook(id: &str) -> Result<Call> {
    Ok(plain(Method::POST, format!("/v1/jobs/{}/webhook", checked(id)?)))
}

/// The results of a job as lines, without the first `start`.
pub(crate) fn result(id: &str, start: u64, wait: Option<Duration>) -> Result<Call> {
    let from = if start > 0 { format!("?from={start}") } else { String::new() };
    let call = plain(Method::GET, format!("/v1/jobs/{}/result{from}", checked(id)?));
    Ok(Call { headers: job_headers(wait, false), ..call })
}

/// The answer of an extract again.
pub(crate) fn extracted(id: &str) -> Result<Call> {
    Ok(plain(Method::GET, format!("/v1/jobs/{}/result", checked(id)?)))
}

/// `GET /v1/jobs/{job_id}/captures/{n}`.
pub(crate) fn capture(id: &str, n: u64) -> Result<Call> {
    Ok(plain(Method::GET, format!("/v1/jobs/{}/captures/{n}", checked(id)?)))
}

/// `GET /v1/jobs`.
pub(crate) fn jobs(state: &str, limit: u32, cursor: Option<&str>) -> Call {
    let cursor = cursor.map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
    plain(Method::GET, format!("/v1/jobs?state={state}&limit={limit}{cursor}"))
}

/// `GET /v1/usage`.
pub(crate) fn usage() -> Call {
    plain(Method::GET, "/v1/usage".to_owned())
}

/// The header fields of a call that is answered with a job's lines.
pub(crate) fn job_headers(wait: Option<Duration>, respond_async: bool) -> Vec<(HeaderName, String)> {
    let mut headers = vec![(ACCEPT, LINES.to_owned())];
    if respond_async {
        headers.push((PREFER, "respond-async".to_owned()));
    } else if let Some(wait) = wait {
        headers.push((PREFER, format!("wait={}", wait.as_secs_f64().ceil().max(1.0))));
    }
    headers
}

fn plain(method: Method, path: String) -> Call {
    Call { method, path, headers: Vec::new(), body: None }
}

/// A new `Idempotency-Key`, for who keeps it beyond the life of the process: 128 random bits.
///
/// # Errors
/// The platform gives no random numbers.
pub fn new_idempotency_key() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| Error::invalid(format!("there are no random numbers: {e}")))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

fn checked(id: &str) -> Result<&str> {
    let rest = id.strip_prefix("job_").filter(|rest| !rest.is_empty());
    rest.filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase()))
        .map(|_| id)
        .ok_or_else(|| Error::invalid(format!("{id:?} is no job id")))
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_job_id_does_not_get_into_a_path() {
        for id in ["", "job_", "job_A", "job_1/result", "../usage", "job_1?from=1", "job_ä"] {
            assert!(job(id).is_err(), "{id}");
        }
        assert_eq!(job("job_01az").map(|call| call.path).unwrap(), "/v1/jobs/job_01az");
    }

    #[test]
    fn a_cursor_is_passed_on_as_it_is() {
        assert_eq!(jobs("running", 5, Some("a+b/c=")).path, "/v1/jobs?state=running&limit=5&cursor=a%2Bb%2Fc%3D");
    }

    #[test]
    fn a_wait_is_whole_seconds_and_one_at_least() {
        let prefer = |wait| job_headers(Some(wait), false)[1].1.clone();
        assert_eq!(prefer(Duration::from_millis(10)), "wait=1");
        assert_eq!(prefer(Duration::from_millis(4_100)), "wait=5");
    }
}

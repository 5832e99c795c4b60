//! From a response to its body: status, type and encoding are judged before a byte is read, size while it is read.

use bytes::Bytes;
use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use tokio::io::AsyncReadExt;

use crate::content::{
    Readability, SNIFF_BYTES, is_binary_format, is_still_gzip, judge_type, looks_readable, sniffed_type,
};
use crate::decode::{broken, coding, decoded};
use crate::error::FetchError;
use crate::throttle::throttled;

/// What a response holds.
pub(crate) struct Content {
    pub(crate) content_type: Option<String>,
    pub(crate) body: Bytes,
}

impl Content {
    /// Whether it says that it is HTML, or says nothing of the kind.
    pub(crate) fn is_markup(&self) -> bool {
        let Some(text) = self.content_type.as_deref() else { return true };
        let text = text.to_ascii_lowercase();
        text.contains("html") || judge_type(&text) == Readability::Unsaid
    }
}

/// Reads a response that is no redirect. `max` is in bytes, as sent and after content decoding, both counted as they
/// come, so that a bomb ends at the limit.
pub(crate) async fn read(response: Response, max: usize) -> Result<Content, FetchError> {
    check_status(&response)?;
    let headers = response.headers();
    let content_type = headers.get(CONTENT_TYPE).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    let sniff = match content_type.as_deref().map_or(Readability::Unsaid, judge_type) {
        Readability::Readable => false,
        Readability::Unsaid => true,
        Readability::Unreadable => return Err(wrong_type(content_type.as_deref().unwrap_or_default())),
    };
    let coding = coding(headers)?;
    // A claim, and believed only where it is to the page's disadvantage: nothing is set aside for it.
    if response.content_length().is_some_and(|n| n > max as u64) {
        return Err(too_large(max));
    }
    let failed = |error| broken(&error, |_| too_large(max));
    let mut content = decoded(response, coding, max).await.map_err(failed)?;
    let (mut body, mut judged) = (Vec::new(), false);
    loop {
        make_room(&mut body, max);
        let came = content.read_buf(&mut body).await.map_err(failed)?;
        if body.len() > max {
            return Err(too_large(max));
        }
        if !judged && (came == 0 || body.len() >= SNIFF_BYTES) {
            judge_start(&body, sniff)?;
            judged = true;
        }
        if came == 0 {
            let content_type = sniffed_type(content_type.as_deref(), &body);
            return Ok(Content { content_type, body: body.into() });
        }
    }
}

/// Room for more: twice as much each time, but never more than may be used, which is one byte over the limit.
fn make_room(body: &mut Vec<u8>, max: usize) {
    if body.len() == body.capacity() {
        let more = body.len().max(8 * 1024);
        body.reserve_exact(more.min((max + 1).saturating_sub(body.len())));
    }
}

fn judge_start(start: &[u8], sniff: bool) -> Result<(), FetchError> {
    if is_still_gzip(start) {
        let text = "the content is compressed more often than its Content-Encoding says";
        return Err(FetchError::Unsupported(text.into()));
    }
    if is_binary_format(start) {
        let text =
            "the content is a document, picture, archive or media file; only HTML, XML, JSON and text can be read";
        return Err(FetchError::Unsupported(text.into()));
    }
    if sniff && !looks_readable(start) {
        let text = "the content has no type and is neither HTML, JSON nor text";
        return Err(FetchError::Unsupported(text.into()));
    }
    Ok(())
}

fn wrong_type(content_type: &str) -> FetchError {
    let kind: String = content_type.chars().take(80).collect();
    FetchError::Unsupported(format!("the content is \"{kind}\"; only HTML, XML, JSON and text can be read"))
}

fn too_large(max: usize) -> FetchError {
    FetchError::Unsupported(format!("the page is over {max} bytes, the most that is read"))
}

/// Refuses what is no page by its status. The refusal says so if the site asks to be left alone.
pub(crate) fn check_status(response: &Response) -> Result<(), FetchError> {
    judge_status(response).map_err(|error| match throttled(response) {
        Some(throttled) => FetchError::Throttled(Box::new(error), throttled, Box::new(response.url().clone())),
        None if domain::retry::may_pass(response.status().as_u16()) => FetchError::Passing(Box::new(error)),
        None => error,
    })
}

fn judge_status(response: &Response) -> Result<(), FetchError> {
    let status = response.status();
    let code = status.as_u16();
    if is_bot_wall(response.headers()) {
        return Err(FetchError::Walled(format!("the site answered with a bot wall (status {code})")));
    }
    if matches!(code, 401 | 403 | 407 | 429) {
        return Err(FetchError::Blocked(format!("the site refused with status {code}")));
    }
    // An answer, but no page: calling it an empty success would hide that, and trying again would not help.
    if matches!(code, 204 | 205) {
        return Err(FetchError::Unsupported(format!("the site answered with status {code}: it has no content")));
    }
    if !status.is_success() {
        return Err(FetchError::Unreachable(format!("the site answered with status {code}")));
    }
    Ok(())
}

/// Whether an answer stands in for the page. Cloudflare marks its challenges whatever their status; AWS WAF answers a
/// challenge with 202 and a CAPTCHA with 405.
fn is_bot_wall(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &[u8]| headers.get(name).is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(value));
    is("cf-mitigated", b"challenge") || is("x-amzn-waf-action", b"challenge") || is("x-amzn-waf-action", b"captcha")
}

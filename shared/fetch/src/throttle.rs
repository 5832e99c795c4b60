//! Reads what a response of 429 or 503 asks for: `Retry-After` (RFC 9110 §10.2.3), in seconds or as a date.

use std::time::Duration;

use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};

use crate::error::{MAX_RETRY_AFTER, Throttled};

/// Returns whether a response asks for fewer requests, and for how long.
pub(crate) fn throttled(response: &Response) -> Option<Throttled> {
    matches!(response.status().as_u16(), 429 | 503).then(|| Throttled { retry_after: retry_after(response.headers()) })
}

/// Returns the requested wait, capped at [`MAX_RETRY_AFTER`].
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    requested_wait(headers).map(|wait| wait.min(MAX_RETRY_AFTER))
}

/// Returns the requested wait. A date is relative to the response's own `Date`, because the site's clock may be wrong.
/// Returns `None` for a date without a `Date`.
fn requested_wait(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|v| v.to_str().ok()).map(str::trim);
    let value = text(RETRY_AFTER)?;
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // A number too large to parse is too long to wait for as well.
        return Some(value.parse().map_or(MAX_RETRY_AFTER, Duration::from_secs));
    }
    let (until, sent) = (httpdate::parse_http_date(value).ok()?, httpdate::parse_http_date(text(DATE)?).ok()?);
    Some(until.duration_since(sent).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_after_in_seconds_or_as_a_date_is_read() {
        let at = |s: u32| format!("Tue, 24 Nov 2026 10:{:02}:{:02} GMT", s / 60, s % 60);
        for (value, date, want) in [
            ("120".to_owned(), None, Some(120)),
            (" 0 ".to_owned(), None, Some(0)),
            ("99999999999999999999999".to_owned(), None, Some(3_600)),
            (at(90), Some(at(30)), Some(60)),
            // A year, in seconds and as a date.
            ("31536000".to_owned(), None, Some(3_600)),
            ("Wed, 24 Nov 2027 10:00:00 GMT".to_owned(), Some(at(0)), Some(3_600)),
            // A date in the past.
            (at(30), Some(at(90)), Some(0)),
            // A date without `Date`.
            (at(90), None, None),
            ("-1".to_owned(), None, None),
            ("1.5".to_owned(), None, None),
            ("soon".to_owned(), Some(at(0)), None),
            (String::new(), Some(at(0)), None),
        ] {
            let mut headers = HeaderMap::from_iter([(RETRY_AFTER, value.parse().unwrap())]);
            if let Some(date) = date {
                headers.insert(DATE, date.parse().unwrap());
            }
            assert_eq!(retry_after(&headers), want.map(Duration::from_secs), "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}

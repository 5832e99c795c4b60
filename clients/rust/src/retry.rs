//! Decides whether and when to retry a call. Every call can be retried: reads and DELETE are idempotent, and each POST
//! has an Idempotency-Key.

use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind, Result};

const FIRST_WAIT: Duration = Duration::from_millis(250);
const MAX_WAIT: Duration = Duration::from_secs(10);
/// Maximum `Retry-After` to wait for; beyond it the error is returned at once.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// Counts the failures of one call since its last progress.
#[derive(Debug)]
pub(crate) struct Attempts {
    max: u32,
    failed: u32,
}

impl Attempts {
    pub(crate) fn new(max: u32) -> Attempts {
        Attempts { max, failed: 0 }
    }

    /// Resets the count after progress.
    pub(crate) fn progress(&mut self) {
        self.failed = 0;
    }

    /// Returns how long to wait after a failed connection.
    ///
    /// # Errors
    /// Too many attempts failed.
    pub(crate) fn connection_failed(&mut self, why: &str, max: Option<u32>, job_id: Option<&str>) -> Result<Duration> {
        if self.failed >= max.unwrap_or(self.max).min(self.max) {
            // Only a service that was never reached has a limit of its own.
            let hint = if max.is_some() { " (check the base URL)" } else { "" };
            let text = format!("{} attempts failed{hint}; the last: {why}", self.failed + 1);
            let error = Error::new(ErrorKind::ConnectionFailed, "CONNECTION_FAILED", text);
            return Err(Error { retryable: true, job_id: job_id.map(str::to_owned), ..error });
        }
        Ok(self.wait())
    }

    /// Returns how long to wait after an error response.
    ///
    /// # Errors
    /// The response's error, if it is not retryable, attempts are used up, or the service asks for too long a wait.
    pub(crate) fn error_response(&mut self, error: Error, retry_after: Option<Duration>) -> Result<Duration> {
        if !error.retryable || self.failed >= self.max || retry_after.is_some_and(|min| min > MAX_RETRY_AFTER) {
            return Err(error);
        }
        let wait = self.wait();
        // Not earlier than the service asked for; a little later, so that clients do not all return at once.
        Ok(retry_after.map_or(wait, |min| min + wait.min(Duration::from_secs(1)).mul_f64(fastrand::f64())))
    }

    fn wait(&mut self) -> Duration {
        let max_wait = MAX_WAIT.min(FIRST_WAIT * 2_u32.pow(self.failed.min(16)));
        self.failed = self.failed.saturating_add(1);
        max_wait.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// Reads a `Retry-After`, which is in seconds or a date. Returns `None` if it is neither.
pub(crate) fn parse_retry_after(field: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = field.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(field).ok()?;
    Some(until.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_with_jitter() {
        let mut attempts = Attempts::new(20);
        let waits: Vec<Duration> = (0..20).map(|_| attempts.connection_failed("gone", None, None).unwrap()).collect();
        for (n, wait) in waits.iter().enumerate() {
            let max_wait = Duration::from_millis(250 << n.min(6)).min(MAX_WAIT);
            assert!(*wait >= max_wait / 2 && *wait <= max_wait, "{n}: {wait:?}");
        }
        let error = attempts.connection_failed("gone", None, Some("job_1")).unwrap_err();
        assert_eq!((error.kind, error.retryable), (ErrorKind::ConnectionFailed, true));
        assert_eq!(error.to_string(), "CONNECTION_FAILED: 21 attempts failed; the last: gone (job_1)");
        attempts.progress();
        assert!(attempts.connection_failed("gone", None, None).unwrap() <= FIRST_WAIT);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parsed = |field| parse_retry_after(field, now).map(|wait| wait.as_secs());
        assert_eq!(parsed("7"), Some(7));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:47 GMT"), Some(10));
        assert_eq!(parsed("Sun, 06 Nov 1994 08:49:07 GMT"), Some(0), "the date has passed");
        assert_eq!(parsed("soon"), None);
    }

    #[test]
    fn a_retry_after_that_is_too_long_is_not_waited_for() {
        let refusal = || Error::from_response(429, b"", None);
        let mut attempts = Attempts::new(3);
        let wait = attempts.error_response(refusal(), Some(Duration::from_secs(9))).unwrap();
        assert!(wait >= Duration::from_secs(9) && wait <= Duration::from_secs(10));
        let error = attempts.error_response(refusal(), Some(Duration::from_secs(3_600))).unwrap_err();
        assert_eq!((error.kind, error.code.as_str()), (ErrorKind::RateLimited, "RATE_LIMITED"));
    }
}

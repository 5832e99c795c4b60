//! Decides whether and when a page is tried again. Pure: the time left and random bits are arguments.

/// Maximum number of retries that a caller may ask for.
pub const MAX_RETRIES: u32 = 5;
/// Number of retries by default.
pub const DEFAULT_RETRIES: u32 = 2;
/// First wait in milliseconds; each further wait is twice as long.
const BASE_MS: u64 = 300;
/// Minimum time for a try in milliseconds. With less time left, no further try is made.
const MIN_TRY_MS: u64 = 200;

/// Returns how long to wait before the next try, in milliseconds, or `None` if there is none.
///
/// `tried` is how many times the page was tried, `retry_after_ms` the wait that the site asks for (`Retry-After`),
/// `left_ms` the rest of the page's time. The wait is the back-off plus up to half of it. It is never shorter than the
/// site asks for.
pub fn wait_ms(tried: u32, retries: u32, retry_after_ms: Option<u64>, left_ms: u64, random: u128) -> Option<u64> {
    if tried == 0 || tried > retries.min(MAX_RETRIES) {
        return None;
    }
    let base = BASE_MS << (tried - 1);
    // Fits into u64, so the cast loses nothing.
    let jitter = (random % u128::from(base / 2 + 1)) as u64;
    let wait = (base + jitter).max(retry_after_ms.unwrap_or_default());
    fits(wait, left_ms).then_some(wait)
}

/// Returns whether a try after this wait has enough time.
pub fn fits(wait_ms: u64, left_ms: u64) -> bool {
    wait_ms.saturating_add(MIN_TRY_MS) <= left_ms
}

/// Returns whether a status may be transient (RFC 9110 §15; proxies answer 52x when they cannot reach the site).
pub fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 520..=529)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_fit_the_time_left() {
        for (tried, retries, asked, left, random, want) in [
            (1, 2, None, 15_000, 0, Some(300)),
            (1, 2, None, 15_000, 150, Some(450)),
            (1, 2, None, 15_000, u128::MAX, Some(300 + (u128::MAX % 151) as u64)),
            (2, 2, None, 15_000, 0, Some(600)),
            (3, 2, None, 15_000, 0, None),
            (5, 5, None, 15_000, 0, Some(4_800)),
            (6, 9, None, 99_000, 0, None),
            (1, 0, None, 15_000, 0, None),
            (1, 2, Some(2_000), 15_000, 0, Some(2_000)),
            (1, 2, Some(0), 15_000, 0, Some(300)),
            (1, 2, Some(20_000), 15_000, 0, None),
            (1, 2, Some(u64::MAX), 15_000, 0, None),
            (1, 2, None, 500, 0, Some(300)),
            (1, 2, None, 499, 0, None),
        ] {
            assert_eq!(wait_ms(tried, retries, asked, left, random), want, "{tried} {retries} {asked:?} {left}");
        }
    }

    #[test]
    fn only_transient_statuses_are_retried() {
        assert!([408, 425, 429, 500, 502, 503, 504, 520, 522, 529].into_iter().all(is_transient));
        assert!(![200, 301, 400, 401, 403, 404, 410, 501, 505, 519, 530].into_iter().any(is_transient));
    }
}

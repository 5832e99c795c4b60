//! Points in time and the UTC calendar month, as plain numbers. Nothing here reads a clock.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// Returns a duration in whole milliseconds; the largest number if there are more.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Timestamp {
    /// Adds a duration, in whole milliseconds.
    pub fn plus(self, duration: Duration) -> Timestamp {
        self.plus_ms(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }

    /// Adds `ms` milliseconds.
    pub fn plus_ms(self, ms: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(ms))
    }

    /// Adds `s` seconds.
    pub fn plus_secs(self, s: u64) -> Timestamp {
        self.plus_ms(i64::try_from(s).unwrap_or(i64::MAX / 1_000).saturating_mul(1_000))
    }

    /// Returns whole seconds since the epoch, as TTL attributes and rate headers need them.
    pub fn secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Returns whole minutes since the epoch: the window of the rate limit.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// Returns the milliseconds from `earlier` to this point; 0 if `earlier` is later.
    pub fn ms_since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// Returns its UTC calendar month.
    pub fn month(self) -> Month {
        let date = self.civil();
        Month { year: date.year(), month: date.month() }
    }

    /// Formats it as RFC 3339 with whole seconds, like `2026-05-08T10:14:21Z`.
    pub fn rfc3339(self) -> String {
        let secs = jiff::Timestamp::from_second(self.secs()).unwrap_or_default();
        secs.to_string()
    }

    /// Returns its UTC calendar day.
    pub fn civil(self) -> jiff::civil::Date {
        let ts = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        jiff::tz::Offset::UTC.to_datetime(ts).date()
    }
}

/// A UTC calendar month, written `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// Parses `YYYY-MM`.
    pub fn parse(s: &str) -> Option<Month> {
        let (y, m) = s.split_once('-')?;
        let (year, month) = (y.parse().ok()?, m.parse().ok()?);
        ((1..=12).contains(&month) && y.len() == 4 && m.len() == 2).then_some(Month { year, month })
    }

    /// Returns the first moment after the month.
    pub fn end(self) -> Timestamp {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        let first = jiff::civil::DateTime::new(year, month, 1, 0, 0, 0, 0);
        let end = first.and_then(|first| jiff::tz::Offset::UTC.to_timestamp(first));
        // A month beyond the calendar's range never ends.
        Timestamp(end.map_or(i64::MAX, |end| end.as_millisecond()))
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

impl TryFrom<String> for Month {
    type Error = String;

    fn try_from(text: String) -> Result<Month, String> {
        Month::parse(&text).ok_or_else(|| format!("\"{text}\" is not a month like 2026-11"))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_turn_at_utc_midnight() {
        let last = Timestamp(1_793_491_199_999); // 2026-10-31T23:59:59.999Z
        assert_eq!(last.month().to_string(), "2026-10");
        assert_eq!(last.plus_ms(1).month().to_string(), "2026-11");
        assert_eq!(last.rfc3339(), "2026-10-31T23:59:59Z");
        assert_eq!(Month::parse("2026-11"), Some(last.plus_ms(1).month()));
        assert_eq!(Month::parse("2026-13"), None);
        assert_eq!(last.month().end(), last.plus_ms(1));
        assert_eq!(Month::parse("2026-12").unwrap().end().rfc3339(), "2027-01-01T00:00:00Z");
        assert_eq!(Month::parse("9999-12").unwrap().end(), Timestamp(i64::MAX));
    }

    #[test]
    fn differences_saturate() {
        assert_eq!(Timestamp(5).ms_since(Timestamp(9)), 0);
        assert_eq!(Timestamp(9).ms_since(Timestamp(5)), 4);
        assert_eq!(Timestamp(-1).secs(), -1);
    }
}

//! How fast a host is asked, over all that ask it: when the next page may start, how far apart pages are, and how that
//! changes with what the host answers. Pure: time and random bits are arguments.

use crate::Timestamp;

/// Most that the spacing is multiplied by.
pub const MAX_FACTOR: u32 = 64;
/// Longest that a host may ask to be left alone, in milliseconds.
pub const MAX_CLOSED_MS: u64 = 3_600_000;
/// Least spacing while a host is backed off, before the factor, in milliseconds: doubling no delay would change nothing.
pub const BACK_OFF_MS: u64 = 250;
/// Least time between two changes of the factor, in milliseconds. Answers to pages that were under way together are one
/// piece of news, not many.
pub const ECHO_MS: u64 = 1_000;
/// How long a host's pace is remembered after it last meant anything, in milliseconds.
pub const MEMORY_MS: u64 = 86_400_000;
/// Most slots that are taken at once.
pub const MAX_SLOTS: u64 = 8;
/// How much time the slots that are taken at once may span, in milliseconds. One of them is always taken.
const BLOCK_MS: u64 = 2_000;

/// The pace of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From when on slots are free.
    pub next: Timestamp,
    /// Before this nothing starts.
    pub closed_until: Timestamp,
    /// What the spacing is multiplied by: a power of two from 1 to [`MAX_FACTOR`].
    pub factor: u32,
    /// When the factor last changed.
    pub changed_at: Timestamp,
}

impl Default for Pace {
    /// That of a host that nobody knows.
    fn default() -> Self {
        let long_ago = Timestamp(0);
        Pace { next: long_ago, closed_until: long_ago, factor: 1, changed_at: long_ago }
    }
}

/// Slots that belong to whoever took them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// When they begin, in order.
    pub starts: Vec<Timestamp>,
    /// They are at least this far apart, and so is whatever follows; in milliseconds.
    pub spacing_ms: u64,
}

impl Pace {
    /// What still counts of it.
    #[must_use]
    pub fn as_of(self, now: Timestamp) -> Pace {
        let last = self.next.max(self.closed_until).max(self.changed_at);
        if now.ms_since(last) > MEMORY_MS { Pace::default() } else { self }
    }

    /// When its row may be removed, in Unix seconds.
    pub fn ttl(self, now: Timestamp) -> i64 {
        let last = self.next.max(self.closed_until).max(self.changed_at).max(now);
        last.plus_secs(2 * MEMORY_MS / 1_000).secs()
    }

    /// Whether the host said to slow down and has not been forgiven yet.
    pub fn is_backed_off(self, now: Timestamp) -> bool {
        self.factor > 1 || self.closed_until > now
    }

    /// How far apart pages are that want to be `delay_ms` apart.
    pub fn spacing_ms(self, delay_ms: u64, now: Timestamp) -> u64 {
        let least = if self.is_backed_off(now) { BACK_OFF_MS } else { 0 };
        delay_ms.max(least).saturating_mul(u64::from(self.factor))
    }

    /// Takes the next slots, a few at once, and moves what is free behind them. `jitter` widens each gap by up to a
    /// quarter.
    pub fn take(self, now: Timestamp, delay_ms: u64, jitter: u128) -> (Slots, Pace) {
        let pace = self.as_of(now);
        let spacing_ms = pace.spacing_ms(delay_ms, now);
        let count = (BLOCK_MS / spacing_ms.max(1)).clamp(1, MAX_SLOTS);
        let mut next = pace.next.max(pace.closed_until).max(now);
        let mut starts = Vec::new();
        for (_, bits) in (0..count).zip(jitter.to_le_bytes().chunks_exact(2)) {
            starts.push(next);
            let part = bits.iter().fold(0, |sum, byte| sum * 256 + u64::from(*byte));
            let gap = spacing_ms.saturating_add((spacing_ms / 4).saturating_mul(part) / 65_535);
            next = next.plus_ms(i64::try_from(gap).unwrap_or(i64::MAX));
        }
        (Slots { starts, spacing_ms }, Pace { next, ..pace })
    }

    /// After an answer of 429 or 503: twice the spacing, and nothing for as long as the host asked for, else for one
    /// spacing of a host that is backed off.
    #[must_use]
    pub fn throttled(self, now: Timestamp, retry_after_ms: Option<u64>) -> Pace {
        let pace = self.as_of(now);
        let echo = pace.factor > 1 && now.ms_since(pace.changed_at) < ECHO_MS;
        let (factor, changed_at) =
            if echo { (pace.factor, pace.changed_at) } else { ((pace.factor * 2).min(MAX_FACTOR), now) };
        let wait = retry_after_ms.unwrap_or(BACK_OFF_MS * u64::from(factor)).min(MAX_CLOSED_MS);
        let until = now.plus_ms(i64::try_from(wait).unwrap_or(i64::MAX));
        Pace { factor, changed_at, closed_until: pace.closed_until.max(until), ..pace }
    }

    /// After a page that came: half the back-off. Pages that come while the host is closed were under way before and
    /// say nothing.
    #[must_use]
    pub fn answered(self, now: Timestamp) -> Pace {
        let pace = self.as_of(now);
        if pace.factor == 1 || now < pace.closed_until || now.ms_since(pace.changed_at) < ECHO_MS {
            return pace;
        }
        Pace { factor: (pace.factor / 2).max(1), changed_at: now, ..pace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_478_400_000);

    #[test]
    fn slots_are_spaced_and_jitter_only_widens() {
        for (jitter, gap) in [(0, 250), (u128::MAX, 312)] {
            let (slots, pace) = Pace::default().take(NOW, 250, jitter);
            let want: Vec<Timestamp> = (0..8).map(|i| NOW.plus_ms(i * gap)).collect();
            assert_eq!((slots.starts, slots.spacing_ms), (want, 250));
            assert_eq!(pace.next, NOW.plus_ms(8 * gap));
            // The next ones begin where those end; what was left of them long ago is not made up for.
            assert_eq!(pace.take(NOW, 250, jitter).0.starts[0], NOW.plus_ms(8 * gap));
            assert_eq!(pace.take(NOW.plus_secs(60), 250, jitter).0.starts[0], NOW.plus_secs(60));
        }
    }

    #[test]
    fn slow_hosts_lend_one_slot_at_a_time() {
        for (delay, count) in [(1, 8), (500, 4), (1_500, 1), (60_000, 1), (u64::MAX, 1)] {
            assert_eq!(Pace::default().take(NOW, delay, 0).0.starts.len(), count, "{delay}");
        }
    }

    #[test]
    fn the_factor_doubles_up_to_its_limit_and_halves_back() {
        let (mut pace, mut now) = (Pace::default(), NOW);
        for want in [2, 4, 8, 16, 32, 64, 64] {
            pace = pace.throttled(now, None);
            assert_eq!((pace.factor, pace.spacing_ms(100, now)), (want, 250 * u64::from(want)));
            assert_eq!(pace.closed_until, now.plus_ms(250 * i64::from(want)));
            // What was under way at the time changes nothing.
            assert_eq!(pace.throttled(now.plus_ms(999), None).factor, want);
            assert_eq!(pace.answered(now.plus_ms(1)), pace);
            now = now.plus_secs(1);
        }
        now = now.plus_secs(60);
        for want in [32, 16, 8, 4, 2, 1, 1] {
            pace = pace.answered(now);
            assert_eq!(pace.factor, want);
            assert_eq!(pace.answered(now.plus_ms(999)), pace);
            now = now.plus_secs(1);
        }
        assert!(!pace.is_backed_off(now));
        assert_eq!(pace.spacing_ms(100, now), 100);
    }

    #[test]
    fn nothing_starts_before_the_host_allows_it() {
        let pace = Pace::default().throttled(NOW, Some(60_000)).throttled(NOW.plus_ms(5), Some(10));
        assert_eq!((pace.closed_until, pace.factor), (NOW.plus_secs(60), 2));
        assert_eq!(pace.take(NOW.plus_secs(3), 250, 0).0.starts[0], NOW.plus_secs(60));
        // No success before that is news.
        assert_eq!(pace.answered(NOW.plus_secs(59)), pace);
        assert_eq!(pace.answered(NOW.plus_secs(60)).factor, 1);
        assert_eq!(Pace::default().throttled(NOW, Some(u64::MAX)).closed_until, NOW.plus_secs(3_600));
    }

    #[test]
    fn a_pace_is_forgotten_after_a_day() {
        let pace = Pace::default().throttled(NOW, Some(60_000));
        assert_eq!(pace.as_of(NOW.plus_secs(86_400)), pace);
        let later = NOW.plus_secs(86_461);
        assert_eq!(pace.as_of(later), Pace::default());
        assert!(pace.ttl(NOW) > later.secs());
    }
}

//! The pace at which all processes together request pages of a host: when the next page may start, how far apart pages
//! are, and how the host's answers change that. Pure: time and random bits are arguments.

use crate::{AccountId, Timestamp};

/// Maximum factor by which the spacing is multiplied.
pub const MAX_FACTOR: u32 = 64;
/// Maximum time for which a host can close itself, in milliseconds.
pub const MAX_CLOSED_MS: u64 = 3_600_000;
/// Minimum spacing while a host is backed off, before the factor, in milliseconds: doubling a delay of zero would
/// change nothing.
const BACK_OFF_MS: u64 = 250;
/// Minimum time between two changes of the factor, in milliseconds. The answers to pages that were under way together
/// count once.
const MIN_CHANGE_INTERVAL_MS: u64 = 1_000;
/// How long a host's pace is remembered after its last effect, in milliseconds.
const FORGET_AFTER_MS: u64 = 86_400_000;
/// Maximum number of slots taken at once.
const MAX_SLOTS: u64 = 8;
/// Maximum time that the slots taken at once may span, in milliseconds. At least one is always taken.
const MAX_BLOCK_MS: u64 = 2_000;

/// Maximum time for which one account's answers close a host for all, in milliseconds.
pub const SINGLE_ACCOUNT_CLOSED_MS: u64 = 10_000;
/// Minimum time between two such closures, in milliseconds.
pub const SINGLE_ACCOUNT_INTERVAL_MS: u64 = 60_000;
/// Maximum factor by which one account's answers multiply the spacing for all.
pub const SINGLE_ACCOUNT_MAX_FACTOR: u32 = 4;
/// How long another account's answer can confirm one, in milliseconds.
pub const CONFIRM_MS: u64 = 600_000;

/// Distinguishes the accounts whose pages a host answered, without naming them. An account chooses which pages are
/// requested, and so influences how the host answers. An answer therefore closes the host for that account. It closes
/// the host for other accounts only briefly, until a page of another account gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AccountTag(pub u64);

impl AccountTag {
    /// No account: requests for robots.txt.
    pub const NOBODY: AccountTag = AccountTag(0);

    /// Returns an account's tag (FNV-1a of its id).
    pub fn of(account: &AccountId) -> AccountTag {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        AccountTag(account.as_str().bytes().fold(0xcbf2_9ce4_8422_2325, mix).max(1))
    }
}

/// The last answer that asked to slow down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LastThrottle {
    /// The account whose page it answered.
    pub by: AccountTag,
    /// When it came.
    pub at: Timestamp,
    /// That account starts no page before this time.
    pub until: Timestamp,
    /// When the host was last closed for all because of one account.
    pub single_account_closed_at: Timestamp,
    /// Until this time, answers apply to all accounts, because two accounts got the same answer.
    pub agreed_until: Timestamp,
}

/// The pace of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// When the next slot is free.
    pub next: Timestamp,
    /// No page starts before this time.
    pub closed_until: Timestamp,
    /// The factor of the spacing: a power of two from 1 to [`MAX_FACTOR`].
    pub factor: u32,
    /// When the factor last changed.
    pub changed_at: Timestamp,
    /// The last answer that asked to slow down.
    pub last_throttle: LastThrottle,
}

impl Default for Pace {
    /// The pace of an unknown host.
    fn default() -> Self {
        let long_ago = Timestamp(0);
        Pace {
            next: long_ago,
            closed_until: long_ago,
            factor: 1,
            changed_at: long_ago,
            last_throttle: LastThrottle::default(),
        }
    }
}

/// Slots that belong to the process that took them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// When they begin, in order.
    pub starts: Vec<Timestamp>,
    /// Minimum spacing between them and to whatever follows, in milliseconds.
    pub spacing_ms: u64,
}

impl Pace {
    /// Returns the pace that applies now: the default if it has been forgotten.
    #[must_use]
    pub fn as_of(self, now: Timestamp) -> Pace {
        let last = self.next.max(self.closed_until).max(self.changed_at).max(self.last_throttle.until);
        if now.ms_since(last) > FORGET_AFTER_MS { Pace::default() } else { self }
    }

    /// Returns when its row may be removed, in Unix seconds.
    pub fn ttl(self, now: Timestamp) -> i64 {
        let last = self.next.max(self.closed_until).max(self.changed_at).max(self.last_throttle.until).max(now);
        last.plus_secs(2 * FORGET_AFTER_MS / 1_000).secs()
    }

    /// Returns when the host opens again for an account. The host is open if that time has passed.
    pub fn closed_for(self, by: AccountTag) -> Timestamp {
        let own = self.last_throttle.by == by && by != AccountTag::NOBODY;
        if own { self.closed_until.max(self.last_throttle.until) } else { self.closed_until }
    }

    /// Returns whether the host asked to slow down and has not recovered yet.
    pub fn is_backed_off(self, now: Timestamp) -> bool {
        self.factor > 1 || self.closed_until > now
    }

    /// Returns the spacing of pages whose delay is `delay_ms`, in milliseconds.
    pub fn spacing_ms(self, delay_ms: u64, now: Timestamp) -> u64 {
        let min = if self.is_backed_off(now) { BACK_OFF_MS } else { 0 };
        delay_ms.max(min).saturating_mul(u64::from(self.factor))
    }

    /// Returns when the next slot begins.
    pub fn next_slot(self, now: Timestamp) -> Timestamp {
        let pace = self.as_of(now);
        pace.next.max(pace.closed_until).max(now)
    }

    /// Takes the next slots, several at once, and moves the next free one behind them. `jitter` widens each gap by up
    /// to a quarter.
    pub fn take(self, now: Timestamp, delay_ms: u64, jitter: u128) -> (Slots, Pace) {
        let pace = self.as_of(now);
        let spacing_ms = pace.spacing_ms(delay_ms, now);
        let count = (MAX_BLOCK_MS / spacing_ms.max(1)).clamp(1, MAX_SLOTS);
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

    /// Applies an answer of 429 or 503 to a page of account `by`. Doubles the spacing, and closes the host for as long
    /// as the host asked, or for one spacing of a backed-off host if it did not say. This applies to `by`. It applies
    /// to all accounts if another account got the same answer within [`CONFIRM_MS`]. Otherwise the spacing grows to
    /// [`SINGLE_ACCOUNT_MAX_FACTOR`] times at most, and the host is closed to all for [`SINGLE_ACCOUNT_CLOSED_MS`] at
    /// most, once in [`SINGLE_ACCOUNT_INTERVAL_MS`].
    #[must_use]
    pub fn throttled(self, now: Timestamp, retry_after_ms: Option<u64>, by: AccountTag) -> Pace {
        let pace = self.as_of(now);
        let mut last_throttle = pace.last_throttle;
        let throttled_recently = last_throttle.at > Timestamp(0) && now.ms_since(last_throttle.at) < CONFIRM_MS;
        let agrees = throttled_recently && last_throttle.by != by;
        if agrees {
            last_throttle.agreed_until = now.plus_ms(CONFIRM_MS.cast_signed());
        }
        let confirmed = last_throttle.agreed_until > now;
        let max_factor = if confirmed { MAX_FACTOR } else { SINGLE_ACCOUNT_MAX_FACTOR };
        let changed_recently = pace.factor > 1 && now.ms_since(pace.changed_at) < MIN_CHANGE_INTERVAL_MS;
        let (factor, changed_at) = if changed_recently || pace.factor >= max_factor {
            (pace.factor, pace.changed_at)
        } else {
            ((pace.factor * 2).min(max_factor), now)
        };
        let wait = retry_after_ms.unwrap_or(BACK_OFF_MS * u64::from(factor)).min(MAX_CLOSED_MS);
        let until = now.plus_ms(wait.cast_signed());
        let for_all = if confirmed {
            // Closes the host only for the time that both accounts were asked to wait.
            if agrees {
                until.min(last_throttle.until.max(now.plus_ms(SINGLE_ACCOUNT_CLOSED_MS.cast_signed())))
            } else {
                until
            }
        } else if last_throttle.single_account_closed_at == Timestamp(0)
            || now.ms_since(last_throttle.single_account_closed_at) >= SINGLE_ACCOUNT_INTERVAL_MS
        {
            last_throttle.single_account_closed_at = now;
            until.min(now.plus_ms(SINGLE_ACCOUNT_CLOSED_MS.cast_signed()))
        } else if now.ms_since(last_throttle.single_account_closed_at) < SINGLE_ACCOUNT_CLOSED_MS {
            // The host is already closed because of one account; that time is not extended.
            until.min(last_throttle.single_account_closed_at.plus_ms(SINGLE_ACCOUNT_CLOSED_MS.cast_signed()))
        } else {
            pace.closed_until
        };
        last_throttle.until = if last_throttle.by == by { last_throttle.until.max(until) } else { until };
        (last_throttle.by, last_throttle.at) = (by, now);
        Pace { factor, changed_at, closed_until: pace.closed_until.max(for_all), last_throttle, ..pace }
    }

    /// Applies a successful answer: halves the factor. An answer that arrives while the host is closed has no effect,
    /// because its page was under way before the host closed.
    #[must_use]
    pub fn answered(self, now: Timestamp) -> Pace {
        let pace = self.as_of(now);
        if pace.factor == 1 || now < pace.closed_until || now.ms_since(pace.changed_at) < MIN_CHANGE_INTERVAL_MS {
            return pace;
        }
        Pace { factor: (pace.factor / 2).max(1), changed_at: now, ..pace }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_478_400_000);
    const A: AccountTag = AccountTag(1);
    const B: AccountTag = AccountTag(2);

    #[test]
    fn slots_are_spaced_and_jitter_only_widens() {
        for (jitter, gap) in [(0, 250), (u128::MAX, 312)] {
            let (slots, pace) = Pace::default().take(NOW, 250, jitter);
            let want: Vec<Timestamp> = (0..8).map(|i| NOW.plus_ms(i * gap)).collect();
            assert_eq!((slots.starts, slots.spacing_ms), (want, 250));
            assert_eq!(pace.next, NOW.plus_ms(8 * gap));
            // The next slots begin where these end. Slots that were not used in time are lost.
            assert_eq!(pace.take(NOW, 250, jitter).0.starts[0], NOW.plus_ms(8 * gap));
            assert_eq!(pace.take(NOW.plus_secs(60), 250, jitter).0.starts[0], NOW.plus_secs(60));
        }
    }

    #[test]
    fn slots_of_slow_hosts_are_taken_one_at_a_time() {
        for (delay, count) in [(1, 8), (500, 4), (1_500, 1), (60_000, 1), (u64::MAX, 1)] {
            assert_eq!(Pace::default().take(NOW, delay, 0).0.starts.len(), count, "{delay}");
        }
    }

    #[test]
    fn the_factor_doubles_up_to_its_limit_and_halves_back() {
        let (mut pace, mut now) = (Pace::default(), NOW);
        for (i, want) in [2, 4, 8, 16, 32, 64, 64].into_iter().enumerate() {
            let by = if i % 2 == 0 { A } else { B };
            pace = pace.throttled(now, None, by);
            assert_eq!((pace.factor, pace.spacing_ms(100, now)), (want, 250 * u64::from(want)));
            assert_eq!(pace.closed_for(by), now.plus_ms(250 * i64::from(want)));
            // Answers to pages that were under way at the time change nothing.
            assert_eq!(pace.throttled(now.plus_ms(999), None, by).factor, want);
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
        let pace = Pace::default().throttled(NOW, Some(5_000), A).throttled(NOW.plus_ms(5), Some(10), A);
        assert_eq!((pace.closed_until, pace.factor), (NOW.plus_secs(5), 2));
        assert_eq!(pace.take(NOW.plus_secs(3), 250, 0).0.starts[0], NOW.plus_secs(5));
        // A success before that does not count.
        assert_eq!(pace.answered(NOW.plus_secs(4)), pace);
        assert_eq!(pace.answered(NOW.plus_secs(5)).factor, 1);
        assert_eq!(Pace::default().throttled(NOW, Some(u64::MAX), A).closed_for(A), NOW.plus_secs(3_600));
    }

    /// Each case has two parts: the answers (when in seconds, to which account, how long to wait), and then how long A,
    /// B and a third account wait.
    #[test]
    fn one_account_closes_a_host_for_itself_and_two_for_all() {
        type Throttled = (u64, AccountTag, u64);
        let cases: [(&[Throttled], [u64; 3]); 8] = [
            (&[(0, A, 3_600)], [3_600, 10, 10]),
            (&[(0, A, 5)], [5, 5, 5]),
            // Repeated: the others lose ten seconds of every sixty at most.
            (&[(0, A, 60), (9, A, 60), (20, A, 3_600), (59, A, 60)], [3_620, 10, 10]),
            (&[(0, A, 60), (60, A, 60)], [120, 70, 70]),
            // Another account's page confirms the wait that both were asked for.
            (&[(0, A, 3_600), (30, B, 3_600)], [3_600, 3_630, 3_600]),
            (&[(0, A, 3_600), (30, B, 20)], [50, 50, 50]),
            (&[(0, A, 20), (30, B, 3_600)], [40, 3_630, 40]),
            // Too long ago to be confirmed.
            (&[(0, A, 5), (700, B, 3_600)], [710, 4_300, 710]),
        ];
        for (throttles, want) in cases {
            let pace = throttles.iter().fold(Pace::default(), |pace, (at, by, wait)| {
                pace.throttled(NOW.plus_secs(*at), Some(wait * 1_000), *by)
            });
            let opens = [A, B, AccountTag(3)].map(|by| pace.closed_for(by).ms_since(NOW) / 1_000);
            assert_eq!(opens, want, "{throttles:?}");
        }
    }

    #[test]
    fn one_account_slows_down_the_others_only_a_little() {
        let throttled_by = |by: fn(i64) -> AccountTag| {
            (0..100).fold(Pace::default(), |pace, i| pace.throttled(NOW.plus_ms(i * 2_000), None, by(i)))
        };
        assert_eq!(throttled_by(|_| A).factor, SINGLE_ACCOUNT_MAX_FACTOR);
        assert_eq!(throttled_by(|i| if i % 2 == 0 { A } else { B }).factor, MAX_FACTOR);
    }

    #[test]
    fn a_pace_is_forgotten_after_a_day() {
        let pace = Pace::default().throttled(NOW, Some(60_000), A);
        assert_eq!(pace.as_of(NOW.plus_secs(86_400)), pace);
        let later = NOW.plus_secs(86_461);
        assert_eq!(pace.as_of(later), Pace::default());
        assert!(pace.ttl(NOW) > later.secs());
    }
}

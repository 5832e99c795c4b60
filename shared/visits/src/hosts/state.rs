//! A process's knowledge of one host: its row as last seen, and the slots that the process took and has not used.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::Timestamp;
use domain::pace::{AccountTag, LastThrottle, Pace, Slots};

/// A time in milliseconds. A row that was read within it is recent enough for a page that needs no slot. A host that
/// got a request within it counts as one that this process sends requests to.
const FRESH_MS: u64 = 5_000;

/// One host.
#[derive(Debug)]
pub(super) struct Host {
    /// `name:port`.
    pub(super) name: String,
    state: Mutex<HostState>,
    /// Held while the row is written, so that pages that wait for a slot share one write.
    pub(super) writing: tokio::sync::Mutex<()>,
}

/// What this process knows of a host.
#[derive(Debug, Default)]
pub(super) struct HostState {
    /// The row as it was last seen or written.
    pub(super) row: Option<Pace>,
    /// Nothing starts before this time, even if the row could not be written.
    closed_until: Timestamp,
    /// The last throttling of an account, even if the row could not be written.
    last_throttle: LastThrottle,
    slots: VecDeque<Timestamp>,
    /// Distance between these slots.
    spacing_ms: u64,
    requested_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
}

impl Host {
    pub(super) fn new(name: String) -> Host {
        Host { name, state: Mutex::default(), writing: tokio::sync::Mutex::default() }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, HostState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HostState {
    /// Returns the host's pace, as far as this process knows.
    pub(super) fn pace(&self, now: Timestamp) -> Pace {
        let pace = self.row.unwrap_or_default().as_of(now);
        let last_throttle =
            if self.last_throttle.at > pace.last_throttle.at { self.last_throttle } else { pace.last_throttle };
        Pace { closed_until: pace.closed_until.max(self.closed_until), last_throttle, ..pace }
    }

    /// Records the row.
    pub(super) fn set_row(&mut self, row: Option<Pace>, now: Timestamp) {
        self.row = row;
        self.read_at = Some(now);
    }

    /// Records a request and returns whether the row should be read before it: if the host gets many requests, another
    /// process may have been throttled.
    pub(super) fn record_request(&mut self, now: Timestamp) -> bool {
        let within = |at: Option<Timestamp>| at.is_some_and(|at| now.ms_since(at) < FRESH_MS);
        let requested_before = within(self.requested_at.replace(now));
        let must_read = requested_before && !within(self.read_at);
        if must_read {
            // Other requests need not read it in the meantime.
            self.read_at = Some(now);
        }
        must_read
    }

    /// Closes the host at once, whatever the row says. Drops the slots that were taken, since
    /// they belong to the old pace.
    pub(super) fn close(&mut self, pace: Pace) {
        self.closed_until = self.closed_until.max(pace.closed_until);
        self.last_throttle = pace.last_throttle;
        self.slots.clear();
    }

    /// Returns when the host opens for an account, if it is closed for it.
    pub(super) fn closed_until(&self, by: AccountTag, now: Timestamp) -> Option<Timestamp> {
        Some(self.pace(now).closed_for(by)).filter(|until| *until > now)
    }

    /// Keeps slots that were taken.
    pub(super) fn keep_slots(&mut self, slots: Slots) {
        self.slots = slots.starts.into();
        self.spacing_ms = slots.spacing_ms;
    }

    /// Returns the next slot for pages `delay_ms` apart. Drops slots in the past and slots while the host is closed,
    /// and all of them if they are too close together.
    pub(super) fn slot(&mut self, now: Timestamp, delay_ms: u64) -> Option<Timestamp> {
        let pace = self.pace(now);
        if self.spacing_ms < pace.spacing_ms(delay_ms, now) {
            self.slots.clear();
        }
        while let Some(start) = self.slots.pop_front() {
            if start >= now.max(pace.closed_until) {
                return Some(start);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_478_400_000);

    fn with_slots() -> HostState {
        let (slots, pace) = Pace::default().take(NOW, 250, 0);
        let mut state = HostState::default();
        state.set_row(Some(pace), NOW);
        state.keep_slots(slots);
        state
    }

    #[test]
    fn slots_are_used_in_order_and_never_in_the_past() {
        let mut state = with_slots();
        assert_eq!(state.slot(NOW, 250), Some(NOW));
        assert_eq!(state.slot(NOW, 100), Some(NOW.plus_ms(250)));
        assert_eq!(state.slot(NOW.plus_ms(1_001), 250), Some(NOW.plus_ms(1_250)));
        assert_eq!(state.slot(NOW.plus_secs(9), 250), None);
    }

    #[test]
    fn slots_of_another_pace_are_dropped() {
        assert_eq!(with_slots().slot(NOW, 251), None);
        let mut closed = with_slots();
        closed.close(closed.pace(NOW).throttled(NOW, Some(600), AccountTag(1)));
        assert_eq!(closed.closed_until(AccountTag(2), NOW), Some(NOW.plus_ms(600)));
        assert_eq!(closed.slot(NOW, 250), None);
        assert_eq!(closed.closed_until(AccountTag(2), NOW.plus_ms(600)), None);
    }

    #[test]
    fn a_throttled_account_waits_longer_than_others_without_the_row() {
        let mut state = with_slots();
        state.close(state.pace(NOW).throttled(NOW, Some(60_000), AccountTag(1)));
        assert_eq!(state.closed_until(AccountTag(1), NOW), Some(NOW.plus_secs(60)));
        assert_eq!(state.closed_until(AccountTag(2), NOW), Some(NOW.plus_secs(10)));
        assert_eq!(state.closed_until(AccountTag::NOBODY, NOW), Some(NOW.plus_secs(10)));
    }

    #[test]
    fn the_row_is_read_only_for_hosts_with_frequent_requests() {
        let mut state = HostState::default();
        assert!(!state.record_request(NOW));
        assert!(state.record_request(NOW.plus_ms(4_999)));
        assert!(!state.record_request(NOW.plus_ms(9_000)));
        assert!(state.record_request(NOW.plus_ms(9_999)));
        // After a pause.
        assert!(!state.record_request(NOW.plus_ms(15_000)));
    }
}

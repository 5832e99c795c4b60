//! A circuit breaker: after some failures in a row no call is made for a while; then one call probes the model, and its
//! outcome decides. A model that is down therefore costs callers no waiting. Pure: the time is passed in.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const FAILURES: u32 = 5;
/// How long the circuit is open at first, and at most; each failed probe doubles it.
const FIRST: Duration = Duration::from_secs(15);
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// Whether the model may be called.
#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Until when no call is made, and how long that period is.
    open: Option<(Instant, Duration)>,
    /// A probe is running.
    probing: bool,
}

/// Permission for one call. Dropping it without a verdict means that the call was given up, which says
/// nothing about the model.
#[derive(Debug)]
pub struct Leave<'b> {
    breaker: &'b Breaker,
    probe: bool,
}

impl Breaker {
    /// Returns permission for a call, unless the circuit is open.
    pub fn leave(&self, now: Instant) -> Option<Leave<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open {
            None => Some(Leave { breaker: self, probe: false }),
            Some((until, _)) if now < until || state.probing => None,
            Some(_) => {
                state.probing = true;
                Some(Leave { breaker: self, probe: true })
            }
        }
    }

    /// Returns whether the circuit is open.
    pub fn is_open(&self, now: Instant) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.is_some_and(|(until, _)| now < until || state.probing)
    }
}

impl Leave<'_> {
    /// Records a success.
    pub fn well(self) {
        *self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// Records a failure. Returns whether it opened the circuit.
    pub fn failed(self, now: Instant) -> bool {
        let mut state = self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.open.is_some() && !self.probe {
            // The call was running when the circuit opened.
            return false;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures < FAILURES {
            return false;
        }
        let length = state.open.map_or(FIRST, |(_, length)| (length * 2).min(MAX_PAUSE));
        state.open = Some((now + length, length));
        true
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner).probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &Breaker, now: Instant) -> bool {
        breaker.leave(now).is_some_and(|leave| leave.failed(now))
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_call_probes() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURES {
            assert!(!fail(&breaker, start));
        }
        breaker.leave(start).unwrap().well();
        for _ in 1..FAILURES {
            assert!(!fail(&breaker, start));
        }
        assert!(fail(&breaker, start) && breaker.is_open(start));
        assert!(breaker.leave(start + FIRST - Duration::from_millis(1)).is_none());

        let probe = breaker.leave(start + FIRST).unwrap();
        assert!(breaker.leave(start + FIRST).is_none(), "one call probes, the others are refused");
        assert!(probe.failed(start + FIRST));
        assert!(breaker.leave(start + FIRST * 3 - Duration::from_millis(1)).is_none());

        let given_up = breaker.leave(start + FIRST * 3).unwrap();
        drop(given_up);
        breaker.leave(start + FIRST * 3).unwrap().well();
        assert!(!breaker.is_open(start) && !fail(&breaker, start));
    }

    #[test]
    fn the_longest_break_is_bounded_and_late_failures_do_not_count() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        let late = breaker.leave(now).unwrap();
        for _ in 0..FAILURES {
            fail(&breaker, now);
        }
        assert!(!late.failed(now));
        for _ in 0..20 {
            now += MAX_PAUSE;
            assert!(fail(&breaker, now));
        }
        assert!(breaker.leave(now + MAX_PAUSE).is_some());
    }
}

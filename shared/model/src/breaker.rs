//! A circuit breaker: after some failures in a row the circuit is open, and no call is made for a while. Then one call
//! probes the model, and its outcome closes the circuit or opens it again. So callers do not wait for a model that is
//! down. Pure: the time is passed in.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const FAILURE_THRESHOLD: u32 = 5;
/// How long the circuit is open at first, and at most. Each failed probe doubles the pause.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
const MAX_PAUSE: Duration = Duration::from_secs(300);

/// Whether the model may be called.
#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// `Some` while the circuit is open: until when no call is made, and how long that pause is.
    open: Option<(Instant, Duration)>,
    /// Whether a probe is running.
    probing: bool,
}

/// Permits one call. Dropping it without recording an outcome means that the call was abandoned, which says nothing
/// about the model.
#[derive(Debug)]
pub struct CallPermit<'b> {
    breaker: &'b Breaker,
    probe: bool,
}

impl Breaker {
    /// Returns a permit for a call, unless the circuit is open.
    pub fn try_acquire(&self, now: Instant) -> Option<CallPermit<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.open {
            None => Some(CallPermit { breaker: self, probe: false }),
            Some((until, _)) if now < until || state.probing => None,
            Some(_) => {
                state.probing = true;
                Some(CallPermit { breaker: self, probe: true })
            }
        }
    }

    /// Returns whether the circuit is open.
    pub fn is_open(&self, now: Instant) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.open.is_some_and(|(until, _)| now < until || state.probing)
    }
}

impl CallPermit<'_> {
    /// Records a success.
    pub fn succeeded(self) {
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
        if state.failures < FAILURE_THRESHOLD {
            return false;
        }
        let pause = state.open.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(MAX_PAUSE));
        state.open = Some((now + pause, pause));
        true
    }
}

impl Drop for CallPermit<'_> {
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
        breaker.try_acquire(now).is_some_and(|permit| permit.failed(now))
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_call_probes() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 1..FAILURE_THRESHOLD {
            assert!(!fail(&breaker, start));
        }
        breaker.try_acquire(start).unwrap().succeeded();
        for _ in 1..FAILURE_THRESHOLD {
            assert!(!fail(&breaker, start));
        }
        assert!(fail(&breaker, start) && breaker.is_open(start));
        assert!(breaker.try_acquire(start + FIRST_PAUSE - Duration::from_millis(1)).is_none());

        let probe = breaker.try_acquire(start + FIRST_PAUSE).unwrap();
        assert!(breaker.try_acquire(start + FIRST_PAUSE).is_none(), "one call probes, the others are refused");
        assert!(probe.failed(start + FIRST_PAUSE));
        assert!(breaker.try_acquire(start + FIRST_PAUSE * 3 - Duration::from_millis(1)).is_none());

        let abandoned = breaker.try_acquire(start + FIRST_PAUSE * 3).unwrap();
        drop(abandoned);
        breaker.try_acquire(start + FIRST_PAUSE * 3).unwrap().succeeded();
        assert!(!breaker.is_open(start) && !fail(&breaker, start));
    }

    #[test]
    fn the_pause_is_bounded_and_late_failures_do_not_count() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        let late = breaker.try_acquire(now).unwrap();
        for _ in 0..FAILURE_THRESHOLD {
            fail(&breaker, now);
        }
        assert!(!late.failed(now));
        for _ in 0..20 {
            now += MAX_PAUSE;
            assert!(fail(&breaker, now));
        }
        assert!(breaker.try_acquire(now + MAX_PAUSE).is_some());
    }
}

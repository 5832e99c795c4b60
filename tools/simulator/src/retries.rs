//! When a step is tried again: the SDK's retries (`store::client`), the store's after a transaction conflict or a batch
//! that was processed in part (`store::ops`), and the engine's around both (`runtime::rows`). The numbers are those of
//! production; a test of the system suite compares them.

use crate::assumptions::{MS, Micros, SECOND};
use crate::random::Random;

/// Tries of the SDK.
pub const SDK_TRIES: u32 = 4;
/// Upper bound of the SDK's first wait. The bound doubles with each try; the wait is random below it (full jitter).
pub const SDK_WAIT: Micros = 50 * MS;
/// Tries of the store.
pub const STORE_TRIES: u32 = 10;
/// Half the upper bound of the store's first wait. The bound doubles with each try; the wait is random below it.
pub const STORE_WAIT: Micros = 10 * MS;
/// Tries of the engine.
pub const STEP_TRIES: u32 = 4;
/// The engine's first wait. It doubles with each try; a random time of at most the same length is added.
pub const STEP_WAIT: Micros = 100 * MS;

/// Why a step did not take effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There was no throughput for a request.
    Throttled,
    /// Another transaction was running on a row, or there was no throughput for this one: the store tries again.
    Conflict,
    /// A batch was processed in part.
    PartlyProcessed,
}

/// How often a step was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    sdk: u32,
    store: u32,
    step: u32,
}

impl Tries {
    /// Returns how long to wait before the next try of a step that began at `begun`, or `None` if there is no next try.
    /// `engine_retries` says whether the engine retries the step as well; `budget` is the time for all tries.
    pub fn next(
        &mut self,
        fault: Fault,
        engine_retries: bool,
        (begun, now): (Micros, Micros),
        budget: Micros,
        random: &mut Random,
    ) -> Option<Micros> {
        let wait = match fault {
            Fault::Throttled => {
                self.sdk += 1;
                (self.sdk < SDK_TRIES).then(|| random.uniform(SDK_WAIT << (self.sdk - 1)))
            }
            Fault::Conflict => {
                self.store += 1;
                (self.store < STORE_TRIES).then(|| random.uniform(STORE_WAIT << self.store.min(6)))
            }
            // A part was processed.
            Fault::PartlyProcessed => {
                self.store = 1;
                Some(random.uniform(STORE_WAIT << 1))
            }
        };
        let wait = match wait {
            Some(wait) => wait,
            None => {
                self.step += 1;
                (self.sdk, self.store) = (0, 0);
                if !engine_retries || self.step >= STEP_TRIES {
                    return None;
                }
                let wait = STEP_WAIT << (self.step - 1);
                wait + random.uniform(wait)
            }
        };
        (now + wait < begun + budget).then_some(wait)
    }
}

/// Returns the time for all tries of a step together: half a lease, but at least five seconds.
pub fn budget(lease_secs: u64) -> Micros {
    (lease_secs * SECOND / 2).max(5 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_of_sdk_store_and_engine_multiply() {
        let mut random = Random::new(1);
        let mut count = |fault, engine_retries| {
            let (mut tries, mut now, mut n) = (Tries::default(), 0, 1);
            while let Some(wait) = tries.next(fault, engine_retries, (0, now), budget(30), &mut random) {
                now += wait;
                n += 1;
            }
            n
        };
        assert_eq!(count(Fault::Throttled, true), SDK_TRIES * STEP_TRIES);
        assert_eq!(count(Fault::Throttled, false), SDK_TRIES);
        assert_eq!(count(Fault::Conflict, false), STORE_TRIES);
        let mut tries = Tries::default();
        assert_eq!(
            tries.next(Fault::PartlyProcessed, true, (0, budget(30)), budget(30), &mut random),
            None,
            "it took too long"
        );
    }
}

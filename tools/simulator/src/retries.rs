//! When a step is tried again: the SDK's retries (`store::client`), the store's where a transaction met another one or a
//! batch was processed in part (`store::ops`), and the engine's around both (`runtime::rows`). The numbers are those of
//! production; a test of the system suite compares them.

use crate::assumptions::{MS, Micros, SECOND};
use crate::chance::Chance;

/// Tries of the SDK, and its first wait.
pub const SDK_TRIES: u32 = 4;
/// See [`SDK_TRIES`]; it doubles, with full jitter.
pub const SDK_WAIT: Micros = 50 * MS;
/// Tries of the store, and upper bound of half its first wait.
pub const STORE_TRIES: u32 = 10;
/// See [`STORE_TRIES`]; it doubles, with full jitter.
pub const STORE_WAIT: Micros = 10 * MS;
/// Tries of the engine, and its first wait.
pub const STEP_TRIES: u32 = 4;
/// See [`STEP_TRIES`]; it doubles, plus up to as much.
pub const STEP_WAIT: Micros = 100 * MS;

/// Why a step did not come to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No throughput for a request.
    Throttled,
    /// Another transaction was under way on a row, or had no throughput: the store tries again.
    Conflict,
    /// A batch was processed in part.
    Partly,
}

/// How often a step was tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tries {
    sdk: u32,
    store: u32,
    step: u32,
}

impl Tries {
    /// How long to wait before the next try of a step that began at `begun`; `None` where there is none. `whole` is whether
    /// the engine tries the step again as well, and `budget` within what time.
    pub fn next(
        &mut self,
        fault: Fault,
        whole: bool,
        (begun, now): (Micros, Micros),
        budget: Micros,
        chance: &mut Chance,
    ) -> Option<Micros> {
        let over = match fault {
            Fault::Throttled => {
                self.sdk += 1;
                (self.sdk < SDK_TRIES).then(|| chance.up_to(SDK_WAIT << (self.sdk - 1)))
            }
            Fault::Conflict => {
                self.store += 1;
                (self.store < STORE_TRIES).then(|| chance.up_to(STORE_WAIT << self.store.min(6)))
            }
            // It moved on.
            Fault::Partly => {
                self.store = 1;
                Some(chance.up_to(STORE_WAIT << 1))
            }
        };
        let wait = match over {
            Some(wait) => wait,
            None => {
                self.step += 1;
                (self.sdk, self.store) = (0, 0);
                if !whole || self.step >= STEP_TRIES {
                    return None;
                }
                let wait = STEP_WAIT << (self.step - 1);
                wait + chance.up_to(wait)
            }
        };
        (now + wait < begun + budget).then_some(wait)
    }
}

/// All tries of a step together end within half a lease.
pub fn budget(lease_secs: u64) -> Micros {
    (lease_secs * SECOND / 2).max(5 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_tried_as_often_as_all_three_say() {
        let mut chance = Chance::new(1);
        let mut count = |fault, whole| {
            let (mut tries, mut now, mut n) = (Tries::default(), 0, 1);
            while let Some(wait) = tries.next(fault, whole, (0, now), budget(30), &mut chance) {
                now += wait;
                n += 1;
            }
            n
        };
        assert_eq!(count(Fault::Throttled, true), SDK_TRIES * STEP_TRIES);
        assert_eq!(count(Fault::Throttled, false), SDK_TRIES);
        assert_eq!(count(Fault::Conflict, false), STORE_TRIES);
        let mut tries = Tries::default();
        assert_eq!(tries.next(Fault::Partly, true, (0, budget(30)), budget(30), &mut chance), None, "it took too long");
    }
}

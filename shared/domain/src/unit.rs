//! The life of one unit of work as functions of (row, who asks, now).
//!
//! Absent → `Started` → `Done`, or absent → `Closed`. Claimer and canceller write the same row under opposite
//! conditions, so a unit is started and charged, or closed and refunded: never both, never neither.

use crate::ids::Nonce;
use crate::time::Timestamp;

/// How often a unit may be started before it ends as an `INTERNAL` error.
pub const MAX_ATTEMPTS: u32 = 3;

/// A unit's row. Pending units have none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unit {
    /// Claimed: charged from here on, whatever comes.
    Started {
        /// 1 for the first claim; each take-over adds one.
        attempt: u32,
        /// Whose claim it is.
        nonce: Nonce,
        /// Until when nobody else may take it over.
        lease_until: Timestamp,
    },
    /// It has its result.
    Done {
        /// The attempt that was accepted.
        attempt: u32,
        /// The claim that was accepted.
        nonce: Nonce,
        /// Whether the result is a success.
        succeeded: bool,
    },
    /// It will never start: refunded.
    Closed,
}

/// What somebody who wants to run a unit finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// No row: put `Started` with attempt 1 if it is still absent.
    Free,
    /// The row is the asker's own claim; its reply had been lost.
    Mine {
        /// The attempt that the asker holds.
        attempt: u32,
    },
    /// The holder's lease is over: write `Started` with attempt + 1, on the condition of the old attempt and nonce.
    TakeOver {
        /// The attempt to replace.
        attempt: u32,
        /// The nonce to replace.
        nonce: Nonce,
    },
    /// As `TakeOver`, but it was tried often enough: write `Done` with an `INTERNAL` error instead.
    Exhausted {
        /// The attempt to replace.
        attempt: u32,
        /// The nonce to replace.
        nonce: Nonce,
    },
    /// Somebody else is at it until then.
    Live {
        /// When its lease ends.
        until: Timestamp,
    },
    /// It has its result.
    Done,
    /// It will never start.
    Closed,
}

/// Who may run the unit now.
pub fn claim(row: Option<&Unit>, me: &Nonce, now: Timestamp) -> ClaimVerdict {
    match row {
        None => ClaimVerdict::Free,
        Some(Unit::Started { attempt, nonce, .. }) if nonce == me => ClaimVerdict::Mine { attempt: *attempt },
        Some(Unit::Started { lease_until, .. }) if *lease_until > now => ClaimVerdict::Live { until: *lease_until },
        Some(Unit::Started { attempt, nonce, .. }) if *attempt >= MAX_ATTEMPTS => {
            ClaimVerdict::Exhausted { attempt: *attempt, nonce: nonce.clone() }
        }
        Some(Unit::Started { attempt, nonce, .. }) => {
            ClaimVerdict::TakeOver { attempt: *attempt, nonce: nonce.clone() }
        }
        Some(Unit::Done { .. }) => ClaimVerdict::Done,
        Some(Unit::Closed) => ClaimVerdict::Closed,
    }
}

/// What somebody who wrote (or tried to write) a result finds in the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishVerdict {
    /// The claim still holds: write `Done` on the condition of attempt and nonce.
    Write,
    /// The result is in; the reply had been lost.
    Accepted,
    /// Another claim has the row, or the job ended it: this result is refused.
    Fenced,
}

/// Whether the holder of (`me`, `attempt`) may still put its result.
pub fn finish(row: Option<&Unit>, me: &Nonce, attempt: u32) -> FinishVerdict {
    match row {
        Some(Unit::Started { attempt: a, nonce, .. }) if nonce == me && *a == attempt => FinishVerdict::Write,
        Some(Unit::Done { attempt: a, nonce, .. }) if nonce == me && *a == attempt => FinishVerdict::Accepted,
        None | Some(Unit::Started { .. } | Unit::Done { .. } | Unit::Closed) => FinishVerdict::Fenced,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nonce(n: u8) -> Nonce {
        Nonce(format!("n{n}"))
    }

    /// What can befall a row: a claim, a result, a close, time. Each is written only as its verdict allows.
    #[derive(Debug, Clone)]
    enum Event {
        Claim(u8),
        Finish(u8, u32),
        Close,
        Wait(i64),
    }

    fn event() -> impl Strategy<Value = Event> {
        prop_oneof![
            (0u8..3).prop_map(Event::Claim),
            ((0u8..3), (1u32..5)).prop_map(|(n, a)| Event::Finish(n, a)),
            Just(Event::Close),
            (1i64..80).prop_map(Event::Wait),
        ]
    }

    proptest! {
        #[test]
        fn one_accepted_result_and_never_started_and_closed(events in prop::collection::vec(event(), 0..60)) {
            let (mut row, mut now, mut started, mut results) = (None::<Unit>, Timestamp(0), false, 0);
            for e in events {
                match e {
                    Event::Wait(ms) => now = now.plus_ms(ms),
                    Event::Close => if row.is_none() { row = Some(Unit::Closed) },
                    Event::Claim(n) => match claim(row.as_ref(), &nonce(n), now) {
                        ClaimVerdict::Free => {
                            started = true;
                            row = Some(Unit::Started { attempt: 1, nonce: nonce(n), lease_until: now.plus_ms(50) });
                        }
                        ClaimVerdict::TakeOver { attempt, nonce: old } => {
                            prop_assert!(old != nonce(n) && attempt < MAX_ATTEMPTS);
                            let until = now.plus_ms(50);
                            row = Some(Unit::Started { attempt: attempt + 1, nonce: nonce(n), lease_until: until });
                        }
                        ClaimVerdict::Exhausted { attempt, nonce } => {
                            results += 1;
                            row = Some(Unit::Done { attempt, nonce, succeeded: false });
                        }
                        ClaimVerdict::Mine { .. } | ClaimVerdict::Live { .. }
                        | ClaimVerdict::Done | ClaimVerdict::Closed => {}
                    },
                    Event::Finish(n, a) => if finish(row.as_ref(), &nonce(n), a) == FinishVerdict::Write {
                        results += 1;
                        row = Some(Unit::Done { attempt: a, nonce: nonce(n), succeeded: true });
                    },
                }
                prop_assert!(results <= 1);
                match &row {
                    None | Some(Unit::Closed) => prop_assert!(!started),
                    Some(Unit::Started { attempt, .. }) => prop_assert!(started && *attempt <= MAX_ATTEMPTS),
                    Some(Unit::Done { .. }) => prop_assert!(started && results == 1),
                }
            }
        }
    }

    #[test]
    fn a_live_lease_is_left_alone_and_a_dead_one_is_taken() {
        let row = Unit::Started { attempt: 1, nonce: nonce(1), lease_until: Timestamp(100) };
        assert_eq!(claim(Some(&row), &nonce(2), Timestamp(99)), ClaimVerdict::Live { until: Timestamp(100) });
        assert_eq!(
            claim(Some(&row), &nonce(2), Timestamp(100)),
            ClaimVerdict::TakeOver { attempt: 1, nonce: nonce(1) }
        );
        assert_eq!(claim(Some(&row), &nonce(1), Timestamp(500)), ClaimVerdict::Mine { attempt: 1 });
        assert_eq!(finish(Some(&row), &nonce(1), 2), FinishVerdict::Fenced);
        assert_eq!(finish(None, &nonce(1), 1), FinishVerdict::Fenced);
    }
}

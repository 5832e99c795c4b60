//! The rule that ends units which do not end by themselves. The job's state decides whether units are skipped,
//! cancelled or expired. An expired lease of the last attempt ends a unit as exhausted.

use crate::job::JobState;
use crate::segment::{MAX_ATTEMPTS, Segment, UnitEnd, UnitState};
use crate::time::Timestamp;

/// Decides which units of a job are ended or skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminationRule {
    /// The job's state.
    pub state: JobState,
    /// Whether it is an extract. A DELETE ends an extract's unit even after it has started.
    pub extract: bool,
    /// Whether to end units whose last attempt's lease has expired.
    pub exhausted: bool,
    /// The time of the decision.
    pub now: Timestamp,
}

impl TerminationRule {
    /// Returns the unit's new state, or `None` if it stays as it is.
    pub fn new_state(self, unit: UnitState) -> Option<UnitState> {
        let ended = |attempt, end| Some(UnitState::Ended { attempt, end, at: self.now, skipped: 0 });
        match (unit, self.state) {
            (UnitState::Pending, JobState::FailingFast | JobState::Cancelling | JobState::Expiring) => {
                Some(UnitState::Skipped)
            }
            // Its result exists already: the values that rules found.
            (
                UnitState::Asked { attempt, skipped, .. },
                JobState::FailingFast | JobState::Cancelling | JobState::Expiring,
            ) => Some(UnitState::Ended { attempt, end: UnitEnd::Succeeded, at: self.now, skipped }),
            (UnitState::Started { attempt, .. }, JobState::Expiring) => ended(attempt, UnitEnd::Expired),
            (UnitState::Started { attempt, .. }, JobState::Cancelling) if self.extract => {
                ended(attempt, UnitEnd::Cancelled)
            }
            (UnitState::Started { attempt, lease_until, .. }, _)
                if self.exhausted && attempt >= MAX_ATTEMPTS && lease_until <= self.now =>
            {
                ended(attempt, UnitEnd::Exhausted)
            }
            _ => None,
        }
    }

    /// Applies the rule to a segment of a job with `admitted` units. Returns whether that changed anything.
    pub fn apply(self, row: &mut Segment, admitted: u32) -> bool {
        let mut changed = false;
        for seq in row.seqs(admitted) {
            if let Some(unit) = self.new_state(row.unit(seq)) {
                row.put(seq, unit);
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Nonce;
    use crate::job::Outcome;

    #[test]
    fn each_state_ends_only_the_units_that_its_rule_names() {
        let (now, holder) = (Timestamp(100), Nonce::from_random(1));
        let started = |attempt, until| UnitState::Started { attempt, holder, lease_until: Timestamp(until) };
        let done = UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: now, skipped: 0 };
        let ended = |attempt, end| Some(UnitState::Ended { attempt, end, at: now, skipped: 0 });
        let rule = |state, extract, exhausted| TerminationRule { state, extract, exhausted, now };
        let asked = UnitState::Asked { attempt: 2, at: Timestamp(50), skipped: 4 };
        let with_provisional_result = UnitState::Ended { attempt: 2, end: UnitEnd::Succeeded, at: now, skipped: 4 };
        for state in [JobState::FailingFast, JobState::Cancelling, JobState::Expiring] {
            assert_eq!(rule(state, false, false).new_state(asked), Some(with_provisional_result));
            assert_eq!(rule(state, false, false).new_state(UnitState::Pending), Some(UnitState::Skipped));
            assert_eq!(rule(state, true, true).new_state(done), None);
            assert_eq!(rule(state, true, true).new_state(UnitState::Skipped), None);
        }
        for state in [JobState::Running, JobState::Ended(Outcome::Completed)] {
            assert_eq!(rule(state, true, true).new_state(UnitState::Pending), None);
            assert_eq!(rule(state, true, true).new_state(started(1, 50)), None);
            assert_eq!(rule(state, true, true).new_state(asked), None, "it has no lease");
        }
        assert_eq!(rule(JobState::Expiring, false, false).new_state(started(2, 900)), ended(2, UnitEnd::Expired));
        assert_eq!(rule(JobState::Cancelling, true, false).new_state(started(1, 900)), ended(1, UnitEnd::Cancelled));
        assert_eq!(rule(JobState::Cancelling, false, false).new_state(started(1, 900)), None);
        assert_eq!(rule(JobState::Running, false, true).new_state(started(3, 100)), ended(3, UnitEnd::Exhausted));
        assert_eq!(rule(JobState::Running, false, true).new_state(started(3, 101)), None, "its lease is not over");
        assert_eq!(rule(JobState::Running, false, false).new_state(started(3, 50)), None);
    }
}

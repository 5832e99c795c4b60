//! What a job's state asks of its units: the one place that ends what does not end by itself. Cancelled, failing fast,
//! expired, exhausted: each is a state (or a lease) and a row.

use crate::job::JobState;
use crate::segment::{MAX_ATTEMPTS, Segment, UnitEnd, UnitState};
use crate::time::Timestamp;

/// What ends units that have started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// The job's state.
    pub state: JobState,
    /// Whether it is an extract, whose unit is ended by a DELETE.
    pub extract: bool,
    /// Whether units are ended whose last attempt's lease is over.
    pub exhausted: bool,
    /// The moment.
    pub now: Timestamp,
}

impl Rule {
    /// What becomes of a unit; `None` where it stays as it is.
    pub fn judge(self, unit: UnitState) -> Option<UnitState> {
        let ended = |attempt, end| Some(UnitState::Ended { attempt, end, at: self.now, skipped: 0 });
        match (unit, self.state) {
            (UnitState::Pending, JobState::FailingFast | JobState::Cancelling | JobState::Expiring) => {
                Some(UnitState::Skipped)
            }
            // What is there is a result: what rules read.
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

    /// Applies it to a segment of a job that has admitted so many. Returns whether that changed anything.
    pub fn apply(self, row: &mut Segment, admitted: u32) -> bool {
        let mut changed = false;
        for seq in row.seqs(admitted) {
            if let Some(unit) = self.judge(row.unit(seq)) {
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
    fn each_state_ends_what_it_says_and_nothing_else() {
        let (now, holder) = (Timestamp(100), Nonce::from_random(1));
        let started = |attempt, until| UnitState::Started { attempt, holder, lease_until: Timestamp(until) };
        let done = UnitState::Ended { attempt: 1, end: UnitEnd::Succeeded, at: now, skipped: 0 };
        let ended = |attempt, end| Some(UnitState::Ended { attempt, end, at: now, skipped: 0 });
        let rule = |state, extract, exhausted| Rule { state, extract, exhausted, now };
        let asked = UnitState::Asked { attempt: 2, at: Timestamp(50), skipped: 4 };
        let with_what_is_there = UnitState::Ended { attempt: 2, end: UnitEnd::Succeeded, at: now, skipped: 4 };
        for state in [JobState::FailingFast, JobState::Cancelling, JobState::Expiring] {
            assert_eq!(rule(state, false, false).judge(asked), Some(with_what_is_there));
            assert_eq!(rule(state, false, false).judge(UnitState::Pending), Some(UnitState::Skipped));
            assert_eq!(rule(state, true, true).judge(done), None);
            assert_eq!(rule(state, true, true).judge(UnitState::Skipped), None);
        }
        for state in [JobState::Running, JobState::Ended(Outcome::Completed)] {
            assert_eq!(rule(state, true, true).judge(UnitState::Pending), None);
            assert_eq!(rule(state, true, true).judge(started(1, 50)), None);
            assert_eq!(rule(state, true, true).judge(asked), None, "no lease of it ends");
        }
        assert_eq!(rule(JobState::Expiring, false, false).judge(started(2, 900)), ended(2, UnitEnd::Expired));
        assert_eq!(rule(JobState::Cancelling, true, false).judge(started(1, 900)), ended(1, UnitEnd::Cancelled));
        assert_eq!(rule(JobState::Cancelling, false, false).judge(started(1, 900)), None);
        assert_eq!(rule(JobState::Running, false, true).judge(started(3, 100)), ended(3, UnitEnd::Exhausted));
        assert_eq!(rule(JobState::Running, false, true).judge(started(3, 101)), None, "its lease is not over");
        assert_eq!(rule(JobState::Running, false, false).judge(started(3, 50)), None);
    }
}

//! The progress of a job: how many of its units are in each state, as the API shows them.

use serde::Serialize;

/// The `progress` object of a job. The last four add up to `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Tally {
    /// Units that the job admitted.
    pub total: u32,
    /// Ended with a success.
    pub done: u32,
    /// Ended with an error.
    pub failed: u32,
    /// Never started.
    pub cancelled: u32,
    /// Not ended yet.
    pub pending: u32,
}

impl Tally {
    /// Returns the number of units that started, which are charged. Meaningful once nothing is pending.
    pub fn started(&self) -> u64 {
        u64::from(self.done) + u64::from(self.failed)
    }
}

//! The position of a check: everything that the next slice has to know, small enough for a row.

use domain::invariants::{AccountWalk, Violation};
use domain::{AccountId, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::audit::Place;

/// The stage of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Accounts,
    Jobs,
    /// Nothing is left to check.
    Done,
}

/// A look at an account, as far as it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Look {
    pub(super) account: AccountId,
    /// What all earlier looks found; `None` in the first look.
    pub(super) before: Option<Vec<Violation>>,
    /// How many looks there were before.
    pub(super) looks: u32,
    pub(super) walk: AccountWalk,
    /// The key of the ledger entry after which the walk continues.
    pub(super) after: Option<String>,
}

/// The position of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cursor {
    /// When the check began; for readers of the row.
    began_at: Timestamp,
    pub(super) stage: Stage,
    /// How far the stage's table has been read.
    pub(super) place: Option<Place>,
    /// The account that was checked last: more of its rows may follow `place`.
    pub(super) last: Option<AccountId>,
    pub(super) look: Option<Look>,
    /// Jobs before `place` that have to be looked at again.
    pub(super) suspects: Vec<JobId>,
    /// How many violations were found.
    pub(super) violations: u64,
    /// How many accounts and jobs were checked; for readers of the row.
    pub(super) accounts: u64,
    pub(super) jobs: u64,
}

impl Cursor {
    pub(super) fn begin(now: Timestamp) -> Cursor {
        Cursor {
            began_at: now,
            stage: Stage::Accounts,
            place: None,
            last: None,
            look: None,
            suspects: Vec::new(),
            violations: 0,
            accounts: 0,
            jobs: 0,
        }
    }

    pub(super) fn enter(&mut self, stage: Stage) {
        (self.stage, self.place, self.last) = (stage, None, None);
    }

    pub(super) fn read(text: &str) -> Option<Cursor> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|e| StoreError::Malformed(e.to_string()))
    }
}

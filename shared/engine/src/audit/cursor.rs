//! The position of a check: everything that the next slice has to know, small enough for a row.

use domain::invariants::{AccountWalk, Violation};
use domain::{AccountId, JobId, Timestamp};
use serde::{Deserialize, Serialize};
use store::StoreError;
use store::audit::ScanPosition;

/// The stage of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stage {
    Accounts,
    Jobs,
    /// Nothing is left to check.
    Done,
}

/// A pass over an account: its position in the account's ledger, and the violations that earlier passes found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AccountPass {
    pub(super) account: AccountId,
    /// Violations that all earlier passes found; `None` in the first pass.
    pub(super) before: Option<Vec<Violation>>,
    /// Number of earlier passes.
    #[serde(rename = "looks")]
    pub(super) earlier: u32,
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
    pub(super) place: Option<ScanPosition>,
    /// The account that was checked last: more of its rows may follow `place`.
    #[serde(rename = "last")]
    pub(super) last_account: Option<AccountId>,
    #[serde(rename = "look")]
    pub(super) pass: Option<AccountPass>,
    /// Jobs before `place` that have to be checked again.
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
            last_account: None,
            pass: None,
            suspects: Vec::new(),
            violations: 0,
            accounts: 0,
            jobs: 0,
        }
    }

    pub(super) fn enter(&mut self, stage: Stage) {
        (self.stage, self.place, self.last_account) = (stage, None, None);
    }

    pub(super) fn read(text: &str) -> Option<Cursor> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn text(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|e| StoreError::Malformed(e.to_string()))
    }
}

//! The answer of a command, and functions that several commands use to build it.

use domain::AccountId;
use runtime::clock::{Clock, SystemClock};
use serde_json::Value;
use store::Store;

/// The answer of a command.
pub(crate) struct Answer {
    /// For programs (`--json`).
    pub(crate) json: serde_json::Value,
    /// For people.
    pub(crate) text: String,
    /// Whether the exit code is 1.
    pub(crate) failed: bool,
}

/// Builds the answer of a command that succeeded.
pub(crate) fn succeeded(json: Value, text: impl Into<String>) -> Result<Answer, String> {
    Ok(Answer { json, text: text.into(), failed: false })
}

/// Describes a store error, with its causes. Not in debug form: the SDK's errors contain whole responses.
pub(crate) fn describe(e: store::StoreError) -> String {
    e.to_string()
}

/// Reads the quota of an account that must exist.
pub(crate) async fn quota(store: &Store, account: &AccountId) -> Result<store::quota::QuotaSnapshot, String> {
    let found = store.accounts.quota(account, SystemClock.now(), None).await.map_err(describe)?;
    found.ok_or_else(|| format!("there is no account \"{account}\""))
}

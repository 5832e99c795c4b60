//! `GET /v1/keys`: an account's keys, masked so that they cannot be used.

use domain::AccountId;
use serde_json::{Value, json};
use store::Store;

use crate::response::json_response;
use crate::{ApiError, Response};

/// Lists the account's keys, masked.
pub(crate) async fn list(store: &Store, account: &AccountId) -> Result<Response, ApiError> {
    let keys = store.accounts.keys_of(account).await?;
    let rows = keys.iter().map(|(_, label, revoked)| {
        // Labels written by 0.1.0 have no prefix, so the kind is unknown.
        let kinds = [("sk_live_", "dynamic"), ("sk_static_", "static")];
        let kind = kinds.into_iter().find(|(prefix, _)| label.starts_with(prefix)).map(|(_, kind)| kind);
        json!({ "key": shown(label), "kind": kind, "active": !revoked })
    });
    Ok(json_response(&json!({ "keys": rows.collect::<Vec<Value>>() })))
}

/// Returns the masked form of a key from its label. Labels written by 0.1.0 are the key's last characters only.
pub fn shown(label: &str) -> String {
    if label.contains('…') { label.to_owned() } else { format!("…{label}") }
}

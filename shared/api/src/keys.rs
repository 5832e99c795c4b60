//! `GET /v1/keys`: which keys an account has, and nothing that opens anything.

use domain::AccountId;
use serde_json::{Value, json};
use store::Store;

use crate::jobs::json_response;
use crate::{ApiError, Response};

/// The account's keys, masked.
pub(crate) async fn list(store: &Store, account: &AccountId) -> Result<Response, ApiError> {
    let keys = store.accounts.keys_of(account).await?;
    let rows = keys.iter().map(|(_, label, revoked)| {
        // Labels of 0.1.0 do not tell.
        let kinds = [("sk_live_", "dynamic"), ("sk_static_", "static")];
        let kind = kinds.into_iter().find(|(prefix, _)| label.starts_with(prefix)).map(|(_, kind)| kind);
        json!({ "key": shown(label), "kind": kind, "active": !revoked })
    });
    Ok(json_response(&json!({ "keys": rows.collect::<Vec<Value>>() })))
}

/// What a key is recognised by. Labels of 0.1.0 are its last characters.
pub fn shown(label: &str) -> String {
    if label.contains('…') { label.to_owned() } else { format!("…{label}") }
}

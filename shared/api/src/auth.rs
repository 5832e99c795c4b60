//! Authentication by `X-API-Key`. Keys are looked up by SHA-256; the key itself is neither stored nor logged.

use domain::{AccountId, ErrorCode, Timestamp};
use http::HeaderMap;
use store::Store;
use store::accounts::{ApiKey, Binding};
use store::quota::QuotaSnapshot;

use crate::ApiError;

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The key's account.
    pub account: AccountId,
    /// What is bound to a static key.
    pub bound: Option<Binding>,
    /// The account's rate and quota.
    pub quota: QuotaSnapshot,
}

/// Returns the hex SHA-256 under which a key is stored.
pub fn key_hash(text: &str) -> String {
    domain::digest::sha256_hex(text.as_bytes())
}

/// Authenticates the caller and reads its quota.
///
/// # Errors
/// `UNAUTHORIZED` without a known key; store errors.
pub async fn authenticate(
    store: &Store,
    headers: &HeaderMap,
    idempotency_key: Option<&str>,
    now: Timestamp,
) -> Result<Caller, ApiError> {
    let found = known_key(store, headers).await?;
    let quota = store.accounts.quota(&found.account, now, idempotency_key).await?.ok_or_else(unknown_key)?;
    Ok(Caller { account: found.account, bound: found.bound, quota })
}

fn unknown_key() -> ApiError {
    ApiError::new(
        ErrorCode::Unauthorized,
        "this API key is unknown or revoked; check it, or ask the operator of this service for another",
    )
}

/// Looks up the request's key.
///
/// # Errors
/// `UNAUTHORIZED` without a known key; store errors.
pub(crate) async fn known_key(store: &Store, headers: &HeaderMap) -> Result<ApiKey, ApiError> {
    let refuse = |text: &str| ApiError::new(ErrorCode::Unauthorized, text);
    let key = headers.get("x-api-key").ok_or_else(|| refuse("send your API key in the X-API-Key header"))?;
    let key = key.to_str().map_err(|_| unknown_key())?.trim();
    if key.is_empty() {
        return Err(refuse("send your API key in the X-API-Key header"));
    }
    // The lookup is by hash, so its time reveals nothing about the key.
    store.accounts.api_key(&key_hash(key)).await?.filter(|k| !k.revoked).ok_or_else(unknown_key)
}

/// Refuses suspended accounts.
///
/// # Errors
/// `ACCOUNT_SUSPENDED`.
pub fn check_active(quota: &QuotaSnapshot) -> Result<(), ApiError> {
    if quota.suspended { Err(suspended()) } else { Ok(()) }
}

/// The answer to a suspended account: `ACCOUNT_SUSPENDED`.
pub(crate) fn suspended() -> ApiError {
    let text = "this account is suspended; contact the operator of this service";
    ApiError::new(ErrorCode::AccountSuspended, text)
}

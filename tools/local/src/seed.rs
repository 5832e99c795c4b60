//! Sets up the account `dev`, on the plan scale, and its key. Of all keys announced so far, only the last is valid.

use std::path::Path;

use api::auth::key_hash;
use domain::ids::{key_text, masked};
use domain::{AccountId, Plan, Timestamp};
use runtime::clock::{Clock, RandomSource, SystemClock, SystemRandom};
use store::{Store, StoreError};

use crate::folder::write_private;

/// The account's key could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The store failed.
    #[error("the account \"dev\" could not be set up: {0}")]
    Store(#[from] StoreError),
    /// The file with the key could not be written.
    #[error("the key of the account \"dev\" could not be stored: {0}")]
    Io(#[from] std::io::Error),
    /// The key belongs to another account.
    #[error("RUNO_DEV_KEY is a key of the account \"{0}\"; choose another key or leave the variable out")]
    Foreign(AccountId),
    /// The key was revoked.
    #[error("RUNO_DEV_KEY was revoked or replaced; choose another key or leave the variable out")]
    Revoked,
}

/// File with a generated key, which is used until another is given.
const GENERATED_KEY: &str = "dev-key";
/// File with the SHA-256 of the key given by `RUNO_DEV_KEY`, while one is given.
const GIVEN_KEY_HASH: &str = "dev-key.sha256";

/// Makes sure that the account exists and has a key: the given key, else the stored one, else a new generated one.
/// Revokes the previously announced key, if it is a different one. Returns the key.
///
/// # Errors
/// The given key is revoked or belongs to another account; store errors; errors of the folder.
pub(crate) async fn seed(
    store: &Store,
    given: Option<&str>,
    data_dir: Option<&Path>,
    rate: Option<u64>,
) -> Result<String, SeedError> {
    let account = AccountId::parse("dev").ok_or_else(|| StoreError::Malformed("the account's id".into()))?;
    let now: Timestamp = SystemClock.now();
    // Refused means that the account exists already.
    store.accounts.create_account(&account, Plan::Scale, rate, now).await?;
    store.accounts.set_rate_limit(&account, rate.unwrap_or(Plan::Scale.per_minute())).await?;
    let read = |name: &str| {
        let text = data_dir.and_then(|dir| std::fs::read_to_string(dir.join(name)).ok())?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let (generated, given_before) = (read(GENERATED_KEY), read(GIVEN_KEY_HASH));
    let key = match (given, &generated) {
        (Some(key), _) => {
            match store.accounts.api_key(&key_hash(key)).await? {
                Some(known) if known.account != account => return Err(SeedError::Foreign(known.account)),
                Some(known) if known.revoked => return Err(SeedError::Revoked),
                Some(_) | None => {}
            }
            key.to_owned()
        }
        (None, Some(generated))
            if store.accounts.api_key(&key_hash(generated)).await?.is_none_or(|known| !known.revoked) =>
        {
            generated.clone()
        }
        (None, _) => key_text("sk_live_", SystemRandom.random(), SystemRandom.random()),
    };
    let hash = key_hash(&key);
    store.accounts.add_key(&account, &hash, &masked(&key), None, now).await?;
    for before in generated.as_deref().map(key_hash).into_iter().chain(given_before) {
        if before != hash {
            store.accounts.revoke_key(&account, &before).await?;
        }
    }
    if let Some(dir) = data_dir {
        let (file, text, other) = if given.is_some() {
            (GIVEN_KEY_HASH, &hash, GENERATED_KEY)
        } else {
            (GENERATED_KEY, &key, GIVEN_KEY_HASH)
        };
        write_private(&dir.join(file), text)?;
        let _ = std::fs::remove_file(dir.join(other));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use store::{RetryPolicy, TableNames};

    use super::*;
    use crate::dynamodb::DynamoDb;

    #[tokio::test]
    async fn only_the_key_announced_last_is_valid() {
        let folder = std::env::temp_dir().join(format!("runo-seed-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let db = DynamoDb::start(None).await.unwrap();
        let client = store::client::connect(&db.service().connection()).await;
        let store = Store::new(client, TableNames::default(), RetryPolicy::default(), 60);
        store.admin.create_tables().await.unwrap();
        let start = async |given: Option<&str>| seed(&store, given, Some(&folder), None).await;
        let is_valid =
            async |key: &str| store.accounts.api_key(&key_hash(key)).await.unwrap().is_some_and(|k| !k.revoked);

        let generated = start(None).await.unwrap();
        assert_eq!(start(None).await.unwrap(), generated, "the generated key is kept");
        assert_eq!(start(Some("sk_live_first_given")).await.unwrap(), "sk_live_first_given");
        assert!(!is_valid(&generated).await && is_valid("sk_live_first_given").await);
        start(Some("sk_live_first_given")).await.unwrap();
        start(Some("sk_live_second_given")).await.unwrap();
        assert!(!is_valid("sk_live_first_given").await && is_valid("sk_live_second_given").await);
        let again = start(None).await.unwrap();
        assert!(again != generated && is_valid(&again).await && !is_valid("sk_live_second_given").await);

        assert!(matches!(start(Some("sk_live_first_given")).await, Err(SeedError::Revoked)));
        let other = AccountId::parse("other").unwrap();
        store.accounts.create_account(&other, Plan::Free, None, Timestamp(0)).await.unwrap();
        store.accounts.add_key(&other, &key_hash("sk_live_of_other"), "", None, Timestamp(0)).await.unwrap();
        assert!(matches!(start(Some("sk_live_of_other")).await, Err(SeedError::Foreign(_))));
        assert!(is_valid(&again).await, "a start that is refused changes nothing");
        // A key that the operator revoked is not used again.
        store.accounts.revoke_key(&AccountId::parse("dev").unwrap(), &key_hash(&again)).await.unwrap();
        let fresh = start(None).await.unwrap();
        assert!(fresh != again && is_valid(&fresh).await);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

//! The ready-made account `dev` on the plan scale, and its key.

use std::path::Path;

use api::auth::sha256_hex;
use domain::ids::key_text;
use domain::{AccountId, Plan, Timestamp};
use engine::clock::{Clock, Ids, SystemClock, SystemIds};
use store::{Store, StoreError};

/// The key to seed: the one given, the one kept, or a new one that is kept from now on.
pub(crate) fn dev_key(given: Option<&str>, data_dir: Option<&Path>) -> std::io::Result<String> {
    if let Some(key) = given {
        return Ok(key.to_owned());
    }
    let file = data_dir.map(|dir| dir.join("dev-key"));
    if let Some(file) = &file
        && let Ok(kept) = std::fs::read_to_string(file)
        && !kept.trim().is_empty()
    {
        return Ok(kept.trim().to_owned());
    }
    let key = key_text("sk_live_", SystemIds.random(), SystemIds.random());
    if let Some(file) = &file {
        write_secret(file, &key)?;
    }
    Ok(key)
}

/// Writes a file that only its owner can read.
fn write_secret(file: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(file)?.write_all(text.as_bytes())
}

/// What a list of keys shows of one: its last four characters, or nothing where those would tell much of it.
fn label(key: &str) -> String {
    let length = key.chars().count();
    if length < 12 { String::new() } else { key.chars().skip(length - 4).collect() }
}

/// Makes sure that the account and its key are there.
pub(crate) async fn seed(store: &Store, key: &str, rate: Option<u64>) -> Result<(), StoreError> {
    let account = AccountId::parse("dev").ok_or_else(|| StoreError::Malformed("the account's id".into()))?;
    let now: Timestamp = SystemClock.now();
    // Refused means that it is there already.
    store.create_account(&account, Plan::Scale, rate, now).await?;
    store.set_rate_limit(&account, rate.unwrap_or(Plan::Scale.per_minute())).await?;
    let label = label(key);
    store.add_key(&account, &sha256_hex(key), &label, None, now).await?;
    Ok(())
}

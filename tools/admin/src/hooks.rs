//! The secrets that sign an account's webhook messages.

use domain::webhook::{Secret, Secrets, Signing};
use domain::{AccountId, Timestamp};
use runtime::clock::{Clock, RandomSource, SystemClock, SystemRandom};
use serde_json::{Value, json};
use store::Store;
use store::webhooks::SecretsRow;

use crate::answer::{Answer, describe, quota, succeeded};
use crate::args::SecretCommand;

pub(crate) async fn secret(store: &Store, command: SecretCommand) -> Result<Answer, String> {
    let now = SystemClock.now();
    match command {
        SecretCommand::Create { account } => {
            let row = read(store, &account).await?;
            if row.secrets.valid(now).next().is_some() {
                return Err(format!("{account} already has a secret; use \"rotate\" to replace it"));
            }
            create_secret(store, &account, &row, 0, now).await
        }
        SecretCommand::Rotate { account, keep_hours } => {
            let row = read(store, &account).await?;
            if row.secrets.valid(now).next().is_none() {
                return Err(format!("{account} has no secret yet; use \"create\""));
            }
            create_secret(store, &account, &row, keep_hours * 3_600, now).await
        }
        SecretCommand::Revoke { account } => {
            let row = read(store, &account).await?;
            write(store, &account, &row, &Secrets::default()).await?;
            let message = format!("{account}: secrets revoked; pending messages are not sent");
            succeeded(json!({ "account_id": account, "status": "revoked" }), message)
        }
        SecretCommand::List { account } => {
            let row = read(store, &account).await?;
            let valid = |signing: &&Signing| signing.until.is_none_or(|until| now < until);
            let all: Vec<&Signing> = row.secrets.all().iter().filter(valid).collect();
            let until = |signing: &Signing| signing.until.map(Timestamp::rfc3339);
            let rows: Vec<Value> = all
                .iter()
                .map(|s| json!({ "ends_in": s.secret.label(), "made_at": s.made_at.rfc3339(), "until": until(s) }))
                .collect();
            let lines: Vec<String> = all
                .iter()
                .map(|s| {
                    let until = until(s).map(|until| format!(", signs until {until}")).unwrap_or_default();
                    format!("…{} made {}{until}", s.secret.label(), s.made_at.rfc3339())
                })
                .collect();
            succeeded(json!({ "secrets": rows }), lines.join("\n"))
        }
    }
}

async fn read(store: &Store, account: &AccountId) -> Result<SecretsRow, String> {
    quota(store, account).await?;
    store.webhooks.secrets(account).await.map_err(describe)
}

async fn write(store: &Store, account: &AccountId, read: &SecretsRow, secrets: &Secrets) -> Result<(), String> {
    match store.webhooks.put_secrets(account, read, secrets).await.map_err(describe)? {
        true => Ok(()),
        false => Err("the account's secrets were changed at the same time; try again".into()),
    }
}

/// Creates a new first secret; the previous ones sign for another `keep_secs`.
async fn create_secret(
    store: &Store,
    account: &AccountId,
    row: &SecretsRow,
    keep_secs: u64,
    now: Timestamp,
) -> Result<Answer, String> {
    let secret = Secret::from_random(SystemRandom.random(), SystemRandom.random());
    write(store, account, row, &row.secrets.rotated(secret.clone(), now, keep_secs)).await?;
    let shown = secret.text();
    succeeded(json!({ "account_id": account, "secret": shown }), format!("secret {shown}\nIt is not shown again."))
}

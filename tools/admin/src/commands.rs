//! Carries out the commands.

use std::path::Path;

use api::auth::key_hash;
use api::keys::shown;
use domain::ids::{key_text, masked};
use domain::job::ModelUse;
use domain::{AccountId, JobId, Plan};
use engine::audit::Audit;
use runtime::clock::{Clock, RandomSource, SystemClock, SystemRandom};
use runtime::settings::Settings;
use serde_json::{Value, json};
use store::Store;
use store::accounts::{Binding, Change};
use store::stop::StopOutcome;

use crate::answer::{Answer, describe, quota, succeeded};
use crate::args::{AccountCommand, Command, HookCommand, JobCommand, KeyCommand};
use crate::hooks;

pub(crate) async fn run(store: &Store, command: Command) -> Result<Answer, String> {
    match command {
        Command::Account(command) => account(store, command).await,
        Command::Key(command) => key(store, command).await,
        Command::Hook(HookCommand::Secret(command)) => hooks::secret(store, command).await,
        Command::Job(JobCommand::Cancel { job }) => cancel(store, &job).await,
        Command::Check => check_all(store).await,
    }
}

fn change_answer(change: Change, account: &AccountId, status: &str) -> Result<Answer, String> {
    match change {
        Change::Applied => {
            succeeded(json!({ "account_id": account, "status": status }), format!("{account}: {status}"))
        }
        Change::Refused => Err(format!("there is no account \"{account}\"")),
    }
}

async fn account(store: &Store, command: AccountCommand) -> Result<Answer, String> {
    let now = SystemClock.now();
    match command {
        AccountCommand::Create { plan, id, rate } => {
            let id = id.unwrap_or_else(|| AccountId::from_random(SystemRandom.random()));
            if store.accounts.create_account(&id, plan, rate, now).await.map_err(describe)? == Change::Refused {
                return Err(format!(
                    "the account \"{id}\" already exists; \"admin key create --account {id}\" makes a key"
                ));
            }
            let key = new_key(store, &id, None).await.map_err(|error| {
                format!("account {id} was created without a key: {error}; run \"admin key create --account {id}\"")
            })?;
            succeeded(
                json!({ "account_id": id, "key": key }),
                format!("account {id} on {}\nkey {key}\nThe key is not shown again.", plan.name()),
            )
        }
        AccountCommand::Suspend { account } => {
            if store.accounts.set_suspended(&account, true).await.map_err(describe)? == Change::Refused {
                return Err(format!("there is no account \"{account}\""));
            }
            let jobs = store.jobs.stop_account(&account, now).await.map_err(describe)?;
            let message = format!("{account}: suspended; running jobs that are being cancelled: {}", jobs.len());
            succeeded(json!({ "account_id": account, "status": "suspended", "cancelling": jobs }), message)
        }
        AccountCommand::Resume { account } => {
            change_answer(store.accounts.set_suspended(&account, false).await.map_err(describe)?, &account, "active")
        }
        AccountCommand::Plan { account, plan } => change_answer(
            store.accounts.set_plan(&account, plan, now.month()).await.map_err(describe)?,
            &account,
            plan.name(),
        ),
        AccountCommand::Topup { account, credits, id } => {
            quota(store, &account).await?;
            let id = id.unwrap_or_else(|| key_text("", SystemRandom.random(), SystemRandom.random()));
            match store.accounts.top_up(&account, &id, credits, now).await.map_err(describe)? {
                Change::Applied => usage(store, &account).await,
                Change::Refused => Err(format!("the top-up \"{id}\" is already booked; nothing changed")),
            }
        }
        AccountCommand::Usage { account } => usage(store, &account).await,
    }
}

async fn usage(store: &Store, account: &AccountId) -> Result<Answer, String> {
    let s = quota(store, account).await?;
    let prepaid = s.prepaid.unwrap_or(0);
    let status = if s.suspended { "suspended" } else { "active" };
    succeeded(
        json!({
            "account_id": account,
            "plan": s.plan,
            "status": status,
            "month": s.month.to_string(),
            "monthly": { "limit": s.limit(), "used": s.used(), "remaining": s.monthly_left() },
            "prepaid": { "balance": prepaid },
        }),
        format!(
            "{account}: {status}, plan {}, {}: {} of {} used, prepaid {prepaid}",
            s.plan.name(),
            s.month,
            s.used(),
            s.limit()
        ),
    )
}

/// Creates and stores a key if the plan allows another.
async fn new_key(store: &Store, account: &AccountId, bound: Option<&Binding>) -> Result<String, String> {
    let plan: Plan = quota(store, account).await?.plan;
    let active =
        store.accounts.keys_of(account).await.map_err(describe)?.iter().filter(|(_, _, revoked)| !revoked).count();
    if let Some(max) = plan.active_keys().filter(|max| active >= *max) {
        let text = format!("the plan {} allows {max} active keys; revoke one first", plan.name());
        return Err(format!("KEY_LIMIT_REACHED: {text}"));
    }
    let prefix = if bound.is_some() { "sk_static_" } else { "sk_live_" };
    let key = key_text(prefix, SystemRandom.random(), SystemRandom.random());
    match store
        .accounts
        .add_key(account, &key_hash(&key), &masked(&key), bound, SystemClock.now())
        .await
        .map_err(describe)?
    {
        Change::Applied => Ok(key),
        Change::Refused => Err("a key with the same hash already exists; try again".into()),
    }
}

async fn key(store: &Store, command: KeyCommand) -> Result<Answer, String> {
    match command {
        KeyCommand::Create { account, schema, no_model } => {
            let bound = schema.map(|file| binding(&file, no_model)).transpose()?;
            let key = new_key(store, &account, bound.as_ref()).await?;
            succeeded(json!({ "account_id": account, "key": key }), format!("key {key}\nIt is not shown again."))
        }
        KeyCommand::Schema { account, schema, no_model, key } => {
            let (bound, hash) = (binding(&schema, no_model)?, hash_of(key)?);
            match store.accounts.bind_key(&account, &hash, &bound).await.map_err(describe)? {
                Change::Applied => succeeded(
                    json!({ "account_id": account, "sha256": hash, "fields": bound.schema.fields().len() }),
                    format!("{hash}: its schema is bound (fields: {})", bound.schema.fields().len()),
                ),
                Change::Refused => {
                    Err(format!("{account} has no active static key with the SHA-256 {hash}; see \"admin key list\""))
                }
            }
        }
        KeyCommand::Revoke { account, key } => {
            let hash = hash_of(key)?;
            match store.accounts.revoke_key(&account, &hash).await.map_err(describe)? {
                Change::Applied => {
                    succeeded(json!({ "account_id": account, "revoked": hash }), format!("revoked {hash}"))
                }
                Change::Refused => Err(format!("{account} has no key with the SHA-256 {hash}; see \"admin key list\"")),
            }
        }
        KeyCommand::List { account } => {
            quota(store, &account).await?;
            let keys = store.accounts.keys_of(&account).await.map_err(describe)?;
            let rows: Vec<Value> = keys
                .iter()
                .map(|(hash, label, revoked)| {
                    let ends_in = label.rsplit('…').next();
                    json!({ "key": shown(label), "sha256": hash, "ends_in": ends_in, "revoked": revoked })
                })
                .collect();
            let lines: Vec<String> = keys
                .iter()
                .map(|(hash, label, revoked)| {
                    format!("{} {hash}{}", shown(label), if *revoked { " revoked" } else { "" })
                })
                .collect();
            succeeded(json!({ "keys": rows }), lines.join("\n"))
        }
    }
}

/// Reads the schema to bind to a static key from a file.
fn binding(file: &Path, no_model: bool) -> Result<Binding, String> {
    let bytes = std::fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", file.display()))?;
    let schema = api::validate::check_schema(&value, "en-US").map_err(|e| e.message)?;
    Ok(Binding { schema, model: if no_model { ModelUse::Never } else { ModelUse::Auto } })
}

/// Returns the hash of a key. The argument is the key itself or already its hash.
fn hash_of(key: Option<String>) -> Result<String, String> {
    let key = match key.filter(|key| key != "-") {
        Some(key) => key,
        None => read_key()?,
    };
    let is_hash = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
    Ok(if is_hash { key.to_ascii_lowercase() } else { key_hash(&key) })
}

/// Reads a key from the first line of standard input.
fn read_key() -> Result<String, String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|e| format!("standard input: {e}"))?;
    match line.trim() {
        "" => Err("no key was given, neither as an argument nor on standard input".into()),
        key => Ok(key.to_owned()),
    }
}

/// Marks the job as cancelling; its driver or the sweeper does the rest.
async fn cancel(store: &Store, job: &JobId) -> Result<Answer, String> {
    let status = json!({ "job_id": job, "status": "cancelling" });
    match store.jobs.stop_job(job, SystemClock.now()).await.map_err(describe)? {
        StopOutcome::Cancelled => succeeded(status, format!("{job}: cancelling")),
        StopOutcome::AlreadyTerminating => succeeded(status, format!("{job}: already ending; nothing changed")),
        StopOutcome::NotRunning => Err(format!("there is no running job \"{job}\"")),
    }
}

async fn check_all(store: &Store) -> Result<Answer, String> {
    let violations =
        Audit::new(store, &SystemClock, Settings::default().sweep_secs).violations().await.map_err(describe)?;
    let lines: Vec<String> = violations.iter().map(|v| format!("{}: {}: {}", v.subject, v.rule, v.detail)).collect();
    Ok(Answer {
        failed: !violations.is_empty(),
        json: json!({ "violations": violations }),
        text: if lines.is_empty() { "every invariant holds".into() } else { lines.join("\n") },
    })
}

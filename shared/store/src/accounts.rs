//! Accounts and API keys: the rows that the operator's tool writes and that every call looks up.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::job::ModelUse;
use domain::{AccountId, Month, Plan, Schema, Timestamp};

use crate::Accounts;
use crate::error::StoreError;
use crate::item::{Put, Row, json_text, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional, Transaction, tx_put, tx_update};

/// An API key as a call looks it up. Only the SHA-256 of its text is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// The account that owns it.
    pub account: AccountId,
    /// What a static key fixes; `None` for a dynamic key.
    pub bound: Option<Binding>,
    /// Whether it was revoked.
    pub revoked: bool,
}

/// What a static key fixes for every call.
#[derive(Debug, Clone, PartialEq)]
pub struct Binding {
    /// The schema.
    pub schema: Schema,
    /// [`ModelUse::Never`] excludes the operator's model, whatever a call asks for.
    pub model: ModelUse,
}

/// The outcome of an operator's write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It took effect.
    Applied,
    /// Refused: the row already exists (create, top-up) or does not exist (all others).
    Refused,
}

impl Change {
    fn of(outcome: &Conditional) -> Change {
        match outcome {
            Conditional::Written => Change::Applied,
            Conditional::Refused(_) => Change::Refused,
        }
    }
}

fn binding(row: &Row<'_>) -> Result<Binding, StoreError> {
    let model = if row.flag("no_model") { ModelUse::Never } else { ModelUse::Auto };
    Ok(Binding { schema: row.json("schema")?, model })
}

impl Accounts {
    /// Looks a key up by the hex SHA-256 of its text.
    ///
    /// # Errors
    /// Store errors.
    pub async fn api_key(&self, sha256: &str) -> Result<Option<ApiKey>, StoreError> {
        let Some(item) = self.get(&self.tables.accounts, key(keys::api_key(sha256), keys::KEY_ROW)).await? else {
            return Ok(None);
        };
        let row = Row(&item);
        Ok(Some(ApiKey {
            account: row.parse("account", AccountId::parse)?,
            bound: row.opt_s("schema").map(|_| binding(&row)).transpose()?,
            revoked: row.flag("revoked"),
        }))
    }

    /// Creates an account. `rate_limit` overrides the plan's calls per minute.
    ///
    /// # Errors
    /// Store errors.
    pub async fn create_account(
        &self,
        account: &AccountId,
        plan: Plan,
        rate_limit: Option<u64>,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let item = key(keys::account(account), keys::PROFILE)
            .with("plan", s(plan.name()))
            .with("status", s("active"))
            .with("created_at", n(now.0))
            .with_some("rate_limit", rate_limit.map(n));
        Ok(Change::of(&self.put_if(&self.tables.accounts, item, ABSENT, None).await?))
    }

    /// Sets the account's own limit of calls per minute.
    ///
    /// # Errors
    /// Store errors.
    pub async fn set_rate_limit(&self, account: &AccountId, per_minute: u64) -> Result<Change, StoreError> {
        let profile = key(keys::account(account), keys::PROFILE);
        let set = values([(":v", n(per_minute))]);
        let wrote = self
            .update_if(&self.tables.accounts, profile, "SET #rate_limit = :v", "attribute_exists(#pk)", set)
            .await?;
        Ok(Change::of(&wrote))
    }

    /// Suspends or reactivates an account.
    ///
    /// # Errors
    /// Store errors.
    pub async fn set_suspended(&self, account: &AccountId, suspended: bool) -> Result<Change, StoreError> {
        let status = if suspended { "suspended" } else { "active" };
        let profile = key(keys::account(account), keys::PROFILE);
        let set = values([(":v", s(status))]);
        let wrote =
            self.update_if(&self.tables.accounts, profile, "SET #status = :v", "attribute_exists(#pk)", set).await?;
        Ok(Change::of(&wrote))
    }

    /// Changes the plan, and with it the limit of the current month if that has a row.
    ///
    /// # Errors
    /// Store errors.
    pub async fn set_plan(&self, account: &AccountId, plan: Plan, month: Month) -> Result<Change, StoreError> {
        // Twice, because the month's row may be created between the read and the write.
        for _ in 0..2 {
            let pk = keys::account(account);
            let month_key = key(&pk, keys::month(month));
            let has_month = self.get(&self.tables.accounts, month_key.clone()).await?.is_some();
            let mut items = vec![tx_update(
                &self.tables.accounts,
                key(&pk, keys::PROFILE),
                "SET #plan = :v",
                "attribute_exists(#pk)",
                values([(":v", s(plan.name()))]),
            )?];
            if has_month {
                items.push(tx_update(
                    &self.tables.accounts,
                    month_key,
                    "SET #limit = :v",
                    "attribute_exists(#pk)",
                    values([(":v", n(plan.monthly()))]),
                )?);
            }
            if let Transaction::Refused(_) = self.transact(items).await? {
                return Ok(Change::Refused);
            }
            if has_month || self.get(&self.tables.accounts, key(&pk, keys::month(month))).await?.is_none() {
                break;
            }
        }
        Ok(Change::Applied)
    }

    /// Adds prepaid credits, once per `id`.
    ///
    /// # Errors
    /// Store errors.
    pub async fn top_up(
        &self,
        account: &AccountId,
        id: &str,
        amount: u64,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let pk = keys::account(account);
        let entry = key(&pk, keys::top_up(id)).with("amount", n(amount)).with("at", n(now.0));
        let items = vec![
            tx_put(&self.tables.accounts, entry, ABSENT)?,
            tx_update(
                &self.tables.accounts,
                key(&pk, keys::PREPAID),
                "ADD #balance :amount",
                "",
                values([(":amount", n(amount))]),
            )?,
        ];
        Ok(match self.transact(items).await? {
            Transaction::Written => Change::Applied,
            Transaction::Refused(_) => Change::Refused,
        })
    }

    /// Stores a key by its hash. `label` is the masked key by which an operator recognises it (`domain::ids::masked`),
    /// never the key itself.
    ///
    /// # Errors
    /// Store errors.
    pub async fn add_key(
        &self,
        account: &AccountId,
        sha256: &str,
        label: &str,
        bound: Option<&Binding>,
        now: Timestamp,
    ) -> Result<Change, StoreError> {
        let no_model = bound.is_some_and(|bound| bound.model == ModelUse::Never);
        let item = key(keys::api_key(sha256), keys::KEY_ROW)
            .with("account", s(account.as_str()))
            .with("kind", s(if bound.is_some() { "static" } else { "live" }))
            .with("created_at", n(now.0))
            .with("revoked", AttributeValue::Bool(false))
            .with_some("schema", bound.map(|bound| json_text(&bound.schema)).transpose()?)
            .with_some("no_model", no_model.then_some(AttributeValue::Bool(true)));
        let pointer = key(keys::account(account), keys::api_key(sha256))
            .with("label", s(label))
            .with("revoked", AttributeValue::Bool(false));
        let accounts = &self.tables.accounts;
        let items = vec![tx_put(accounts, item, ABSENT)?, tx_put(accounts, pointer, ABSENT)?];
        Ok(match self.transact(items).await? {
            Transaction::Written => Change::Applied,
            Transaction::Refused(_) => Change::Refused,
        })
    }

    /// Binds another schema to a static key of the account. Accepted calls keep the schema that they were accepted
    /// with.
    ///
    /// # Errors
    /// Store errors.
    pub async fn bind_key(&self, account: &AccountId, sha256: &str, bound: &Binding) -> Result<Change, StoreError> {
        let given = values([
            (":schema", json_text(&bound.schema)?),
            (":no_model", AttributeValue::Bool(bound.model == ModelUse::Never)),
            (":account", s(account.as_str())),
            (":kind", s("static")),
            (":revoked", AttributeValue::Bool(false)),
        ]);
        let update = tx_update(
            &self.tables.accounts,
            key(keys::api_key(sha256), keys::KEY_ROW),
            "SET #schema = :schema, #no_model = :no_model",
            "#account = :account AND #kind = :kind AND #revoked = :revoked",
            given,
        )?;
        Ok(match self.transact(vec![update]).await? {
            Transaction::Written => Change::Applied,
            Transaction::Refused(_) => Change::Refused,
        })
    }

    /// Revokes a key by its hash.
    ///
    /// # Errors
    /// Store errors.
    pub async fn revoke_key(&self, account: &AccountId, sha256: &str) -> Result<Change, StoreError> {
        let revoked = || values([(":v", AttributeValue::Bool(true))]);
        let (update, condition) = ("SET #revoked = :v", "attribute_exists(#pk)");
        let accounts = &self.tables.accounts;
        let items = vec![
            tx_update(accounts, key(keys::api_key(sha256), keys::KEY_ROW), update, condition, revoked())?,
            tx_update(accounts, key(keys::account(account), keys::api_key(sha256)), update, condition, revoked())?,
        ];
        Ok(match self.transact(items).await? {
            Transaction::Written => Change::Applied,
            Transaction::Refused(_) => Change::Refused,
        })
    }

    /// Returns the account's keys: hash, label, and whether the key is revoked.
    ///
    /// # Errors
    /// Store errors.
    pub async fn keys_of(&self, account: &AccountId) -> Result<Vec<(String, String, bool)>, StoreError> {
        let rows = self.range(&self.tables.accounts, &keys::account(account), keys::KEY.range(), &[]).await?;
        rows.iter()
            .map(|item| {
                let row = Row(item);
                let hash = row.parse("sk", |sk| keys::KEY.rest(sk).map(str::to_owned))?;
                Ok((hash, row.s("label")?.to_owned(), row.flag("revoked")))
            })
            .collect()
    }

    /// Checks that the accounts table answers: a cheap test of whether the tables exist.
    ///
    /// # Errors
    /// Store errors; a missing table is named.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let probe = key(keys::PING, keys::PING);
        let table = &self.tables.accounts;
        match self.db().get_item().table_name(table).set_key(Some(probe)).send().await {
            Ok(_) => Ok(()),
            Err(e) if crate::ops::is_missing_table(&e) => {
                Err(StoreError::Malformed(format!("there is no table \"{table}\"; check its name and region")))
            }
            Err(e) => Err(StoreError::sdk("GetItem", e)),
        }
    }
}

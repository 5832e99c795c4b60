//! Costs and results of a language model's calls: the spending of each day, and figures per account and month. Knows
//! neither prices nor models, and of error codes only the prefix that they share.

use std::collections::BTreeMap;

use domain::{AccountId, Month, Timestamp};

use crate::ModelUsage;
use crate::error::StoreError;
use crate::item::{Item, Row, key, n, values};
use crate::keys;
use crate::ops::Conditional;

/// How long a day's row is kept. Does not affect any decision.
const DAY_ROW_TTL_SECS: u64 = 3 * 86_400;
/// How long a month's row is kept. Does not affect any decision.
const MONTH_ROW_TTL_SECS: u64 = 400 * 86_400;

/// Prefix of the error codes. A month's row counts the failures with a code in an attribute named by the code, so the
/// prefix tells these attributes from all others.
const CODE_PREFIX: &str = "LLM_";

/// Figures of one call, or of all calls of a month.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelFigures {
    /// Calls, including failed ones.
    pub calls: u64,
    /// Tokens that the model read.
    pub input_tokens: u64,
    /// Tokens that it wrote.
    pub output_tokens: u64,
    /// Values that the model gave but the page did not confirm.
    pub refused_values: u64,
    /// Failed calls by code.
    pub failures: BTreeMap<String, u64>,
}

fn ttl(now: Timestamp, secs: u64) -> aws_sdk_dynamodb::types::AttributeValue {
    n(now.plus_secs(secs).secs())
}

fn day_row(now: Timestamp) -> Item {
    key(keys::MODEL, keys::day(now))
}

fn month_row(account: &AccountId, month: Month) -> Item {
    key(keys::model_account(account), keys::month(month))
}

impl ModelUsage {
    /// Reserves `amount` of the day's budget for a call, in millionths of a dollar. Returns `false` if less than that
    /// is left.
    ///
    /// # Errors
    /// Store errors.
    pub async fn reserve_model_budget(&self, now: Timestamp, amount: u64, budget: u64) -> Result<bool, StoreError> {
        let Some(left) = budget.checked_sub(amount) else { return Ok(false) };
        let given = values([(":amount", n(amount)), (":left", n(left)), (":ttl", ttl(now, DAY_ROW_TTL_SECS))]);
        let condition = "attribute_not_exists(#spent) OR #spent <= :left";
        let write = "SET #ttl = :ttl ADD #spent :amount";
        let written = self.update_if(&self.tables.jobs, day_row(now), write, condition, given).await?;
        Ok(matches!(written, Conditional::Written))
    }

    /// Adds the difference between what calls cost and what was reserved for them at `reserved_at`. It is negative if they
    /// cost less.
    ///
    /// # Errors
    /// Store errors. The day's budget is then used up sooner, or exceeded by the difference.
    pub async fn adjust_model_budget(&self, reserved_at: Timestamp, difference: i64) -> Result<(), StoreError> {
        let given = values([(":amount", n(difference)), (":ttl", ttl(reserved_at, DAY_ROW_TTL_SECS))]);
        let write = "SET #ttl = :ttl ADD #spent :amount";
        self.update_if(&self.tables.jobs, day_row(reserved_at), write, "", given).await?;
        Ok(())
    }

    /// Adds a call to the figures.
    ///
    /// # Errors
    /// Store errors. The call is then missing from the figures.
    pub async fn count_model_call(
        &self,
        account: &AccountId,
        now: Timestamp,
        call: &ModelFigures,
    ) -> Result<(), StoreError> {
        let mut given = values([
            (":calls", n(call.calls)),
            (":input", n(call.input_tokens)),
            (":output", n(call.output_tokens)),
            (":refused", n(call.refused_values)),
            (":ttl", ttl(now, MONTH_ROW_TTL_SECS)),
        ]);
        let mut write = "SET #ttl = :ttl ADD #calls :calls, #input_tokens :input, #output_tokens :output, \
            #refused_values :refused"
            .to_owned();
        for (code, count) in &call.failures {
            write.push_str(&format!(", #{code} :{code}"));
            given.insert(format!(":{code}"), n(count));
        }
        self.update_if(&self.tables.jobs, month_row(account, now.month()), &write, "", given).await?;
        Ok(())
    }

    /// Returns the figures of an account's calls of a month.
    ///
    /// # Errors
    /// Store errors.
    pub async fn model_figures(&self, account: &AccountId, month: Month) -> Result<ModelFigures, StoreError> {
        let Some(item) = self.get(&self.tables.jobs, month_row(account, month)).await? else {
            return Ok(ModelFigures::default());
        };
        let row = Row(&item);
        let count = |name| Ok::<u64, StoreError>(row.opt_n(name)?.unwrap_or_default());
        let codes = item.keys().filter(|name| name.starts_with(CODE_PREFIX));
        let failures = codes.map(|code| Ok((code.clone(), count(code)?))).collect::<Result<_, StoreError>>()?;
        Ok(ModelFigures {
            calls: count("calls")?,
            input_tokens: count("input_tokens")?,
            output_tokens: count("output_tokens")?,
            refused_values: count("refused_values")?,
            failures,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{Connection, connect};
    use crate::{RetryPolicy, Store, TableNames};

    async fn store() -> Store {
        let tables = TableNames { accounts: "a".into(), jobs: "j".into(), hosts: "h".into() };
        // Nothing is sent there: the rows are in memory.
        let endpoint = Connection { endpoint: Some("http://127.0.0.1:9".into()), ..Connection::default() };
        Store::new(connect(&endpoint).await, tables, RetryPolicy::default(), 60).in_memory(Default::default())
    }

    #[tokio::test]
    async fn a_days_spending_never_exceeds_its_budget() {
        let (store, now) = (store().await, Timestamp(1_795_478_400_000));
        assert!(!store.models.reserve_model_budget(now, 101, 100).await.unwrap());
        assert!(store.models.reserve_model_budget(now, 60, 100).await.unwrap());
        assert!(!store.models.reserve_model_budget(now, 60, 100).await.unwrap());
        store.models.adjust_model_budget(now, -50).await.unwrap();
        assert!(store.models.reserve_model_budget(now, 90, 100).await.unwrap());
        assert!(!store.models.reserve_model_budget(now, 1, 100).await.unwrap());
        let tomorrow = now.plus_ms(86_400_000);
        assert!(store.models.reserve_model_budget(tomorrow, 100, 100).await.unwrap());
    }

    #[tokio::test]
    async fn calls_add_up_by_account_and_month() {
        let (store, now) = (store().await, Timestamp(1_795_478_400_000));
        let account = AccountId::parse("acct1").unwrap();
        let call = ModelFigures {
            calls: 1,
            input_tokens: 1_000,
            output_tokens: 10,
            refused_values: 2,
            failures: BTreeMap::from([("LLM_TIMEOUT".to_owned(), 1)]),
        };
        store.models.count_model_call(&account, now, &call).await.unwrap();
        store
            .models
            .count_model_call(&account, now, &ModelFigures { failures: BTreeMap::new(), ..call })
            .await
            .unwrap();
        let sum = store.models.model_figures(&account, now.month()).await.unwrap();
        assert_eq!((sum.calls, sum.input_tokens, sum.output_tokens, sum.refused_values), (2, 2_000, 20, 4));
        assert_eq!(sum.failures, BTreeMap::from([("LLM_TIMEOUT".to_owned(), 1)]));
        let other = AccountId::parse("acct2").unwrap();
        assert_eq!(store.models.model_figures(&other, now.month()).await.unwrap(), ModelFigures::default());
    }
}

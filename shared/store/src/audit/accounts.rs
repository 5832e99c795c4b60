//! Reads of accounts, by a scan of their table, and of each account's ledger, by a query over its range of keys. The
//! ledger therefore does not depend on the order of a scan, and a walk can continue after any entry.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::AccountId;
use domain::Month;
use domain::invariants::{LedgerEntry, MoneyRows};

use super::closing::checkpoint;
use super::{ScanPosition, ledger_entry};
use crate::Audit;
use crate::error::StoreError;
use crate::item::{Row, key, names};
use crate::keys;
use crate::tables::TTL_ATTRIBUTE;

/// A page of the accounts table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountsPage {
    /// The accounts with rows on this page, each with the position of its last row. An account with many rows is on
    /// several pages.
    pub accounts: Vec<(AccountId, ScanPosition)>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<ScanPosition>,
}

/// A page of an account's ledger, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPage {
    /// The entries.
    pub rows: Vec<LedgerRow>,
    /// After which key the next page starts; `None` at the end.
    pub next: Option<String>,
}

/// An entry as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRow {
    /// Its key in its account's partition.
    pub key: String,
    /// The entry.
    pub entry: LedgerEntry,
    /// Whether it has an expiry.
    pub expires: bool,
}

impl Audit {
    /// Returns a page of accounts. Accounts are never removed, so this read need not be consistent.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn accounts(&self, after: Option<&ScanPosition>) -> Result<AccountsPage, StoreError> {
        let page = self
            .db()
            .scan()
            .table_name(&self.tables.accounts)
            .projection_expression("#pk, #sk")
            .set_expression_attribute_names(names(&["#pk, #sk"]))
            .set_exclusive_start_key(after.map(ScanPosition::key))
            .send()
            .await
            .map_err(|e| StoreError::sdk("Scan", e))?;
        let mut accounts: Vec<(AccountId, ScanPosition)> = Vec::new();
        for item in page.items() {
            let place = ScanPosition::of(item)?;
            let Some(id) = keys::ACCOUNT.rest(&place.pk).and_then(AccountId::parse) else { continue };
            match accounts.last_mut().filter(|(last, _)| *last == id) {
                Some((_, last)) => *last = place,
                None => accounts.push((id, place)),
            }
        }
        let next = page.last_evaluated_key.as_ref().map(ScanPosition::of).transpose()?;
        Ok(AccountsPage { accounts, next })
    }

    /// Returns an account's month and prepaid rows, and its checkpoints.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn money(&self, account: &AccountId) -> Result<MoneyRows, StoreError> {
        let (table, pk) = (&self.tables.accounts, keys::account(account));
        let mut money = MoneyRows::default();
        for item in self.range(table, &pk, keys::MONTH.range(), &["sk", "used", "closed_at"]).await? {
            let row = Row(&item);
            let month = row.parse("sk", |sk| keys::MONTH.rest(sk).and_then(Month::parse))?;
            money.months.insert(month, row.n("used")?);
            if item.contains_key("closed_at") {
                money.closed.insert(month);
            }
        }
        let prepaid = self.get(table, key(&pk, keys::PREPAID)).await?;
        money.prepaid = prepaid.as_ref().map(|item| Row(item).n("balance")).transpose()?;
        // Read after the months' rows, so that each month that they mark as closed has its checkpoint here.
        for item in self.range(table, &pk, keys::CLOSED.range(), &[]).await? {
            let row = Row(&item);
            let month = row.parse("sk", |sk| keys::CLOSED.rest(sk).and_then(Month::parse))?;
            money.checkpoints.insert(month, checkpoint(&row)?);
        }
        Ok(money)
    }

    /// Returns a page of an account's ledger, strongly consistent.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
    pub async fn ledger(&self, account: &AccountId, after: Option<&str>) -> Result<LedgerPage, StoreError> {
        let condition = "#pk = :pk AND #sk BETWEEN :from AND :to";
        let (pk, (from, to)) = (keys::account(account), keys::LEDGER.range());
        let page = self
            .db()
            .query()
            .table_name(&self.tables.accounts)
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .expression_attribute_values(":pk", AttributeValue::S(pk.clone()))
            .expression_attribute_values(":from", AttributeValue::S(from))
            .expression_attribute_values(":to", AttributeValue::S(to))
            .consistent_read(true)
            .set_exclusive_start_key(after.map(|sk| key(&pk, sk)))
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", e))?;
        let mut rows = Vec::with_capacity(page.items().len());
        for item in page.items() {
            let row = Row(item);
            if let Some(entry) = ledger_entry(&row)? {
                rows.push(LedgerRow { key: row.s("sk")?.to_owned(), entry, expires: item.contains_key(TTL_ATTRIBUTE) });
            }
        }
        let next = page.last_evaluated_key.as_ref().map(|item| Row(item).s("sk").map(str::to_owned)).transpose()?;
        Ok(LedgerPage { rows, next })
    }
}

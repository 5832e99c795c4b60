//! Closes a month. One transaction writes its checkpoint and marks its row, on the condition that the row equals the
//! sum of the entries. A month is therefore closed only once, and never if the two differ. Its entries get an expiry
//! one by one, and only after another walk has found the same sums. Repeating a write changes nothing, so a check that
//! dies leaves nothing to undo.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::invariants::{Checkpoint, Sums};
use domain::{AccountId, JobId, Month, Timestamp};

use crate::Audit;
use crate::error::StoreError;
use crate::item::{Put, Row, key, n, names, s, values};
use crate::keys;
use crate::ops::{ABSENT, Transaction, tx_put, tx_update};

/// How long a closed month's entries are kept, in addition to a job's retention. Every retained job thus has its
/// entries.
const ENTRY_RETENTION_SECS: u64 = 90 * 86_400;

pub(super) fn checkpoint(row: &Row<'_>) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        sums: Sums {
            entries: row.n("entries")?,
            last_job: Some(row.parse("last_job", JobId::parse)?),
            reserved_monthly: row.n("reserved_monthly")?,
            reserved_prepaid: row.n("reserved_prepaid")?,
            charged: row.n("charged")?,
            refunded_monthly: row.n("refunded_monthly")?,
            refunded_prepaid: row.n("refunded_prepaid")?,
        },
        counted_to: Timestamp(row.n("counted_to")?),
        keep_until: row.opt_n("keep_until")?.map(Timestamp),
    })
}

impl Audit {
    /// Returns whether the account has a running job that began before `end`. Reads an index that lags behind the rows
    /// by seconds, which is enough: a job that began days ago is in it.
    ///
    /// # Errors
    /// Store errors.
    pub async fn has_running_job_before(&self, account: &AccountId, end: Timestamp) -> Result<bool, StoreError> {
        let condition = "#list_pk = :pk AND #list_sk < :end";
        let page = self
            .db()
            .query()
            .table_name(&self.tables.jobs)
            .index_name(keys::BY_ACCOUNT)
            .key_condition_expression(condition)
            .set_expression_attribute_names(names(&[condition]))
            .expression_attribute_values(":pk", AttributeValue::S(keys::list_running(account)))
            .expression_attribute_values(":end", AttributeValue::S(keys::list_from(end)))
            .limit(1)
            .send()
            .await
            .map_err(|e| StoreError::sdk("Query", e))?;
        Ok(!page.items().is_empty())
    }

    /// Closes a month with `checkpoint`. Returns `false` if it is closed already, or its row does not equal the sums.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect. The call may be repeated.
    pub async fn close_month(
        &self,
        account: &AccountId,
        month: Month,
        checkpoint: &Checkpoint,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Checkpoint { sums, counted_to, .. } = checkpoint;
        // A month without entries has nothing to close.
        let Some(last_job) = &sums.last_job else { return Ok(false) };
        let (table, pk) = (&self.tables.accounts, keys::account(account));
        let row = key(&pk, keys::closed(month))
            .with("entries", n(sums.entries))
            .with("last_job", s(last_job.as_str()))
            .with("reserved_monthly", n(sums.reserved_monthly))
            .with("reserved_prepaid", n(sums.reserved_prepaid))
            .with("charged", n(sums.charged))
            .with("refunded_monthly", n(sums.refunded_monthly))
            .with("refunded_prepaid", n(sums.refunded_prepaid))
            .with("counted_to", n(counted_to.0))
            .with("closed_at", n(now.0));
        let marked = tx_update(
            table,
            key(&pk, keys::month(month)),
            "SET #closed_at = :now",
            "#used = :used AND attribute_not_exists(#closed_at)",
            values([(":now", n(now.0)), (":used", n(sums.used()))]),
        )?;
        let wrote = self.transact(vec![tx_put(table, row, ABSENT)?, marked]).await?;
        Ok(matches!(wrote, Transaction::Written))
    }

    /// Records when a closed month's entries expire, unless that was recorded before.
    ///
    /// # Errors
    /// Store errors.
    pub async fn confirm_month(&self, account: &AccountId, month: Month, now: Timestamp) -> Result<(), StoreError> {
        let keep_until = self.expiry(now).plus_secs(ENTRY_RETENTION_SECS);
        let row = key(keys::account(account), keys::closed(month));
        let condition = "attribute_exists(#pk) AND attribute_not_exists(#keep_until)";
        let given = values([(":until", n(keep_until.0))]);
        self.update_if(&self.tables.accounts, row, "SET #keep_until = :until", condition, given).await?;
        Ok(())
    }

    /// Lets an entry of the ledger expire after `keep_until`. Does nothing if the entry is gone.
    ///
    /// # Errors
    /// Store errors.
    pub async fn expire_entry(
        &self,
        account: &AccountId,
        entry: &str,
        keep_until: Timestamp,
    ) -> Result<(), StoreError> {
        let row = key(keys::account(account), entry);
        let given = values([(":ttl", n(keep_until.secs()))]);
        self.update_if(&self.tables.accounts, row, "SET #ttl = :ttl", "attribute_exists(#pk)", given).await?;
        Ok(())
    }
}

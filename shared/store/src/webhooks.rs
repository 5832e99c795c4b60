//! Deliveries of webhook messages and the secrets that sign them. Each message has one row, which is written with its
//! job's end (see [`crate::settle`]) and later by compare-and-set on its version. Each account has one row of secrets.

use domain::webhook::{Delivery, DeliveryState, Secrets};
use domain::{AccountId, JobId, Nonce, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};
use crate::{Base, Webhooks};

/// How long a delivery's row is kept after its last write: longer than all tries can take.
const DELIVERY_RETENTION_SECS: u64 = 4 * 86_400;

/// An account's secrets as read. They are written by compare-and-set on their version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretsRow {
    /// The secrets.
    pub secrets: Secrets,
    version: u64,
}

impl Base {
    /// Returns the row of a delivery that the sweeper checks at `due`.
    pub(crate) fn delivery_item(&self, delivery: &Delivery, due: Timestamp) -> Item {
        let expires_at = delivery.next.plus_secs(DELIVERY_RETENTION_SECS).max(self.expiry(delivery.next));
        let item = key(keys::job(&delivery.job), keys::DELIVERY)
            .with("account", s(delivery.account.as_str()))
            .with("url", s(delivery.url.clone()))
            .with("body", s(delivery.body.clone()))
            .with("state", s(delivery.state.name()))
            .with("attempts", n(delivery.tries))
            .with("round", n(delivery.round))
            .with_some("last_status", delivery.last_status.map(n))
            .with("next", n(delivery.next.0))
            .with("trying", aws_sdk_dynamodb::types::AttributeValue::Bool(delivery.trying))
            .with_some("resent_at", delivery.resent_at.map(|at| n(at.0)))
            .with("version", n(delivery.version))
            .with("writer", s(delivery.writer.as_str()))
            .with("ttl", n(expires_at.plus_secs(crate::TTL_SLACK_SECS).secs()));
        if !delivery.is_pending() {
            return item;
        }
        item.with("due_pk", s(keys::delivery_due(&delivery.job))).with("due", n(due.0))
    }
}

fn read(id: &JobId, item: &Item) -> Result<Delivery, StoreError> {
    let row = Row(item);
    Ok(Delivery {
        job: id.clone(),
        account: row.parse("account", AccountId::parse)?,
        url: row.s("url")?.to_owned(),
        body: row.s("body")?.to_owned(),
        state: row.parse("state", DeliveryState::parse)?,
        tries: row.n("attempts")?,
        round: row.n("round")?,
        last_status: row.opt_n("last_status")?,
        next: Timestamp(row.n("next")?),
        trying: row.flag("trying"),
        resent_at: row.opt_n("resent_at")?.map(Timestamp),
        version: row.n("version")?,
        writer: row.parse("writer", Nonce::parse)?,
    })
}

impl Webhooks {
    /// Returns the delivery of a job, strongly consistent; `None` if there is none.
    ///
    /// # Errors
    /// Store errors.
    pub async fn delivery(&self, id: &JobId) -> Result<Option<Delivery>, StoreError> {
        let item = self.get(&self.tables.jobs, key(keys::job(id), keys::DELIVERY)).await?;
        item.map(|item| read(id, &item)).transpose()
    }

    /// Writes a delivery's row over its previous version. `due` is when the sweeper checks it if nothing happens
    /// before. Returns whether the row is now this one. That is also the case if an earlier try wrote it and the reply
    /// was lost.
    ///
    /// # Errors
    /// Store errors; it is then unknown whether the write took effect.
    pub async fn write_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, StoreError> {
        let item = self.delivery_item(delivery, due);
        let before = values([(":before", n(delivery.version.saturating_sub(1)))]);
        Ok(match self.put_if(&self.tables.jobs, item, "#version = :before", Some(before)).await? {
            Conditional::Written => true,
            Conditional::Refused(None) => false,
            Conditional::Refused(Some(item)) => {
                let current = read(&delivery.job, &item)?;
                (current.version, current.writer) == (delivery.version, delivery.writer)
            }
        })
    }

    /// Postpones the sweeper's next check of a pending delivery to `due`, if its row is unchanged since it was read.
    ///
    /// # Errors
    /// Store errors.
    pub async fn postpone(&self, delivery: &Delivery, due: Timestamp) -> Result<(), StoreError> {
        let given = values([(":due", n(due.0)), (":version", n(delivery.version))]);
        let row = key(keys::job(&delivery.job), keys::DELIVERY);
        self.update_if(&self.tables.jobs, row, "SET #due = :due", "#version = :version", given).await?;
        Ok(())
    }

    /// Returns jobs whose deliveries are due, oldest first, at most `limit` per shard. The index lags, so each row must
    /// be read again.
    ///
    /// # Errors
    /// Store errors.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<JobId>, StoreError> {
        self.due_of(keys::delivery_shard, now, limit).await
    }

    /// Returns an account's secrets; none if it has no row.
    ///
    /// # Errors
    /// Store errors.
    pub async fn secrets(&self, account: &AccountId) -> Result<SecretsRow, StoreError> {
        let Some(item) = self.get(&self.tables.accounts, key(keys::account(account), keys::SECRETS)).await? else {
            return Ok(SecretsRow::default());
        };
        let row = Row(&item);
        Ok(SecretsRow { secrets: row.json("secrets")?, version: row.n("version")? })
    }

    /// Writes an account's secrets over those that were read. Returns `false` if they have changed since.
    ///
    /// # Errors
    /// Store errors.
    pub async fn put_secrets(
        &self,
        account: &AccountId,
        read: &SecretsRow,
        secrets: &Secrets,
    ) -> Result<bool, StoreError> {
        let item = key(keys::account(account), keys::SECRETS)
            .with("secrets", json_text(secrets)?)
            .with("version", n(read.version + 1));
        let (condition, given) = match read.version {
            0 => (ABSENT, None),
            version => ("#version = :before", Some(values([(":before", n(version))]))),
        };
        Ok(matches!(self.put_if(&self.tables.accounts, item, condition, given).await?, Conditional::Written))
    }
}

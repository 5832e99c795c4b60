//! Messages of jobs that ended, and the secrets that sign them: a row a message, put with its job's end (see
//! [`crate::settle`]) and written from then on by its version; a row of secrets an account.

use domain::webhook::{Delivery, DeliveryState, Secrets};
use domain::{AccountId, JobId, Nonce, Timestamp};

use crate::error::StoreError;
use crate::item::{Item, Put, Row, json_text, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};
use crate::{Base, Hooks};

/// Sort key of a job's message.
pub(crate) const DELIVERY: &str = "DELIVERY";
/// Sort key of an account's secrets.
const SECRETS: &str = "WEBHOOK";
/// What a message's row outlives its last write by: longer than all tries take, however the waits fall out.
const KEPT_SECS: u64 = 4 * 86_400;

/// An account's secrets as they were read, to be written by their version.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretsRow {
    /// The secrets.
    pub secrets: Secrets,
    version: u64,
}

impl Base {
    /// The row of a message that has to be looked at when `due` has come.
    pub(crate) fn delivery_item(&self, delivery: &Delivery, due: Timestamp) -> Item {
        let kept = delivery.next.plus_secs(KEPT_SECS).max(self.expiry(delivery.next));
        let item = key(keys::job(&delivery.job), DELIVERY)
            .with("account", s(delivery.account.as_str()))
            .with("url", s(delivery.url.clone()))
            .with("body", s(delivery.body.clone()))
            .with("state", s(delivery.state.name()))
            .with("attempts", n(delivery.attempts))
            .with("round", n(delivery.round))
            .with_some("last_status", delivery.last_status.map(n))
            .with("next", n(delivery.next.0))
            .with("trying", aws_sdk_dynamodb::types::AttributeValue::Bool(delivery.trying))
            .with_some("resent_at", delivery.resent_at.map(|at| n(at.0)))
            .with("version", n(delivery.version))
            .with("writer", s(delivery.writer.as_str()))
            .with("ttl", n(kept.plus_secs(crate::TTL_SLACK_SECS).secs()));
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
        attempts: row.n("attempts")?,
        round: row.n("round")?,
        last_status: row.opt_n("last_status")?,
        next: Timestamp(row.n("next")?),
        trying: row.flag("trying"),
        resent_at: row.opt_n("resent_at")?.map(Timestamp),
        version: row.n("version")?,
        writer: row.parse("writer", Nonce::parse)?,
    })
}

impl Hooks {
    /// The message of a job that ended, strongly consistent; `None` where there is none.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn delivery(&self, id: &JobId) -> Result<Option<Delivery>, StoreError> {
        let item = self.get(&self.tables.jobs, key(keys::job(id), DELIVERY)).await?;
        item.map(|item| read(id, &item)).transpose()
    }

    /// Writes a message's row over the version before it; `due` is when somebody has to look if nothing comes of it.
    /// Returns whether the row now is this one: also where an earlier try took effect and its reply was lost.
    ///
    /// # Errors
    /// Faults of the store; then it is not known whether it took effect.
    pub async fn write_delivery(&self, delivery: &Delivery, due: Timestamp) -> Result<bool, StoreError> {
        let item = self.delivery_item(delivery, due);
        let before = values([(":before", n(delivery.version.saturating_sub(1)))]);
        Ok(match self.put_if(&self.tables.jobs, item, "#version = :before", Some(before)).await? {
            Conditional::Written => true,
            Conditional::Refused(None) => false,
            Conditional::Refused(Some(item)) => {
                let there = read(&delivery.job, &item)?;
                (there.version, there.writer) == (delivery.version, delivery.writer)
            }
        })
    }

    /// Has a pending message looked at no sooner than `due`, if its row is as it was read.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn postpone(&self, delivery: &Delivery, due: Timestamp) -> Result<(), StoreError> {
        let given = values([(":due", n(due.0)), (":version", n(delivery.version))]);
        let row = key(keys::job(&delivery.job), DELIVERY);
        self.update_if(&self.tables.jobs, row, "SET #due = :due", "#version = :version", given).await?;
        Ok(())
    }

    /// Jobs whose message has to be looked at, oldest first, at most `limit` of each shard. The index lags, so what is
    /// found must be read again.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn due(&self, now: Timestamp, limit: i32) -> Result<Vec<JobId>, StoreError> {
        self.due_of(keys::delivery_shard, now, limit).await
    }

    /// An account's secrets; none where it has no row.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn secrets(&self, account: &AccountId) -> Result<SecretsRow, StoreError> {
        let Some(item) = self.get(&self.tables.accounts, key(keys::account(account), SECRETS)).await? else {
            return Ok(SecretsRow::default());
        };
        let row = Row(&item);
        Ok(SecretsRow { secrets: row.json("secrets")?, version: row.n("version")? })
    }

    /// Writes an account's secrets over those that were read. Returns false where somebody else did meanwhile.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn put_secrets(
        &self,
        account: &AccountId,
        read: &SecretsRow,
        secrets: &Secrets,
    ) -> Result<bool, StoreError> {
        let item = key(keys::account(account), SECRETS)
            .with("secrets", json_text(secrets)?)
            .with("version", n(read.version + 1));
        let (condition, given) = match read.version {
            0 => (ABSENT, None),
            version => ("#version = :before", Some(values([(":before", n(version))]))),
        };
        Ok(matches!(self.put_if(&self.tables.accounts, item, condition, given).await?, Conditional::Written))
    }
}

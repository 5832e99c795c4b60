//! The row that says how far the check has come: `CHECK / PROGRESS` of the accounts table. A slice of the check that dies
//! has lost what it did since it was written, and nothing else; of two at once one is refused.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;

use crate::Audit;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, key, n, s, values};
use crate::ops::{ABSENT, Conditional};

fn row() -> Item {
    key("CHECK", "PROGRESS")
}

/// How far the check has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Counts the writes of the row.
    pub version: u64,
    /// Until when whoever wrote it works on it.
    pub lease_until: Timestamp,
    /// Whether its result is still to be told.
    pub open: bool,
    /// Where to go on, as who does so wrote it.
    pub state: String,
}

impl Audit {
    /// How far the check has come; `None` where there never was one.
    ///
    /// # Errors
    /// Faults of the store, malformed rows included.
    pub async fn progress(&self) -> Result<Option<Progress>, StoreError> {
        let Some(item) = self.get(&self.tables.accounts, row()).await? else { return Ok(None) };
        let row = Row(&item);
        Ok(Some(Progress {
            version: row.n("version")?,
            lease_until: Timestamp(row.n("lease_until")?),
            open: row.flag("open"),
            state: row.s("state")?.to_owned(),
        }))
    }

    /// Writes how far the check has come, if the row is of the version before. `false` where it is not: somebody else is
    /// at it. A repeat of a write whose reply was lost finds itself.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn save_progress(&self, progress: &Progress) -> Result<bool, StoreError> {
        let item = row()
            .with("version", n(progress.version))
            .with("lease_until", n(progress.lease_until.0))
            .with("open", AttributeValue::Bool(progress.open))
            .with("state", s(&progress.state));
        let before = values([(":before", n(progress.version.saturating_sub(1)))]);
        let (condition, given) =
            if progress.version <= 1 { (ABSENT, None) } else { ("#version = :before", Some(before)) };
        Ok(match self.put_if(&self.tables.accounts, item.clone(), condition, given).await? {
            Conditional::Written => true,
            Conditional::Refused(found) => found == Some(item),
        })
    }
}

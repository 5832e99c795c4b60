//! The row with the check's progress: `CHECK / PROGRESS` in the accounts table. A slice that dies loses only its work
//! since the last write of this row. Of two concurrent slices, one is refused.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;

use crate::Audit;
use crate::error::StoreError;
use crate::item::{Item, Put, Row, key, n, s, values};
use crate::keys;
use crate::ops::{ABSENT, Conditional};

fn row() -> Item {
    key(keys::CHECK, keys::PROGRESS)
}

/// The progress of the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The number of writes of the row.
    pub version: u64,
    /// The end of the writer's lease.
    pub lease_until: Timestamp,
    /// Whether its result is still to be reported.
    pub open: bool,
    /// Where to continue, as text of the caller.
    pub state: String,
}

impl Audit {
    /// Returns the progress of the check, or `None` if there never was one.
    ///
    /// # Errors
    /// Store errors, malformed rows included.
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

    /// Writes the progress of the check if the row has the previous version. Returns `false` if it has not, because
    /// another slice is at work. A retry after a lost reply recognises its own write.
    ///
    /// # Errors
    /// Store errors.
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

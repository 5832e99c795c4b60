//! The heartbeat: one row that workers update while they work, so that a handler waiting for the queue can tell a
//! backlog from a stall.

use domain::Timestamp;

use crate::Jobs;
use crate::error::StoreError;
use crate::item::{Item, Row, key, n, values};
use crate::keys;

fn row() -> Item {
    key(keys::WORKERS, keys::HEARTBEAT)
}

impl Jobs {
    /// Records that a worker is at work.
    ///
    /// # Errors
    /// Store errors.
    pub async fn record_heartbeat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.update_if(&self.tables.jobs, row(), "SET #at = :at", "", values([(":at", n(now.0))])).await?;
        Ok(())
    }

    /// Returns the time of the last heartbeat, or `None` if there was none.
    ///
    /// # Errors
    /// Store errors.
    pub async fn heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(&self.tables.jobs, row()).await?;
        Ok(item.as_ref().map(|item| Row(item).n("at")).transpose()?.map(Timestamp))
    }
}

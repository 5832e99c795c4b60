//! One row that workers touch while they work: whoever waits for the queue can tell a backlog from a standstill.

use domain::Timestamp;

use crate::Jobs;
use crate::error::StoreError;
use crate::item::{Item, Row, key, n, values};

fn row() -> Item {
    key("WORKERS", "HEARTBEAT")
}

impl Jobs {
    /// Says that a worker is at work.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn beat(&self, now: Timestamp) -> Result<(), StoreError> {
        self.update_if(&self.tables.jobs, row(), "SET #at = :at", "", values([(":at", n(now.0))])).await?;
        Ok(())
    }

    /// When a worker last said so; `None` where none ever did.
    ///
    /// # Errors
    /// Faults of the store.
    pub async fn heartbeat(&self) -> Result<Option<Timestamp>, StoreError> {
        let item = self.get(&self.tables.jobs, row()).await?;
        Ok(item.as_ref().map(|item| Row(item).n("at")).transpose()?.map(Timestamp))
    }
}

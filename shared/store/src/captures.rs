//! Captures of pages: rows beside the results, with the same retention. A capture that no result names does not count.

use domain::{Job, JobId, Seq};

use crate::Segments;
use crate::error::StoreError;
use crate::item::{Put, Row, b, key, n};
use crate::keys;

/// Maximum size of a capture in bytes. DynamoDB's limit for an item is 400 KB, names included.
pub const MAX_BYTES: usize = 390_000;

impl Segments {
    /// Stores a unit's capture. Replaces the capture of another attempt.
    ///
    /// # Errors
    /// [`StoreError::Malformed`] if it is too large, or store errors.
    pub async fn put_capture(&self, job: &Job, seq: Seq, bytes: Vec<u8>) -> Result<(), StoreError> {
        if bytes.len() > MAX_BYTES {
            return Err(StoreError::Malformed(format!("a capture of {} bytes is too large", bytes.len())));
        }
        let row =
            key(keys::job(&job.id), keys::capture(seq)).with("capture", b(bytes)).with("ttl", n(self.ttl_of(job)));
        self.put_many(&self.tables.jobs, vec![row]).await
    }

    /// Returns a unit's capture, if there is one.
    ///
    /// # Errors
    /// Store errors.
    pub async fn capture(&self, job: &JobId, seq: Seq) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.get(&self.tables.jobs, key(keys::job(job), keys::capture(seq))).await?;
        item.as_ref().map(|item| Row(item).bytes("capture").map(<[u8]>::to_vec)).transpose()
    }
}

//! An embedded DynamoDB: operations of the wire protocol on top of SQLite, so that the real SDK works with it. Data is
//! kept in a file and survives the process's death. Only the holder of its [`Service`] can reach it.

mod operations;

use std::path::Path;
use std::time::Duration;

use dynoxide::Database;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::embedded::Service;
use crate::{folder, layout};

/// How often rows past their TTL are removed.
const TTL_INTERVAL: Duration = Duration::from_secs(60);

/// A running embedded DynamoDB.
#[derive(Debug)]
pub struct DynamoDb {
    service: Service,
    stop: CancellationToken,
    sweep: JoinHandle<()>,
}

/// The embedded DynamoDB could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded DynamoDB could not be started: {0}")]
pub struct StartError(String);

impl DynamoDb {
    /// Opens the tables in `data_dir`, or new ones in memory if it is `None`. Makes the folder and its files accessible
    /// to their owner only.
    ///
    /// # Errors
    /// The folder cannot be written, or a later version of this program wrote it.
    pub async fn start(data_dir: Option<&Path>) -> Result<DynamoDb, StartError> {
        let failed = |e: &dyn std::fmt::Display| StartError(e.to_string());
        let database = match data_dir {
            None => Database::memory().map_err(|e| failed(&e)),
            Some(dir) => {
                folder::make_private(dir).map_err(|e| StartError(format!("{}: {e}", dir.display())))?;
                layout::migrate(dir).map_err(|e| failed(&e))?;
                let file = layout::tables_file(dir);
                let opened = Database::new(&file.to_string_lossy())
                    .map_err(|e| StartError(format!("{} could not be opened: {e}", file.display())));
                // The database may have created files with the process's umask.
                folder::make_private(dir).map_err(|e| StartError(format!("{}: {e}", dir.display())))?;
                opened
            }
        };
        let database = database?;
        // This is the only way to set `synchronous = NORMAL`: a commit does not wait for the disk. Committed data
        // survives the death of this process. A power cut may lose the last moments, the same for all tables, and
        // corrupts nothing.
        database.disable_bulk_loading().map_err(|e| failed(&e))?;
        let stop = CancellationToken::new();
        let (swept, ended) = (database.clone(), stop.clone());
        let is_persistent = data_dir.is_some();
        let sweep = tokio::spawn(async move {
            // Tables in memory belong to a test, whose clock may be days behind the one used here to expire rows.
            while is_persistent && ended.run_until_cancelled(tokio::time::sleep(TTL_INTERVAL)).await.is_some() {
                let database = swept.clone();
                let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
            }
        });
        let service = Service::new(move |request| {
            let database = database.clone();
            async move {
                // A call is short and runs to its end. Yield before each, so that other tasks run in between, as if the
                // call waited for a network.
                tokio::task::yield_now().await;
                Ok(operations::answer(&database, &request))
            }
        });
        Ok(DynamoDb { service, stop, sweep })
    }

    /// Returns the service to call it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Stops it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.sweep.await;
    }
}

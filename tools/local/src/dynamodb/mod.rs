//! DynamoDB, embedded: SQLite underneath, the wire protocol's operations above, so that the real SDK talks to it. Data is
//! in a file, and survives the process's death. Whoever holds its [`Service`] reaches it, and nobody else.

mod operations;

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::embedded::Service;
use crate::{folder, layout};

/// How often rows past their TTL are removed.
const TTL_EVERY: Duration = Duration::from_secs(60);

/// An open embedded DynamoDB.
#[derive(Debug)]
pub struct DynamoDb {
    service: Service,
    stop: CancellationToken,
    sweep: JoinHandle<()>,
}

/// It could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded DynamoDB could not be started: {0}")]
pub struct StartError(String);

/// The file that holds the tables.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("dynamodb.sqlite")
}

impl DynamoDb {
    /// Opens what `data_dir` holds (memory where there is none). The folder and its files are their owner's alone from
    /// then on.
    ///
    /// # Errors
    /// The folder cannot be written, or a later program wrote it.
    pub async fn start(data_dir: Option<&Path>) -> Result<DynamoDb, StartError> {
        let failed = |e: &dyn std::fmt::Display| StartError(e.to_string());
        let database = match data_dir {
            None => Database::memory(),
            Some(dir) => {
                folder::make_private(dir).map_err(|e| StartError(format!("{}: {e}", dir.display())))?;
                layout::bring_up(dir).map_err(|e| failed(&e))?;
                let opened = Database::new(&file(dir).to_string_lossy());
                // The database's files are new, maybe, and made with the process's own mask.
                folder::make_private(dir).map_err(|e| StartError(format!("{}: {e}", dir.display())))?;
                opened
            }
        };
        let database = database.map_err(|e| failed(&e))?;
        // `synchronous = NORMAL`, by the only door there is: a commit waits for no disk. What was committed survives the
        // death of this process; a power cut may take the last moments, all tables alike, and breaks nothing.
        database.disable_bulk_loading().map_err(|e| failed(&e))?;
        let stop = CancellationToken::new();
        let (swept, ended) = (database.clone(), stop.clone());
        let kept = data_dir.is_some();
        let sweep = tokio::spawn(async move {
            // Memory is a test's: its clock may stand days behind the one that rows are judged by here.
            while kept && ended.run_until_cancelled(tokio::time::sleep(TTL_EVERY)).await.is_some() {
                let database = swept.clone();
                let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
            }
        });
        let service = Service::new(move |request| {
            let database = database.clone();
            async move {
                // A call is short, and whole once it has begun. Others get their turn between two of them, as they
                // would if this one waited for a network.
                tokio::task::yield_now().await;
                Ok(operations::answer(&database, &request))
            }
        });
        Ok(DynamoDb { service, stop, sweep })
    }

    /// The way to it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Ends it.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.sweep.await;
    }
}

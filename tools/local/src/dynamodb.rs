//! DynamoDB, embedded: SQLite underneath, the real wire protocol on a loopback listener above, so that the real SDK
//! talks to it. Data is in a file, and survives the process's death.

use std::path::{Path, PathBuf};
use std::time::Duration;

use dynoxide::Database;
use dynoxide::server::serve_with_shutdown;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often rows past their TTL are removed.
const TTL_EVERY: Duration = Duration::from_secs(60);

/// A running embedded DynamoDB.
#[derive(Debug)]
pub struct DynamoDb {
    url: String,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// It could not be started.
#[derive(Debug, thiserror::Error)]
#[error("the embedded DynamoDB could not be started: {0}")]
pub struct StartError(String);

/// The file that holds the tables.
pub fn file(data_dir: &Path) -> PathBuf {
    data_dir.join("dynamodb.sqlite")
}

/// The file that says where a running stack's DynamoDB listens.
pub fn url_file(data_dir: &Path) -> PathBuf {
    data_dir.join("dynamodb.url")
}

impl DynamoDb {
    /// Opens `data_dir` (memory where there is none) and serves it on `port` of loopback; 0 takes any.
    ///
    /// # Errors
    /// The folder cannot be written, or the port is taken.
    pub async fn start(data_dir: Option<&Path>, port: u16) -> Result<DynamoDb, StartError> {
        let started = DynamoDb::serve(data_dir, port).await?;
        if let Some(dir) = data_dir {
            std::fs::write(url_file(dir), &started.url).map_err(|e| StartError(e.to_string()))?;
        }
        Ok(started)
    }

    /// Opens the files of a stack that is not running, for a tool that works on them. Says nowhere that it does.
    ///
    /// # Errors
    /// The files cannot be opened.
    pub async fn open_files(data_dir: &Path) -> Result<DynamoDb, StartError> {
        DynamoDb::serve(Some(data_dir), 0).await
    }

    async fn serve(data_dir: Option<&Path>, port: u16) -> Result<DynamoDb, StartError> {
        let failed = |e: &dyn std::fmt::Display| StartError(e.to_string());
        let database = match data_dir {
            None => Database::memory(),
            Some(dir) => {
                std::fs::create_dir_all(dir).map_err(|e| StartError(format!("{}: {e}", dir.display())))?;
                Database::new(&file(dir).to_string_lossy())
            }
        };
        let database = database.map_err(|e| failed(&e))?;
        // `synchronous = NORMAL`, by the only door there is: a commit waits for no disk. What was committed survives the
        // death of this process; a power cut may take the last moments, all tables alike, and breaks nothing.
        database.disable_bulk_loading().map_err(|e| failed(&e))?;
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(|e| failed(&e))?;
        let url = format!("http://{}", listener.local_addr().map_err(|e| failed(&e))?);
        let stop = CancellationToken::new();
        let (swept, ended) = (database.clone(), stop.clone());
        let sweep = tokio::spawn(async move {
            while ended.run_until_cancelled(tokio::time::sleep(TTL_EVERY)).await.is_some() {
                let database = swept.clone();
                let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
            }
        });
        let ended = stop.clone();
        let serve = tokio::spawn(async move {
            if let Err(error) = serve_with_shutdown(listener, database, async move { ended.cancelled().await }).await {
                tracing::error!(error, "the embedded DynamoDB ended");
            }
        });
        Ok(DynamoDb { url, stop, tasks: vec![sweep, serve] })
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends it, requests under way first.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // The SDK keeps connections open; they end with the process.
            let _ = tokio::time::timeout(Duration::from_secs(1), task).await;
        }
    }
}

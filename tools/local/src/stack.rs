//! The stack as a thing that can be started and stopped: by `cargo run`, and by tests as often as they like.

use std::time::Duration;

use api::App;
use engine::Engine;
use store::client::{Connection, connect};
use store::{RetryPolicy, Store};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::LocalConfig;
use crate::dynamodb::{self, DynamoDb};
use crate::{front, seed};

/// How long units that have started may take to finish once the server ends.
const GRACE: Duration = Duration::from_secs(10);

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    url: String,
    key: String,
    app: App,
    dynamodb: DynamoDb,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// The stack could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The embedded DynamoDB.
    #[error(transparent)]
    DynamoDb(#[from] dynamodb::StartError),
    /// Tables or seed.
    #[error("the tables could not be set up: {0}")]
    Store(#[from] store::StoreError),
    /// The HTTP client.
    #[error(transparent)]
    Fetch(#[from] fetch::BuildError),
    /// The port, or a file.
    #[error("{0}")]
    Io(String),
}

impl Stack {
    /// Starts everything.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(local: LocalConfig) -> Result<Stack, StartError> {
        let data_dir = local.data_dir.as_deref();
        let listener = TcpListener::bind(("127.0.0.1", local.port))
            .await
            .map_err(|e| StartError::Io(format!("port {} cannot be listened on: {e}; set PORT", local.port)))?;
        let address = listener.local_addr().map_err(|e| StartError::Io(e.to_string()))?;
        let dynamodb = DynamoDb::start(data_dir, local.dynamodb_port).await?;
        let connection = Connection { endpoint: Some(dynamodb.url().to_owned()), ..Connection::default() };
        let config = &local.config;
        let store = Store::new(
            connect(&connection).await,
            config.tables.clone(),
            RetryPolicy::default(),
            config.result_ttl_secs,
        );
        store.create_tables().await?;
        let key = seed::dev_key(local.dev_key.as_deref(), data_dir).map_err(|e| StartError::Io(e.to_string()))?;
        seed::seed(&store, &key, local.dev_rate).await?;
        let app = App::on(store, config)?;
        let stop = CancellationToken::new();
        let tasks = vec![
            tokio::spawn(sweep_loop(app.engine.clone(), stop.clone())),
            tokio::spawn(front::serve(listener, app.clone(), stop.clone())),
        ];
        Ok(Stack { url: format!("http://{address}"), key, app, dynamodb, stop, tasks })
    }

    /// The API's base URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The key of the account `dev`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Where the embedded DynamoDB listens.
    pub fn dynamodb_url(&self) -> &str {
        self.dynamodb.url()
    }

    /// The engine, for those who look behind the API: tests and tools.
    pub fn engine(&self) -> &Engine {
        &self.app.engine
    }

    /// Ends everything: no new connections, what has started may finish, leases are given back.
    pub async fn stop(self) {
        self.stop.cancel();
        self.app.engine.shut_down(GRACE).await;
        for task in self.tasks {
            let _ = task.await;
        }
        self.dynamodb.stop().await;
    }
}

/// What the settle function's schedule does in the cloud.
async fn sweep_loop(engine: Engine, stop: CancellationToken) {
    let every = Duration::from_secs(engine.settings().sweep_secs);
    loop {
        if let Err(error) = engine.sweep().await {
            tracing::warn!(%error, "a sweep failed; the next one goes on");
        }
        if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return;
        }
    }
}

/// Comes back at Ctrl-C or SIGTERM.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut term) = signal(SignalKind::terminate()) else { return std::future::pending().await };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

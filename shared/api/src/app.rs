//! What the functions share: built once per process, handed to every request.

use std::sync::Arc;

use domain::{Endpoint, ErrorCode};
use engine::Engine;
use engine::clock::{SystemClock, SystemIds};
use fetch::Fetcher;
use store::client::{Connection, connect};
use store::{RetryPolicy, Store};

use crate::config::{Config, ConfigError};
use crate::routes::{self, Function, Operation};
use crate::{ApiError, Response, request};

/// The application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// Does the work.
    pub engine: Engine,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment is not as it should be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The HTTP client could not be built.
    #[error(transparent)]
    Fetch(#[from] fetch::BuildError),
}

impl App {
    /// Builds the application of a Lambda function from its environment. Makes no network call.
    ///
    /// # Errors
    /// A variable is missing or cannot be read.
    pub async fn from_env() -> Result<App, StartError> {
        let config = Config::from_env()?;
        let connection = config.connection.clone();
        Ok(App::new(&config, &connection).await?)
    }

    /// Builds the application on a connection.
    ///
    /// # Errors
    /// The HTTP client could not be built.
    pub async fn new(config: &Config, connection: &Connection) -> Result<App, fetch::BuildError> {
        let db = connect(connection).await;
        let store = Store::new(db, config.tables.clone(), RetryPolicy::default(), config.result_ttl_secs);
        App::on(store, config)
    }

    /// Builds the application on a store.
    ///
    /// # Errors
    /// The HTTP client could not be built.
    pub fn on(store: Store, config: &Config) -> Result<App, fetch::BuildError> {
        let fetcher = Fetcher::new(config.fetch.clone())?;
        let engine = Engine::new(store, fetcher, config.settings.clone(), Arc::new(SystemClock), Arc::new(SystemIds));
        Ok(App { engine })
    }
}

impl App {
    /// Serves a request that was routed to `function`.
    pub async fn serve(&self, function: Function, request: lambda_http::Request) -> Response {
        let (operation, job_id) = match routes::find(request.method(), request::path(&request)) {
            Ok(found) => found,
            Err(refusal) => return refusal.into_response(),
        };
        if operation.function() != function {
            tracing::error!(?function, ?operation, "a request was routed to the wrong function");
            return ApiError::new(ErrorCode::NotFound, "this function does not serve that path").into_response();
        }
        // Boxed: the state of everything below would be laid out in each caller's future otherwise.
        match operation {
            Operation::Extract => Box::pin(self.call(Endpoint::Extract, &request)).await,
            Operation::Batch => Box::pin(self.call(Endpoint::Batch, &request)).await,
            Operation::ListJobs
            | Operation::GetJob
            | Operation::CancelJob
            | Operation::GetResult
            | Operation::Usage
            | Operation::Health => Box::pin(self.read(operation, job_id, &request)).await,
        }
    }
}

/// Starts the log: one JSON line per event in a function, readable lines elsewhere. `RUST_LOG` chooses the level.
pub fn start_log(json: bool) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start (in tests) keeps the first.
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let _ = if json { log.json().try_init() } else { log.with_target(false).with_ansi(ansi).try_init() };
}

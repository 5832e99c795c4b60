//! Starts and stops the stack, for `cargo run` and for tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use api::App;
use api::app::AppDependencies;
use api::config::ResourceConfig;
use engine::Engine;
use fetch::Fetcher;
use render::{Render, RenderConfig, Renderer};
use runtime::Semaphores;
use store::TableNames;
use store::queue;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::LocalConfig;
use crate::dynamodb::{self, DynamoDb};
use crate::embedded::Service;
use crate::listener::{Credentials, Listeners};
use crate::sqs::Sqs;
use crate::{front, queues, seed};

/// How long started units may take to finish when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(10);

/// A running stack.
#[derive(Debug)]
pub struct Stack {
    url: String,
    key: String,
    app: App,
    worker: App,
    dynamodb: DynamoDb,
    sqs: Sqs,
    listeners: Listeners,
    browser: Option<Browser>,
    resources: ResourceConfig,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

/// The process's browser, which is closed with it.
struct Browser(Renderer);

impl std::fmt::Debug for Browser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Browser")
    }
}

/// The stack could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The embedded DynamoDB failed.
    #[error(transparent)]
    DynamoDb(#[from] dynamodb::StartError),
    /// The tables or queues could not be created.
    #[error("the tables and queues could not be set up: {0}")]
    Store(#[from] store::StoreError),
    /// The account `dev` could not be set up.
    #[error(transparent)]
    Seed(#[from] seed::SeedError),
    /// The HTTP client of the browser's proxy could not be built.
    #[error(transparent)]
    Fetch(#[from] fetch::BuildError),
    /// An HTTP client of the application could not be built.
    #[error(transparent)]
    Build(#[from] api::app::BuildError),
    /// A port or a file is not available.
    #[error("{0}")]
    Io(String),
}

impl Stack {
    /// Starts everything with the default dependencies.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start(local: LocalConfig) -> Result<Stack, StartError> {
        Stack::start_with(local, AppDependencies::default()).await
    }

    /// Starts everything.
    ///
    /// # Errors
    /// What could not be started.
    pub async fn start_with(local: LocalConfig, dependencies: AppDependencies) -> Result<Stack, StartError> {
        let data_dir = local.data_dir.as_deref();
        let listener = TcpListener::bind((local.bind_address, local.port))
            .await
            .map_err(|e| cannot_listen("PORT", local.bind_address, local.port, &e))?;
        let address = listener.local_addr().map_err(|e| StartError::Io(e.to_string()))?;
        let (dynamodb_port, sqs_port) = (
            bind("DYNAMODB_PORT", address.ip(), local.dynamodb_port).await?,
            bind("SQS_PORT", address.ip(), local.sqs_port).await?,
        );
        let names = local.names.with_address(address.ip());
        let dynamodb = DynamoDb::start(data_dir).await?;
        let sqs = Sqs::start(sqs_port.as_ref().and_then(|socket| socket.local_addr().ok()));
        let listeners = Listeners::start(
            local.credentials.unwrap_or_else(Credentials::random),
            &names,
            dynamodb_port.map(|socket| (socket, dynamodb.service())),
            sqs_port.map(|socket| (socket, sqs.service())),
        )
        .map_err(|e| StartError::Io(e.to_string()))?;
        let stop = CancellationToken::new();
        #[cfg(unix)]
        if let Some(dir) = data_dir {
            let served = crate::socket::serve(dir, dynamodb.service().clone(), stop.clone()).await;
            served.map_err(|e| StartError::Io(e.to_string()))?;
        }
        let client = queue::connect(&sqs.service().connection()).await;
        let queues = queue::create_queues(&client, &queue::QueueNames::default()).await?;
        let resources = ResourceConfig {
            tables: TableNames::default(),
            dynamodb: dynamodb.service().connection(),
            sqs: sqs.service().connection(),
            units_queue: queues.units.clone(),
            settle_queue: queues.settle.clone(),
            notify_queue: queues.notify.clone(),
            renderer: None,
        };
        // One process, so its applications share the semaphores.
        let semaphores = dependencies.semaphores.unwrap_or_else(|| Semaphores::new(&local.config.settings));
        let mut config = local.config;
        config.fetch.own_listeners = listeners.own(address);
        // One process, so one browser.
        let renderer = match (&dependencies.renderer, local.browser) {
            (None, Some(browser)) => {
                let permits = usize::try_from(config.settings.render_concurrency).unwrap_or(1);
                Some(Renderer::new(RenderConfig::new(browser, permits), Fetcher::new(config.fetch.clone())?))
            }
            _ => None,
        };
        let given = renderer.clone().map(|renderer| Arc::new(renderer) as Arc<dyn Render>);
        let dependencies =
            AppDependencies { semaphores: Some(semaphores), renderer: dependencies.renderer.or(given), ..dependencies };
        let app = App::new(&config, &resources, dependencies.clone()).await?;
        let without_accounts = TableNames { accounts: "none".into(), ..resources.tables.clone() };
        let worker_resources = ResourceConfig { tables: without_accounts, ..resources.clone() };
        let worker = App::new(&config, &worker_resources, dependencies).await?;
        app.engine.store().admin.create_tables().await?;
        let key = seed::seed(app.engine.store(), local.dev_key.as_deref(), data_dir, local.dev_rate).await?;
        let limits = local.limits.limited_by(descriptors(), config.settings.fetch_concurrency);
        let mut tasks =
            queues::start(&queues, app.clone(), worker.clone(), local.worker_concurrency, &resources.sqs, &stop).await;
        tasks.push(tokio::spawn(sweep_loop(app.clone(), stop.clone())));
        tasks.push(tokio::spawn(front::serve(listener, app.clone(), limits, names, stop.clone())));
        Ok(Stack {
            browser: renderer.map(Browser),
            url: format!("http://{}", reachable_address(address)),
            key,
            app,
            worker,
            dynamodb,
            sqs,
            listeners,
            resources,
            stop,
            tasks,
        })
    }

    /// Returns the API's base URL.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Returns the key of the account `dev`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the listeners of the embedded stores.
    pub fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    /// Returns the embedded DynamoDB, for access behind the API.
    pub fn dynamodb(&self) -> &Service {
        self.dynamodb.service()
    }

    /// Returns the tables and queues, as in a function's environment.
    pub fn resources(&self) -> &ResourceConfig {
        &self.resources
    }

    /// Returns the engine, for access behind the API by tests and tools.
    pub fn engine(&self) -> &Engine {
        &self.app.engine
    }

    /// Stops everything: accepts no new connections, lets started units finish, and gives leases back.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::join!(self.app.engine.shut_down(SHUTDOWN_TIMEOUT), self.worker.engine.shut_down(SHUTDOWN_TIMEOUT));
        for task in self.tasks {
            // A worker in the middle of a long page is abandoned: its claim's lease ends.
            let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, task).await;
        }
        if let Some(Browser(renderer)) = &self.browser {
            renderer.close().await;
        }
        self.listeners.stop().await;
        self.sqs.stop().await;
        self.dynamodb.stop().await;
    }
}

/// Returns the address by which this machine connects to a listener on `address`: loopback if that is the unspecified
/// address.
pub(crate) fn reachable_address(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// Listens on a port, if one is given.
async fn bind(name: &str, address: IpAddr, port: Option<u16>) -> Result<Option<TcpListener>, StartError> {
    let Some(port) = port else { return Ok(None) };
    match TcpListener::bind((address, port)).await {
        Ok(socket) => Ok(Some(socket)),
        Err(error) => Err(cannot_listen(name, address, port, &error)),
    }
}

fn cannot_listen(name: &str, address: IpAddr, port: u16, error: &std::io::Error) -> StartError {
    StartError::Io(format!(
        "cannot listen on port {port} of {address}: {error}; if the port is in use, set {name} to another one; if the \
         address is not this machine's, correct BIND_ADDRESS"
    ))
}

/// Returns how many files this process may have open, if the system limits them.
fn descriptors() -> Option<u64> {
    #[cfg(unix)]
    return rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    None
}

/// Sweeps at intervals, as the settle function's schedule does in the cloud.
async fn sweep_loop(app: App, stop: CancellationToken) {
    let every = Duration::from_secs(app.engine.settings().sweep_secs);
    loop {
        // Nothing in the event of an EventBridge schedule matters here.
        let event = serde_json::json!({ "source": "aws.scheduler" });
        if let Err(error) = settle::handle(&app, event, None).await {
            tracing::warn!(%error, "a sweep failed; the next one retries");
        }
        if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return;
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
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

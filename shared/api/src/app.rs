//! The application that all functions share: built once per process, passed to every request.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use domain::{Endpoint, ErrorCode};
use engine::dispatch::Queues;
use engine::{Engine, EngineDependencies};
use fetch::Fetcher;
use futures_util::future::BoxFuture;
use language_model::Model;
use render::Render;
use runtime::Semaphores;
use runtime::clock::{Clock, RandomSource, SystemClock, SystemRandom};
use runtime::metrics::MetricRecorder;
use runtime::settings::Settings;
use store::client::connect;
use store::function::Function as LambdaFunction;
use store::queue::{self, Queue};
use store::{RetryPolicy, Store};
use visits::remote::RemoteRenderer;

use crate::auth::{authenticate, known_key};
use crate::config::{Config, ResourceConfig, TableAccess};
use crate::env::{ConfigError, Env, process_env};
use crate::headers::{add_limits, add_privacy};
use crate::held::HeldCalls;
use crate::prefer::prefers_problem_json;
use crate::routes::{self, Found, Function, Operation};
use crate::telemetry::{self, RequestLog, Sink, Telemetry};
use crate::{ApiError, Response, console, error, request};

/// The application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// Runs the jobs.
    pub engine: Engine,
    /// Metrics.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Calls that are held open, by account.
    pub(crate) held: HeldCalls,
    /// Whether callers may ask why a value was chosen.
    pub(crate) explains: bool,
}

/// The process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable of the environment is missing or unreadable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An HTTP client could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// An HTTP client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The client that fetches pages.
    #[error(transparent)]
    Fetch(#[from] fetch::BuildError),
    /// The client that calls the model.
    #[error("the client for the model could not be built: {0}")]
    Model(String),
}

/// Parts that the application does not build from its configuration. The default is for production; the local server
/// and tests replace some of them.
#[derive(Clone)]
pub struct AppDependencies {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Generates ids, nonces and keys.
    pub ids: Arc<dyn RandomSource>,
    /// Renders pages, if there is a browser.
    pub renderer: Option<Arc<dyn Render>>,
    /// Semaphores shared by the applications of one process; `None` creates new ones.
    pub semaphores: Option<Semaphores>,
    /// Where metrics go.
    pub metrics: Sink,
    /// Rows in memory in place of the database, for a benchmark of everything but the store.
    pub rows: Option<Arc<store::memory::Rows>>,
}

impl Default for AppDependencies {
    fn default() -> Self {
        AppDependencies {
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemRandom),
            renderer: None,
            semaphores: None,
            metrics: telemetry::log(),
            rows: None,
        }
    }
}

impl App {
    /// Builds the application of a Lambda function from its environment. Makes no network call.
    ///
    /// # Errors
    /// A variable is missing or cannot be read.
    pub async fn from_env(access: TableAccess) -> Result<App, StartError> {
        // Logged here because an error returned from `main` is printed in its `Debug` form.
        from_environment(access).await.inspect_err(|error| tracing::error!("{error}"))
    }

    /// Builds the application on tables and queues. Makes no network call.
    ///
    /// # Errors
    /// An HTTP client could not be built.
    pub async fn new(
        config: &Config,
        resources: &ResourceConfig,
        dependencies: AppDependencies,
    ) -> Result<App, BuildError> {
        let (db, sqs) = (connect(&resources.dynamodb).await, queue::connect(&resources.sqs).await);
        let retry = RetryPolicy::default();
        let telemetry = Arc::new(Telemetry::new(dependencies.metrics, config.metrics_namespace.clone()));
        let renderer = match (&resources.renderer, dependencies.renderer) {
            (Some(remote), None) => {
                let function = LambdaFunction::new(&remote.lambda, &remote.function).await;
                Some(Arc::new(RemoteRenderer(function)) as Arc<dyn Render>)
            }
            (_, given) => given,
        };
        let store = Store::new(db, resources.tables.clone(), retry, config.result_ttl_secs);
        let engine = EngineDependencies {
            store: match dependencies.rows {
                Some(rows) => store.in_memory(rows),
                None => store,
            },
            queues: Queues {
                units: Queue::new(sqs.clone(), &resources.units_queue, retry),
                settle: Queue::new(sqs.clone(), &resources.settle_queue, retry),
                notify: Queue::new(sqs, &resources.notify_queue, retry),
            },
            fetcher: Fetcher::new(config.fetch.clone())?,
            renderer,
            model: config.model.clone().map(Model::new).transpose().map_err(BuildError::Model)?,
            settings: config.settings.clone(),
            semaphores: dependencies.semaphores.unwrap_or_else(|| Semaphores::new(&config.settings)),
            recorder: Arc::clone(&telemetry) as Arc<dyn MetricRecorder>,
        };
        Ok(App {
            engine: Engine::new(engine, dependencies.clock, dependencies.ids),
            telemetry,
            held: HeldCalls::default(),
            explains: config.explains,
        })
    }
}

async fn from_environment(access: TableAccess) -> Result<App, StartError> {
    let env = Env(&process_env);
    let resources = ResourceConfig::from_env(&env, access)?;
    let defaults = Settings { reader: reader(), ..Settings::default() };
    let render_concurrency = default_render_concurrency(&resources, &defaults);
    let config = Config::read(&env, Settings { render_concurrency, ..defaults })?;
    let dependencies = AppDependencies { metrics: telemetry::stdout(), ..AppDependencies::default() };
    Ok(App::new(&config, &resources, dependencies).await?)
}

/// The default of `RENDER_CONCURRENCY`. Pages rendered by another function cost this process nothing.
fn default_render_concurrency(resources: &ResourceConfig, defaults: &Settings) -> u32 {
    if resources.renderer.is_some() { MAX_REMOTE_RENDERS } else { defaults.render_concurrency }
}

/// Maximum number of renders that one process waits for at once. Each is an execution of the render function.
const MAX_REMOTE_RENDERS: u32 = 8;

/// The path of this executable. It is started again as a child process to read a page.
pub fn reader() -> Option<PathBuf> {
    std::env::current_exe().ok()
}

/// Reads a page if this process was started to do so, and returns its exit code; `None` otherwise. Call it first,
/// before any setup.
pub fn read_page_if_asked() -> Option<ExitCode> {
    let asked = std::env::args_os().nth(1).is_some_and(|argument| argument == reader::ARGUMENT);
    asked.then(|| if reader::serve().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl App {
    /// Answers with a refusal that is known before the request is processed. Includes the rate and quota headers if the
    /// caller can be authenticated.
    pub async fn refuse(&self, headers: &http::HeaderMap, refusal: ApiError) -> Response {
        let mut response = error::as_problem_if_preferred(refusal.into_response(), prefers_problem_json(headers));
        add_privacy(response.headers_mut());
        if let Ok(caller) = authenticate(self.engine.store(), headers, None, self.engine.now()).await {
            add_limits(response.headers_mut(), &caller.quota, self.engine.now());
        }
        response
    }

    /// Returns the refusal of a request without a valid key, checked by its headers alone. Returns `None` if the key is
    /// valid, or if the store is not available.
    pub async fn refuse_unknown_key(&self, headers: &http::HeaderMap) -> Option<Response> {
        let refusal = known_key(self.engine.store(), headers).await.err()?;
        (refusal.code == ErrorCode::Unauthorized).then(|| {
            let mut response = error::as_problem_if_preferred(refusal.into_response(), prefers_problem_json(headers));
            add_privacy(response.headers_mut());
            response
        })
    }

    /// Serves a request that was routed to `function`. The future is boxed, because each caller would contain its
    /// layout otherwise.
    pub fn serve(&self, function: Function, mut request: lambda_http::Request) -> BoxFuture<'_, Response> {
        Box::pin(async move {
            let head = request.method() == http::Method::HEAD;
            let app = self.clone();
            let log = RequestLog::begin(move || app.telemetry.flush(app.engine.now()));
            request.extensions_mut().insert(log.clone());
            let problem = prefers_problem_json(request.headers());
            let mut response = error::as_problem_if_preferred(self.answer_routed(function, request).await, problem);
            if response.extensions().get::<console::Public>().is_none() {
                add_privacy(response.headers_mut());
            }
            log.head(response.status().as_u16(), response.extensions().get().copied());
            let response = response.map(|body| body.logged(log));
            // HEAD: an API Gateway integration does not remove the body itself. The headers stay those of GET.
            if head { response.map(crate::Body::left_out) } else { response }
        })
    }

    async fn answer_routed(&self, function: Function, request: lambda_http::Request) -> Response {
        let (operation, segments) = match routes::find(request.method(), request::path(&request)) {
            Ok(Found::Operation(operation, segments)) => (operation, segments),
            Ok(Found::Options(allow)) => return options(&allow),
            Err(refusal) => return Box::pin(self.refuse(request.headers(), refusal)).await,
        };
        RequestLog::note(&request, |log| log.operation(operation));
        if operation.function() != function {
            tracing::error!(?function, ?operation, "a request was routed to the wrong function");
            return ApiError::misrouted().into_response();
        }
        match operation {
            Operation::Extract => Box::pin(self.call(Endpoint::Extract, &request)).await,
            Operation::Batch => Box::pin(self.call(Endpoint::Batch, &request)).await,
            Operation::Crawl => Box::pin(self.call(Endpoint::Crawl, &request)).await,
            Operation::ListJobs
            | Operation::GetJob
            | Operation::CancelJob
            | Operation::GetResult
            | Operation::GetCapture
            | Operation::ResendWebhook
            | Operation::Usage
            | Operation::ListKeys
            | Operation::Health
            | Operation::OpenApi => Box::pin(self.read(operation, segments, &request)).await,
            Operation::Root | Operation::Console | Operation::ConsoleFile => {
                console::serve(operation, segments, &request, self.explains)
            }
            // The MCP function turns tool calls into requests of the other operations, which are served here.
            Operation::Mcp => ApiError::misrouted().into_response(),
        }
    }
}

/// Answers `OPTIONS` with the methods of the path. No answer has an `Access-Control-` header: a key does not belong in
/// a browser, so pages of other origins may not call the API.
pub fn options(allow: &str) -> Response {
    let mut response = Response::new(crate::Body::full(""));
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    if let Ok(allow) = allow.parse() {
        response.headers_mut().insert(http::header::ALLOW, allow);
    }
    add_privacy(response.headers_mut());
    response
}

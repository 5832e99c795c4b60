//! Carries out the calls of tools.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::{RoleServer, ServerHandler};
use serde_json::{Map, Value, json};

use crate::carrier::{Call, Carrier, ToolResult, carry, invalid, read};
use crate::definitions::{self, ToolName};
use crate::page::{PageRequest, page};
use crate::result_size::shorten_to_fit;

/// The header with a job's id.
const X_JOB_ID: &str = "x-job-id";
/// How long a client may cache the list of tools, in milliseconds: it changes with a release.
const CACHE_MS: u64 = 3_600_000;

/// The tools, with the carrier of their calls.
pub struct Tools<C> {
    carrier: Arc<C>,
}

impl<C> fmt::Debug for Tools<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").finish_non_exhaustive()
    }
}

impl<C> Clone for Tools<C> {
    fn clone(&self) -> Self {
        Tools { carrier: Arc::clone(&self.carrier) }
    }
}

impl<C: Carrier> Tools<C> {
    /// Creates the tools of one caller.
    pub fn new(carrier: C) -> Tools<C> {
        Tools { carrier: Arc::new(carrier) }
    }

    async fn call(&self, name: ToolName, arguments: Map<String, Value>) -> ToolResult {
        let carrier = self.carrier.as_ref();
        match name {
            ToolName::Extract => extract(carrier, arguments).await,
            ToolName::StartBatch => start(carrier, "/v1/batch", arguments).await,
            ToolName::StartCrawl => start(carrier, "/v1/crawl", arguments).await,
            ToolName::JobStatus => {
                let job = job_id(&check_names(&arguments, &["job_id"])?)?;
                read(carry(carrier, Call::new(Method::GET, format!("/v1/jobs/{job}"))).await?).await
            }
            ToolName::JobResults => {
                let arguments = check_names(&arguments, &["job_id", "from", "limit", "wait_seconds"])?;
                let job = job_id(&arguments)?;
                let from = number(&arguments, "from", 0, (0, u64::from(u32::MAX)))?;
                let limit = number(&arguments, "limit", definitions::DEFAULT_LIMIT, (1, definitions::MAX_RESULTS))?;
                let range = (0, definitions::MAX_WAIT_SECS);
                let wait = number(&arguments, "wait_seconds", definitions::DEFAULT_WAIT_SECS, range)?;
                let request = PageRequest {
                    job: &job,
                    from: u32::try_from(from).unwrap_or(u32::MAX),
                    limit: usize::try_from(limit).unwrap_or(usize::MAX),
                    wait: Duration::from_secs(wait),
                };
                page(carrier, request).await
            }
            ToolName::CancelJob => {
                let job = job_id(&check_names(&arguments, &["job_id"])?)?;
                read(carry(carrier, Call::new(Method::DELETE, format!("/v1/jobs/{job}"))).await?).await
            }
            ToolName::Usage => {
                check_names(&arguments, &[])?;
                read(carry(carrier, Call::new(Method::GET, "/v1/usage")).await?).await
            }
        }
    }
}

/// Reads one page and returns its result.
async fn extract(carrier: &impl Carrier, arguments: Map<String, Value>) -> ToolResult {
    let answer = carry(carrier, post("/v1/extract", arguments)?).await?;
    let job = answer.headers().get(X_JOB_ID).cloned();
    let mut result = read(answer).await?;
    shorten_to_fit(&mut result);
    if let Some(job) = job.as_ref().and_then(|job| job.to_str().ok()) {
        result["job_id"] = json!(job);
    }
    Ok(result)
}

/// Starts a job that runs by itself; returns its id.
async fn start(carrier: &impl Carrier, path: &str, arguments: Map<String, Value>) -> ToolResult {
    let call = post(path, arguments)?.header("prefer", HeaderValue::from_static("respond-async"));
    let answer = carry(carrier, call).await?;
    if answer.status() == http::StatusCode::ACCEPTED {
        // The body ends once the queue has the job.
        return read(answer).await;
    }
    // The idempotency key belongs to a job that has ended: its whole result would follow.
    let job = answer.headers().get(X_JOB_ID).and_then(|job| job.to_str().ok()).unwrap_or_default();
    Ok(json!({ "job_id": job, "status": "ended" }))
}

/// Builds a call whose body is the arguments, except for the idempotency key, which becomes a header.
fn post(path: &str, mut arguments: Map<String, Value>) -> Result<Call, Value> {
    let key = arguments.shift_remove(definitions::IDEMPOTENCY_KEY);
    let call = Call::new(Method::POST, path).body(Value::Object(arguments));
    match key {
        None | Some(Value::Null) => Ok(call),
        Some(Value::String(key)) => {
            let value = HeaderValue::from_str(&key);
            let refused = |_| invalid("\"idempotency_key\" must be 1 to 255 printable ASCII characters");
            Ok(call.header("idempotency-key", value.map_err(refused)?))
        }
        Some(_) => Err(invalid("\"idempotency_key\" must be a string")),
    }
}

/// Returns the arguments; refuses an argument whose name is not in `names`.
fn check_names(arguments: &Map<String, Value>, names: &[&str]) -> Result<Map<String, Value>, Value> {
    match arguments.keys().find(|name| !names.contains(&name.as_str())) {
        None => Ok(arguments.clone()),
        Some(name) => {
            let shown: String = name.chars().take(60).collect();
            let known = if names.is_empty() { "this tool takes none".to_owned() } else { names.join(", ") };
            Err(invalid(format!("unknown argument \"{shown}\" (known: {known})")))
        }
    }
}

/// Returns the argument `job_id`, which must be valid as one segment of a path.
fn job_id(arguments: &Map<String, Value>) -> Result<String, Value> {
    let text = arguments.get("job_id").and_then(Value::as_str).unwrap_or_default();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(invalid(
            "\"job_id\" must be an id from start_batch, start_crawl or extract, like job_0123456789abcdef",
        ));
    }
    Ok(text.to_owned())
}

fn number(arguments: &Map<String, Value>, name: &str, default: u64, (min, max): (u64, u64)) -> Result<u64, Value> {
    let value = match arguments.get(name) {
        None | Some(Value::Null) => Some(default),
        Some(value) => value.as_u64().filter(|n| (min..=max).contains(n)),
    };
    value.ok_or_else(|| invalid(format!("\"{name}\" must be a whole number from {min} to {max}")))
}

impl<C: Carrier> ServerHandler for Tools<C> {
    fn get_info(&self) -> ServerConfig {
        let server = Implementation::new("runo", env!("CARGO_PKG_VERSION")).with_title("Runo");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(server)
            .with_instructions(definitions::INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut list = ListToolsResult::with_all_items(definitions::tools().to_vec());
        list.ttl_ms = Some(CACHE_MS);
        list.cache_scope = Some(CacheScope::Public);
        Ok(list)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(name) = ToolName::of(&request.name) else {
            let shown: String = request.name.chars().take(60).collect();
            return Err(ErrorData::invalid_params(format!("there is no tool \"{shown}\"; see tools/list"), None));
        };
        // Text only: structured content as well would double the size.
        let text = |result: &Value| vec![ContentBlock::text(result.to_string())];
        Ok(match Box::pin(self.call(name, request.arguments.unwrap_or_default())).await {
            Ok(result) => CallToolResult::success(text(&result)),
            Err(refusal) => CallToolResult::error(text(&refusal)),
        }
        .into())
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        definitions::tools().iter().find(|tool| tool.name == name).cloned()
    }
}

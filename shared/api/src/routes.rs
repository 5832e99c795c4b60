//! Maps a method and a path to an operation, and an operation to the function that serves it. The local server routes
//! by this table, and the deployment template must match it.

use domain::ErrorCode;
use http::Method;

use crate::ApiError;

/// An operation of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// `POST /v1/extract`
    Extract,
    /// `POST /v1/batch`
    Batch,
    /// `POST /v1/crawl`
    Crawl,
    /// `GET /v1/jobs`
    ListJobs,
    /// `GET /v1/jobs/{job_id}`
    GetJob,
    /// `DELETE /v1/jobs/{job_id}`
    CancelJob,
    /// `GET /v1/jobs/{job_id}/result`
    GetResult,
    /// `GET /v1/jobs/{job_id}/captures/{n}`
    GetCapture,
    /// `POST /v1/jobs/{job_id}/webhook`
    ResendWebhook,
    /// `GET /v1/usage`
    Usage,
    /// `GET /v1/keys`
    ListKeys,
    /// `GET /health`
    Health,
    /// `GET /openapi.json`
    OpenApi,
    /// `POST /mcp`
    Mcp,
    /// `GET /`
    Root,
    /// `GET /console`
    Console,
    /// `GET /console/{version}/{file}`
    ConsoleFile,
}

/// A Lambda function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Function {
    /// `functions/extract`
    Extract,
    /// `functions/batch`
    Batch,
    /// `functions/crawl`
    Crawl,
    /// `functions/jobs`
    Jobs,
    /// `functions/mcp`
    Mcp,
}

/// A row of the table.
#[derive(Debug, Clone)]
pub struct Route {
    /// HTTP method.
    pub method: Method,
    /// Path; a name in braces stands for one segment.
    pub path: &'static str,
    /// The operation.
    pub operation: Operation,
}

/// Every route.
pub const ROUTES: [Route; 17] = [
    Route { method: Method::POST, path: "/v1/extract", operation: Operation::Extract },
    Route { method: Method::POST, path: "/v1/batch", operation: Operation::Batch },
    Route { method: Method::POST, path: "/v1/crawl", operation: Operation::Crawl },
    Route { method: Method::GET, path: "/v1/jobs", operation: Operation::ListJobs },
    Route { method: Method::GET, path: "/v1/jobs/{job_id}", operation: Operation::GetJob },
    Route { method: Method::DELETE, path: "/v1/jobs/{job_id}", operation: Operation::CancelJob },
    Route { method: Method::GET, path: "/v1/jobs/{job_id}/result", operation: Operation::GetResult },
    Route { method: Method::GET, path: "/v1/jobs/{job_id}/captures/{n}", operation: Operation::GetCapture },
    Route { method: Method::POST, path: "/v1/jobs/{job_id}/webhook", operation: Operation::ResendWebhook },
    Route { method: Method::GET, path: "/v1/usage", operation: Operation::Usage },
    Route { method: Method::GET, path: "/v1/keys", operation: Operation::ListKeys },
    Route { method: Method::GET, path: "/health", operation: Operation::Health },
    Route { method: Method::GET, path: "/openapi.json", operation: Operation::OpenApi },
    Route { method: Method::POST, path: "/mcp", operation: Operation::Mcp },
    Route { method: Method::GET, path: "/", operation: Operation::Root },
    Route { method: Method::GET, path: "/console", operation: Operation::Console },
    Route { method: Method::GET, path: "/console/{version}/{file}", operation: Operation::ConsoleFile },
];

impl Operation {
    /// Returns the function that serves it.
    pub fn function(self) -> Function {
        match self {
            Operation::Extract => Function::Extract,
            Operation::Batch => Function::Batch,
            Operation::Crawl => Function::Crawl,
            Operation::ListJobs
            | Operation::GetJob
            | Operation::CancelJob
            | Operation::GetResult
            | Operation::GetCapture
            | Operation::ResendWebhook
            | Operation::Usage
            | Operation::ListKeys
            | Operation::Health
            | Operation::OpenApi
            | Operation::Root
            | Operation::Console
            | Operation::ConsoleFile => Function::Jobs,
            Operation::Mcp => Function::Mcp,
        }
    }

    /// Whether it requires no key.
    pub fn is_public(self) -> bool {
        use Operation::{Console, ConsoleFile, Health, OpenApi, Root};
        matches!(self, Health | OpenApi | Root | Console | ConsoleFile)
    }
}

/// The values of a path's variable segments, as sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Segments<'p> {
    /// `{job_id}`
    pub job_id: Option<&'p str>,
    /// `{n}`
    pub n: Option<&'p str>,
    /// `{version}`
    pub version: Option<&'p str>,
    /// `{file}`
    pub file: Option<&'p str>,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'p> {
    /// The operation and the variable segments of its path.
    Operation(Operation, Segments<'p>),
    /// `OPTIONS` of a path: its methods, in the form of `Allow`.
    Options(String),
}

/// Finds the route of a request. `HEAD` is routed like `GET` (RFC 9110 §9.3.2).
///
/// # Errors
/// `NOT_FOUND`, or `METHOD_NOT_ALLOWED` with the methods of the path.
pub fn find<'p>(method: &Method, path: &'p str) -> Result<Found<'p>, ApiError> {
    let routed = if method == Method::HEAD { &Method::GET } else { method };
    let mut allowed = Vec::new();
    for route in &ROUTES {
        let Some(segments) = matches(route.path, path) else { continue };
        if route.method == *routed {
            return Ok(Found::Operation(route.operation, segments));
        }
        allowed.push(route.method.as_str());
        if route.method == Method::GET {
            allowed.push("HEAD");
        }
    }
    if allowed.is_empty() {
        let paths: Vec<&str> = ROUTES.iter().map(|r| r.path).collect();
        let shown: String = path.chars().take(100).collect();
        let near = domain::nearest::nearest(&shown, &paths).map(|p| format!("; did you mean {p}?"));
        let text = format!("there is no path \"{shown}\" here{}", near.unwrap_or_default());
        return Err(ApiError::new(ErrorCode::NotFound, text));
    }
    allowed.push("OPTIONS");
    let allow = allowed.join(", ");
    if method == Method::OPTIONS {
        return Ok(Found::Options(allow));
    }
    let text = format!("this path does not allow the method {method}; it allows {allow}");
    Err(ApiError { allow: Some(allow), ..ApiError::new(ErrorCode::MethodNotAllowed, text) })
}

/// Matches a path with a template. Returns the variable segments, or `None` if it does not match.
fn matches<'p>(template: &str, path: &'p str) -> Option<Segments<'p>> {
    let (mut segments, mut want, mut have) = (Segments::default(), template.split('/'), path.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return Some(segments),
            (Some("{job_id}"), Some(segment)) if !segment.is_empty() => segments.job_id = Some(segment),
            (Some("{n}"), Some(segment)) if !segment.is_empty() => segments.n = Some(segment),
            (Some("{version}"), Some(segment)) if !segment.is_empty() => segments.version = Some(segment),
            (Some("{file}"), Some(segment)) if !segment.is_empty() => segments.file = Some(segment),
            (Some(w), Some(h)) if w == h => {}
            (Some(_), Some(_) | None) | (None, Some(_)) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_found() {
        for route in &ROUTES {
            let path = route.path.replace("{job_id}", "job_0123456789abcdef").replace("{n}", "7");
            let path = path.replace("{version}", "0a1b").replace("{file}", "app.js");
            let Found::Operation(operation, segments) = find(&route.method, &path).unwrap() else { panic!("{path}") };
            assert_eq!(operation, route.operation);
            assert_eq!(segments.job_id.is_some(), route.path.contains("{job_id}"));
            assert_eq!(segments.n, route.path.contains("{n}").then_some("7"));
            assert_eq!(segments.file, route.path.contains("{file}").then_some("app.js"));
            let head = find(&Method::HEAD, &path);
            assert!(route.method != Method::GET || head == find(&Method::GET, &path), "{path}");
        }
    }

    #[test]
    fn unknown_paths_are_404_and_unknown_methods_405() {
        let e = find(&Method::POST, "/v1/batches").unwrap_err();
        assert_eq!(e.code, ErrorCode::NotFound);
        assert!(e.message.contains("/v1/batch?"), "{}", e.message);
        let e = find(&Method::PUT, "/v1/jobs/x").unwrap_err();
        assert_eq!((e.code, e.allow.as_deref()), (ErrorCode::MethodNotAllowed, Some("GET, HEAD, DELETE, OPTIONS")));
        assert_eq!(find(&Method::OPTIONS, "/v1/batch"), Ok(Found::Options("POST, OPTIONS".into())));
        assert_eq!(find(&Method::HEAD, "/v1/batch").unwrap_err().code, ErrorCode::MethodNotAllowed);
        assert_eq!(find(&Method::OPTIONS, "*").unwrap_err().code, ErrorCode::NotFound);
        for path in ["//", "", "/console/", "/v1/jobs/", "/v1/jobs/a/b", "/v1//jobs", "/v1/jobs/a/result/"] {
            assert_eq!(find(&Method::GET, path).unwrap_err().code, ErrorCode::NotFound, "{path}");
        }
    }
}

//! The endpoints that read or cancel: `/v1/jobs`, `/v1/jobs/{job_id}` with its `result`, captures and webhook,
//! `/v1/usage`, `/v1/keys`, `/health`, `/openapi.json` and the console.
//!
//! A thin entry point: the `api` crate does the work. The local server calls the same [`handle`].

use api::routes::Function;
use api::{App, Response};
use lambda_http::Request;

/// Answers one request. The response's head is ready when this returns; its body may still be streaming.
pub async fn handle(app: &App, request: Request) -> Response {
    app.serve(Function::Jobs, request).await
}

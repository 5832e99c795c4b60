//! `POST /v1/crawl`: follow links from a seed, a result per page.
//!
//! A thin entry point: the `api` crate does the work. The local server calls the same [`handle`].

use api::routes::Function;
use api::{App, Response};
use lambda_http::Request;

/// Answers one request. The response's head is ready when this returns; its body may still be streaming.
pub async fn handle(app: &App, request: Request) -> Response {
    app.serve(Function::Crawl, request).await
}

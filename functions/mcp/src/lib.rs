//! `POST /mcp`: the API as tools for agents, by the Model Context Protocol over streamable HTTP, without sessions.
//!
//! A thin entry point. Each tool's call goes through [`api::App`] as if it had come by HTTP, with the caller's key.
//! `rmcp` implements the protocol (revisions, handshake, headers, the check of `Origin`); its HTTP part is a service
//! without a server or a router. The local server calls the same [`handle`].

mod in_process;

use std::sync::Arc;

use api::routes::{self, Found, Function, Operation};
use api::{ApiError, App, Body, Response};
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Full};
use lambda_http::Request;
use mcp_tools::Tools;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};

use in_process::InProcess;

/// Serves a request that is routed to a function: the application, with everything that wraps it.
pub type ServeFn = Arc<dyn Fn(Function, Request) -> BoxFuture<'static, Response> + Send + Sync>;

/// Serves requests by the application alone.
pub fn serve_with(app: &App) -> ServeFn {
    let app = app.clone();
    Arc::new(move |function, request| {
        let app = app.clone();
        Box::pin(async move { app.serve(function, request).await })
    })
}

/// Answers one request; `serve` carries out the calls of tools. Returns a boxed future: unboxed, its layout would be
/// repeated in every caller.
pub fn handle(app: &App, request: Request, serve: ServeFn) -> BoxFuture<'_, Response> {
    Box::pin(answer(app, request, serve))
}

async fn answer(app: &App, request: Request, serve: ServeFn) -> Response {
    match routes::find(request.method(), api::request::path(&request)) {
        Ok(Found::Operation(Operation::Mcp, _)) => {}
        Ok(Found::Options(allow)) => return api::app::options(&allow),
        Ok(Found::Operation(..)) => return ApiError::misrouted().into_response(),
        Err(refusal) => return app.refuse(request.headers(), refusal).await,
    }
    let mut headers = request.headers().clone();
    take_bearer(&mut headers);
    if let Some(refusal) = app.refuse_unknown_key(&headers).await {
        return refusal;
    }
    let body = match api::request::body(&request) {
        Ok(body) => bytes::Bytes::copy_from_slice(body),
        Err(refusal) => return app.refuse(&headers, refusal).await,
    };
    let tools = Tools::new(InProcess::new(serve, &headers, &request));
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        // API Gateway knows the host names of this service; the local server checks `Host` itself.
        .disable_allowed_hosts()
        // A key does not belong in a browser: pages of any origin are refused.
        .enforce_origin_validation()
        .with_max_request_body_bytes(api::request::MAX_BATCH_BODY);
    let service =
        StreamableHttpService::new(move || Ok(tools.clone()), Arc::new(NeverSessionManager::default()), config);
    let mut http_request = http::Request::new(Full::new(body));
    *http_request.method_mut() = request.method().clone();
    *http_request.headers_mut() = headers;
    let (parts, body) = Box::pin(service.handle(http_request)).await.into_parts();
    // One JSON document: no tool sends anything before its result.
    let Ok(body) = body.collect().await.map(|body| body.to_bytes());
    let mut response = Response::from_parts(parts, Body::full(body));
    api::headers::add_privacy(response.headers_mut());
    response
}

/// Takes a bearer token as the key if there is no `X-API-Key`: some agents can only send that.
pub fn take_bearer(headers: &mut HeaderMap) {
    if headers.contains_key(X_API_KEY) {
        return;
    }
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|text| text.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if let Some(key) = token.and_then(|(_, token)| HeaderValue::from_str(token.trim()).ok()) {
        headers.insert(X_API_KEY, key);
    }
}

const X_API_KEY: &str = "x-api-key";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_the_key_if_there_is_no_x_api_key() {
        let key = |fields: &[(&'static str, &str)]| {
            let mut headers: HeaderMap =
                fields.iter().map(|(n, v)| (http::HeaderName::from_static(n), v.parse().unwrap())).collect();
            take_bearer(&mut headers);
            headers.get(X_API_KEY).map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(key(&[("authorization", "Bearer sk_live_a")]).as_deref(), Some("sk_live_a"));
        assert_eq!(key(&[("authorization", "bearer  sk_live_a ")]).as_deref(), Some("sk_live_a"));
        assert_eq!(key(&[("authorization", "Bearer b"), ("x-api-key", "a")]).as_deref(), Some("a"));
        assert_eq!(key(&[("authorization", "Basic dTpw")]), None);
        assert_eq!(key(&[]), None);
    }
}

//! Whole responses with status 200 and a JSON body.

use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use crate::{Body, Response};

/// Builds a 200 with a JSON body.
pub fn json_response(body: &Value) -> Response {
    json_text(body.to_string())
}

/// Builds a 200 from JSON text.
pub fn json_text(body: impl Into<bytes::Bytes>) -> Response {
    let mut response = Response::new(Body::full(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

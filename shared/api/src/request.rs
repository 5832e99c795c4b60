//! Reads the parts of a request, from every kind of Lambda event.

use domain::ErrorCode;
use http::HeaderMap;
use lambda_http::request::RequestContext;
use lambda_http::{Body as LambdaBody, Request, RequestExt};

use crate::ApiError;

/// Maximum number of bytes of a request body, except of a batch, which contains the URLs.
pub const MAX_BODY: usize = 1024 * 1024;
/// Maximum number of bytes of a batch's body, also as a tool's arguments. Within what Lambda accepts as an event (6 MB).
pub const MAX_BATCH_BODY: usize = 5 * 1024 * 1024;

/// Returns the maximum number of bytes of a body for a path.
pub fn max_body(path: &str) -> usize {
    let path = path.trim_end_matches('/');
    if path.ends_with("/batch") || path.ends_with("/mcp") { MAX_BATCH_BODY } else { MAX_BODY }
}

/// Returns the path as the client sent it, without the stage.
pub fn path(request: &Request) -> &str {
    let raw = request.raw_http_path();
    if raw.is_empty() { request.uri().path() } else { raw }
}

/// Returns the prefix of [`path`] as the client sees it: the stage of a REST API, like `/live`, otherwise nothing. A
/// path that is returned to the client as a reference needs it.
/// Source: AWS, "Lambda proxy integrations in API Gateway", input format: `requestContext.path`.
pub fn prefix(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => {
            let (whole, path) = (context.path.as_deref().unwrap_or_default(), path(request));
            // For the root, the whole path may be the stage alone: `/live`.
            whole.strip_suffix(path).unwrap_or(if path == "/" { whole } else { "" })
        }
        // The enum is non-exhaustive; no other kind of event has a stage before its path.
        Some(_) | None => "",
    }
}

/// Returns the body's bytes.
///
/// # Errors
/// `PAYLOAD_TOO_LARGE`.
pub fn body(request: &Request) -> Result<&[u8], ApiError> {
    let bytes: &[u8] = match request.body() {
        LambdaBody::Empty => &[],
        LambdaBody::Text(text) => text.as_bytes(),
        LambdaBody::Binary(bytes) => bytes,
        // The enum is non-exhaustive; any other variant has no readable body.
        _ => &[],
    };
    let max = max_body(path(request));
    if bytes.len() > max { Err(too_large(max)) } else { Ok(bytes) }
}

/// Returns the refusal of a body that is too large.
pub fn too_large(max: usize) -> ApiError {
    let text = format!(
        "the request body is larger than {max} bytes, the maximum here; send a smaller body: fewer URLs, or a smaller \
         schema"
    );
    ApiError::new(ErrorCode::PayloadTooLarge, text)
}

/// Returns the query parameters: only those in `known`, each at most once.
///
/// # Errors
/// `INVALID_REQUEST`, naming the parameter.
pub fn query(request: &Request, known: &[&str]) -> Result<Vec<(String, String)>, ApiError> {
    let map = request.query_string_parameters();
    let mut found: Vec<(String, String)> = Vec::new();
    for (name, value) in map.iter() {
        let shown: String = name.chars().take(60).collect();
        if !known.contains(&name) {
            let near = domain::nearest::nearest(name, known).map(|n| format!("; did you mean \"{n}\"?"));
            let known =
                if known.is_empty() { "this path takes none".into() } else { format!("known: {}", known.join(", ")) };
            let text = format!("unknown query parameter \"{shown}\"{} ({known})", near.unwrap_or_default());
            return Err(ApiError::invalid(text));
        }
        if found.iter().any(|(n, _)| n == name) {
            return Err(ApiError::invalid(format!("the query parameter \"{shown}\" is given twice")));
        }
        found.push((name.to_owned(), value.to_owned()));
    }
    Ok(found)
}

/// Parses a whole number of a query parameter: only digits.
pub(crate) fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// Returns the `Last-Event-ID` header of a client that resumes a stream of events: the number of units that it has
/// received, 0 without the header.
///
/// # Errors
/// `INVALID_REQUEST` if it is not a whole number.
pub fn last_event_id(headers: &HeaderMap) -> Result<u32, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(0) };
    let read = value.to_str().ok().and_then(|text| whole(text.trim()));
    read.ok_or_else(|| ApiError::invalid("Last-Event-ID must be the id of an event that this API sent"))
}

/// Returns the `Idempotency-Key` header, if there is one. Its draft standard writes it as a structured string: `"abc"`
/// and `abc` are the same key.
///
/// # Errors
/// `INVALID_REQUEST` if it is not 1 to 255 printable ASCII characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = unquoted(value.to_str().unwrap_or_default());
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x20..=0x7e).contains(&b)) {
        return Err(ApiError::invalid("Idempotency-Key must be 1 to 255 printable ASCII characters"));
    }
    Ok(Some(text))
}

/// Removes the quotes of a structured string (RFC 9651 §3.3.3). Leaves one with escapes as it is, since its text would
/// have to be decoded.
fn unquoted(text: &str) -> &str {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains(['"', '\\'])).unwrap_or(text)
}

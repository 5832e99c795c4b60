//! The member `options`: how pages are fetched and read.

use domain::Endpoint;
use domain::job::{Options, RenderJs};
use domain::nearest::nearest;
use domain::request_headers::RequestHeaders;
use domain::retry::MAX_RETRIES;
use serde_json::{Map, Value};

use super::{flag, known_members, number, wrong};
use crate::ApiError;

/// Its members and the endpoints that they apply to.
const MEMBERS: [(&str, &[Endpoint]); 10] = [
    ("render_js", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("locale", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("timeout_ms", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("retries", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("headers", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("no_cache", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("process_images", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("concurrency", &[Endpoint::Batch]),
    ("fail_fast", &[Endpoint::Batch]),
    ("async_mode", &[Endpoint::Batch, Endpoint::Crawl]),
];

/// Reads them, with defaults for what is not there.
pub(super) fn read(members: &Map<String, Value>, endpoint: Endpoint) -> Result<Options, ApiError> {
    known_members(members, "options.", &MEMBERS, endpoint)?;
    let defaults = Options::default();
    let render_js = match members.get("render_js") {
        None | Some(Value::Null) => defaults.render_js,
        Some(Value::String(mode)) => match mode.as_str() {
            "auto" => RenderJs::Auto,
            "always" => RenderJs::Always,
            "never" => RenderJs::Never,
            other => {
                let modes = ["auto", "always", "never"];
                let near = nearest(other, &modes).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
                let text = format!("\"options.render_js\" must be one of {}{near}", modes.join(", "));
                return Err(ApiError::invalid(text));
            }
        },
        Some(other) => return Err(wrong("options.render_js", "a string", other)),
    };
    let locale = match members.get("locale") {
        None | Some(Value::Null) => defaults.locale,
        Some(Value::String(tag)) if is_language_tag(tag) => tag.clone(),
        Some(Value::String(_)) => {
            return Err(ApiError::invalid("\"options.locale\" must be a BCP 47 language tag like \"en-US\" or \"de\""));
        }
        Some(other) => return Err(wrong("options.locale", "a string", other)),
    };
    Ok(Options {
        render_js,
        locale,
        timeout_ms: number(members, "options.", "timeout_ms", 1_000, 120_000)?.unwrap_or(defaults.timeout_ms),
        no_cache: flag(members, "options.", "no_cache")?,
        process_images: flag(members, "options.", "process_images")?,
        concurrency: number(members, "options.", "concurrency", 1, 100)?,
        fail_fast: flag(members, "options.", "fail_fast")?,
        retries: number(members, "options.", "retries", 0, MAX_RETRIES)?.unwrap_or(defaults.retries),
        headers: read_headers(members.get("headers"))?,
    })
}

/// Values are not named in a refusal: they may be secrets.
fn read_headers(value: Option<&Value>) -> Result<RequestHeaders, ApiError> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(RequestHeaders::default()),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(wrong("options.headers", "an object of strings", other)),
    };
    let mut given = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match value {
            Value::String(text) => given.push((name.as_str(), text.as_str())),
            other => return Err(wrong("options.headers", "an object of strings", other)),
        }
    }
    RequestHeaders::new(given).map_err(|fault| ApiError::invalid(format!("\"options.headers\": {fault}")))
}

/// RFC 5646's shape: a primary language subtag of letters, then subtags of letters and digits.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let primary = subtags.next().unwrap_or_default();
    tag.len() <= 35
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}

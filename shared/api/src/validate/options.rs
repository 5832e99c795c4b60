//! Validates the member `options`: how pages are fetched and read.

use domain::Endpoint;
use domain::job::{Capture, ModelUse, Options, RenderJs, WaitFor};
use domain::nearest::nearest;
use domain::request_headers::RequestHeaders;
use domain::retry::MAX_RETRIES;
use serde_json::{Map, Value};

use super::{flag, known_members, number, whole, wrong_type};
use crate::ApiError;

/// Maximum length of a selector, in characters.
const MAX_SELECTOR: usize = 1_000;
/// Maximum wait in a browser.
const MAX_WAIT_MS: u32 = 30_000;

/// Its members and the endpoints that they apply to.
const MEMBERS: [(&str, &[Endpoint]); 13] = [
    ("render_js", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("wait_for", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("model", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("capture", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
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

/// Reads the options; missing ones get their defaults.
pub(super) fn read(members: &Map<String, Value>, endpoint: Endpoint) -> Result<Options, ApiError> {
    known_members(members, "options.", &MEMBERS, endpoint)?;
    let defaults = Options::default();
    let modes = [("auto", RenderJs::Auto), ("always", RenderJs::Always), ("never", RenderJs::Never)];
    let render_js = choice(members, "render_js", modes)?.unwrap_or(defaults.render_js);
    let model = choice(members, "model", [("auto", ModelUse::Auto), ("never", ModelUse::Never)])?;
    let locale = match members.get("locale") {
        None | Some(Value::Null) => defaults.locale,
        Some(Value::String(tag)) if is_language_tag(tag) => tag.clone(),
        Some(Value::String(_)) => {
            return Err(ApiError::invalid("\"options.locale\" must be a BCP 47 language tag like \"en-US\" or \"de\""));
        }
        Some(other) => return Err(wrong_type("options.locale", "a string", other)),
    };
    Ok(Options {
        render_js,
        locale,
        timeout_ms: number(members, "options.", "timeout_ms", 1_000, 120_000)?.unwrap_or(defaults.timeout_ms),
        no_cache: flag(members, "options.", "no_cache")?,
        // Depends on the plan; set when the call is accepted.
        images_allowed: false,
        process_images: flag(members, "options.", "process_images")?,
        concurrency: number(members, "options.", "concurrency", 1, 100)?,
        fail_fast: flag(members, "options.", "fail_fast")?,
        retries: number(members, "options.", "retries", 0, MAX_RETRIES)?.unwrap_or(defaults.retries),
        headers: read_headers(members.get("headers"))?,
        wait_for: read_wait_for(members.get("wait_for"))?,
        model: model.unwrap_or(defaults.model),
        capture: read_capture(members.get("capture"), render_js)?,
        // Set from `Prefer: explain`, if the operator allows it.
        explain: false,
    })
}

/// Reads a member that must be one of some words.
fn choice<T, const N: usize>(
    members: &Map<String, Value>,
    name: &str,
    choices: [(&str, T); N],
) -> Result<Option<T>, ApiError> {
    let word = match members.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(word)) => word,
        Some(other) => return Err(wrong_type(&format!("options.{name}"), "a string", other)),
    };
    let words = choices.each_ref().map(|(word, _)| *word);
    if let Some((_, meaning)) = choices.into_iter().find(|(known, _)| known == word) {
        return Ok(Some(meaning));
    }
    let near = nearest(word, &words).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
    Err(ApiError::invalid(format!("\"options.{name}\" must be one of {}{near}", words.join(", "))))
}

/// Reads a list of captures, each once.
fn read_capture(value: Option<&Value>, render_js: RenderJs) -> Result<Vec<Capture>, ApiError> {
    let kinds = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(kinds)) => kinds,
        Some(other) => return Err(wrong_type("options.capture", "an array", other)),
    };
    if kinds.is_empty() {
        return Ok(Vec::new());
    }
    if kinds.len() > 1 || kinds[0] != "screenshot" {
        return Err(ApiError::invalid("\"options.capture\" must be [] or [\"screenshot\"]"));
    }
    if render_js == RenderJs::Never {
        return Err(ApiError::invalid("\"options.capture\" needs a browser, but \"options.render_js\" is \"never\""));
    }
    Ok(vec![Capture::Screenshot])
}

/// Reads a CSS selector or a number of milliseconds.
fn read_wait_for(value: Option<&Value>) -> Result<Option<WaitFor>, ApiError> {
    let name = "\"options.wait_for\"";
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(selector)) if !(1..=MAX_SELECTOR).contains(&selector.chars().count()) => {
            Err(ApiError::invalid(format!("{name} must have 1 to {MAX_SELECTOR} characters")))
        }
        Some(Value::String(selector)) => match extraction::check_selector(selector) {
            _ if selector.contains("::attr(") => {
                Err(ApiError::invalid(format!("{name} must select elements, not an attribute")))
            }
            Ok(_) => Ok(Some(WaitFor::Selector(selector.clone()))),
            Err(fault) => Err(ApiError::invalid(format!("{name} {fault}"))),
        },
        Some(Value::Number(number)) => match whole(number) {
            Some(ms) if ms <= MAX_WAIT_MS => Ok(Some(WaitFor::Ms(ms))),
            _ => Err(ApiError::invalid(format!(
                "{name} must be a CSS selector, or a whole number of milliseconds from 0 to {MAX_WAIT_MS}"
            ))),
        },
        Some(other) => Err(wrong_type("options.wait_for", "a CSS selector or a number of milliseconds", other)),
    }
}

/// Reads request headers. A refusal does not show values: they may be secrets.
fn read_headers(value: Option<&Value>) -> Result<RequestHeaders, ApiError> {
    let fields = match value {
        None | Some(Value::Null) => return Ok(RequestHeaders::default()),
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(wrong_type("options.headers", "an object of strings", other)),
    };
    let mut given = Vec::with_capacity(fields.len());
    for (name, value) in fields {
        match value {
            Value::String(text) => given.push((name.as_str(), text.as_str())),
            _ => {
                let name: String = name.chars().take(64).collect();
                return Err(ApiError::invalid(format!(
                    "\"options.headers\" must be an object of strings; the value of \"{name}\" is not a string"
                )));
            }
        }
    }
    RequestHeaders::new(given).map_err(|fault| ApiError::invalid(format!("\"options.headers\": {fault}")))
}

/// Whether a tag has the form of RFC 5646: a primary language subtag of letters, then subtags of letters and digits.
fn is_language_tag(tag: &str) -> bool {
    let mut subtags = tag.split('-');
    let primary = subtags.next().unwrap_or_default();
    tag.len() <= 35
        && (2..=8).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && subtags.all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric()))
}

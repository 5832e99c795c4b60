//! Validates request bodies, member by member. The first fault is reported, naming the member and the nearest known
//! one.

use domain::job::{CrawlOptions, ModelUse, Options};
use domain::nearest::nearest;
use domain::webhook::Webhook;
use domain::{Endpoint, ErrorCode, Schema};
use serde_json::{Map, Number, Value};
use store::accounts::Binding;

use crate::{ApiError, json};

mod crawl;
mod options;
mod webhook;

/// Maximum number of URLs of a batch.
pub const MAX_URLS: usize = 10_000;
/// Maximum nesting of a request body.
pub const MAX_DEPTH: usize = 32;
/// Maximum number of bad URLs that a refusal lists.
const MAX_LISTED_URLS: usize = 10;

/// Members of a request body and the endpoints that they apply to.
const MEMBERS: [(&str, &[Endpoint]); 8] = [
    ("url", &[Endpoint::Extract]),
    ("urls", &[Endpoint::Batch]),
    ("seed_url", &[Endpoint::Crawl]),
    ("crawl", &[Endpoint::Crawl]),
    ("schema", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("options", &[Endpoint::Extract, Endpoint::Batch, Endpoint::Crawl]),
    ("async_mode", &[Endpoint::Batch, Endpoint::Crawl]),
    ("webhook", &[Endpoint::Batch, Endpoint::Crawl]),
];

/// A valid request body.
#[derive(Debug, Clone, PartialEq)]
pub struct Valid {
    /// The URLs, as given; the seed of a crawl.
    pub urls: Vec<String>,
    /// The plan of a crawl.
    pub crawl: Option<CrawlOptions>,
    /// The inline schema, or the one bound to the key.
    pub schema: Schema,
    /// The options, with defaults filled in.
    pub options: Options,
    /// `async_mode`, at the top level or in `options`.
    pub async_mode: bool,
    /// Webhook to call when the job ends.
    pub webhook: Option<Webhook>,
    /// The body as parsed.
    pub body: Value,
}

/// Checks a body for an endpoint and a caller.
///
/// # Errors
/// The first fault.
pub fn check(endpoint: Endpoint, bytes: &[u8], bound: Option<&Binding>) -> Result<Valid, ApiError> {
    let body = parse(bytes)?;
    let Value::Object(members) = &body else {
        return Err(ApiError::invalid("the request body must be a JSON object"));
    };
    known_members(members, "", &MEMBERS, endpoint)?;
    let urls = match endpoint {
        Endpoint::Extract => vec![one_url(members, "url")?],
        Endpoint::Batch => many_urls(members)?,
        Endpoint::Crawl => vec![one_url(members, "seed_url")?],
    };
    let crawl = if endpoint == Endpoint::Crawl { Some(crawl::plan(members.get("crawl"), endpoint)?) } else { None };
    let empty = Map::new();
    let option_members = match members.get("options") {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(options)) => options,
        Some(other) => return Err(wrong_type("options", "an object", other)),
    };
    let mut options = options::read(option_members, endpoint)?;
    // A crawl's links lead to hosts that others chose, so the caller's headers are sent to the seed's origin only.
    if let (Some(_), Some(Ok(seed))) = (&crawl, urls.first().map(|url| fetch::check_url(url))) {
        options.headers = options.headers.only_for(&seed);
    }
    let async_mode = flag(members, "", "async_mode")? || flag(option_members, "options.", "async_mode")?;
    let webhook = webhook::read(members.get("webhook"), endpoint)?;
    let schema = read_schema(members.get("schema"), bound.map(|bound| &bound.schema), &options.locale)?;
    if bound.is_some_and(|bound| bound.model == ModelUse::Never) {
        options.model = ModelUse::Never;
    }
    Ok(Valid { urls, crawl, schema, options, async_mode, webhook, body })
}

fn parse(bytes: &[u8]) -> Result<Value, ApiError> {
    // RFC 8259 §8.1 lets a parser ignore a byte order mark, which some programs write.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::invalid("the request body is empty; send a JSON object"));
    }
    let body = json::parse(bytes).map_err(|e| ApiError::invalid(format!("the request body is not valid JSON: {e}")))?;
    if deeper_than(&body, MAX_DEPTH) {
        return Err(ApiError::invalid(format!("the request body is nested deeper than {MAX_DEPTH} levels")));
    }
    Ok(body)
}

fn deeper_than(value: &Value, max: usize) -> bool {
    match value {
        Value::Array(items) => max == 0 || items.iter().any(|v| deeper_than(v, max - 1)),
        Value::Object(members) => max == 0 || members.values().any(|v| deeper_than(v, max - 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn known_members(
    members: &Map<String, Value>,
    prefix: &str,
    table: &[(&str, &[Endpoint])],
    endpoint: Endpoint,
) -> Result<(), ApiError> {
    let here: Vec<&str> = table.iter().filter(|(_, on)| on.contains(&endpoint)).map(|(name, _)| *name).collect();
    for name in members.keys() {
        if here.contains(&name.as_str()) {
            continue;
        }
        let shown: String = name.chars().take(60).collect();
        let near = nearest(name, &here).map(|n| format!("; did you mean \"{prefix}{n}\"?")).unwrap_or_default();
        let text = match table.iter().find(|(known, _)| known == name) {
            Some((_, on)) => {
                let on: Vec<&str> = on.iter().map(|e| e.name()).collect();
                format!("\"{prefix}{shown}\" does not apply to {}, only to {}{near}", endpoint.name(), on.join(" and "))
            }
            None => format!("unknown member \"{prefix}{shown}\"{near}"),
        };
        return Err(ApiError::invalid(format!("{text} (known here: {})", here.join(", "))));
    }
    Ok(())
}

fn wrong_type(name: &str, want: &str, got: &Value) -> ApiError {
    let got = match got {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ApiError::invalid(format!("\"{name}\" must be {want}, not {got}"))
}

/// Refuses URLs with control characters: they would be removed (as in browsers), and the URL would be another than the
/// one given.
fn check_url(url: &str) -> Result<(), String> {
    if let Some(c) = url.chars().find(|c| c.is_control()) {
        return Err(format!("it has the control character U+{:04X}; percent-encode it or leave it out", u32::from(c)));
    }
    fetch::check_url(url).map(drop).map_err(|fault| fault.to_string())
}

/// Reads the URL in the last part of `path`, such as `webhook.url`. `members` are those around it.
fn one_url(members: &Map<String, Value>, path: &str) -> Result<String, ApiError> {
    match members.get(path.rsplit('.').next().unwrap_or(path)) {
        None | Some(Value::Null) => {
            Err(ApiError::invalid(format!("\"{path}\" is missing; it must be an absolute http or https URL")))
        }
        Some(Value::String(url)) => match check_url(url) {
            Ok(()) => Ok(url.clone()),
            Err(fault) => Err(ApiError::invalid(format!("\"{path}\": {fault}"))),
        },
        Some(other) => Err(wrong_type(path, "a string", other)),
    }
}

fn many_urls(members: &Map<String, Value>) -> Result<Vec<String>, ApiError> {
    let items = match members.get("urls") {
        None | Some(Value::Null) => {
            return Err(ApiError::invalid(format!("\"urls\" is missing; it must be an array of 1 to {MAX_URLS} URLs")));
        }
        Some(Value::Array(items)) => items,
        Some(other) => return Err(wrong_type("urls", "an array", other)),
    };
    if items.is_empty() || items.len() > MAX_URLS {
        let text = format!("\"urls\" has {} elements; it must have 1 to {MAX_URLS}", items.len());
        return Err(ApiError::invalid(text));
    }
    let (mut urls, mut bad) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::String(url) => match check_url(url) {
                Ok(()) => urls.push(url.clone()),
                Err(fault) => bad.push(format!("urls[{index}]: {fault}")),
            },
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                bad.push(format!("urls[{index}]: it must be a string"));
            }
        }
    }
    if bad.is_empty() {
        return Ok(urls);
    }
    let more = bad.len().saturating_sub(MAX_LISTED_URLS);
    bad.truncate(MAX_LISTED_URLS);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Err(ApiError::invalid(format!("{}{more}", bad.join("; "))))
}

fn flag(members: &Map<String, Value>, prefix: &str, name: &str) -> Result<bool, ApiError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(v)) => Ok(*v),
        Some(other) => Err(wrong_type(&format!("{prefix}{name}"), "true or false", other)),
    }
}

/// Returns a number without a fraction however it is written: `10.0` and `1e1` are whole, as in JSON Schema's
/// `integer`.
fn whole(number: &Number) -> Option<u32> {
    let float = || number.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(f));
    match number.as_u64() {
        Some(n) => u32::try_from(n).ok(),
        // Whole and in range: the cast loses nothing.
        None => float().map(|f| f as u32),
    }
}

fn number(members: &Map<String, Value>, prefix: &str, name: &str, min: u32, max: u32) -> Result<Option<u32>, ApiError> {
    let out_of_range = || ApiError::invalid(format!("\"{prefix}{name}\" must be a whole number from {min} to {max}"));
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => {
            let value = whole(n).filter(|n| (min..=max).contains(n));
            value.map(Some).ok_or_else(out_of_range)
        }
        Some(_) => Err(out_of_range()),
    }
}

fn read_schema(inline: Option<&Value>, bound: Option<&Schema>, locale: &str) -> Result<Schema, ApiError> {
    let inline = inline.filter(|v| !v.is_null());
    match (inline, bound) {
        (None, Some(bound)) => Ok(bound.clone()),
        (Some(_), Some(_)) => Err(ApiError::new(
            ErrorCode::SchemaNotAllowed,
            "this key is static: a schema is bound to it; leave \"schema\" out, or use a dynamic key (sk_live_...)",
        )),
        (None, None) => Err(ApiError::new(
            ErrorCode::SchemaRequired,
            "\"schema\" is missing; a dynamic key needs one in each call, like [{\"field\": \"title\", \"type\": \"string\", \"example\": \"A title\"}]",
        )),
        (Some(value), None) => check_schema(value, locale),
    }
}

/// Checks the schema of a call or a key: its form, examples and selectors.
///
/// # Errors
/// `SCHEMA_INVALID`, naming field and member.
pub fn check_schema(value: &Value, locale: &str) -> Result<Schema, ApiError> {
    let invalid = |text: String| ApiError::new(ErrorCode::SchemaInvalid, text);
    let schema = Schema::parse(value).map_err(|e| invalid(e.0))?;
    let mut parts = 0;
    for (index, field) in schema.fields().iter().enumerate() {
        let name: String = field.field.chars().take(60).collect();
        if !field.example.is_null() && !extraction::reads_as(field.kind, &field.example, locale) {
            let example: String = field.example.to_string().chars().take(60).collect();
            return Err(invalid(format!(
                "schema[{index}] (field \"{name}\"): \"example\" cannot be read as {} in the locale {locale}: {example}",
                field.kind.name()
            )));
        }
        match field.selector.as_deref().map(extraction::check_selector) {
            Some(Ok(more)) => parts += more,
            Some(Err(fault)) => {
                return Err(invalid(format!("schema[{index}] (field \"{name}\"): \"selector\" {fault}")));
            }
            None => {}
        }
    }
    if parts > extraction::MAX_PARTS {
        return Err(invalid(format!(
            "schema: its selectors have {parts} simple selectors and combinators together; at most {} are allowed",
            extraction::MAX_PARTS
        )));
    }
    Ok(schema)
}

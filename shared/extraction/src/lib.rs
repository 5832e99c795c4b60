//! Extraction without a model: a page's bytes and a schema in, typed values with warnings out. Deterministic.
//!
//! It knows no network, no clock, no randomness and no job. A wrong value is worse than null.

pub mod charset;
pub mod coercion;
pub mod links;

mod entity;
mod fields;
mod head;
mod html;
mod json_page;
mod selector;
mod structured;
mod visible;
mod vocabulary;

use domain::{RenderMode, Schema, Timestamp};
use serde_json::{Map, Value};
use url::Url;

pub use coercion::reads_as;
pub use links::{Link, LinkKind, Links};
pub use selector::check_selector;

/// A page as it was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The bytes, content-decoded.
    pub body: &'a [u8],
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// Where it was found, after redirects.
    pub url: &'a Url,
}

/// How it is to be read.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// BCP 47 tag: decides ambiguous numbers and dates.
    pub locale: &'a str,
    /// When the page was fetched: what relative dates count from.
    pub now: Timestamp,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Extracted {
    /// Exactly the schema's keys, in its order.
    pub data: Map<String, Value>,
    /// What was changed, dropped or could not be read.
    pub warnings: Vec<String>,
    /// [`RenderMode::Structured`] when every value that is there came from structured data, else [`RenderMode::Fetch`].
    pub render_mode: RenderMode,
}

/// The page cannot be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Neither HTML, XML, JSON nor text.
    #[error("the content is \"{0}\"; only HTML, JSON and text can be read")]
    Unsupported(String),
    /// It says that it is JSON and is not.
    #[error("the page says that it is JSON, but it cannot be read as JSON")]
    BrokenJson,
}

/// Kinds of content that are read differently.
enum Kind {
    Html,
    Json,
    Text,
}

fn kind_of(content_type: Option<&str>, body: &[u8]) -> Result<Kind, ExtractError> {
    let Some(content_type) = content_type else {
        let first = body.iter().find(|b| !b.is_ascii_whitespace());
        return Ok(match first {
            Some(b'{' | b'[') => Kind::Json,
            Some(_) | None => Kind::Html,
        });
    };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" | "text/json" | "application/x-json" => Ok(Kind::Json),
        e if e.ends_with("+json") => Ok(Kind::Json),
        "text/html" | "application/xhtml+xml" | "text/xml" | "application/xml" => Ok(Kind::Html),
        e if e.ends_with("+xml") => Ok(Kind::Html),
        // Servers send pages as text/plain too; markup at the start tells.
        e if e.starts_with("text/") => {
            let markup = body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'<');
            Ok(if markup { Kind::Html } else { Kind::Text })
        }
        other => Err(ExtractError::Unsupported(coercion::clip(other))),
    }
}

/// Reads the schema's fields from a page.
///
/// # Errors
/// The content is of a kind that cannot be read.
pub fn extract(page: &Page<'_>, schema: &Schema, context: &Context<'_>) -> Result<Extracted, ExtractError> {
    read(page, schema, context, |_| {})
}

/// The same, and the page's links from the same document. A page that is no HTML has none.
pub fn extract_with_links(
    page: &Page<'_>,
    schema: &Schema,
    context: &Context<'_>,
) -> (Result<Extracted, ExtractError>, Links) {
    let mut links = Links::default();
    let extracted = read(page, schema, context, |document| links = Links::of(document, page.url));
    (extracted, links)
}

/// Reads the fields, after `look` had a look at the document if there is one.
fn read(
    page: &Page<'_>,
    schema: &Schema,
    context: &Context<'_>,
    look: impl FnOnce(&scraper::Html),
) -> Result<Extracted, ExtractError> {
    let kind = kind_of(page.content_type, page.body)?;
    let text = charset::decode(page.body, page.content_type);
    let reading = coercion::Reading { locale: context.locale, today: context.now.civil() };
    let mut out = fields::Output::default();
    match kind {
        Kind::Html => {
            let document = html::parse(&text);
            look(&document);
            let sources = fields::Sources::of(document, page.url, schema);
            for field in schema.fields() {
                out.put(field, sources.candidates(field), &reading);
            }
        }
        Kind::Json => {
            let value: Value =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| ExtractError::BrokenJson)?;
            for field in schema.fields() {
                out.put(field, json_page::candidates(&value, field), &reading);
            }
        }
        Kind::Text => {
            for field in schema.fields() {
                out.put(field, Vec::new(), &reading);
            }
        }
    }
    Ok(out.finish())
}

#[cfg(test)]
mod tests;

//! Validates the member `crawl`: how far a crawl goes.

use domain::Endpoint;
use domain::frontier::Frontier;
use domain::job::CrawlOptions;
use serde_json::Value;

use super::{flag, known_members, number, wrong_type};
use crate::ApiError;

/// Members of "crawl".
const MEMBERS: [(&str, &[Endpoint]); 6] = [
    ("follow_pattern", &[Endpoint::Crawl]),
    ("max_pages", &[Endpoint::Crawl]),
    ("max_depth", &[Endpoint::Crawl]),
    ("use_sitemap", &[Endpoint::Crawl]),
    ("ignore_robots", &[Endpoint::Crawl]),
    ("allow_large_crawl", &[Endpoint::Crawl]),
];
/// Maximum number of pages of a crawl.
const MAX_PAGES: u32 = 10_000;
/// Maximum number of links from the seed to a page.
const MAX_DEPTH: u32 = 20;
/// Maximum number of links if the call names none.
const DEFAULT_DEPTH: u32 = 2;

/// Reads the member "crawl".
///
/// # Errors
/// The first fault.
pub(super) fn plan(value: Option<&Value>, endpoint: Endpoint) -> Result<CrawlOptions, ApiError> {
    let members = match value {
        None | Some(Value::Null) => {
            let text = "\"crawl\" is missing; it must be an object like {\"follow_pattern\": \"https://example.com/*\", \"max_pages\": 100}";
            return Err(ApiError::invalid(text));
        }
        Some(Value::Object(members)) => members,
        Some(other) => return Err(wrong_type("crawl", "an object", other)),
    };
    known_members(members, "crawl.", &MEMBERS, endpoint)?;
    let follow_pattern = match members.get("follow_pattern") {
        None | Some(Value::Null) => {
            let text = "\"crawl.follow_pattern\" is missing; it must be a glob over the whole URL, like \"https://example.com/blog/*\"";
            return Err(ApiError::invalid(text));
        }
        Some(Value::String(pattern)) => pattern.clone(),
        Some(other) => return Err(wrong_type("crawl.follow_pattern", "a string", other)),
    };
    if let Err(fault) = Frontier::check(&follow_pattern) {
        return Err(ApiError::invalid(format!("\"crawl.follow_pattern\" {fault}")));
    }
    let Some(max_pages) = number(members, "crawl.", "max_pages", 1, MAX_PAGES)? else {
        let text = format!("\"crawl.max_pages\" is missing; it must be a whole number from 1 to {MAX_PAGES}");
        return Err(ApiError::invalid(text));
    };
    let use_sitemap = members.get("use_sitemap").is_none_or(Value::is_null) || flag(members, "crawl.", "use_sitemap")?;
    Ok(CrawlOptions {
        follow_pattern,
        max_pages,
        max_depth: number(members, "crawl.", "max_depth", 0, MAX_DEPTH)?.unwrap_or(DEFAULT_DEPTH),
        use_sitemap,
        ignore_robots: flag(members, "crawl.", "ignore_robots")?,
        allow_large_crawl: flag(members, "crawl.", "allow_large_crawl")?,
    })
}

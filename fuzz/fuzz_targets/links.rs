//! Any bytes as a page's HTML: its links are absolute, of the web, without fragments, each once, and within their limits.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use extraction::links::{MAX_LINK_BYTES, MAX_LINKS};
use extraction::{Context, Page};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static SCHEMA: LazyLock<domain::Schema> = LazyLock::new(|| {
    domain::Schema::parse(&json!([{"field": "zork", "type": "string", "example": "x"}])).expect("a valid schema")
});

fuzz_target!(|body: &[u8]| {
    let url = url::Url::parse("https://e.test/d/page?x=1").expect("a valid URL");
    let page = Page { body, content_type: Some("text/html"), url: &url };
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let (_, found) = extraction::extract_with_links(&page, &SCHEMA, &context);
    assert!(found.links.len() <= MAX_LINKS);
    assert!(found.links.iter().map(|l| l.url.as_str().len()).sum::<usize>() <= MAX_LINK_BYTES);
    let mut seen = HashSet::new();
    for link in &found.links {
        assert!(matches!(link.url.scheme(), "http" | "https") && link.url.fragment().is_none());
        assert!(link.url.username().is_empty() && link.url.password().is_none());
        assert!(seen.insert(link.url.as_str()), "{} twice", link.url);
    }
});

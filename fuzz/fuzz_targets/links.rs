//! Any bytes as a page's HTML: its links are absolute http or https URLs without fragments, each once, and within their
//! limits.
#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use extraction::grounding::{Claim, ShownText, GroundingError};
use extraction::links::{MAX_LINK_BYTES, MAX_LINKS};
use extraction::{Context, Extras, Page, RequestedExtras};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

static SCHEMA: LazyLock<domain::Schema> = LazyLock::new(|| {
    domain::Schema::parse(&json!([{"field": "zork", "type": "string", "example": "x"}])).expect("a valid schema")
});

static FIELDS: LazyLock<domain::Schema> = LazyLock::new(|| {
    let fields = ["string", "float", "date", "boolean", "array<integer>"].map(|kind| {
        let example =
            json!({"string": "x", "float": 1.5, "date": "2025-01-01", "boolean": true, "array<integer>": [1]});
        json!({"field": kind, "type": kind, "example": example[kind]})
    });
    domain::Schema::parse(&json!(fields)).expect("a valid schema")
});

fuzz_target!(|body: &[u8]| {
    let url = url::Url::parse("https://e.test/d/page?x=1").expect("a valid URL");
    let page = Page { body, content_type: Some("text/html"), url: &url };
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let requested = RequestedExtras { links: true, compact: Some(500) };
    let (_, Extras { links: found, compact }) = extraction::extract_with(&page, &SCHEMA, &context, requested);
    let text = compact.map(|compact| compact.text).unwrap_or_default();
    assert!(text.len() <= 501, "{} bytes of text", text.len());
    // A quote from the text is found in the text, and verifying any claim about it does not panic.
    let value = json!(text);
    let claim = Claim { value: &value, quote: &text };
    for field in FIELDS.fields() {
        let verified = ShownText::new(&text).verify(field, claim, "en-US", context.now);
        assert!(!matches!(verified, Err(GroundingError::QuoteNotFound(_))), "{text:?}");
    }
    assert!(found.links.len() <= MAX_LINKS);
    assert!(found.links.iter().map(|l| l.url.as_str().len()).sum::<usize>() <= MAX_LINK_BYTES);
    let mut seen = HashSet::new();
    for link in &found.links {
        assert!(matches!(link.url.scheme(), "http" | "https") && link.url.fragment().is_none());
        assert!(link.url.username().is_empty() && link.url.password().is_none());
        assert!(seen.insert(link.url.as_str()), "{} twice", link.url);
    }
});

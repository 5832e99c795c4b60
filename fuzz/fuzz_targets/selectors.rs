//! Any selector on any page: matching never panics, and ends within its limits of steps and bytes.
#![no_main]

use extraction::budget::{Budget, Limits};
use extraction::{Context, Page};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

/// Limits for a page of a few kilobytes, including its parsing.
const LIMITS: Limits = Limits { steps: 20_000_000, bytes: 1024 * 1024, nodes: 50_000 };

fuzz_target!(|data: &str| {
    let Some((selector, body)) = data.split_once('\n') else { return };
    if extraction::check_selector(selector).is_err() {
        return;
    }
    let fields = json!([{ "field": "v", "type": "array<string>", "example": ["x"], "selector": selector }]);
    let Ok(schema) = domain::Schema::parse(&fields) else { return };
    let url = url::Url::parse("https://e.test/").expect("a valid URL");
    let page = Page { body: body.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    let budget = Budget::limited(LIMITS);
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &budget };
    let _ = extraction::extract(&page, &schema, &context);
    let taken = budget.taken();
    // The step or copy that exceeds the limit is counted.
    assert!(taken.steps <= LIMITS.steps + data.len() as u64 + 1, "{taken:?}");
    assert!(taken.bytes <= LIMITS.bytes + data.len() as u64 + 1, "{taken:?}");
});

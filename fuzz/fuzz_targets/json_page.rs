//! Any text as a JSON page: reading never panics, ends within its node limit, and returns exactly the schema's keys.
#![no_main]

use extraction::budget::{Budget, Limits};
use extraction::{Context, Page};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const LIMITS: Limits = Limits { steps: 20_000_000, bytes: 1024 * 1024, nodes: 2_000 };
const NAMES: [&str; 6] = ["title", "price", "inStock", "tags", "offers.price", "publishedAt"];

fuzz_target!(|data: &[u8]| {
    let fields: Vec<Value> =
        NAMES.iter().map(|name| json!({ "field": name, "type": "string", "example": "x" })).collect();
    let schema = domain::Schema::parse(&Value::Array(fields)).expect("a valid schema");
    let url = url::Url::parse("https://e.test/").expect("a valid URL");
    let page = Page { body: data, content_type: Some("application/json"), url: &url };
    let budget = Budget::limited(LIMITS);
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &budget };
    if let Ok(got) = extraction::extract(&page, &schema, &context) {
        assert!(got.data.keys().eq(NAMES.iter()));
    }
    // A member counts as two nodes, including the one that reaches the limit.
    assert!(budget.taken().nodes <= LIMITS.nodes + 2, "{:?}", budget.taken());
});

//! Any bytes as a page: parsing and extraction never panic, and return exactly the schema's keys.
#![no_main]

use std::sync::LazyLock;

use extraction::{Context, Page};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const NAMES: [&str; 30] = [
    "title", "price", "originalPrice", "inStock", "publishedAt", "modifiedAt", "author", "ingredients", "instructions",
    "rating", "reviewCount", "image", "images", "sku", "brand", "description", "body", "tags", "breadcrumbs", "category",
    "url", "language", "email", "phone", "address", "totalTime", "readingTime", "currency", "zork", "offers.price",
];

static SCHEMA: LazyLock<domain::Schema> = LazyLock::new(|| {
    let kinds = domain::FieldType::ALL;
    let fields: Vec<Value> = NAMES
        .iter()
        .enumerate()
        .map(|(i, name)| json!({"field": name, "type": kinds[(i * 3 + i / 8) % kinds.len()].name(), "example": "1"}))
        .collect();
    domain::Schema::parse(&Value::Array(fields)).expect("a valid schema")
});

fuzz_target!(|data: &[u8]| {
    let Some((first, body)) = data.split_first() else { return };
    let kinds = [Some("text/html"), Some("text/html; charset=shift_jis"), Some("application/json"), None];
    let locales = ["en-US", "de-DE", "x", ""];
    let url = url::Url::parse("https://e.test/2025/03/04/thing-12345").expect("a valid URL");
    let page = Page { body, content_type: kinds[usize::from(first % 4)], url: &url };
    let context = Context { locale: locales[usize::from(first / 4 % 4)], now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    if let Ok(got) = extraction::extract(&page, &SCHEMA, &context) {
        assert!(got.data.keys().eq(NAMES.iter()));
    }
    if first / 16 == 0 {
        let _ = extraction::explain(&page, &SCHEMA, &context);
    }
});

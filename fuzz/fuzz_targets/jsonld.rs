//! Any text as a JSON-LD script: extraction never panics or hangs, and returns exactly the schema's keys and types.
#![no_main]

use std::sync::LazyLock;

use extraction::{Context, Page};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const FIELDS: [(&str, &str); 14] = [
    ("title", "string"), ("price", "float"), ("originalPrice", "float"), ("inStock", "boolean"), ("author", "string"),
    ("publishedAt", "date"), ("ingredients", "array<string>"), ("instructions", "array<string>"), ("rating", "float"),
    ("reviewCount", "integer"), ("image", "string"), ("totalTime", "integer"), ("address", "string"),
    ("offers.price", "array<float>"),
];

static SCHEMA: LazyLock<domain::Schema> = LazyLock::new(|| {
    let field = |(name, kind): &(&str, &str)| json!({"field": name, "type": kind, "example": example(kind)});
    domain::Schema::parse(&FIELDS.iter().map(field).collect::<Value>()).expect("a valid schema")
});

fn example(kind: &str) -> Value {
    match kind {
        "boolean" => json!(true),
        "date" => json!("2025-01-31"),
        "string" | "array<string>" => json!("x"),
        _ => json!(1),
    }
}

fuzz_target!(|text: &str| {
    let body = format!("<title>Kettle</title><script type=\"application/ld+json\">{text}</script><h1>Kettle</h1>");
    let url = url::Url::parse("https://e.test/p/kettle").expect("a valid URL");
    let page = Page { body: body.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let got = extraction::extract(&page, &SCHEMA, &context).expect("HTML can be read");
    for ((name, value), (field, kind)) in got.data.iter().zip(FIELDS) {
        let right = match kind {
            "float" => value.is_null() || value.as_f64().is_some_and(f64::is_finite),
            "integer" => value.is_null() || value.is_i64() || value.is_u64(),
            "boolean" => value.is_null() || value.is_boolean(),
            "array<string>" | "array<float>" => value.is_array(),
            _ => value.is_null() || value.is_string(),
        };
        assert!(name == field && right, "{name}: {value}");
    }
    assert_eq!(got.data.len(), FIELDS.len());
});

//! Small pages of our own, one per source and per trap, read through the public interface.

// Helpers outside of test functions also fail a test by panicking.
#![allow(clippy::unwrap_used, missing_docs)]

mod everyday;
mod hostile_pages;
mod jobs_and_other_kinds;
mod plain_pages;
mod properties;
mod sources;
mod spellings;
mod statements;
mod traps;

use extraction::{Context, Extracted, Page, extract};
use serde_json::{Value, json};

/// Reads a page at `https://shop.test/p/kettle` on 2026-11-24, in American English.
fn read(page: &str, schema: Value) -> Extracted {
    read_at("https://shop.test/p/kettle", "en-US", page, schema)
}

fn read_at(url: &str, locale: &str, page: &str, schema: Value) -> Extracted {
    let url = url::Url::parse(url).unwrap();
    let page = Page { body: page.as_bytes(), content_type: Some("text/html; charset=utf-8"), url: &url };
    let context = Context { locale, now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    extract(&page, &domain::Schema::parse(&schema).unwrap(), &context).unwrap()
}

/// Returns what a page gives for fields of (name, type), with an example that suits the type.
fn data(page: &str, fields: &[(&str, &str)]) -> Value {
    Value::Object(read(page, schema(fields)).data)
}

fn schema(fields: &[(&str, &str)]) -> Value {
    fields.iter().map(|(name, kind)| json!({"field": name, "type": kind, "example": example(kind)})).collect()
}

fn example(kind: &str) -> Value {
    match kind {
        "integer" => json!(12),
        "float" => json!(9.5),
        "boolean" => json!(true),
        "date" => json!("2025-01-31"),
        "array<string>" => json!(["a text"]),
        "array<integer>" => json!([1]),
        "array<float>" => json!([1.5]),
        _ => json!("A text"),
    }
}

//! The document's requests equal what validation accepts: members, ranges, enums, defaults. Both check the same bodies.

use std::collections::BTreeSet;

use api::ApiError;
use api::validate::{Valid, check};
use domain::{Endpoint, ErrorCode};
use serde_json::{Map, Value, json};

use super::{document, resolved, validator};
use crate::support::stack::schema;

const ENDPOINTS: [(Endpoint, &str); 3] =
    [(Endpoint::Extract, "ExtractRequest"), (Endpoint::Batch, "BatchRequest"), (Endpoint::Crawl, "CrawlRequest")];

/// A valid body with every object that has members of its own.
fn good(endpoint: Endpoint) -> Value {
    let (url, field) = ("https://example.com/", json!([schema()[0]]));
    match endpoint {
        Endpoint::Extract => json!({ "url": url, "schema": field, "options": {} }),
        Endpoint::Batch => json!({ "urls": [url], "schema": field, "options": {}, "webhook": { "url": url } }),
        Endpoint::Crawl => json!({ "seed_url": url, "schema": field, "options": {},
            "crawl": { "follow_pattern": "*", "max_pages": 5 }, "webhook": { "url": url } }),
    }
}

fn checked(endpoint: Endpoint, body: &Value) -> Result<Valid, ApiError> {
    check(endpoint, body.to_string().as_bytes(), None)
}

/// Whether the body is refused for its shape.
fn is_malformed(endpoint: Endpoint, body: &Value) -> bool {
    let refused = checked(endpoint, body).map_err(|e| e.code);
    matches!(refused, Err(ErrorCode::InvalidRequest | ErrorCode::SchemaInvalid))
}

/// The objects of a body that have members of their own: their place in the body and in the document.
fn objects(endpoint: Endpoint, name: &str) -> Vec<(&'static str, String)> {
    let at = |rest: &str| format!("/components/schemas/{name}{rest}");
    let mut all = vec![
        ("", at("")),
        ("/options", at("/properties/options")),
        ("/schema/0", "/components/schemas/Field".to_owned()),
    ];
    if endpoint != Endpoint::Extract {
        all.push(("/webhook", "/components/schemas/WebhookRequest".to_owned()));
    }
    if endpoint == Endpoint::Crawl {
        all.push(("/crawl", at("/properties/crawl")));
    }
    all
}

/// `good` with a member of the object at `place` set.
fn with(endpoint: Endpoint, place: &str, member: &str, value: Value) -> Value {
    let mut body = good(endpoint);
    body.pointer_mut(place).unwrap()[member] = value;
    body
}

#[test]
fn members_are_those_of_the_validation() {
    let document = document();
    for (endpoint, name) in ENDPOINTS {
        assert!(checked(endpoint, &good(endpoint)).is_ok());
        for (place, pointer) in objects(endpoint, name) {
            let object = document.pointer(&pointer).unwrap();
            assert_eq!(object["additionalProperties"], false, "{pointer}");
            let described: BTreeSet<&str> =
                object["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            // A refusal lists the known members.
            let refusal = checked(endpoint, &with(endpoint, place, "zzzzzz", json!(1))).unwrap_err().message;
            let list =
                refusal.rsplit_once("known").unwrap().1.trim_start_matches(" here").trim_matches([':', ' ', ')']);
            let known: BTreeSet<_> = list.split(", ").collect();
            let (undescribed, unknown) = (&known - &described, &described - &known);
            assert!(
                undescribed.is_empty() && unknown.is_empty(),
                "{name}{place}: openapi.json lacks {undescribed:?}; MEMBERS in shared/api/src/validate lacks {unknown:?}"
            );
            let required = object["required"].as_array().cloned().unwrap_or_default();
            for member in &described {
                let mut body = good(endpoint);
                let target = body.pointer_mut(place).unwrap().as_object_mut().unwrap();
                if target.remove(*member).is_some() {
                    let is_required = required.contains(&json!(member));
                    assert_eq!(is_malformed(endpoint, &body), is_required, "{name}{place} without {member}");
                }
            }
        }
    }
}

/// Values around the limits of a member, and a few that no member accepts.
fn probes(schema: &Value) -> Vec<Value> {
    let mut values = vec![
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(10.0),
        json!(1e300),
        json!(u64::MAX),
        json!("x"),
        json!([]),
        json!({}),
        json!([[]]),
    ];
    for bound in ["minimum", "maximum"] {
        if let Some(n) = schema[bound].as_i64() {
            values.extend([n - 1, n, n + 1].map(|n| json!(n)));
            values.push(json!(n as f64));
        }
    }
    if let Some(max) = schema["maxLength"].as_u64() {
        let max = usize::try_from(max).unwrap();
        values.extend(["a".repeat(max), "a".repeat(max + 1), "é".repeat(max)].map(|s| json!(s)));
    }
    values.extend(schema["enum"].as_array().cloned().unwrap_or_default());
    values.extend(["en", "de-AT", "x-", "en_US", "zh-Hant-TW", " ", ""].map(|s| json!(s)));
    values
}

#[test]
fn the_document_accepts_what_the_validation_accepts() {
    let document = document();
    for (endpoint, name) in ENDPOINTS {
        let schema_validator = validator(&document, &format!("/components/schemas/{name}"));
        for (place, pointer) in objects(endpoint, name) {
            let members: Map<String, Value> =
                document.pointer(&pointer).unwrap()["properties"].as_object().unwrap().clone();
            for (member, described) in members {
                for value in probes(resolved(&document, &described)) {
                    // Whether an example reads as its type, or a selector parses, is not a matter of shape.
                    let depends_on_content = match member.as_str() {
                        "example" => !value.is_object(),
                        // The type decides how the example is read.
                        "type" | "selector" | "wait_for" => value.is_string(),
                        _ => false,
                    };
                    let body = with(endpoint, place, &member, value.clone());
                    if depends_on_content && schema_validator.is_valid(&body) {
                        continue;
                    }
                    let shown: String = value.to_string().chars().take(60).collect();
                    let refused = checked(endpoint, &body).err().map(|e| e.message);
                    assert_eq!(
                        is_malformed(endpoint, &body),
                        !schema_validator.is_valid(&body),
                        "{name}{place} {member}: {shown}: openapi.json (right) and shared/api/src/validate (left) differ in \
                         whether they refuse it: {refused:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn limits_of_lists_and_urls_are_those_of_the_validation() {
    let document = document();
    let schema_validator = validator(&document, "/components/schemas/BatchRequest");
    let url = "https://example.com/";
    for n in [0, 1, 1_000, 1_001] {
        let body = with(Endpoint::Batch, "", "urls", json!(vec![url; n]));
        assert_eq!(is_malformed(Endpoint::Batch, &body), !schema_validator.is_valid(&body), "{n} URLs");
    }
    for n in [0, 1, 200, 201] {
        let fields: Vec<Value> =
            (0..n).map(|i| json!({ "field": format!("f{i}"), "type": "string", "example": "x" })).collect();
        let body = with(Endpoint::Batch, "", "schema", json!(fields));
        assert_eq!(is_malformed(Endpoint::Batch, &body), !schema_validator.is_valid(&body), "{n} fields");
    }
    let urls = [
        "https://example.com",
        "HTTP://Example.com:8080/a?b#c",
        "http://127.0.0.1/",
        "http://[2001:db8::1]:80/x",
        "https://example.com./?q=a|b",
        "https://a_b.example.com/",
        "ftp://example.com/",
        "javascript:alert(1)",
        "https://u@example.com/",
        "https://u:p@example.com/",
        "example.com",
        "//example.com/",
        "",
        "https://",
        "https://exa mple.com/",
        "https://example.com:99999999/",
    ];
    for url in urls {
        let body = with(Endpoint::Batch, "", "urls", json!([url]));
        assert_eq!(is_malformed(Endpoint::Batch, &body), !schema_validator.is_valid(&body), "{url}");
    }
    for length in [8_192, 8_193] {
        let url = format!("https://x.test/{}", "a".repeat(length - 15));
        let body = with(Endpoint::Batch, "", "urls", json!([url]));
        assert_eq!(is_malformed(Endpoint::Batch, &body), !schema_validator.is_valid(&body), "{length}");
    }
}

#[test]
fn defaults_are_those_of_the_validation() {
    let document = document();
    for (endpoint, name) in ENDPOINTS {
        let without = Valid { body: Value::Null, ..checked(endpoint, &good(endpoint)).unwrap() };
        let mut seen = 0;
        for (place, pointer) in objects(endpoint, name) {
            for (member, described) in document.pointer(&pointer).unwrap()["properties"].as_object().unwrap() {
                let Some(default) = described.get("default") else { continue };
                let given = checked(endpoint, &with(endpoint, place, member, default.clone())).unwrap_or_else(|e| {
                    panic!(
                        "{name}{place}: shared/api/src/validate refuses openapi.json's default of {member}: {}",
                        e.message
                    )
                });
                assert_eq!(Valid { body: Value::Null, ..given }, without, "{name}{place} {member}");
                seen += 1;
            }
        }
        assert!(seen >= 5, "{name}");
    }
}

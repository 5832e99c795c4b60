//! The hash that an idempotency key is bound to: of endpoint, effective schema and canonical body.

use domain::digest::sha256_hex;
use domain::{Endpoint, Schema};
use serde_json::Value;

/// Returns the hash. The order of members and white space do not matter; everything else does.
pub(crate) fn hash(endpoint: Endpoint, schema: &Schema, body: &Value) -> String {
    let mut text = String::new();
    text.push_str(endpoint.name());
    text.push('\n');
    // A schema of strings and JSON values always serialises.
    let schema = serde_json::to_value(schema).unwrap_or_default();
    canonical(&schema, &mut text);
    text.push('\n');
    canonical(body, &mut text);
    sha256_hex(text.as_bytes())
}

/// Appends the JSON with its members sorted by name. Depth is bounded by the parser's limit of 128.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| name.as_str());
            out.push('{');
            for (name, value) in sorted {
                out.push_str(&Value::from(name.as_str()).to_string());
                out.push(':');
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push_str(&value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_hash_ignores_member_order_and_depends_on_values() {
        let schema = Schema::parse(&json!([{"field": "t", "type": "string", "example": "x"}])).unwrap();
        let a = hash(Endpoint::Batch, &schema, &json!({"urls": ["a", "b"], "options": {"x": 1, "y": 2}}));
        let b = hash(Endpoint::Batch, &schema, &json!({"options": {"y": 2, "x": 1}, "urls": ["a", "b"]}));
        let c = hash(Endpoint::Batch, &schema, &json!({"options": {"y": 2, "x": 1}, "urls": ["b", "a"]}));
        let d = hash(Endpoint::Extract, &schema, &json!({"urls": ["a", "b"], "options": {"x": 1, "y": 2}}));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_ne!(a, d);
    }
}

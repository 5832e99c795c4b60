//! The OpenAPI description: 3.1 as written, and converted to 3.0 for generators that do not read 3.1.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

/// The OpenAPI description of this API. Written by hand; tests compare it with the code and with the answers of the
/// running service.
pub const OPENAPI: &str = include_str!("../openapi.json");

/// The description in OpenAPI 3.0.3.
pub static OPENAPI_3_0: LazyLock<String> = LazyLock::new(|| {
    // The document always parses: tests check it.
    serde_json::from_str(OPENAPI).map(|document| to_3_0(document).to_string()).unwrap_or_default()
});

/// Members whose values are data, not schemas, whatever they look like.
const DATA_MEMBERS: [&str; 4] = ["default", "enum", "example", "required"];

fn to_3_0(mut document: Value) -> Value {
    document["openapi"] = json!("3.0.3");
    if let Some(info) = document["info"].as_object_mut() {
        // OpenAPI 3.0 has no `info.summary`.
        info.shift_remove("summary");
    }
    if let Some(licence) = document["info"]["license"].as_object_mut() {
        licence.shift_remove("identifier");
    }
    convert(&mut document);
    document
}

/// Converts a part of the document, recursively.
fn convert(part: &mut Value) {
    match part {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                match (name.as_str(), member) {
                    // Arbitrary names: one of them may be "type" or "default".
                    ("properties", Value::Object(named)) => named.values_mut().for_each(convert),
                    (name, _) if DATA_MEMBERS.contains(&name) => {}
                    (_, member) => convert(member),
                }
            }
            if members.get("required").is_some_and(|names| names.as_array().is_some_and(Vec::is_empty)) {
                members.shift_remove("required");
            }
            convert_const(members);
            convert_types(members);
        }
        _ => {}
    }
}

/// Replaces `const` by an `enum` of one value.
fn convert_const(schema: &mut Map<String, Value>) {
    if let Some(value) = schema.shift_remove("const") {
        schema.insert("enum".to_owned(), json!([value]));
    }
}

/// Replaces a list of types by `nullable`, and by `anyOf` if more than one other type is left.
fn convert_types(schema: &mut Map<String, Value>) {
    if schema.get("type").is_some_and(|name| name == "null") {
        // OpenAPI 3.0 has no type null: a nullable string whose only value is null.
        schema.insert("type".to_owned(), json!("string"));
        schema.insert("nullable".to_owned(), json!(true));
        schema.insert("enum".to_owned(), json!([null]));
        return;
    }
    let Some(Value::Array(all)) = schema.get("type") else { return };
    let (nulls, mut types): (Vec<Value>, Vec<Value>) = all.iter().cloned().partition(|name| name == "null");
    let nullable = !nulls.is_empty();
    if types.len() == 1 {
        schema.insert("type".to_owned(), types.remove(0));
    } else {
        schema.shift_remove("type");
        let alternative = |name: Value| {
            let items = (name == "array").then(|| schema.get("items").cloned().unwrap_or_else(|| json!({})));
            let mut alternative = json!({ "type": name });
            items.into_iter().for_each(|items| alternative["items"] = items);
            if nullable {
                // Without it no alternative accepts null.
                alternative["nullable"] = json!(true);
            }
            alternative
        };
        let alternatives: Vec<Value> = types.into_iter().map(alternative).collect();
        schema.insert("anyOf".to_owned(), alternatives.into());
        return;
    }
    if nullable {
        schema.insert("nullable".to_owned(), json!(true));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_of_3_1_are_converted_to_those_of_3_0() {
        let mut schema = json!({
            "type": ["object", "null"],
            "properties": {
                "type": { "const": "job.completed" },
                "none": { "type": "null", "required": [] },
                "default": { "type": ["string", "integer", "null"] },
                "example": { "type": ["string", "array"], "example": { "type": ["kept", "null"], "const": 1 } },
            },
            "required": ["type"],
        });
        convert(&mut schema);
        let wanted = json!({
            "type": "object",
            "nullable": true,
            "properties": {
                "type": { "enum": ["job.completed"] },
                "none": { "type": "string", "nullable": true, "enum": [null] },
                "default": { "anyOf": [{ "type": "string", "nullable": true }, { "type": "integer", "nullable": true }] },
                "example": {
                    "anyOf": [{ "type": "string" }, { "type": "array", "items": {} }],
                    "example": { "type": ["kept", "null"], "const": 1 },
                },
            },
            "required": ["type"],
        });
        assert_eq!(schema, wanted);
    }

    #[test]
    fn the_converted_document_has_no_keyword_of_3_1_only() {
        let (before, after): (Value, Value) =
            (serde_json::from_str(OPENAPI).unwrap(), serde_json::from_str(&OPENAPI_3_0).unwrap());
        assert_eq!(after["openapi"], "3.0.3");
        assert!(!OPENAPI_3_0.contains("\"const\":") && !OPENAPI_3_0.contains("\"type\":[\""), "{}", *OPENAPI_3_0);
        let names = |document: &Value, at: &str| -> Vec<String> {
            document.pointer(at).unwrap().as_object().unwrap().keys().cloned().collect()
        };
        for at in ["/paths", "/components/schemas", "/components/responses"] {
            assert_eq!(names(&before, at), names(&after, at), "{at}");
        }
    }
}

//! Reads the schema from the command line: `--field price:float=9.99`, or `--schema` with a file or JSON.

use std::path::Path;

use runo_client::{Field, FieldType, Schema};
use serde_json::{Value, json};

use crate::exit::CommandError;

/// Builds the schema. Without `--field` and `--schema`, the schema bound to the key applies.
pub(crate) fn schema(fields: &[Field], given: Option<&str>) -> Result<Schema, CommandError> {
    let Some(given) = given else {
        return Ok(if fields.is_empty() { Schema::bound() } else { fields.to_vec().into() });
    };
    let text = if given.trim_start().starts_with(['{', '[']) {
        given.to_owned()
    } else {
        let path = Path::new(given);
        std::fs::read_to_string(path)
            .map_err(|error| CommandError::usage(format!("--schema {}: {error}", path.display())))?
    };
    let value: Value =
        serde_json::from_str(&text).map_err(|error| CommandError::usage(format!("--schema is not JSON: {error}")))?;
    Ok(Schema::from_json(value)?)
}

/// `NAME[:TYPE[=EXAMPLE]]`
pub(crate) fn field(text: &str) -> Result<Field, String> {
    let (spec, example) = match text.split_once('=') {
        Some((spec, example)) => (spec, Some(example)),
        None => (text, None),
    };
    let (name, kind) = spec.split_once(':').unwrap_or((spec, "string"));
    if name.trim().is_empty() {
        return Err("a field needs a name: NAME:TYPE=EXAMPLE".to_owned());
    }
    let kind: FieldType = kind.parse().map_err(|error: runo_client::Error| error.message)?;
    let field = Field::new(name, kind);
    Ok(match example {
        Some(example) => {
            field.example(value(kind, example).ok_or(format!("{example:?} cannot be read as {}", kind.as_str()))?)
        }
        None => field,
    })
}

fn value(kind: FieldType, text: &str) -> Option<Value> {
    let list = |kind| text.split(',').map(|item| value(kind, item.trim())).collect::<Option<Value>>();
    match kind {
        FieldType::String | FieldType::Date => Some(json!(text)),
        FieldType::Integer => text.parse::<i64>().ok().map(Value::from),
        FieldType::Float => text.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from),
        FieldType::Boolean => text.parse::<bool>().ok().map(Value::from),
        FieldType::Strings => list(FieldType::String),
        FieldType::Integers => list(FieldType::Integer),
        FieldType::Floats => list(FieldType::Float),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_parsed() {
        for (text, wire) in [
            ("title", json!({ "field": "title", "type": "string", "example": "" })),
            ("price:float=9.99", json!({ "field": "price", "type": "float", "example": 9.99 })),
            ("stock:integer=3", json!({ "field": "stock", "type": "integer", "example": 3 })),
            ("new:boolean=false", json!({ "field": "new", "type": "boolean", "example": false })),
            ("day:date=2025-01-31", json!({ "field": "day", "type": "date", "example": "2025-01-31" })),
            ("tags:array<string>", json!({ "field": "tags", "type": "array<string>", "example": [] })),
            ("tags:array<string>=a, b", json!({ "field": "tags", "type": "array<string>", "example": ["a", "b"] })),
            ("sizes:array<float>=1,2.5", json!({ "field": "sizes", "type": "array<float>", "example": [1.0, 2.5] })),
            ("query:string=a=b:c", json!({ "field": "query", "type": "string", "example": "a=b:c" })),
        ] {
            assert_eq!(json!(field(text).unwrap()), wire, "{text}");
        }
    }

    #[test]
    fn an_invalid_field_is_refused_with_the_reason() {
        for (text, word) in [
            ("price:money", "there is no type \"money\"; types are string,"),
            ("price:float=cheap", "\"cheap\" cannot be read as float"),
            (":float", "a field needs a name"),
        ] {
            assert!(field(text).unwrap_err().starts_with(word), "{text}: {}", field(text).unwrap_err());
        }
    }
}

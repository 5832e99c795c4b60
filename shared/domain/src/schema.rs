//! The flat schema of a call: what to extract and as which type. Errors name the field and member of the first fault.
//!
//! This module checks only the form of a schema. Whether an example *reads* as its type is checked by the caller, with
//! the extraction crate.

mod json_schema;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::nearest::nearest;

/// Maximum number of fields in a schema.
pub const MAX_FIELDS: usize = 200;
/// Maximum size of a schema in bytes, as compact JSON.
pub const MAX_BYTES: usize = 64 * 1024;
/// Maximum length of a field name in characters.
pub const MAX_NAME: usize = 200;
/// Maximum length of a hint in characters.
pub const MAX_HINT: usize = 1_000;
/// Maximum length of a selector in characters.
pub const MAX_SELECTOR: usize = 1_000;

const MEMBERS: [&str; 5] = ["field", "type", "example", "hint", "selector"];

/// The type that a field's value is coerced to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FieldType {
    /// Text with white space collapsed.
    #[serde(rename = "string")]
    String,
    /// A whole number (JSON number without a fraction).
    #[serde(rename = "integer")]
    Integer,
    /// A number.
    #[serde(rename = "float")]
    Float,
    /// `true` or `false`, read from the meaning of a text.
    #[serde(rename = "boolean")]
    Boolean,
    /// An ISO 8601 calendar day, `YYYY-MM-DD`.
    #[serde(rename = "date")]
    Date,
    /// A list of texts.
    #[serde(rename = "array<string>")]
    StringArray,
    /// A list of whole numbers.
    #[serde(rename = "array<integer>")]
    IntegerArray,
    /// A list of numbers.
    #[serde(rename = "array<float>")]
    FloatArray,
}

impl FieldType {
    /// Every type, in the order of the contract.
    pub const ALL: [FieldType; 8] = [
        FieldType::String,
        FieldType::Integer,
        FieldType::Float,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::StringArray,
        FieldType::IntegerArray,
        FieldType::FloatArray,
    ];

    /// Returns the name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            FieldType::String => "string",
            FieldType::Integer => "integer",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Date => "date",
            FieldType::StringArray => "array<string>",
            FieldType::IntegerArray => "array<integer>",
            FieldType::FloatArray => "array<float>",
        }
    }

    /// Returns the type of an array's elements, or the type itself if it is not an array.
    pub fn element(self) -> FieldType {
        match self {
            FieldType::StringArray => FieldType::String,
            FieldType::IntegerArray => FieldType::Integer,
            FieldType::FloatArray => FieldType::Float,
            other @ (FieldType::String
            | FieldType::Integer
            | FieldType::Float
            | FieldType::Boolean
            | FieldType::Date) => other,
        }
    }

    /// Returns whether the type is an array.
    pub fn is_array(self) -> bool {
        self.element() != self
    }

    fn parse(name: &str) -> Option<FieldType> {
        FieldType::ALL.into_iter().find(|t| t.name() == name)
    }
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The key in `data`, unique in its schema.
    pub field: String,
    /// The type that its value is coerced to.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// An example value, whose shape helps to choose between candidates. Null if a JSON Schema gives none.
    pub example: Value,
    /// Words that describe the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// A CSS selector, optionally with `::attr(name)`, for the place to read the value from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
}

/// A validated schema: 1 to [`MAX_FIELDS`] fields with unique names, in the caller's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema(Vec<Field>);

/// A fault of a schema. The text names field and member, and says how to correct it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub String);

impl Schema {
    /// Parses a schema: a list of fields, or a flat JSON Schema of an object.
    ///
    /// # Errors
    /// [`SchemaError`] for the first fault. It names the field (by name, or by index if it has none) and the member; in
    /// a JSON Schema, the path.
    pub fn parse(value: &Value) -> Result<Schema, SchemaError> {
        // Serialising a parsed `Value` cannot fail; only its length is needed.
        let bytes = serde_json::to_vec(value).map(|v| v.len()).unwrap_or(usize::MAX);
        if bytes > MAX_BYTES {
            return Err(SchemaError(format!("schema takes {bytes} bytes; at most {MAX_BYTES} are allowed")));
        }
        let fields = match value {
            Value::Array(items) if items.len() > MAX_FIELDS => {
                return Err(SchemaError(format!(
                    "schema has {} fields; at most {MAX_FIELDS} are allowed",
                    items.len()
                )));
            }
            Value::Array(items) => {
                items.iter().enumerate().map(|(index, item)| parse_field(index, item)).collect::<Result<Vec<_>, _>>()?
            }
            Value::Object(root) if ["type", "properties", "$ref"].iter().any(|name| root.contains_key(*name)) => {
                json_schema::fields(root)?
            }
            _ => {
                return Err(SchemaError(
                    "schema must be an array of fields, like [{\"field\": \"title\", \"type\": \"string\", \"example\": \"A title\"}], \
                     or a JSON Schema of an object, like {\"type\": \"object\", \"properties\": {\"title\": {\"type\": \"string\"}}}"
                        .into(),
                ));
            }
        };
        if fields.is_empty() {
            return Err(SchemaError("schema is empty; it needs at least one field".into()));
        }
        let mut seen = HashSet::new();
        for (index, field) in fields.iter().enumerate() {
            if !seen.insert(field.field.as_str()) {
                return Err(SchemaError(format!(
                    "schema[{index}]: the field name \"{}\" is used twice; names must be unique",
                    field.field
                )));
            }
        }
        Ok(Schema(fields))
    }

    /// Returns the fields in the caller's order.
    pub fn fields(&self) -> &[Field] {
        &self.0
    }
}

fn parse_field(index: usize, item: &Value) -> Result<Field, SchemaError> {
    let Value::Object(members) = item else {
        return Err(SchemaError(format!("schema[{index}] must be an object with \"field\", \"type\" and \"example\"")));
    };
    let at = match members.get("field").and_then(Value::as_str) {
        Some(name) if !name.is_empty() => format!("schema[{index}] (field \"{}\")", clip(name)),
        _ => format!("schema[{index}]"),
    };
    for key in members.keys() {
        if !MEMBERS.contains(&key.as_str()) {
            let hint = nearest(key, &MEMBERS).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
            return Err(SchemaError(format!(
                "{at}: unknown member \"{}\"{hint} (known: {})",
                clip(key),
                MEMBERS.join(", ")
            )));
        }
    }
    let field = text(members, &at, "field", true, MAX_NAME)?.unwrap_or_default();
    if field.trim().is_empty() {
        return Err(SchemaError(format!("{at}: \"field\" must not be blank; it must have 1 to {MAX_NAME} characters")));
    }
    let kind = text(members, &at, "type", true, MAX_NAME)?.unwrap_or_default();
    let Some(kind) = FieldType::parse(&kind) else {
        let names = FieldType::ALL.map(FieldType::name);
        let hint = nearest(&kind, &names).map(|n| format!("; did you mean \"{n}\"?")).unwrap_or_default();
        return Err(SchemaError(format!("{at}: \"type\" is \"{}\"{hint} (known: {})", clip(&kind), names.join(", "))));
    };
    let example = match members.get("example") {
        None | Some(Value::Null) => {
            return Err(SchemaError(format!(
                "{at}: \"example\" is missing; give a value that can be read as {}",
                kind.name()
            )));
        }
        Some(v) => v.clone(),
    };
    let hint = text(members, &at, "hint", false, MAX_HINT)?;
    let selector = text(members, &at, "selector", false, MAX_SELECTOR)?;
    Ok(Field { field, kind, example, hint, selector })
}

fn text(
    members: &Map<String, Value>,
    at: &str,
    name: &str,
    required: bool,
    longest: usize,
) -> Result<Option<String>, SchemaError> {
    match members.get(name) {
        None | Some(Value::Null) if required => {
            Err(SchemaError(format!("{at}: \"{name}\" is missing; it must be a string")))
        }
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(s)) => {
            let n = s.chars().count();
            if n > longest {
                return Err(SchemaError(format!("{at}: \"{name}\" has {n} characters; at most {longest} are allowed")));
            }
            Ok(Some(s.clone()))
        }
        Some(_) => Err(SchemaError(format!("{at}: \"{name}\" must be a string"))),
    }
}

fn clip(s: &str) -> String {
    s.chars().take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fault(v: Value) -> String {
        Schema::parse(&v).unwrap_err().0
    }

    #[test]
    fn every_type_is_read_in_order() {
        let v: Vec<Value> = FieldType::ALL
            .iter()
            .map(|t| json!({"field": t.name(), "type": t.name(), "example": "x", "hint": null}))
            .collect();
        let s = Schema::parse(&Value::Array(v)).unwrap();
        assert_eq!(s.fields().iter().map(|f| f.kind).collect::<Vec<_>>(), FieldType::ALL);
        assert!(FieldType::FloatArray.is_array() && !FieldType::Date.is_array());
    }

    #[test]
    fn faults_name_field_and_member() {
        assert!(fault(json!({})).contains("array of fields"));
        assert!(fault(json!([])).contains("empty"));
        assert!(fault(json!([1])).contains("schema[0]"));
        let m = fault(json!([{"field": "price", "typ": "float", "example": 1}]));
        assert!(m.contains("\"price\"") && m.contains("\"typ\"") && m.contains("did you mean \"type\""), "{m}");
        let m = fault(json!([{"field": "price", "type": "flaot", "example": 1}]));
        assert!(m.contains("did you mean \"float\""), "{m}");
        assert!(fault(json!([{"field": "price", "type": "float"}])).contains("\"example\" is missing"));
        assert!(fault(json!([{"field": 3, "type": "float", "example": 1}])).contains("\"field\" must be a string"));
        assert!(fault(json!([{"field": " ", "type": "float", "example": 1}])).contains("1 to 200"));
        assert!(
            fault(
                json!([{"field": "a", "type": "float", "example": 1}, {"field": "a", "type": "float", "example": 1}])
            )
            .contains("twice")
        );
        assert!(
            fault(json!([{"field": "a", "type": "float", "example": 1, "hint": "x".repeat(1001)}])).contains("1001")
        );
        let many: Vec<Value> =
            (0..201).map(|i| json!({"field": format!("f{i}"), "type": "float", "example": 1})).collect();
        assert!(fault(Value::Array(many)).contains("201 fields"));
        assert!(
            fault(json!([{"field": "a", "type": "string", "example": "x".repeat(70_000)}])).contains("at most 65536")
        );
    }
}

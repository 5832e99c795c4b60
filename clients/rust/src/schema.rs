//! Schemas: converts what callers write to the service's format.

use std::str::FromStr;

use serde::Serialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::types::Row;

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum FieldType {
    /// Text, white space collapsed.
    #[serde(rename = "string")]
    String,
    /// An integer.
    #[serde(rename = "integer")]
    Integer,
    /// A number.
    #[serde(rename = "float")]
    Float,
    /// True or false.
    #[serde(rename = "boolean")]
    Boolean,
    /// A day as `YYYY-MM-DD`.
    #[serde(rename = "date")]
    Date,
    /// A list of strings.
    #[serde(rename = "array<string>")]
    Strings,
    /// A list of integers.
    #[serde(rename = "array<integer>")]
    Integers,
    /// A list of numbers.
    #[serde(rename = "array<float>")]
    Floats,
}

impl FieldType {
    /// All types.
    pub const ALL: [FieldType; 8] = [
        FieldType::String,
        FieldType::Integer,
        FieldType::Float,
        FieldType::Boolean,
        FieldType::Date,
        FieldType::Strings,
        FieldType::Integers,
        FieldType::Floats,
    ];

    /// Returns the type's name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldType::String => "string",
            FieldType::Integer => "integer",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Date => "date",
            FieldType::Strings => "array<string>",
            FieldType::Integers => "array<integer>",
            FieldType::Floats => "array<float>",
        }
    }

    /// Returns an example that implies nothing but the type, for fields without one.
    fn default_example(self) -> Value {
        match self {
            FieldType::String => json!(""),
            FieldType::Integer => json!(1),
            FieldType::Float => json!(1.5),
            FieldType::Boolean => json!(true),
            FieldType::Date => json!("2025-01-31"),
            FieldType::Strings | FieldType::Integers | FieldType::Floats => json!([]),
        }
    }
}

impl FromStr for FieldType {
    type Err = Error;

    fn from_str(text: &str) -> Result<FieldType> {
        FieldType::ALL.into_iter().find(|one| one.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = FieldType::ALL.iter().map(|one| one.as_str()).collect();
            Error::schema(format!("there is no type {text:?}; types are {}", known.join(", ")))
        })
    }
}

/// One field of a schema.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    field: String,
    #[serde(rename = "type")]
    kind: FieldType,
    example: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<String>,
}

impl Field {
    /// Creates a field.
    pub fn new(name: impl Into<String>, kind: FieldType) -> Field {
        Field { field: name.into(), kind, example: kind.default_example(), hint: None, selector: None }
    }

    /// Sets an example of a wanted value. It must read as the type.
    pub fn example(mut self, example: impl Into<Value>) -> Field {
        self.example = example.into();
        self
    }

    /// Sets a hint: words that describe which value is meant.
    pub fn hint(mut self, hint: impl Into<String>) -> Field {
        self.hint = Some(hint.into());
        self
    }

    /// Sets a CSS selector, with `::attr(name)` for an attribute. It alone decides where the value is read.
    pub fn selector(mut self, selector: impl Into<String>) -> Field {
        self.selector = Some(selector.into());
        self
    }
}

/// What to read from each page.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Schema(Option<Value>);

impl Schema {
    /// Returns no schema, for a key that has one bound to it.
    pub fn bound() -> Schema {
        Schema(None)
    }

    /// Reads a list of fields or a flat JSON Schema as in docs/API.md (`schemars` generates one), or the short form
    /// `{"title": "string", "price": {"type": "float", "example": 9.99}}`.
    ///
    /// # Errors
    /// `value` is none of these.
    pub fn from_json(value: Value) -> Result<Schema> {
        match value {
            Value::Array(_) => Ok(Schema(Some(value))),
            Value::Object(ref members) if members.get("properties").is_some_and(Value::is_object) => {
                Ok(Schema(Some(value)))
            }
            Value::Object(members) => {
                let fields: Result<Vec<Value>> =
                    members.into_iter().map(|(name, spec)| short_form_field(&name, spec)).collect();
                fields.map(|fields| Schema(Some(Value::Array(fields))))
            }
            _ => Err(Error::schema("a schema must be a list of fields or an object")),
        }
    }

    pub(crate) fn is_bound(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the names of the rows' fields, if the schema has them.
    pub fn names(&self) -> Option<Vec<String>> {
        match self.0.as_ref()? {
            Value::Array(fields) => {
                fields.iter().map(|field| field["field"].as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
            }
            root => {
                let mut names = Vec::new();
                for (name, given) in root["properties"].as_object()? {
                    match resolve(root, given)["properties"].as_object() {
                        Some(inner) => names.extend(inner.keys().map(|key| format!("{name}.{key}"))),
                        None => names.push(name.clone()),
                    }
                }
                Some(names)
            }
        }
    }

    /// Returns the names of the objects whose fields have dotted names in rows.
    pub(crate) fn groups(&self) -> Vec<String> {
        let Some(root) = &self.0 else { return Vec::new() };
        let Some(properties) = root.get("properties").and_then(Value::as_object) else { return Vec::new() };
        let nested = properties.iter().filter(|(_, given)| resolve(root, given)["properties"].is_object());
        nested.map(|(name, _)| name.clone()).collect()
    }
}

/// Resolves references, and picks the first schema other than null from `anyOf`, `oneOf` or `allOf`.
fn resolve<'s>(root: &'s Value, given: &'s Value) -> &'s Value {
    let mut spec = given;
    for _ in 0..32 {
        let choice = ["anyOf", "oneOf", "allOf"].iter().find_map(|name| spec[*name].as_array());
        spec = if let Some(reference) = spec["$ref"].as_str() {
            root.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null)
        } else if let Some(one) = choice.and_then(|all| all.iter().find(|one| one["type"] != "null")) {
            one
        } else {
            break;
        };
    }
    spec
}

fn short_form_field(name: &str, spec: Value) -> Result<Value> {
    let mut field = Row::from_iter([("field".to_owned(), json!(name))]);
    match spec {
        Value::String(kind) => field.extend([("type".to_owned(), json!(kind))]),
        Value::Object(members) => field.extend(members),
        _ => return Err(Error::schema(format!("{name}: give a type such as \"float\", or an object with \"type\""))),
    }
    if field.get("example").is_none_or(Value::is_null) {
        let kind = field.get("type").and_then(Value::as_str).unwrap_or_default();
        let kind = kind.parse::<FieldType>().map_err(|e| Error::schema(format!("{name}: {}", e.message)))?;
        field.insert("example".to_owned(), kind.default_example());
    }
    Ok(Value::Object(field))
}

impl FromIterator<Field> for Schema {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Schema {
        Schema(Some(fields.into_iter().map(|field| json!(field)).collect()))
    }
}

impl From<Vec<Field>> for Schema {
    fn from(fields: Vec<Field>) -> Schema {
        fields.into_iter().collect()
    }
}

impl<const N: usize> From<[Field; N]> for Schema {
    fn from(fields: [Field; N]) -> Schema {
        fields.into_iter().collect()
    }
}

impl<const N: usize> From<[(&str, FieldType); N]> for Schema {
    fn from(fields: [(&str, FieldType); N]) -> Schema {
        fields.into_iter().map(|(name, kind)| Field::new(name, kind)).collect()
    }
}

impl From<&Schema> for Schema {
    fn from(schema: &Schema) -> Schema {
        schema.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_serialized_for_the_wire() {
        let price = Field::new("price", FieldType::Float).example(9.99).hint("the current one").selector(".price");
        let schema = Schema::from([price, Field::new("tags", FieldType::Strings)]);
        let wire = json!([
            { "field": "price", "type": "float", "example": 9.99, "hint": "the current one", "selector": ".price" },
            { "field": "tags", "type": "array<string>", "example": [] },
        ]);
        assert_eq!(json!(schema), wire);
        assert_eq!(Schema::from_json(wire).unwrap(), schema);
        assert_eq!(schema.names().unwrap(), ["price", "tags"]);
        assert_eq!((json!(Schema::bound()), Schema::bound().names()), (Value::Null, None));
    }

    #[test]
    fn the_short_form_becomes_a_list_of_fields() {
        let schema =
            Schema::from_json(json!({ "title": "string", "price": { "type": "float", "hint": "now" } })).unwrap();
        assert_eq!(
            json!(schema),
            json!([
                { "field": "title", "type": "string", "example": "" },
                { "field": "price", "type": "float", "hint": "now", "example": 1.5 },
            ])
        );
        for (wrong, word) in [(json!({ "a": "text" }), "a: there is no type \"text\""), (json!({ "a": 1 }), "a: give")]
        {
            let error = Schema::from_json(wrong).unwrap_err();
            assert!(error.message.starts_with(word), "{error}");
        }
        assert!(Schema::from_json(json!("title")).is_err());
    }

    #[test]
    fn a_json_schema_names_its_columns() {
        let schema = Schema::from_json(json!({
            "type": "object",
            "properties": {
                "title": { "type": "string" },
                "brand": { "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/Brand" }] },
                "shop": { "type": "object", "properties": { "city": { "type": "string" } } },
            },
            "$defs": { "Brand": { "properties": { "name": { "type": "string" }, "since": { "type": "integer" } } } },
        }))
        .unwrap();
        assert_eq!(schema.names().unwrap(), ["title", "brand.name", "brand.since", "shop.city"]);
        assert_eq!(schema.groups(), ["brand", "shop"]);
        let circle = json!({ "properties": { "a": { "$ref": "#/properties/a" } } });
        assert_eq!(Schema::from_json(circle).unwrap().names().unwrap(), ["a"]);
    }
}

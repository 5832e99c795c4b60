//! Reads a flat JSON Schema (draft 2020-12, as pydantic and zod write it) as fields: each property's type, hint and
//! example. One level of nested objects becomes dotted names. Anything else is refused with its path (a JSON Pointer,
//! RFC 6901).

use serde_json::{Map, Value, json};

use super::{Field, FieldType, MAX_FIELDS, MAX_HINT, MAX_NAME, SchemaError};

/// Maximum number of references that are followed in a chain.
const MAX_REFERENCES: usize = 10;
/// Maximum number of `enum` values that a hint lists.
const MAX_NAMED: usize = 20;

/// Returns the fields of an object's properties.
pub(super) fn fields(root: &Map<String, Value>) -> Result<Vec<Field>, SchemaError> {
    let (mut fields, whole) = (Vec::new(), Value::Object(root.clone()));
    object(root, &resolved(root, &whole, "")?, "", "", &mut fields)?;
    Ok(fields)
}

/// Adds the fields of an object. `prefix` is empty at the top, otherwise a name with a dot.
fn object(
    root: &Map<String, Value>,
    schema: &Map<String, Value>,
    at: &str,
    prefix: &str,
    fields: &mut Vec<Field>,
) -> Result<(), SchemaError> {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return Err(fault(at, "an object needs \"properties\", an object of schemas"));
    };
    for (name, property) in properties {
        let at = format!("{at}/properties/{}", name.replace('~', "~0").replace('/', "~1"));
        let full = format!("{prefix}{name}");
        let length = full.chars().count();
        if name.trim().is_empty() || length > MAX_NAME {
            return Err(fault(
                &at,
                &format!(
                    "a name must not be blank and must have 1 to {MAX_NAME} characters, dots included; it has {length}"
                ),
            ));
        }
        let property = resolved(root, property, &at)?;
        let kinds = kinds(&property, &at)?;
        if kinds == ["object"] {
            if !prefix.is_empty() {
                return Err(fault(&at, "objects may nest only one level deep; flatten this object, or leave it out"));
            }
            object(root, &property, &at, &format!("{full}."), fields)?;
            continue;
        }
        if fields.len() == MAX_FIELDS {
            return Err(fault(&at, &format!("at most {MAX_FIELDS} fields are allowed")));
        }
        fields.push(field(root, full, &property, &kinds, &at)?);
    }
    Ok(())
}

fn field(
    root: &Map<String, Value>,
    name: String,
    property: &Map<String, Value>,
    kinds: &[&str],
    at: &str,
) -> Result<Field, SchemaError> {
    let element = match kinds {
        ["array"] => match property.get("items") {
            Some(items) => Some(resolved(root, items, &format!("{at}/items"))?),
            None => return Err(fault(at, "an array needs \"items\" of type string, integer or number")),
        },
        _ => None,
    };
    let kind = match (&element, kinds) {
        (Some(items), _) => {
            let at = format!("{at}/items");
            match scalar(&self::kinds(items, &at)?, items) {
                Some(FieldType::String | FieldType::Date) => FieldType::StringArray,
                Some(FieldType::Integer) => FieldType::IntegerArray,
                Some(FieldType::Float) => FieldType::FloatArray,
                _ => return Err(fault(&at, "the items of an array must be of type string, integer or number")),
            }
        }
        (None, kinds) => scalar(kinds, property).ok_or_else(|| {
            fault(
                at,
                "\"type\" must be one of string, integer, number, boolean, array and object, optionally with null",
            )
        })?,
    };
    Ok(Field { field: name, kind, example: example(property, kind), hint: hint(property, at)?, selector: None })
}

/// Returns the type of a property that is neither an array nor an object. Returns `None` for any other.
fn scalar(kinds: &[&str], property: &Map<String, Value>) -> Option<FieldType> {
    Some(match kinds {
        ["string"] => match property.get("format").and_then(Value::as_str) {
            Some("date" | "date-time") => FieldType::Date,
            _ => FieldType::String,
        },
        ["integer"] => FieldType::Integer,
        // Every integer is a number.
        ["number"] | ["integer", "number"] | ["number", "integer"] => FieldType::Float,
        ["boolean"] => FieldType::Boolean,
        _ => return None,
    })
}

/// Returns the types of a property without null: those that it declares, or those of its `enum` or `const` values.
fn kinds<'p>(property: &'p Map<String, Value>, at: &str) -> Result<Vec<&'p str>, SchemaError> {
    let declared = match property.get("type") {
        Some(Value::String(kind)) => vec![kind.as_str()],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(_) => return Err(fault(at, "\"type\" must be a string, or a list of strings")),
        None => {
            let values = property.get("enum").and_then(Value::as_array).map(Vec::as_slice);
            let values = values.or_else(|| property.get("const").map(std::slice::from_ref)).unwrap_or_default();
            let mut kinds: Vec<&str> = values.iter().map(kind_of).collect();
            kinds.dedup();
            kinds
        }
    };
    Ok(declared.into_iter().filter(|kind| *kind != "null").collect())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Resolves a property's references within the document, and choices between one schema and null, which is how pydantic
/// writes optional members. Members beside a reference take precedence over those it refers to.
fn resolved(root: &Map<String, Value>, property: &Value, at: &str) -> Result<Map<String, Value>, SchemaError> {
    let Value::Object(property) = property else {
        return Err(fault(at, "a property must be a schema, like {\"type\": \"string\"}"));
    };
    let mut property = property.clone();
    for _ in 0..MAX_REFERENCES {
        let inner = if let Some(reference) = property.remove("$ref") {
            referred(root, &reference, at)?
        } else if let Some(name) = ["anyOf", "oneOf", "allOf"].into_iter().find(|name| property.contains_key(*name)) {
            let choices = property.remove(name);
            only(choices.as_ref(), name, at)?
        } else {
            return Ok(property);
        };
        for (member, value) in inner {
            property.entry(member).or_insert(value);
        }
    }
    Err(fault(at, "its references are nested too deeply; at most 10 are followed"))
}

fn referred(root: &Map<String, Value>, reference: &Value, at: &str) -> Result<Map<String, Value>, SchemaError> {
    let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
    let parts = pointer.and_then(|pointer| pointer.strip_prefix('/')).map(|pointer| pointer.split('/'));
    let mut found = parts.as_ref().and(Some(&Value::Null));
    let mut here = Some(root);
    for part in parts.into_iter().flatten() {
        let name = part.replace("~1", "/").replace("~0", "~");
        found = here.and_then(|object| object.get(&name));
        here = found.and_then(Value::as_object);
    }
    let clipped: String = reference.to_string().chars().take(60).collect();
    found.and_then(Value::as_object).cloned().ok_or_else(|| {
        fault(at, &format!("\"$ref\" {clipped} must name an existing schema in this document, like #/$defs/Name"))
    })
}

/// Returns the only schema of a choice that is not null.
fn only(choices: Option<&Value>, name: &str, at: &str) -> Result<Map<String, Value>, SchemaError> {
    let choices = choices.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut schemas = choices.iter().filter(|choice| choice.get("type").and_then(Value::as_str) != Some("null"));
    match (schemas.next(), schemas.next()) {
        (Some(Value::Object(schema)), None) => Ok(schema.clone()),
        _ => Err(fault(at, &format!("\"{name}\" must be a choice between one schema and null"))),
    }
}

/// Returns a property's example, default or first allowed value, or null if it has none.
fn example(property: &Map<String, Value>, kind: FieldType) -> Value {
    let list = |name: &str| property.get(name).and_then(Value::as_array).and_then(|values| values.first());
    let named = list("examples").or_else(|| property.get("default")).or_else(|| property.get("const"));
    let named = named.filter(|value| !value.is_null()).or_else(|| list("enum").filter(|value| !value.is_null()));
    let empty = |value: &&Value| value.as_array().is_none_or(|items| !items.is_empty());
    match named.filter(empty) {
        Some(value) => value.clone(),
        None if kind == FieldType::String && is_address(property) => json!("https://example.com/"),
        None => Value::Null,
    }
}

fn is_address(property: &Map<String, Value>) -> bool {
    matches!(property.get("format").and_then(Value::as_str), Some("uri" | "url" | "uri-reference" | "iri"))
}

/// Returns the property's description and allowed values as a hint.
fn hint(property: &Map<String, Value>, at: &str) -> Result<Option<String>, SchemaError> {
    let mut hint = match property.get("description") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(_) => return Err(fault(at, "\"description\" must be a string")),
    };
    let values = property.get("enum").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let named: Vec<&str> = values.iter().filter_map(Value::as_str).take(MAX_NAMED).collect();
    if !named.is_empty() {
        let one_of = format!("one of: {}", named.join(", "));
        hint = if hint.is_empty() { one_of } else { format!("{hint} ({one_of})") };
    }
    let length = hint.chars().count();
    if length > MAX_HINT {
        let text = format!("\"description\" and \"enum\" have {length} characters; at most {MAX_HINT} are allowed");
        return Err(fault(at, &text));
    }
    Ok((!hint.is_empty()).then_some(hint))
}

fn fault(at: &str, text: &str) -> SchemaError {
    let at: String =
        if at.chars().count() > 200 { at.chars().take(200).chain(['…']).collect() } else { at.to_owned() };
    SchemaError(format!("schema, at \"#{at}\": {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Schema;

    fn read(schema: Value) -> Vec<(String, &'static str, Value, Option<String>)> {
        let schema = Schema::parse(&schema).unwrap();
        schema.fields().iter().map(|f| (f.field.clone(), f.kind.name(), f.example.clone(), f.hint.clone())).collect()
    }

    fn refused(schema: Value) -> String {
        Schema::parse(&schema).unwrap_err().0
    }

    /// As written by pydantic 2 for `class Product(BaseModel)` with optional, nested, date and enumerated members.
    #[test]
    fn a_pydantic_model_is_read() {
        let schema = json!({
            "$defs": {
                "Brand": {"properties": {"name": {"title": "Name", "type": "string"},
                    "country": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": null, "title": "Country"}},
                    "required": ["name"], "title": "Brand", "type": "object"},
                "State": {"enum": ["new", "used"], "title": "State", "type": "string"},
            },
            "properties": {
                "title": {"title": "Title", "type": "string"},
                "price": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": null, "title": "Price",
                    "description": "the current price", "examples": [9.99]},
                "brand": {"$ref": "#/$defs/Brand"},
                "state": {"$ref": "#/$defs/State", "default": "new"},
                "tags": {"items": {"type": "string"}, "title": "Tags", "type": "array"},
                "published": {"format": "date", "title": "Published", "type": "string"},
                "page": {"format": "uri", "maxLength": 2083, "minLength": 1, "title": "Page", "type": "string"},
            },
            "required": ["title", "brand"], "title": "Product", "type": "object",
        });
        let none = || None;
        assert_eq!(
            read(schema),
            [
                ("title".into(), "string", Value::Null, none()),
                ("price".into(), "float", json!(9.99), Some("the current price".into())),
                ("brand.name".into(), "string", Value::Null, none()),
                ("brand.country".into(), "string", Value::Null, none()),
                ("state".into(), "string", json!("new"), Some("one of: new, used".into())),
                ("tags".into(), "array<string>", Value::Null, none()),
                ("published".into(), "date", Value::Null, none()),
                ("page".into(), "string", json!("https://example.com/"), none()),
            ]
        );
    }

    /// As written by zod 4's `toJSONSchema`.
    #[test]
    fn a_zod_schema_is_read() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
            "properties": {
                "count": {"type": "integer", "minimum": -9007199254740991_i64, "maximum": 9007199254740991_i64},
                "rating": {"type": ["number", "null"]},
                "open": {"type": "boolean"},
                "kind": {"const": "book"},
                "sizes": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
            },
            "required": ["count"], "additionalProperties": false,
        });
        let kinds: Vec<_> = read(schema).into_iter().map(|(name, kind, ..)| (name, kind)).collect();
        let want = [
            ("count", "integer"),
            ("rating", "float"),
            ("open", "boolean"),
            ("kind", "string"),
            ("sizes", "array<float>"),
        ];
        assert_eq!(kinds, want.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn unsupported_schemas_are_refused_with_their_path() {
        let of = |property: Value| json!({"type": "object", "properties": {"a/b": property}});
        let deep = json!({"type": "object", "properties": {"x": {"type": "object", "properties": {}}}});
        for (schema, at, says) in [
            (json!({"type": "object"}), "\"#\"", "needs \"properties\""),
            (json!({"type": "array", "items": {}}), "\"#\"", "object"),
            (of(json!({"type": "strng"})), "#/properties/a~1b", "\"type\" must be one of"),
            (of(json!({})), "#/properties/a~1b", "\"type\" must be one of"),
            (of(json!(true)), "#/properties/a~1b", "must be a schema"),
            (of(json!({"type": ["string", "integer"]})), "#/properties/a~1b", "\"type\" must be one of"),
            (
                of(json!({"anyOf": [{"type": "string"}, {"type": "integer"}]})),
                "#/properties/a~1b",
                "one schema and null",
            ),
            (of(deep), "#/properties/a~1b/properties/x", "nest only one level"),
            (of(json!({"type": "array"})), "#/properties/a~1b", "needs \"items\""),
            (of(json!({"type": "array", "items": {"type": "object"}})), "#/properties/a~1b/items", "must be of type"),
            (of(json!({"$ref": "https://e.test/s"})), "#/properties/a~1b", "must name an existing schema"),
            (of(json!({"$ref": "#/$defs/None"})), "#/properties/a~1b", "must name an existing schema"),
            (of(json!({"$ref": "#/properties/a~1b"})), "#/properties/a~1b", "nested too deeply"),
            (of(json!({"type": "string", "description": "x".repeat(1_001)})), "#/properties/a~1b", "1001 characters"),
            (json!({"type": "object", "properties": {" ": {"type": "string"}}}), "#/properties/ ", "1 to 200"),
        ] {
            let text = refused(schema);
            assert!(text.contains(at) && text.contains(says), "{text}");
        }
        assert!(refused(json!({"type": "object", "properties": {}})).contains("empty"));
        let many: Map<_, _> = (0..201).map(|i| (format!("f{i}"), json!({"type": "string"}))).collect();
        assert!(refused(json!({"type": "object", "properties": many})).contains("at most 200"));
        let same = json!({"type": "object", "properties": {"a.b": {"type": "string"},
            "a": {"type": "object", "properties": {"b": {"type": "string"}}}}});
        assert!(refused(same).contains("twice"));
    }
}

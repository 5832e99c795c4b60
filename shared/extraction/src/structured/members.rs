//! Reads the members of objects in structured data.

use serde_json::{Map, Value};

/// Yields the types of an object, without a vocabulary's prefix.
pub(crate) fn types(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let names = object.get("@type").map(spread).unwrap_or_default();
    names.filter_map(Value::as_str).map(|t| t.rsplit(['/', '#', ':']).next().unwrap_or(t))
}

/// Yields the elements of an array, or any other value itself.
pub(super) fn spread(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(items) => items.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}

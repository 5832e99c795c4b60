//! Conversion of items to and from attribute values: a builder, a reader whose errors name row and attribute, and
//! expression names.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::job::Sitemaps;

use crate::error::StoreError;

/// An item as the SDK represents it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(v: impl Into<String>) -> AttributeValue {
    AttributeValue::S(v.into())
}

pub(crate) fn b(v: Vec<u8>) -> AttributeValue {
    AttributeValue::B(v.into())
}

pub(crate) fn n(v: impl ToString) -> AttributeValue {
    AttributeValue::N(v.to_string())
}

/// Returns an item with partition and sort key.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// Adds attributes to an item, like a builder.
pub(crate) trait Put: Sized {
    fn with(self, name: &str, value: AttributeValue) -> Self;
    fn with_some(self, name: &str, value: Option<AttributeValue>) -> Self {
        match value {
            Some(v) => self.with(name, v),
            None => self,
        }
    }
    fn with_all(self, attributes: Item) -> Self;
}

impl Put for Item {
    fn with_all(mut self, attributes: Item) -> Self {
        self.extend(attributes);
        self
    }

    fn with(mut self, name: &str, value: AttributeValue) -> Self {
        self.insert(name.to_owned(), value);
        self
    }
}

/// Reads an item's attributes.
pub(crate) struct Row<'a>(pub(crate) &'a Item);

impl<'a> Row<'a> {
    fn malformed(&self, name: &str) -> StoreError {
        let key = |k| self.0.get(k).and_then(|v| v.as_s().ok()).map(String::as_str).unwrap_or("?");
        StoreError::Malformed(format!(
            "row {} / {}: attribute \"{name}\" is missing or malformed",
            key("pk"),
            key("sk")
        ))
    }

    pub(crate) fn s(&self, name: &str) -> Result<&'a str, StoreError> {
        self.opt_s(name).ok_or_else(|| self.malformed(name))
    }

    pub(crate) fn opt_s(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(|v| v.as_s().ok()).map(String::as_str)
    }

    pub(crate) fn n<T: std::str::FromStr>(&self, name: &str) -> Result<T, StoreError> {
        self.opt_n(name)?.ok_or_else(|| self.malformed(name))
    }

    pub(crate) fn opt_n<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(text)) => text.parse().map(Some).map_err(|_| self.malformed(name)),
            Some(_) => Err(self.malformed(name)),
        }
    }

    /// Returns the figures of a crawl's sitemaps.
    pub(crate) fn sitemaps(&self) -> Result<Sitemaps, StoreError> {
        let count = |name| Ok::<u32, StoreError>(self.opt_n(name)?.unwrap_or(0));
        Ok(Sitemaps { read: count("sitemaps_read")?, failed: count("sitemaps_failed")? })
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(|v| v.as_bool().ok()).copied().unwrap_or(false)
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.s(name)?).map_err(|_| self.malformed(name))
    }

    pub(crate) fn parse<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, StoreError> {
        read(self.s(name)?).ok_or_else(|| self.malformed(name))
    }

    pub(crate) fn bytes(&self, name: &str) -> Result<&'a [u8], StoreError> {
        self.0.get(name).and_then(|v| v.as_b().ok()).map(AsRef::as_ref).ok_or_else(|| self.malformed(name))
    }
}

/// Serialises a value for a string attribute.
pub(crate) fn json_text<T: serde::Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_json::to_string(value).map(AttributeValue::S).map_err(|e| StoreError::Malformed(e.to_string()))
}

/// Returns the expression attribute names for every `#name` in the given expressions, so that reserved words cannot
/// clash.
pub(crate) fn names(expressions: &[&str]) -> Option<HashMap<String, String>> {
    let mut out = HashMap::new();
    for part in expressions.iter().flat_map(|e| e.split('#').skip(1)) {
        let name: String = part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        out.insert(format!("#{name}"), name);
    }
    (!out.is_empty()).then_some(out)
}

/// Returns expression attribute values; each name includes its colon.
pub(crate) fn values<const N: usize>(list: [(&str, AttributeValue); N]) -> HashMap<String, AttributeValue> {
    list.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_found_once() {
        let found = names(&["SET #state = :s, #used = #used + :n", "attribute_not_exists(#pk)"]).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(found["#state"], "state");
        assert_eq!(names(&["a = :b"]), None);
    }

    #[test]
    fn errors_name_the_malformed_row() {
        let item = key("JOB#1", "META").with("admitted", s("x"));
        let e = Row(&item).n::<u32>("admitted").unwrap_err().to_string();
        assert!(e.contains("JOB#1") && e.contains("admitted"), "{e}");
    }
}

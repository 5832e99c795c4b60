//! Parses untrusted JSON with a bound on the number of values. Ten megabytes of `[],[],…` are three million values,
//! which take a hundred times as much memory. Parsing stops at the bound.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::budget::Budget;

/// Parses a text that is one JSON value.
///
/// # Errors
/// The text is not JSON, or the budget is spent.
pub(crate) fn parse(text: &str, budget: &Budget<'_>) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Seed { budget }.deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// Parses the JSON value that a text begins with.
///
/// # Errors
/// The text does not begin with JSON, or the budget is spent.
pub(crate) fn first(text: &str, budget: &Budget<'_>) -> Result<Value, serde_json::Error> {
    Seed { budget }.deserialize(&mut serde_json::Deserializer::from_str(text))
}

/// Builds one value.
#[derive(Clone, Copy)]
struct Seed<'b> {
    budget: &'b Budget<'b>,
}

impl Seed<'_> {
    /// Spends one node and one step per byte.
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        let has_budget = self.budget.make(1) && self.budget.step(bytes + 1);
        if has_budget { Ok(()) } else { Err(E::custom("exceeds the reading budget")) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        self.take(0)?;
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        self.budget.step(value.len() / 8);
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            out.push(item);
        }
        // A growing list takes up to twice the memory that it needs.
        out.shrink_to_fit();
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            // A name and its entry take as much memory as a value.
            self.take(name.len())?;
            let value = members.next_value_seed(self)?;
            out.insert(name, value);
        }
        Ok(Value::Object(out))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::budget::Limits;

    /// Returns a text of about `n` nodes.
    type Shape = fn(usize) -> String;

    #[test]
    fn values_are_bounded() {
        let few = Limits { nodes: 5_000, ..Limits::PAGE };
        let shapes: [(&str, Shape); 4] = [
            ("empty lists", |n| format!("[{}[]]", "[],".repeat(n))),
            ("members", |n| format!("{{{}\"z\":0}}", (0..n).map(|i| format!("\"k{i}\":1,")).collect::<String>())),
            ("objects", |n| format!("[{}{{}}]", "{\"a\":{\"b\":[0]}},".repeat(n / 4))),
            ("nested", |n| format!("[{}0]", format!("{}{},", "[".repeat(100), "]".repeat(100)).repeat(n / 100))),
        ];
        for (name, shape) in shapes {
            let whole = Budget::limited(few);
            assert_eq!(parse(&shape(1_000), &whole).ok(), serde_json::from_str(&shape(1_000)).ok(), "{name}");
            for n in [10_000, 100_000] {
                let budget = Budget::limited(few);
                assert!(parse(&shape(n), &budget).is_err(), "{name} {n}");
                let taken = budget.taken();
                assert!(taken.nodes <= few.nodes + 1 && taken.steps <= 20 * few.nodes, "{name} {n}: {taken:?}");
            }
        }
    }

    /// A list and each of its values count as one node; so do an object, each of its values, and each name.
    #[test]
    fn names_count_as_nodes_like_values() {
        for (text, nodes) in [("[1,2,3]", 4), ("{\"a\":1,\"b\":2}", 5), ("{\"a\":{\"b\":[]}}", 5)] {
            let budget = Budget::default();
            parse(text, &budget).unwrap();
            assert_eq!(budget.taken().nodes, nodes, "{text}");
        }
    }

    #[test]
    fn only_the_first_value_of_several_is_parsed() {
        assert_eq!(first("{\"a\": 1} rest", &Budget::default()).unwrap(), json!({"a": 1}));
        assert!(parse("{\"a\": 1} rest", &Budget::default()).is_err());
    }

    proptest! {
        #[test]
        fn it_reads_what_serde_json_reads(text in "([\\[\\]{}:,]|\"[ab\\\\u0-9]{0,3}\"|-?[0-9]{1,3}(\\.5|e3)?|true|null| ){0,20}") {
            prop_assert_eq!(parse(&text, &Budget::default()).ok(), serde_json::from_str::<Value>(&text).ok());
        }
    }
}

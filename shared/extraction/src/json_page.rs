//! Pages that are JSON: a field is the member of its name, the dotted path that it spells, or a synonym's.

use std::collections::VecDeque;

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::vocabulary::{concept_of, words};
use crate::wanted::Wanted;

/// Most values that are looked at, outermost first.
const MAX_VALUES: usize = 20_000;

/// A field's candidates: a path, members of that very name, then members that mean the same.
pub(crate) fn candidates(page: &Value, wanted: &Wanted<'_>) -> Vec<Candidate> {
    let field = wanted.field;
    let mut found = Vec::new();
    if field.selector.is_some() {
        // A CSS selector matches nothing here.
        return found;
    }
    let path: Vec<&str> = field.field.split('.').collect();
    if path.len() > 1
        && let Some(value) = path.iter().try_fold(page, |v, step| match v {
            Value::Array(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
            other => other.get(step),
        })
    {
        found.push(candidate(value));
    }
    let own = &wanted.label;
    let concept = wanted.concept;
    let (mut same, mut alike) = (Vec::new(), Vec::new());
    let mut open = VecDeque::from([page]);
    let mut looked = 0;
    while let Some(value) = open.pop_front() {
        looked += 1;
        if looked > MAX_VALUES {
            break;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                for (name, value) in members {
                    if words(name) == *own {
                        same.push(candidate(value));
                    } else if concept.is_some()
                        && concept_of(name).is_some_and(|c| concept.is_some_and(|d| std::ptr::eq(c, d)))
                    {
                        alike.push(candidate(value));
                    }
                    open.push_back(value);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found.extend(same);
    found.extend(alike);
    found.retain(|c| !c.values.is_empty());
    found
}

fn candidate(value: &Value) -> Candidate {
    let plain = |v: &Value| !v.is_object() && !v.is_array() && !v.is_null();
    let values = match value {
        Value::Array(items) => items.iter().filter(|v| plain(v)).cloned().collect(),
        Value::Object(members) => ["value", "name", "text"]
            .iter()
            .find_map(|k| members.get(*k))
            .filter(|v| plain(v))
            .cloned()
            .into_iter()
            .collect(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    Candidate::new(Source::Json, values, "member of the page")
}

//! Pages that are JSON: a field is the member of its name, the dotted path that it spells, or a synonym's.

use std::collections::VecDeque;

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::vocabulary::{concept_of, words};
use crate::wanted::Wanted;

/// Most values that are looked at, outermost first.
const MAX_VALUES: usize = 20_000;
/// Most values of one list.
const MAX_LIST: usize = 1_000;

/// A field's candidates: a path, members of that very name, then members that mean the same.
pub(crate) fn candidates(page: &Value, wanted: &Wanted<'_>) -> Vec<Candidate> {
    let field = wanted.field;
    let mut found = Vec::new();
    if field.selector.is_some() {
        // A CSS selector matches nothing here.
        return found;
    }
    let path: Vec<&str> = field.field.split('.').collect();
    if path.len() > 1 {
        let values = reach(page, &path);
        found.push(Candidate::new(Source::Json, values, "the path that the name spells"));
    }
    let (mut same, mut alike): (Vec<Vec<Value>>, Vec<Vec<Value>>) = (Vec::new(), Vec::new());
    let mut open: VecDeque<&Value> = VecDeque::from([page]);
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
                    let own = words(name) == wanted.label;
                    let means = !own && wanted.concept.is_some() && concept_of(name) == wanted.concept;
                    let values = if own || means { plain(value) } else { Vec::new() };
                    // The parts of a price are no second price.
                    if value.is_array() || (value.is_object() && values.is_empty()) {
                        open.push_back(value);
                    }
                    if own {
                        same.push(values);
                    } else if means {
                        alike.push(values);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (lists, reason, change) in [(same, "member of that name", 0), (alike, "member that means the same", -10)] {
        // Of many objects with one value each a list is made, where a list is asked for.
        let single = lists.iter().filter(|l| l.len() == 1).count();
        if wanted.is_array() && single > 1 && single == lists.len() {
            let values = lists.into_iter().flatten().take(MAX_LIST).collect();
            found.push(Candidate::new(Source::Json, values, reason).scored(change));
        } else {
            found.extend(lists.into_iter().map(|values| Candidate::new(Source::Json, values, reason).scored(change)));
        }
    }
    found.retain(|c| !c.values.is_empty());
    found
}

/// What stands at a path; a step is a member, or a place in a list, and goes into every element of a list otherwise.
fn reach(page: &Value, path: &[&str]) -> Vec<Value> {
    let mut here: Vec<&Value> = vec![page];
    for step in path {
        let mut next: Vec<&Value> = Vec::new();
        for value in here {
            match value {
                Value::Array(items) => match step.parse::<usize>() {
                    Ok(at) => next.extend(items.get(at)),
                    Err(_) => next.extend(items.iter().filter_map(|item| item.get(*step))),
                },
                other => next.extend(other.get(*step)),
            }
        }
        next.truncate(MAX_LIST);
        here = next;
    }
    here.into_iter().flat_map(plain).collect()
}

/// A value as plain values: of an object what names it, of a list each.
fn plain(value: &Value) -> Vec<Value> {
    let one = |v: &Value| !v.is_object() && !v.is_array() && !v.is_null();
    match value {
        Value::Array(items) => items.iter().flat_map(|v| if v.is_array() { Vec::new() } else { plain(v) }).collect(),
        Value::Object(members) => ["value", "amount", "name", "title", "text", "url"]
            .iter()
            .find_map(|k| members.get(*k))
            .filter(|v| one(v))
            .cloned()
            .into_iter()
            .collect(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_go_through_lists() {
        let page =
            json!({"items": [{"price": {"amount": 5}}, {"price": {"amount": 6}}, {"price": [7, {"name": "x"}]}]});
        assert_eq!(reach(&page, &["items", "price"]), [json!(5), json!(6), json!(7), json!("x")]);
        assert_eq!(reach(&page, &["items", "1", "price"]), [json!(6)]);
        assert_eq!(reach(&page, &["items", "nothing"]), Vec::<Value>::new());
    }
}

//! Reads pages that are JSON: a field is the member of that name, the dotted path that its name spells, or a member
//! that means the same.

use std::collections::HashSet;

use serde_json::Value;

use crate::budget::Budget;
use crate::candidate::{Candidate, Source};
use crate::field_query::FieldQuery;
use crate::json_index::Index;
use crate::selector::MAX_SELECTED;

/// Maximum number of members examined for one field, outermost first.
const MAX_MEMBERS: usize = 20_000;
/// Maximum number of values of one list.
const MAX_LIST: usize = 1_000;

/// A parsed page with its index.
pub(crate) struct Json<'v> {
    root: &'v Value,
    index: Index<'v>,
    budget: &'v Budget<'v>,
}

impl<'v> Json<'v> {
    pub(crate) fn of(root: &'v Value, budget: &'v Budget<'v>) -> Json<'v> {
        Json { root, index: Index::of(root, budget), budget }
    }
}

/// Collects one field's values, up to the size that a result may have.
struct ValueCollector<'b> {
    budget: &'b Budget<'b>,
    remaining: usize,
    truncated: bool,
}

impl ValueCollector<'_> {
    /// Copies a scalar value as far as the limit allows.
    fn copy(&mut self, value: &Value) -> Option<Value> {
        let size = value.as_str().map_or(8, str::len);
        self.truncated |= size > self.remaining || !self.budget.copy(size);
        let copy = match value.as_str() {
            Some(text) if self.truncated => Value::from(&text[..text.floor_char_boundary(self.remaining)]),
            _ => value.clone(),
        };
        let fits = self.remaining > 0 && self.budget.step(1);
        self.remaining = self.remaining.saturating_sub(size);
        fits.then_some(copy)
    }
}

/// Returns a field's candidates: the path that its name spells, members of the same name, then members that mean the
/// same.
pub(crate) fn candidates(page: &Json<'_>, query: &FieldQuery<'_>) -> Vec<Candidate> {
    let field = query.field;
    let mut found = Vec::new();
    if field.selector.is_some() {
        // A CSS selector matches nothing in JSON.
        return found;
    }
    let mut collector = ValueCollector { budget: page.budget, remaining: MAX_SELECTED, truncated: false };
    let path: Vec<&str> = field.field.split('.').collect();
    if path.len() > 1 {
        let values = values_at_path(page.root, &path, &mut collector);
        found.push(Candidate::new(Source::Json, values, "path that the field's name spells"));
    }
    let (mut same, mut alike): (Vec<Vec<Value>>, Vec<Vec<Value>>) = (Vec::new(), Vec::new());
    let (own, meant) = page.index.named(&query.label, query.concept);
    let mut all: Vec<usize> = own.iter().take(MAX_MEMBERS).chain(meant.iter().take(MAX_MEMBERS)).copied().collect();
    all.sort_unstable();
    all.dedup();
    // Parts of a price are not a second price.
    let mut objects_read: HashSet<usize> = HashSet::new();
    for at in all {
        let Some(member) = page.index.members.get(at).filter(|_| collector.remaining > 0) else { break };
        let parent = |at: &usize| page.index.members.get(*at).and_then(|m| m.parent);
        let mut around = std::iter::successors(member.parent, parent).take_while(|_| page.budget.step(1));
        if !objects_read.is_empty() && around.any(|at| objects_read.contains(&at)) {
            continue;
        }
        let values = scalars(member.value, &mut collector);
        if member.value.is_object() && !values.is_empty() {
            objects_read.insert(at);
        }
        if own.binary_search(&at).is_ok() { &mut same } else { &mut alike }.push(values);
    }
    for (lists, reason, change) in [(same, "member of the same name", 0), (alike, "member that means the same", -10)] {
        // If a list is asked for and each member has one value, the values together form the list.
        let single = lists.iter().filter(|l| l.len() == 1).count();
        if query.is_array() && single > 1 && single == lists.len() {
            let values = lists.into_iter().flatten().take(MAX_LIST).collect();
            found.push(Candidate::new(Source::Json, values, reason).adjusted(change));
        } else {
            found.extend(lists.into_iter().map(|values| Candidate::new(Source::Json, values, reason).adjusted(change)));
        }
    }
    found.retain(|c| !c.values.is_empty());
    if let Some(first) = found.first_mut().filter(|_| collector.truncated) {
        let max = MAX_SELECTED / 1024;
        first.cut_warning =
            Some(format!("the page's values exceed the limit of {max} KiB for one field; the rest was left out"));
    }
    found
}

/// Returns the values at a path. A step is a member or a position in a list; any other step on a list applies to each
/// of its elements.
fn values_at_path(page: &Value, path: &[&str], collector: &mut ValueCollector<'_>) -> Vec<Value> {
    let mut here: Vec<&Value> = vec![page];
    for step in path {
        let mut next: Vec<&Value> = Vec::new();
        for value in here {
            match value {
                Value::Array(items) => match step.parse::<usize>() {
                    Ok(at) => next.extend(items.get(at)),
                    Err(_) => {
                        let items = items.iter().take_while(|_| collector.budget.step(1));
                        next.extend(items.filter_map(|item| item.get(*step)).take(MAX_LIST));
                    }
                },
                other => next.extend(other.get(*step)),
            }
        }
        next.truncate(MAX_LIST);
        here = next;
    }
    here.into_iter().flat_map(|value| scalars(value, collector)).collect()
}

/// Returns a value as scalars: for an object, the member that names it; for a list, one scalar per element.
fn scalars<'v>(value: &'v Value, collector: &mut ValueCollector<'_>) -> Vec<Value> {
    let one = |v: &Value| !v.is_object() && !v.is_array() && !v.is_null();
    let keys = ["value", "amount", "name", "title", "text", "url"];
    let named = |value: &'v Value| match value {
        Value::Object(members) => keys.iter().find_map(|k| members.get(*k)).filter(|v| one(v)),
        other => Some(other).filter(|v| one(v)),
    };
    match value {
        Value::Array(items) => {
            let items = items.iter().take_while(|_| collector.budget.step(1)).filter_map(named).take(MAX_LIST);
            items.map_while(|v| collector.copy(v)).collect()
        }
        other => named(other).and_then(|v| collector.copy(v)).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_reach_into_lists() {
        let page =
            json!({"items": [{"price": {"amount": 5}}, {"price": {"amount": 6}}, {"price": [7, {"name": "x"}]}]});
        let budget = Budget::default();
        let values_at_path = |page: &Value, path: &[&str]| {
            values_at_path(
                page,
                path,
                &mut ValueCollector { budget: &budget, remaining: MAX_SELECTED, truncated: false },
            )
        };
        assert_eq!(values_at_path(&page, &["items", "price"]), [json!(5), json!(6), json!(7), json!("x")]);
        assert_eq!(values_at_path(&page, &["items", "1", "price"]), [json!(6)]);
        assert_eq!(values_at_path(&page, &["items", "nothing"]), Vec::<Value>::new());
    }

    fn cost(page: &Value, names: &[String], kind: &str) -> (crate::budget::Limits, usize) {
        let fields: Vec<Value> = names.iter().map(|n| json!({"field": n, "type": kind, "example": "x"})).collect();
        let schema = domain::Schema::parse(&Value::Array(fields)).unwrap();
        let budget = Budget::default();
        let page = Json::of(page, &budget);
        let queries = crate::sources::interpret(&schema);
        let sizes = queries.iter().map(|query| {
            let found = candidates(&page, query);
            found.iter().flat_map(|c| &c.values).map(|v| v.as_str().map_or(8, str::len)).sum::<usize>()
        });
        let max = sizes.max().unwrap_or(0);
        (budget.taken(), max)
    }

    #[test]
    fn steps_grow_with_the_members_however_many_the_fields() {
        let names: Vec<String> = (0..200).map(|i| format!("zork{i}")).collect();
        let steps = |n: usize| {
            let page = Value::Object((0..n).map(|i| (format!("key{i}x"), json!(i))).collect());
            cost(&page, &names, "string").0.steps
        };
        let (small, large) = (steps(1_000), steps(16_000));
        assert!(large <= small * 20 && large <= 16_000 * 16, "{small} to {large}");
    }

    #[test]
    fn the_values_collected_for_a_field_are_bounded() {
        let names: Vec<String> = ["title", "productTitle", "item title", "x.title"].map(str::to_owned).to_vec();
        let long = json!({"title": "é".repeat(1_000_000), "x": {"title": "é".repeat(1_000_000)}});
        let many = json!({"title": vec!["words"; 200_000], "x": [{"title": 1}]});
        let each = Value::Array((0..50_000).map(|i| json!({"title": format!("number {i}")})).collect());
        for (page, kind) in [(&long, "string"), (&many, "array<string>"), (&each, "array<string>")] {
            let (taken, max) = cost(page, &names, kind);
            assert!(max <= MAX_SELECTED && taken.steps < 4_000_000, "{max} {taken:?}");
        }
    }

    #[test]
    fn parts_of_a_value_are_not_a_second_value() {
        let page = json!({"price": {"value": 5, "price": 6}, "a": {"price": {"x": {"price": 7}}}});
        let schema = domain::Schema::parse(&json!([{"field": "price", "type": "float", "example": 1}])).unwrap();
        let budget = Budget::default();
        let found = candidates(&Json::of(&page, &budget), &crate::sources::interpret(&schema)[0]);
        let values: Vec<Value> = found.into_iter().flat_map(|c| c.values).collect();
        assert_eq!(values, [json!(5), json!(7)]);
    }
}

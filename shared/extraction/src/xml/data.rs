//! XML as values: an element is an object of its attributes and children, or its text if it has neither. So a field
//! finds `<dc:creator>` as it finds a JSON member of that name.

use std::collections::{HashMap, HashSet};

use ego_tree::NodeId;
use scraper::ElementRef;
use scraper::node::Node;
use serde_json::{Map, Value};

use crate::budget::Budget;

/// Maximum depth at which an element is an object; below it, an element is its text.
const MAX_DEPTH: usize = 64;

/// Returns an element and its contents as values. Once the budget is spent, the rest is left out.
pub(super) fn of(root: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>, budget: &Budget<'_>) -> Value {
    let mut members = Map::new();
    members.insert(root.value().name().to_owned(), value(root, names, budget, MAX_DEPTH));
    Value::Object(members)
}

fn value(element: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>, budget: &Budget<'_>, depth: usize) -> Value {
    let children: Vec<ElementRef<'_>> = element.child_elements().collect();
    let attributes =
        element.value().attrs().filter(|(name, _)| !name.starts_with("xmlns") && !name.starts_with("xml:"));
    let attributes: Vec<(&str, &str)> = attributes.collect();
    // Text that contains markup, as in Atom's XHTML, is read as text.
    let mixed = element.children().any(|n| matches!(n.value(), Node::Text(t) if !t.trim().is_empty()));
    if depth == 0 || children.is_empty() || mixed {
        // A node costs a step even if it has no text.
        let nodes = element.descendants().take_while(|_| budget.step(1));
        let text: String = nodes.filter_map(|node| node.value().as_text()).map(|text| &**text).collect();
        let text = crate::coercion::collapse(&text);
        // An element without text has its value in an attribute: `<link href>`, `<enclosure url>`, `<category term>`.
        let own = ["href", "url", "value", "term", "content"];
        let own = own.iter().find_map(|name| attributes.iter().find(|(n, _)| n == name));
        return match (text.is_empty(), own) {
            (true, Some((_, value))) => Value::String((*value).to_owned()),
            (true, None) if attributes.is_empty() => Value::Null,
            (true, None) => Value::Object(attributes.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect()),
            (false, _) if attributes.is_empty() => Value::String(text),
            (false, _) => {
                let mut members: Map<String, Value> = Map::new();
                members.insert("value".into(), Value::String(text));
                for (name, value) in attributes {
                    members.entry(name).or_insert_with(|| value.into());
                }
                Value::Object(members)
            }
        };
    }
    let mut members: Map<String, Value> = attributes.into_iter().map(|(n, v)| (n.to_owned(), v.into())).collect();
    // A set, because each child with a prefix asks whether another has its name without one.
    let plain: HashSet<&str> = children.iter().map(|c| c.value().name()).filter(|n| !n.contains(':')).collect();
    for child in children.iter().take_while(|_| budget.step(1)) {
        let name = key(*child, names, &plain);
        let value = value(*child, names, budget, depth - 1);
        match members.get_mut(&name) {
            None => drop(members.insert(name, value)),
            Some(Value::Array(items)) => items.push(value),
            Some(one) => {
                let first = one.take();
                *one = Value::Array(vec![first, value]);
            }
        }
    }
    Value::Object(members)
}

/// Returns the name of an element's value: as written, but without its prefix if no other child has that name.
fn key(element: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>, plain: &HashSet<&str>) -> String {
    let lower = element.value().name();
    let written = names.get(&element.id()).map_or(lower, |name| name);
    // Links to something other than the page: to the feed itself, its hub, an enclosure.
    if (lower == "link" || lower.ends_with(":link"))
        && let Some(rel) = element.attr("rel").filter(|rel| *rel != "alternate")
    {
        return rel.to_owned();
    }
    match (written.split_once(':'), lower.split_once(':')) {
        (Some((_, local)), Some((_, lower))) if !plain.contains(lower) => local.to_owned(),
        _ => written.to_owned(),
    }
}

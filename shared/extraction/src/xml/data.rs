//! XML as values: an element is an object of its attributes and children, or its text if it has neither. So a field
//! finds `<dc:creator>` as it finds a JSON member of that name.

use std::collections::HashMap;

use ego_tree::NodeId;
use scraper::ElementRef;
use scraper::node::Node;
use serde_json::{Map, Value};

/// Maximum depth at which an element is an object; below it, an element is its text.
const MAX_DEPTH: usize = 64;

/// Returns an element and its contents as values.
pub(super) fn of(root: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>) -> Value {
    let mut members = Map::new();
    members.insert(root.value().name().to_owned(), value(root, names, MAX_DEPTH));
    Value::Object(members)
}

fn value(element: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>, depth: usize) -> Value {
    let children: Vec<ElementRef<'_>> = element.child_elements().collect();
    let attributes =
        element.value().attrs().filter(|(name, _)| !name.starts_with("xmlns") && !name.starts_with("xml:"));
    let attributes: Vec<(&str, &str)> = attributes.collect();
    // Text that contains markup, as in Atom's XHTML, is read as text.
    let mixed = element.children().any(|n| matches!(n.value(), Node::Text(t) if !t.trim().is_empty()));
    if depth == 0 || children.is_empty() || mixed {
        let text = crate::coercion::collapse(&element.text().collect::<String>());
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
    let plain: Vec<&str> = children.iter().map(|c| c.value().name()).filter(|n| !n.contains(':')).collect();
    for child in &children {
        let name = key(*child, names, &plain);
        let value = value(*child, names, depth - 1);
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
fn key(element: ElementRef<'_>, names: &HashMap<NodeId, Box<str>>, plain: &[&str]) -> String {
    let lower = element.value().name();
    let written = names.get(&element.id()).map_or(lower, |name| name);
    // Links to something other than the page: to the feed itself, its hub, an enclosure.
    if (lower == "link" || lower.ends_with(":link"))
        && let Some(rel) = element.attr("rel").filter(|rel| *rel != "alternate")
    {
        return rel.to_owned();
    }
    match (written.split_once(':'), lower.split_once(':')) {
        (Some((_, local)), Some((_, lower))) if !plain.contains(&lower) => local.to_owned(),
        _ => written.to_owned(),
    }
}

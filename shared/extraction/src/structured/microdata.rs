//! Microdata to the same objects that JSON-LD gives. Source: WHATWG HTML, "Microdata".

use ego_tree::{NodeId, NodeRef};
use scraper::node::Node;
use scraper::{ElementRef, Html};
use serde_json::{Map, Value};

use crate::html;

/// Deepest nesting of items.
const MAX_NESTING: usize = 8;
/// Most items of a page.
const MAX_ITEMS: usize = 500;

/// The item that an item is a value of, and as which properties.
type Owner = (usize, Vec<String>);

/// The top items of a page, in order.
pub(super) fn read(html: &Html) -> Vec<Value> {
    let mut items: Vec<(Map<String, Value>, Option<Owner>)> = Vec::new();
    // One walk in document order; `open` are the items that the walk is inside of.
    let mut open: Vec<(NodeId, usize)> = Vec::new();
    for edge in html.tree.root().traverse() {
        match edge {
            ego_tree::iter::Edge::Open(node) => {
                let Some(element) = node.value().as_element() else { continue };
                let names: Vec<String> =
                    element.attr("itemprop").map(|p| p.split_whitespace().map(short).collect()).unwrap_or_default();
                let parent = open.last().map(|(_, item)| *item);
                if element.attr("itemscope").is_some() {
                    if items.len() >= MAX_ITEMS || open.len() >= MAX_NESTING {
                        continue;
                    }
                    let mut members = Map::new();
                    if let Some(kind) = element.attr("itemtype") {
                        let kinds: Vec<Value> = kind.split_whitespace().map(|k| short(k).into()).collect();
                        members.insert("@type".into(), kinds.into());
                    }
                    if let Some(id) = element.attr("itemid") {
                        members.insert("@id".into(), id.into());
                    }
                    items.push((members, parent.filter(|_| !names.is_empty()).map(|p| (p, names))));
                    open.push((node.id(), items.len() - 1));
                } else if let (Some(parent), false) = (parent, names.is_empty())
                    && let Some(value) = value(node)
                {
                    for name in names {
                        put(&mut items[parent].0, name, value.clone());
                    }
                }
            }
            ego_tree::iter::Edge::Close(node) => {
                if open.last().is_some_and(|(id, _)| *id == node.id()) {
                    open.pop();
                }
            }
        }
    }
    // An item's parent comes before it: from the last to the first, each goes where it belongs.
    let mut top = Vec::new();
    while let Some((members, owner)) = items.pop() {
        match owner {
            Some((parent, names)) => {
                for name in names {
                    put_front(&mut items[parent].0, name, Value::Object(members.clone()));
                }
            }
            None => top.push(Value::Object(members)),
        }
    }
    top.reverse();
    top
}

fn short(name: &str) -> String {
    name.trim_end_matches('/').rsplit(['/', '#']).next().unwrap_or(name).to_owned()
}

/// The value of a property that is no item.
fn value(node: NodeRef<'_, Node>) -> Option<Value> {
    let element = node.value().as_element()?;
    let attribute = match element.name() {
        "meta" => "content",
        "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => "src",
        "a" | "area" | "link" => "href",
        "object" => "data",
        "data" | "meter" => "value",
        "time" => "datetime",
        _ => "content",
    };
    let text = element.attr(attribute).map(crate::coercion::collapse).filter(|t| !t.is_empty());
    let text = match text {
        Some(text) => text,
        None => html::text(ElementRef::wrap(node)?),
    };
    (!text.is_empty()).then_some(Value::String(text))
}

fn put(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        Some(Value::Array(list)) => list.push(value),
        Some(one) => *one = Value::Array(vec![one.take(), value]),
        None => drop(members.insert(name, value)),
    }
}

fn put_front(members: &mut Map<String, Value>, name: String, value: Value) {
    match members.get_mut(&name) {
        Some(Value::Array(list)) => list.insert(0, value),
        Some(one) => *one = Value::Array(vec![value, one.take()]),
        None => drop(members.insert(name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_nest() {
        let page = r#"<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Cup</h1>
            <span itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="3.50">
            <link itemprop="availability" href="https://schema.org/InStock"></span>
            <img itemprop="image" src="/a.jpg"><img itemprop="image" src="/b.jpg"></div><i itemscope></i>"#;
        let items = read(&html::parse(page));
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["@type"][0], "Product");
        assert_eq!(items[0]["name"], "Cup");
        assert_eq!(items[0]["offers"]["price"], "3.50");
        assert_eq!(items[0]["image"][1], "/b.jpg");
    }
}

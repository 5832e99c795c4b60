//! Reads microdata and RDFa into the same objects as JSON-LD. Sources: WHATWG HTML, "Microdata"; W3C RDFa Lite 1.1.

use std::collections::{HashMap, HashSet};

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use html5ever::local_name;
use scraper::node::{Element, Node};
use scraper::{ElementRef, Html};
use serde_json::{Map, Value};

use crate::budget::{Budget, Limits};
use crate::{doc, html};

/// Maximum depth of nested items.
const MAX_NESTING: usize = 8;
/// Maximum number of items of a page.
const MAX_ITEMS: usize = 500;
/// Properties that are addresses, and properties that are always read as text.
const ADDRESSES: [&str; 5] = ["url", "image", "sameAs", "mainEntityOfPage", "contentUrl"];
const TEXTS: [&str; 6] = ["name", "headline", "price", "priceCurrency", "sku", "productID"];
/// The member that holds the address of a link's value; `@value` holds its text.
pub(super) const LINK: &str = "@link";
/// Maximum number of names of one property.
const MAX_NAMES: usize = 4;

/// The attributes of one of the two syntaxes.
struct Syntax {
    scope: &'static str,
    kind: &'static str,
    property: &'static str,
    id: &'static [&'static str],
}

const MICRODATA: Syntax = Syntax { scope: "itemscope", kind: "itemtype", property: "itemprop", id: &["itemid"] };
const RDFA: Syntax = Syntax { scope: "typeof", kind: "typeof", property: "property", id: &["resource", "about"] };

/// Returns the top-level items of a page in order: of microdata, and of RDFa.
pub(super) fn read(html: &Html, budget: &Budget<'_>) -> (Vec<Value>, Vec<Value>) {
    let (mut microdata, mut rdfa) = (false, false);
    for (name, _) in html.tree.nodes().filter_map(|n| n.value().as_element()).flat_map(|e| &e.attrs) {
        microdata |= name.local == local_name!("itemscope");
        rdfa |= &*name.local == "typeof";
    }
    let read = |used: bool, syntax: &Syntax| {
        if used { Reader::within(budget).read(html, syntax) } else { Vec::new() }
    };
    (read(microdata, &MICRODATA), read(rdfa, &RDFA))
}

/// Returns the elements that items refer to by `itemref`, each with the first item that does.
fn references(html: &Html, syntax: &Syntax) -> Vec<(NodeId, NodeId)> {
    let mut referrers: HashMap<&str, NodeId> = HashMap::new();
    for node in html.tree.nodes() {
        let Some(element) = node.value().as_element().filter(|e| doc::attr(e, syntax.scope).is_some()) else {
            continue;
        };
        for id in element.attr("itemref").map(words).into_iter().flatten() {
            if referrers.len() < MAX_ITEMS {
                referrers.entry(id).or_insert(node.id());
            }
        }
    }
    if referrers.is_empty() {
        return Vec::new();
    }
    let elements = html.tree.nodes().filter_map(|n| Some((n.id(), n.value().as_element()?.id()?)));
    elements.filter_map(|(node, id)| Some((node, referrers.remove(id)?))).collect()
}

/// The item that another item is a value of, and the names of the properties that have this value.
type Owner = (usize, Vec<String>);

struct Reader<'b> {
    items: Vec<(Map<String, Value>, Option<Owner>)>,
    /// The items that contain the walk's current position.
    open: Vec<(NodeId, usize)>,
    /// The items that refer to parts elsewhere.
    referring: Vec<(NodeId, usize)>,
    /// The budget for values.
    budget: Budget<'b>,
}

impl<'b> Reader<'b> {
    fn within(page: &'b Budget<'b>) -> Reader<'b> {
        Reader { items: Vec::new(), open: Vec::new(), referring: Vec::new(), budget: page.part(Limits::ITEMS) }
    }

    fn read(mut self, html: &Html, syntax: &Syntax) -> Vec<Value> {
        let refs = references(html, syntax);
        self.walk(html.tree.root(), syntax, &refs.iter().map(|(node, _)| *node).collect());
        // What an item refers to belongs to it, wherever it stands. Each part is used once, for the first item that
        // refers to it.
        for (node, owner) in &refs {
            let item = self.referring.iter().find(|(id, _)| id == owner).map(|(_, item)| *item);
            if let (Some(node), Some(item)) = (html.tree.get(*node), item) {
                self.open = vec![(node.id(), item)];
                self.walk(node, syntax, &HashSet::new());
            }
        }
        self.nest()
    }

    /// Reads what is below a node, except the parts that items elsewhere refer to.
    fn walk(&mut self, root: NodeRef<'_, Node>, syntax: &Syntax, refs: &HashSet<NodeId>) {
        let mut skipped: Option<NodeId> = None;
        for edge in root.traverse() {
            if !self.budget.step(1) {
                break;
            }
            match edge {
                Edge::Open(node) if skipped.is_none() && self.open.is_empty() && refs.contains(&node.id()) => {
                    skipped = Some(node.id());
                }
                Edge::Close(node) if skipped == Some(node.id()) => skipped = None,
                _ if skipped.is_some() => {}
                Edge::Open(node) => {
                    if let Some(element) = node.value().as_element() {
                        self.enter(node, element, syntax);
                    }
                }
                Edge::Close(node) => {
                    if self.open.last().is_some_and(|(id, _)| *id == node.id()) {
                        self.open.pop();
                    }
                }
            }
        }
    }

    fn enter(&mut self, node: NodeRef<'_, Node>, element: &Element, syntax: &Syntax) {
        let names: Vec<String> =
            doc::attr(element, syntax.property).map(|p| words(p).map(without_prefix).collect()).unwrap_or_default();
        let parent = self.open.last().map(|(_, item)| *item);
        if doc::attr(element, syntax.scope).is_some() {
            if self.items.len() >= MAX_ITEMS || self.open.len() >= MAX_NESTING {
                return;
            }
            let mut members = Map::new();
            if let Some(kind) = element.attr(syntax.kind) {
                let kinds: Vec<Value> = words(kind).map(|k| without_prefix(k).into()).collect();
                members.insert("@type".into(), kinds.into());
            }
            if let Some(id) = syntax.id.iter().find_map(|name| element.attr(name)) {
                members.insert("@id".into(), id.into());
            }
            self.items.push((members, parent.filter(|_| !names.is_empty()).map(|p| (p, names))));
            self.open.push((node.id(), self.items.len() - 1));
            if element.attr("itemref").is_some() {
                self.referring.push((node.id(), self.items.len() - 1));
            }
        } else if let (Some(parent), false) = (parent, names.is_empty()) {
            self.put_property(parent, names, node);
        }
    }

    fn put_property(&mut self, parent: usize, names: Vec<String>, node: NodeRef<'_, Node>) {
        for name in names {
            let lists = name == "recipeInstructions" || name == "ingredients" || name == "recipeIngredient";
            let parts = if lists { self.lines(node) } else { Vec::new() };
            if parts.len() > 1 {
                for part in parts {
                    put(&mut self.items[parent].0, name.clone(), part);
                }
            } else if let Some(value) = self.value(node, &name) {
                put(&mut self.items[parent].0, name, value);
            }
        }
    }

    /// Returns an element's text, all of it or none.
    fn text(&self, element: ElementRef<'_>) -> Option<String> {
        if !element.descendants().all(|_| self.budget.step(1)) {
            return None;
        }
        let (text, whole) = html::text_within(element, &self.budget, Limits::ITEMS.bytes as usize);
        Some(text).filter(|t| whole && !t.is_empty())
    }

    /// Returns the value of a property that is not an item.
    fn value(&self, node: NodeRef<'_, Node>, name: &str) -> Option<Value> {
        let (element, wrapped) = (node.value().as_element()?, ElementRef::wrap(node)?);
        let attribute = match element.name() {
            "meta" => "content",
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => "src",
            "a" | "area" | "link" => "href",
            "object" => "data",
            "data" | "meter" => "value",
            "time" => "datetime",
            _ => "content",
        };
        let stated = element.attr("content").or_else(|| element.attr(attribute));
        let stated = stated.filter(|t| self.budget.step(t.len()) && self.budget.copy(t.len()));
        let stated = stated.map(crate::coercion::collapse).filter(|t| !t.is_empty());
        let Some(address) = stated else { return self.text(wrapped).map(Value::String) };
        // Where the property is not an address, a link's text says more than its address; the reader of the value
        // chooses.
        if element.name() != "a" || element.attr("content").is_some() || ADDRESSES.contains(&name) {
            return Some(address.into());
        }
        match self.text(wrapped) {
            None => Some(address.into()),
            Some(text) if TEXTS.contains(&name) => Some(text.into()),
            Some(text) => Some(serde_json::json!({ LINK: address, "@value": text })),
        }
    }

    /// Returns the list items or paragraphs of a property that holds a list.
    fn lines(&self, node: NodeRef<'_, Node>) -> Vec<Value> {
        let parts = |name: &str| -> Vec<Value> {
            let below = node.descendants().skip(1).take_while(|_| self.budget.step(1)).filter_map(ElementRef::wrap);
            let named = below.filter(|e| e.value().name() == name);
            named.filter_map(|e| self.text(e)).map(Value::String).collect()
        };
        let items = parts("li");
        if items.len() > 1 { items } else { parts("p") }
    }

    /// Nests the items. A parent comes before its items, so from last to first each goes into its parent.
    fn nest(mut self) -> Vec<Value> {
        let mut top = Vec::new();
        while let Some((members, owner)) = self.items.pop() {
            match owner {
                Some((parent, names)) => {
                    let item = Value::Object(members);
                    let mut names = names.into_iter();
                    let first = names.next();
                    // Nested items with several names double at every level, within the budget for values.
                    for name in names {
                        if !charge_copy(&item, &self.budget) {
                            break;
                        }
                        put_front(&mut self.items[parent].0, name, item.clone());
                    }
                    if let Some(name) = first {
                        put_front(&mut self.items[parent].0, name, item);
                    }
                }
                None => top.push(Value::Object(members)),
            }
        }
        top.reverse();
        top
    }
}

/// Yields the words of an attribute that lists names, [`MAX_NAMES`] at most.
fn words(attribute: &str) -> impl Iterator<Item = &str> {
    attribute.split_whitespace().take(MAX_NAMES)
}

fn without_prefix(name: &str) -> String {
    name.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(name).to_owned()
}

/// Spends what a copy of a value costs. Returns whether the budget holds.
fn charge_copy(value: &Value, budget: &Budget<'_>) -> bool {
    budget.make(1)
        && match value {
            Value::Array(items) => items.iter().all(|v| charge_copy(v, budget)),
            Value::Object(members) => members.iter().all(|(name, v)| budget.copy(name.len()) && charge_copy(v, budget)),
            Value::String(text) => budget.copy(text.len()),
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
        }
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
mod tests;

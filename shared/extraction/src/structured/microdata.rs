//! Microdata and RDFa to the same objects that JSON-LD gives. Sources: WHATWG HTML, "Microdata"; W3C RDFa Lite 1.1.

use std::collections::{HashMap, HashSet};

use ego_tree::iter::Edge;
use ego_tree::{NodeId, NodeRef};
use scraper::node::{Element, Node};
use scraper::{ElementRef, Html};
use serde_json::{Map, Value};

use crate::{doc, html};

/// Deepest nesting of items.
const MAX_NESTING: usize = 8;
/// Most items of a page.
const MAX_ITEMS: usize = 500;
/// Most nodes that all properties' texts are read from together: properties nest, and the same text must not be read
/// for ever.
const MAX_NODES: usize = 120_000;
/// Most bytes of all properties' values together.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most names that one property may have.
const MAX_NAMES: usize = 4;

/// The attributes of one of the two ways.
struct Syntax {
    scope: &'static str,
    kind: &'static str,
    property: &'static str,
    id: &'static [&'static str],
}

const MICRODATA: Syntax = Syntax { scope: "itemscope", kind: "itemtype", property: "itemprop", id: &["itemid"] };
const RDFA: Syntax = Syntax { scope: "typeof", kind: "typeof", property: "property", id: &["resource", "about"] };

/// The top items of a page in order: of microdata, and of RDFa.
pub(super) fn read(html: &Html) -> (Vec<Value>, Vec<Value>) {
    let elements = || html.tree.nodes().filter_map(|n| n.value().as_element());
    let uses = |name: &str| elements().any(|e| doc::attr(e, name).is_some());
    let read = |syntax: &Syntax| if uses(syntax.scope) { Reader::default().read(html, syntax) } else { Vec::new() };
    (read(&MICRODATA), read(&RDFA))
}

/// The elements that items refer to by `itemref`, each with the first that does.
fn references(html: &Html, syntax: &Syntax) -> Vec<(NodeId, NodeId)> {
    let mut asked: HashMap<&str, NodeId> = HashMap::new();
    for node in html.tree.nodes() {
        let Some(element) = node.value().as_element().filter(|e| doc::attr(e, syntax.scope).is_some()) else {
            continue;
        };
        for id in element.attr("itemref").map(words).into_iter().flatten() {
            if asked.len() < MAX_ITEMS {
                asked.entry(id).or_insert(node.id());
            }
        }
    }
    if asked.is_empty() {
        return Vec::new();
    }
    let elements = html.tree.nodes().filter_map(|n| Some((n.id(), n.value().as_element()?.id()?)));
    elements.filter_map(|(node, id)| Some((node, asked.remove(id)?))).collect()
}

/// The item that an item is a value of, and as which properties.
type Owner = (usize, Vec<String>);

#[derive(Default)]
struct Reader {
    items: Vec<(Map<String, Value>, Option<Owner>)>,
    /// The items that the walk is inside of.
    open: Vec<(NodeId, usize)>,
    /// The items that refer to parts elsewhere.
    made: Vec<(NodeId, usize)>,
    /// How many nodes and bytes the texts may still take.
    nodes: usize,
    bytes: usize,
}

impl Reader {
    fn read(mut self, html: &Html, syntax: &Syntax) -> Vec<Value> {
        (self.nodes, self.bytes) = (MAX_NODES, MAX_BYTES);
        let refs = references(html, syntax);
        self.walk(html.tree.root(), syntax, &refs.iter().map(|(node, _)| *node).collect());
        // What an item refers to is its own wherever it stands: each part once, for the first that asks.
        for (node, owner) in &refs {
            let item = self.made.iter().find(|(id, _)| id == owner).map(|(_, item)| *item);
            if let (Some(node), Some(item)) = (html.tree.get(*node), item) {
                self.open = vec![(node.id(), item)];
                self.walk(node, syntax, &HashSet::new());
            }
        }
        self.nest()
    }

    /// Reads what is below a node, without the parts that items elsewhere refer to.
    fn walk(&mut self, root: NodeRef<'_, Node>, syntax: &Syntax, refs: &HashSet<NodeId>) {
        let mut skipped: Option<NodeId> = None;
        for edge in root.traverse() {
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
            doc::attr(element, syntax.property).map(|p| words(p).map(short).collect()).unwrap_or_default();
        let parent = self.open.last().map(|(_, item)| *item);
        if doc::attr(element, syntax.scope).is_some() {
            if self.items.len() >= MAX_ITEMS || self.open.len() >= MAX_NESTING {
                return;
            }
            let mut members = Map::new();
            if let Some(kind) = element.attr(syntax.kind) {
                let kinds: Vec<Value> = words(kind).map(|k| short(k).into()).collect();
                members.insert("@type".into(), kinds.into());
            }
            if let Some(id) = syntax.id.iter().find_map(|name| element.attr(name)) {
                members.insert("@id".into(), id.into());
            }
            self.items.push((members, parent.filter(|_| !names.is_empty()).map(|p| (p, names))));
            self.open.push((node.id(), self.items.len() - 1));
            if element.attr("itemref").is_some() {
                self.made.push((node.id(), self.items.len() - 1));
            }
        } else if let (Some(parent), false) = (parent, names.is_empty()) {
            self.put_property(parent, names, node);
        }
    }

    fn put_property(&mut self, parent: usize, names: Vec<String>, node: NodeRef<'_, Node>) {
        let size = node.descendants().take(self.nodes + 1).count();
        if size > self.nodes || self.bytes == 0 {
            return;
        }
        self.nodes -= size;
        let Some(value) = value(node) else { return };
        let bytes = value.as_str().map_or(0, str::len).saturating_mul(names.len());
        self.bytes = self.bytes.saturating_sub(bytes);
        for name in names {
            let lists = name == "recipeInstructions" || name == "ingredients" || name == "recipeIngredient";
            let parts = if lists { lines(node) } else { Vec::new() };
            if parts.len() > 1 {
                for part in parts {
                    put(&mut self.items[parent].0, name.clone(), part);
                }
            } else {
                put(&mut self.items[parent].0, name, value.clone());
            }
        }
    }

    /// An item's parent comes before it: from the last to the first, each goes where it belongs.
    fn nest(mut self) -> Vec<Value> {
        let mut top = Vec::new();
        while let Some((members, owner)) = self.items.pop() {
            match owner {
                Some((parent, names)) => {
                    // Items in items under several names each would double at every level: only the innermost do.
                    let leaf = !members.values().any(|v| v.is_object() || v.is_array());
                    let item = Value::Object(members);
                    for name in names.into_iter().take(if leaf { MAX_NAMES } else { 1 }) {
                        put_front(&mut self.items[parent].0, name, item.clone());
                    }
                }
                None => top.push(Value::Object(members)),
            }
        }
        top.reverse();
        top
    }
}

/// The words of an attribute that lists names.
fn words(attribute: &str) -> impl Iterator<Item = &str> {
    attribute.split_whitespace().take(MAX_NAMES)
}

fn short(name: &str) -> String {
    name.trim_end_matches('/').rsplit(['/', '#', ':']).next().unwrap_or(name).to_owned()
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
    let text = element.attr("content").or_else(|| element.attr(attribute)).map(crate::coercion::collapse);
    let text = match text.filter(|t| !t.is_empty()) {
        // A link's text says more than its address where the property is no address.
        Some(text) if element.name() != "a" => text,
        Some(address) => {
            let shown = html::text(ElementRef::wrap(node)?);
            let names = element.attr("itemprop").or_else(|| element.attr("property")).unwrap_or_default();
            let wants_address = ["url", "image", "sameAs", "mainEntityOfPage", "contentUrl"].contains(&names);
            if shown.is_empty() || wants_address { address } else { shown }
        }
        None => html::text(ElementRef::wrap(node)?),
    };
    (!text.is_empty()).then_some(Value::String(text))
}

/// The list items or paragraphs of a property that holds a list.
fn lines(node: NodeRef<'_, Node>) -> Vec<Value> {
    let parts = |name: &str| -> Vec<Value> {
        let below = node.descendants().skip(1).filter_map(ElementRef::wrap).filter(|e| e.value().name() == name);
        below.map(html::text).filter(|t| !t.is_empty()).map(Value::String).collect()
    };
    let items = parts("li");
    if items.len() > 1 { items } else { parts("p") }
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

    fn size(value: &Value) -> usize {
        match value {
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(members) => members.values().map(size).sum(),
            Value::String(text) => text.len() + 1,
            _ => 1,
        }
    }

    #[test]
    fn names_texts_and_copies_are_bounded() {
        // A thousand names of one value, and items in items under many names each.
        let names: String = (0..1_000).map(|i| format!("n{i} ")).collect();
        let page = format!("<div itemscope><p itemprop='{names}'>{}</p></div>", "x".repeat(10_000));
        assert!(read(&html::parse(&page)).0.iter().map(size).sum::<usize>() < 40_400);
        let page = format!("<div itemscope>{}<b itemprop=z>x", "<div itemscope itemprop='a b c d'>".repeat(7));
        assert!(read(&html::parse(&page)).0.iter().map(size).sum::<usize>() < 1_000);
        // A long text in many properties that stand in each other.
        let page = format!("<div itemscope>{}{}", "<div itemprop=a>".repeat(200), "x".repeat(500_000));
        let total: usize = read(&html::parse(&page)).0.iter().map(size).sum();
        assert!(total <= 4_700_000, "{total}");
    }

    #[test]
    fn items_nest() {
        let page = r#"<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Cup</h1>
            <span itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="3.50">
            <link itemprop="availability" href="https://schema.org/InStock"></span>
            <img itemprop="image" src="/a.jpg"><img itemprop="image" src="/b.jpg"></div><i itemscope></i>"#;
        let items = read(&html::parse(page)).0;
        assert_eq!(items.len(), 2);
        assert_eq!(items[0]["@type"][0], "Product");
        assert_eq!(items[0]["name"], "Cup");
        assert_eq!(items[0]["offers"]["price"], "3.50");
        assert_eq!(items[0]["image"][1], "/b.jpg");
    }

    #[test]
    fn what_an_item_refers_to_is_its_own_and_what_is_in_other_items_is_theirs() {
        let page = r#"<div id=a><meta itemprop=gtin13 content=1><div itemscope itemprop=isRelatedTo><i itemprop=sku>R</i></div>
            </div><div itemscope itemtype="http://schema.org/Product" itemref="a b c"><b itemprop=name>Cup</b></div>
            <p id=b itemprop=sku>B-1</p><div itemscope itemref="a"><b itemprop=name>Pot</b></div>"#;
        let items = read(&html::parse(page)).0;
        assert_eq!(items.len(), 2, "{items:?}");
        assert_eq!((&items[0]["gtin13"], &items[0]["sku"]), (&"1".into(), &"B-1".into()));
        assert_eq!(items[0]["isRelatedTo"]["sku"], "R");
        assert!(items[1].get("gtin13").is_none());
        // Nobody goes round in circles.
        let page = "<div id=x itemscope itemref=y><b itemprop=n>1</b></div><div id=y itemscope itemprop=z itemref=x>";
        assert!(read(&html::parse(page)).0.len() <= 2);
    }

    #[test]
    fn rdfa_gives_the_same() {
        let page = r#"<div vocab="https://schema.org/" typeof="Recipe"><h2 property="name">Tart</h2>
            <div property="author" typeof="Person"><a property="name" href="/ann">Ann</a></div>
            <div property="recipeInstructions"><ol><li>Mix</li><li>Bake</li></ol></div></div>"#;
        let items = read(&html::parse(page)).1;
        assert_eq!(items[0]["@type"][0], "Recipe");
        assert_eq!(items[0]["author"]["name"], "Ann");
        assert_eq!(items[0]["recipeInstructions"][1], "Bake");
    }
}

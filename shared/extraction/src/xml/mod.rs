//! Reads XML pages as XML: into the same tree as HTML and, unless they are XHTML, into the same values as JSON. Names
//! in the tree are in lower case, as in HTML for selectors; a prefix stays part of the name. Nesting and nodes are
//! bounded as in [`crate::html`]. Depends on no schema. Every walk is iterative, except one over at most 64 levels.
//! Source: XML 1.0; RSS 2.0; Atom (RFC 4287).

mod data;
mod entities;

use std::collections::HashMap;

use ego_tree::NodeId;
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, QualName, ns};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use scraper::node::{Element, Node, Text};
use scraper::{ElementRef, Html};
use serde_json::Value;

use crate::budget::Budget;
use crate::html::{MAX_DEPTH, MAX_NODES};
use crate::tags::MAX_ATTRIBUTES;
use entities::Entities;

/// A parsed XML page.
pub(crate) struct Xml {
    /// Its elements and texts.
    pub(crate) tree: Html,
    /// Its values by name; `None` for XHTML, which is read by what it shows, and if the budget did not last for the
    /// tree.
    pub(crate) data: Option<Value>,
}

/// Returns whether a text that is not declared as XML is XML: it has a declaration, or begins like a feed or a sitemap.
pub(crate) fn is_xml(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let mut rest = start;
    // After the declaration, comments and other instructions.
    while let Some(inside) = rest.strip_prefix('<').filter(|r| r.starts_with(['?', '!'])) {
        if inside.get(..8).is_some_and(|d| d.eq_ignore_ascii_case("!doctype")) {
            return false;
        }
        let end = if inside.starts_with("!--") { "-->" } else { ">" };
        let Some((_, after)) = inside.split_once(end) else { return false };
        rest = after.trim_start();
    }
    let Some(root) = rest.strip_prefix('<') else { return false };
    let name = root.split(|c: char| c.is_whitespace() || matches!(c, '>' | '/')).next().unwrap_or_default();
    let known = ["rss", "feed", "urlset", "sitemapindex", "rdf:RDF"].contains(&name);
    known || start.starts_with("<?xml") && !name.eq_ignore_ascii_case("html")
}

/// Parses a page. Returns `None` if it is not well-formed enough to have a root element.
pub(crate) fn parse(text: &str, budget: &Budget<'_>) -> Option<Xml> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim_start());
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut out = Builder::new();
    loop {
        let event = reader.read_event().ok()?;
        if !budget.step(1) || !budget.make(1) || out.nodes >= MAX_NODES {
            break;
        }
        match event {
            Event::Start(element) => out.open(&element),
            Event::Empty(element) => {
                out.open(&element);
                out.close(element.name().as_ref());
            }
            Event::End(element) => out.close(element.name().as_ref()),
            Event::Text(text) => out.text(&text.html_content()),
            Event::CData(text) => out.text(&text.into_inner()),
            Event::GeneralRef(name) => {
                let text = out.entities.text(&name);
                out.text(&text);
            }
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    out.finish(budget)
}

/// Builds the tree.
struct Builder {
    tree: Html,
    /// The open elements, with their names as written.
    open: Vec<(NodeId, Box<str>)>,
    /// Number of open elements that are too deep to be kept.
    too_deep: usize,
    nodes: usize,
    pending: String,
    entities: Entities,
    /// Names as written of the elements whose names lower-casing changed. Values keep these names.
    names: HashMap<NodeId, Box<str>>,
}

impl Builder {
    fn new() -> Builder {
        Builder {
            tree: Html::new_document(),
            open: Vec::new(),
            too_deep: 0,
            nodes: 0,
            pending: String::new(),
            entities: Entities::default(),
            names: HashMap::new(),
        }
    }

    fn top(&self) -> NodeId {
        self.open.last().map_or_else(|| self.tree.tree.root().id(), |(id, _)| *id)
    }

    fn append(&mut self, node: Node) -> Option<NodeId> {
        self.nodes += 1;
        let top = self.top();
        self.tree.tree.get_mut(top).map(|mut parent| parent.append(node).id())
    }

    fn text(&mut self, text: &str) {
        // Text beside the root is not content.
        if !self.open.is_empty() {
            self.pending.push_str(text);
        }
    }

    fn flush(&mut self) {
        if !self.pending.is_empty() {
            let text = StrTendril::from_slice(&self.pending);
            self.pending.clear();
            self.append(Node::Text(Text { text }));
        }
    }

    fn open(&mut self, element: &BytesStart<'_>) {
        self.flush();
        if self.open.len() >= MAX_DEPTH {
            self.too_deep += 1;
            return;
        }
        let (name, attributes) = (element.name(), self.attributes(element));
        let written: &str = name.as_ref();
        let lower = written.to_ascii_lowercase();
        // A prefix on XHTML's own names adds nothing.
        let local = lower.strip_prefix("html:").or(lower.strip_prefix("xhtml:")).unwrap_or(&lower);
        let qualified = QualName::new(None, ns!(html), LocalName::from(local));
        let Some(id) = self.append(Node::Element(Element::new(qualified, attributes))) else { return };
        if lower != written {
            self.names.insert(id, written.into());
        }
        self.open.push((id, written.into()));
    }

    fn attributes(&mut self, element: &BytesStart<'_>) -> Vec<Attribute> {
        let mut attributes = element.html_attributes();
        let mut out = Vec::new();
        for attribute in attributes.with_checks(false).take(MAX_ATTRIBUTES).flatten() {
            let name: &str = attribute.key.as_ref();
            let name = QualName::new(None, ns!(), LocalName::from(name.to_ascii_lowercase()));
            let value = self.entities.resolve(&attribute.value);
            out.push(Attribute { name, value: StrTendril::from_slice(&value) });
        }
        out
    }

    /// Closes the innermost open element of that name and everything open in it. Ignores an end tag without a start
    /// tag.
    fn close(&mut self, name: &str) {
        self.flush();
        if self.too_deep > 0 {
            self.too_deep -= 1;
        } else if let Some(at) = self.open.iter().rposition(|(_, open)| **open == *name) {
            self.open.truncate(at);
        }
    }

    fn finish(mut self, budget: &Budget<'_>) -> Option<Xml> {
        self.flush();
        let root = self.tree.tree.root().children().find_map(ElementRef::wrap)?;
        let has_data = root.value().name() != "html" && !budget.is_exhausted();
        let data = has_data.then(|| data::of(root, &self.names, budget));
        Some(Xml { tree: self.tree, data })
    }
}

#[cfg(test)]
mod tests;

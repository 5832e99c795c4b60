//! Structured data of a page in one form: schema.org-like objects, in whichever syntax they were written. Depends on no
//! caller's schema.

mod jsonld;
mod lenient;
mod members;
mod microdata;
pub(crate) mod offers;
pub(crate) mod state;
mod tokens;

pub(crate) use members::types;

use members::spread;

use std::collections::{HashMap, VecDeque};

use scraper::Html;
use serde_json::{Map, Value};
use url::Url;

use crate::budget::{Budget, Limits};

/// Maximum number of objects examined.
const MAX_OBJECTS: usize = 2_000;
/// Maximum depth of a path or a search.
const MAX_DEPTH: usize = 12;

/// The syntax of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    JsonLd,
    Microdata,
    Rdfa,
}

/// One outermost value.
#[derive(Debug)]
pub(crate) struct Root {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Reads all structured data of a page.
pub(crate) fn read(html: &Html, budget: &Budget<'_>) -> Vec<Root> {
    let with = |origin: Origin| move |value: Value| Root { value, origin };
    let mut roots: Vec<Root> = jsonld::read(html, budget).into_iter().map(with(Origin::JsonLd)).collect();
    let (microdata, rdfa) = microdata::read(html, budget);
    roots.extend(microdata.into_iter().map(with(Origin::Microdata)));
    roots.extend(rdfa.into_iter().map(with(Origin::Rdfa)));
    roots
}

/// How to read a link in microdata or RDFa.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// As its text.
    Texts,
    /// As its address.
    Addresses,
}

/// Collects values as texts and numbers, within a budget.
struct ScalarCollector<'b> {
    values: Vec<Value>,
    links: Links,
    budget: Budget<'b>,
}

impl ScalarCollector<'_> {
    /// Adds a value if the budget allows.
    fn push(&mut self, value: &Value) {
        if self.budget.copy(value.as_str().map_or(0, str::len)) {
            self.values.push(value.clone());
        }
    }
}

/// An object that may be the subject of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) members: &'a Map<String, Value>,
    pub(crate) origin: Origin,
    /// Whether it is in a list of several items.
    pub(crate) listed: bool,
    /// Whether it is in no other object.
    pub(crate) outermost: bool,
}

/// The objects of a page, outermost first, with an index to follow references between them.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    pub(crate) objects: Vec<Object<'a>>,
    by_id: HashMap<&'a str, &'a Map<String, Value>>,
    /// The page's address, which decides between several offers.
    page: Option<Url>,
    /// Limits on what reading the page may cost.
    pub(crate) budget: &'a Budget<'a>,
}

impl<'a> Graph<'a> {
    /// Finds the objects of all roots. The page's address decides between several offers.
    pub(crate) fn of(roots: &'a [Root], page: Option<&Url>, budget: &'a Budget<'a>) -> Graph<'a> {
        let mut graph = Graph { objects: Vec::new(), by_id: HashMap::new(), page: page.cloned(), budget };
        for root in roots {
            graph.add(root);
        }
        graph
    }

    /// Adds an object and those within it that may be the page's subject. Indexes every object that has an id.
    fn add(&mut self, root: &'a Root) {
        let mut open = VecDeque::from([(&root.value, 0, true, false, true)]);
        let mut examined = 0;
        while let Some((value, depth, subject, listed, outermost)) = open.pop_front() {
            examined += 1;
            if depth > MAX_DEPTH
                || !self.budget.step(1)
                || examined > MAX_OBJECTS * 10
                || self.objects.len() >= MAX_OBJECTS
            {
                continue;
            }
            match value {
                Value::Array(items) => open.extend(items.iter().map(|v| (v, depth + 1, subject, listed, outermost))),
                Value::Object(members) => {
                    for (name, inner) in members {
                        if !inner.is_object() && !inner.is_array() {
                            continue;
                        }
                        // Entities that are the page's subject may be nested in others.
                        let may_be_subject = match name.as_str() {
                            "@graph" | "mainEntity" | "mainEntityOfPage" | "item" | "hasVariant" | "about"
                            | "itemReviewed" | "itemOffered" | "subjectOf" | "video" | "hasPart" => subject,
                            "itemListElement" => subject && !members.contains_key("recipeIngredient"),
                            _ => false,
                        };
                        let many = name == "itemListElement" || name == "hasPart";
                        open.push_back((
                            inner,
                            depth + 1,
                            may_be_subject,
                            listed || many,
                            outermost && name == "@graph",
                        ));
                    }
                    if let Some(id) = members.get("@id").and_then(Value::as_str)
                        && members.len() > 1
                    {
                        let known = self.by_id.entry(id).or_insert(members);
                        // The fullest description of a thing wins.
                        if known.len() < members.len() {
                            *known = members;
                        }
                    }
                    if subject && members.contains_key("@type") {
                        self.objects.push(Object { members, origin: root.origin, listed, outermost });
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// Returns what an object points to if it is only a reference, otherwise the object itself.
    fn resolve(&self, members: &'a Map<String, Value>) -> &'a Map<String, Value> {
        let only_id = members.len() == 1 || (members.len() == 2 && members.contains_key("@type"));
        match members.get("@id").and_then(Value::as_str) {
            Some(id) if only_id => self.by_id.get(id).copied().unwrap_or(members),
            Some(_) | None => members,
        }
    }

    /// Returns every value at a dotted path below an object, in order. Spreads lists and follows references.
    pub(crate) fn values_at(&self, object: &'a Map<String, Value>, path: &str) -> Vec<Value> {
        self.values_as(object, path, Links::Texts)
    }

    /// Does the same, with links read as `links` says.
    pub(crate) fn values_as(&self, object: &'a Map<String, Value>, path: &str, links: Links) -> Vec<Value> {
        let budget = self.budget.part(Limits::PATH);
        let mut here: Vec<&'a Map<String, Value>> = vec![object];
        let mut ends: Vec<&'a Value> = Vec::new();
        let mut walked = "";
        let mut steps = path.split('.').take(MAX_DEPTH).peekable();
        while let Some(step) = steps.next() {
            let found = here.iter().filter_map(|members| members.get(step)).flat_map(spread).take(MAX_OBJECTS);
            let found = found.take_while(|_| budget.step(1));
            if steps.peek().is_none() {
                ends = found.collect();
                break;
            }
            here = found.filter_map(Value::as_object).map(|m| self.resolve(m)).collect();
            offers::order(step, walked == "offers", &mut here, self.page.as_ref());
            walked = step;
        }
        if ends.is_empty() {
            return Vec::new();
        }
        let mut out = ScalarCollector { values: Vec::with_capacity(ends.len()), links, budget };
        for value in ends {
            self.plain(value, 0, &mut out);
        }
        out.values
    }

    /// Adds a value as texts and numbers: for an object the member that names it, for a section its steps.
    fn plain(&self, value: &'a Value, depth: usize, out: &mut ScalarCollector<'_>) {
        if depth > MAX_DEPTH || out.values.len() >= MAX_OBJECTS || !out.budget.step(1) {
            return;
        }
        match value {
            Value::Object(members) => self.object(self.resolve(members), depth, out),
            Value::Array(items) => items.iter().for_each(|v| self.plain(v, depth + 1, out)),
            Value::Null => {}
            other => out.push(other),
        }
    }

    fn object(&self, members: &'a Map<String, Value>, depth: usize, out: &mut ScalarCollector<'_>) {
        if let (Links::Addresses, Some(address)) = (out.links, members.get(microdata::LINK)) {
            return self.plain(address, depth + 1, out);
        }
        let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
        let steps = members.get("itemListElement").or_else(|| members.get("steps"));
        if let Some(steps) = steps {
            // A section's name says what its steps are for.
            if let Some(name) = text("name").filter(|_| types(members).any(|t| t == "HowToSection")) {
                out.push(&name.into());
            }
            self.plain(steps, depth + 1, out);
            return;
        }
        if types(members).any(|t| t == "HowToStep" || t == "HowToDirection")
            && let (Some(name), Some(body)) = (text("name"), text("text"))
            && !is_start(name, body)
        {
            out.push(&name.into());
            out.push(&body.into());
            return;
        }
        if let (Some(given), Some(family)) = (text("givenName"), text("familyName"))
            && text("name").is_none()
        {
            out.push(&format!("{given} {family}").into());
            return;
        }
        if text("name").is_none() && (members.contains_key("streetAddress") || members.contains_key("addressLocality"))
        {
            let parts = ["streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry"];
            let parts: Vec<&str> = parts.into_iter().filter_map(text).collect();
            out.push(&parts.join(", ").into());
            return;
        }
        let keys = ["@value", "text", "name", "value", "url", "contentUrl", "@id"];
        if let Some(named) = keys.iter().find_map(|k| members.get(*k).filter(|v| !v.is_null())) {
            // An unresolved id says nothing to a reader.
            if named.as_str().is_none_or(|n| !n.starts_with('#') && !n.starts_with("_:")) {
                self.plain(named, depth + 1, out);
            }
        }
    }
}

/// Returns whether a step's name only repeats the start of its text.
fn is_start(name: &str, body: &str) -> bool {
    let name = name.trim_end_matches(['.', '…', ' ', ':']);
    let plain = |text: &str| crate::text_cleanup::text_of(text, crate::candidate::TextFormat::Markup);
    plain(body).starts_with(&plain(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cyclic_references_end() {
        // Each of fifty steps is again the list of all fifty: 50^6 visits without a bound.
        let steps: Vec<Value> = (0..50).map(|_| json!({"@id": "#a"})).collect();
        let roots = [Root {
            value: json!({"@type": "HowTo", "@id": "#a", "step": steps, "itemListElement": steps, "name": "x"}),
            origin: Origin::JsonLd,
        }];
        let budget = Budget::default();
        let graph = Graph::of(&roots, None, &budget);
        let members = graph.objects[0].members;
        assert!(graph.values_at(members, "step").len() <= MAX_OBJECTS);
    }
}

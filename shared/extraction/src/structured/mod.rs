//! Structured data of a page as one kind of thing: schema.org-like objects, wherever they were written. Knows no
//! schema of the caller's.

mod jsonld;
mod microdata;
pub(crate) mod state;

use std::collections::{HashMap, VecDeque};

use scraper::Html;
use serde_json::{Map, Value};

/// Most objects that are looked at.
const MAX_OBJECTS: usize = 2_000;
/// Deepest that a path or a search goes.
const MAX_DEPTH: usize = 12;

/// How an object was written.
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

/// Everything of a page that was written as structured data.
pub(crate) fn read(html: &Html) -> Vec<Root> {
    let with = |origin: Origin| move |value: Value| Root { value, origin };
    let mut roots: Vec<Root> = jsonld::read(html).into_iter().map(with(Origin::JsonLd)).collect();
    let (microdata, rdfa) = microdata::read(html);
    roots.extend(microdata.into_iter().map(with(Origin::Microdata)));
    roots.extend(rdfa.into_iter().map(with(Origin::Rdfa)));
    roots
}

/// An object that may be what a page is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Object<'a> {
    pub(crate) members: &'a Map<String, Value>,
    pub(crate) origin: Origin,
    /// It stands in a list of several items.
    pub(crate) listed: bool,
}

/// The objects of a page, outermost first, with what is needed to follow references between them.
#[derive(Debug, Default)]
pub(crate) struct Graph<'a> {
    pub(crate) objects: Vec<Object<'a>>,
    by_id: HashMap<&'a str, &'a Map<String, Value>>,
}

impl<'a> Graph<'a> {
    /// Finds the objects of all roots.
    pub(crate) fn of(roots: &'a [Root]) -> Graph<'a> {
        let mut graph = Graph::default();
        for root in roots {
            graph.add(root);
        }
        graph
    }

    /// Adds an object and the objects in it that may be a page's subject; remembers every object that has an id.
    fn add(&mut self, root: &'a Root) {
        let mut open = VecDeque::from([(&root.value, 0, true, false)]);
        let mut looked = 0;
        while let Some((value, depth, subject, listed)) = open.pop_front() {
            looked += 1;
            if depth > MAX_DEPTH || looked > MAX_OBJECTS * 10 || self.objects.len() >= MAX_OBJECTS {
                continue;
            }
            match value {
                Value::Array(items) => open.extend(items.iter().map(|v| (v, depth + 1, subject, listed))),
                Value::Object(members) => {
                    for (name, inner) in members {
                        if !inner.is_object() && !inner.is_array() {
                            continue;
                        }
                        // Entities that are the page's subject may stand inside others.
                        let may = match name.as_str() {
                            "@graph" | "mainEntity" | "mainEntityOfPage" | "item" | "hasVariant" | "about"
                            | "itemReviewed" | "itemOffered" | "subjectOf" | "video" | "hasPart" => subject,
                            "itemListElement" => subject && !members.contains_key("recipeIngredient"),
                            _ => false,
                        };
                        let many = name == "itemListElement" || name == "hasPart";
                        open.push_back((inner, depth + 1, may, listed || many));
                    }
                    if let Some(id) = members.get("@id").and_then(Value::as_str)
                        && members.len() > 1
                    {
                        let known = self.by_id.entry(id).or_insert(members);
                        // The fullest description of a thing stands for it.
                        if known.len() < members.len() {
                            *known = members;
                        }
                    }
                    if subject && members.contains_key("@type") {
                        self.objects.push(Object { members, origin: root.origin, listed });
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// What an object that is only a reference points at; the object itself otherwise.
    fn resolve(&self, members: &'a Map<String, Value>) -> &'a Map<String, Value> {
        let only_id = members.len() == 1 || (members.len() == 2 && members.contains_key("@type"));
        match members.get("@id").and_then(Value::as_str) {
            Some(id) if only_id => self.by_id.get(id).copied().unwrap_or(members),
            Some(_) | None => members,
        }
    }

    /// Every value at a dotted path below an object, in order; lists are spread, references followed.
    pub(crate) fn at(&self, object: &'a Map<String, Value>, path: &str) -> Vec<Value> {
        let mut here: Vec<&'a Map<String, Value>> = vec![object];
        let mut ends: Vec<&'a Value> = Vec::new();
        let mut steps = path.split('.').take(MAX_DEPTH).peekable();
        while let Some(step) = steps.next() {
            let found = here.iter().filter_map(|members| members.get(step)).flat_map(spread).take(MAX_OBJECTS);
            if steps.peek().is_none() {
                ends = found.collect();
                break;
            }
            here = found.filter_map(Value::as_object).map(|m| self.resolve(m)).collect();
        }
        let mut out = Vec::with_capacity(ends.len());
        for value in ends {
            self.plain(value, 0, &mut out);
        }
        out
    }

    /// A value as texts and numbers: of an object what names it, of a section of steps each of them.
    fn plain(&self, value: &'a Value, depth: usize, out: &mut Vec<Value>) {
        if depth > MAX_DEPTH || out.len() >= MAX_OBJECTS {
            return;
        }
        match value {
            Value::Object(members) => self.object(self.resolve(members), depth, out),
            Value::Array(items) => items.iter().for_each(|v| self.plain(v, depth + 1, out)),
            Value::Null => {}
            other => out.push(other.clone()),
        }
    }

    fn object(&self, members: &'a Map<String, Value>, depth: usize, out: &mut Vec<Value>) {
        let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
        let steps = members.get("itemListElement").or_else(|| members.get("steps"));
        if let Some(steps) = steps {
            // A section's name tells what its steps are for.
            if let Some(name) = text("name").filter(|_| types(members).any(|t| t == "HowToSection")) {
                out.push(name.into());
            }
            self.plain(steps, depth + 1, out);
            return;
        }
        if types(members).any(|t| t == "HowToStep" || t == "HowToDirection")
            && let (Some(name), Some(body)) = (text("name"), text("text"))
            && !is_start(name, body)
        {
            out.push(name.into());
            out.push(body.into());
            return;
        }
        if let (Some(given), Some(family)) = (text("givenName"), text("familyName"))
            && text("name").is_none()
        {
            out.push(format!("{given} {family}").into());
            return;
        }
        if text("name").is_none() && (members.contains_key("streetAddress") || members.contains_key("addressLocality"))
        {
            let parts = ["streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry"];
            let parts: Vec<&str> = parts.into_iter().filter_map(text).collect();
            out.push(parts.join(", ").into());
            return;
        }
        let keys = ["@value", "text", "name", "value", "url", "contentUrl", "@id"];
        if let Some(named) = keys.iter().find_map(|k| members.get(*k).filter(|v| !v.is_null())) {
            // An id that nothing resolves says nothing to a reader.
            if named.as_str().is_none_or(|n| !n.starts_with('#') && !n.starts_with("_:")) {
                self.plain(named, depth + 1, out);
            }
        }
    }
}

/// Whether a step's name only repeats how its text starts.
fn is_start(name: &str, body: &str) -> bool {
    let name = name.trim_end_matches(['.', '…', ' ', ':']);
    crate::html::strip(body).starts_with(crate::html::strip(name).as_str())
}

fn spread(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(items) => items.iter(),
        other => std::slice::from_ref(other).iter(),
    }
}

/// The types of an object, without a vocabulary's prefix.
pub(crate) fn types(object: &Map<String, Value>) -> impl Iterator<Item = &str> {
    let names = object.get("@type").map(spread).unwrap_or_default();
    names.filter_map(Value::as_str).map(|t| t.rsplit(['/', '#', ':']).next().unwrap_or(t))
}

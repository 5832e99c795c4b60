//! Structured data of a page as one kind of thing: schema.org-like objects, wherever they were written. Knows no
//! schema of the caller's.

mod jsonld;
mod lenient;
mod microdata;
pub(crate) mod offers;
pub(crate) mod state;
mod tokens;

use std::collections::{HashMap, VecDeque};

use scraper::Html;
use serde_json::{Map, Value};
use url::Url;

use crate::budget::Budget;

/// Most objects that are looked at.
const MAX_OBJECTS: usize = 2_000;
/// Deepest that a path or a search goes.
const MAX_DEPTH: usize = 12;
/// Most values that are looked at below the end of one path: references may lead round in circles, and each time around
/// to several of them.
const MAX_LOOKS: usize = 20_000;

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

/// Everything of a page that was written as structured data, as far as the budget goes.
pub(crate) fn read(html: &Html, budget: &Budget<'_>) -> Vec<Root> {
    let with = |origin: Origin| move |value: Value| Root { value, origin };
    let mut roots: Vec<Root> = jsonld::read(html, budget).into_iter().map(with(Origin::JsonLd)).collect();
    let (microdata, rdfa) = microdata::read(html);
    roots.extend(microdata.into_iter().map(with(Origin::Microdata)));
    roots.extend(rdfa.into_iter().map(with(Origin::Rdfa)));
    roots
}

/// Values as texts and numbers, and how many more may be looked at.
struct Plain {
    values: Vec<Value>,
    room: usize,
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
    /// The page's address: it tells which of several offers is meant.
    page: Option<Url>,
}

impl<'a> Graph<'a> {
    /// Finds the objects of all roots; the page's address tells which of several offers is meant.
    pub(crate) fn of(roots: &'a [Root], page: Option<&Url>) -> Graph<'a> {
        let mut graph = Graph { page: page.cloned(), ..Graph::default() };
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
        let mut walked = "";
        let mut steps = path.split('.').take(MAX_DEPTH).peekable();
        while let Some(step) = steps.next() {
            let found = here.iter().filter_map(|members| members.get(step)).flat_map(spread).take(MAX_OBJECTS);
            if steps.peek().is_none() {
                ends = found.collect();
                break;
            }
            here = found.filter_map(Value::as_object).map(|m| self.resolve(m)).collect();
            offers::order(step, walked == "offers", &mut here, self.page.as_ref());
            walked = step;
        }
        let mut out = Plain { values: Vec::with_capacity(ends.len()), room: MAX_LOOKS };
        for value in ends {
            self.plain(value, 0, &mut out);
        }
        out.values
    }

    /// A value as texts and numbers: of an object what names it, of a section of steps each of them.
    fn plain(&self, value: &'a Value, depth: usize, out: &mut Plain) {
        if depth > MAX_DEPTH || out.values.len() >= MAX_OBJECTS || out.room == 0 {
            return;
        }
        out.room -= 1;
        match value {
            Value::Object(members) => self.object(self.resolve(members), depth, out),
            Value::Array(items) => items.iter().for_each(|v| self.plain(v, depth + 1, out)),
            Value::Null => {}
            other => out.values.push(other.clone()),
        }
    }

    fn object(&self, members: &'a Map<String, Value>, depth: usize, out: &mut Plain) {
        let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
        let steps = members.get("itemListElement").or_else(|| members.get("steps"));
        if let Some(steps) = steps {
            // A section's name tells what its steps are for.
            if let Some(name) = text("name").filter(|_| types(members).any(|t| t == "HowToSection")) {
                out.values.push(name.into());
            }
            self.plain(steps, depth + 1, out);
            return;
        }
        if types(members).any(|t| t == "HowToStep" || t == "HowToDirection")
            && let (Some(name), Some(body)) = (text("name"), text("text"))
            && !is_start(name, body)
        {
            out.values.push(name.into());
            out.values.push(body.into());
            return;
        }
        if let (Some(given), Some(family)) = (text("givenName"), text("familyName"))
            && text("name").is_none()
        {
            out.values.push(format!("{given} {family}").into());
            return;
        }
        if text("name").is_none() && (members.contains_key("streetAddress") || members.contains_key("addressLocality"))
        {
            let parts = ["streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry"];
            let parts: Vec<&str> = parts.into_iter().filter_map(text).collect();
            out.values.push(parts.join(", ").into());
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
    let plain = |text: &str| crate::tidy::text_of(text, crate::candidate::Form::Markup);
    plain(body).starts_with(&plain(name))
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_that_lead_round_in_circles_end() {
        // Each of fifty steps is the list of all fifty again: 50^6 looks without a bound.
        let steps: Vec<Value> = (0..50).map(|_| json!({"@id": "#a"})).collect();
        let roots = [Root {
            value: json!({"@type": "HowTo", "@id": "#a", "step": steps, "itemListElement": steps, "name": "x"}),
            origin: Origin::JsonLd,
        }];
        let graph = Graph::of(&roots, None);
        let members = graph.objects[0].members;
        assert!(graph.at(members, "step").len() <= MAX_OBJECTS);
    }
}

//! Structured data of a page as one kind of thing: schema.org-like objects, wherever they were written. Knows no
//! schema of the caller's.

mod jsonld;
mod microdata;

use std::collections::HashMap;

use scraper::Html;
use serde_json::{Map, Value};

/// Most objects that are looked at.
const MAX_OBJECTS: usize = 2_000;
/// Deepest that a path or a search goes.
const MAX_DEPTH: usize = 12;

/// The objects of a page, outermost first, with what is needed to follow references between them.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) objects: Vec<Map<String, Value>>,
    by_id: HashMap<String, usize>,
}

impl Graph {
    /// Reads JSON-LD and microdata.
    pub(crate) fn of(html: &Html) -> Graph {
        let mut graph = Graph::default();
        for value in jsonld::read(html) {
            graph.add(value);
        }
        for value in microdata::read(html) {
            graph.add(value);
        }
        graph
    }

    /// Adds an object, the objects in it (`@graph`, nested entities), or those of a list.
    fn add(&mut self, value: Value) {
        let mut open = std::collections::VecDeque::from([(value, 0)]);
        while let Some((value, depth)) = open.pop_front() {
            if depth > MAX_DEPTH || self.objects.len() >= MAX_OBJECTS {
                continue;
            }
            match value {
                Value::Array(items) => open.extend(items.into_iter().map(|v| (v, depth + 1))),
                Value::Object(members) => {
                    for (name, inner) in &members {
                        // Entities that are the page's subject may stand inside others.
                        if matches!(
                            name.as_str(),
                            "@graph" | "mainEntity" | "mainEntityOfPage" | "itemListElement" | "item" | "hasVariant"
                        ) {
                            open.push_back((inner.clone(), depth + 1));
                        }
                    }
                    if let Some(id) = members.get("@id").and_then(Value::as_str)
                        && members.len() > 1
                    {
                        self.by_id.entry(id.to_owned()).or_insert(self.objects.len());
                    }
                    if members.contains_key("@type") {
                        self.objects.push(members);
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }

    /// What an object that is only a reference points at; the object itself otherwise.
    fn resolve<'a>(&'a self, members: &'a Map<String, Value>) -> &'a Map<String, Value> {
        let only_id = members.len() == 1 || (members.len() == 2 && members.contains_key("@type"));
        match members.get("@id").and_then(Value::as_str) {
            Some(id) if only_id => self.by_id.get(id).and_then(|i| self.objects.get(*i)).unwrap_or(members),
            Some(_) | None => members,
        }
    }

    /// Every value at a dotted path below an object, in order; lists are spread, references followed.
    pub(crate) fn at(&self, object: &Map<String, Value>, path: &str) -> Vec<Value> {
        let mut here: Vec<Value> = vec![Value::Object(object.clone())];
        for step in path.split('.').take(MAX_DEPTH) {
            let mut next = Vec::new();
            for value in here {
                for value in spread(value) {
                    if let Value::Object(members) = value
                        && let Some(found) = get(self.resolve(&members), step)
                    {
                        next.extend(spread(found.clone()));
                    }
                }
            }
            next.truncate(MAX_OBJECTS);
            here = next;
        }
        here.into_iter().flat_map(|v| self.plain(v)).collect()
    }

    /// A value as texts and numbers: of an object what names it.
    fn plain(&self, value: Value) -> Vec<Value> {
        match value {
            Value::Object(members) => {
                let members = self.resolve(&members);
                if let Some(steps) = members.get("itemListElement") {
                    return spread(steps.clone()).into_iter().flat_map(|v| self.step(v)).collect();
                }
                let named = ["@value", "text", "name", "url", "contentUrl", "@id"].iter().find_map(|k| members.get(*k));
                named.cloned().filter(|v| !v.is_object() && !v.is_array()).into_iter().collect()
            }
            Value::Array(items) => items.into_iter().filter(|v| !v.is_object() && !v.is_array()).collect(),
            Value::Null => vec![],
            other => vec![other],
        }
    }

    /// One step of a section of steps.
    fn step(&self, value: Value) -> Vec<Value> {
        match value {
            Value::Object(members) => {
                let named = ["text", "name"].iter().find_map(|k| members.get(*k));
                named.cloned().filter(Value::is_string).into_iter().collect()
            }
            Value::String(_) => vec![value],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => vec![],
        }
    }
}

/// A member by its name, with or without a vocabulary's prefix.
fn get<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).or_else(|| {
        members
            .iter()
            .find(|(k, _)| k.rsplit([':', '/', '#']).next().is_some_and(|k| k.eq_ignore_ascii_case(name)))
            .map(|(_, v)| v)
    })
}

fn spread(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => vec![other],
    }
}

/// The types of an object, without a vocabulary's prefix.
pub(crate) fn types(object: &Map<String, Value>) -> Vec<String> {
    let names = object.get("@type").cloned().map(spread).unwrap_or_default();
    names.iter().filter_map(Value::as_str).map(|t| t.rsplit(['/', '#', ':']).next().unwrap_or(t).to_owned()).collect()
}

//! State embedded in scripts as JSON (`__NEXT_DATA__`, islands of `application/json`, assignments to `window`). Uses
//! the objects that carry the page's own title, so that their members can be trusted to describe the page.

use std::collections::VecDeque;

use scraper::Html;
use serde_json::{Map, Value};

use crate::budget::{Budget, Limits};
use crate::json;

/// Maximum length of a script that is read, in bytes.
const MAX_BYTES: usize = 2 * 1024 * 1024;
/// Maximum number of bytes of all scripts together.
const MAX_TOTAL: usize = 3 * 1024 * 1024;
/// Maximum number of scripts that are read.
const MAX_SCRIPTS: usize = 100;
/// Maximum number of values examined.
const MAX_VALUES: usize = 200_000;
/// How a script begins that assigns its state.
const ASSIGNMENT_STARTS: [&str; 5] = ["window", "var ", "let ", "const ", "self."];
/// Members that name an object.
const TITLES: [&str; 8] =
    ["name", "title", "headline", "productName", "product_name", "displayName", "label", "heading"];

/// Returns the values of all JSON scripts, in order.
pub(crate) fn read(html: &Html, budget: &Budget<'_>) -> Vec<Value> {
    let budget = budget.part(Limits::STATE);
    let mut room = MAX_TOTAL;
    let mut out = Vec::new();
    let mut read = 0;
    for node in html.tree.nodes() {
        if read == MAX_SCRIPTS {
            break;
        }
        let Some(element) = node.value().as_element().filter(|e| e.name() == "script") else { continue };
        let Some(text) = node.first_child().and_then(|c| c.value().as_text()) else { continue };
        let kind = element.attr("type").unwrap_or_default();
        if text.len() > MAX_BYTES || text.len() > room || text.len() < 20 || kind.contains("ld+json") {
            continue;
        }
        let body = if kind.contains("json") {
            Some(text.trim().trim_start_matches("<!--"))
        } else if kind.is_empty() || kind.contains("javascript") || kind == "module" {
            assigned(text)
        } else {
            None
        };
        let Some(body) = body else { continue };
        room -= text.len();
        read += 1;
        if let Ok(value) = json::first(body, &budget) {
            out.push(value);
        }
        if budget.is_exhausted() {
            break;
        }
    }
    out
}

/// Returns a script from the object that it assigns, if it begins with an assignment: `window.__STATE__ = {...};`.
pub(crate) fn assigned(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let head: String = text.chars().take(120).collect();
    let starts = ASSIGNMENT_STARTS.iter().any(|s| head.starts_with(s));
    let at = head.find('=').filter(|_| starts)?;
    let body = text.get(at + 1..)?.trim_start();
    body.starts_with(['{', '[']).then_some(body)
}

/// Returns the objects that carry the page's title, those with the most members first.
pub(crate) fn named<'a>(roots: &'a [Value], is_title: &dyn Fn(&str) -> bool) -> Vec<&'a Map<String, Value>> {
    let mut found: Vec<&Map<String, Value>> = Vec::new();
    let mut open: VecDeque<&Value> = roots.iter().collect();
    let mut examined = 0;
    while let Some(value) = open.pop_front() {
        examined += 1;
        if examined > MAX_VALUES {
            break;
        }
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                let titled = TITLES.iter().filter_map(|k| members.get(*k).and_then(Value::as_str)).any(is_title);
                if titled && members.len() > 2 {
                    found.push(members);
                }
                open.extend(members.values().filter(|v| v.is_object() || v.is_array()));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found.sort_by_key(|m| std::cmp::Reverse(m.len()));
    found.truncate(8);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_read_where_it_is_json() {
        let page = r#"<script id="__NEXT_DATA__" type="application/json">{"props":{"item":{"name":"Cup","sku":"7","a":1}}}</script>
            <script>window.__S = {"title":"Cup","b":2,"c":[]};</script><script>f({"x":1})</script>"#;
        let values = read(&crate::html::parse(page), &Budget::default());
        assert_eq!(values.len(), 2);
        let named = named(&values, &|t| t == "Cup");
        assert_eq!(named.len(), 2);
        assert!(named.iter().any(|m| m.get("sku").is_some_and(|s| s == "7")));
    }

    #[test]
    fn number_and_size_are_bounded() {
        let count = |page: &str| read(&crate::html::parse(page), &Budget::default()).len();
        let island = |bytes: usize| format!("<script>var s = {{\"a\":\"{}\"}}</script>", "x".repeat(bytes - 16));
        assert_eq!(count(&island(40).repeat(MAX_SCRIPTS + 5)), MAX_SCRIPTS);
        assert_eq!((count(&island(MAX_BYTES)), count(&island(MAX_BYTES + 1))), (1, 0));
        assert_eq!(count(&island(MAX_TOTAL / 4).repeat(6)), 4);
    }
}

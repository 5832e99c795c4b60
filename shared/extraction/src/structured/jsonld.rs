//! Reads JSON-LD scripts as JSON values. Invalid JSON is repaired where that is safe, and skipped otherwise.

use scraper::Html;
use serde_json::Value;

use super::lenient;
use crate::budget::{Budget, Limits};
use crate::{html, json};

/// Maximum length of a script that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Maximum number of bytes of all scripts together.
const MAX_TOTAL: usize = 2 * 1024 * 1024;
/// Maximum number of scripts that are read.
const MAX_SCRIPTS: usize = 200;
/// Maximum depth of a value: serde_json refuses anything deeper, so no walk below goes further.
const MAX_DEPTH: usize = 128;
/// How many times a value may be encoded as a JSON string.
const MAX_ENCODINGS: usize = 3;

/// Returns the values of all JSON-LD scripts, in order.
pub(super) fn read(html: &Html, budget: &Budget<'_>) -> Vec<Value> {
    let budget = budget.part(Limits::JSON_LD);
    let scripts = html.tree.nodes().filter(|n| {
        n.value().as_element().is_some_and(|e| {
            e.name() == "script"
                && e.attr("type").is_some_and(|t| {
                    t.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/ld+json")
                })
        })
    });
    let mut room = MAX_TOTAL;
    let mut out = Vec::new();
    for script in scripts.take(MAX_SCRIPTS) {
        let texts = || script.children().filter_map(|c| c.value().as_text());
        let size: usize = texts().map(|t| t.len()).sum();
        if size > MAX_BYTES || size > room {
            continue;
        }
        room -= size;
        if !budget.step(size) || !budget.copy(size) {
            break;
        }
        let text: String = texts().map(|t| &**t).collect();
        out.extend(parse(&text, &budget));
    }
    out
}

/// Parses strictly first, and leniently if that fails.
fn parse(text: &str, budget: &Budget<'_>) -> Option<Value> {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    // A script that was escaped like text has no quotation marks of its own.
    let unescaped;
    let quoted = ["&quot;", "&#34;", "&#x22;", "&#034;", "&#X22;"].iter().any(|q| text.contains(q));
    let text = if quoted && !text.contains('"') {
        unescaped = html::unescape(text);
        &unescaped
    } else if text.starts_with("{\\\"") {
        // Escaped as if for a string.
        unescaped = text.replace("\\\"", "\"");
        &unescaped
    } else {
        text
    };
    let mut value = json::parse(text, budget).ok().or_else(|| lenient::read(text, budget))?;
    // JSON encoded in a JSON string.
    for _ in 0..MAX_ENCODINGS {
        let Value::String(inner) = &value else { break };
        value = json::parse(inner, budget).ok().or_else(|| lenient::read(inner, budget))?;
    }
    if text.contains("schema:") || text.contains("://schema.org/") {
        remove_prefixes(&mut value, 0);
    }
    Some(value)
}

/// Removes a vocabulary's prefix from member names.
fn remove_prefixes(value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| remove_prefixes(v, depth + 1)),
        Value::Object(members) => {
            let old = std::mem::take(members);
            for (name, mut inner) in old {
                remove_prefixes(&mut inner, depth + 1);
                let short = ["schema:", "http://schema.org/", "https://schema.org/"]
                    .iter()
                    .find_map(|p| name.strip_prefix(p))
                    .unwrap_or(&name)
                    .to_owned();
                members.insert(short, inner);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Option<Value> {
        parse(text, &Budget::default())
    }

    #[test]
    fn broken_scripts_are_repaired_where_that_is_safe() {
        assert_eq!(plain("{\"a\": \"x\ny\",}").unwrap()["a"], "x y");
        assert_eq!(plain("<!-- {\"a\": [1, 2, ]}; -->").unwrap()["a"][1], 2);
        assert_eq!(plain("//<![CDATA[\n{\"a\": \", }\"}\n//]]>").unwrap()["a"], ", }");
        assert_eq!(plain(r#"{"a": "it's "good", yes", "b": 1}"#).unwrap()["a"], "it's \"good\", yes");
        assert_eq!(plain(r#"{"a": "x\y" "b": "c"}"#).unwrap()["b"], "c");
        assert_eq!(plain(r#"{"a": 1} {"a": 2}"#).unwrap()[1]["a"], 2);
        assert_eq!(plain(r#"{"a": 1, /* note */ "b": [{"c": 1} {"c": 2}]}"#).unwrap()["b"][1]["c"], 2);
        assert_eq!(plain(r#"{"schema:name": "n", "http://schema.org/sku": "s"}"#).unwrap()["sku"], "s");
        assert_eq!(plain("{&quot;a&quot;: &quot;x &amp;amp; y&quot;}").unwrap()["a"], "x &amp; y");
        assert_eq!(plain(r#""{\"a\": \"x\"}""#).unwrap()["a"], "x");
        assert_eq!(plain("\u{feff} {\"a\": 1}").unwrap()["a"], 1);
        assert_eq!(plain("{&#34;a&#34;: &#34;x&#34;}").unwrap()["a"], "x");
        assert_eq!(plain("{\\\"a\\\": \\\"x\\\"}").unwrap()["a"], "x");
        assert_eq!(plain("{{\"a\": 49.5EUR}}").unwrap()["a"], "49.5EUR");
        assert_eq!(plain("\"a text\""), None);
        assert_eq!(plain("{\"a\": "), None);
        assert_eq!(plain(&"[".repeat(100_000)), None);
    }

    #[test]
    fn size_number_and_depth_are_bounded() {
        let script = |body: &str| format!("<script type='application/ld+json'>{body}</script>");
        let count = |page: &str| read(&crate::html::parse(page), &Budget::default()).len();
        let sized = |bytes: usize| script(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
        assert_eq!((count(&sized(MAX_BYTES)), count(&sized(MAX_BYTES + 1))), (1, 0));
        // Two scripts take all the room; a small one after them gets none.
        assert_eq!(count(&format!("{0}{0}{1}", sized(MAX_BYTES), script("{\"b\":1}"))), 2);
        assert_eq!(count(&script("{}").repeat(MAX_SCRIPTS + 5)), MAX_SCRIPTS);
        let deep = |n: usize| script(&format!("{}1{}", "[".repeat(n), "]".repeat(n)));
        assert_eq!((count(&deep(MAX_DEPTH - 1)), count(&deep(MAX_DEPTH))), (1, 0));
    }
}

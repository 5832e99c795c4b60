//! JSON-LD scripts to JSON values. What is not JSON is mended where that is safe, and passed over otherwise.

use scraper::Html;
use serde_json::Value;

/// Longest script that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;

/// The values of all JSON-LD scripts, in order.
pub(super) fn read(html: &Html) -> Vec<Value> {
    let scripts = html.tree.nodes().filter(|n| {
        n.value().as_element().is_some_and(|e| {
            e.name() == "script"
                && e.attr("type").is_some_and(|t| {
                    t.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case("application/ld+json")
                })
        })
    });
    scripts
        .filter_map(|script| {
            let text: String = script.children().filter_map(|c| c.value().as_text().map(|t| t.to_string())).collect();
            // serde_json refuses what is nested deeper than 128.
            if text.len() > MAX_BYTES { None } else { parse(&text) }
        })
        .collect()
}

fn parse(text: &str) -> Option<Value> {
    let text = text.trim().trim_start_matches("<!--").trim_end_matches("-->").trim();
    let text =
        text.trim_start_matches("/*<![CDATA[*/").trim_start_matches("//<![CDATA[").trim_start_matches("<![CDATA[");
    let text =
        text.trim_end_matches("/*]]>*/").trim_end_matches("//]]>").trim_end_matches("]]>").trim().trim_end_matches(';');
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&mend(text)).ok())
}

/// Mends the faults that hand-written templates have: raw line breaks in strings, and commas before a closing bracket.
fn mend(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                '\n' | '\r' | '\t' => {
                    out.push(' ');
                    continue;
                }
                c if c.is_control() => continue,
                _ => {}
            }
        } else if c == '"' {
            in_string = true;
        } else if matches!(c, '}' | ']') {
            let kept = out.trim_end().len();
            if out[..kept].ends_with(',') {
                out.truncate(kept - 1);
            }
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_scripts_are_mended_where_it_is_safe() {
        assert_eq!(parse("{\"a\": \"x\ny\",}").unwrap()["a"], "x y");
        assert_eq!(parse("<!-- {\"a\": [1, 2, ]}; -->").unwrap()["a"][1], 2);
        assert_eq!(parse("//<![CDATA[\n{\"a\": \", }\"}\n//]]>").unwrap()["a"], ", }");
        assert_eq!(parse("{\"a\": "), None);
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }
}

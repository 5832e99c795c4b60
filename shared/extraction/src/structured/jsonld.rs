//! JSON-LD scripts to JSON values. What is not JSON is mended where that is safe, and passed over otherwise.

use scraper::Html;
use serde_json::Value;

/// Longest script that is read, in bytes.
const MAX_BYTES: usize = 1024 * 1024;
/// Most bytes of all scripts together.
const MAX_TOTAL: usize = 2 * 1024 * 1024;
/// Most scripts that are read.
const MAX_SCRIPTS: usize = 200;
/// Deepest nesting of a value: serde_json refuses what is deeper, so no walk below has further to go.
const MAX_DEPTH: usize = 128;

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
    let mut room = MAX_TOTAL;
    let mut out = Vec::new();
    for script in scripts.take(MAX_SCRIPTS) {
        let texts = || script.children().filter_map(|c| c.value().as_text());
        let size: usize = texts().map(|t| t.len()).sum();
        if size > MAX_BYTES || size > room {
            continue;
        }
        room -= size;
        let text: String = texts().map(|t| &**t).collect();
        out.extend(parse(&text));
    }
    out
}

fn parse(text: &str) -> Option<Value> {
    let text = text.trim().trim_start_matches("<!--").trim_end_matches("-->").trim();
    let text =
        text.trim_start_matches("/*<![CDATA[*/").trim_start_matches("//<![CDATA[").trim_start_matches("<![CDATA[");
    let text =
        text.trim_end_matches("/*]]>*/").trim_end_matches("//]]>").trim_end_matches("]]>").trim().trim_end_matches(';');
    let prefixed =
        text.contains("\"schema:") || text.contains("\"http://schema.org/") || text.contains("\"https://schema.org/");
    let mut value = serde_json::from_str(text).ok().or_else(|| several(text)).or_else(|| several(&mend(text)))?;
    if prefixed {
        shorten(&mut value, 0);
    }
    Some(value)
}

/// Objects one after the other without a list around them, and whatever stands behind the last whole one.
fn several(text: &str) -> Option<Value> {
    let mut values: Vec<Value> =
        serde_json::Deserializer::from_str(text).into_iter().map_while(Result::ok).take(100).collect();
    values.retain(|v| v.is_object() || v.is_array());
    match values.len() {
        0 => None,
        1 => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

/// Member names without a vocabulary's prefix.
fn shorten(value: &mut Value, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| shorten(v, depth + 1)),
        Value::Object(members) => {
            let old = std::mem::take(members);
            for (name, mut inner) in old {
                shorten(&mut inner, depth + 1);
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

/// Mends the faults that hand-written templates have: raw line breaks and other control characters in strings,
/// backslashes that escape nothing, quotation marks inside a string, comments, commas before a closing bracket and
/// missing ones between members.
fn mend(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let (mut in_string, mut at) = (false, 0);
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied();
        at += 1;
        if in_string {
            match c {
                '\\' => match next {
                    Some('"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't') => {
                        out.push('\\');
                        out.extend(next);
                        at += 1;
                    }
                    Some('u') if chars.get(at + 1..at + 5).is_some_and(|h| h.iter().all(char::is_ascii_hexdigit)) => {
                        out.push('\\');
                    }
                    Some(_) | None => {}
                },
                // A quotation mark ends a string only where what follows could come after a string.
                '"' if !ends_string(&chars[at..]) => out.push_str("\\\""),
                '"' => {
                    in_string = false;
                    out.push('"');
                }
                '\n' | '\r' | '\t' => out.push(' '),
                c if c.is_control() => {}
                c => out.push(c),
            }
            continue;
        }
        match c {
            '"' => {
                if out.trim_end().ends_with(['"', '}', ']']) {
                    out.push(',');
                }
                in_string = true;
                out.push('"');
            }
            '/' if next == Some('*') => {
                let rest = chars[at..].windows(2).position(|w| w == ['*', '/']);
                at = rest.map_or(chars.len(), |r| at + r + 2);
            }
            '}' | ']' => {
                let kept = out.trim_end().len();
                if out[..kept].ends_with(',') {
                    out.truncate(kept - 1);
                }
                out.push(c);
            }
            '{' | '[' => {
                if out.trim_end().ends_with('}') {
                    out.push(',');
                }
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Whether what follows a quotation mark shows that it ends a string.
fn ends_string(rest: &[char]) -> bool {
    let mut rest = rest.iter().filter(|c| !c.is_whitespace());
    match rest.next() {
        None | Some('}' | ']' | ':') => true,
        Some(',') => {
            rest.next().is_none_or(|c| matches!(c, '"' | '{' | '[' | '}' | ']' | '-' | 't' | 'f' | 'n' | '0'..='9'))
        }
        // A comma was forgotten before the next member.
        Some('"') => true,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_scripts_are_mended_where_it_is_safe() {
        assert_eq!(parse("{\"a\": \"x\ny\",}").unwrap()["a"], "x y");
        assert_eq!(parse("<!-- {\"a\": [1, 2, ]}; -->").unwrap()["a"][1], 2);
        assert_eq!(parse("//<![CDATA[\n{\"a\": \", }\"}\n//]]>").unwrap()["a"], ", }");
        assert_eq!(parse(r#"{"a": "it's "good", yes", "b": 1}"#).unwrap()["a"], "it's \"good\", yes");
        assert_eq!(parse(r#"{"a": "x\y" "b": "c"}"#).unwrap()["b"], "c");
        assert_eq!(parse(r#"{"a": 1} {"a": 2}"#).unwrap()[1]["a"], 2);
        assert_eq!(parse(r#"{"a": 1, /* note */ "b": [{"c": 1} {"c": 2}]}"#).unwrap()["b"][1]["c"], 2);
        assert_eq!(parse(r#"{"schema:name": "n", "http://schema.org/sku": "s"}"#).unwrap()["sku"], "s");
        assert_eq!(parse("{\"a\": "), None);
        assert_eq!(parse(&"[".repeat(100_000)), None);
    }

    #[test]
    fn size_number_and_depth_are_bounded() {
        let script = |body: &str| format!("<script type='application/ld+json'>{body}</script>");
        let count = |page: &str| read(&crate::html::parse(page)).len();
        let sized = |bytes: usize| script(&format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)));
        assert_eq!((count(&sized(MAX_BYTES)), count(&sized(MAX_BYTES + 1))), (1, 0));
        // Two take all the room there is; what is small and comes after them finds none.
        assert_eq!(count(&format!("{0}{0}{1}", sized(MAX_BYTES), script("{\"b\":1}"))), 2);
        assert_eq!(count(&script("{}").repeat(MAX_SCRIPTS + 5)), MAX_SCRIPTS);
        let deep = |n: usize| script(&format!("{}1{}", "[".repeat(n), "]".repeat(n)));
        assert_eq!((count(&deep(MAX_DEPTH - 1)), count(&deep(MAX_DEPTH))), (1, 0));
    }
}

//! Repairs JSON as servers send it: removes prefixes that stop scripts from reading it and calls around it, and
//! replaces unpaired surrogates and numbers beyond the range of a float. Works on text only; does not interpret the
//! content.

use std::borrow::Cow;

use serde_json::Value;

use crate::budget::Budget;
use crate::json;

/// Prefixes that servers put before JSON so that another site cannot run it as a script.
const PREFIXES: [&str; 7] = [")]}',", ")]}'", ")]}", "while(1);", "while (1);", "for(;;);", "for (;;);"];

/// Returns the JSON within a text, without a byte order mark, a prefix, a comment or a call (`callback({…});`) around
/// it.
pub(crate) fn without_wrapper(text: &str) -> &str {
    let mut text = text.trim_start_matches('\u{feff}').trim();
    for prefix in PREFIXES {
        if let Some(rest) = text.strip_prefix(prefix) {
            text = rest.trim_start();
            break;
        }
    }
    // Facebook and others put all of it in a comment.
    if let Some(inner) = text.strip_prefix("/*").and_then(|t| t.strip_suffix("*/")) {
        text = inner.trim();
    }
    in_call(text).unwrap_or(text)
}

/// Returns the argument of a call if the text is nothing but a call of one function.
fn in_call(text: &str) -> Option<&str> {
    let text = text.strip_prefix("/**/").unwrap_or(text).trim_start();
    let name = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$' | '.')))?;
    if name == 0 || text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let inner = text[name..].trim_start().strip_prefix('(')?;
    let inner = inner.trim_end().trim_end_matches(';').trim_end().strip_suffix(')')?.trim();
    inner.starts_with(['{', '[']).then_some(inner)
}

/// Returns whether a text begins like a JSON object or list.
pub(crate) fn looks_like_json(text: &str) -> bool {
    without_wrapper(text).starts_with(['{', '['])
}

/// Parses a text as JSON, repairing it only if needed. Returns `None` if it is not JSON.
pub(crate) fn read(text: &str, budget: &Budget<'_>) -> Option<Value> {
    let text = without_wrapper(text);
    json::parse(text, budget).ok().or_else(|| match repaired(text) {
        Cow::Owned(repaired) => json::parse(&repaired, budget).ok(),
        Cow::Borrowed(_) => None,
    })
}

/// Returns the text with unpaired surrogates as U+FFFD and numbers beyond the range of a float as null, since nothing
/// more is known of them.
fn repaired(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out = String::new();
    // Everything before `copied_to` is in `out`.
    let (mut copied_to, mut at, mut quoted) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => (at, quoted) = (at + 1, !quoted),
            b'\\' if quoted => match utf_16_unit(bytes, at) {
                Some(0xd800..=0xdbff) if matches!(utf_16_unit(bytes, at + 6), Some(0xdc00..=0xdfff)) => at += 12,
                Some(0xd800..=0xdfff) => {
                    out.push_str(&text[copied_to..at]);
                    out.push(char::REPLACEMENT_CHARACTER);
                    at += 6;
                    copied_to = at;
                }
                _ => at += 2,
            },
            b'-' | b'0'..=b'9' if !quoted => {
                let is_part = |b: &u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
                let end = at + bytes[at..].iter().take_while(|b| is_part(b)).count();
                if text[at..end].parse::<f64>().is_ok_and(f64::is_infinite) {
                    out.push_str(&text[copied_to..at]);
                    out.push_str("null");
                    copied_to = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied_to == 0 {
        return Cow::Borrowed(text);
    }
    out.push_str(&text[copied_to..]);
    Cow::Owned(out)
}

/// Returns the UTF-16 code unit of an escape with four hexadecimal digits.
fn utf_16_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Option<Value> {
        super::read(text, &Budget::default())
    }

    #[test]
    fn wrappers_around_json_are_removed() {
        let want = json!({ "a": [1, "x"] });
        for text in [
            "{\"a\": [1, \"x\"]}",
            "\u{feff} {\"a\": [1, \"x\"]}\n",
            ")]}'\n{\"a\": [1, \"x\"]}",
            ")]}',\n{\"a\": [1, \"x\"]}",
            "while(1);{\"a\": [1, \"x\"]}",
            "for (;;); {\"a\": [1, \"x\"]}",
            "callback({\"a\": [1, \"x\"]});",
            "/**/ $.cb_1 ({\"a\": [1, \"x\"]})",
            "/* {\"a\": [1, \"x\"]} */",
        ] {
            assert_eq!(read(text), Some(want.clone()), "{text}");
            assert!(looks_like_json(text), "{text}");
        }
        for text in ["", "{", "{\"a\": }", "f(1)", "(1)", "<p>", "{} {}", "1x({})"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn values_that_json_cannot_hold_are_repaired() {
        for (text, want) in [
            (r#"{"a": "x \ud83d y"}"#, json!({ "a": "x \u{fffd} y" })),
            (r#"["\ude00", "\ud83d\ude00", "\\ud83d"]"#, json!(["\u{fffd}", "😀", "\\ud83d"])),
            (r#"["\ud83d\ud83d\ude00", "\ud83d"#, Value::Null),
            (r#"[1e999, -1e999, 1.5, "1e999"]"#, json!([null, null, 1.5, "1e999"])),
            (r#"[123456789012345678901234567890]"#, json!([123456789012345678901234567890.0])),
        ] {
            assert_eq!(read(text).unwrap_or_default(), want, "{text}");
        }
    }
}

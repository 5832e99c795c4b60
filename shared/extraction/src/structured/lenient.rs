//! Parses JSON as templates and people write it: accepts what a strict parser refuses if it can have only one meaning.
//! Sources: RFC 8259 for JSON, ECMA-262 for the literals of scripts. Does not interpret the values.
//!
//! One pass with an explicit stack: time is linear in the text, and no nesting is too deep for it.

use serde_json::{Map, Value};

use crate::budget::Budget;

use super::tokens::{ends_string, escape, is_blank, literal};

/// Maximum depth of nesting that is kept; deeper values are left out.
const MAX_DEPTH: usize = 120;
/// Maximum number of consecutive values without a list around them.
const MAX_ROOTS: usize = 100;

/// A list or object that is still open.
enum Open {
    Object { members: Map<String, Value>, key: Option<String> },
    Array(Vec<Value>),
}

impl Open {
    fn close(self) -> Value {
        match self {
            Open::Object { members, .. } => Value::Object(members),
            Open::Array(items) => Value::Array(items),
        }
    }
}

/// Reads the objects and lists of a text; several become a list. A truncated text keeps what was complete. Returns
/// `None` if there is no member at all.
pub(super) fn read(text: &str, budget: &Budget<'_>) -> Option<Value> {
    let mut reader = Reader {
        rest: text,
        open: Vec::new(),
        roots: Vec::new(),
        too_deep: 0,
        members: 0,
        words: String::new(),
        budget,
    };
    while reader.roots.len() < MAX_ROOTS {
        let before = reader.rest.len();
        if !reader.step() || !budget.step(before - reader.rest.len()) {
            break;
        }
    }
    // Values that exceeded the budget left gaps.
    if budget.is_exhausted() {
        return None;
    }
    while let Some(open) = reader.open.pop() {
        reader.put(open.close());
    }
    reader.roots.retain(|v| v.is_object() || v.is_array());
    match reader.roots.len() {
        _ if reader.members == 0 => None,
        1 => reader.roots.pop(),
        _ => Some(Value::Array(reader.roots)),
    }
}

struct Reader<'t> {
    rest: &'t str,
    budget: &'t Budget<'t>,
    open: Vec<Open>,
    roots: Vec<Value>,
    /// Number of open brackets beyond the maximum depth.
    too_deep: usize,
    /// Number of members of all objects.
    members: usize,
    /// Text of the string being read.
    words: String,
}

impl Reader<'_> {
    /// Reads one token. Returns `false` at the end of the text.
    fn step(&mut self) -> bool {
        let Some(c) = self.rest.chars().next() else { return false };
        if let Some(end) = self.skipped(c) {
            self.rest = self.rest.get(end..).unwrap_or_default();
            return true;
        }
        match c {
            // JSON cannot begin like this: a template placeholder that was not filled.
            '{' if self.rest.starts_with("{{") && self.wants_value() => self.skip_placeholder("}}"),
            // The template engine should have turned two braces into one.
            '{' if self.rest.starts_with("{{") && self.open.is_empty() => self.rest = &self.rest[1..],
            '$' if self.rest.starts_with("${") => self.skip_placeholder("}"),
            '<' if self.rest.starts_with("<%") => self.skip_placeholder("%>"),
            '{' if self.rest.starts_with("{%") => self.skip_placeholder("%}"),
            '{' => self.open_bracket(Open::Object { members: Map::new(), key: None }),
            '[' => self.open_bracket(Open::Array(Vec::new())),
            '}' | ']' => self.close_bracket(c == '}'),
            '"' | '\'' | '“' | '”' | '„' if !self.open.is_empty() => return self.string(c),
            _ => self.unquoted(c),
        }
        true
    }

    /// Returns where text without meaning ends, if it begins here: white space of every kind, separators, comments,
    /// CDATA markers.
    fn skipped(&self, c: char) -> Option<usize> {
        let rest = self.rest;
        let through = |open: &str, close: &str| {
            let inner = rest.strip_prefix(open)?;
            Some(inner.find(close).map_or(rest.len(), |at| open.len() + at + close.len()))
        };
        match c {
            ',' | ';' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}' => Some(c.len_utf8()),
            c if c.is_whitespace() || c.is_control() => Some(c.len_utf8()),
            '/' => through("/*", "*/").or_else(|| {
                let inner = rest.strip_prefix("//")?;
                // If a comment begins with a CDATA marker, only `//` is skipped: JSON may follow on the same line.
                let mark = inner.trim_start_matches([' ', '\t']);
                if mark.starts_with("<![CDATA[") || mark.starts_with("]]") {
                    return Some(rest.len() - mark.len());
                }
                Some(inner.find(['\n', '\r']).map_or(rest.len(), |at| at + 2))
            }),
            '<' => ["<![CDATA[", "<!--"].iter().find(|m| rest.starts_with(**m)).map(|m| m.len()),
            '-' => rest.starts_with("-->").then_some(3),
            ']' => ["]]>", "]]&gt;"].iter().find(|m| rest.starts_with(**m)).map(|m| m.len()),
            _ => None,
        }
    }

    /// Returns whether a value comes next: in a list, or after a name.
    fn wants_value(&self) -> bool {
        matches!(self.open.last(), Some(Open::Array(_) | Open::Object { key: Some(_), .. }))
    }

    /// Skips a template placeholder, which counts as null.
    fn skip_placeholder(&mut self, close: &str) {
        let end = self.rest.find(close).map_or(self.rest.len(), |at| at + close.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
        self.put(Value::Null);
    }

    fn open_bracket(&mut self, open: Open) {
        self.rest = self.rest.get(1..).unwrap_or_default();
        // An object directly in an object has lost its name.
        let nameless = matches!(self.open.last(), Some(Open::Object { key: None, .. }));
        if self.too_deep > 0 || nameless || self.open.len() >= MAX_DEPTH {
            self.too_deep += 1;
        } else {
            self.open.push(open);
        }
    }

    /// Closes the innermost bracket of this kind, and whatever was left open within it.
    fn close_bracket(&mut self, object: bool) {
        self.rest = self.rest.get(1..).unwrap_or_default();
        if self.too_deep > 0 {
            self.too_deep -= 1;
            return;
        }
        let Some(at) = self.open.iter().rposition(|o| matches!(o, Open::Object { .. }) == object) else { return };
        while self.open.len() > at {
            if let Some(open) = self.open.pop() {
                self.put(open.close());
            }
        }
    }

    /// Adds a value to the innermost open list or object, or to the roots.
    fn put(&mut self, value: Value) {
        if self.too_deep > 0 || !self.budget.make(1) {
            return;
        }
        match self.open.last_mut() {
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object { members, key }) => {
                if let Some(key) = key.take() {
                    self.members += 1;
                    members.insert(key, value);
                }
            }
            None => self.roots.push(value),
        }
    }

    /// Adds a word or string: in an object as the name of a member if a colon follows, otherwise as a value.
    fn name_or_value(&mut self, text: String, value: Value) {
        let colon = self.rest.trim_start_matches(is_blank).strip_prefix(':');
        // A name in a list shows that the list was not closed.
        if let ([.., Open::Object { .. }, Open::Array(_)], Some(_), 0) = (&self.open[..], colon, self.too_deep)
            && let Some(list) = self.open.pop()
        {
            self.put(list.close());
        }
        match (self.open.last_mut(), colon) {
            (Some(Open::Object { key, .. }), Some(after)) if self.too_deep == 0 => {
                *key = Some(text);
                self.rest = after;
            }
            _ => self.put(value),
        }
    }

    /// Reads a text in quotation marks. A text that never ends is left out.
    fn string(&mut self, quote: char) -> bool {
        let curly = matches!(quote, '“' | '”' | '„');
        let in_object = matches!(self.open.last(), Some(Open::Object { .. }));
        let mut rest = self.rest.get(quote.len_utf8()..).unwrap_or_default();
        self.words.clear();
        loop {
            let mut chars = rest.chars();
            let Some(c) = chars.next() else {
                self.rest = "";
                return false;
            };
            rest = chars.as_str();
            match c {
                '\\' => rest = escape(rest, &mut self.words),
                c if (c == quote || curly && matches!(c, '“' | '”')) && ends_string(rest, in_object) => break,
                '\n' | '\r' | '\t' => self.words.push(' '),
                c if c.is_control() => {}
                c => self.words.push(c),
            }
        }
        self.rest = rest;
        let text = std::mem::take(&mut self.words);
        let value = Value::String(text.clone());
        self.name_or_value(text, value);
        true
    }

    /// Reads a number, a literal or a name without quotation marks; skips anything else.
    fn unquoted(&mut self, first: char) {
        let stops = |c: char| is_blank(c) || matches!(c, ',' | ';' | ':' | '{' | '}' | '[' | ']' | '"' | '\'' | '“');
        let mut end = self.rest.find(stops).unwrap_or(self.rest.len());
        // In an object no name begins with a digit, so this comma belongs to the number.
        let numeric = |t: &str| t.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        let in_object = matches!(self.open.last(), Some(Open::Object { key: Some(_), .. }));
        let grouped = in_object && numeric(&self.rest[..end]);
        while grouped && self.rest[end..].strip_prefix(',').is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()))
        {
            let after = &self.rest[end + 1..];
            end += 1 + after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
        }
        let (word, rest) = self.rest.split_at(end.max(first.len_utf8()));
        self.rest = rest;
        // A word at the end of the text may be truncated.
        if self.open.is_empty() || rest.is_empty() || first == ':' {
            return;
        }
        let value = literal(word);
        self.name_or_value(word.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn all(text: &str) -> Option<Value> {
        read(text, &Budget::default())
    }

    #[test]
    fn json_with_one_possible_meaning_is_read() {
        for (text, want) in [
            ("{'a': 'it\\'s', 'b': 'dogs' toys'}", json!({"a": "it's", "b": "dogs' toys"})),
            ("{\"a\": 1,, \"b\": [1,,2,],}", json!({"a": 1, "b": [1, 2]})),
            ("{\"a\": .5, \"b\": 5., \"c\": +7, \"d\": -.25}", json!({"a": 0.5, "b": 5.0, "c": 7, "d": -0.25})),
            ("{\"a\": 00123, \"b\": 1e999, \"c\": 0.5}", json!({"a": "00123", "b": null, "c": 0.5})),
            ("{\"a\": 1,299.50, \"b\": 1.299,50}", json!({"a": "1,299.50", "b": "1.299,50"})),
            (
                "{\"a\": True, \"b\": False, \"c\": None, \"d\": NaN}",
                json!({"a": true, "b": false, "c": null, "d": null}),
            ),
            ("{a: 1, b_c: \"x\", d: undefined}", json!({"a": 1, "b_c": "x", "d": null})),
            ("{“a”: “x”, “b”: 2}", json!({"a": "x", "b": 2})),
            ("{\u{a0}\"a\":\u{200b} 1,\u{2003}\"b\"\u{a0}: 2}", json!({"a": 1, "b": 2})),
            ("// one {\n{\"a\": 1, // two }\n /* three ] */ \"b\": 2}", json!({"a": 1, "b": 2})),
            ("<!--\n{\"a\": \"x //y\"}\n//-->", json!({"a": "x //y"})),
            ("//<![CDATA[{\"a\": [[1]]}//]]>", json!({"a": [[1]]})),
            ("// <![CDATA[\n{\"a\": 1}\n// ]]&gt;", json!({"a": 1})),
            ("var x = {\"a\": 1};", json!({"a": 1})),
            ("{\"a\": \"\\ud83d\", \"b\": \"\\ud83d\\ude00\\x41\"}", json!({"a": "", "b": "😀A"})),
            ("{\"a\": \"x\ny\"}", json!({"a": "x y"})),
            (
                "{\"a\": {{ price }}, \"b\": ${x}, \"c\": <%= y %>, \"d\": 1}",
                json!({"a": null, "b": null, "c": null, "d": 1}),
            ),
            ("{\"a\": [{\"b\": 1}, \"c\": 2}", json!({"a": [{"b": 1}], "c": 2})),
            ("{\"a\": 1}} {\"a\": 2}", json!([{"a": 1}, {"a": 2}])),
        ] {
            assert_eq!(all(text), Some(want), "{text}");
        }
    }

    #[test]
    fn a_truncated_text_keeps_what_is_complete() {
        let whole = r#"{"n": "Cup", "o": {"p": 49, "q": ["x", "y"]}}"#;
        for (end, want) in [
            (whole.len() - 1, json!({"n": "Cup", "o": {"p": 49, "q": ["x", "y"]}})),
            (whole.len() - 4, json!({"n": "Cup", "o": {"p": 49, "q": ["x"]}})),
            (whole.find("9,").unwrap(), json!({"n": "Cup", "o": {}})),
            (whole.find("up").unwrap(), Value::Null),
        ] {
            assert_eq!(all(&whole[..end]).unwrap_or_default(), want, "{}", &whole[..end]);
        }
    }

    #[test]
    fn nesting_is_bounded_and_nothing_is_read_twice() {
        assert_eq!(all(&"[".repeat(300_000)), None);
        let deep = format!("{}{{\"a\": 1}}{}", "[".repeat(300), "]".repeat(300));
        assert_eq!(all(&format!("{{\"x\": {deep}, \"b\": 2}}")).unwrap()["b"], 2);
        for text in ["\"".repeat(300_000), "{\"".repeat(100_000), "{\"a\" ,".repeat(50_000), "//".repeat(200_000)] {
            all(&format!("{{{text}"));
        }
    }
}

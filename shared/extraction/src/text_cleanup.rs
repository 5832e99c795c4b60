//! Cleans texts of structured data: removes entities and tags, repairs wrongly decoded UTF-8, splits lists written as
//! one text.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use serde_json::Value;

use crate::candidate::TextFormat;
use crate::html;

/// Maximum number of tags examined to decide whether a text is markup.
const MAX_TAGS: usize = 200;
/// How often a text may have been escaped.
const MAX_UNESCAPES: usize = 2;
/// Elements that work without an end tag.
const TAGS_WITHOUT_END: [&str; 6] = ["br", "p", "hr", "img", "li", "wbr"];

/// Returns a value without markup.
pub(crate) fn value(raw: &Value, format: TextFormat) -> Value {
    match raw {
        Value::String(text) => text_of(text, format).into(),
        other => other.clone(),
    }
}

/// Returns a text without markup, on one line.
pub(crate) fn text_of(text: &str, format: TextFormat) -> String {
    let mut text = fix_mojibake(text);
    if format == TextFormat::Markup {
        // Templates escape twice: the second pass removes the tags and entities that the first one reveals.
        for _ in 0..MAX_UNESCAPES {
            if is_markup(&text) {
                text = html::strip_tags(&text).into();
            } else if text.contains('&') {
                text = html::unescape(&text).into();
            } else {
                break;
            }
        }
        if is_markup(&text) {
            text = html::strip_tags(&text).into();
        }
    }
    crate::coercion::collapse(&text)
}

/// Returns whether a text has working tags: an end tag for one that was opened, or a tag that needs none.
/// `List<String>`, `a < b`, `<ada@example.com>` and a headline about the `<dialog>` element have none.
fn is_markup(text: &str) -> bool {
    let name = |rest: &str| -> usize { rest.bytes().take_while(u8::is_ascii_alphanumeric).count() };
    let mut open: Vec<&str> = Vec::new();
    for (at, _) in text.match_indices('<').take(MAX_TAGS) {
        let rest = &text[at + 1..];
        if let Some(end) = rest.strip_prefix('/') {
            let end = &end[..name(end)];
            if !end.is_empty() && open.iter().any(|tag| tag.eq_ignore_ascii_case(end)) {
                return true;
            }
            continue;
        }
        if rest.starts_with("!--") {
            return true;
        }
        let tag = &rest[..name(rest)];
        let closed = rest[tag.len()..].starts_with(|c: char| c.is_whitespace() || matches!(c, '>' | '/'));
        if tag.is_empty() || !closed {
            continue;
        }
        if TAGS_WITHOUT_END.iter().any(|t| t.eq_ignore_ascii_case(tag)) {
            return true;
        }
        if open.len() < 16 {
            open.push(tag);
        }
    }
    false
}

/// Repairs UTF-8 that was once read as windows-1252 (`Â½`, `donâ€™t`).
pub(crate) fn fix_mojibake(text: &str) -> Cow<'_, str> {
    if !text.contains(['Â', 'Ã', 'â']) {
        return Cow::Borrowed(text);
    }
    let (bytes, _, failed) = WINDOWS_1252.encode(text);
    match std::str::from_utf8(&bytes) {
        Ok(meant) if !failed && meant.chars().count() < text.chars().count() => Cow::Owned(meant.to_owned()),
        _ => Cow::Borrowed(text),
    }
}

/// How to split a list that was written as one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Split {
    /// By lines and blocks only, because sentences contain commas.
    Lines,
    /// By lines, otherwise by commas and similar signs.
    Commas,
}

/// Splits a list that was written as one text into its elements.
pub(crate) fn split(text: &str, by: Split, format: TextFormat) -> Vec<String> {
    let text = fix_mojibake(text);
    let mut text = text.into_owned();
    for _ in 0..MAX_UNESCAPES {
        if format == TextFormat::Text || !text.contains("&lt;") {
            break;
        }
        text = text.replace("&lt;", "<").replace("&gt;", ">");
    }
    let lines: Vec<String> = if format == TextFormat::Markup && is_markup(&text) {
        html::lines(&text)
    } else {
        text.lines().map(|line| text_of(line, format)).collect()
    };
    let lines: Vec<String> = lines.into_iter().filter(|l| !l.is_empty()).collect();
    if lines.len() > 1 {
        return lines;
    }
    let Some(only) = lines.first() else { return Vec::new() };
    if by == Split::Lines {
        // Mostly amounts: a list after all.
        let parts: Vec<&str> = only.split([',', ';']).map(str::trim).collect();
        let amounts = parts.iter().filter(|p| p.starts_with(char::is_numeric)).count();
        let list = parts.len() > 3 && amounts * 10 >= parts.len() * 7;
        return if list { parts.into_iter().map(str::to_owned).collect() } else { lines };
    }
    if only.chars().count() > 300 && !only.contains(", ") {
        return lines;
    }
    let separator = [';', '|', '•', '·'].into_iter().find(|s| only.contains(*s));
    let parts = match separator {
        Some(separator) => only.split(separator).collect::<Vec<_>>(),
        None => only.split(',').collect(),
    };
    parts.into_iter().map(crate::coercion::collapse).filter(|p| !p.is_empty()).collect()
}

/// Returns an ingredient as printed: removes the double brackets that templates produce around a note that already has
/// some.
pub(crate) fn ingredient(text: &str) -> String {
    let text = text.replace(" ,", ",");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(open) = rest.find("((") {
        let inner = &rest[open + 2..];
        // Only a pair with nothing but text between: the brackets of "((200 g) chopped)" have a reason.
        let Some(close) = inner.find(['(', ')']).filter(|c| inner[*c..].starts_with("))")) else { break };
        out.push_str(&rest[..=open]);
        out.push_str(&inner[..=close]);
        rest = &inner[close + 2..];
    }
    out.push_str(rest);
    out
}

/// Returns whether a line is only the number of a step: "Step 1", "Schritt 2:", "3.".
pub(crate) fn is_step_number(text: &str) -> bool {
    let mut words = text.trim_end_matches([':', '.', ')']).split_whitespace();
    let number = |w: &str| w.len() <= 3 && w.trim_end_matches(['.', ')', ':']).bytes().all(|b| b.is_ascii_digit());
    match (words.next(), words.next(), words.next()) {
        (Some(one), None, _) => number(one),
        (Some(word), Some(n), None) => number(n) && word.chars().all(char::is_alphabetic) && word.chars().count() <= 8,
        _ => false,
    }
}

/// Splits a text whose blocks ran together when its tags were removed (`Stir.Bake.`). Returns it whole unless that
/// occurs at least twice.
pub(crate) fn split_run_together(text: &str) -> Vec<String> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let ends = chars.windows(3).filter(|w| {
        let [(_, a), (_, b), (_, c)] = w else { return false };
        (a.is_lowercase() || *a == ')') && matches!(b, '.' | '!') && c.is_uppercase()
    });
    let ends: Vec<usize> = ends.map(|w| w[2].0).collect();
    if ends.len() < 2 {
        return vec![text.to_owned()];
    }
    let mut start = 0;
    let mut out = Vec::with_capacity(ends.len() + 1);
    for end in ends.into_iter().chain([text.len()]) {
        out.push(text[start..end].trim().to_owned());
        start = end;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cleaned() {
        assert_eq!(text_of("2 &frac12; cups <b>milk</b>", TextFormat::Markup), "2 ½ cups milk");
        assert_eq!(text_of("Tom &amp;amp; Jo", TextFormat::Markup), "Tom & Jo");
        assert_eq!(text_of("&lt;p&gt;Mix&lt;/p&gt;", TextFormat::Markup), "Mix");
        assert_eq!(text_of("donâ€™t, Â½ cup", TextFormat::Markup), "don’t, ½ cup");
        assert_eq!(text_of("Ânge, ½", TextFormat::Markup), "Ânge, ½");
        assert!(is_step_number("Step 1") && is_step_number("2.") && !is_step_number("Bake 1 hour"));
        assert_eq!(split_run_together("Stir.Bake it.Eat"), ["Stir.", "Bake it.", "Eat"]);
        assert_eq!(split_run_together("Stir. Bake it."), ["Stir. Bake it."]);
    }

    #[test]
    fn double_brackets_become_single_ones() {
        for (text, want) in [
            ("salt ((optional)) , to taste", "salt (optional), to taste"),
            ("beef (cubes (any cut))", "beef (cubes (any cut))"),
            ("milk ((300ml) or more)", "milk ((300ml) or more)"),
            ("((a))((b)) (c)", "(a)(b) (c)"),
            ("((a)) ((b) c) ((d))", "(a) ((b) c) ((d))"),
            ("(((a)))", "(((a)))"),
            ("((a)))", "(a))"),
            ("(())", "()"),
            ("((a", "((a"),
            ("((½)) é", "(½) é"),
            ("", ""),
        ] {
            assert_eq!(ingredient(text), want);
        }
        // A megabyte takes minutes if each pair copies the text around it.
        let (double, single) = ("((x))".repeat(200_000), "(x)".repeat(200_000));
        assert!(ingredient(&double) == single);
    }

    #[test]
    fn text_with_angle_brackets_is_not_markup() {
        for text in ["List<String>", "Ada <ada@example.com>", "The <canvas> element", "a < b > c", "I <3 R&D; AT&T"] {
            assert_eq!(text_of(text, TextFormat::Text), text);
            assert_eq!(text_of(text, TextFormat::Markup), text);
        }
        assert_eq!(text_of("<b>x</b> &amp; y", TextFormat::Text), "<b>x</b> &amp; y");
        for (markup, want) in [
            ("The &lt;dialog&gt; element", "The <dialog> element"),
            ("<p>The &lt;dialog&gt; element</p>", "The <dialog> element"),
            ("<P>Two<br/>lines", "Two lines"),
            ("<!-- note -->x", "x"),
            ("<a href='/x'>Cup</a> &#8211; blue", "Cup – blue"),
            ("Map&lt;K, V&gt;", "Map<K, V>"),
        ] {
            assert_eq!(text_of(markup, TextFormat::Markup), want, "{markup}");
        }
    }

    #[test]
    fn lists_written_as_one_text_are_split() {
        assert_eq!(split("a, b ,c", Split::Commas, TextFormat::Markup), ["a", "b", "c"]);
        assert_eq!(
            split("2 cups flour, sifted\n1 egg", Split::Commas, TextFormat::Markup),
            ["2 cups flour, sifted", "1 egg"]
        );
        assert_eq!(split("<li>a</li><li>b</li>", Split::Lines, TextFormat::Markup), ["a", "b"]);
        assert_eq!(
            split("&lt;p&gt;Mix, stir&lt;/p&gt;&lt;p&gt;Bake&lt;/p&gt;", Split::Lines, TextFormat::Markup),
            ["Mix, stir", "Bake"]
        );
        assert_eq!(split("Mix, stir, bake", Split::Lines, TextFormat::Markup), ["Mix, stir, bake"]);
    }
}

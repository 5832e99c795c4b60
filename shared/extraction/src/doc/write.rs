//! Joins the texts of a page as a reader sees them: white space collapsed, lines ended where blocks end.

use crate::coercion;

/// A line break in the HTML source that a reader sees as a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceBreak {
    /// Position in the text where the new line begins.
    pub(crate) at: usize,
    /// Whether an empty line precedes it.
    pub(crate) blank: bool,
}

/// Adds text with its white space collapsed, and records where lines of the source begin.
pub(super) fn push_text(out: &mut String, text: &str, source_breaks: &mut Vec<SourceBreak>) {
    // Lines of the source that ended since the last word of this text.
    let mut ended = 0;
    let mut rest = text;
    while !rest.is_empty() {
        // Most text is words that are copied as they are.
        let word = rest.bytes().take_while(u8::is_ascii_graphic).count();
        let (plain, more) = rest.split_at(word);
        out.push_str(plain);
        if word > 0 {
            ended = 0;
        }
        let mut chars = more.chars();
        match chars.next() {
            Some(c @ (' ' | '\n' | '\t' | '\r' | '\u{a0}' | '\u{202f}' | '\u{2009}')) => {
                if !out.is_empty() && !out.ends_with([' ', '\n']) {
                    out.push(' ');
                }
                if c == '\n' && out.ends_with(' ') {
                    ended += 1;
                    match source_breaks.last_mut().filter(|b| b.at == out.len()) {
                        Some(same) => same.blank |= ended > 1,
                        None => source_breaks.push(SourceBreak { at: out.len(), blank: false }),
                    }
                }
            }
            None => {}
            Some(c) if c.is_control() || coercion::is_ignorable(c) => {}
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
}

/// Ends a line. Returns whether there was one to end.
pub(super) fn break_line(out: &mut String) -> bool {
    if out.ends_with(' ') {
        out.pop();
    }
    let ends = !out.is_empty() && !out.ends_with('\n');
    if ends {
        out.push('\n');
    }
    ends
}

/// Returns whether the content of an element is not shown.
pub(super) fn is_silent(name: &str) -> bool {
    matches!(name, "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "object" | "select" | "head")
}

/// Returns whether a line ends before and after an element.
pub(crate) fn is_block(name: &str) -> bool {
    !matches!(
        name,
        "a" | "abbr"
            | "b"
            | "bdi"
            | "bdo"
            | "cite"
            | "code"
            | "data"
            | "del"
            | "dfn"
            | "em"
            | "font"
            | "i"
            | "img"
            | "ins"
            | "kbd"
            | "label"
            | "mark"
            | "meta"
            | "link"
            | "q"
            | "s"
            | "small"
            | "span"
            | "strong"
            | "strike"
            | "sub"
            | "sup"
            | "time"
            | "u"
            | "var"
            | "wbr"
    )
}

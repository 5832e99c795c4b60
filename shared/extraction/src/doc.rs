//! A parsed page as a flat list of elements in document order, with its visible text in one string: an element's text
//! is a slice of it, its descendants are the elements up to its end. So every look at the page is linear. Knows no
//! schema. The walk is iterative.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};

use crate::budget::Budget;
use crate::zones::{self, Zone};

/// Most elements that are looked at.
pub(crate) const MAX_ELEMENTS: usize = 200_000;
/// Longest mark (class, id and their like) of one element, in bytes.
const MAX_MARK: usize = 400;
/// How much of what follows an element is looked at, in bytes.
const MAX_REST: usize = 1_000;
/// Attributes that say in words what an element is.
const MARKS: [&str; 9] =
    ["class", "id", "itemprop", "property", "data-testid", "data-test", "data-qa", "data-hook", "rel"];

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct El<'a> {
    pub(crate) raw: &'a Element,
    /// Index of its parent; its own where it has none.
    pub(crate) parent: usize,
    /// Index after its last descendant.
    pub(crate) end: usize,
    /// Its piece of the text.
    from: usize,
    to: usize,
    /// Its piece of the marks.
    mark_from: usize,
    mark_to: usize,
    /// How many line breaks its text has between other text; while it is open, how many the page had before it.
    breaks: usize,
    /// Whether a space stands before it, in whose place a line break may come.
    spaced: bool,
    pub(crate) zone: Zone,
}

impl<'a> El<'a> {
    pub(crate) fn name(&self) -> &'a str {
        self.raw.name()
    }
    pub(crate) fn attr(&self, name: &str) -> Option<&'a str> {
        attr(self.raw, name)
    }
    /// Where its text starts in the page's.
    pub(crate) fn starts_at(&self) -> usize {
        self.from
    }
}

/// An attribute's value. Elements have few attributes: to compare names is cheaper than to intern the one asked for,
/// which is what [`Element::attr`] does.
pub(crate) fn attr<'a>(raw: &'a Element, name: &str) -> Option<&'a str> {
    raw.attrs.iter().find(|(n, _)| &*n.local == name).map(|(_, value)| &**value)
}

/// The page.
#[derive(Debug, Default)]
pub(crate) struct Doc<'a> {
    pub(crate) els: Vec<El<'a>>,
    text: String,
    marks: String,
    /// Where the source began a new line in text that goes on.
    source_breaks: Vec<usize>,
    /// Line breaks in the text so far.
    breaks: usize,
    /// The heading that names the page.
    pub(crate) heading: Option<usize>,
    /// What every look at its text and marks draws from.
    budget: Option<&'a Budget<'a>>,
}

impl<'a> Doc<'a> {
    /// Flattens a fragment of a page.
    pub(crate) fn of(page: &'a Html) -> Doc<'a> {
        Doc::flat(page, None)
    }

    /// Flattens a page. Once the budget is spent, its texts and marks are empty to whoever looks at them.
    pub(crate) fn within(page: &'a Html, budget: &'a Budget<'a>) -> Doc<'a> {
        Doc::flat(page, Some(budget))
    }

    /// Takes steps for a look at a text; the text where there were so many.
    fn look<'t>(&self, text: &'t str) -> &'t str {
        if self.budget.is_none_or(|b| b.step(text.len() + 1)) { text } else { "" }
    }

    fn flat(page: &'a Html, budget: Option<&'a Budget<'a>>) -> Doc<'a> {
        let mut doc = Doc { budget, ..Doc::default() };
        let mut open: Vec<usize> = Vec::new();
        // Inside of something that shows no text.
        let mut silent = 0usize;
        for edge in page.tree.root().traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Element(raw) => {
                        if doc.els.len() >= MAX_ELEMENTS || !budget.is_none_or(|b| b.step(1)) {
                            break;
                        }
                        doc.open(raw, &mut open, &mut silent);
                    }
                    Node::Text(text) if silent == 0 => push_text(&mut doc.text, text, &mut doc.source_breaks),
                    _ => {}
                },
                Edge::Close(node) => {
                    if node.value().is_element() {
                        doc.close(&mut open, &mut silent);
                    }
                }
            }
        }
        while !open.is_empty() {
            doc.close(&mut open, &mut silent);
        }
        doc.heading = doc.main_heading();
        doc
    }

    fn open(&mut self, raw: &'a Element, open: &mut Vec<usize>, silent: &mut usize) {
        let name = raw.name();
        if *silent > 0 || is_silent(name) {
            *silent += 1;
        } else if is_block(name) {
            self.breaks += usize::from(break_line(&mut self.text));
        }
        let at = self.els.len();
        let parent = open.last().copied().unwrap_or(at);
        let mark_from = self.marks.len();
        let attributes = Attributes::of(raw);
        if *silent == 0 {
            push_marks(&mut self.marks, &attributes.marks);
        }
        let above = self.els.get(parent).map_or(Zone::default(), |p| p.zone);
        let zone = zones::of(name, attributes.role, attributes.hidden, &self.marks[mark_from..], above);
        let from = self.text.len();
        let mark_to = self.marks.len();
        let (breaks, spaced) = (self.breaks, self.text.ends_with(' '));
        self.els.push(El { raw, parent, end: at + 1, from, to: from, mark_from, mark_to, breaks, spaced, zone });
        open.push(at);
    }

    fn close(&mut self, open: &mut Vec<usize>, silent: &mut usize) {
        let Some(at) = open.pop() else { return };
        let count = self.els.len();
        if let Some(el) = self.els.get_mut(at) {
            (el.end, el.to) = (count, self.text.len().max(el.from));
            let own = self.text.get(el.from..).unwrap_or_default();
            let moved = el.spaced && self.text.as_bytes().get(el.from.wrapping_sub(1)) == Some(&b'\n');
            let edges = usize::from(own.starts_with('\n'))
                + usize::from(own.len() > 1 && own.ends_with('\n'))
                + usize::from(moved);
            el.breaks = (self.breaks - el.breaks).saturating_sub(edges);
            if *silent > 0 {
                *silent -= 1;
            } else if is_block(el.raw.name()) {
                self.breaks += usize::from(break_line(&mut self.text));
            }
        }
    }

    /// An element's text with `\n` where blocks and lines end.
    pub(crate) fn lines(&self, at: usize) -> &str {
        let text = self.els.get(at).map_or("", |el| self.text.get(el.from..el.to).unwrap_or_default().trim());
        self.look(text)
    }

    /// An element's text on one line.
    pub(crate) fn text(&self, at: usize) -> String {
        crate::coercion::collapse(self.lines(at))
    }

    /// The text of an element's parent after the element itself.
    pub(crate) fn rest(&self, at: usize) -> &str {
        let (Some(el), Some(parent)) = (self.els.get(at), self.els.get(at).and_then(|el| self.els.get(el.parent)))
        else {
            return "";
        };
        let rest = self.text.get(el.to..parent.to.max(el.to)).unwrap_or_default();
        let rest = rest[..rest.floor_char_boundary(MAX_REST)].trim();
        self.look(rest)
    }

    /// The text from where one element starts to where another one does.
    pub(crate) fn text_between(&self, from: usize, to: usize) -> &str {
        let from = self.els.get(from).map_or(self.text.len(), |el| el.from);
        let to = self.els.get(to).map_or(self.text.len(), |el| el.from);
        let between = self.text.get(from..to.max(from)).unwrap_or_default().trim();
        self.look(between)
    }

    /// How many bytes of text an element has.
    pub(crate) fn text_len(&self, at: usize) -> usize {
        self.els.get(at).map_or(0, |el| el.to - el.from)
    }

    /// Where its text starts, for distances.
    pub(crate) fn text_at(&self, at: usize) -> usize {
        self.els.get(at).map_or(0, |el| el.from)
    }

    /// The page's whole text.
    pub(crate) fn all_text(&self) -> &str {
        &self.text
    }

    /// Where in the text the source began a new line, which a reader sees as a space; in order.
    pub(crate) fn source_breaks(&self) -> &[usize] {
        &self.source_breaks
    }

    /// An element's marks: lower-case words of class, id and their like, single spaces, one at each end.
    pub(crate) fn marks(&self, at: usize) -> &str {
        let marks = self.els.get(at).map_or("", |el| &self.marks[el.mark_from..el.mark_to]);
        self.look(marks)
    }

    /// Whether its marks have a word, or words in a row.
    pub(crate) fn marked(&self, at: usize, words: &str) -> bool {
        has_words(self.marks(at), words)
    }

    /// Indexes of an element's children that are elements, in order.
    pub(crate) fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.els.get(at).map_or(0, |el| el.end);
        std::iter::successors(Some(at + 1), move |i| self.els.get(*i).map(|el| el.end)).take_while(move |i| *i < end)
    }

    /// The next sibling that is an element.
    pub(crate) fn next(&self, at: usize) -> Option<usize> {
        let el = self.els.get(at)?;
        let parent = self.els.get(el.parent)?;
        (el.parent != at && el.end < parent.end).then_some(el.end)
    }

    /// Elements above, nearest first.
    pub(crate) fn above(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(at), move |i| self.els.get(*i).map(|el| el.parent).filter(|p| p != i)).skip(1)
    }

    /// Indexes of an element's descendants.
    pub(crate) fn below(&self, at: usize) -> std::ops::Range<usize> {
        at + 1..self.els.get(at).map_or(at + 1, |el| el.end)
    }

    /// Whether an element has no element below it that ends a line.
    pub(crate) fn is_line(&self, at: usize) -> bool {
        self.els.get(at).is_none_or(|el| el.breaks == 0)
    }

    /// The heading that names the page: the first `h1` with text outside of the surroundings, else the first at all.
    fn main_heading(&self) -> Option<usize> {
        let mut first = None;
        for (at, el) in self.els.iter().enumerate() {
            if el.name() == "h1" && self.text_len(at) > 1 {
                if !el.zone.is_surroundings() {
                    return Some(at);
                }
                first = first.or(Some(at));
            }
        }
        first
    }
}

/// Whether words stand in marks as whole words. Marks have a space at each end.
pub(crate) fn has_words(marks: &str, words: &str) -> bool {
    let (marks, words) = (marks.as_bytes(), words.as_bytes());
    let Some(first) = words.first() else { return false };
    // The last byte is a space: nothing starts after it.
    let starts = marks.windows(2).enumerate().filter(|(_, pair)| pair[0] == b' ' && pair[1] == *first);
    starts
        .map(|(at, _)| &marks[at + 1..])
        .any(|rest| rest.starts_with(words) && rest.get(words.len()).is_none_or(|b| *b == b' '))
}

/// What one look at an element's attributes tells.
struct Attributes<'a> {
    marks: [Option<&'a str>; MARKS.len()],
    role: Option<&'a str>,
    hidden: bool,
}

impl<'a> Attributes<'a> {
    fn of(raw: &'a Element) -> Attributes<'a> {
        let mut found = Attributes { marks: [None; MARKS.len()], role: None, hidden: false };
        for (name, value) in raw.attrs() {
            match name {
                "role" => found.role = Some(value),
                "hidden" => found.hidden = true,
                "style" => found.hidden |= value.contains("display:none") || value.contains("display: none"),
                other => {
                    if let Some(at) = MARKS.iter().position(|m| *m == other) {
                        found.marks[at] = Some(value);
                    }
                }
            }
        }
        found
    }
}

fn push_marks(out: &mut String, marks: &[Option<&str>]) {
    let start = out.len();
    for value in marks.iter().flatten() {
        let mut before = ' ';
        if out.len() == start {
            out.push(' ');
        }
        for c in value.chars() {
            if out.len() - start > MAX_MARK {
                break;
            }
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                out.push(c);
            } else if c.is_alphanumeric() {
                if c.is_uppercase() && before.is_lowercase() && !out.ends_with(' ') {
                    out.push(' ');
                }
                out.extend(c.to_lowercase());
            } else if !out.ends_with(' ') {
                out.push(' ');
            }
            before = c;
        }
        if !out.ends_with(' ') {
            out.push(' ');
        }
    }
}

/// Adds text with its white space collapsed; notes where a line of the source begins.
fn push_text(out: &mut String, text: &str, source_breaks: &mut Vec<usize>) {
    let mut rest = text;
    while !rest.is_empty() {
        // Most of a text is words that stay as they are.
        let word = rest.bytes().take_while(u8::is_ascii_graphic).count();
        let (plain, more) = rest.split_at(word);
        out.push_str(plain);
        let mut chars = more.chars();
        match chars.next() {
            Some(c @ (' ' | '\n' | '\t' | '\r' | '\u{a0}' | '\u{202f}' | '\u{2009}')) => {
                if !out.is_empty() && !out.ends_with([' ', '\n']) {
                    out.push(' ');
                }
                if c == '\n' && out.ends_with(' ') && source_breaks.last() != Some(&out.len()) {
                    source_breaks.push(out.len());
                }
            }
            None | Some('\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}') => {}
            Some(c) if c.is_control() => {}
            Some(c) => out.push(c),
        }
        rest = chars.as_str();
    }
}

/// Ends a line; whether there was one to end.
fn break_line(out: &mut String) -> bool {
    if out.ends_with(' ') {
        out.pop();
    }
    let ends = !out.is_empty() && !out.ends_with('\n');
    if ends {
        out.push('\n');
    }
    ends
}

fn is_silent(name: &str) -> bool {
    matches!(name, "script" | "style" | "noscript" | "template" | "svg" | "iframe" | "object" | "select" | "head")
}

/// Whether a line ends before and after an element.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_what_has_no_break(page in "(<div>|</div>|<b>|</b>|<br>|<p>|<script>|</script>|a| |\n){0,30}") {
            let html = crate::html::parse(&page);
            let doc = Doc::of(&html);
            for at in 0..doc.els.len() {
                prop_assert_eq!(doc.is_line(at), !doc.lines(at).contains('\n'), "{:?}", doc.lines(at));
            }
        }
    }
}

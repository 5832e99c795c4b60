//! A parsed page as a flat list of elements in document order, with its visible text in one string: an element's text
//! is a slice of it, its descendants are the elements up to its end. So every look at the page is linear. Knows no
//! schema. [`flat`] makes it, [`compact`] writes it down in few words, [`marks`] reads attributes, [`write`] joins texts, [`part`]
//! takes a part of it for a page.

mod compact;
mod flat;
mod marks;
mod part;
mod write;

use scraper::Html;
use scraper::node::Element;

use crate::budget::Budget;
use crate::zones::Zone;

pub(crate) use compact::{Addresses, compact};
pub(crate) use marks::has_words;
use write::SourceBreak;
pub(crate) use write::is_block;

/// Most elements that are looked at.
pub(crate) const MAX_ELEMENTS: usize = 200_000;
/// How much of what follows an element is looked at, in bytes.
const MAX_REST: usize = 1_000;

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
    source_breaks: Vec<SourceBreak>,
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

    /// Whether text stands between an element and a later one.
    pub(crate) fn is_apart(&self, at: usize, next: usize) -> bool {
        let (Some(el), Some(next)) = (self.els.get(at), self.els.get(next)) else { return false };
        self.text.get(el.to..next.from.max(el.to)).is_some_and(|t| t.contains(char::is_alphanumeric))
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
    pub(crate) fn source_breaks(&self) -> &[SourceBreak] {
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

    /// The elements whose marks have a word, or words in a row; in order.
    pub(crate) fn marked_with(&self, words: &str) -> impl Iterator<Item = usize> {
        let marks = if words.is_empty() || !self.budget.is_none_or(|b| b.step(self.marks.len() / 16 + 1)) {
            ""
        } else {
            &self.marks
        };
        let length = words.len();
        let found = memchr::memmem::find_iter(marks.as_bytes(), words.as_bytes()).collect::<Vec<_>>().into_iter();
        // Marks have a space at each end, so that no words reach from one element's into another's.
        let whole = found.filter(move |at| {
            let around = |i: Option<usize>| i.and_then(|i| marks.as_bytes().get(i)) == Some(&b' ');
            around(at.checked_sub(1)) && around(Some(at + length))
        });
        let element = whole.map(|at| self.els.partition_point(|el| el.mark_from <= at).saturating_sub(1));
        let mut last = None;
        element.filter(move |at| last.replace(*at) != Some(*at))
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

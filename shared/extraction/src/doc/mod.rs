//! A parsed page as a flat list of elements in document order, with its visible text in one string: an element's text
//! is a slice of it, and its descendants are the elements up to its end. So every scan of the page is linear. Depends
//! on no schema. [`flat`] builds it, [`compact`] writes it as short text, [`marks`] reads attributes, [`write`] joins
//! texts, [`part`] takes a part of it as a page, [`around`] reads what stands around an element.

mod around;
mod compact;
mod flat;
mod marks;
mod part;
mod write;

use scraper::Html;
use scraper::node::Element;

use crate::budget::Budget;
use crate::zones::Zone;

pub(crate) use around::{holds_blocks, text_before};
pub(crate) use compact::{Addresses, compact};
pub(crate) use marks::has_words;
use write::SourceBreak;
pub(crate) use write::is_block;

/// Maximum number of elements that are examined.
pub(crate) const MAX_ELEMENTS: usize = 200_000;
/// How much text after an element is examined, in bytes.
const MAX_REST: usize = 1_000;

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct El<'a> {
    pub(crate) raw: &'a Element,
    /// Index of its parent, or its own if it has none.
    pub(crate) parent: usize,
    /// Index after its last descendant.
    pub(crate) end: usize,
    /// Its slice of the text.
    from: usize,
    to: usize,
    /// Its slice of the marks.
    mark_from: usize,
    mark_to: usize,
    /// Number of line breaks within its text. While the element is open: number of line breaks in the page before it.
    breaks: usize,
    /// Whether a space stands before it, which a line break may replace.
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
    /// Returns where its text starts in the page's text.
    pub(crate) fn text_start(&self) -> usize {
        self.from
    }
}

/// Returns the last element whose text starts at a position in the page's text or before it.
pub(crate) fn element_at(els: &[El<'_>], at: usize) -> usize {
    els.partition_point(|el| el.from <= at).saturating_sub(1)
}

/// Returns an attribute's value. Elements have few attributes, so comparing names is cheaper than interning the one
/// asked for, as [`Element::attr`] does.
pub(crate) fn attr<'a>(raw: &'a Element, name: &str) -> Option<&'a str> {
    raw.attrs.iter().find(|(n, _)| &*n.local == name).map(|(_, value)| &**value)
}

/// The page.
#[derive(Debug, Default)]
pub(crate) struct Doc<'a> {
    pub(crate) els: Vec<El<'a>>,
    text: String,
    marks: String,
    /// Where the HTML source has a line break within continuous text.
    source_breaks: Vec<SourceBreak>,
    /// Line breaks in the text so far.
    breaks: usize,
    /// The heading that names the page.
    pub(crate) heading: Option<usize>,
    /// The budget to which reading the text and the marks is charged.
    budget: Option<&'a Budget<'a>>,
}

impl<'a> Doc<'a> {
    /// Flattens a fragment of a page, without a budget.
    pub(crate) fn of(page: &'a Html) -> Doc<'a> {
        Doc::flat(page, None)
    }

    /// Flattens a page. Once the budget is spent, its texts and marks appear empty.
    pub(crate) fn within(page: &'a Html, budget: &'a Budget<'a>) -> Doc<'a> {
        Doc::flat(page, Some(budget))
    }

    /// Charges the steps for reading a text. Returns the text if the budget holds, otherwise an empty one.
    fn within_budget<'t>(&self, text: &'t str) -> &'t str {
        if self.budget.is_none_or(|b| b.step(text.len() + 1)) { text } else { "" }
    }

    /// Returns an element's text with `\n` where blocks and lines end.
    pub(crate) fn lines(&self, at: usize) -> &str {
        let text = self.els.get(at).map_or("", |el| self.text.get(el.from..el.to).unwrap_or_default().trim());
        self.within_budget(text)
    }

    /// Returns an element's text on one line.
    pub(crate) fn text(&self, at: usize) -> String {
        crate::coercion::collapse(self.lines(at))
    }

    /// Returns the text of an element's parent after the element itself.
    pub(crate) fn text_after(&self, at: usize) -> &str {
        let (Some(el), Some(parent)) = (self.els.get(at), self.els.get(at).and_then(|el| self.els.get(el.parent)))
        else {
            return "";
        };
        let rest = self.text.get(el.to..parent.to.max(el.to)).unwrap_or_default();
        let rest = rest[..rest.floor_char_boundary(MAX_REST)].trim();
        self.within_budget(rest)
    }

    /// Returns the text from the start of one element to the start of another.
    pub(crate) fn text_between(&self, from: usize, to: usize) -> &str {
        let from = self.els.get(from).map_or(self.text.len(), |el| el.from);
        let to = self.els.get(to).map_or(self.text.len(), |el| el.from);
        let between = self.text.get(from..to.max(from)).unwrap_or_default().trim();
        self.within_budget(between)
    }

    /// Returns whether text stands between an element and a later one.
    pub(crate) fn has_text_between(&self, at: usize, next: usize) -> bool {
        let (Some(el), Some(next)) = (self.els.get(at), self.els.get(next)) else { return false };
        self.text.get(el.to..next.from.max(el.to)).is_some_and(|t| t.contains(char::is_alphanumeric))
    }

    /// Returns the length of an element's text in bytes.
    pub(crate) fn text_len(&self, at: usize) -> usize {
        self.els.get(at).map_or(0, |el| el.to - el.from)
    }

    /// Returns where its text starts, for measuring distances.
    pub(crate) fn text_start(&self, at: usize) -> usize {
        self.els.get(at).map_or(0, |el| el.from)
    }

    /// Returns the page's whole text.
    pub(crate) fn all_text(&self) -> &str {
        &self.text
    }

    /// Returns, in order, where the HTML source has a line break that a reader sees as a space.
    pub(crate) fn source_breaks(&self) -> &[SourceBreak] {
        &self.source_breaks
    }

    /// Returns an element's marks: lower-case words of class, id and similar, separated by single spaces, with one at
    /// each end.
    pub(crate) fn marks(&self, at: usize) -> &str {
        let marks = self.els.get(at).map_or("", |el| &self.marks[el.mark_from..el.mark_to]);
        self.within_budget(marks)
    }

    /// Returns whether its marks contain a word, or consecutive words.
    pub(crate) fn has_mark(&self, at: usize, words: &str) -> bool {
        has_words(self.marks(at), words)
    }

    /// Yields the elements whose marks contain a word, or consecutive words; in order.
    pub(crate) fn with_mark(&self, words: &str) -> impl Iterator<Item = usize> {
        let marks = if words.is_empty() || !self.budget.is_none_or(|b| b.step(self.marks.len() / 16 + 1)) {
            ""
        } else {
            &self.marks
        };
        let length = words.len();
        let found = memchr::memmem::find_iter(marks.as_bytes(), words.as_bytes()).collect::<Vec<_>>().into_iter();
        // Marks have a space at each end, so a match cannot reach from the marks of one element into those of the next.
        let whole = found.filter(move |at| {
            let around = |i: Option<usize>| i.and_then(|i| marks.as_bytes().get(i)) == Some(&b' ');
            around(at.checked_sub(1)) && around(Some(at + length))
        });
        let element = whole.map(|at| self.els.partition_point(|el| el.mark_from <= at).saturating_sub(1));
        let mut last = None;
        element.filter(move |at| last.replace(*at) != Some(*at))
    }

    /// Yields the indices of an element's child elements, in order.
    pub(crate) fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let end = self.els.get(at).map_or(0, |el| el.end);
        std::iter::successors(Some(at + 1), move |i| self.els.get(*i).map(|el| el.end)).take_while(move |i| *i < end)
    }

    /// Returns the next sibling element.
    pub(crate) fn next_sibling(&self, at: usize) -> Option<usize> {
        let el = self.els.get(at)?;
        let parent = self.els.get(el.parent)?;
        (el.parent != at && el.end < parent.end).then_some(el.end)
    }

    /// Yields the ancestors, nearest first.
    pub(crate) fn ancestors(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(at), move |i| self.els.get(*i).map(|el| el.parent).filter(|p| p != i)).skip(1)
    }

    /// Returns the indices of an element's descendants.
    pub(crate) fn descendants(&self, at: usize) -> std::ops::Range<usize> {
        at + 1..self.els.get(at).map_or(at + 1, |el| el.end)
    }

    /// Returns whether an element contains no element that ends a line.
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
        fn an_element_is_a_line_if_its_text_has_no_break(page in "(<div>|</div>|<b>|</b>|<br>|<p>|<script>|</script>|a| |\n){0,30}") {
            let html = crate::html::parse(&page);
            let doc = Doc::of(&html);
            for at in 0..doc.els.len() {
                prop_assert_eq!(doc.is_line(at), !doc.lines(at).contains('\n'), "{:?}", doc.lines(at));
            }
        }
    }
}

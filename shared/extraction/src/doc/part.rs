//! Treats a part of a page as a page of its own, so that every way to examine a page works on a part of it.

use std::ops::Range;

use super::write::SourceBreak;
use super::{Doc, El};

impl<'a> Doc<'a> {
    /// Returns the parent and the range of what follows a heading up to the next of its kind. If the heading is wrapped
    /// alone, takes what follows the wrapper.
    pub(crate) fn below_heading(&self, heading: usize) -> Option<(usize, Range<usize>)> {
        let doc = self;
        let name = doc.els.get(heading)?.name();
        let mut first = heading;
        // At most two wrappers.
        for _ in 0..2 {
            if doc.next_sibling(first).is_some() {
                break;
            }
            let parent = doc.els.get(first)?.parent;
            if doc.text_len(parent) > doc.text_len(heading) + 2 {
                return None;
            }
            first = parent;
        }
        let start = doc.next_sibling(first)?;
        let mut end = doc.els.get(start)?.end;
        while let Some(next) =
            Some(end).filter(|e| doc.els.get(*e).is_some_and(|el| el.parent == doc.els[start].parent))
        {
            let ends = doc.els[next].name() == name || doc.descendants(next).any(|i| doc.els[i].name() == name);
            if ends || matches!(doc.els[next].name(), "h1" | "h2") {
                break;
            }
            end = doc.els[next].end;
        }
        Some((doc.els.get(start)?.parent, start..end))
    }

    /// Returns a part of the page as a page of its own: a range of children of an element, below that element. Its
    /// first heading names it.
    pub(crate) fn part(&self, holder: usize, children: Range<usize>) -> Doc<'a> {
        let Some(above) = self.els.get(holder) else { return Doc::default() };
        let inner = self.els.get(children.clone()).unwrap_or_default();
        let (Some(first), Some(last)) = (inner.first(), inner.last()) else { return Doc::default() };
        let (from, to) = (first.from, inner.iter().map(|el| el.to).max().unwrap_or(last.to));
        let (mark_from, mark_to) = (first.mark_from, last.mark_to);
        let shift = |at: usize| (at + 1).saturating_sub(children.start);
        let moved = |el: &El<'a>| El {
            parent: shift(el.parent),
            end: shift(el.end).min(inner.len() + 1),
            from: el.from - from,
            to: el.to - from,
            mark_from: el.mark_from - mark_from,
            mark_to: el.mark_to - mark_from,
            ..*el
        };
        let root = El {
            parent: 0,
            end: inner.len() + 1,
            from: 0,
            to: to - from,
            mark_from: 0,
            mark_to: 0,
            breaks: usize::from(inner.len() > 1),
            ..*above
        };
        let mut doc = Doc {
            els: std::iter::once(root).chain(inner.iter().map(moved)).collect(),
            text: self.text.get(from..to).unwrap_or_default().to_owned(),
            marks: self.marks.get(mark_from..mark_to).unwrap_or_default().to_owned(),
            budget: self.budget,
            ..Doc::default()
        };
        let breaks = self.source_breaks.iter().filter(|b| (from..to).contains(&b.at));
        doc.source_breaks = breaks.map(|b| SourceBreak { at: b.at - from, ..*b }).collect();
        let heads = |el: &El<'_>| matches!(el.name(), "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        doc.heading = doc.els.iter().position(heads);
        doc
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_can_be_read_like_a_page() {
        let html = crate::html::parse("<h1>A</h1><div class=x><h2>Answer</h2><p>Tea\n is hot.</p></div><p>End</p>");
        let doc = Doc::of(&html);
        let holder = (0..doc.els.len()).find(|at| doc.has_mark(*at, "x")).unwrap();
        let part = doc.part(holder, doc.descendants(holder));
        assert_eq!(part.all_text(), "Answer\nTea is hot.");
        assert_eq!(part.heading.map(|at| part.text(at)).as_deref(), Some("Answer"));
        assert_eq!(part.children(0).map(|at| part.els[at].name()).collect::<Vec<_>>(), ["h2", "p"]);
        assert_eq!(part.next_sibling(1), Some(2));
        assert_eq!(part.source_breaks().len(), 1);
        assert!(doc.part(holder, 0..0).els.is_empty());
    }
}

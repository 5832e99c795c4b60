//! What stands before an element, and what it contains, seen from the page.

use super::{Doc, is_block};

/// Returns the page's text before an element, at most the last `max` characters of it.
pub(crate) fn text_before<'d>(doc: &'d Doc<'_>, at: usize, max: usize) -> &'d str {
    let before = doc.text.get(..doc.text_start(at)).unwrap_or_default();
    let from = before.char_indices().rev().take(max).last().map_or(before.len(), |(from, _)| from);
    &before[from..]
}

/// Returns whether a child of an element is a block, other than a line break.
pub(crate) fn holds_blocks(doc: &Doc<'_>, at: usize) -> bool {
    doc.children(at).map(|child| doc.els[child].name()).any(|name| is_block(name) && name != "br")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_before_an_element_ends_where_the_element_begins() {
        let html = crate::html::parse("<p>Größe:<b>5</b></p>");
        let doc = Doc::of(&html);
        let at = doc.els.iter().position(|el| el.name() == "b").unwrap();
        for (max, want) in [(0, ""), (3, "ße:"), (6, "Größe:"), (99, "Größe:")] {
            assert_eq!(text_before(&doc, at, max), want, "{max}");
        }
        assert_eq!(text_before(&doc, 0, 99), "");
    }
}

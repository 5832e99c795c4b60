//! Converts HTML to text and text to HTML: an element's text as a reader sees it, a fragment's plain text and lines.
//! Depends on no schema. Every walk here is iterative.

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::ElementRef;
use scraper::node::Node;

use super::parse;
use crate::budget::Budget;

/// Returns the text of an element as a reader sees it: without scripts and styles, with a space where a block or a line
/// ends.
pub fn text(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    read_text(element, &mut |piece| {
        out.push_str(piece);
        true
    });
    crate::coercion::collapse(&out)
}

/// Returns at most `max_bytes` bytes of an element's text within a budget, and whether that is all of it.
pub(crate) fn text_within(element: ElementRef<'_>, budget: &Budget<'_>, max_bytes: usize) -> (String, bool) {
    let mut out = String::new();
    let mut whole = true;
    read_text(element, &mut |piece| {
        // An element costs a step even if it has no text.
        whole = budget.step(1);
        if !whole {
            return false;
        }
        // Consecutive white space becomes one space in the end, so it must not take up space for words.
        for word in piece.split_inclusive(char::is_whitespace) {
            let blank = word.trim_end().is_empty() && out.ends_with(char::is_whitespace);
            let left = (max_bytes + 1).saturating_sub(out.len());
            whole = budget.step(word.len()) && (blank || (word.len() <= left && budget.copy(word.len())));
            if !blank {
                out.push_str(&word[..word.floor_char_boundary(left)]);
            }
            if !whole {
                break;
            }
        }
        whole
    });
    let mut out = crate::coercion::collapse(&out);
    out.truncate(out.floor_char_boundary(max_bytes));
    (out, whole)
}

/// Passes on the pieces of an element's text while `take` accepts them.
fn read_text(element: ElementRef<'_>, take: &mut dyn FnMut(&str) -> bool) {
    let mut skip: Option<NodeId> = None;
    for edge in element.traverse() {
        match edge {
            Edge::Open(node) => match node.value() {
                Node::Element(e) if skip.is_none() => {
                    if matches!(e.name(), "script" | "style" | "noscript" | "template" | "svg") {
                        skip = Some(node.id());
                    } else if !take(if crate::doc::is_block(e.name()) { " " } else { "" }) {
                        return;
                    }
                }
                Node::Text(t) if skip.is_none() && !take(t) => return,
                _ => {}
            },
            Edge::Close(node) => {
                if skip == Some(node.id()) {
                    skip = None;
                } else if skip.is_none()
                    && node.value().as_element().is_some_and(|e| crate::doc::is_block(e.name()))
                    && !take(" ")
                {
                    return;
                }
            }
        }
    }
}

/// Returns the plain text of a fragment of HTML within a text, as structured data often contains it.
pub fn strip_tags(fragment: &str) -> String {
    if !fragment.contains(['<', '&']) {
        return crate::coercion::collapse(fragment);
    }
    let html = parse(fragment);
    text(html.root_element())
}

/// Returns a text with its character references resolved; what looks like a tag stays.
pub fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // Nothing inside a `textarea` is a tag except its own end.
    let html = parse(&format!("<textarea>\n{}", text.replace('<', "&lt;")));
    html.tree.nodes().filter_map(|n| n.value().as_text()).map(|t| &**t).collect()
}

/// Returns plain text as HTML, one paragraph per line.
pub fn from_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        out.push_str("<p>");
        out.push_str(&line.replace('&', "&amp;").replace('<', "&lt;"));
    }
    out
}

/// Returns the lines of a fragment of HTML, as separated by its blocks and line breaks.
pub fn lines(fragment: &str) -> Vec<String> {
    let html = parse(fragment);
    let doc = crate::doc::Doc::of(&html);
    doc.all_text().lines().map(crate::coercion::collapse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_a_reader_sees_it() {
        let page = "<title>T</title><style>x{}</style><p>a<b>b</b> c<br>d<script>no()</script></p><div>e</div>&amp;";
        assert_eq!(text(parse(page).root_element()), "T ab c d e &");
        assert_eq!(strip_tags("<p>Mix &amp; bake</p><p>Eat</p>"), "Mix & bake Eat");
        assert_eq!(strip_tags("2 &lt; 3"), "2 < 3");
    }
}

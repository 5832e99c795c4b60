//! Texts out of HTML and into it: an element's text as a reader sees it, a fragment's plain text and lines. Knows no
//! schema. Every walk here is iterative.

use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::ElementRef;
use scraper::node::Node;

use super::parse;
use crate::budget::Budget;

/// The text of an element as a reader sees it: without scripts and styles, a space where a block or a line ends.
pub fn text(element: ElementRef<'_>) -> String {
    let mut out = String::new();
    read_text(element, &mut |piece| {
        out.push_str(piece);
        true
    });
    crate::coercion::collapse(&out)
}

/// The same, at most `room` bytes of it and within a budget; whether that is all of it.
pub(crate) fn text_within(element: ElementRef<'_>, budget: &Budget<'_>, room: usize) -> (String, bool) {
    let mut out = String::new();
    let mut whole = true;
    read_text(element, &mut |piece| {
        // An element costs its step also where it has no text.
        whole = budget.step(1);
        if !whole {
            return false;
        }
        // White space in a row is one space in the end: it must not take the room of words.
        for word in piece.split_inclusive(char::is_whitespace) {
            let blank = word.trim_end().is_empty() && out.ends_with(char::is_whitespace);
            let left = (room + 1).saturating_sub(out.len());
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
    out.truncate(out.floor_char_boundary(room));
    (out, whole)
}

/// Hands on the pieces of an element's text while they are taken.
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

/// Plain text of a fragment of HTML inside a text, as structured data often has it.
pub fn strip(fragment: &str) -> String {
    if !fragment.contains(['<', '&']) {
        return crate::coercion::collapse(fragment);
    }
    let html = parse(fragment);
    text(html.root_element())
}

/// A text with its character references resolved; what looks like a tag stays.
pub fn unescape(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    // Nothing is a tag in there but its own end.
    let html = parse(&format!("<textarea>\n{}", text.replace('<', "&lt;")));
    html.tree.nodes().filter_map(|n| n.value().as_text()).map(|t| &**t).collect()
}

/// Plain text as HTML: a paragraph a line.
pub fn of_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        out.push_str("<p>");
        out.push_str(&line.replace('&', "&amp;").replace('<', "&lt;"));
    }
    out
}

/// The lines of a fragment of HTML: what its blocks and line breaks set apart.
pub fn lines(fragment: &str) -> Vec<String> {
    let html = parse(fragment);
    let doc = crate::doc::Doc::of(&html);
    doc.all_text().lines().map(crate::coercion::collapse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_as_a_reader_sees_it() {
        let page = "<title>T</title><style>x{}</style><p>a<b>b</b> c<br>d<script>no()</script></p><div>e</div>&amp;";
        assert_eq!(text(parse(page).root_element()), "T ab c d e &");
        assert_eq!(strip("<p>Mix &amp; bake</p><p>Eat</p>"), "Mix & bake Eat");
        assert_eq!(strip("2 &lt; 3"), "2 < 3");
    }
}

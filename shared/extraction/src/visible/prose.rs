//! Finds the describing paragraph: the first block of prose below the heading, or the first paragraph that only line
//! breaks of the HTML source separate.

use crate::candidate::{Candidate, Source};
use crate::zones::Zone;

use super::segments::is_labelled;
use super::view::View;

/// Maximum length of a paragraph, in bytes.
const MAX_TEXT: usize = 3_000;
/// Maximum distance below the heading without a lower score, in bytes of text.
const NEAR: i64 = 2_500;

pub(super) fn candidates(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let prose = |at: &usize| {
        let el = &doc.els[*at];
        // A `dd` has a label, which says what it is.
        matches!(el.name(), "p" | "div" | "blockquote" | "section" | "article" | "span")
            && (24..=MAX_TEXT).contains(&doc.text_len(*at))
            && !el.zone.is_surroundings()
            && !el.zone.has(Zone::HIDDEN)
            && (doc.is_line(*at) || (el.name() == "p" && !crate::doc::holds_blocks(doc, *at)))
            && view.distance(*at) >= 0
            && !doc.ancestors(*at).take(3).any(|a| matches!(doc.els[a].name(), "dd" | "td"))
            && is_prose(&doc.text(*at))
    };
    let first = (0..doc.els.len()).find(prose);
    if let Some(first) = first {
        let near = if view.distance(first) < NEAR { -6 } else { -16 };
        out.push(Candidate::text(Source::Pattern, doc.text(first), "first paragraph").adjusted(near));
    }
    let end = first.map_or(usize::MAX, |f| doc.text_start(f));
    if let Some(text) = paragraph_in_source_lines(view, end) {
        out.push(Candidate::text(Source::Pattern, text, "first paragraph of loose text").adjusted(-8));
    }
}

/// Returns the first paragraph of prose before a position, in text that only line breaks of the HTML source separate.
fn paragraph_in_source_lines(view: &View<'_>, end: usize) -> Option<String> {
    let segments = view.segments();
    let from = view.doc.heading.map_or(0, |h| view.doc.text_start(h));
    let mut paragraph = String::new();
    let is_separate = |t: &str| is_labelled(t) || view.head.names().any(|n| n == t);
    let mut is_closed = true;
    for (order, segment) in segments.iter().enumerate().filter(|(_, s)| s.is_source_line && (from..end).contains(&s.at))
    {
        // A line that is the title or has a label is not part of a paragraph, and no paragraph continues after it.
        is_closed = is_separate(segment.text) || (is_closed && segment.continues_paragraph && order > 0);
        if is_closed && order > 0 {
            paragraph.clear();
            continue;
        }
        if segment.continues_paragraph && !paragraph.is_empty() {
            paragraph.push(' ');
        } else {
            paragraph.clear();
        }
        paragraph.push_str(segment.text);
        let ends = segments.get(order + 1).is_none_or(|next| !next.continues_paragraph);
        if ends && (24..=MAX_TEXT).contains(&paragraph.len()) && is_prose(&paragraph) {
            return Some(paragraph);
        }
    }
    None
}

/// Returns whether a text is prose: several words, few digits, closing punctuation or a length that needs none, and no
/// label at its start.
pub(super) fn is_prose(text: &str) -> bool {
    let words = text.split_whitespace().count();
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let ends = text.ends_with(['.', '!', '?', '…', '”', '"', '。']);
    let labelled = text.find([':', '：']).is_some_and(|at| at < 30);
    (words >= 5 || !text.is_ascii()) && digits * 6 < text.len() && (ends || text.chars().count() >= 90) && !labelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_sentences() {
        for (text, want) in [
            ("An evening of copper, steam and tea.", true),
            ("Price: 5 for all who come early and stay.", false),
            ("Home About Contact Imprint Terms", false),
            ("2024 12 31 11 45 and 5 more 1999.", false),
        ] {
            assert_eq!(is_prose(text), want, "{text}");
        }
    }
}

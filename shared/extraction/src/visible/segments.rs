//! Splits the page's text into pieces that a reader sees as units: lines as displayed, and within them lines of the
//! HTML source, because plain pages often separate text by nothing else. Leaves out navigation, comments, related items
//! and overlays.

use crate::doc::Doc;
use crate::zones::Zone;

/// Maximum number of bytes of a page's text that are examined.
pub(super) const MAX_BYTES: usize = 60_000;

/// One piece.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Where it starts in the page's text.
    pub(super) at: usize,
    pub(super) text: &'a str,
    /// Whether only line breaks of the HTML source separate it from other pieces.
    pub(super) is_source_line: bool,
    /// Whether it continues the paragraph of the piece before it: neither a line of the page nor an empty line of the
    /// source ends there.
    pub(super) continues_paragraph: bool,
}

pub(super) fn split<'a>(doc: &'a Doc<'_>) -> Vec<Segment<'a>> {
    let all = doc.all_text();
    let all = &all[..all.floor_char_boundary(MAX_BYTES)];
    let skipped = skipped_ranges(doc);
    let source_breaks = doc.source_breaks();
    let (mut out, mut from, mut next_break, mut next_skip) = (Vec::new(), 0, 0, 0);
    for line in all.split('\n') {
        let end = from + line.len();
        // A line of the source that ends with a line of the page separates nothing.
        while source_breaks.get(next_break).is_some_and(|s| s.at <= from) {
            next_break += 1;
        }
        let mut start = from;
        let is_source_line = source_breaks.get(next_break).is_some_and(|s| s.at < end);
        let mut continues_paragraph = false;
        loop {
            let cut = source_breaks.get(next_break).copied().filter(|s| s.at < end);
            let piece = all.get(start..cut.map_or(end, |c| c.at)).unwrap_or_default();
            while skipped.get(next_skip).is_some_and(|(_, to)| *to <= start) {
                next_skip += 1;
            }
            let outside = skipped.get(next_skip).is_some_and(|(skip, to)| (*skip..*to).contains(&start));
            if !piece.trim().is_empty() && !outside {
                let text = without_leading_pictograms(piece.trim());
                out.push(Segment { at: start, text, is_source_line, continues_paragraph });
            }
            let Some(cut) = cut else { break };
            next_break += 1;
            (start, continues_paragraph) = (cut.at, !cut.blank);
        }
        from = end + 1;
    }
    split_at_inline_elements(doc, out)
}

/// Splits pieces where one inline element ends and the next begins without a space, because style sheets set them
/// apart: `<span>Mill Hall</span><span>Salem, OR</span>`.
fn split_at_inline_elements<'a>(doc: &Doc<'_>, pieces: Vec<Segment<'a>>) -> Vec<Segment<'a>> {
    let all = doc.all_text();
    let inner = |c: char| c.is_lowercase() || c.is_ascii_digit() || c == ')';
    let is_cut = |at: usize| {
        let begins =
            all.get(at..).and_then(|t| t.chars().next()).is_some_and(|c| c.is_uppercase() || "$€£".contains(c));
        begins && all.get(..at).is_some_and(|t| t.ends_with(inner))
    };
    let spans = doc.els.iter().filter(|el| matches!(el.name(), "span" | "a" | "b" | "strong" | "em" | "small"));
    let mut cuts: Vec<usize> = spans.map(|el| el.text_start()).filter(|at| *at < MAX_BYTES && is_cut(*at)).collect();
    cuts.dedup();
    if cuts.is_empty() {
        return pieces;
    }
    let mut out = Vec::with_capacity(pieces.len() + cuts.len());
    for piece in pieces {
        // Signs at its start were left out.
        let from = all[piece.at..].find(piece.text).map_or(piece.at, |skipped| piece.at + skipped);
        let end = from + piece.text.len();
        let mut start = from;
        let within = cuts[cuts.partition_point(|c| *c <= from)..].iter().take_while(|c| **c < end);
        for cut in within.copied().chain([end]) {
            let text = piece.text.get(start - from..cut - from).unwrap_or_default().trim();
            if !text.is_empty() {
                out.push(Segment {
                    at: start,
                    text,
                    is_source_line: piece.is_source_line,
                    continues_paragraph: piece.continues_paragraph && start == from,
                });
            }
            start = cut;
        }
    }
    out
}

/// Returns the ranges of text that are not the page's own, in order.
fn skipped_ranges(doc: &Doc<'_>) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(el) = doc.els.get(at) {
        let zone = el.zone;
        if zone.has(Zone::NAV) || zone.has(Zone::RELATED) || zone.has(Zone::COMMENTS) || zone.has(Zone::OVERLAY) {
            let from = doc.text_start(at);
            out.push((from, from + doc.text_len(at)));
            at = el.end.max(at + 1);
        } else {
            at += 1;
        }
    }
    out
}

/// Maximum length of a label on a line of its own, in bytes.
const MAX_LABEL: usize = 48;

/// Returns whether a line has a label of its own. A time of day is not one.
pub(super) fn is_labelled(text: &str) -> bool {
    let label =
        |l: &str| l.len() <= MAX_LABEL && !l.ends_with(|c: char| c.is_ascii_digit()) && l.split(' ').count() <= 4;
    text.split_once([':', '：']).is_some_and(|(l, _)| label(l.trim_end()))
}

/// Returns a line without the signs at its start.
pub(super) fn without_leading_pictograms(line: &str) -> &str {
    line.trim_start_matches(|c: char| is_pictogram(c) || c == '\u{fe0f}' || c.is_whitespace())
}

/// Returns whether a character is a pictogram. Stars are not: they are counted.
pub(super) fn is_pictogram(c: char) -> bool {
    matches!(c, '\u{1f300}'..='\u{1faff}' | '\u{2700}'..='\u{2712}' | '\u{260e}' | '\u{260f}' | '\u{23e9}'..='\u{23fa}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_at_the_start_are_removed() {
        for (line, want) in [("📞 011 555 0142", "011 555 0142"), ("☎️ 12", "12"), ("★ 4.7", "★ 4.7"), ("a", "a")]
        {
            assert_eq!(without_leading_pictograms(line), want);
        }
    }
}

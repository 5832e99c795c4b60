//! The page's text in pieces that a reader takes as one: lines, and within them what the source wrote on lines of its
//! own, because plain pages often set loose text apart by nothing else. Navigation, comments and related items are left
//! out.

use crate::doc::Doc;
use crate::zones::Zone;

/// How much of a page's text is looked at, in bytes.
pub(super) const MAX_BYTES: usize = 60_000;

/// One piece.
#[derive(Debug)]
pub(super) struct Segment<'a> {
    /// Where it starts in the page's text.
    pub(super) at: usize,
    pub(super) text: &'a str,
    /// Whether only the source's line ends set it apart.
    pub(super) loose: bool,
    /// Whether it goes on in the paragraph of the piece before it: no line and no empty line of the source ends there.
    pub(super) goes_on: bool,
}

pub(super) fn of<'a>(doc: &'a Doc<'_>) -> Vec<Segment<'a>> {
    let all = doc.all_text();
    let all = &all[..all.floor_char_boundary(MAX_BYTES)];
    let skipped = skipped(doc);
    let soft = doc.source_breaks();
    let (mut out, mut from, mut next_soft, mut next_skip) = (Vec::new(), 0, 0, 0);
    for line in all.split('\n') {
        let end = from + line.len();
        // A line of the source that ends where the page's does sets nothing apart.
        while soft.get(next_soft).is_some_and(|s| s.at <= from) {
            next_soft += 1;
        }
        let mut start = from;
        let loose = soft.get(next_soft).is_some_and(|s| s.at < end);
        let mut goes_on = false;
        loop {
            let cut = soft.get(next_soft).copied().filter(|s| s.at < end);
            let piece = all.get(start..cut.map_or(end, |c| c.at)).unwrap_or_default();
            while skipped.get(next_skip).is_some_and(|(_, to)| *to <= start) {
                next_skip += 1;
            }
            let outside = skipped.get(next_skip).is_some_and(|(skip, to)| (*skip..*to).contains(&start));
            if !piece.trim().is_empty() && !outside {
                out.push(Segment { at: start, text: piece.trim(), loose, goes_on });
            }
            let Some(cut) = cut else { break };
            next_soft += 1;
            (start, goes_on) = (cut.at, !cut.blank);
        }
        from = end + 1;
    }
    out
}

/// The stretches of text that are not the page's own, in order.
fn skipped(doc: &Doc<'_>) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    let mut at = 0;
    while let Some(el) = doc.els.get(at) {
        let zone = el.zone;
        if zone.has(Zone::NAV) || zone.has(Zone::RELATED) || zone.has(Zone::COMMENTS) || zone.has(Zone::OVERLAY) {
            let from = doc.text_at(at);
            out.push((from, from + doc.text_len(at)));
            at = el.end.max(at + 1);
        } else {
            at += 1;
        }
    }
    out
}

/// Longest label on a line of its own, in bytes.
const MAX_LABEL: usize = 48;

/// Whether a line bears a label of its own, which a time of day is none of.
pub(super) fn is_labelled(text: &str) -> bool {
    let label =
        |l: &str| l.len() <= MAX_LABEL && !l.ends_with(|c: char| c.is_ascii_digit()) && l.split(' ').count() <= 4;
    text.split_once([':', '：']).is_some_and(|(l, _)| label(l.trim_end()))
}

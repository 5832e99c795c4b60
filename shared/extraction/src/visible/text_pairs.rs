//! Finds labels with values in text without elements of its own: "Label: value" on a line of the HTML source or in a
//! sentence, and labels that stand alone on a line, above their value.

use crate::doc::{Doc, element_at};

use super::pairs::{LABEL_ABOVE, Pairs, is_time_of_day};
use super::segments::{Segment, is_labelled};

/// Maximum number of lines below a label that belong to its value.
const MAX_LINES: usize = 30;
/// Maximum length of a label that stands alone, in bytes.
const MAX_LABEL: usize = 48;

pub(super) fn collect(doc: &Doc<'_>, segments: &[Segment<'_>], pairs: &mut Pairs) {
    for (order, segment) in segments.iter().enumerate() {
        if !segment.text.contains([':', '：']) {
            // "Fax (541) 555-0156"
            let number = segment.text.find(|c: char| c.is_ascii_digit() || "+(".contains(c));
            let label = number.map(|at| segment.text[..at].trim()).filter(|l| (2..=24).contains(&l.len()));
            if let Some(label) =
                label.filter(|l| segment.is_source_line && segment.text.len() <= MAX_LABEL && !l.contains(','))
            {
                let at = element_at(&doc.els, segment.at);
                let value = segment.text[number.unwrap_or_default()..].to_owned();
                pairs.add(at, label, vec![value], "loose words and a number", -6);
            }
            continue;
        }
        let at = element_at(&doc.els, segment.at);
        if let Some(label) = label_alone(segment.text) {
            let value = lines_below(&segments[order + 1..]);
            if !value.is_empty() {
                pairs.add(at, label, vec![value], LABEL_ABOVE, -2);
            }
            continue;
        }
        for (order, sentence) in segment.text.split(". ").take(20).enumerate() {
            if order == 0 && !segment.is_source_line {
                continue;
            }
            let Some((label, value)) = sentence.split_once([':', '：']) else { continue };
            let value = value.trim().trim_end_matches(['.', ';']);
            if value.is_empty() || value.starts_with("//") || is_time_of_day(label, value) {
                continue;
            }
            // "EAN/UPC" is both.
            for label in label.split('/').chain(label.contains('/').then_some(label)) {
                pairs.add(at, label, vec![value.to_owned()], "loose line with a colon", -4);
            }
        }
    }
}

/// Returns a label with nothing after it.
fn label_alone(text: &str) -> Option<&str> {
    let label = text.strip_suffix([':', '：'])?.trim_end();
    (label.len() <= MAX_LABEL && !label.contains([':', '.'])).then_some(label)
}

/// Returns the lines below a label that belong to it: one line of the page, or lines of the source up to an empty one
/// or the next label.
fn lines_below(rest: &[Segment<'_>]) -> String {
    let mut lines: Vec<&str> = Vec::new();
    for segment in rest.iter().take(MAX_LINES) {
        let begins = lines.is_empty();
        let belongs = begins || (segment.is_source_line && segment.continues_paragraph);
        if !belongs || is_labelled(segment.text) {
            break;
        }
        lines.push(segment.text);
    }
    lines.join("\n")
}

//! Finds steps with headings of their own: "Step 1", and below it the instruction.

use crate::doc::Doc;

/// Maximum number of steps, and maximum length of one, in bytes.
const MAX_STEPS: usize = 200;
const MAX_STEP: usize = 3_000;

/// Returns the text below each heading that is a word for a step and a number.
pub(super) fn below_headings(doc: &Doc<'_>) -> Vec<String> {
    let is_step = |at: &usize| {
        let may = matches!(doc.els[*at].name(), "h2" | "h3" | "h4" | "h5" | "strong" | "b" | "dt");
        may && (4..=14).contains(&doc.text_len(*at)) && crate::text_cleanup::is_step_number(doc.lines(*at))
    };
    let below = |at: usize| {
        doc.below_heading(at).map(|(_, range)| crate::coercion::collapse(doc.text_between(range.start, range.end)))
    };
    let text = |at: usize| below(at).filter(|t| (3..=MAX_STEP).contains(&t.len()));
    (0..doc.els.len()).filter(is_step).take(MAX_STEPS).filter_map(text).collect()
}

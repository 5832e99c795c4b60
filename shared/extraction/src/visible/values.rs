//! Values that need no label, because of what they look like: one of those that a concept can have ("Full-time"), money
//! for a span of time, a number of bytes.

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::concept::Trait;
use crate::phrases::Phrases;
use crate::vocabulary::words;
use crate::wanted::Wanted;

use super::View;

/// Longest line that is looked at, in bytes.
const MAX_TEXT: usize = 120;
/// Most candidates of one field.
const MAX_FOUND: i32 = 6;
/// Units of what files hold.
const BYTES: [&str; 12] = ["kb", "mb", "gb", "tb", "kib", "mib", "gib", "ko", "mo", "go", "bytes", "octets"];

/// Pieces of lines that are one of the values that the concept can have.
pub(super) fn listed(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let Some(values) = wanted.words().map(|w| w.values.as_slice()).filter(|v| !v.is_empty()) else { return };
    pieces(view, out, "one of the values that it can have", -4, |piece| values.contains(&words(piece)));
}

/// Money with the span that it is paid for, where no label names it.
pub(super) fn salary(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT) {
        let text = segment.text;
        let money =
            || text.contains(['$', '€', '£', '¥', '円']) || text.split(' ').any(|w| coercion::code(w).is_some());
        if !text.bytes().any(|b| b.is_ascii_digit()) || !money() {
            continue;
        }
        // A single amount is no upper end.
        let whole = wanted.has(Trait::Upper) && crate::scalar::upper_end(text).is_none();
        if !whole && Phrases::PayPeriods.find(&text.to_lowercase()).is_some() {
            out.push(Candidate::text(Source::Pattern, text, "money for a span of time").scored(2 - found));
            found += 1;
        }
        if found >= MAX_FOUND {
            return;
        }
    }
}

/// Pieces of lines that are a number of bytes.
pub(super) fn file_size(view: &View<'_>, out: &mut Vec<Candidate>) {
    pieces(view, out, "a number of bytes", 0, |piece| {
        let unit = piece.trim_start_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
        unit.len() < piece.len() && BYTES.contains(&&*unit.trim().to_lowercase())
    });
}

/// Lines, and what marks of punctuation set apart on them, that pass a look.
fn pieces(view: &View<'_>, out: &mut Vec<Candidate>, reason: &'static str, change: i32, is: impl Fn(&str) -> bool) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT).take(500) {
        let parts = segment.text.split([',', '·', '•', '|', '/', ';', '(', ')', '–']).map(str::trim);
        for piece in parts.filter(|p| !p.is_empty() && is(p)) {
            out.push(Candidate::text(Source::Pattern, piece, reason).scored(change - found));
            found += 1;
            if found >= MAX_FOUND {
                return;
            }
        }
    }
}

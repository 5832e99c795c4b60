//! Finds values that need no label, because of what they look like: one of the values of a concept ("Full-time"), money
//! per period, a number of bytes.

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::concept::{Concept, Trait};
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;
use crate::range::upper_end;
use crate::vocabulary::words;

use super::view::View;

/// Maximum length of a line examined, in bytes.
const MAX_TEXT: usize = 120;
/// Maximum length of a listed value, in bytes, and maximum number of elements examined for one.
const MAX_VALUE: usize = 30;
const MAX_TAGS: usize = 500;
/// Maximum number of candidates of one field.
const MAX_FOUND: i32 = 6;
/// Units of file sizes.
const BYTES: [&str; 12] = ["kb", "mb", "gb", "tb", "kib", "mib", "gib", "ko", "mo", "go", "bytes", "octets"];

/// Adds pieces of lines that are one of the values of the concept.
pub(super) fn listed(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let Some(values) = query.words().map(|w| w.values.as_slice()).filter(|v| !v.is_empty()) else { return };
    pieces(view, out, "one of its possible values", -4, |piece| values.contains(&words(piece)));
    // A value may be an element within a line.
    let doc = view.doc;
    let tags =
        doc.els.iter().enumerate().filter(|(_, el)| matches!(el.name(), "span" | "li" | "b" | "strong" | "em" | "a"));
    let tags = tags.filter(|(at, el)| !el.zone.is_surroundings() && (3..=MAX_VALUE).contains(&doc.text_len(*at)));
    if let Some((at, _)) = tags.take(MAX_TAGS).find(|(at, _)| out.is_empty() && values.contains(&words(&doc.text(*at))))
    {
        out.push(
            Candidate::text(Source::Pattern, doc.text(at), "an element with one of its possible values").adjusted(-6),
        );
    }
}

/// Adds money with the period that it is paid for, where no label names it.
pub(super) fn salary(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT) {
        let text = segment.text;
        let money = || {
            text.contains(['$', '€', '£', '¥', '円']) || text.split(' ').any(|w| coercion::currency_code(w).is_some())
        };
        if !text.bytes().any(|b| b.is_ascii_digit()) || !money() {
            continue;
        }
        // A single amount is not an upper end.
        let whole = query.has(Trait::UpperEnd) && upper_end(text).is_none();
        if !whole && Phrases::PayPeriods.find(&text.to_lowercase()).is_some() {
            out.push(Candidate::text(Source::Pattern, text, "money per period").adjusted(2 - found));
            found += 1;
        }
        if found >= MAX_FOUND {
            return;
        }
    }
}

/// Adds durations on a line of several facts: "The Bog Hour · 41 min · 5 Oct".
pub(super) fn duration(view: &View<'_>, out: &mut Vec<Candidate>) {
    let lines = view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT && s.text.contains(['·', '•', '|']));
    for piece in lines.take(40).flat_map(|s| s.text.split(['·', '•', '|'])).map(str::trim) {
        if is_duration(piece) {
            out.push(Candidate::text(Source::Pattern, piece, "a duration on a line of facts"));
            return;
        }
    }
}

/// Returns whether a text is a duration and nothing else: "1h 48min", "41 min".
fn is_duration(text: &str) -> bool {
    let bare = |w: &str| w.trim_start_matches(|c: char| c.is_ascii_digit()).trim_end_matches('.').to_lowercase();
    let mut units = 0;
    let known = text.split_whitespace().all(|w| {
        let unit = bare(w);
        units += usize::from(!unit.is_empty());
        unit.is_empty() || Phrases::TimeUnits.has(&unit)
    });
    text.len() <= 20 && text.starts_with(|c: char| c.is_ascii_digit()) && known && units > 0
}

/// Maximum length of a sentence with a range of money, in bytes.
const MAX_SENTENCE: usize = 300;

/// Adds lines and sentences that join two amounts of money: "from $5,000 to $40,000".
pub(super) fn money_range(view: &View<'_>, out: &mut Vec<Candidate>) {
    let money = |c: char| "$€£¥".contains(c);
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_SENTENCE && s.text.contains(money)) {
        let joined = Phrases::RangeSeparators.all().any(|separator| {
            segment.text.match_indices(separator).any(|(at, _)| {
                let (low, high) = (segment.text[..at].trim_end(), segment.text[at + separator.len()..].trim_start());
                let digit = |c: char| c.is_ascii_digit();
                low.ends_with(|c| digit(c) || money(c)) && high.starts_with(|c| digit(c) || money(c))
            })
        });
        if joined {
            out.push(Candidate::text(Source::Pattern, segment.text, "a range of money"));
            return;
        }
    }
}

/// Adds the technique or the surface of an artwork: "oil on canvas", "Öl auf Leinwand".
pub(super) fn medium(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_SENTENCE) {
        let lower = segment.text.to_lowercase();
        let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let found = words
            .windows(3)
            .find(|w| Phrases::Paints.has(w[0]) && Phrases::PaintedOn.has(w[1]) && Phrases::Surfaces.has(w[2]));
        if let Some([paint, _, surface]) = found {
            let part = if query.is(Concept::ArtMedium) { *paint } else { *surface };
            out.push(Candidate::text(Source::Pattern, part, "paint and surface in a line").adjusted(2));
            return;
        }
    }
}

/// Adds pieces of lines that are a number of bytes.
pub(super) fn file_size(view: &View<'_>, out: &mut Vec<Candidate>) {
    pieces(view, out, "a number of bytes", 0, |piece| {
        let unit = piece.trim_start_matches(|c: char| c.is_ascii_digit() || ".,".contains(c));
        unit.len() < piece.len() && BYTES.contains(&&*unit.trim().to_lowercase())
    });
}

/// Adds lines, and the pieces that punctuation separates on them, for which `matches` holds.
fn pieces(
    view: &View<'_>,
    out: &mut Vec<Candidate>,
    reason: &'static str,
    change: i32,
    matches: impl Fn(&str) -> bool,
) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT).take(500) {
        let parts = segment.text.split([',', '·', '•', '|', '/', ';', '(', ')', '–']).map(str::trim);
        for piece in parts.filter(|p| !p.is_empty() && matches(p)) {
            out.push(Candidate::text(Source::Pattern, piece, reason).adjusted(change - found));
            found += 1;
            if found >= MAX_FOUND {
                return;
            }
        }
    }
}

//! Finds the labels of the page that name a field, and takes their values.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::concept::{Concept, Shape, Trait};
use crate::field_query::{FieldQuery, RangeEnd};
use crate::phrases::Phrases;
use crate::range::upper_end;
use crate::zones::Zone;

use super::pairs::{HEADING_ABOVE, LABEL_ABOVE, Pair};
use super::places;
use super::view::View;

/// Adds a field's candidates among the pairs.
pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let pairs = view.pairs();
    let named = pairs.by_label().filter_map(|(label, labelled)| {
        let core =
            || labelled.core.as_deref().and_then(|core| query.closeness_with_stem(core, core)).map(|close| close - 3);
        let whole = query.closeness_with_stem(label, &labelled.stem);
        let close = whole.or_else(core).or_else(|| query.label_end_closeness(&labelled.stem))?;
        Some((label, close, &labelled.pairs))
    });
    // In the order of the page, so that the result is deterministic.
    let mut named: Vec<(&String, i32, &Vec<Pair>)> = named.collect();
    named.sort_by_key(|(label, _, found)| (found.first().map(|pair| pair.at), *label));
    for (label, close, found) in named {
        // For its language, the page's own words are better evidence than its code.
        let spelled = if query.is(Concept::Language) && query.label != "in language" { 20 } else { 0 };
        for pair in found.iter().take(20) {
            let texts = query.is_array() || matches!(query.shape(), Shape::Long | Shape::List);
            // Below a section's heading there may be anything: a number is the value only if it comes first.
            let number = |v: &String| v.starts_with(|c: char| c.is_ascii_digit() || "$€£¥+-".contains(c));
            let leads = !query.is_number() || pair.values.iter().any(number);
            if pair.form == HEADING_ABOVE && (texts || !leads) {
                continue;
            }
            // A single amount is not an upper end.
            if query.has(Trait::UpperEnd) && close <= 7 && !pair.values.iter().any(|v| upper_end(v).is_some()) {
                continue;
            }
            if !names_end(query, label) && !pair.values.iter().any(|v| query.accepts(v)) {
                continue;
            }
            // A label that matches only a part of the field's name must look like the rest: a number has digits.
            if close <= 6 && query.is_numbered() && !pair.values.iter().any(|v| v.bytes().any(|b| b.is_ascii_digit())) {
                continue;
            }
            let zone = view.doc.els.get(pair.at).map(|e| e.zone).unwrap_or_default();
            if zone.has(Zone::FOOTER) && query.has(Trait::Contact) && !view.has_own_footer() {
                continue;
            }
            let outside = if zone.has(Zone::FOOTER) || zone.has(Zone::ASIDE) { -8 } else { 0 };
            // The first of several is the page's own.
            let late = i32::try_from(pair.at * 6 / view.doc.els.len().max(1)).unwrap_or(6);
            // Of the lines below a label, a value of a few words is the first one.
            let whole = (pair.form != LABEL_ABOVE && pair.form != HEADING_ABOVE)
                || query.is_array()
                || matches!(query.shape(), Shape::Long | Shape::List);
            let value = |v: &String| if whole { v.clone() } else { v.lines().next().unwrap_or_default().to_owned() };
            let value = |v: &String| places::asked_part(query, value(v), &view.reading);
            let values = pair.values.iter().map(|v| Value::String(value(v))).collect();
            let reason = format!("label \"{label}\" ({})", pair.form);
            out.push(
                Candidate::new(Source::Pair, values, reason).adjusted(pair.trust + close + outside + spelled - late),
            );
        }
    }
}

/// Returns whether a label names the end of a range itself: "Maximum players".
fn names_end(query: &FieldQuery<'_>, label: &str) -> bool {
    label.split(' ').any(|w| match query.range_end {
        Some(RangeEnd::Upper) => Phrases::UpperEnd.has(w),
        Some(RangeEnd::Lower) => Phrases::LowerEnd.has(w),
        None => false,
    })
}

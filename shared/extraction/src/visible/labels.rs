//! The labels of a page with their values, in whatever form, and which of them answer a field.

use std::collections::HashMap;

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::concept::{Concept, Shape, Trait};
use crate::phrases::Phrases;
use crate::vocabulary::{singular, words};
use crate::wanted::{End, Wanted};
use crate::zones::Zone;

use super::{View, places};

/// Most pairs collected.
const MAX_PAIRS: usize = 4_000;
/// Longest label, in bytes and in words.
pub(super) const MAX_LABEL: usize = 60;
const MAX_WORDS: usize = 7;
/// Longest value, in bytes.
pub(super) const MAX_VALUE: usize = 600;

/// The form of a heading right above its value, which may as well name a list or a text.
pub(super) const HEADING: &str = "heading above its value";
/// The form of a label that stands alone on a line.
pub(super) const ABOVE: &str = "label above its value";

/// A label's values at one place.
#[derive(Debug)]
struct Pair {
    at: usize,
    values: Vec<String>,
    form: &'static str,
    trust: i32,
}

/// All values of one label on a page.
#[derive(Debug, Default)]
struct Labelled {
    /// The label in the singular.
    stem: String,
    /// The stem without words that do not say what it names: "size" of "available size".
    core: Option<String>,
    pairs: Vec<Pair>,
}

/// All pairs of a page, by their labels in words.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    by_label: HashMap<String, Labelled>,
    count: usize,
}

/// Adds a field's candidates among the pairs.
pub(super) fn candidates(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let pairs = view.pairs();
    let named = pairs.by_label.iter().filter_map(|(label, labelled)| {
        let core = || labelled.core.as_deref().and_then(|core| wanted.labelled_so(core, core)).map(|close| close - 3);
        let whole = wanted.labelled_so(label, &labelled.stem);
        let close = whole.or_else(core).or_else(|| wanted.ends_labelled(&labelled.stem))?;
        Some((label, close, &labelled.pairs))
    });
    // In the order of the page, so that the result is deterministic.
    let mut named: Vec<(&String, i32, &Vec<Pair>)> = named.collect();
    named.sort_by_key(|(label, _, found)| (found.first().map(|pair| pair.at), *label));
    for (label, close, found) in named {
        // For its language, the page's own words are better evidence than its code.
        let told = if wanted.is(Concept::Language) && wanted.label != "in language" { 20 } else { 0 };
        for pair in found.iter().take(20) {
            let texts = wanted.is_array() || matches!(wanted.shape(), Shape::Long | Shape::List);
            // Below a section's heading there may be anything: a number is the value only if it comes first.
            let number = |v: &String| v.starts_with(|c: char| c.is_ascii_digit() || "$€£¥+-".contains(c));
            let leads = !wanted.is_number() || pair.values.iter().any(number);
            if pair.form == HEADING && (texts || !leads) {
                continue;
            }
            // A single amount is not an upper end.
            if wanted.has(Trait::Upper)
                && close <= 7
                && !pair.values.iter().any(|v| crate::scalar::upper_end(v).is_some())
            {
                continue;
            }
            if !names_end(wanted, label) && !pair.values.iter().any(|v| wanted.may_be(v)) {
                continue;
            }
            // A label that matches only a part of the field's name must look like the rest: a number has digits.
            if close <= 6 && wanted.is_numbered() && !pair.values.iter().any(|v| v.bytes().any(|b| b.is_ascii_digit()))
            {
                continue;
            }
            let zone = view.doc.els.get(pair.at).map(|e| e.zone).unwrap_or_default();
            if zone.has(Zone::FOOTER) && wanted.has(Trait::Reach) && !view.own_footer() {
                continue;
            }
            let outside = if zone.has(Zone::FOOTER) || zone.has(Zone::ASIDE) { -8 } else { 0 };
            // The first of several is the page's own.
            let late = i32::try_from(pair.at * 6 / view.doc.els.len().max(1)).unwrap_or(6);
            // Of the lines below a label, a value of a few words is the first one.
            let whole = (pair.form != ABOVE && pair.form != HEADING)
                || wanted.is_array()
                || matches!(wanted.shape(), Shape::Long | Shape::List);
            let value = |v: &String| if whole { v.clone() } else { v.lines().next().unwrap_or_default().to_owned() };
            let value = |v: &String| places::asked(wanted, value(v), &view.reading);
            let values = pair.values.iter().map(|v| Value::String(value(v))).collect();
            let reason = format!("label \"{label}\" ({})", pair.form);
            out.push(Candidate::new(Source::Pair, values, reason).scored(pair.trust + close + outside + told - late));
        }
    }
}

/// Returns whether a label names the end of a range itself: "Maximum players".
fn names_end(wanted: &Wanted<'_>, label: &str) -> bool {
    label.split(' ').any(|w| match wanted.end {
        Some(End::Upper) => Phrases::UpperEnd.has(w),
        Some(End::Lower) => Phrases::LowerEnd.has(w),
        None => false,
    })
}

impl Pairs {
    /// Returns whether no more pairs are accepted.
    pub(super) fn is_full(&self) -> bool {
        self.count >= MAX_PAIRS
    }

    /// Adds a label and its values.
    pub(super) fn add(&mut self, at: usize, label: &str, mut values: Vec<String>, form: &'static str, trust: i32) {
        let label = label.trim().trim_end_matches([':', '：', ' ', '?', '*']);
        if label.is_empty() || label.len() > MAX_LABEL || self.count >= MAX_PAIRS {
            return;
        }
        values.retain(|v| !v.is_empty() && v.len() <= MAX_VALUE * 4);
        if values.is_empty() {
            return;
        }
        let label = words(label);
        if label.is_empty() || label.split(' ').count() > MAX_WORDS {
            return;
        }
        self.count += 1;
        let pair = Pair { at, values, form, trust };
        let new = |label: &str| {
            let stem = singular(label).into_owned();
            Labelled { core: core(&stem), stem, pairs: Vec::new() }
        };
        self.by_label.entry(label).or_insert_with_key(|label| new(label)).pairs.push(pair);
    }
}

/// Returns a label without a word at one end that does not say what it names.
fn core(stem: &str) -> Option<String> {
    if !stem.contains(' ') {
        return None;
    }
    let (first, behind) = stem.split_once(' ')?;
    let (before, last) = stem.rsplit_once(' ')?;
    // Some qualifiers have two words.
    let two =
        |rest: &str, word: &str, ahead: bool| match if ahead { rest.split_once(' ') } else { rest.rsplit_once(' ') } {
            Some((a, b)) if ahead => Phrases::Qualifiers.has(&format!("{word} {a}")).then(|| b.to_owned()),
            Some((a, b)) => Phrases::Qualifiers.has(&format!("{b} {word}")).then(|| a.to_owned()),
            None => None,
        };
    let one = |rest: &str, word: &str| Phrases::Qualifiers.has(word).then(|| rest.to_owned());
    let rest = two(before, last, false).or_else(|| one(before, last)).or_else(|| two(behind, first, true));
    let rest = rest.or_else(|| one(behind, first));
    rest.filter(|rest| rest.len() > 2)
}

/// Returns whether the text around a colon is a time of day.
pub(super) fn is_clock(label: &str, value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    label.ends_with(|c: char| c.is_ascii_digit()) && (digits == 2 || digits == 0)
}

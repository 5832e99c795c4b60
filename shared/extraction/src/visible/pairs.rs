//! The labels of a page with their values.

use std::collections::HashMap;

use crate::phrases::Phrases;
use crate::vocabulary::{singular, words};

/// Maximum number of pairs collected.
const MAX_PAIRS: usize = 4_000;
/// Maximum length of a label, in bytes and in words.
pub(super) const MAX_LABEL: usize = 60;
const MAX_WORDS: usize = 7;
/// Maximum length of a value, in bytes.
pub(super) const MAX_VALUE: usize = 600;

/// The form of a heading right above its value, which may as well name a list or a text.
pub(super) const HEADING_ABOVE: &str = "heading above its value";
/// The form of a label that stands alone on a line.
pub(super) const LABEL_ABOVE: &str = "label above its value";

/// A label's values at one place.
#[derive(Debug)]
pub(super) struct Pair {
    pub(super) at: usize,
    pub(super) values: Vec<String>,
    pub(super) form: &'static str,
    pub(super) trust: i32,
}

/// All values of one label on a page.
#[derive(Debug, Default)]
pub(super) struct LabelEntry {
    /// The label in the singular.
    pub(super) stem: String,
    /// The stem without words that do not say what it names: "size" of "available size".
    pub(super) core: Option<String>,
    pub(super) pairs: Vec<Pair>,
}

/// All pairs of a page, by their labels in words.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    by_label: HashMap<String, LabelEntry>,
    count: usize,
}

impl Pairs {
    /// Yields the labels with their values, in any order.
    pub(super) fn by_label(&self) -> impl Iterator<Item = (&String, &LabelEntry)> {
        self.by_label.iter()
    }

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
            LabelEntry { core: core(&stem), stem, pairs: Vec::new() }
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
    let without_two_words =
        |rest: &str, word: &str, ahead: bool| match if ahead { rest.split_once(' ') } else { rest.rsplit_once(' ') } {
            Some((a, b)) if ahead => Phrases::Qualifiers.has(&format!("{word} {a}")).then(|| b.to_owned()),
            Some((a, b)) => Phrases::Qualifiers.has(&format!("{b} {word}")).then(|| a.to_owned()),
            None => None,
        };
    let without_word = |rest: &str, word: &str| Phrases::Qualifiers.has(word).then(|| rest.to_owned());
    let rest = without_two_words(before, last, false)
        .or_else(|| without_word(before, last))
        .or_else(|| without_two_words(behind, first, true));
    let rest = rest.or_else(|| without_word(behind, first));
    rest.filter(|rest| rest.len() > 2)
}

/// Returns whether the text around a colon is a time of day.
pub(super) fn is_time_of_day(label: &str, value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    label.ends_with(|c: char| c.is_ascii_digit()) && (digits == 2 || digits == 0)
}

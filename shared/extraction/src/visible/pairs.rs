//! Labels and their values in all their forms: table rows, definition lists, "Label: value" lines, a short element
//! followed by another, attributes that bear the label, "Serves 4" and "4 servings".

use std::collections::HashMap;

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::concept::{Shape, Trait};
use crate::doc::Doc;
use crate::phrases::Phrases;
use crate::vocabulary::{singular, words};
use crate::wanted::{End, Wanted};
use crate::zones::Zone;

use super::{View, places};

/// Most pairs that are collected.
const MAX_PAIRS: usize = 4_000;
/// Longest label, in bytes and in words.
const MAX_LABEL: usize = 60;
const MAX_WORDS: usize = 7;
/// Longest value, in bytes.
const MAX_VALUE: usize = 600;
/// Longest part of a line that is a fact of its own without a label, in bytes.
const MAX_PIECE: usize = 32;
/// Class words of elements that hold a label.
const LABEL_MARKS: [&str; 12] =
    ["label", "key", "term", "property", "attribute", "attr", "caption", "heading", "name", "title", "header", "th"];

/// The form of a label that stands alone on a line.
pub(super) const ABOVE: &str = "label above its value";

/// A label's value.
#[derive(Debug)]
struct Pair {
    at: usize,
    values: Vec<String>,
    form: &'static str,
    trust: i32,
}

/// What one label has on a page.
#[derive(Debug, Default)]
struct Labelled {
    /// The label in the singular.
    stem: String,
    pairs: Vec<Pair>,
}

/// All pairs of a page by their labels in words.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    by_label: HashMap<String, Labelled>,
    count: usize,
}

/// A field's candidates among the pairs.
pub(super) fn candidates(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let pairs = view.pairs();
    let named = pairs.by_label.iter().filter_map(|(label, labelled)| {
        let close = wanted.labelled_so(label, &labelled.stem).or_else(|| wanted.ends_labelled(&labelled.stem))?;
        Some((label, close, &labelled.pairs))
    });
    // In the order of the page, so that a page always reads the same.
    let mut named: Vec<(&String, i32, &Vec<Pair>)> = named.collect();
    named.sort_by_key(|(label, _, found)| (found.first().map(|pair| pair.at), *label));
    for (label, close, found) in named {
        for pair in found.iter().take(20) {
            // A single amount is no upper end.
            if wanted.has(Trait::Upper)
                && close <= 7
                && !pair.values.iter().any(|v| crate::scalar::upper_end(v).is_some())
            {
                continue;
            }
            if !names_end(wanted, label) && !pair.values.iter().any(|v| wanted.may_be(v)) {
                continue;
            }
            let zone = view.doc.els.get(pair.at).map(|e| e.zone).unwrap_or_default();
            let outside = if zone.has(Zone::FOOTER) || zone.has(Zone::ASIDE) { -8 } else { 0 };
            // The first of several is the page's own.
            let late = i32::try_from(pair.at * 6 / view.doc.els.len().max(1)).unwrap_or(6);
            // Of lines below a label, what is called by a few words is the first.
            let whole = pair.form != ABOVE || wanted.is_array() || matches!(wanted.shape(), Shape::Long | Shape::List);
            let value = |v: &String| if whole { v.clone() } else { v.lines().next().unwrap_or_default().to_owned() };
            let value = |v: &String| places::asked(wanted, value(v));
            let values = pair.values.iter().map(|v| Value::String(value(v))).collect();
            let reason = format!("label \"{label}\" ({})", pair.form);
            out.push(Candidate::new(Source::Pair, values, reason).scored(pair.trust + close + outside - late));
        }
    }
}

/// Whether a label names the end of a range itself: "Maximum players".
fn names_end(wanted: &Wanted<'_>, label: &str) -> bool {
    label.split(' ').any(|w| match wanted.end {
        Some(End::Upper) => Phrases::UpperEnd.has(w),
        Some(End::Lower) => Phrases::LowerEnd.has(w),
        None => false,
    })
}

/// The pairs that elements and lines set apart.
pub(super) fn collect(doc: &Doc<'_>) -> Pairs {
    let mut pairs = Pairs::default();
    for at in 0..doc.els.len() {
        if pairs.count >= MAX_PAIRS {
            break;
        }
        let el = &doc.els[at];
        if el.zone.has(Zone::NAV) || el.zone.has(Zone::RELATED) || el.zone.has(Zone::COMMENTS) {
            continue;
        }
        let size = doc.text_len(at);
        match el.name() {
            "tr" => row(doc, at, &mut pairs),
            "dt" if size <= MAX_VALUE => {
                let mut values = Vec::new();
                let mut next = doc.next(at);
                while let Some(dd) = next.filter(|n| doc.els[*n].name() == "dd" && values.len() < 50) {
                    values.push(doc.lines(dd).to_owned());
                    next = doc.next(dd);
                }
                pairs.add(at, &doc.text(at), values, "definition", 6);
            }
            "table" => columns(doc, at, &mut pairs),
            _ if (2..=MAX_VALUE * 8).contains(&size) => {
                for name in ["data-label", "data-title", "data-th"] {
                    if let Some(label) = el.attr(name).filter(|l| l.len() <= MAX_LABEL) {
                        pairs.add(at, label, vec![doc.text(at)], "attribute", 0);
                    }
                }
                if size <= MAX_LABEL {
                    element(doc, at, &mut pairs);
                }
                if size <= MAX_VALUE {
                    lines(doc, at, &mut pairs);
                }
            }
            _ => {}
        }
    }
    pairs
}

impl Pairs {
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
        let new = |label: &str| Labelled { stem: singular(label).into_owned(), pairs: Vec::new() };
        self.by_label.entry(label).or_insert_with_key(|label| new(label)).pairs.push(pair);
    }
}

/// Rows of a label and its value, or of two labels with a value each.
fn row(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let cells: Vec<usize> = doc.children(at).take(9).collect();
    // A row that lays out the page is none.
    if doc.text_len(at) > MAX_VALUE * 8 {
        return;
    }
    match cells[..] {
        [label, value] => {
            pairs.add(at, &doc.text(label), vec![doc.lines(value).to_owned()], "table row", 6);
            // "Weight", and below it "net".
            if let Some((first, _)) = doc.lines(label).split_once('\n') {
                pairs.add(at, first, vec![doc.lines(value).to_owned()], "table row", 4);
            }
        }
        [a, b, c, d] if is_label(doc, a) && is_label(doc, c) => {
            pairs.add(at, &doc.text(a), vec![doc.text(b)], "table row", 4);
            pairs.add(at, &doc.text(c), vec![doc.text(d)], "table row", 4);
        }
        // A label with several values; an empty cell in between says nothing.
        [label, ref rest @ ..] if doc.els[label].name() == "th" && rest.len() > 1 => {
            pairs.add(at, &doc.text(label), rest.iter().map(|c| doc.text(*c)).collect(), "table row", -2);
        }
        _ => {}
    }
}

/// Whether a cell is a label: by its element, by its class, or by a colon at its end.
fn is_label(doc: &Doc<'_>, cell: usize) -> bool {
    doc.els[cell].name() == "th" || doc.lines(cell).ends_with(':') || doc.marked(cell, "label")
}

/// A table whose first row names the columns: each column is a list, or a value where there is one row more.
fn columns(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let rows: Vec<usize> = doc.below(at).filter(|i| doc.els[*i].name() == "tr").take(1_001).collect();
    let Some((head, body)) = rows.split_first() else { return };
    let heads: Vec<usize> = doc.children(*head).take(31).collect();
    if body.is_empty() || heads.len() < 2 || heads.len() > 30 || !heads.iter().all(|h| doc.els[*h].name() == "th") {
        return;
    }
    let mut columns = vec![Vec::new(); heads.len()];
    for row in body {
        let cells: Vec<usize> = doc.children(*row).take(31).collect();
        if cells.len() == heads.len() {
            for (column, cell) in columns.iter_mut().zip(cells) {
                column.push(doc.text(cell));
            }
        }
    }
    for (head, column) in heads.iter().zip(columns) {
        pairs.add(*head, &doc.text(*head), column, "table column", 2);
    }
}

/// A short element that labels what stands beside it.
fn element(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let el = &doc.els[at];
    if !doc.is_line(at) || matches!(el.name(), "a" | "button" | "option" | "td" | "li" | "html" | "body") {
        return;
    }
    let text = doc.lines(at);
    let colon = text.ends_with([':', '：']);
    let marks = doc.marks(at);
    let marked = LABEL_MARKS.iter().any(|m| crate::doc::has_words(marks, m));
    let bold = matches!(el.name(), "strong" | "b" | "label" | "th" | "h3" | "h4" | "h5" | "h6");
    // Text right behind a label is its value, not the element behind that.
    if let Some(next) = doc.next(at).filter(|next| !doc.is_apart(at, *next)) {
        let value = doc.lines(next).to_owned();
        if !value.is_empty() && value.len() <= MAX_VALUE && (colon || marked || bold) {
            let trust = if colon {
                5
            } else if marked {
                3
            } else {
                0
            };
            let form = if colon { "element with a colon" } else { "element before another" };
            pairs.add(at, text, vec![value], form, trust);
            return;
        }
        // Two short elements alone in a third.
        if doc.next(next).is_none()
            && doc.children(el.parent).next() == Some(at)
            && (1..=120).contains(&value.len())
            && doc.is_line(next)
        {
            pairs.add(at, text, vec![value.clone()], "first of two", -6);
            // What has a label of its own is none.
            if !value.contains([':', '：']) {
                pairs.add(at, &value, vec![doc.text(at)], "second of two", -10);
            }
            return;
        }
    }
    if colon || marked || bold {
        let rest = crate::coercion::collapse(doc.rest(at).lines().next().unwrap_or_default());
        let rest = rest.trim_start_matches([':', ' ', '–', '-']).to_owned();
        if !rest.is_empty() && rest.len() <= MAX_VALUE {
            pairs.add(at, text, vec![rest], "element before text", if colon { 5 } else { 1 });
        } else if (colon || marked)
            && doc.text_len(el.parent) <= doc.text_len(at) + 2
            && let Some(next) = doc.next(el.parent)
        {
            // A label wrapped alone: its value is what comes after the wrapping.
            let value = doc.lines(next).to_owned();
            if value.len() <= MAX_VALUE {
                pairs.add(at, text, vec![value], "wrapped label", 1);
            }
        }
    }
}

/// Lines that are a label and its value by themselves.
fn lines(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let el = &doc.els[at];
    if !crate::doc::is_block(el.name()) && !matches!(el.name(), "span" | "b" | "strong" | "em" | "small") {
        return;
    }
    // Only what holds no further blocks: the lines of those are looked at there.
    let holds_blocks = doc.children(at).any(|c| crate::doc::is_block(doc.els[c].name()) && doc.els[c].name() != "br");
    if holds_blocks {
        return;
    }
    for line in doc.lines(at).lines().take(40).flat_map(pieces) {
        if let Some((label, value)) = line.split_once([':', '：']) {
            let value = crate::coercion::collapse(value);
            // Times of day and addresses are no pairs.
            if !value.is_empty() && !value.starts_with("//") && !is_clock(label, &value) {
                pairs.add(at, label, vec![value], "line with a colon", 2);
            }
        } else if line.len() <= 48
            && let Some(digit) = line.find(|c: char| c.is_ascii_digit() || "½¼¾⅓⅔".contains(c))
        {
            let (label, value) = line.split_at(digit);
            if label.trim().is_empty() {
                let unit = value.trim_start_matches(|c: char| !c.is_alphabetic());
                pairs.add(at, unit, vec![value.to_owned()], "number with a unit", -8);
            } else {
                pairs.add(at, label, vec![value.to_owned()], "words and a number", -4);
            }
        }
    }
}

/// The parts of a line that dots or strokes set apart, where they are facts of their own: labelled, or all short.
fn pieces(line: &str) -> Vec<&str> {
    if !line.contains(['·', '•', '|']) {
        return vec![line];
    }
    let pieces: Vec<&str> = line.split(['·', '•', '|']).map(str::trim).filter(|p| !p.is_empty()).collect();
    let labelled = pieces.iter().filter(|p| p.contains([':', '：'])).count();
    let short = pieces.iter().all(|p| p.len() <= MAX_PIECE);
    let facts = pieces.len() > 1 && (labelled > 1 || labelled == 0 && short);
    if facts { pieces } else { vec![line] }
}

/// Whether what stands around a colon is a time of day.
pub(super) fn is_clock(label: &str, value: &str) -> bool {
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    label.ends_with(|c: char| c.is_ascii_digit()) && (digits == 2 || digits == 0)
}

//! Finds lists: under a heading that names them, breadcrumbs, tags.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::concept::{Concept, Trait};
use crate::doc::Doc;
use crate::field_query::FieldQuery;
use crate::vocabulary::{singular, words};
use crate::zones::Zone;

use super::steps;
use super::view::View;

/// Maximum number of items of a list.
const MAX_ITEMS: usize = 500;
/// Maximum length of an item, in bytes.
const MAX_ITEM: usize = 3_000;
/// Maximum length of a heading that can name a list, in bytes.
const MAX_HEADING: usize = 80;
/// Maximum number of elements after a heading that a list may span.
const MAX_REACH: usize = 3_000;
/// Words that begin the heading of a part of a list.
const PART_PREFIXES: [&str; 8] = ["for ", "für ", "pour ", "para ", "per ", "voor ", "do ", "na "];

/// Adds the lists under headings that name the field.
pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    if query.has(Trait::Lines) {
        without_heading(view, query, out);
    }
    let mut found = 0;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        if !(3..=MAX_HEADING).contains(&size) || el.zone.is_surroundings() || !doc.is_line(at) {
            continue;
        }
        let level = level(el.name());
        let may_be_heading = level.is_some()
            || matches!(
                el.name(),
                "strong"
                    | "b"
                    | "p"
                    | "div"
                    | "span"
                    | "legend"
                    | "dt"
                    | "th"
                    | "caption"
                    | "label"
                    | "button"
                    | "a"
                    | "u"
                    | "em"
            );
        let Some(close) = may_be_heading.then(|| heading_closeness(query, doc.lines(at), level.is_some())).flatten()
        else {
            continue;
        };
        found += 1;
        if found > 24 {
            break;
        }
        let region = region(doc, at, level, query);
        let items = items(doc, region.clone());
        if items.len() < 2 && !(items.len() == 1 && items[0].len() > 40) {
            continue;
        }
        let head = if level.is_some() { 4 } else { 0 };
        let fit = plausibility(query, &items);
        let reason = format!("{} items under \"{}\", {fit:+} for how they look", items.len(), doc.lines(at));
        let values = items.into_iter().map(Value::String).collect();
        out.push(Candidate::new(Source::List, values, reason).adjusted(close - 8 + head + fit));
    }
}

/// Adds lists without a heading, by their look: for ingredients, amounts and short lines; for steps, sentences in a
/// numbered list or in the paragraphs after the ingredients.
fn without_heading(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let mut ingredients: Option<(i32, usize, Vec<String>)> = None;
    let mut numbered: Option<Vec<String>> = None;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        if !matches!(el.name(), "ul" | "ol") || el.zone.is_surroundings() || doc.text_len(at) < 20 {
            continue;
        }
        let found = items(doc, doc.descendants(at));
        if found.len() < 3 {
            continue;
        }
        let amounts = found.iter().filter(|i| i.starts_with(|c: char| c.is_numeric()) && i.len() < 160).count();
        let average = found.iter().map(String::len).sum::<usize>() / found.len();
        if amounts * 10 >= found.len() * 5 && average < 90 {
            let fit = i32::try_from(amounts.min(20)).unwrap_or(20);
            if ingredients.as_ref().is_none_or(|(best, ..)| fit > *best) {
                ingredients = Some((fit, at, found));
            }
        } else if el.name() == "ol" && average > 40 && amounts * 3 < found.len() && numbered.is_none() {
            numbered = Some(found);
        }
    }
    let values = |items: Vec<String>| items.into_iter().map(Value::String).collect::<Vec<_>>();
    if query.is(Concept::Instruction) {
        let steps = steps::below_headings(doc);
        if steps.len() > 1 {
            out.push(Candidate::new(Source::List, values(steps), "text below \"Step 1\" and the following steps"));
        }
    }
    match (query.concept, ingredients, numbered) {
        (Some(Concept::Ingredient), Some((_, _, found)), _) => {
            out.push(Candidate::new(Source::List, values(found), "a list of amounts").adjusted(-12));
        }
        (Some(Concept::Instruction), _, Some(found)) => {
            out.push(Candidate::new(Source::List, values(found), "a numbered list of sentences").adjusted(-12));
        }
        (Some(Concept::Instruction), Some((_, at, _)), None) => {
            let end = region(doc, at, Some(3), query);
            let paragraphs: Vec<String> = end
                .filter(|i| doc.els[*i].name() == "p" && doc.text_len(*i) > 30)
                .map(|i| doc.text(i))
                .take(MAX_ITEMS)
                .collect();
            if paragraphs.len() > 1 {
                let reason = "paragraphs after a list of amounts";
                out.push(Candidate::new(Source::List, values(paragraphs), reason).adjusted(-16));
            }
        }
        _ => {}
    }
}

fn level(name: &str) -> Option<usize> {
    match name.as_bytes() {
        [b'h', n @ b'1'..=b'6'] => Some(usize::from(n - b'0')),
        _ => None,
    }
}

/// Returns how closely a heading names a field.
fn heading_closeness(query: &FieldQuery<'_>, heading: &str, is_heading_element: bool) -> Option<i32> {
    let bare = heading.split(['(', '|', '–']).next().unwrap_or(heading).trim().trim_end_matches([':', '：']);
    let label = words(bare);
    if label.is_empty() {
        return None;
    }
    if let Some(close) = query.closeness(&label) {
        return Some(close).filter(|close| *close > 6 || !query.is_numbered());
    }
    if !is_heading_element || query.is_numbered() {
        return None;
    }
    // "Ingredients for the dough", "Kettle directions", "How to make soup".
    let all: Vec<&str> = label.split(' ').collect();
    let known = |part: &[&str]| query.closeness(&part.join(" ")).is_some();
    let starts = (1..=3).any(|n| all.len() > n && known(&all[..n]));
    let ends = (1..=2).any(|n| all.len() > n && known(&all[all.len() - n..]));
    (all.len() <= 8 && (starts || ends)).then_some(3)
}

/// Returns the elements that a heading covers: those after it, up to a heading that does not belong to it.
fn region(doc: &Doc<'_>, at: usize, level_of_heading: Option<usize>, query: &FieldQuery<'_>) -> std::ops::Range<usize> {
    let start = doc.els[at].end;
    let mut items = 0;
    for i in start..doc.els.len().min(start + MAX_REACH) {
        let el = &doc.els[i];
        if el.zone.has(Zone::COMMENTS)
            || el.zone.has(Zone::RELATED)
            || el.zone.has(Zone::FOOTER)
            || el.zone.has(Zone::NAV)
        {
            return start..i;
        }
        items += usize::from(matches!(el.name(), "li" | "p" | "tr"));
        let size = doc.text_len(i);
        if let Some(level) = level(el.name()) {
            let text = doc.lines(i).to_lowercase();
            let own = PART_PREFIXES.iter().any(|p| text.starts_with(p)) || text.ends_with(':');
            if (level_of_heading.is_some_and(|l| level <= l) && !own) || is_other_heading(doc.lines(i), query) {
                return start..i;
            }
            if level_of_heading.is_none() && items > 1 && !own {
                return start..i;
            }
        } else if (3..=40).contains(&size) && items > 0 && doc.is_line(i) && is_other_heading(doc.lines(i), query) {
            return start..i;
        }
    }
    start..doc.els.len().min(start + MAX_REACH)
}

/// Returns whether a heading names another list or the end of this one.
fn is_other_heading(heading: &str, query: &FieldQuery<'_>) -> bool {
    let label = words(heading.trim_end_matches(':'));
    if matches!(
        label.as_str(),
        "notes"
            | "note"
            | "tips"
            | "tip"
            | "recipe notes"
            | "nutrition"
            | "nutrition facts"
            | "nutritional information"
            | "equipment"
            | "video"
            | "comments"
            | "reviews"
            | "related"
            | "you may also like"
            | "share"
            | "faq"
            | "tags"
            | "serving suggestions"
    ) {
        return true;
    }
    let stem = singular(&label);
    let mut lists = Concept::ALL.iter().filter(|c| c.has(Trait::Lines) && !query.is(**c)).map(|c| c.words());
    lists.any(|w| w.names.iter().any(|n| *n == label || *n == stem) || w.labels.contains(&label))
}

/// Returns the items of a range of the page: list items, else table rows, else paragraphs, else lines.
pub(super) fn items(doc: &Doc<'_>, region: std::ops::Range<usize>) -> Vec<String> {
    let end = region.end;
    let texts_of = |name: &str| -> Vec<String> {
        let mut out = Vec::new();
        let mut skip = region.start;
        for i in region.clone() {
            let el = &doc.els[i];
            if i < skip || el.name() != name || el.end > end || el.zone.has(Zone::HIDDEN) {
                continue;
            }
            // Only the items of the innermost list count.
            let nested = name == "li" && doc.descendants(i).any(|b| doc.els[b].name() == "li");
            if nested {
                continue;
            }
            skip = el.end;
            let text = doc.text(i);
            if (1..=MAX_ITEM).contains(&text.len()) {
                out.push(text);
            }
        }
        out.truncate(MAX_ITEMS);
        out
    };
    let lists = texts_of("li");
    if lists.len() > 1 {
        return lists;
    }
    let rows = texts_of("tr");
    if rows.len() > 1 {
        return rows;
    }
    let mut paragraphs = Vec::new();
    for i in region.clone() {
        if doc.els[i].name() == "p" && doc.els[i].end <= end {
            paragraphs.extend(
                doc.lines(i).lines().map(crate::coercion::collapse).filter(|l| (2..=MAX_ITEM).contains(&l.len())),
            );
        }
    }
    if !paragraphs.is_empty() {
        paragraphs.truncate(MAX_ITEMS);
        return paragraphs;
    }
    let mut lines: Vec<String> = doc
        .text_between(region.start, end)
        .lines()
        .map(crate::coercion::collapse)
        .filter(|l| (2..=MAX_ITEM).contains(&l.len()))
        .take(MAX_ITEMS)
        .collect();
    lines.dedup();
    lines
}

/// Returns how much the items look like what is asked for.
fn plausibility(query: &FieldQuery<'_>, items: &[String]) -> i32 {
    // In tenths.
    let share = |test: &dyn Fn(&str) -> bool| {
        let count = items.iter().filter(|i| test(i)).count() * 10 / items.len().max(1);
        i32::try_from(count).unwrap_or(10)
    };
    match query.concept {
        Some(Concept::Ingredient) => {
            let amount = share(&|i| i.chars().any(char::is_numeric));
            let short = share(&|i| i.chars().count() <= 120);
            amount + short - 13
        }
        Some(Concept::Instruction) => share(&|i| i.chars().count() > 30 && i.contains(' ')) * 2 - 10,
        _ => 0,
    }
}

/// Adds tags: links marked as such.
pub(super) fn tags(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let links = (0..doc.els.len()).filter(|at| {
        let el = &doc.els[*at];
        el.name() == "a" && el.attr("rel").is_some_and(|r| r.split_whitespace().any(|r| r == "tag"))
    });
    let mut values: Vec<Value> = Vec::new();
    for text in links.map(|at| doc.text(at)).filter(|t| !t.is_empty()).take(100) {
        if !values.iter().any(|v| v == &text) {
            values.push(text.into());
        }
    }
    if !values.is_empty() {
        out.push(Candidate::new(Source::List, values, "links with rel=tag").adjusted(6));
    }
}

/// Adds breadcrumbs or, for a category, the last of them that is not the page itself.
pub(super) fn breadcrumbs(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let holder = (0..doc.els.len()).find(|at| {
        let el = &doc.els[*at];
        let label = el.attr("aria-label").is_some_and(|l| l.to_lowercase().contains("breadcrumb"));
        (label || el.zone.has(Zone::BREADCRUMBS)) && (3..=400).contains(&doc.text_len(*at))
    });
    let Some(holder) = holder else { return };
    let mut parts = items(doc, doc.descendants(holder));
    if parts.len() < 2 {
        parts = doc.descendants(holder).filter(|i| doc.els[*i].name() == "a").map(|i| doc.text(i)).collect();
    }
    if parts.len() < 2 {
        parts = doc.text(holder).split(['>', '›', '»', '/']).map(|p| p.trim().to_owned()).collect();
    }
    for part in &mut parts {
        *part = part.trim_matches(|c: char| c.is_whitespace() || ">›»/|•".contains(c)).to_owned();
    }
    parts.retain(|p| !p.is_empty());
    if query.is(Concept::Category) && !query.is_array() {
        let title = view.head.h1.as_deref().unwrap_or_default();
        let last = parts.iter().rev().find(|p| p.as_str() != title && p.to_lowercase() != "home");
        if let Some(last) = last {
            out.push(Candidate::text(Source::List, last.clone(), "last breadcrumb").adjusted(-10));
        }
    } else if parts.len() > 1 {
        let values = parts.into_iter().map(Value::String).collect();
        out.push(Candidate::new(Source::List, values, "breadcrumbs").adjusted(6));
    }
}

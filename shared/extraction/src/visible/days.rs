//! Finds days on the page: `time` elements, dates in lines near the heading, and in the address.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::concept::Concept;
use crate::dateline;
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::attributes::is_outside;
use super::view::View;

/// Maximum length of a line without a digit that may name a day, in bytes.
const MAX_RELATIVE_DAY: usize = 60;

pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let asked = match query.concept {
        Some(Concept::Modified) => DayKind::Modified,
        Some(Concept::StartDate) => DayKind::Start,
        _ => DayKind::Published,
    };
    let modified = asked == DayKind::Modified;
    let mut checked = 0;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let zone = el.zone;
        if is_outside(zone) {
            continue;
        }
        let size = doc.text_len(at);
        let near = match view.distance(at) {
            -400..0 => 4,
            0..800 => 10,
            800..3_000 => 2,
            3_000..8_000 => -4,
            _ => -10,
        };
        let outside = if zone.has(Zone::COMMENTS) {
            -30
        } else if zone.has(Zone::FOOTER) || zone.has(Zone::ASIDE) {
            -14
        } else {
            0
        };
        if el.name() == "time" || el.attr("datetime").is_some() {
            let text = doc.text(at);
            let value = el.attr("datetime").filter(|v| coercion::reads_as_day(v, &view.reading)).unwrap_or(&text);
            if !coercion::reads_as_day(value, &view.reading) {
                continue;
            }
            let around = words_around(view, at);
            let kind = kind_score(&around, asked);
            let value = Value::String(value.to_owned());
            out.push(
                Candidate::new(
                    Source::Pattern,
                    vec![value],
                    format!("time element, {near:+} for its place, {kind:+} for the words around it"),
                )
                .adjusted(12 + near + kind + outside),
            );
            continue;
        }
        // A short line that contains a date. Its innermost element comes last and serves as well.
        if (6..=120).contains(&size) && doc.is_line(at) && checked < 3_000 {
            let line = doc.lines(at);
            let is_relative_day = || size <= MAX_RELATIVE_DAY && near > 0 && coercion::may_name_relative_day(line);
            if !line.bytes().any(|b| b.is_ascii_digit()) && !line.chars().any(char::is_numeric) && !is_relative_day() {
                continue;
            }
            checked += 1;
            if el.end > at + 1 && doc.children(at).any(|c| doc.text_len(c) == size) {
                continue;
            }
            let line = sentence_with_day(line);
            let part = dateline::part_about(line, modified);
            let line = part.as_deref().unwrap_or(line);
            let Some(found) = coercion::find_day(line, &view.reading) else { continue };
            let rest = line.chars().count().saturating_sub(found.length);
            // A part of a line has its own words, so the words around the line do not count.
            let mut around = if part.is_some() { String::new() } else { words_around(view, at) };
            around.push_str(&line.to_lowercase());
            let kind = kind_score(&around, asked);
            // The more of the line is something else, the less likely it is a dateline.
            let bare = if rest <= 24 {
                4
            } else if rest <= 60 {
                0
            } else {
                -10
            };
            let marked = if doc.marks(at).contains("date") || doc.marks(at).contains("time") { 4 } else { 0 };
            out.push(
                Candidate::text(
                    Source::Pattern,
                    found.day,
                    format!("date in a line, {near:+} for its place, {kind:+} for the words around it"),
                )
                .adjusted(near + kind + outside + bare + marked),
            );
        }
    }
    if asked == DayKind::Published && out.is_empty() {
        let news =
            view.segments().iter().filter(|s| s.text.len() > 120).take(20).find_map(|s| dateline_of_news(s.text));
        if let Some(found) = news.and_then(|line| coercion::find_day(line, &view.reading)) {
            out.push(Candidate::text(Source::Pattern, found.day, "where and when a paragraph was written"));
        }
    }
    if out.is_empty() && !modified {
        day_on_line(view, asked, out);
    }
    if !modified && let Some(day) = day_in_path(view.url.path()) {
        out.push(Candidate::text(Source::Address, day, "day in the address").adjusted(22));
    }
}

/// Maximum length of a line that is a day and little else, in bytes.
const MAX_LINE: usize = 40;

/// Adds a day on a line that no element sets apart.
fn day_on_line(view: &View<'_>, asked: DayKind, out: &mut Vec<Candidate>) {
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_LINE).take(200) {
        let Some(found) = coercion::find_day(segment.text, &view.reading) else { continue };
        let rest = segment.text.chars().count().saturating_sub(found.length);
        if rest <= 24 {
            let change = kind_score(&segment.text.to_lowercase(), asked);
            out.push(Candidate::text(Source::Pattern, found.day, "a line that is a day").adjusted(change));
            return;
        }
    }
}

/// Maximum length of the words before an element that tell what kind of day it is, in characters.
const MAX_WORDS_BEFORE: usize = 28;

/// Returns the marks of an element and its parent, and the words before it, which tell what kind of day it is.
fn words_around(view: &View<'_>, at: usize) -> String {
    let doc = view.doc;
    let mut around = doc.marks(at).to_owned();
    let parent = doc.els[at].parent;
    around.push_str(doc.marks(parent));
    let before = crate::doc::text_before(doc, at, MAX_WORDS_BEFORE).to_lowercase();
    around.push_str(dateline::since_last_label(&before));
    around
}

/// The kind of day asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum DayKind {
    Published,
    Modified,
    /// The start of an event.
    Start,
}

/// Returns what the words around a day contribute to its score, given the kind of day asked for.
fn kind_score(around: &str, asked: DayKind) -> i32 {
    if Phrases::OtherDays.all().any(|w| around.contains(w)) {
        return -40;
    }
    match (asked, dateline::mentions(around)) {
        (DayKind::Start, (true, _) | (_, true)) => -40,
        (DayKind::Modified, (true, false)) => 14,
        (DayKind::Modified, (false, true)) => -30,
        (DayKind::Modified, (false, false)) => -40,
        (DayKind::Published, (true, false)) => -7,
        (DayKind::Published, (false, true)) => 8,
        (_, (true, true) | (false, false)) => 0,
    }
}

/// Maximum length of the start of a paragraph that says where and when it was written ("PORTO, May 3, 2024 – "), in
/// bytes.
const MAX_DATELINE: usize = 70;

/// Returns the start of a news paragraph, up to the dash, if it names a place and a day.
fn dateline_of_news(text: &str) -> Option<&str> {
    let (line, _) = [" – ", " — ", " -- ", " - "].iter().find_map(|dash| text.split_once(dash))?;
    let may_be = line.len() <= MAX_DATELINE && line.starts_with(char::is_uppercase) && line.contains(',');
    (may_be && line.bytes().any(|b| b.is_ascii_digit())).then_some(line)
}

/// Returns the sentence of a line that may contain the day asked for, where others contain other days.
fn sentence_with_day(line: &str) -> &str {
    if !line.contains(". ") {
        return line;
    }
    let other = |t: &str| {
        let lower = t.to_lowercase();
        Phrases::OtherDays.all().any(|w| lower.contains(w))
    };
    let own = |t: &&str| t.bytes().any(|b| b.is_ascii_digit()) && !other(t);
    if other(line) { line.split(". ").find(own).unwrap_or(line) } else { line }
}

/// Finds `/2025/08/25/` in a path.
fn day_in_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split(['/', '-', '_']).collect();
    parts.windows(3).find_map(|w| {
        let [y, m, d] = w else { return None };
        let number =
            |t: &str, min: usize, max: usize| (min..=max).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_digit());
        let well_formed = number(y, 4, 4) && number(m, 1, 2) && number(d, 1, 2);
        (well_formed && (y.starts_with("19") || y.starts_with("20"))).then(|| format!("{y}-{m:0>2}-{d:0>2}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_addresses_are_found() {
        assert_eq!(day_in_path("/news/2025/8/25/x").as_deref(), Some("2025-08-25"));
        assert_eq!(day_in_path("/2025-08-25-title").as_deref(), Some("2025-08-25"));
        assert_eq!(day_in_path("/p/123456/12/13"), None);
    }
}

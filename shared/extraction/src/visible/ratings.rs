//! Finds ratings, their number, and reading times, in the formats that pages use.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::candidate::{Candidate, Source};
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;

use super::view::View;

/// Maximum length of a text examined, in bytes.
const MAX_TEXT: usize = 60;

/// Finders for what follows a rating and for what is counted. `None` only if a list is too big to compile, which a test
/// rules out.
static FINDERS: LazyLock<(Option<AhoCorasick>, Option<AhoCorasick>)> = LazyLock::new(|| {
    let finder = |list: Phrases| AhoCorasick::new(list.all()).ok();
    (finder(Phrases::BestRating), finder(Phrases::Reviews))
});

pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let wants_count = query.strategy() == crate::concept::Strategy::RatingCount;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        if el.zone.is_surroundings() {
            continue;
        }
        let size = doc.text_len(at);
        let shown = if (1..=MAX_TEXT).contains(&size) && doc.is_line(at) { Some(doc.lines(at)) } else { None };
        let labels = [el.attr("aria-label"), el.attr("title"), el.attr("alt"), shown];
        for text in labels.into_iter().flatten().filter(|t| (3..=MAX_TEXT).contains(&t.len())) {
            if !text.bytes().any(|b| b.is_ascii_digit()) {
                continue;
            }
            let lower = text.to_lowercase();
            let near = if (-600..3_000).contains(&view.distance(at)) { 4 } else { -6 };
            let found = if wants_count {
                read_count(&lower)
            } else {
                rating_out_of(&lower).or_else(|| rating_beside_star(&lower))
            };
            if let Some(found) = found {
                let reason = if wants_count { "a number of reviews" } else { "a number out of a maximum" };
                // A rating with the number of raters is the overall one.
                let star_bonus = i32::from(rating_beside_star(&lower).is_some() && read_count(&lower).is_some()) * 8;
                out.push(Candidate::text(Source::Pattern, found, reason).adjusted(near + star_bonus));
            }
        }
        if out.len() > 200 {
            break;
        }
    }
}

/// Adds ratings from text that no element sets apart.
pub(super) fn in_text(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let wants_count = query.strategy() == crate::concept::Strategy::RatingCount;
    for segment in
        view.segments().iter().filter(|s| s.is_source_line && (3..=MAX_TEXT).contains(&s.text.len())).take(500)
    {
        let lower = segment.text.to_lowercase();
        if let Some(found) =
            if wants_count { read_count(&lower) } else { rating_out_of(&lower).or_else(|| rating_beside_star(&lower)) }
        {
            out.push(Candidate::text(Source::Pattern, found, "a rating in loose text").adjusted(-4));
        }
    }
}

/// Reads `4.5 out of 5`, `4,5/5`, `4.5 stars`.
fn rating_out_of(text: &str) -> Option<String> {
    let found = FINDERS.0.as_ref()?.find_overlapping_iter(text);
    let at = found.min_by_key(|f| (f.pattern(), f.start()))?.start();
    let before = text.get(..at)?.trim_end();
    let start = before
        .rfind(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')))
        .map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let number = before.get(start..)?;
    let value: f64 = number.replace(',', ".").parse().ok()?;
    ((0.0..=10.0).contains(&value)).then(|| number.replace(',', "."))
}

/// Reads `★ 4.7`, `4.7 ★`, `4.7 (1,032 reviews)`. Requires a decimal; otherwise the number counts stars.
fn rating_beside_star(text: &str) -> Option<String> {
    let rating = |t: &str| {
        let value = t.replace(',', ".").parse::<f64>().ok()?;
        let well_formed = t.len() <= 4 && t.contains(['.', ',']) && (0.0..=10.0).contains(&value);
        well_formed.then(|| t.replace(',', "."))
    };
    if let Some(star) = text.find(['★', '⭐']) {
        let before = text[..star].split_whitespace().next_back().and_then(rating);
        let behind =
            || text[star..].trim_start_matches(['★', '⭐', '☆', ' ', '\u{fe0f}']).split([' ', '(', '/']).next();
        return before.or_else(|| behind().and_then(rating));
    }
    let (before, rest) = text.split_once(" (")?;
    read_count(rest).and_then(|_| rating(before.split_whitespace().next_back()?))
}

/// Reads `1,204 reviews`, `(32 ratings)`, `Reviews (7)`.
fn read_count(text: &str) -> Option<String> {
    let mut words: Vec<usize> = FINDERS.1.as_ref()?.find_overlapping_iter(text).map(|f| f.start()).collect();
    words.dedup();
    if words.is_empty() && (FINDERS.0.as_ref()?.is_match(text) || text.contains('★')) {
        // "4.8 / 5 by 97 customers", "7.9/10 from 4,512 users"
        return rater_count(text);
    }
    words.iter().find_map(|at| count_before(text, *at)).or_else(|| words.iter().find_map(|at| count_after(text, *at)))
}

fn is_count(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '.' | ',' | 'k' | ' ' | '\u{a0}')
}

/// Returns how many people a rating is from.
fn rater_count(text: &str) -> Option<String> {
    let (at, _) = Phrases::Raters.find(text)?;
    let before = text.get(..at)?.split_whitespace().next_back()?;
    let number = before.trim_start_matches('(');
    (number.starts_with(|c: char| c.is_ascii_digit()) && number.chars().all(is_count)).then(|| number.to_owned())
}

fn count_before(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?;
    let number = before.trim_end_matches(|c: char| !c.is_ascii_digit() && c != 'k');
    let start =
        number.rfind(|c: char| !is_count(c)).map_or(0, |i| i + number[i..].chars().next().map_or(1, char::len_utf8));
    let number = number.get(start..)?.trim();
    // "4,5/5 von 318 Bewertungen" counts; "4.5 out of 5 reviews" does not.
    (number.bytes().any(|b| b.is_ascii_digit()) && !before.contains("out of")).then(|| number.to_owned())
}

fn count_after(text: &str, at: usize) -> Option<String> {
    let after = text.get(at..)?;
    let inside = after.get(after.find('(')? + 1..)?.split(')').next()?.trim();
    (!inside.is_empty() && inside.chars().all(is_count)).then(|| inside.to_owned())
}

/// Reads `5 min read`.
pub(super) fn reading_time(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        if !(6..=40).contains(&doc.text_len(at)) || doc.els[at].zone.is_surroundings() {
            continue;
        }
        let text = doc.text(at).to_lowercase();
        let reads =
            ["read", "lese", "lecture", "lectura", "lettura", "leitura", "lees"].iter().any(|w| text.contains(w));
        if reads && text.contains("min") && text.bytes().any(|b| b.is_ascii_digit()) {
            out.push(Candidate::text(Source::Pattern, text, "minutes to read"));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_and_counts_are_read() {
        assert!(FINDERS.0.is_some() && FINDERS.1.is_some());
        for (text, want) in [("4.5 out of 5 stars", "4.5"), ("rated 4,5/5", "4.5"), ("4 stars", "4")] {
            assert_eq!(rating_out_of(text).as_deref(), Some(want), "{text}");
        }
        for (text, want) in [
            ("valutazione: 4,4/5 (318 recensioni)", "318"),
            ("1,204 reviews", "1,204"),
            ("(32 ratings)", "32"),
            ("reviews (7)", "7"),
            ("4.5 (12 votes)", "12"),
        ] {
            assert_eq!(read_count(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(rating_out_of("call 555/5"), None);
        assert_eq!(read_count("reviews"), None);
    }
}

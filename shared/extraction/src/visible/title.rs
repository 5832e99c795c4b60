//! Finds the title: the page's heading, checked against the head; titles without the site's name.

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::page_title::{agreement, without_site, without_suffix};
use crate::phrases::Phrases;

use super::view::View;

/// Maximum number of first-level headings examined.
const MAX_HEADINGS: usize = 6;

pub(super) fn candidates(view: &View<'_>, out: &mut Vec<Candidate>) {
    let (doc, head) = (view.doc, view.head);
    let og = head.metas("og:title").first().map(String::as_str);
    let others: Vec<String> =
        [og, head.title.as_deref()].into_iter().flatten().map(|t| without_site(t, head)).collect();
    let headings = (0..doc.els.len()).filter(|at| {
        let el = &doc.els[*at];
        el.name() == "h1" && (Some(*at) == doc.heading || !el.zone.is_surroundings())
    });
    for (order, at) in headings.take(MAX_HEADINGS).enumerate() {
        let h1 = doc.text(at);
        // Documentation ends its headings with a link to themselves.
        let h1 = without_suffix(h1.trim_end_matches(['¶', '#', ' ']), head).to_owned();
        if h1.is_empty() || h1.chars().count() > 300 {
            continue;
        }
        let best_agreement = others.iter().map(|o| agreement(&h1, o)).max().unwrap_or(50);
        let slogan = others.iter().all(|o| word_count(&h1) * 10 > word_count(o) * 16) && !others.is_empty();
        let score = match best_agreement {
            // A heading that nothing in the head confirms is often a slogan or the site's name.
            _ if head.is_site_name(&h1) => -25,
            // Text after what both titles agree on is a source, a number or a slogan.
            100 if extends_titles(&h1, &others) || wraps_title(&h1, head.title.as_deref()) => 4,
            100 => 34,
            50.. if slogan && best_agreement < 70 => 4,
            50.. => 28,
            30.. => 4,
            _ => 2,
        };
        // A further heading counts only if it says exactly what the head says: pages of several parts have one for
        // each.
        let same = others.iter().any(|o| best_agreement == 100 && word_count(o) == word_count(&h1));
        let score = if order == 0 {
            score
        } else if same {
            score - 1
        } else {
            -25
        };
        let reason = format!("heading {}, agrees with a title of the head by {best_agreement}", order + 1);
        out.push(Candidate::text(Source::Heading, h1, reason).adjusted(score));
    }
    for (name, change) in [("og:title", 6), ("twitter:title", 2)] {
        if let Some(title) = head.metas(name).first() {
            out.push(Candidate::text(Source::Meta, without_site(title, head), name).adjusted(change));
        }
    }
    if let Some(title) = &head.title {
        // Names that editors give a page without a title.
        let is_unnamed = Phrases::MeaninglessTitles.has(&title.trim().to_lowercase());
        let change = if is_unnamed { -24 } else { 0 };
        // On a page without a heading, a title that occurs nowhere on it names a part of the site.
        let elsewhere = || !view.doc.all_text().contains(title.trim()) && title.split_whitespace().count() < 3;
        let line = first_line(view).filter(|_| is_unnamed || elsewhere());
        if let Some(line) = line {
            out.push(Candidate::text(Source::Pattern, line, "first line of a page without a name").adjusted(30));
        }
        out.push(Candidate::text(Source::Meta, without_site(title, head), "title element").adjusted(change));
    }
}

/// Returns the first line of a page that has no heading, if it can be a name.
fn first_line<'v>(view: &'v View<'_>) -> Option<&'v str> {
    let first = view.segments().first().filter(|_| view.doc.heading.is_none() && view.head.h1.is_none())?;
    let well_formed = (3..=80).contains(&first.text.len()) && !first.text.contains(':') && !first.text.ends_with('.');
    Some(first.text).filter(|t| well_formed && t.starts_with(char::is_uppercase))
}

/// Adds the number after the name of a thing: "Tidewatch 3.2.1".
pub(super) fn version(view: &View<'_>, out: &mut Vec<Candidate>) {
    for name in view.head.h1.iter().chain(&view.head.title) {
        let Some(last) = name.split_whitespace().nth(1).and_then(|_| name.split_whitespace().next_back()) else {
            continue;
        };
        let number = last.trim_start_matches(['v', 'V']);
        let dotted =
            number.contains('.') && number.split('.').all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        if dotted && number.len() <= 12 {
            out.push(Candidate::text(Source::Heading, number, "number after the title").adjusted(-12));
            return;
        }
    }
}

/// Adds the work that an event or a review belongs to: the page's title, up to the place that it names.
pub(super) fn work(view: &View<'_>, out: &mut Vec<Candidate>) {
    let named = |t: &&str| !Phrases::MeaninglessTitles.has(&t.trim().to_lowercase());
    let Some(title) = view.head.title.as_deref().or(view.head.h1.as_deref()).filter(named) else { return };
    let title = without_site(title, view.head);
    let work = [" at ", " @ "].iter().find_map(|at| title.split_once(at)).map_or(title.as_str(), |(work, _)| work);
    out.push(Candidate::text(Source::Heading, work, "the work that the title names").adjusted(-16));
}

/// Adds the text after "at" in a title: the place of an event, which has a day.
pub(super) fn place(view: &View<'_>, out: &mut Vec<Candidate>) {
    let title = view.head.h1.as_deref().or(view.head.title.as_deref()).unwrap_or_default();
    if let Some((_, place)) = title.split_once(" at ")
        && place.starts_with(char::is_uppercase)
        && place.split_whitespace().count() <= 4
        && !place.bytes().any(|b| b.is_ascii_digit())
        && view.segments().iter().take(60).any(|s| s.text.len() <= 80 && coercion::reads_as_day(s.text, &view.reading))
    {
        out.push(Candidate::text(Source::Heading, place, "text after \"at\" in the title").adjusted(-18));
    }
}

/// Returns whether a heading repeats both titles of the head and continues.
fn extends_titles(h1: &str, others: &[String]) -> bool {
    let [a, b] = others else { return false };
    let (a, b, h1) = (a.to_lowercase(), b.to_lowercase(), h1.to_lowercase());
    a == b && word_count(&a) > 3 && h1.len() > a.len() && h1.starts_with(&a)
}

/// Returns whether a heading is the head's title after a label, within a question or before a bracket: "Occupation:
/// Baker", "Where is Leer?", "Rowan (mountain ash)".
fn wraps_title(h1: &str, title: Option<&str>) -> bool {
    let title = title.unwrap_or_default().trim();
    let Some((before, after)) = h1.split_once(title).filter(|_| title.chars().count() > 3) else { return false };
    let bracket = before.is_empty() && after.starts_with(" (") && after.ends_with(')');
    (after.is_empty() && before.ends_with(": ")) || (!before.is_empty() && after.trim_start() == "?") || bracket
}

/// Returns how many words a text has.
fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

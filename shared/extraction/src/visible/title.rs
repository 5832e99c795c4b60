//! Finds the title: the page's heading, checked against the head; titles without the site's name.

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::head::Head;
use crate::phrases::Phrases;

use super::View;

/// Separators between a page's title and the site's name.
const SEPARATORS: [&str; 12] = [" | ", " – ", " — ", " - ", " · ", " :: ", " » ", " • ", " / ", " < ", " › ", " ~ "];

/// Most first-level headings examined.
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
        let agrees = others.iter().map(|o| agreement(&h1, o)).max().unwrap_or(50);
        let slogan = others.iter().all(|o| words_in(&h1) * 10 > words_in(o) * 16) && !others.is_empty();
        let score = match agrees {
            // A heading that nothing in the head confirms is often a slogan or the site's name.
            _ if head.is_site(&h1) => -25,
            // Text after what both titles agree on is a source, a number or a slogan.
            100 if extended(&h1, &others) || labels(&h1, head.title.as_deref()) => 4,
            100 => 34,
            50.. if slogan && agrees < 70 => 4,
            50.. => 28,
            30.. => 4,
            _ => 2,
        };
        // A further heading counts only if it says exactly what the head says: pages of several parts have one for
        // each.
        let same = others.iter().any(|o| agrees == 100 && words_in(o) == words_in(&h1));
        let score = if order == 0 {
            score
        } else if same {
            score - 1
        } else {
            -25
        };
        let reason = format!("heading {}, agrees by {agrees}", order + 1);
        out.push(Candidate::text(Source::Heading, h1, reason).scored(score));
    }
    for (name, change) in [("og:title", 6), ("twitter:title", 2)] {
        if let Some(title) = head.metas(name).first() {
            out.push(Candidate::text(Source::Meta, without_site(title, head), name).scored(change));
        }
    }
    if let Some(title) = &head.title {
        // Names that editors give a page without a title.
        let unnamed = Phrases::Unnamed.has(&title.trim().to_lowercase());
        let change = if unnamed { -24 } else { 0 };
        // On a page without a heading, a title that occurs nowhere on it names a part of the site.
        let elsewhere = || !view.doc.all_text().contains(title.trim()) && title.split_whitespace().count() < 3;
        let line = first_line(view).filter(|_| unnamed || elsewhere());
        if let Some(line) = line {
            out.push(Candidate::text(Source::Pattern, line, "first line of a page without a name").scored(30));
        }
        out.push(Candidate::text(Source::Meta, without_site(title, head), "title element").scored(change));
    }
}

/// Returns the first line of a page that has no heading, if it can be a name.
fn first_line<'v>(view: &'v View<'_>) -> Option<&'v str> {
    let first = view.segments().first().filter(|_| view.doc.heading.is_none() && view.head.h1.is_none())?;
    let shaped = (3..=80).contains(&first.text.len()) && !first.text.contains(':') && !first.text.ends_with('.');
    Some(first.text).filter(|t| shaped && t.starts_with(char::is_uppercase))
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
            out.push(Candidate::text(Source::Heading, number, "number behind the title").scored(-12));
            return;
        }
    }
}

/// Adds the work that an event or a review is of: the page's title, up to the place that it names.
pub(super) fn work(view: &View<'_>, out: &mut Vec<Candidate>) {
    let named = |t: &&str| !Phrases::Unnamed.has(&t.trim().to_lowercase());
    let Some(title) = view.head.title.as_deref().or(view.head.h1.as_deref()).filter(named) else { return };
    let title = without_site(title, view.head);
    let work = [" at ", " @ "].iter().find_map(|at| title.split_once(at)).map_or(title.as_str(), |(work, _)| work);
    out.push(Candidate::text(Source::Heading, work, "what the title is about").scored(-16));
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
        out.push(Candidate::text(Source::Heading, place, "behind \"at\" in the title").scored(-18));
    }
}

/// Returns whether a heading repeats both titles of the head and continues.
fn extended(h1: &str, others: &[String]) -> bool {
    let [a, b] = others else { return false };
    let (a, b, h1) = (a.to_lowercase(), b.to_lowercase(), h1.to_lowercase());
    a == b && words_in(&a) > 3 && h1.len() > a.len() && h1.starts_with(&a)
}

/// Returns whether a heading is the head's title after a label, within a question or before a bracket: "Occupation:
/// Baker", "Where is Leer?", "Rowan (mountain ash)".
fn labels(h1: &str, title: Option<&str>) -> bool {
    let title = title.unwrap_or_default().trim();
    let Some((before, after)) = h1.split_once(title).filter(|_| title.chars().count() > 3) else { return false };
    let bracket = before.is_empty() && after.starts_with(" (") && after.ends_with(')');
    (after.is_empty() && before.ends_with(": ")) || (!before.is_empty() && after.trim_start() == "?") || bracket
}

/// Returns how many words a text has.
fn words_in(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Returns how far two titles agree, in percent: the share of words of the shorter one that the other contains.
pub(crate) fn agreement(a: &str, b: &str) -> usize {
    let norm = |t: &str| -> Vec<String> {
        t.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase).take(60).collect()
    };
    let (a, b) = (norm(a), norm(b));
    let (few, many) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if few.is_empty() {
        return 0;
    }
    few.iter().filter(|w| many.contains(w)).count() * 100 / few.len()
}

/// Returns a title without the site's name at either end.
pub(crate) fn without_site(title: &str, head: &Head) -> String {
    let mut rest = title.trim();
    // Twice: section and site.
    for _ in 0..2 {
        let Some((kept, _)) = cut(rest, head) else { break };
        rest = kept;
    }
    rest.to_owned()
}

/// Returns a heading without the site's name, if it ends in that.
fn without_suffix<'t>(heading: &'t str, head: &Head) -> &'t str {
    match heading.rsplit_once(" | ") {
        Some((kept, site)) if kept.chars().count() > 3 && is_sites(site.trim(), head) => kept.trim(),
        _ => heading,
    }
}

/// Makes one cut of a title. Returns what is kept and what is cut off.
fn cut<'t>(title: &'t str, head: &Head) -> Option<(&'t str, &'t str)> {
    let heading = head.h1.as_deref().map(plain);
    // "Searching [Hearth Documentation]"
    if let Some((kept, off)) = title.strip_suffix(']').and_then(|t| t.rsplit_once(" ["))
        && !kept.trim().is_empty()
        && is_sites(off, head)
    {
        return Some((kept.trim(), off));
    }
    // The heading itself stands at one end.
    let is_heading = |t: &str| heading.as_deref().is_some_and(|h| !h.is_empty() && h == plain(t));
    if is_heading(title) {
        return None;
    }
    let ends = SEPARATORS.iter().filter_map(|s| title.rsplit_once(s).map(|(a, b)| (a, b, *s)));
    let last = ends.max_by_key(|(a, _, _)| a.len());
    if let Some((kept, off, separator)) = last {
        let (kept, off) = (kept.trim(), off.trim());
        let short = off.chars().count() <= 40 && kept.chars().count() >= off.chars().count().min(12);
        if is_heading(kept)
            || is_sites(off, head)
            || (separator == " | " && short && kept.chars().count() > 3 && !is_heading(off))
        {
            return Some((kept, off)).filter(|(k, _)| !k.is_empty());
        }
    }
    let starts = SEPARATORS.iter().filter_map(|s| title.split_once(s)).chain(title.split_once(": "));
    let (off, kept) = starts.min_by_key(|(a, _)| a.len())?;
    let (off, kept) = (off.trim(), kept.trim());
    (!kept.is_empty() && (is_sites(off, head) || is_heading(kept))).then_some((kept, off))
}

/// Returns whether a part of a title is the site's name, or contains it.
fn is_sites(part: &str, head: &Head) -> bool {
    if head.is_site(part) {
        return true;
    }
    let part = plain(part);
    head.sites.iter().map(|s| plain(s)).any(|site| {
        site.chars().count() >= 4 && (part.contains(&site) || (part.chars().count() >= 5 && site.contains(&part)))
    })
}

fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_name_is_removed() {
        let head = |h1: &str, site: &str| Head {
            h1: Some(h1.to_owned()).filter(|h| !h.is_empty()),
            sites: vec![site.to_owned()],
            ..Head::default()
        };
        for (title, h1, site, want) in [
            ("Copper Kettle | Shop", "Copper Kettle", "x", "Copper Kettle"),
            ("Copper Kettle - Kitchen - Hearth & Home", "", "hearth & home", "Copper Kettle - Kitchen"),
            ("Hearth: Copper Kettle", "Copper Kettle", "hearth", "Copper Kettle"),
            ("Kettles [Hearth Documentation]", "", "hearth", "Kettles"),
            ("Kettles [2025]", "", "hearth", "Kettles [2025]"),
            ("Soup - hot and good", "Soups", "example", "Soup - hot and good"),
            ("How to boil | water", "", "example", "How to boil"),
            ("Copper – Kettle", "Copper – Kettle", "kettle", "Copper – Kettle"),
        ] {
            assert_eq!(without_site(title, &head(h1, site)), want, "{title}");
        }
        assert_eq!(agreement("A kettle", "The kettle, a story"), 100);
        assert_eq!(agreement("", "x"), 0);
    }
}

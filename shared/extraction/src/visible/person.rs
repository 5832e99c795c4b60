//! Finds parts of values that pages state only as a whole: first and last name of the person a page is about, the sides
//! of "20 × 30 cm", the last day of "May 3 – June 5".

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::concept::Concept;
use crate::field_query::FieldQuery;
use crate::person_name::{after_by, is_name, strip_byline};
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::names::starts_with_capital;
use super::view::View;

/// Adds a first or last name from the heading, if that can be the name of a person.
pub(super) fn name_part(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let heading = view.head.h1.as_deref().or(view.head.title.as_deref()).unwrap_or_default();
    if let Some((given, family)) = split_name(heading) {
        let part = if query.is(Concept::GivenName) { given } else { family };
        out.push(Candidate::text(Source::Heading, part, "part of the name in the heading").adjusted(-14));
    }
}

/// Adds a byline on a line that only line breaks of the HTML source separate, if nothing better was found.
pub(super) fn byline_in_text(view: &View<'_>, out: &mut Vec<Candidate>) {
    if !out.is_empty() {
        return;
    }
    for segment in view.segments().iter().filter(|s| s.is_source_line && (4..=60).contains(&s.text.len())).take(200) {
        if segment.text.split_whitespace().count() <= 6
            && let Some(name) = after_by(segment.text).filter(|n| !n.starts_with(char::is_lowercase))
        {
            out.push(Candidate::text(Source::Pattern, name, "loose line that begins with \"by\"").adjusted(-6));
            return;
        }
    }
}

/// Maximum length of a line that says who asked or posted and when, in bytes.
const MAX_POSTED: usize = 120;

/// Adds the name after "by" on a line that says when something was asked or posted.
pub(super) fn posted_by(view: &View<'_>, out: &mut Vec<Candidate>) {
    if !out.is_empty() {
        return;
    }
    for segment in view.segments().iter().filter(|s| (10..=MAX_POSTED).contains(&s.text.len())).take(60) {
        let lower = segment.text.to_lowercase();
        let posted = Phrases::PostedBy.all().any(|w| lower.starts_with(w));
        let by = Phrases::BylinePrefixes.of_key("any").filter(|by| by.chars().count() <= 4);
        let behind = by.filter_map(|by| segment.text.split_once(&*format!(" {by} "))).map(|(_, behind)| behind).next();
        if let Some(name) = behind.filter(|_| posted).map(strip_byline).filter(|n| is_name(n))
            && name.split_whitespace().count() <= 4
        {
            out.push(Candidate::text(Source::Pattern, name, "name of who asked or posted").adjusted(-4));
            return;
        }
    }
}

/// Maximum length of a line below a heading that may be a person, an organisation or a day, in bytes.
const MAX_LINE: usize = 70;
/// Maximum length of a line that gives a person's role and employer, in bytes.
const MAX_ROLE_LINE: usize = 100;

/// Returns the lines right below the heading that say who wrote the page and when: a person, perhaps an organisation, a
/// day.
fn head_lines<'v>(view: &'v View<'_>) -> Option<(&'v str, Option<&'v str>)> {
    let from = view.doc.heading.map(|h| view.doc.text_start(h) + view.doc.text_len(h))?;
    let lines: Vec<&str> = view.segments().iter().filter(|s| s.at >= from).map(|s| s.text).take(3).collect();
    let (person, rest) = lines.split_first().filter(|(l, _)| l.len() <= MAX_LINE && is_person(l))?;
    let is_day = |l: &&str| l.len() <= MAX_LINE && coercion::reads_as_day(l, &view.reading);
    let day = rest.iter().position(is_day)?;
    let between = rest[..day].first().copied().filter(|l| l.len() <= MAX_LINE && l.starts_with(char::is_uppercase));
    Some((person, between))
}

/// Adds the name that comes first on a line of facts below the heading that also has a day: "Ann Lee | Reporter | Nov
/// 3, 2026".
pub(super) fn name_before_day(view: &View<'_>, out: &mut Vec<Candidate>) {
    let Some(from) = view.doc.heading.map(|h| view.doc.text_start(h) + view.doc.text_len(h)) else { return };
    for segment in view.segments().iter().filter(|s| s.at >= from && s.text.len() <= MAX_POSTED).take(2) {
        let pieces: Vec<&str> = segment.text.split(['|', '·', '•']).map(str::trim).collect();
        let [name, rest @ ..] = &pieces[..] else { continue };
        if is_person(name) && rest.iter().any(|p| coercion::reads_as_day(p, &view.reading)) {
            out.push(Candidate::text(Source::Pattern, *name, "a name before a day on a line of facts").adjusted(-4));
            return;
        }
    }
}

/// Returns whether a line may be the name of a person: with a title, or two to five capitalized words.
fn is_person(line: &str) -> bool {
    split_name(line).is_some()
}

/// Adds a name below the heading, above a day.
pub(super) fn below_heading(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some((person, _)) = head_lines(view) {
        out.push(Candidate::text(Source::Pattern, person, "a name below the heading, above a day").adjusted(-4));
    }
}

/// Adds organisations on a line of their own near the heading.
pub(super) fn organisation(view: &View<'_>, out: &mut Vec<Candidate>) {
    let plain = |t: &&str| !t.contains(['·', '•', '|', ':']) && !t.bytes().any(|b| b.is_ascii_digit());
    if let Some((_, Some(between))) = head_lines(view)
        && plain(&between)
    {
        out.push(Candidate::text(Source::Pattern, between, "between a name and a day").adjusted(-2));
    }
    let from = view.doc.heading.map_or(0, |h| view.doc.text_start(h) + view.doc.text_len(h));
    let is_title = |t: &str| view.head.names().any(|n| n == t);
    let lines = view.segments().iter().filter(|s| (from..from + 1_000).contains(&s.at) && s.text.len() <= MAX_LINE);
    for (order, line) in (0..).zip(lines.filter(|s| is_organisation(s.text) && !is_title(s.text)).take(3)) {
        // A department is part of the organisation beside it.
        let part = line.text.split(' ').next().is_some_and(|w| Phrases::Departments.has(&w.to_lowercase()));
        let change = -7 - order - if part { 3 } else { 0 };
        let reason = "a line with the name of an organisation";
        out.push(Candidate::text(Source::Pattern, line.text, reason).adjusted(change.max(-10)));
    }
}

/// Adds the role or employer of the person that a page is about: "Senior Engineer at Hearth Labs" below a name.
pub(super) fn role_or_employer(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let own = view.doc.heading.map(|at| view.doc.text(at)).unwrap_or_default();
    let heading = view.head.h1.as_deref().unwrap_or(&own);
    let Some(from) = view.doc.heading.filter(|_| split_name(heading).is_some()).map(|h| view.doc.text_start(h)) else {
        return;
    };
    let line = view.segments().iter().map(|s| (s.at, s.text)).find(|(at, text)| *at > from && *text != heading);
    let Some((_, line)) = line.filter(|(_, line)| line.len() <= MAX_ROLE_LINE) else { return };
    let words: Vec<&str> = line.split(' ').collect();
    let title_first = query.is(Concept::JobTitle);
    let mut add = |title: &str, employer: &str, reason: &'static str, change: i32| {
        let part = if title_first { title } else { employer };
        if !part.is_empty() {
            out.push(Candidate::text(Source::Pattern, part, reason).adjusted(change));
        }
    };
    if let Some(at) = words.iter().position(|w| Phrases::WorksAt.has(w)) {
        let (title, employer) = (words[..at].join(" "), words[at + 1..].join(" "));
        let sentence = employer.ends_with('.') || title.contains([',', ':']) || title.split(' ').count() > 6;
        if starts_with_capital(&title) && starts_with_capital(&employer) && !sentence {
            add(&title, &employer, "below a name, around \"at\"", -4);
        }
        return;
    }
    // "Professor of Hydrology, University of Westmark", "Staff writer · Joined in 2018"
    let (title, employer) = match line.split_once(", ").filter(|(_, employer)| is_organisation(employer)) {
        Some((title, employer)) => (title, employer),
        None => (line.split(['·', '|', '•']).next().unwrap_or(line).trim(), ""),
    };
    let plain = title.chars().all(|c| c.is_alphabetic() || " -/&,'’".contains(c)) && title.split(' ').count() <= 6;
    let works = title.split([' ', '-', '/']).any(|w| Phrases::Occupations.has(&w.trim_matches(',').to_lowercase()));
    if plain && works && starts_with_capital(title) && !is_organisation(title) {
        add(title, employer, "line below a name", -8);
    }
}

/// Returns whether a line is the name of an organisation: a few capitalized words, one of which occurs only in such
/// names.
fn is_organisation(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let capital = |w: &&&str| !w.starts_with(char::is_lowercase) || Phrases::WordsInNames.has(w);
    let named = |w: &&str| Phrases::Organisations.has(&w.trim_matches(['.', ',']).to_lowercase());
    (2..=8).contains(&words.len())
        && words.iter().filter(capital).count() == words.len()
        && words.iter().any(named)
        && !line.contains([':', '?', '!', '|', ','])
        && !line.bytes().any(|b| b.is_ascii_digit())
}

/// Adds another name that the heading gives in brackets: "Rowan (mountain ash)".
pub(super) fn bracketed_name(view: &View<'_>, out: &mut Vec<Candidate>) {
    let heading = view.head.h1.as_deref().unwrap_or_default();
    let inside = heading.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
    if let Some(name) =
        inside.filter(|n| n.split_whitespace().count() <= 6 && !n.contains(|c: char| c.is_ascii_digit()))
    {
        out.push(Candidate::text(Source::Heading, name, "in brackets in the heading").adjusted(-8));
    }
}

/// Returns the first and last name of "Dr. Ann Lee", "Lee, Ann", "Bo van den Berg".
fn split_name(text: &str) -> Option<(String, String)> {
    if !is_name(text) || text.chars().any(|c| c.is_ascii_digit() || "&|–—:()".contains(c)) {
        return None;
    }
    if let Some((family, given)) = text.split_once(", ") {
        let capitals = |t: &str| t.split_whitespace().all(|w| w.starts_with(char::is_uppercase));
        // "Ann Lee, PhD" ends in a degree.
        let degree = given.chars().filter(|c| c.is_uppercase()).count() > 1 || given.ends_with('.');
        if degree {
            return split_name(family);
        }
        return (capitals(given) && capitals(family)).then(|| (given.to_owned(), family.to_owned()));
    }
    let mut words: Vec<&str> = text.split_whitespace().collect();
    while words.first().is_some_and(|w| Phrases::PersonTitles.has(&w.trim_end_matches('.').to_lowercase())) {
        words.remove(0);
    }
    let particle = words.iter().skip(1).position(|w| Phrases::Particles.has(w)).map(|at| at + 1);
    let cut = particle.unwrap_or(words.len().saturating_sub(1));
    let (given, family) = words.split_at_checked(cut)?;
    let capital = |w: &&str| w.starts_with(char::is_uppercase) || Phrases::Particles.has(w);
    if given.is_empty() || !(2..=5).contains(&words.len()) || !words.iter().all(capital) {
        return None;
    }
    // A middle initial belongs to neither.
    let given: Vec<&str> = given.iter().copied().filter(|w| !(w.len() == 2 && w.ends_with('.'))).collect();
    (!given.is_empty()).then(|| (given[..1].join(" "), family.join(" ")))
}

/// Adds one side of "20 × 30 × 5 cm": width, height and depth in this order unless letters say otherwise.
pub(super) fn dimension(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let (order, letter) = match query.concept {
        Some(Concept::Width) => (0, 'w'),
        Some(Concept::Height) => (1, 'h'),
        _ => (2, 'd'),
    };
    for segment in view.segments().iter().filter(|s| (5..=160).contains(&s.text.len())) {
        if let Some(side) = side(segment.text, order, letter) {
            out.push(Candidate::text(Source::Pattern, side, "one of several dimensions").adjusted(2));
            return;
        }
    }
}

fn side(text: &str, order: usize, letter: char) -> Option<String> {
    let text = text.rsplit_once(':').map_or(text, |(_, rest)| rest);
    let sides: Vec<&str> = text.split(['×', 'x', 'X']).map(str::trim).collect();
    let measure = |t: &&str| t.starts_with(|c: char| c.is_ascii_digit()) && t.len() <= 20;
    if !(2..=3).contains(&sides.len()) || !sides.iter().all(measure) {
        return None;
    }
    let bare = |t: &str| t.trim_end_matches(|c: char| c.is_alphabetic() || "\"'″′. ()".contains(c)).trim().to_owned();
    let unit = |t: &str| t.get(bare(t).len()..).unwrap_or_default().trim().to_owned();
    let lettered =
        |t: &&&str| unit(t).to_lowercase().split([' ', '(', ')']).any(|w| w.len() == 1 && w.starts_with(letter));
    let own = sides.iter().find(lettered).or_else(|| sides.get(order))?;
    let last = sides.last().map(|t| unit(t)).filter(|u| !u.is_empty())?;
    let unit = Some(unit(own)).filter(|u| u.len() > 1).unwrap_or(last);
    Some(format!("{} {unit}", bare(own)))
}

/// Adds the second of two days on a line or in two adjacent `time` elements.
pub(super) fn last_day(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        if el.name() != "time" || el.zone.has(Zone::NAV) || el.zone.has(Zone::RELATED) {
            continue;
        }
        let Some(next) = doc.next_sibling(at).filter(|n| doc.els[*n].name() == "time") else { continue };
        let text = doc.text(next);
        let value = doc.els[next].attr("datetime").unwrap_or(&text);
        if coercion::reads_as_day(value, &view.reading) {
            out.push(Candidate::text(Source::Pattern, value, "second of two days").adjusted(6));
            return;
        }
    }
    for segment in view.segments().iter().filter(|s| (9..=90).contains(&s.text.len())).take(400) {
        for separator in [" – ", " — ", " - ", "–", " to ", " until ", " bis ", " au ", " al "] {
            let Some((first, last)) = segment.text.split_once(separator) else { continue };
            let is_day = |t: &str| coercion::reads_as_day(t.trim(), &view.reading);
            if is_day(last) && (is_day(first) || first.bytes().any(|b| b.is_ascii_digit())) {
                out.push(Candidate::text(Source::Pattern, last.trim(), "end of a range of days"));
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_first_and_last() {
        for (text, given, family) in [
            ("Dr. Ann Lee", "Ann", "Lee"),
            ("Lee, Ann", "Ann", "Lee"),
            ("Bo van den Berg", "Bo", "van den Berg"),
            ("Ann M. Lee", "Ann", "Lee"),
            ("Ann Lee, PhD", "Ann", "Lee"),
        ] {
            assert_eq!(split_name(text), Some((given.to_owned(), family.to_owned())), "{text}");
        }
        for (line, want) in [
            ("Technical University of Porto", true),
            ("Hearth & Sons Ltd.", true),
            ("Visit our museum today", false),
            ("University", false),
        ] {
            assert_eq!(is_organisation(line), want, "{line}");
        }
        for no in ["Ann", "How to boil water", "Kettle 3000", "Read more"] {
            assert_eq!(split_name(no), None, "{no}");
        }
    }

    #[test]
    fn sides_of_measures_are_found() {
        assert_eq!(side("Dimensions: 20 × 30 cm", 0, 'w').as_deref(), Some("20 cm"));
        assert_eq!(side("20 mm x 30 mm", 1, 'h').as_deref(), Some("30 mm"));
        assert_eq!(side("20 × 30", 1, 'h'), None);
    }
}

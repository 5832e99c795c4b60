//! Finds postal addresses in text and splits them: the line with the postal code gives town, region and code in the
//! formats of many countries; the line before it is the street, the line after it may be the country. Also finds towns
//! with a region only, sentences that say where something is, and names of places above a town.

use crate::candidate::{Candidate, Source};
use crate::coercion::{self, ReadingContext};
use crate::concept::Concept;
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;

use super::names::{leading_name, starts_with_capital};
use super::segments::Segment;
use super::towns::{AddressParts, is_town_name, read_brazilian_address, read_town};
use super::view::View;

/// Maximum length of a line that may be part of an address, in bytes.
const MAX_LINE: usize = 160;
/// Maximum length of a sentence that may say where something is, in bytes.
const MAX_SENTENCE: usize = 600;
/// Maximum number of candidates of one field.
const MAX_FOUND: i32 = 6;

pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let segments = view.segments();
    // "Address" may mean all of it.
    let change_for_address = if query.is(Concept::Address) && !asks_street(query) { -6 } else { 2 };
    let mut found = 0;
    for at in 0..segments.len() {
        if view.is_in_foreign_footer(segments[at].at) {
            continue;
        }
        let place = postal_address(segments, at).map(|p| (p, change_for_address, "part of a postal address"));
        let place = place.or_else(|| region_line(segments, at).map(|p| (p, -6, "a town with its region")));
        let place =
            place.or_else(|| read_sentence(segments[at].text).map(|p| (p, -4, "a sentence that says where it is")));
        let Some((parts, change, reason)) = place else { continue };
        let value = parts.part(query.concept);
        if !value.is_empty() {
            out.push(Candidate::text(Source::Pattern, value, reason).adjusted(change - found));
            found += 1;
        }
        if found >= MAX_FOUND {
            return;
        }
    }
}

/// Returns the part of a labelled value that is asked for: the street of an address if the field's name asks for it,
/// the name of a place before its address, the place after a day of birth.
pub(super) fn asked_part(query: &FieldQuery<'_>, value: String, reading: &ReadingContext<'_>) -> String {
    // "17 June 1948, Uppsala"
    if query.is(Concept::BirthPlace) && value.bytes().any(|b| b.is_ascii_digit()) {
        let cuts = value.match_indices(['\n', ',']).map(|(at, sign)| (at, at + sign.len()));
        let cuts = cuts.chain(value.match_indices(" in ").map(|(at, sign)| (at, at + sign.len())));
        let days = cuts.filter(|(at, _)| coercion::reads_as_day(&value[..*at], reading));
        return days.map(|(_, end)| value[end..].trim().to_owned()).next().unwrap_or_default();
    }
    if query.is(Concept::Address) && asks_street(query) {
        let street = value.lines().find_map(|line| read_address("", line)).map(|p| p.street);
        return street.filter(|street| !street.is_empty()).unwrap_or(value);
    }
    if query.is(Concept::Location)
        && let Some((name, rest)) = value.split_once([',', '\n'])
        && !is_street(name)
        && rest.lines().any(is_town)
    {
        return name.trim().to_owned();
    }
    value
}

/// Returns whether a field asks only for the street of an address.
pub(super) fn asks_street(query: &FieldQuery<'_>) -> bool {
    query.label.split(' ').any(|w| matches!(w, "street" | "strasse" | "straße" | "rue" | "calle" | "ulica" | "straat"))
}

/// Adds the name of a place: the line above its street or, if it has none, above its town.
pub(super) fn place_name(view: &View<'_>, out: &mut Vec<Candidate>) {
    let segments = view.segments();
    for at in 0..segments.len() {
        let Some(parts) = postal_address(segments, at).or_else(|| region_line(segments, at)) else { continue };
        if view.is_in_foreign_footer(segments[at].at) {
            continue;
        }
        // "Mill Hall, 12 Oak Lane, Springfield, OR"
        let mut pieces = segments[at].text.split(", ");
        if let Some(first) = pieces.next().filter(|p| is_place_name(p) && !is_street(p) && pieces.next().is_some())
            && first != parts.city
            && !first.ends_with(&parts.city)
            && !first.bytes().any(|b| b.is_ascii_digit())
        {
            out.push(Candidate::text(Source::Pattern, first, "text before a street or town").adjusted(-4));
            return;
        }
        let mut above = segments[..at].iter().rev().take(3).map(|s| s.text.trim_end_matches(','));
        // Skip parts that stand on lines of their own.
        let known = [&parts.street, &parts.city, &parts.region];
        let name = above.find(|t| !is_street(t) && !known.iter().any(|k| k.as_str() == *t));
        let is_title = |t: &str| view.head.names().any(|n| n == t);
        if let Some(name) = name.filter(|n| is_place_name(n) && !is_title(n)) {
            out.push(Candidate::text(Source::Pattern, name, "line above a town").adjusted(-4));
            return;
        }
    }
}

/// Returns whether a line may be the name of a place: a few words with a capital first, not a sentence or a day.
fn is_place_name(line: &str) -> bool {
    (2..=60).contains(&line.chars().count())
        && line.split_whitespace().count() <= 7
        && starts_with_capital(line)
        && !line.contains([':', '@', '$', '€', '£'])
        && line.bytes().filter(u8::is_ascii_digit).count() <= 2
        && !line.ends_with(['.', '!', '?'])
}

/// Returns the address whose town and code end at a line: on the line itself, or on up to three lines with a part each.
fn postal_address(segments: &[Segment<'_>], at: usize) -> Option<AddressParts> {
    let text = segments.get(at).map(|s| s.text).filter(|t| t.len() <= MAX_LINE)?;
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    let line = |back: usize| at.checked_sub(back).and_then(|i| segments.get(i)).map_or("", |s| s.text);
    let mut parts = read_address(line(1), text);
    // A code alone: the town stands on the lines before it.
    for back in (1..=2).filter(|_| text.len() <= 24) {
        if parts.is_some() {
            break;
        }
        let lines: Vec<&str> = (0..=back).rev().map(line).collect();
        if lines.iter().all(|l| (1..=40).contains(&l.len())) {
            parts = self::read_address(line(back + 1), &lines.join(" "));
        }
    }
    let mut parts = parts?;
    // Between a street and its code, a town and a county may stand on lines of their own.
    if parts.street.is_empty() && text.len() <= 24 {
        let street = (1..=4).map(line).take_while(|l| l.len() <= 40).find(|l| is_street(l) && !l.contains(':'));
        parts.street = street.unwrap_or_default().to_owned();
    }
    if parts.country.is_empty() {
        let next = segments.get(at + 1).map_or("", |s| s.text);
        parts.country = country(next).unwrap_or_default();
    }
    Some(parts)
}

/// Returns the country if it is the whole text.
fn country(text: &str) -> Option<String> {
    let text = text.trim().trim_end_matches(['.', ',']);
    (text.len() <= 30 && Phrases::Countries.has(text)).then(|| text.to_owned())
}

/// Reads "Springfield, OR" on a line of its own.
fn region_line(segments: &[Segment<'_>], at: usize) -> Option<AddressParts> {
    let text = segments.get(at).map(|s| s.text).filter(|t| t.len() <= 60)?;
    let (city, region) = text.rsplit_once(", ")?;
    let city = city.rsplit(", ").next().unwrap_or(city);
    // "Photographer in Austin, TX"
    let city = city.rsplit(" in ").next().unwrap_or(city);
    (Phrases::Regions.has(region) && is_town_name(city)).then(|| AddressParts {
        city: city.to_owned(),
        region: region.to_owned(),
        ..AddressParts::default()
    })
}

/// Reads "located in Philadelphia, Pennsylvania, USA".
fn read_sentence(text: &str) -> Option<AddressParts> {
    if text.len() > MAX_SENTENCE {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (at, length) = Phrases::LocatedIn.find(&lower)?;
    let mut rest = text.get(at + length..)?.trim_start();
    let mut names = Vec::new();
    while let Some(name) = leading_name(rest).filter(|_| names.len() < 3) {
        rest = rest.get(name.len()..).unwrap_or_default();
        names.push(name);
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    let nation = names.last().and_then(|last| country(last)).unwrap_or_default();
    if !nation.is_empty() {
        names.pop();
    }
    let mut names = names.into_iter();
    let city = names.next().filter(|c| is_town_name(c)).unwrap_or_default();
    let region = names.next().unwrap_or_default();
    Some(AddressParts { city, region, country: nation, ..AddressParts::default() })
}

/// Returns whether a line ends in a town with its postal code.
pub(super) fn is_town(line: &str) -> bool {
    read_town(line.rsplit(',').next().unwrap_or(line).trim()).is_some() || read_address("", line).is_some()
}

/// Returns the address in a line; the line before it may be its street.
fn read_address(before: &str, line: &str) -> Option<AddressParts> {
    let line = line.split_once(": ").map_or(line, |(_, rest)| rest).trim_end_matches('.');
    let mut pieces: Vec<&str> = line.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    let nation = pieces.last().and_then(|last| country(last)).filter(|_| pieces.len() > 1);
    if nation.is_some() {
        pieces.pop();
    }
    if let Some(parts) = read_brazilian_address(&pieces) {
        return Some(parts);
    }
    let (at, mut parts) = pieces.iter().enumerate().rev().find_map(|(at, p)| Some((at, read_town(p)?)))?;
    let mut rest = &pieces[..at];
    if parts.city.is_empty() && !line.contains('〒') {
        // "Springfield, OR 97477": the town comes before.
        let (city, more) = rest.split_last()?;
        if city.chars().any(|c| c.is_ascii_digit()) {
            return None;
        }
        (parts.city, rest) = ((*city).to_owned(), more);
    }
    let street = if rest.is_empty() { before } else { rest.last().copied().unwrap_or_default() };
    let street = if rest.len() > 1 && !is_street(street) { rest.join(", ") } else { street.to_owned() };
    if is_street(&street) {
        parts.street = street;
    }
    parts.country = nation.unwrap_or_default();
    Some(parts)
}

/// Returns whether a text may be a street: with a number at either end.
fn is_street(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let digit = |w: &str| w.starts_with(|c: char| c.is_ascii_digit()) && w.len() <= 6;
    let (first, last) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
    text.len() <= 80 && !last.is_empty() && (digit(first) || digit(last)) && text.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_several_countries_are_split() {
        for (before, line, want) in [
            ("12 Oak Lane", "Springfield, OR 97477", ["12 Oak Lane", "Springfield", "OR", "97477"]),
            ("", "12 Oak Lane, Springfield OR 97477-1234", ["12 Oak Lane", "Springfield", "OR", "97477-1234"]),
            ("Deichstraße 4", "26789 Leer", ["Deichstraße 4", "Leer", "", "26789"]),
            ("", "Address: Gracht 9, 1012 AB Amsterdam", ["Gracht 9", "Amsterdam", "", "1012 AB"]),
            ("", "3 Mill Row, York YO1 7HH", ["3 Mill Row", "York", "", "YO1 7HH"]),
            ("ul. Długa 5", "80-831 Gdańsk", ["ul. Długa 5", "Gdańsk", "", "80-831"]),
            ("", "Rua Nova 7, 1000-001 Lisboa", ["Rua Nova 7", "Lisboa", "", "1000-001"]),
            ("", "Dlouhá 12, 110 00 Praha", ["Dlouhá 12", "Praha", "", "110 00"]),
            ("5 Elm St", "Ottawa, ON K1A 0B1", ["5 Elm St", "Ottawa", "ON", "K1A 0B1"]),
        ] {
            let found = read_address(before, line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!([&*found.street, &*found.city, &*found.region, &*found.code], want, "{line}");
        }
        assert_eq!(
            read_address("", "3 Mill Row, York YO1 7HH, England").map(|p| p.country).as_deref(),
            Some("England")
        );
        for no in ["1999 was good", "2024 Annual report", "Issue 13", "May 2013", "12345 people came here", ""] {
            assert_eq!(read_address("", no), None, "{no}");
        }
    }

    #[test]
    fn addresses_on_several_lines_and_in_sentences_are_found() {
        let lines = ["Hearth Co.", "12 Oak Lane", "Mill Valley,", "CA", "94941", "United States"];
        let segments: Vec<Segment<'_>> =
            lines.iter().map(|text| Segment { at: 0, text, is_source_line: true, continues_paragraph: true }).collect();
        let found = postal_address(&segments, 4).unwrap();
        assert_eq!(
            [&*found.street, &*found.city, &*found.region, &*found.code, &*found.country],
            ["12 Oak Lane", "Mill Valley", "CA", "94941", "United States"]
        );
        for (text, want) in [
            ("A mill located in Leer, Lower Saxony, Germany.", Some(["Leer", "Lower Saxony", "Germany"])),
            ("We are based in Porto and sell tea.", Some(["Porto", "", ""])),
            ("The mill is old.", None),
        ] {
            let found = read_sentence(text).map(|p| [p.city, p.region, p.country]);
            assert_eq!(found, want.map(|w| w.map(str::to_owned)), "{text}");
        }
    }
}

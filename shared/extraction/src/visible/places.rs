//! Postal addresses in running text, taken apart: the line with the postal code tells town, region and code by the
//! patterns that countries write them in; the line before it is the street.

use crate::candidate::{Candidate, Source};
use crate::concept::Concept;
use crate::wanted::Wanted;

use super::View;

/// An address in parts; what is empty was not told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    street: String,
    city: String,
    region: String,
    code: String,
}

pub(super) fn candidates(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let segments = view.segments();
    let mut before = "";
    let mut found = 0;
    // "Address" may mean the whole of it.
    let change = if wanted.is(Concept::Address) && !wanted.label.contains("street") { -6 } else { 2 };
    for segment in segments {
        if let Some(parts) = (segment.text.len() <= 160).then(|| parts(before, segment.text)).flatten() {
            let value = match wanted.concept {
                Some(Concept::Address) => parts.street,
                Some(Concept::City | Concept::JobLocation) => parts.city,
                Some(Concept::Region) => parts.region,
                Some(Concept::PostalCode) => parts.code,
                _ => String::new(),
            };
            if !value.is_empty() {
                out.push(Candidate::text(Source::Pattern, value, "part of a postal address").scored(change - found));
                found += 1;
            }
            if found > 5 {
                return;
            }
        }
        before = segment.text;
    }
}

/// Whether a line ends in a town with its postal code.
pub(super) fn is_town(line: &str) -> bool {
    town(line.rsplit(',').next().unwrap_or(line).trim()).is_some() || parts("", line).is_some()
}

/// An address in a line, with the line before it, which may be its street.
fn parts(before: &str, line: &str) -> Option<Parts> {
    let line = line.split_once(": ").map_or(line, |(_, rest)| rest).trim_end_matches('.');
    let pieces: Vec<&str> = line.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
    let (at, mut parts) = pieces.iter().enumerate().rev().find_map(|(at, p)| Some((at, town(p)?)))?;
    let mut rest = &pieces[..at];
    if parts.city.is_empty() {
        // "Springfield, OR 97477": the town stands before.
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
    Some(parts)
}

/// Streets have a number at either end.
fn is_street(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let digit = |w: &str| w.starts_with(|c: char| c.is_ascii_digit()) && w.len() <= 6;
    let (first, last) = (words.next().unwrap_or_default(), words.next_back().unwrap_or_default());
    text.len() <= 80 && !last.is_empty() && (digit(first) || digit(last)) && text.chars().any(char::is_alphabetic)
}

/// `OR 97477`, `Oregon 97477`, `ON K1A 0B1`, `26789 Leer`, `1012 AB Amsterdam`, `York YO1 7HH`.
fn town(piece: &str) -> Option<Parts> {
    let words: Vec<&str> = piece.split_whitespace().collect();
    let name = |words: &[&str]| -> Option<String> {
        let fits = words.iter().all(|w| w.chars().all(|c| c.is_alphabetic() || "-.'’".contains(c)));
        (fits && (1..=4).contains(&words.len()) && words[0].starts_with(char::is_uppercase)).then(|| words.join(" "))
    };
    let digits = |w: &str, n: usize| w.len() == n && w.bytes().all(|b| b.is_ascii_digit());
    let us = |w: &str| digits(w, 5) || (w.len() == 10 && digits(&w[..5], 5) && w.as_bytes()[5] == b'-');
    let capitals = |w: &str| w.len() == 2 && w.bytes().all(|b| b.is_ascii_uppercase());
    let made =
        |city: String, region: &str, code: String| Parts { city, region: region.to_owned(), code, ..Parts::default() };
    match words[..] {
        [state, code] if capitals(state) && code.is_ascii() && us(code) => {
            Some(made(String::new(), state, code.into()))
        }
        [ref city @ .., state, code] if !city.is_empty() && capitals(state) && code.is_ascii() && us(code) => {
            Some(made(name(city)?, state, code.into()))
        }
        [ref rest @ .., a, b] if capitals_code(a, b) => match rest {
            [] => Some(made(String::new(), "", format!("{a} {b}"))),
            [province] if capitals(province) => Some(made(String::new(), province, format!("{a} {b}"))),
            city => Some(made(name(city)?, "", format!("{a} {b}"))),
        },
        [number, letters, ref city @ ..] if digits(number, 4) && capitals(letters) && !city.is_empty() => {
            Some(made(name(city)?, "", format!("{number} {letters}")))
        }
        [code, ref city @ ..] if (digits(code, 5) || digits(code, 4)) && !city.is_empty() => {
            // A year or a number of things is followed by what is no name.
            let city = name(city)?;
            (digits(code, 5) || !code.starts_with(['1', '2'])).then(|| made(city, "", code.into()))
        }
        _ => None,
    }
}

/// The two halves of a British or Canadian code: `YO1 7HH`, `K1A 0B1`.
fn capitals_code(a: &str, b: &str) -> bool {
    let shape = |w: &str| {
        w.bytes()
            .map(|b| {
                if b.is_ascii_digit() {
                    '9'
                } else if b.is_ascii_uppercase() {
                    'A'
                } else {
                    '?'
                }
            })
            .collect()
    };
    let (a, b): (String, String) = (shape(a), shape(b));
    (matches!(a.as_str(), "A9" | "A99" | "AA9" | "AA99" | "A9A" | "AA9A") && b == "9AA") || (a == "A9A" && b == "9A9")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_by_country() {
        for (before, line, want) in [
            ("12 Oak Lane", "Springfield, OR 97477", ["12 Oak Lane", "Springfield", "OR", "97477"]),
            ("", "12 Oak Lane, Springfield OR 97477-1234", ["12 Oak Lane", "Springfield", "OR", "97477-1234"]),
            ("Deichstraße 4", "26789 Leer", ["Deichstraße 4", "Leer", "", "26789"]),
            ("", "Address: Gracht 9, 1012 AB Amsterdam", ["Gracht 9", "Amsterdam", "", "1012 AB"]),
            ("", "3 Mill Row, York YO1 7HH", ["3 Mill Row", "York", "", "YO1 7HH"]),
            ("5 Elm St", "Ottawa, ON K1A 0B1", ["5 Elm St", "Ottawa", "ON", "K1A 0B1"]),
        ] {
            let found = parts(before, line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!([&*found.street, &*found.city, &*found.region, &*found.code], want, "{line}");
        }
        for no in ["1999 was good", "2024 Annual report", "Issue 13", "May 2013", "12345 people came here", ""] {
            assert_eq!(parts("", no), None, "{no}");
        }
    }
}

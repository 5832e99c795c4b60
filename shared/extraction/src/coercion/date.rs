//! Reads days: ISO 8601, numbers by locale, ideographs, epochs. [`super::named_month`] reads months by name,
//! [`super::relative`] days relative to today, [`super::eras`] other calendars.

use std::ops::RangeInclusive;

use jiff::civil::{Date, ISOWeekDate, Weekday};

use super::day::{NamedDay, YEARS, expand_year, named_day, to_date};
use super::reading_context::ReadingContext;
use super::{digits, eras, named_month, relative};

/// Maximum number of characters that are examined.
const MAX_CHARS: usize = 160;

/// Seconds since 1970 that an epoch may mean.
const EPOCHS: RangeInclusive<i64> = 1_000_000_000..=4_102_444_800;

/// Returns the day that a text names where a day is asked for, including a number that stands alone.
pub(crate) fn read(text: &str, reading: &ReadingContext<'_>) -> Option<Date> {
    epoch(text.trim())
        .or_else(|| iso_week_or_ordinal(&normalize(text)))
        .or_else(|| find(text, reading).map(|named| named.day))
}

fn normalize(text: &str) -> String {
    let plain: String = text.chars().take(MAX_CHARS).flat_map(char::to_lowercase).map(digits::to_ascii_digit).collect();
    if !plain.contains('\u{301}') {
        return plain;
    }
    // Greek capitals with both accents decompose (Unicode's SpecialCasing); lower-case letters have them combined.
    let marks = [("\u{3b9}\u{308}\u{301}", "\u{390}"), ("\u{3c5}\u{308}\u{301}", "\u{3b0}")];
    let joined = [("\u{3ca}\u{301}", "\u{390}"), ("\u{3cb}\u{301}", "\u{3b0}")];
    marks.iter().chain(&joined).fold(plain, |plain, (apart, letter)| plain.replace(apart, letter))
}

/// Returns the first day in a text.
pub(crate) fn find(text: &str, reading: &ReadingContext<'_>) -> Option<NamedDay> {
    let normalized = normalize(text);
    let locale = reading.locale;
    let gregorian = eras::with_gregorian_years(&normalized, locale);
    let text = gregorian.as_deref().unwrap_or(&normalized);
    match iso(text, locale) {
        Some(named) => return named,
        None => ideographs(text),
    }
    .or_else(|| relative::find(text, reading.today))
    .or_else(|| named_month::find(text, locale))
    .or_else(|| numeric(text, locale))
}

/// Returns the day that a text names with a month in words or ideographs, whatever the locale.
pub(super) fn in_words(text: &str) -> Option<NamedDay> {
    let text = normalize(text);
    ideographs(&text).or_else(|| named_month::find(&text, ""))
}

/// Reads an epoch in seconds or milliseconds: ten or thirteen digits and nothing else.
fn epoch(text: &str) -> Option<Date> {
    let seconds = match text.len() {
        10 => text.parse::<i64>().ok()?,
        13 => text.parse::<i64>().ok()? / 1000,
        _ => return None,
    };
    let well_formed = text.bytes().all(|b| b.is_ascii_digit()) && EPOCHS.contains(&seconds);
    let days = well_formed.then_some(seconds.div_euclid(86_400))?;
    jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

/// Reads the other forms of ISO 8601 if they are the whole text: `2024-W18-3`, `2024W183`, `2024-122`.
fn iso_week_or_ordinal(text: &str) -> Option<Date> {
    let day = text.trim().split('t').next()?;
    let (year, rest) = (day.get(..4)?, day.get(4..)?);
    let year: i16 = year.bytes().all(|b| b.is_ascii_digit()).then(|| year.parse().ok()).flatten()?;
    if !YEARS.contains(&i64::from(year)) {
        return None;
    }
    let rest = rest.strip_prefix('-').unwrap_or(rest);
    if let Some(week) = rest.strip_prefix('w') {
        let digits: String = week.chars().filter(|c| *c != '-').collect();
        let well_formed = matches!(digits.len(), 2 | 3) && digits.bytes().all(|b| b.is_ascii_digit());
        let number: i8 = well_formed.then(|| digits[..2].parse().ok()).flatten()?;
        let weekday = digits.get(2..).filter(|d| !d.is_empty()).map_or(Some(1), |d| d.parse().ok())?;
        let weekday = Weekday::from_monday_one_offset(weekday).ok()?;
        return ISOWeekDate::new(year, number, weekday).ok().map(ISOWeekDate::date);
    }
    let ordinal = day.len() == 8 && rest.len() == 3 && rest.bytes().all(|b| b.is_ascii_digit());
    let of_year: i16 = ordinal.then(|| rest.parse().ok()).flatten().filter(|n| (1..=366).contains(n))?;
    let found = jiff::civil::date(year, 1, 1).checked_add(jiff::Span::new().days(of_year - 1)).ok()?;
    (found.year() == year).then_some(found)
}

/// Reads `YYYY-MM-DD`, with or without a time after it; the day as written, whatever the offset. Returns `Some(None)`
/// if the text has this form but is not a valid day: programs write `0001-01-01` and `0000-00-00` for a missing one.
fn iso(text: &str, locale: &str) -> Option<Option<NamedDay>> {
    let context = (text, locale);
    let bytes = text.as_bytes();
    for start in 0..bytes.len().saturating_sub(9) {
        let piece = &bytes[start..start + 10];
        let well_formed = piece.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => matches!(*b, b'-' | b'/' | b'.' | b' '),
            _ => b.is_ascii_digit(),
        });
        let alone = (start == 0 || !bytes[start - 1].is_ascii_digit())
            && bytes.get(start + 10).is_none_or(|b| !b.is_ascii_digit());
        if well_formed && alone && piece[4] == piece[7] {
            let number =
                |range: std::ops::Range<usize>| piece[range].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
            return Some(named_day(to_date(number(0..4), number(5..7), number(8..10), context), 10));
        }
    }
    // The basic form, alone or with a time: 20250304, 20250304T101500Z.
    let basic = text.trim();
    let head = basic.get(..8).filter(|h| h.bytes().all(|b| b.is_ascii_digit()))?;
    if basic.len() == 8 || basic[8..].starts_with('t') {
        let (month, of_month) = (head[4..6].parse().ok()?, head[6..].parse().ok()?);
        return Some(named_day(to_date(head[..4].parse().ok()?, month, of_month, context), 8));
    }
    None
}

/// Reads `2025年3月4日` and `2025년 3월 4일`.
fn ideographs(text: &str) -> Option<NamedDay> {
    let at = text.find(['年', '년'])?;
    let digits = |t: &str| -> Option<i64> {
        let t = t.trim();
        let start =
            t.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + t[i..].chars().next().map_or(1, char::len_utf8));
        t.get(start..)?.parse().ok()
    };
    let year = digits(&text[..at])?;
    let rest = text[at..].trim_start_matches(['年', '년', ' ']);
    // "2024年（令和6年）5月1日"
    let bracket = rest.strip_prefix(['(', '（']).and_then(|inside| inside.split_once([')', '）']));
    let rest = bracket.map_or(rest, |(_, behind)| behind);
    let (month, rest) = rest.split_once(['月', '월'])?;
    let (of_month, _) = rest.split_once(['日', '일'])?;
    let year = if year < 100 { 2000 + year } else { year };
    // "5月1日から3日": takes the first day.
    let of_month = of_month.split(['-', '–', '~', '〜']).next()?;
    named_day(to_date(year, month.trim().parse().ok()?, of_month.trim().parse().ok()?, ("", "")), 11)
}

/// Reads `03/04/2025` by locale; `13/04/2025` and `2025/03/04` are unambiguous. Takes the first day of a range:
/// `01.–03.05.2024`.
fn numeric(text: &str, locale: &str) -> Option<NamedDay> {
    let text = text.replace(". ", ".").replace(" / ", "/").replace(['\u{2010}', '\u{2011}'], "-");
    let mut before = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, from) = rest.split_at(start);
        let length = from.find(|c: char| !(c.is_ascii_digit() || "/.-·".contains(c))).unwrap_or(from.len());
        let word = from[..length].trim_end_matches(['/', '.', '-', '·']);
        // "1.-3.5.2024" is one word: the part before the dash has no year.
        let slashed = || word.split_once('-').filter(|(head, tail)| head.contains('/') && tail.contains('/'));
        let (head, word) = match word.split_once(".-").or_else(slashed) {
            Some((head, tail)) => (head.to_owned(), tail),
            None if matches!(gap.trim(), "-" | "–" | "—") => (before.clone(), word),
            None => (String::new(), word),
        };
        if let Some(day) = read_numeric_date(word, &head, locale) {
            return named_day(Some(day), word.len());
        }
        before = word.to_owned();
        rest = &from[length..];
    }
    None
}

/// Returns the day of a word of three numbers. `head` is the day, or day and month, at the start of a range that the
/// word ends.
fn read_numeric_date(word: &str, head: &str, locale: &str) -> Option<Date> {
    let separator = word.chars().find(|c| !c.is_ascii_digit())?;
    let mut parts = word.split(separator);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || b.len() > 2 || !matches!(a.len(), 1 | 2 | 4) {
        return None;
    }
    let (Ok(x), Ok(y)) = (a.parse::<i64>(), b.parse::<i64>()) else { return None };
    if a.len() == 4 {
        return to_date(x, y, c.parse().ok().filter(|_| c.len() <= 2)?, ("", locale));
    }
    // A last part without two or four digits belongs to a version or a paragraph number, not a year: "12.05.1".
    let year = expand_year(c)?;
    let year = if c.len() == 2 { eras::expand_buddhist_year(year, (word, locale)) } else { year };
    let month_first = ["en-us", "en", "en-ph"].contains(&locale.to_ascii_lowercase().as_str());
    // Points are the notation of continental Europe: day first everywhere.
    let uses_points = separator == '.';
    let (mut d, mut m) = if !uses_points && ((month_first && x <= 12) || y > 12) { (y, x) } else { (x, y) };
    let first: Vec<i64> = head.split(separator).filter_map(|n| n.parse().ok()).collect();
    match first[..] {
        [one] if (1..d).contains(&one) => d = one,
        [one, two] => {
            let (day, month) = if month_first && separator != '.' { (two, one) } else { (one, two) };
            if (1..=12).contains(&month) && (month, day) < (m, d) {
                (d, m) = (day, month);
            }
        }
        _ => {}
    }
    to_date(year, m, d, ("", locale))
}

#[cfg(test)]
#[path = "date_tests.rs"]
mod tests;

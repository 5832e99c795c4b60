//! Builds a day from its numbers: in the Gregorian calendar or the one that a text or a locale indicates, limited to
//! years that pages mention. Depends on no words.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::eras;

/// A day, and how many characters of the text name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct NamedDay {
    pub(crate) day: Date,
    pub(crate) length: usize,
}

/// Years that pages mention; four digits.
pub(super) const YEARS: RangeInclusive<i64> = 1000..=2999;
/// Returns a day of the Gregorian calendar, or of the one that a text or a locale indicates.
pub(super) fn to_date(year: i64, month: i64, day: i64, (text, locale): (&str, &str)) -> Option<Date> {
    if eras::is_persian(year, text, locale) {
        return eras::persian_date(year, month, day);
    }
    if eras::is_islamic(year, (text, locale)) {
        return None;
    }
    let year = eras::from_buddhist(year, text, locale);
    if !YEARS.contains(&year) {
        return None;
    }
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Returns a year as written; two digits mean one between 1969 and 2068.
pub(super) fn expand_year(digits: &str) -> Option<i64> {
    let year: i64 = digits.parse().ok()?;
    match digits.len() {
        4 => Some(year),
        2 => Some(if year <= 68 { 2000 + year } else { 1900 + year }),
        _ => None,
    }
}

/// Returns a day if pages mention its year.
pub(super) fn named_day(day: Option<Date>, length: usize) -> Option<NamedDay> {
    // Years have four digits: "3000 years ago" is not a day that a page mentions.
    day.filter(|day| YEARS.contains(&i64::from(day.year()))).map(|day| NamedDay { day, length })
}

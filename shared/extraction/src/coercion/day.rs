//! A day out of its numbers: of our calendar or of the one that a text or a locale says, and of years that pages speak
//! of. Knows no words.

use std::ops::RangeInclusive;

use jiff::civil::Date;

use super::eras;

/// The day that a text names, and how many characters name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Named {
    pub(crate) day: Date,
    pub(crate) length: usize,
}

/// Years that pages speak of; four digits.
pub(super) const YEARS: RangeInclusive<i64> = 1000..=2999;
/// A day of our calendar, or of the one that a text or a locale says. A year of two digits is one near us.
pub(super) fn day(year: i64, month: i64, day: i64, (text, locale): (&str, &str)) -> Option<Date> {
    if eras::is_persian(year, text, locale) {
        return eras::persian(year, month, day);
    }
    if eras::is_islamic(year, (text, locale)) {
        return None;
    }
    let year = eras::buddhist(year, text, locale);
    if !YEARS.contains(&year) {
        return None;
    }
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A year as it was written: two digits are one near us.
pub(super) fn year_of(digits: &str) -> Option<i64> {
    let year: i64 = digits.parse().ok()?;
    match digits.len() {
        4 => Some(year),
        2 => Some(if year <= 68 { 2000 + year } else { 1900 + year }),
        _ => None,
    }
}

/// A day, if its year is one that pages speak of.
pub(super) fn named(day: Option<Date>, length: usize) -> Option<Named> {
    // Years of four digits: "3000 years ago" is no day of a page.
    day.filter(|day| YEARS.contains(&i64::from(day.year()))).map(|day| Named { day, length })
}

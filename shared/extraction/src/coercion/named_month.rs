//! Reads days with a month in words: `March 4, 2025`, `4. März 2025`, `2024 m. gegužės 1 d.`,
//! `Wed May 1 22:15:00 EDT 2024`, and the first day of ranges of them.

use jiff::civil::Date;

use super::calendar::{Month, month_in_locale, with_joined_months};
use super::day::{NamedDay, expand_year, named_day, to_date};
use super::eras;

/// Maximum number of words between a day and its year: a time and a time zone may come between.
const MAX_WORD_DISTANCE: usize = 6;
/// Words between the parts of a day.
const JOINING_WORDS: [&str; 20] = [
    "de", "del", "of", "the", "m", "g", "gada", "gads", "ng", "da", "ta", "d", "zum", "den", "der", "el", "il", "l",
    "พ.ศ", "ค.ศ",
];
/// Words between the days of a range.
const RANGE_WORDS: [&str; 20] = [
    "to", "bis", "au", "al", "a", "ao", "til", "till", "tot", "do", "до", "по", "until", "through", "and", "und", "et",
    "y", "t", "och",
];

/// A word, and whether a dash stands before it.
struct Word<'t> {
    text: &'t str,
    from: usize,
    after_dash: bool,
    /// Whether an apostrophe stands before it, in place of a year's century.
    after_apostrophe: bool,
}

/// Returns whether a character is a mark that belongs to the letter before it, in scripts that pages write months in.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x591..=0x5c7 | 0x610..=0x65f | 0x900..=0xdff | 0xe31..=0xe4e)
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut start, mut after_dash, mut after_apostrophe) = (None, false, false);
    let mut last = ' ';
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        // Thai abbreviates months with a period between letters: ม.ค.
        let inside = c == '.' && start.is_some() && text[at + 1..].starts_with(|c: char| ('ก'..='ฮ').contains(&c));
        let part = at < text.len() && (c.is_alphanumeric() || is_mark(c) || inside);
        // "01MAY2024" is three words; "1er" and "2024ko" are one.
        let turns = last.is_ascii_digit() != c.is_ascii_digit();
        let long = |t: &str| t.chars().take_while(|c| c.is_alphabetic()).count() > 2;
        let splits = turns
            && start.is_some_and(|from| if c.is_ascii_digit() { long(&text[from..at]) } else { long(&text[at..]) });
        match (part, start) {
            (true, None) => start = Some(at),
            (true, Some(from)) if splits => {
                words.push(Word { text: &text[from..at], from, after_dash, after_apostrophe });
                (start, after_dash, after_apostrophe) = (Some(at), false, false);
            }
            (false, Some(from)) => {
                words.push(Word { text: &text[from..at], from, after_dash, after_apostrophe });
                (start, after_dash, after_apostrophe) = (None, false, false);
            }
            _ => {}
        }
        if !part {
            after_apostrophe = matches!(c, '\'' | '’' | '‘');
        }
        last = c;
        after_dash |= !part && matches!(c, '-' | '–' | '—' | '−' | '~' | '〜' | '/' | '&');
    }
    words
}

/// Reads `4`, `4th`, `1er`, `1日`.
fn day_in(word: &Word<'_>) -> Option<i64> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = &word.text[digits..];
    let known = matches!(
        suffix,
        "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "º" | "o" | "ª" | "d" | "ος" | "η" | "го" | "a" | "°"
    );
    word.text[..digits].parse().ok().filter(|n| known && digits <= 2 && (1..=31).contains(n))
}

fn year_in(word: &Word<'_>) -> Option<i64> {
    let digits = word.text.bytes().take_while(u8::is_ascii_digit).count();
    let suffix = &word.text[digits..];
    let known = matches!(suffix, "" | "г" | "р" | "m" | "r" | "ko" | "년" | "年");
    expand_year(&word.text[..digits]).filter(|_| known && digits == 4)
}

/// A day and a month, and the year if one stands with them.
struct DayParts {
    month: Month,
    day: i64,
    year: Option<i64>,
    from: usize,
    to: usize,
}

/// Returns the parts of a day around the month at `at`.
fn day_parts(words: &[Word<'_>], at: usize, month: Month, context: (&str, &str)) -> Option<DayParts> {
    let previous =
        |from: usize| (0..from).rev().find(|i| !JOINING_WORDS.contains(&words[*i].text)).filter(|i| from - i <= 3);
    let following =
        |from: usize| (from..words.len()).find(|i| !JOINING_WORDS.contains(&words[*i].text)).filter(|i| i - from <= 2);
    // A year right there, otherwise one after the time of day.
    let year_after = |from: usize| -> Option<(i64, usize)> {
        let next = following(from)?;
        let short = || {
            let two = words[next].text;
            let year = || expand_year(two).map(|year| eras::expand_buddhist_year(year, context));
            (two.len() == 2 && two.bytes().all(|b| b.is_ascii_digit())).then(year).flatten()
        };
        if let Some(year) = year_in(&words[next]) {
            return Some((year, next));
        }
        let time = |w: &Word<'_>| w.text.len() <= 4 && month_in_locale(w.text, "").is_none() && !w.after_dash;
        let far = (next..words.len().min(next + MAX_WORD_DISTANCE))
            .take_while(|i| time(&words[*i]))
            .find_map(|i| year_in(&words[i]).map(|y| (y, i)));
        far.or_else(|| short().map(|year| (year, next)))
    };
    if let Some(before) = previous(at)
        && let Some(last) = day_in(&words[before])
    {
        // "1–3 May", "1. bis zum 3. Mai": takes the first day.
        let between = |i: &usize| RANGE_WORDS.contains(&words[*i].text) || JOINING_WORDS.contains(&words[*i].text);
        let skipped = (0..before).rev().take_while(between).take(MAX_WORD_DISTANCE).count();
        let ranged = words[before].after_dash
            || words[before - skipped..before].iter().any(|w| w.after_dash || RANGE_WORDS.contains(&w.text));
        let first = (before - skipped)
            .checked_sub(1)
            .filter(|_| ranged)
            .and_then(|i| day_in(&words[i]).map(|d| (d, i)))
            .filter(|(d, _)| *d < last);
        let (day, from) = first.unwrap_or((last, before));
        let year = year_after(at + 1);
        // "2024. gada 1. maijs".
        let year = year.or_else(|| previous(from).and_then(|i| year_in(&words[i]).map(|y| (y, at))));
        return Some(DayParts { month, day, year: year.map(|y| y.0), from, to: year.map_or(at, |y| y.1) });
    }
    let next = following(at + 1)?;
    let day = day_in(&words[next])?;
    // "2025 May 4", "2025. március 4."
    if let Some(before) = previous(at)
        && let Some(year) = year_in(&words[before])
    {
        return Some(DayParts { month, day, year: Some(year), from: before, to: next });
    }
    // "May 1–3, 2024": the year stands after the last day.
    let next_word = words.get(next + 1).filter(|w| w.after_dash || RANGE_WORDS.contains(&w.text));
    let skip = next_word.map_or(0, |w| if w.after_dash { 1 } else { 2 });
    let last = skip > 0 && words.get(next + skip).is_some_and(|w| day_in(w).is_some());
    let year = year_after(if last { next + skip + 1 } else { next + 1 });
    // "May 30, 24" is rare, "May 5 10:15" is not.
    let year =
        year.filter(|(_, i)| words[*i].text.len() == 4 || words[*i].after_apostrophe || year_in(&words[*i]).is_some());
    Some(DayParts { month, day, year: year.map(|y| y.0), from: at, to: year.map_or(next, |y| y.1) })
}

fn as_date(parts: &DayParts, year: i64, context: (&str, &str)) -> Option<Date> {
    if parts.month.persian {
        return eras::persian_date(year, parts.month.number, parts.day);
    }
    to_date(year, parts.month.number, parts.day, context)
}

/// Returns the first day with a month in words.
pub(super) fn find(text: &str, locale: &str) -> Option<NamedDay> {
    let text = &*with_joined_months(text);
    let words = words(text);
    let length = |from: usize, to: usize| {
        let end = words[to].from + words[to].text.len();
        text[words[from].from..end.max(words[from].from)].chars().count()
    };
    let mut without_year: Option<DayParts> = None;
    for (at, word) in words.iter().enumerate() {
        let Some(month) = month_in_locale(word.text, locale) else { continue };
        let Some(found) = day_parts(&words, at, month, (text, locale)) else { continue };
        let Some(year) = found.year else {
            without_year = without_year.or(Some(found));
            continue;
        };
        // "May 30 – June 2, 2024": the year belongs to the last day, and the first may lie in the year before.
        let first = without_year.filter(|o| {
            (o.to + 1..=o.to + 2).any(|i| words.get(i).is_some_and(|w| w.after_dash || RANGE_WORDS.contains(&w.text)))
                && found.from <= o.to + 2
        });
        if let Some(first) = first {
            let year = if (first.month.number, first.day) > (month.number, found.day) { year - 1 } else { year };
            return named_day(as_date(&first, year, (text, locale)), length(first.from, found.to));
        }
        let (from, to) = (found.from.min(at), found.to.max(at));
        return named_day(as_date(&found, year, (text, locale)), length(from, to));
    }
    vietnamese(&words)
}

/// Reads `4 tháng 3, 2025`, `1 thg 5, 2024` and `ngày 4 tháng 3 năm 2025`.
fn vietnamese(words: &[Word<'_>]) -> Option<NamedDay> {
    let at = words.iter().position(|w| matches!(w.text, "tháng" | "thg"))?;
    let number = |i: usize| words.get(i).and_then(|w| w.text.parse::<i64>().ok());
    let year = number(at + 2).or_else(|| number(at + 3))?;
    named_day(to_date(year, number(at + 1)?, number(at.checked_sub(1)?)?, ("", "")), 20)
}

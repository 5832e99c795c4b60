//! Reads days with a month in words: `March 4, 2025`, `4. März 2025`, `2024 m. gegužės 1 d.`,
//! `Wed May 1 22:15:00 EDT 2024`, and the first day of ranges of them.

use jiff::civil::Date;

use super::calendar::{Month, month_in, with_joined_months};
use super::day::{Named, day, named, year_of};
use super::eras;

/// How many words after a day its year may stand: a time and a time zone may come between.
const REACH: usize = 6;
/// Words between the parts of a day.
const JOINS: [&str; 20] = [
    "de", "del", "of", "the", "m", "g", "gada", "gads", "ng", "da", "ta", "d", "zum", "den", "der", "el", "il", "l",
    "พ.ศ", "ค.ศ",
];
/// Words between the days of a range.
const RANGES: [&str; 20] = [
    "to", "bis", "au", "al", "a", "ao", "til", "till", "tot", "do", "до", "по", "until", "through", "and", "und", "et",
    "y", "t", "och",
];

/// A word, and whether a dash stands before it.
struct Word<'t> {
    text: &'t str,
    from: usize,
    dashed: bool,
    /// Whether an apostrophe stands before it, in place of a year's century.
    cut: bool,
}

/// Returns whether a character is a mark that belongs to the letter before it, in scripts that pages write months in.
fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x591..=0x5c7 | 0x610..=0x65f | 0x900..=0xdff | 0xe31..=0xe4e)
}

fn words(text: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut start, mut dashed, mut cut) = (None, false, false);
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
                words.push(Word { text: &text[from..at], from, dashed, cut });
                (start, dashed, cut) = (Some(at), false, false);
            }
            (false, Some(from)) => {
                words.push(Word { text: &text[from..at], from, dashed, cut });
                (start, dashed, cut) = (None, false, false);
            }
            _ => {}
        }
        if !part {
            cut = matches!(c, '\'' | '’' | '‘');
        }
        last = c;
        dashed |= !part && matches!(c, '-' | '–' | '—' | '−' | '~' | '〜' | '/' | '&');
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
    year_of(&word.text[..digits]).filter(|_| known && digits == 4)
}

/// A day and a month, and the year if one stands with them.
struct Parts {
    month: Month,
    day: i64,
    year: Option<i64>,
    from: usize,
    to: usize,
}

/// Returns the parts of a day around the month at `at`.
fn parts(words: &[Word<'_>], at: usize, month: Month, context: (&str, &str)) -> Option<Parts> {
    let back = |from: usize| (0..from).rev().find(|i| !JOINS.contains(&words[*i].text)).filter(|i| from - i <= 3);
    let on = |from: usize| (from..words.len()).find(|i| !JOINS.contains(&words[*i].text)).filter(|i| i - from <= 2);
    // A year right there, otherwise one after the time of day.
    let year_behind = |from: usize| -> Option<(i64, usize)> {
        let next = on(from)?;
        let short = || {
            let two = words[next].text;
            let year = || year_of(two).map(|year| eras::short_year(year, context));
            (two.len() == 2 && two.bytes().all(|b| b.is_ascii_digit())).then(year).flatten()
        };
        if let Some(year) = year_in(&words[next]) {
            return Some((year, next));
        }
        let time = |w: &Word<'_>| w.text.len() <= 4 && month_in(w.text, "").is_none() && !w.dashed;
        let far = (next..words.len().min(next + REACH))
            .take_while(|i| time(&words[*i]))
            .find_map(|i| year_in(&words[i]).map(|y| (y, i)));
        far.or_else(|| short().map(|year| (year, next)))
    };
    if let Some(before) = back(at)
        && let Some(last) = day_in(&words[before])
    {
        // "1–3 May", "1. bis zum 3. Mai": takes the first day.
        let between = |i: &usize| RANGES.contains(&words[*i].text) || JOINS.contains(&words[*i].text);
        let skipped = (0..before).rev().take_while(between).take(REACH).count();
        let ranged = words[before].dashed
            || words[before - skipped..before].iter().any(|w| w.dashed || RANGES.contains(&w.text));
        let first = (before - skipped)
            .checked_sub(1)
            .filter(|_| ranged)
            .and_then(|i| day_in(&words[i]).map(|d| (d, i)))
            .filter(|(d, _)| *d < last);
        let (day, from) = first.unwrap_or((last, before));
        let year = year_behind(at + 1);
        // "2024. gada 1. maijs".
        let year = year.or_else(|| back(from).and_then(|i| year_in(&words[i]).map(|y| (y, at))));
        return Some(Parts { month, day, year: year.map(|y| y.0), from, to: year.map_or(at, |y| y.1) });
    }
    let next = on(at + 1)?;
    let day = day_in(&words[next])?;
    // "2025 May 4", "2025. március 4."
    if let Some(before) = back(at)
        && let Some(year) = year_in(&words[before])
    {
        return Some(Parts { month, day, year: Some(year), from: before, to: next });
    }
    // "May 1–3, 2024": the year stands after the last day.
    let behind = words.get(next + 1).filter(|w| w.dashed || RANGES.contains(&w.text));
    let skip = behind.map_or(0, |w| if w.dashed { 1 } else { 2 });
    let last = skip > 0 && words.get(next + skip).is_some_and(|w| day_in(w).is_some());
    let year = year_behind(if last { next + skip + 1 } else { next + 1 });
    // "May 30, 24" is rare, "May 5 10:15" is not.
    let year = year.filter(|(_, i)| words[*i].text.len() == 4 || words[*i].cut || year_in(&words[*i]).is_some());
    Some(Parts { month, day, year: year.map(|y| y.0), from: at, to: year.map_or(next, |y| y.1) })
}

fn as_date(parts: &Parts, year: i64, context: (&str, &str)) -> Option<Date> {
    if parts.month.persian {
        return eras::persian(year, parts.month.number, parts.day);
    }
    day(year, parts.month.number, parts.day, context)
}

/// Returns the first day with a month in words.
pub(super) fn find(text: &str, locale: &str) -> Option<Named> {
    let text = &*with_joined_months(text);
    let words = words(text);
    let length = |from: usize, to: usize| {
        let end = words[to].from + words[to].text.len();
        text[words[from].from..end.max(words[from].from)].chars().count()
    };
    let mut open: Option<Parts> = None;
    for (at, word) in words.iter().enumerate() {
        let Some(month) = month_in(word.text, locale) else { continue };
        let Some(found) = parts(&words, at, month, (text, locale)) else { continue };
        let Some(year) = found.year else {
            open = open.or(Some(found));
            continue;
        };
        // "May 30 – June 2, 2024": the year belongs to the last day, and the first may lie in the year before.
        let first = open.filter(|o| {
            (o.to + 1..=o.to + 2).any(|i| words.get(i).is_some_and(|w| w.dashed || RANGES.contains(&w.text)))
                && found.from <= o.to + 2
        });
        if let Some(first) = first {
            let year = if (first.month.number, first.day) > (month.number, found.day) { year - 1 } else { year };
            return named(as_date(&first, year, (text, locale)), length(first.from, found.to));
        }
        let (from, to) = (found.from.min(at), found.to.max(at));
        return named(as_date(&found, year, (text, locale)), length(from, to));
    }
    vietnamese(&words)
}

/// Reads `4 tháng 3, 2025`, `1 thg 5, 2024` and `ngày 4 tháng 3 năm 2025`.
fn vietnamese(words: &[Word<'_>]) -> Option<Named> {
    let at = words.iter().position(|w| matches!(w.text, "tháng" | "thg"))?;
    let number = |i: usize| words.get(i).and_then(|w| w.text.parse::<i64>().ok());
    let year = number(at + 2).or_else(|| number(at + 3))?;
    named(day(year, number(at + 1)?, number(at.checked_sub(1)?)?, ("", "")), 20)
}

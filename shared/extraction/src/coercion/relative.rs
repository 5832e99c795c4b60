//! Reads days relative to the day of the fetch: "yesterday", "3 days ago", in every language of the table.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::phrases;
use super::day::{NamedDay, named_day};
use crate::phrases::is_unspaced_script;

/// Maximum length of a text that consists of a future span, in bytes.
const MAX_SPAN_TEXT: usize = 40;

/// Every word that a text needs to name such a day. `None` only if the table is too big to compile, which a test rules
/// out.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let all = ["today", "yesterday", "tomorrow", "ago", "daybefore", "dayafter"].into_iter().flat_map(phrases);
    AhoCorasick::new(all).ok()
});

/// Returns whether a text, in lower case, has a word that may name such a day: a cheap check before [`find`].
pub(super) fn may_name_day(text: &str) -> bool {
    WORDS.as_ref().is_none_or(|words| words.is_match(text))
}

/// Units that are counted, by the key of their words.
const UNITS: [&str; 7] = ["weeks", "seconds", "minutes", "days", "months", "hours", "years"];
/// Words for numbers from two on, by their keys.
const NUMBERS: [&str; 9] = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
/// Words that mean two of a unit.
const DUALS: [(&str, &str); 4] =
    [("twodays", "days"), ("twoweeks", "weeks"), ("twomonths", "months"), ("twoyears", "years")];
/// Maximum count.
const MAX_COUNT: i64 = 36_500;

/// Returns the number that a word is.
fn number_of_word(word: &str) -> Option<i64> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return word[..digits].parse().ok();
    }
    let (two_on, count) = (NUMBERS.iter().zip(2..), |key: &&str| phrases(key).contains(&word));
    two_on.clone().find(|(key, _)| count(key)).map(|(_, n)| n).or_else(|| phrases("one").contains(&word).then_some(1))
}

/// Returns the unit of a word, ignoring digits before it. Short words in Latin letters must match as a whole.
fn unit(word: &str) -> Option<&'static str> {
    let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let is = |s: &str| {
        let short = s.is_ascii() && s.len() <= 2 || s.chars().nth(1).is_none() && !s.chars().all(is_unspaced_script);
        if short { word == s || word.strip_suffix('s') == Some(s) } else { word.starts_with(s) }
    };
    UNITS.into_iter().find(|key| !word.is_empty() && phrases(key).iter().any(|s| is(s)))
}

/// Returns how many of which unit words name: "3 days", "two weeks", "三天", "يومين". With `allow_unit_alone`,
/// a unit without a number counts as one: "неделю назад".
fn count_and_unit(words: &[&str], allow_unit_alone: bool) -> Option<(i64, &'static str)> {
    // A number and its unit in one word, in a script with or without spaces: "3日前", "2d".
    for word in words {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        let spelled = || {
            NUMBERS.iter().zip(2..).find_map(|(key, n)| {
                let sign = phrases(key).iter().find(|s| s.chars().all(is_unspaced_script) && word.starts_with(**s))?;
                Some((n, sign.len()))
            })
        };
        let (count, length) = match digits {
            0 => match spelled() {
                Some(found) => found,
                None => continue,
            },
            _ => (word[..digits].parse().ok()?, digits),
        };
        if let Some(unit) = unit(&word[length..]) {
            return Some((count, unit));
        }
    }
    for (at, word) in words.iter().enumerate() {
        if let Some((_, unit)) = DUALS.iter().find(|(key, _)| phrases(key).contains(word)) {
            return Some((2, unit));
        }
        let before = at.checked_sub(1).and_then(|i| words.get(i)).and_then(|w| number_of_word(w));
        if let Some((count, unit)) = before.zip(unit(word)) {
            return Some((count, unit));
        }
    }
    // Arabic and similar languages may put the unit before its number, or have no number.
    let lone = || words.iter().find_map(|w| unit(w)).filter(|_| allow_unit_alone && words.len() == 2);
    lone().filter(|_| !words.iter().any(|w| w.is_ascii() && w.ends_with('s'))).map(|unit| (1, unit))
}

/// Returns whether the words put a span into the future: "in 3 days", "3 gün sonra", "3日後". A leading word must stand
/// right before the count, because "in" occurs in many texts.
fn is_future(text: &str, words: &[&str]) -> bool {
    let Some(count) = words.iter().position(|w| number_of_word(w).is_some() && !phrases("ahead").contains(w)) else {
        return false;
    };
    let before = words[..count].join(" ");
    let leads = phrases("ahead").iter().any(|p| before == *p) && words.len() <= count + 2;
    leads
        || phrases("behind").iter().any(|p| {
            let wide = p.chars().all(is_unspaced_script);
            if wide { text.ends_with(p) } else { text.strip_suffix(p).is_some_and(|r| r.ends_with(' ')) }
        })
}

/// Returns the day that a text names relative to today.
pub(super) fn find(text: &str, today: Date) -> Option<NamedDay> {
    let text = text.trim();
    let may_be_relative = may_name_day(text);
    let may_be_future = text.len() <= MAX_SPAN_TEXT
        && (phrases("ahead").iter().any(|p| text.starts_with(p))
            || phrases("behind").iter().any(|p| text.ends_with(p)));
    if !may_be_relative && !may_be_future {
        return None;
    }
    let text = text.trim_matches(|c: char| !c.is_alphanumeric() && c != '\u{947}');
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || ",.:;|•".contains(c)).filter(|w| !w.is_empty()).collect();
    if words.len() > 8 || words.is_empty() {
        return None;
    }
    let length = text.chars().count();
    // "Last updated yesterday at 10:15 am": with a time of day beside it, a word names a day wherever it stands.
    let timed = text
        .as_bytes()
        .windows(4)
        .any(|w| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit() && w[3].is_ascii_digit());
    let has_phrase = |key: &str| {
        phrases(key).iter().any(|p| {
            let wide = p.chars().any(is_unspaced_script);
            text == *p
                || (wide && text.contains(p))
                || text.strip_prefix(p).is_some_and(|r| r.starts_with([' ', ',']))
                || (p.contains(' ') && text.contains(p))
                || (words.len() <= 4 && p.chars().count() > 3 && words.last() == Some(p))
                || (timed && p.chars().count() > 3 && words.contains(p))
        })
    };
    let past = may_be_relative
        && phrases("ago").iter().any(|p| {
            words.contains(p)
                || (p.contains(' ') && text.contains(p))
                || (p.chars().all(is_unspaced_script) && text.ends_with(p))
        });
    let future = !past && may_be_future && is_future(text, &words);
    if past || future {
        // Words for the past may look like a number: "il y a".
        let counting: Vec<&str> = if text.starts_with("il y a ") { words[3..].to_vec() } else { words.clone() };
        if let Some((count, unit)) = count_and_unit(&counting, past).filter(|(n, _)| (0..=MAX_COUNT).contains(n)) {
            let span = match unit {
                "weeks" => (count * 7).days(),
                "seconds" | "minutes" => 0.days(),
                "days" => count.days(),
                "months" => count.months(),
                // Hours may reach into the day before; without the time of day, today is the better guess below 24.
                "hours" => (count / 24).days(),
                _ => count.min(3_000).years(),
            };
            let day = if future { today.checked_add(span) } else { today.checked_sub(span) };
            return named_day(day.ok(), length);
        }
    }
    if !may_be_relative {
        return None;
    }
    if has_phrase("daybefore") || has_phrase("dayafter") {
        let days = if has_phrase("daybefore") { -2 } else { 2 };
        return named_day(today.checked_add(days.days()).ok(), length);
    }
    let offset = match (has_phrase("today"), has_phrase("yesterday"), has_phrase("tomorrow")) {
        (_, true, _) => -1,
        (_, _, true) => 1,
        (true, ..) => 0,
        _ => return None,
    };
    named_day(today.checked_add(offset.days()).ok(), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_a_word_for_a_day_are_ruled_out_cheaply() {
        assert!(WORDS.is_some());
        assert!(may_name_day("3 days ago") && may_name_day("昨日") && !may_name_day("item 5, $4.99"));
    }
}

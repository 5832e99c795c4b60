//! Days relative to the day of the fetch: "yesterday", "3 days ago", in every language of the table.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use jiff::ToSpan;
use jiff::civil::Date;

use super::calendar::phrases;
use super::date::{Named, named};

/// Longest text that may be a span to come and nothing else, in bytes.
const SHORT: usize = 40;

/// Every word without which no text names such a day. `None` only if the table was too big to be compiled, which a
/// test excludes.
static WORDS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let all = ["today", "yesterday", "tomorrow", "ago", "daybefore", "dayafter"].into_iter().flat_map(phrases);
    AhoCorasick::new(all).ok()
});

/// Whether a text, in lower case, has a word that may name such a day: the cheap question before [`find`].
pub(super) fn may_name(text: &str) -> bool {
    WORDS.as_ref().is_none_or(|words| words.is_match(text))
}

/// Whether the words say that a span lies in the time to come: "in 3 days", "3 gün sonra", "3日後". The word before
/// stands right before the count, because "in" stands in many a text.
fn is_ahead(text: &str, words: &[&str]) -> bool {
    let starts = |w: &&str| w.starts_with(|c: char| c.is_ascii_digit()) || phrases("one").contains(w);
    let Some(count) = words.iter().position(starts) else { return false };
    let before = words[..count].join(" ");
    let leads = phrases("ahead").iter().any(|p| before == *p) && words.len() <= count + 2;
    leads
        || phrases("behind").iter().any(|p| {
            let wide = p.chars().all(|c| c > '\u{2e7f}');
            if wide { text.ends_with(p) } else { text.strip_suffix(p).is_some_and(|r| r.ends_with(' ')) }
        })
}

/// The day that a text names relative to today.
pub(super) fn find(text: &str, today: Date) -> Option<Named> {
    let short = text.len() <= SHORT && text.bytes().any(|b| b.is_ascii_digit());
    if !short && !may_name(text) {
        return None;
    }
    let text = text.trim().trim_matches(|c: char| !c.is_alphanumeric() && c != '\u{947}');
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || ",.:;|•".contains(c)).filter(|w| !w.is_empty()).collect();
    if words.len() > 8 || words.is_empty() {
        return None;
    }
    let length = text.chars().count();
    // "Last updated yesterday at 10:15 am": with a time of day beside it, a word is about a day wherever it stands.
    let timed = text
        .as_bytes()
        .windows(4)
        .any(|w| w[0].is_ascii_digit() && w[1] == b':' && w[2].is_ascii_digit() && w[3].is_ascii_digit());
    let says = |key: &str| {
        phrases(key).iter().any(|p| {
            let wide = p.chars().any(|c| c > '\u{2e7f}');
            text == *p
                || (wide && text.contains(p))
                || text.strip_prefix(p).is_some_and(|r| r.starts_with([' ', ',']))
                || (p.contains(' ') && text.contains(p))
                || (words.len() <= 4 && p.chars().count() > 3 && words.last() == Some(p))
                || (timed && p.chars().count() > 3 && words.contains(p))
        })
    };
    let past = phrases("ago").iter().any(|p| {
        words.contains(p)
            || (p.contains(' ') && text.contains(p))
            || (p.chars().all(|c| c > '\u{2e7f}') && text.ends_with(p))
    });
    let count: Option<i64> = {
        let digits: String =
            text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        if digits.is_empty() {
            words.iter().any(|w| phrases("one").contains(w)).then_some(1)
        } else {
            digits.parse().ok()
        }
    };
    let ahead = !past && short && is_ahead(text, &words);
    if (past || ahead)
        && let Some(count) = count.filter(|n| (0..=36_500).contains(n))
    {
        let unit = |key: &str| {
            phrases(key).iter().any(|s| {
                let wide = s.chars().any(|c| c > '\u{2e7f}');
                let short = s.is_ascii() && s.len() <= 2 || s.chars().nth(1).is_none();
                let is = |w: &str| if short { w == *s || w.strip_suffix('s') == Some(s) } else { w.starts_with(s) };
                words.iter().any(|w| is(w.trim_start_matches(|c: char| c.is_ascii_digit())))
                    || (wide && text.contains(s))
            })
        };
        let span = if unit("weeks") {
            (count * 7).days()
        } else if unit("seconds") || unit("minutes") {
            0.days()
        } else if unit("days") {
            count.days()
        } else if unit("months") {
            count.months()
        } else if unit("hours") {
            // Hours may reach into the day before; without the time of day, today is the better guess below 24.
            (count / 24).days()
        } else if unit("years") {
            count.min(3_000).years()
        } else {
            return None;
        };
        let day = if ahead { today.checked_add(span) } else { today.checked_sub(span) };
        return named(day.ok(), length);
    }
    if says("daybefore") || says("dayafter") {
        let days = if says("daybefore") { -2 } else { 2 };
        return named(today.checked_add(days.days()).ok(), length);
    }
    let offset = match (says("today"), says("yesterday"), says("tomorrow")) {
        (_, true, _) => -1,
        (_, _, true) => 1,
        (true, ..) => 0,
        _ => return None,
    };
    named(today.checked_add(offset.days()).ok(), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_no_day_is_seen_at_once() {
        assert!(WORDS.is_some());
        assert!(may_name("3 days ago") && may_name("昨日") && !may_name("item 5, $4.99"));
    }
}

//! Reads durations as seconds: ISO 8601 (`PT1H30M`), words ("1 hr 20 min", "1½ Stunden"), clocks ("1:20").

use super::fractions::fraction_char_value;
use super::number;

/// Maximum number of characters that are examined.
const MAX_CHARS: usize = 80;

/// Seconds of an hour and of a minute.
const HOUR: f64 = 3_600.0;
const MINUTE: f64 = 60.0;

/// Units by the beginnings of their words. The longest matching beginning wins.
const UNITS: [(&[&str], f64); 4] = [
    (
        &[
            "d", "day", "tag", "jour", "día", "dia", "giorn", "dzień", "dni", "den", "dny", "nap", "gün", "день", "дн",
            "päiv", "dag",
        ],
        86_400.0,
    ),
    (
        &[
            "h", "hr", "hour", "std", "stunde", "heure", "hora", "ora", "ore", "uur", "uren", "godz", "hod", "timm",
            "time", "timer", "tim", "tunti", "tuntia", "óra", "oră", "saat", "sa", "час", "ч", "год", "ώρ", "ur",
            "jam", "時間", "小时", "시간",
        ],
        HOUR,
    ),
    (
        &[
            "m", "min", "minute", "minut", "minuut", "mins", "'", "’", "′", "мин", "хв", "dk", "dakika", "perc", "p",
            "λεπτ", "menit", "分", "분", "phút", "minuta",
        ],
        MINUTE,
    ),
    (&["s", "sec", "sek", "second", "segund", "сек", "saniye", "秒", "초", "\"", "″"], 1.0),
];

/// A duration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Duration {
    pub(crate) seconds: f64,
    /// Whether the text was only a number. Its unit is then the unit that the field asks for.
    pub(crate) unitless: bool,
    /// Whether this is the first duration of a range.
    pub(crate) is_range: bool,
}

/// Returns the duration that a text names.
pub(crate) fn read(text: &str, locale: &str) -> Option<Duration> {
    let text = text.trim();
    if let Some(seconds) = iso_seconds(text) {
        return Some(Duration { seconds, unitless: false, is_range: false });
    }
    // A text in this form that is not valid means nothing: the months of "P5M" have no fixed duration.
    if text.starts_with(['P', 'p']) && text[1..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let text: String = text.chars().take(MAX_CHARS).flat_map(char::to_lowercase).collect();
    read_clock(&text).or_else(|| read_words(&text, locale))
}

/// Returns the seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds, like `PT1H30M`. Months and
/// years have no fixed length in seconds; only zero ones, which templates write, are accepted.
pub(crate) fn iso_seconds(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['P', 'p'])?;
    if body.is_empty() || body.len() > 60 {
        return None;
    }
    let (mut total, mut number, mut in_time, mut any) = (0.0, String::new(), false, false);
    for c in body.chars().filter(|c| *c != ' ') {
        match c.to_ascii_uppercase() {
            'T' if number.is_empty() && !in_time => in_time = true,
            '0'..='9' | '.' => number.push(c),
            ',' => number.push('.'),
            unit => {
                let value: f64 = number.parse().ok()?;
                let factor = match (unit, in_time) {
                    ('W', false) => 604_800.0,
                    ('D', _) => 86_400.0,
                    ('H', true) => HOUR,
                    ('M', true) => MINUTE,
                    ('S', true) => 1.0,
                    ('Y' | 'M', false) if value == 0.0 => 0.0,
                    _ => return None,
                };
                total += value * factor;
                number.clear();
                any = true;
            }
        }
    }
    (any && number.is_empty() && total < 1e12).then_some(total)
}

/// Reads `1:20` (hours and minutes) and `1:20:30`.
fn read_clock(text: &str) -> Option<Duration> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |t: &str| Some(t).filter(|t| !t.is_empty() && t.len() <= 2)?.parse::<f64>().ok();
    let seconds = match parts[..] {
        [h, m] => number(h)? * HOUR + number(m)? * MINUTE,
        [h, m, s] => number(h)? * HOUR + number(m)? * MINUTE + number(s)?,
        _ => return None,
    };
    Some(Duration { seconds, unitless: false, is_range: false })
}

/// Adds up numbers with units, as long as the units get smaller.
fn read_words(text: &str, locale: &str) -> Option<Duration> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut total, mut last, mut any) = (0, 0.0, f64::INFINITY, false);
    let mut last_unit_at = 0;
    let mut any_range = false;
    while at < chars.len() {
        let starts = chars[at].is_ascii_digit() || fraction_char_value(chars[at]).is_some();
        if !starts {
            at += 1;
            continue;
        }
        let rest: String = chars[at..].iter().collect();
        // A day or a time of day after a duration is not part of it.
        let Some(found) = number::find(&rest, locale) else { break };
        let end = at + found.number_end.max(1);
        // In a range the first number counts; the unit stands after the second.
        let (unit_at, is_range) = if found.is_range { (range_end(&chars, end), true) } else { (end, false) };
        let unit = unit_after(&chars, unit_at);
        match unit {
            Some(unit) if unit < last => {
                total += found.value * unit;
                (last, any, last_unit_at) = (unit, true, unit_at);
                any_range |= is_range;
                at = unit_at.max(end);
            }
            Some(_) => break,
            None if !any => {
                // A number without a unit counts only if it is the whole text.
                let alone = chars.iter().all(|c| {
                    c.is_ascii_digit() || c.is_whitespace() || ".,-–~".contains(*c) || fraction_char_value(*c).is_some()
                });
                if alone {
                    return Some(Duration { seconds: found.value, unitless: true, is_range: found.is_range });
                }
                at = end;
            }
            None if last == HOUR && are_minutes(&chars, last_unit_at, at, end) => {
                total += found.value * MINUTE;
                break;
            }
            None => at = end,
        }
    }
    any.then_some(Duration { seconds: total, unitless: false, is_range: any_range })
}

/// Returns whether a number without a unit gives the minutes after hours: "1h30", "1 heure 10". A number after a space
/// may also begin something else ("1 h 4 people"), so nothing may follow it.
fn are_minutes(chars: &[char], unit_at: usize, from: usize, to: usize) -> bool {
    let (Some(between), Some(digits)) = (chars.get(unit_at..from), chars.get(from..to)) else { return false };
    let is_next = between.iter().all(|c| c.is_alphabetic() || matches!(c, ' ' | '\u{a0}' | '.'))
        && between.split(|c| !c.is_alphabetic()).filter(|word| !word.is_empty()).count() == 1;
    let is_below_60 = matches!(digits, ['0'..='9'] | ['0'..='5', '0'..='9']);
    let is_attached = between.last().is_some_and(|c| c.is_alphabetic());
    let ends = match chars.get(to) {
        None => true,
        Some(' ') => is_attached,
        Some(next) => matches!(next, ',' | ';' | '.' | ')' | '|' | '·'),
    };
    is_next && is_below_60 && ends
}

/// Returns where the second number of a range ends.
fn range_end(chars: &[char], from: usize) -> usize {
    let digit = (from..chars.len()).find(|i| chars[*i].is_ascii_digit()).unwrap_or(from);
    (digit..chars.len()).find(|i| !chars[*i].is_ascii_digit()).unwrap_or(chars.len())
}

fn unit_after(chars: &[char], from: usize) -> Option<f64> {
    let start = (from..chars.len()).find(|i| !matches!(chars[*i], ' ' | '-' | '\u{a0}' | '.'))?;
    let word: String =
        chars[start..].iter().take_while(|c| c.is_alphabetic() || "'’′\"″".contains(**c)).take(14).collect();
    if word.is_empty() {
        return None;
    }
    // The longest beginning wins: "min" over "m".
    let hits = UNITS.iter().flat_map(|(stems, unit)| stems.iter().map(move |s| (*s, *unit)));
    let hits = hits.filter(|(stem, _)| {
        if stem.chars().count() <= 2 {
            word == *stem || word.trim_end_matches('s') == *stem || word.starts_with(stem) && !stem.is_ascii()
        } else {
            word.starts_with(stem)
        }
    });
    hits.max_by_key(|(stem, _)| stem.len()).map(|(_, unit)| unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_seconds() {
        for (text, want) in [
            ("PT1H30M", 5_400.0),
            ("P1DT2H", 93_600.0),
            ("P0Y0M0DT0H25M0.000S", 1_500.0),
            ("pt0m", 0.0),
            ("1 hr 20 min", 4_800.0),
            ("1 hour and 5 minutes", 3_900.0),
            ("1h30", 5_400.0),
            ("1h05 de cuisson", 3_900.0),
            ("1 h 4 people", 3_600.0),
            ("1 h 90", 3_600.0),
            ("1 hour or 30", 3_600.0),
            ("1 h 20 min, 2025-03-04", 4_800.0),
            ("45 min, 18:30", 2_700.0),
            ("45 minutes", 2_700.0),
            ("45min.", 2_700.0),
            ("45m", 2_700.0),
            ("1h 5m", 3_900.0),
            ("30-40 mins", 1_800.0),
            ("1½ hours", 5_400.0),
            ("1 1/2 hours", 5_400.0),
            ("½ Stunde", 1_800.0),
            ("ca. 20 Min.", 1_200.0),
            ("2 Std. 15 Min.", 8_100.0),
            ("1 heure 10", 4_200.0),
            ("40 perc", 2_400.0),
            ("1 godz. 30 min", 5_400.0),
            ("20 分", 1_200.0),
            ("1:20", 4_800.0),
            ("Cook: 3 days", 259_200.0),
        ] {
            assert_eq!(read(text, "en-US").map(|l| l.seconds), Some(want), "{text}");
        }
        // Whatever stands after the hours, no position is out of range.
        for text in [
            "1h½",
            "1h1½",
            "1h.5",
            "1h,",
            "1 h 5-",
            "1h 1/2",
            "1h1e9",
            "1h1.5k",
            "1h 2\u{a0}",
            "1h 5–6",
            "1h$3",
            "1h3$",
        ] {
            assert!(read(text, "en-US").is_some(), "{text}");
        }
        assert_eq!(read("30", "en-US"), Some(Duration { seconds: 30.0, unitless: true, is_range: false }));
        assert!(read("30-40 mins", "en-US").is_some_and(|l| l.is_range));
        for text in ["", "P", "PT", "PT5", "P5M", "PTxM", "soon", "serves 4"] {
            assert_eq!(read(text, "en-US"), None, "{text}");
        }
    }
}

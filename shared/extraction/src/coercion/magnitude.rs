//! Reads the factor after a number: "million", "Tsd.", 万, "k", exponents. The words are in `magnitudes.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::number_context::{is_digit_at, language};
use crate::phrases::is_unspaced_script;

/// Maximum number of digits of an exponent.
const MAX_EXPONENT: usize = 3;

/// The factor of a word, and the languages in which the word has that factor; no languages means all.
type LanguageFactor = (f64, Vec<&'static str>);

static WORDS: LazyLock<HashMap<&'static str, Vec<LanguageFactor>>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Vec<LanguageFactor>> = HashMap::new();
    for line in include_str!("magnitudes.txt").lines().filter(|l| !l.starts_with('#')) {
        let mut parts = line.split_whitespace();
        let (Some(factor), Some(languages)) = (parts.next(), parts.next()) else { continue };
        let Ok(factor) = factor.parse() else { continue };
        let languages: Vec<_> = languages.split(',').filter(|l| *l != "*").collect();
        for word in parts {
            all.entry(word).or_default().push((factor, languages.clone()));
        }
    }
    all
});

fn factor(word: &str, locale: &str) -> Option<f64> {
    let language = language(locale);
    let lines = WORDS.get(word)?;
    lines.iter().find(|(_, l)| l.is_empty() || l.contains(&language.as_str())).map(|(factor, _)| *factor)
}

/// Returns the factor after a number that ends at `end`, and where the text continues. `currency_at`
/// returns the currency of the number if the number ends at a position.
pub(super) fn find(
    chars: &[char],
    (start, end): (usize, usize),
    locale: &str,
    currency_at: impl Fn(usize) -> Option<&'static str>,
) -> (f64, usize) {
    let mut at = end;
    while chars.get(at) == Some(&' ') {
        at += 1;
    }
    let letter =
        |c: &&char| c.is_alphabetic() || matches!(**c, '\u{93c}' | '\u{9bc}' | '\u{94d}' | '\u{e31}'..='\u{e4e}');
    let written: String = chars[at..].iter().take_while(letter).take(14).collect();
    let Some(first) = written.chars().next() else { return (1.0, end) };
    // Without spaces, a word is recognised by its beginning.
    if is_unspaced_script(first) {
        return find_in_unspaced_run(chars, at, &written, locale).unwrap_or((1.0, end));
    }
    let spaced = at > end;
    let after = at + written.chars().count();
    // A letter after a space is a size or a unit, unless the text is about money or contains nothing else.
    let may_be_factor = || !spaced || start == 0 || currency_at(after).is_some();
    let factor = match written.as_str() {
        "k" | "K" | "к" | "К" if !spaced => 1e3,
        "M" if may_be_factor() => 1e6,
        "B" if may_be_factor() && language(locale) != "tr" => 1e9,
        // "5m" is metres.
        "m" if !spaced && currency_at(after).is_some() => 1e6,
        "b" if !spaced && currency_at(after).is_some() => 1e9,
        "T" | "tn" if !spaced && currency_at(after).is_some() => 1e12,
        "L" if currency_at(after) == Some("INR") => 1e5,
        "Cr" | "cr" | "CR" if currency_at(after) == Some("INR") => 1e7,
        _ => match factor(&written.to_lowercase(), locale) {
            Some(factor) => factor,
            None => return (1.0, end),
        },
    };
    // The period of an abbreviation: "тыс. руб", "Mio. €".
    let point = chars.get(after) == Some(&'.') && chars.get(after + 1).is_none_or(|c| !c.is_alphanumeric());
    let after = after + usize::from(point);
    // "2 mil millones", "3 thousand million".
    let next: String = chars.get(after + 1..).unwrap_or_default().iter().take_while(letter).take(14).collect();
    match self::factor(&next.to_lowercase(), locale).filter(|f| factor == 1e3 && *f >= 1e6 && next.len() > 3) {
        Some(more) => (factor * more, after + 1 + next.chars().count()),
        None => (factor, after),
    }
}

/// Returns the factor at the beginning of a run of letters: 万円, 만원, ล้านบาท. Chinese puts the same characters before
/// metric units: 千克 is a kilogram.
fn find_in_unspaced_run(chars: &[char], at: usize, written: &str, locale: &str) -> Option<(f64, usize)> {
    let (word, factor) = (1..=written.chars().count().min(6)).rev().find_map(|length| {
        let word: String = written.chars().take(length).collect();
        factor(&word, locale).map(|f| (word, f))
    })?;
    let after = at + word.chars().count();
    (!is_metric(word.chars().next()?, chars.get(after).copied())).then_some((factor, after))
}

/// The smallest of the factors that stack.
pub(super) const MIN_STACKED_FACTOR: f64 = 1e3;
/// Factor from which a character closes a group: 万, 億, 兆.
const MIN_GROUP_FACTOR: f64 = 1e4;

/// Returns the factor of one of the characters that stack.
fn stacked_factor(c: char) -> Option<f64> {
    Some(match c {
        '千' | '천' => 1e3,
        '万' | '萬' | '만' => 1e4,
        '億' | '亿' | '억' => 1e8,
        '兆' | '조' => 1e12,
        _ => return None,
    })
}

/// Returns the value of a number continued with characters that stack, and where it ends: `1億2000万`, `12万3千`,
/// `1만 2,900`, `1억 2천만`. `first` is the number before the character at `end`.
pub(super) fn read_stacked(chars: &[char], end: usize, first: f64) -> Option<(f64, usize)> {
    let (mut total, mut section, mut at, mut smallest) = (0.0, 0.0, end, f64::INFINITY);
    let mut pending = Some(first);
    loop {
        let spaced = usize::from(chars.get(at) == Some(&' '));
        let here = at + spaced;
        let sign = chars.get(here).copied().and_then(|c| Some((c, stacked_factor(c)?)));
        if let Some((c, factor)) = sign {
            let next = chars.get(here + 1).copied();
            if (spaced > 0 && at != end) || factor >= smallest || is_metric(c, next) {
                break;
            }
            if factor >= MIN_GROUP_FACTOR {
                total += (section + pending.unwrap_or(0.0)) * factor;
                (section, smallest) = (0.0, factor);
            } else {
                section += pending? * factor;
            }
            (pending, at) = (None, here + 1);
            continue;
        }
        let run = chars.get(here..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit() || **c == ',').count();
        if pending.is_some() || run == 0 || run > 5 {
            break;
        }
        let written = &chars[here..here + run];
        let char_after = chars.get(here + run).copied();
        // A number that stands apart may count something else.
        let continues = written.contains(&',') || char_after.is_some_and(|c| stacked_factor(c).is_some() || c == '원');
        let digits: String = written.iter().filter(|c| **c != ',').collect();
        if (spaced > 0 && !continues) || matches!(char_after, Some('.')) {
            break;
        }
        pending = digits.parse().ok();
        at = here + run;
    }
    (at > end).then(|| {
        let value = total + section + pending.unwrap_or(0.0);
        ((value * 100.0).round() / 100.0, at)
    })
}

/// Returns whether a character belongs to a metric unit rather than being a factor: 千克 is a kilogram.
fn is_metric(sign: char, next: Option<char>) -> bool {
    matches!(sign, '千' | '兆') && next.is_some_and(|c| "克米瓦卡赫字比升帕伏".contains(c))
}

/// Returns the power of ten of `1e5` and where it ends.
pub(super) fn exponent(chars: &[char], end: usize) -> Option<(i32, usize)> {
    if !matches!(chars.get(end), Some('e' | 'E')) || end == 0 || !is_digit_at(chars, end - 1) {
        return None;
    }
    let signed = usize::from(matches!(chars.get(end + 1), Some('+' | '-')));
    let digits: String = chars[end + 1 + signed..].iter().take_while(|c| c.is_ascii_digit()).collect();
    let after = end + 1 + signed + digits.len();
    let alone = !chars.get(after).is_some_and(|c| c.is_alphanumeric());
    if !(1..=MAX_EXPONENT).contains(&digits.len()) || !alone {
        return None;
    }
    let power: i32 = digits.parse().ok()?;
    Some((if chars[end + 1] == '-' { -power } else { power }, after))
}

//! What multiplies the number before it: "million", "Tsd.", 万, "k", exponents. The words are in `magnitudes.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::around::{digit, language};

/// Most digits of an exponent.
const MAX_EXPONENT: usize = 3;

/// A word that multiplies, and the languages that read it so; none: all.
type Line = (f64, Vec<&'static str>);

static WORDS: LazyLock<HashMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut all: HashMap<&'static str, Vec<Line>> = HashMap::new();
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

/// Whether a script runs its words together, so that a word is known by its beginning.
fn runs_on(c: char) -> bool {
    ('\u{e00}'..='\u{eff}').contains(&c) || c > '\u{2e7f}'
}

fn factor(word: &str, locale: &str) -> Option<f64> {
    let language = language(locale);
    let lines = WORDS.get(word)?;
    lines.iter().find(|(_, l)| l.is_empty() || l.contains(&language.as_str())).map(|(factor, _)| *factor)
}

/// The factor that follows a number that ends at `end`, and where the text goes on. `money` tells whether the words
/// up to a place leave it an amount of money, and of which currency.
pub(super) fn find(
    chars: &[char],
    (start, end): (usize, usize),
    locale: &str,
    money: impl Fn(usize) -> Option<&'static str>,
) -> (f64, usize) {
    let mut at = end;
    while chars.get(at) == Some(&' ') {
        at += 1;
    }
    let letter = |c: &&char| c.is_alphabetic() || matches!(**c, '\u{94d}' | '\u{e31}'..='\u{e4e}');
    let written: String = chars[at..].iter().take_while(letter).take(14).collect();
    let Some(first) = written.chars().next() else { return (1.0, end) };
    if runs_on(first) {
        return run_on(chars, at, &written, locale).unwrap_or((1.0, end));
    }
    let spaced = at > end;
    let after = at + written.chars().count();
    // A letter with a space before it is a size or a unit, unless money is spoken of or nothing else is.
    let large = || !spaced || start == 0 || money(after).is_some();
    let factor = match written.as_str() {
        "k" | "K" | "к" | "К" if !spaced => 1e3,
        "M" if large() => 1e6,
        "B" if large() => 1e9,
        // "5m" are metres.
        "m" if !spaced && money(after).is_some() => 1e6,
        "b" if !spaced && money(after).is_some() => 1e9,
        "T" | "tn" if !spaced && money(after).is_some() => 1e12,
        "L" if money(after) == Some("INR") => 1e5,
        "Cr" | "cr" | "CR" if money(after) == Some("INR") => 1e7,
        _ => match factor(&written.to_lowercase(), locale) {
            Some(factor) => factor,
            None => return (1.0, end),
        },
    };
    // The point of an abbreviation: "тыс. руб", "Mio. €".
    let point = chars.get(after) == Some(&'.') && chars.get(after + 1).is_none_or(|c| !c.is_alphanumeric());
    (factor, after + usize::from(point))
}

/// The factor at the beginning of a run of letters: 万円, 만원, ล้านบาท. Chinese puts the same signs before units of
/// the metric system: 千克 is a kilogram.
fn run_on(chars: &[char], at: usize, written: &str, locale: &str) -> Option<(f64, usize)> {
    let (word, factor) = (1..=written.chars().count().min(6)).rev().find_map(|length| {
        let word: String = written.chars().take(length).collect();
        factor(&word, locale).map(|f| (word, f))
    })?;
    let after = at + word.chars().count();
    let metric = chars.get(after).is_some_and(|c| "克米瓦卡赫字比升帕伏".contains(*c));
    (!(metric && matches!(word.as_str(), "千" | "兆"))).then_some((factor, after))
}

/// Whether a factor was written as one of the signs that stack: 1億2000万.
pub(super) fn stacks(chars: &[char], after: usize) -> bool {
    after > 0 && "兆億亿万萬千조억만천".contains(chars[after - 1])
}

/// The power of ten of `1e5` and where it ends.
pub(super) fn exponent(chars: &[char], end: usize) -> Option<(i32, usize)> {
    if !matches!(chars.get(end), Some('e' | 'E')) || end == 0 || !digit(chars, end - 1) {
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

//! Currencies: their signs and codes, and which have thousandths. Look-ups only; the data is `currencies.txt`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// `currencies.txt`: maps what is written to its code.
static CODES_BY_SIGN: LazyLock<HashMap<String, &'static str>> = LazyLock::new(|| {
    let mut written = HashMap::new();
    for line in include_str!("currencies.txt").lines().filter(|l| !l.starts_with('#') && !l.contains('%')) {
        let mut words = line.split_whitespace();
        let Some(code) = words.next() else { continue };
        for sign in std::iter::once(code).chain(words) {
            written.insert(lookup_key(&sign.replace('_', " ")), code);
        }
    }
    written
});
/// The lines of `currencies.txt` for small coins: maps what is written to the currency's code.
static CODES_BY_COIN_WORD: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = include_str!("currencies.txt").lines().filter_map(|l| l.split_once("% "));
    lines.flat_map(|(code, words)| words.split_whitespace().map(move |word| (word, code))).collect()
});
/// The lengths of the signs that begin with a character, as a bit mask: a cheap check before a look-up in the table.
struct SignLengths {
    ascii: [u16; 128],
    others: HashMap<char, u16>,
}

impl SignLengths {
    fn of(&self, first: char) -> u16 {
        match self.ascii.get(first as usize) {
            Some(lengths) => *lengths,
            None => self.others.get(&first).copied().unwrap_or(0),
        }
    }
}

static SIGN_LENGTHS: LazyLock<SignLengths> = LazyLock::new(|| {
    let mut lengths = SignLengths { ascii: [0; 128], others: HashMap::new() };
    for sign in CODES_BY_SIGN.keys() {
        let (first, length) = (sign.chars().next().unwrap_or_default(), 1 << sign.chars().count());
        // Long signs are stored in lower case and occur in any case.
        for first in std::iter::once(first).chain(first.to_uppercase()) {
            match lengths.ascii.get_mut(first as usize) {
                Some(known) => *known |= length,
                None => *lengths.others.entry(first).or_default() |= length,
            }
        }
    }
    lengths
});
/// Codes that are words in lower case.
const CODES_LIKE_WORDS: [&str; 10] = ["all", "top", "try", "cup", "mop", "pen", "bam", "gip", "lak", "sos"];
/// Codes of currencies with thousandths. Source: ISO 4217, minor units.
const THOUSANDTHS: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
/// Maximum length of a sign, in characters.
const MAX_SIGN: usize = 8;

/// A currency beside a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdjacentCurrency {
    /// Its code.
    pub(super) code: &'static str,
    /// Where its sign begins and ends, in characters.
    pub(super) from: usize,
    pub(super) to: usize,
}

/// Returns whether one unit of a currency has a thousand parts.
pub(super) fn has_thousandths(code: &str) -> bool {
    THOUSANDTHS.contains(&code)
}

/// Returns the code of the currency that a text names, if it contains nothing else.
pub(super) fn code_of(text: &str) -> Option<&'static str> {
    if CODES_LIKE_WORDS.contains(&text) {
        return None;
    }
    CODES_BY_SIGN.get(&lookup_key(text)).copied()
}

/// Returns the key for a sign: case-insensitive, except for signs of one or two characters, which would be words.
fn lookup_key(sign: &str) -> String {
    if sign.chars().count() > 2 { sign.to_lowercase() } else { sign.to_owned() }
}

/// Returns the sign or code that ends right before `end`, ignoring spaces.
pub(super) fn find_before(chars: &[char], end: usize) -> Option<AdjacentCurrency> {
    let to = chars.get(..end)?.iter().rposition(|c| *c != ' ')? + 1;
    let from = to.saturating_sub(MAX_SIGN);
    (from..to).find_map(|from| sign_at(chars, from, to).filter(|b| may_precede_number(b.code, from, to, end)))
}

/// Returns the sign or code that begins right after `start`, ignoring spaces.
pub(super) fn find_after(chars: &[char], start: usize) -> Option<AdjacentCurrency> {
    let from = start + chars.get(start..)?.iter().position(|c| *c != ' ')?;
    // "R" stands before its number, never after it.
    if chars[from] == 'R' || SIGN_LENGTHS.of(chars[from]) == 0 {
        return None;
    }
    let max = (from + MAX_SIGN).min(chars.len());
    (from + 1..=max).rev().find_map(|to| sign_at(chars, from, to))
}

/// Returns whether a sign counts before a number. A lone letter does only if it touches a digit or begins the text:
/// "R 1 299.00", "R1,299".
fn may_precede_number(code: &str, from: usize, to: usize, end: usize) -> bool {
    code != "ZAR" || to - from > 1 || to == end || from == 0
}

/// Returns the sign in a range. Letters are a sign only if no other letter touches them: "EUR", not "EUROPE".
fn sign_at(chars: &[char], from: usize, to: usize) -> Option<AdjacentCurrency> {
    let (first, last) = (*chars.get(from)?, *chars.get(to.checked_sub(1)?)?);
    let letter = |c: char| c.is_alphabetic() && c < '\u{2e80}';
    let touched = letter(first) && from > 0 && letter(chars[from - 1])
        || letter(last) && chars.get(to).is_some_and(|c| letter(*c));
    if touched || SIGN_LENGTHS.of(first) >> (to - from) & 1 == 0 {
        return None;
    }
    let text: String = chars[from..to].iter().collect();
    code_of(&text).map(|code| AdjacentCurrency { code, from, to })
}

/// Returns where a sign for hundredths after a number ends, and its currency: `¢` anywhere, words only
/// with `expects_money`.
pub(super) fn coin_sign_after(chars: &[char], end: usize, expects_money: bool) -> Option<(usize, &'static str)> {
    let mut from = end;
    while chars.get(from) == Some(&' ') {
        from += 1;
    }
    if chars.get(from) == Some(&'¢') {
        return Some((from + 1, "USD"));
    }
    if !expects_money {
        return None;
    }
    let word: String = chars.get(from..)?.iter().take_while(|c| c.is_alphabetic()).take(10).collect();
    let code = CODES_BY_COIN_WORD.get(word.to_lowercase().as_str()).copied()?;
    // A lone letter must touch its number.
    (word.chars().count() > 1 || from == end).then(|| (from + word.chars().count(), code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_codes_name_a_currency() {
        for (text, want) in [
            ("€", Some("EUR")),
            ("usd", Some("USD")),
            ("KWD", Some("KWD")),
            ("Kč", Some("CZK")),
            ("try", None),
            ("TRY", Some("TRY")),
            ("kg", None),
            ("", None),
        ] {
            assert_eq!(code_of(text), want, "{text}");
        }
        assert!(has_thousandths("BHD") && !has_thousandths("EUR"));
        assert!(CODES_BY_SIGN.iter().all(|(sign, code)| sign.chars().count() <= MAX_SIGN && code.len() == 3));
    }

    #[test]
    fn a_currency_beside_a_number_is_found() {
        let code = |text: &str, number: &str| {
            let chars: Vec<char> = text.chars().collect();
            let from = text[..text.find(number).unwrap()].chars().count();
            let to = from + number.chars().count();
            find_before(&chars, from).or_else(|| find_after(&chars, to)).map(|b| b.code)
        };
        for (text, want) in [
            ("$5", Some("USD")),
            ("US$ 5", Some("USD")),
            ("5 €", Some("EUR")),
            ("5 EUROPE", None),
            ("R5", Some("ZAR")),
            ("R 5", Some("ZAR")),
            ("Section R 5", None),
            ("SKR 5", None),
            ("5円", Some("JPY")),
            ("5元起", Some("CNY")),
            ("5 kg", None),
            ("SFr. 5", Some("CHF")),
        ] {
            assert_eq!(code(text, "5"), want, "{text}");
        }
    }
}

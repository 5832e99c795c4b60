//! Handles what stands around a number and changes it: signs, brackets, groups separated by spaces, cents that stand
//! apart; and detects digits that are not a number: days and times of day.

use super::currency::{self, AdjacentCurrency};

/// Languages that separate groups of digits by spaces. Source: CLDR, number symbols.
const SPACE_LANGUAGES: [&str; 28] = [
    "af", "az", "be", "bg", "ca", "cs", "eo", "es", "et", "fi", "fr", "hu", "hy", "ka", "kk", "lt", "lv", "nb", "nn",
    "no", "pl", "pt", "ru", "sk", "sq", "sv", "uk", "uz",
];

/// Returns the language of a locale, in lower case.
pub(crate) fn language(locale: &str) -> String {
    locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

pub(super) fn is_digit_at(chars: &[char], at: usize) -> bool {
    chars.get(at).is_some_and(char::is_ascii_digit)
}

/// Returns what stands before a number, ignoring white space: the last character, and the word that it ends.
fn char_and_word_before(chars: &[char], start: usize) -> (Option<char>, String) {
    let mut end = start;
    while end > 0 && chars[end - 1] == ' ' {
        end -= 1;
    }
    let mut from = end;
    while from > 0 && chars[from - 1].is_alphabetic() {
        from -= 1;
    }
    (end.checked_sub(1).map(|i| chars[i]), chars[from..end].iter().collect())
}

/// Returns whether a currency stands right before a number that starts at `start`, or right after one that ends at
/// `end`.
fn is_money(chars: &[char], start: usize, end: usize) -> bool {
    currency::find_before(chars, start).is_some() || currency::find_after(chars, end).is_some()
}

/// Returns whether the spaces between the digits from `start` on separate groups of three, rather than separate numbers
/// as in "iPhone 15 256 GB".
pub(super) fn groups_by_spaces(chars: &[char], start: usize, locale: &str) -> bool {
    let run = |from: usize| chars.get(from..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).count();
    let first = run(start);
    let (mut at, mut groups) = (start + first, 0);
    while chars.get(at) == Some(&' ') && run(at + 1) == 3 {
        (at, groups) = (at + 4, groups + 1);
    }
    let letter_before = start > 0 && chars[start - 1].is_alphabetic();
    if groups == 0
        || !(1..=3).contains(&first)
        || letter_before
        || (chars.get(at) == Some(&' ') && is_digit_at(chars, at + 1))
    {
        return false;
    }
    let fraction = matches!(chars.get(at), Some('.' | ',')) && is_digit_at(chars, at + 1);
    if groups > 1 || fraction || is_money(chars, start, at) {
        return true;
    }
    let language = language(locale);
    let uses_spaces = SPACE_LANGUAGES.contains(&language.as_str());
    let (_, name) = char_and_word_before(chars, start);
    let unit_touches = chars.get(at).is_some_and(|c| c.is_alphabetic());
    if uses_spaces { !name.chars().any(char::is_uppercase) } else { name.is_empty() && !unit_touches }
}

/// Returns whether the digits at `start` begin a day in numbers: `2025-03-04`, `03/04/2025`, `1/2/99`.
pub(super) fn is_day(chars: &[char], start: usize) -> bool {
    let first = chars[start..].iter().take_while(|c| c.is_ascii_digit()).count();
    // Most numbers are not followed by anything like it.
    let has_separator =
        matches!(chars.get(start + first), Some('-' | '/' | '.')) && is_digit_at(chars, start + first + 1);
    if !(1..=4).contains(&first) || !has_separator {
        return false;
    }
    let run = chars[start..].iter().take_while(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.')).take(11);
    let written: String = run.collect();
    let written = written.trim_end_matches(['-', '/', '.']);
    ['-', '/', '.'].into_iter().any(|separator| {
        let mut parts = written.split(separator);
        let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let within = |t: &str, max: u32| (1..=2).contains(&t.len()) && t.parse().is_ok_and(|n| (1..=max).contains(&n));
        let year = |t: &str| t.len() == 4 && t.parse().is_ok_and(|n: u32| (1000..=2999).contains(&n));
        let last = year(c) || (separator == '/' && c.len() == 2 && c.parse::<u32>().is_ok());
        (year(a) && within(b, 12) && within(c, 31))
            || (last && ((within(a, 31) && within(b, 12)) || (within(a, 12) && within(b, 31))))
    })
}

/// Returns whether the digits at `start` begin a time of day: `12:30`.
pub(super) fn is_time_of_day(chars: &[char], start: usize) -> bool {
    let hour = chars[start..].iter().take_while(|c| c.is_ascii_digit()).count();
    let colon = start + hour;
    (1..=2).contains(&hour)
        && chars.get(colon) == Some(&':')
        && is_digit_at(chars, colon + 1)
        && is_digit_at(chars, colon + 2)
        && !is_digit_at(chars, colon + 3)
}

/// Words that make the number after them negative.
const MINUS_WORDS: [&str; 5] = ["minus", "moins", "menos", "meno", "минус"];

/// Returns whether a minus, not a dash or a hyphen, stands before a number or before its currency.
pub(super) fn is_negative(chars: &[char], start: usize, sign: Option<AdjacentCurrency>, locale: &str) -> bool {
    let from = sign.map_or(start, |s| s.from.min(start));
    has_adjacent_minus(chars, start, true) || (from < start && has_adjacent_minus(chars, from, false)) || {
        let (last, name) = char_and_word_before(chars, from);
        !name.is_empty() && MINUS_WORDS.contains(&name.to_lowercase().as_str())
            || (last.is_some_and(|c| matches!(c, '▲' | '△')) && language(locale) == "ja")
    }
}

/// Returns whether a minus touches what begins at `at`. A minus separated by white space counts only at the start of
/// the text.
fn has_adjacent_minus(chars: &[char], at: usize, may_follow_currency: bool) -> bool {
    let mut end = at;
    while end > 0 && chars[end - 1] == ' ' {
        end -= 1;
    }
    let Some(minus) = end.checked_sub(1) else { return false };
    // A dash that begins the text and touches its number is also a minus: it can separate nothing.
    if chars[minus] == '–' {
        return minus == 0 && end == at;
    }
    if chars[minus] != '-' {
        return false;
    }
    let Some(prior) = minus.checked_sub(1).map(|i| chars[i]) else { return true };
    let signed =
        || currency::find_before(chars, minus).is_some_and(|s| !chars[s.to - 1].is_alphabetic() || prior == ' ');
    end == at && (matches!(prior, ' ' | '(') || (may_follow_currency && signed()))
}

/// Returns whether an amount from `from` to `to` stands in brackets that hold nothing else, in a text of nothing else:
/// the way accountants write a loss. Counts stand in brackets too, so the caller must require cents or a currency.
pub(super) fn is_in_accounting_brackets(chars: &[char], from: usize, to: usize) -> bool {
    let opens = |c: &&char| matches!(**c, ' ' | '(');
    if !chars[..from].iter().rev().take_while(opens).any(|c| *c == '(') {
        return false;
    }
    let blank = |c: &char| *c == ' ';
    let trim = |part: &[char]| part.iter().copied().filter(|c| !blank(c)).collect::<String>();
    let (head, tail) = (trim(&chars[..from]), trim(&chars[to.min(chars.len())..]));
    let outside = |t: &str| t.is_empty() || currency::code_of(t).is_some();
    head.strip_suffix('(').is_some_and(outside) && tail.strip_prefix(')').is_some_and(outside)
}

/// Returns where an amount with a dash for its cents ends: `49,-`, `1'980.–`.
pub(super) fn dash_for_cents(chars: &[char], end: usize) -> Option<usize> {
    let dash = |i: usize| chars.get(i).is_some_and(|c| matches!(c, '-' | '–' | '—'));
    if !matches!(chars.get(end), Some(',' | '.')) || !dash(end + 1) {
        return None;
    }
    let after = end + 2 + usize::from(dash(end + 2));
    (!is_digit_at(chars, after)).then_some(after)
}

/// Returns two digits at `at` and where they end, if nothing continues them, so that they may be cents.
fn two_digits(chars: &[char], at: usize) -> Option<(String, usize)> {
    let pair: String = chars.get(at..at + 2)?.iter().collect();
    let next = chars.get(at + 2);
    let continues = next.is_some_and(|c| c.is_alphanumeric() || *c == '%')
        || (matches!(next, Some('.' | ',' | '\'' | '-' | '–' | '/')) && is_digit_at(chars, at + 3));
    (pair.bytes().all(|b| b.is_ascii_digit()) && !continues).then_some((pair, at + 2))
}

/// Returns cents that stand apart from the whole number that ends at `end`, and where they end: after the sign
/// (`12€99`), raised (`19⁹⁹`), or after a space (`12 99 €`) if it is known to be an amount of money.
pub(super) fn separated_cents(chars: &[char], end: usize, sign: Option<AdjacentCurrency>) -> Option<(String, usize)> {
    let raised = |i: usize| chars.get(i).and_then(|c| "⁰¹²³⁴⁵⁶⁷⁸⁹".chars().position(|r| r == *c));
    if let (Some(tens), Some(ones), None) = (raised(end), raised(end + 1), raised(end + 2)) {
        return Some((format!("{tens}{ones}"), end + 2));
    }
    let behind = currency::find_after(chars, end);
    if let Some(sign) = behind.filter(|s| s.from == end)
        && let Some((pair, after)) = two_digits(chars, sign.to)
        && currency::find_after(chars, after).is_none()
    {
        return Some((pair, after));
    }
    if chars.get(end) != Some(&' ') || (sign.is_none() && behind.is_some()) {
        return None;
    }
    let (pair, after) = two_digits(chars, end + 1)?;
    let next = chars[after..].iter().find(|c| **c != ' ');
    let closes = sign.is_some() && next.is_none_or(|c| !c.is_alphanumeric() && *c != '%');
    (closes || currency::find_after(chars, after).is_some()).then_some((pair, after))
}

/// Returns cents after a colon, as written in Sweden: `199:90 kr`, `199:-`.
pub(super) fn cents_after_colon(chars: &[char], end: usize, sign: Option<AdjacentCurrency>) -> Option<(String, usize)> {
    if chars.get(end) != Some(&':') {
        return None;
    }
    let (cents, after) = two_digits(chars, end + 1)?;
    let crowns = |s: AdjacentCurrency| matches!(s.code, "SEK" | "NOK" | "DKK");
    (currency::find_after(chars, after).is_some_and(crowns) || sign.is_some_and(crowns)).then_some((cents, after))
}

/// Returns whether digits that look like a time of day are an amount in crowns.
pub(super) fn is_krona_amount(chars: &[char], start: usize) -> bool {
    let whole = chars[start..].iter().take_while(|c| c.is_ascii_digit()).count();
    cents_after_colon(chars, start + whole, currency::find_before(chars, start)).is_some()
}

/// Returns an amount in small coins that has a sign of its own and follows the sign of the whole: the `99 gr` of
/// `199 zł 99 gr`.
pub(super) fn coins_after(chars: &[char], sign: usize) -> Option<(f64, usize)> {
    let from = sign + usize::from(chars.get(sign) == Some(&' '));
    let count = chars.get(from..)?.iter().take_while(|c| c.is_ascii_digit()).count();
    let digits: String = chars[from..from + count].iter().collect();
    let (after, _) = currency::coin_sign_after(chars, from + count, true).filter(|_| (1..=2).contains(&count))?;
    Some((digits.parse().ok()?, after))
}

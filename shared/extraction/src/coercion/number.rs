//! Finds the number in a text, with the currency and words around it, separators of every locale, ranges.
//! [`super::number_context`] and [`super::magnitude`] handle what stands around a number and changes it.

use super::currency::{self, AdjacentCurrency};
use super::fractions::{fraction_char_value, read_fraction};
use super::number_context::{self, is_digit_at};
use super::{digits, magnitude};

/// Maximum number of characters that are examined: numbers stand near the start.
const MAX_CHARS: usize = 300;
/// Maximum number of digits that a number may have.
const MAX_DIGITS: usize = 30;

/// A number in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FoundNumber {
    pub(super) value: f64,
    /// Its exact value, if written without a fraction and in range.
    pub(super) exact: Option<i64>,
    /// Whether the text consisted only of the number in plain spelling.
    pub(super) is_plain: bool,
    /// Whether a second number follows after a dash: this is the first of a range.
    pub(super) is_range: bool,
    /// Where it begins, in characters, including its currency.
    pub(super) from: usize,
    /// Where it ends without its currency, including a factor after it.
    pub(super) number_end: usize,
    /// Where it ends, including its currency.
    pub(super) to: usize,
    /// The currency beside it.
    pub(super) currency: Option<&'static str>,
    /// Its digits in plain spelling.
    written: String,
}

/// Languages with a decimal comma. Source: CLDR, number symbols.
const COMMA_LANGUAGES: [&str; 42] = [
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "hy",
    "id", "is", "it", "ka", "kk", "lt", "lv", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv",
    "tr", "uk", "uz", "vi",
];
/// Regions with a decimal point although their language uses a comma elsewhere.
const POINT_LOCALES: [&str; 8] = ["it-ch", "es-mx", "es-us", "es-pr", "es-gt", "es-do", "de-ch", "de-li"];

/// Returns whether a locale uses a decimal comma.
fn decimal_comma(locale: &str) -> bool {
    let has_point = POINT_LOCALES.iter().any(|point| point.eq_ignore_ascii_case(locale));
    !has_point && COMMA_LANGUAGES.contains(&number_context::language(locale).as_str())
}

/// Returns a text's characters in their plain form, up to the length that is examined.
pub(super) fn characters(text: &str) -> Vec<char> {
    text.chars().take(MAX_CHARS).map(digits::normalize).collect()
}

/// Returns where the next number begins.
pub(super) fn next_start(chars: &[char], from: usize) -> Option<usize> {
    (from..chars.len()).find(|i| chars[*i].is_ascii_digit() || fraction_char_value(chars[*i]).is_some())
}

/// Returns the first number of a text, or `None` if its first digits belong to a day or a time of day.
pub(super) fn find(text: &str, locale: &str) -> Option<FoundNumber> {
    let chars = characters(text);
    let mut found = read_at(&chars, next_start(&chars, 0)?, locale, false)?;
    found.is_plain &= found.matches_text(text);
    Some(found)
}

/// Reads the number that begins at `start`. `expects_money` says that an amount of money is expected.
pub(super) fn read_at(chars: &[char], start: usize, locale: &str, expects_money: bool) -> Option<FoundNumber> {
    // ".5" but not the point of "Rs. 500" or "No.5".
    let leading_point = start > 0
        && chars[start - 1] == '.'
        && chars.get(start.wrapping_sub(2)).is_none_or(|c| c.is_whitespace() || "$€£¥-".contains(*c));
    if number_context::is_day(chars, start)
        || (number_context::is_time_of_day(chars, start) && !number_context::is_krona_amount(chars, start))
    {
        return None;
    }
    let first = start - usize::from(leading_point);
    let prefix_start = chars[..first].iter().rposition(|c| !matches!(c, ' ' | '-' | '(')).map_or(0, |i| i + 1);
    let before = currency::find_before(chars, first).or_else(|| currency::find_before(chars, prefix_start));
    let spaced = number_context::groups_by_spaces(chars, start, locale);
    let mut end = start;
    while end < chars.len()
        && (chars[end].is_ascii_digit() || (is_separator(chars[end]) && is_inside_number(chars, end, spaced)))
    {
        end += 1;
    }
    let written: String = chars[start..end].iter().collect();
    let dash = number_context::dash_for_cents(chars, end);
    let currency_beside = |at: usize| before.or_else(|| currency::find_after(chars, at));
    let rules = SeparatorRules {
        locale,
        // Fuel prices have thousandths.
        three_digits_are_group: dash.is_some()
            || currency_beside(end).is_some_and(|s| !currency::has_thousandths(s.code) && !is_fuel(chars, end)),
    };
    let (mut digits, mut fraction) =
        if written.is_empty() { ("0".to_owned(), String::new()) } else { split_at_decimal(&written, &rules)? };
    if leading_point && fraction.is_empty() {
        (digits, fraction) = ("0".into(), digits);
    }
    if digits.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    if fraction.is_empty()
        && !written.is_empty()
        && let Some((cents, after)) = number_context::separated_cents(chars, end, before)
            .or_else(|| number_context::cents_after_colon(chars, end, before))
    {
        (fraction, end) = (cents, after);
    } else if let Some(after) = dash {
        end = after;
    }
    let power = magnitude::exponent(chars, end).filter(|_| !written.is_empty());
    if let Some((_, after)) = power {
        end = after;
    }
    let power = power.map_or(0, |(power, _)| power);
    // Most numbers have neither a fraction nor an exponent.
    let mut amount: f64 = match (fraction.is_empty(), power) {
        (true, 0) => digits.parse().ok(),
        _ => format!("{digits}.{fraction}0e{power}").parse().ok(),
    }
    .filter(|v: &f64| v.is_finite())?;
    let (mixed_number, after_mixed) = read_fraction(chars, start, end, &digits, &fraction);
    let whole = mixed_number.is_none() && fraction.is_empty() && power == 0;
    if let Some(mixed_number) = mixed_number {
        amount = mixed_number;
        end = after_mixed;
    }
    let (mut scale, mut after) = match magnitude::read_stacked(chars, end, amount) {
        Some((value, after)) => {
            amount = value;
            (magnitude::MIN_STACKED_FACTOR, after)
        }
        None => {
            let found = magnitude::find(chars, (start, end), locale, |at| currency_beside(at).map(|s| s.code));
            amount = round_scaled(amount, found.0);
            found
        }
    };
    let mut sign = before.or_else(|| currency::find_after(chars, after));
    let small = fraction.is_empty() && digits.len() <= 3;
    if sign.is_none()
        && let Some((next, code)) = is_digit_at(chars, end.saturating_sub(1))
            .then(|| currency::coin_sign_after(chars, after, expects_money && small))
            .flatten()
    {
        (scale, amount) = (0.01, (amount * 1e6).round() / 1e8);
        sign = Some(AdjacentCurrency { code, from: after, to: next });
        after = next;
    } else if expects_money
        && whole
        && let Some(whole_sign) = sign.filter(|s| s.from >= after)
        && let Some((coins, next)) = number_context::coins_after(chars, whole_sign.to)
    {
        // "199 zł 99 gr"
        (scale, amount, after) = (0.01, amount + coins / 100.0, next);
        sign = Some(AdjacentCurrency { to: next, ..whole_sign });
    }
    let (from, to) = sign.map_or((first, after), |s| (s.from.min(first), s.to.max(after)));
    let cents = fraction.len() == 2;
    let opened = before.is_some_and(|s| chars[s.to..first].contains(&'('));
    let negative = number_context::is_negative(chars, first, before, locale)
        || (cents && chars[end..].iter().collect::<String>().trim_end() == "-")
        || ((cents || sign.is_some())
            && number_context::is_in_accounting_brackets(chars, if opened { first } else { from }, to));
    if negative {
        amount = -amount;
    }
    let exact =
        (whole && scale == 1.0).then(|| digits.parse::<i64>().ok().map(|v| if negative { -v } else { v })).flatten();
    Some(FoundNumber {
        value: amount,
        exact,
        is_plain: sign.is_none() && scale == 1.0,
        is_range: is_range(chars, after),
        from,
        number_end: after,
        to,
        currency: sign.map(|s| s.code),
        written: if fraction.is_empty() { digits } else { format!("{digits}.{fraction}") },
    })
}

impl FoundNumber {
    /// Returns whether it was written with two digits after its decimal point.
    pub(super) fn has_cents(&self) -> bool {
        self.written.rsplit_once('.').is_some_and(|(_, f)| f.len() == 2)
    }

    /// Returns whether a text is nothing but the number in plain spelling.
    fn matches_text(&self, text: &str) -> bool {
        text.strip_prefix('-').filter(|_| self.value < 0.0).unwrap_or(text) == self.written
    }
}

/// Returns whether a price is one of fuel, which is given to the thousandth.
fn is_fuel(chars: &[char], end: usize) -> bool {
    let rest: String = chars[end..].iter().take(16).flat_map(|c| c.to_lowercase()).filter(|c| *c != ' ').collect();
    ["/l", "/gal", "perlit", "pergal", "prolit", "jelit", "perl", "pelit"]
        .iter()
        .any(|unit| rest.find(unit).is_some_and(|at| at <= 4))
}

/// Multiplies by a power of ten without rounding noise: 1.2 × 10^6 is 1200000.
fn round_scaled(value: f64, scale: f64) -> f64 {
    let product = value * scale;
    if scale > 1.0 && product.abs() < 9e15 { (product * 100.0).round() / 100.0 } else { product }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | ' ')
}

/// Returns whether the separator at `at` is inside a number: a digit must follow. White space and apostrophes only
/// separate groups of exactly three digits; white space only if `spaced`.
fn is_inside_number(chars: &[char], at: usize, spaced: bool) -> bool {
    let run = chars[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    let before = chars[..at].iter().rev().take_while(|c| c.is_ascii_digit()).count();
    match chars[at] {
        ' ' => spaced && run == 3 && (1..=3).contains(&before),
        '\'' => run == 3 && (1..=3).contains(&before),
        _ => run > 0,
    }
}

/// The rules that decide what a lone separator with three digits after it means.
struct SeparatorRules<'l> {
    /// Decides whether a comma may be the decimal separator.
    locale: &'l str,
    /// Three digits are a group whatever the locale: for amounts of a currency without thousandths.
    three_digits_are_group: bool,
}

/// Splits a run of digits and separators into the digits before and after the decimal separator.
fn split_at_decimal(written: &str, rules: &SeparatorRules<'_>) -> Option<(String, String)> {
    let comma = || decimal_comma(rules.locale);
    let only: String = written.chars().filter(|c| !matches!(c, ' ' | '\'')).collect();
    let grouped = only.len() != written.len();
    let (points, commas) = (only.matches('.').count(), only.matches(',').count());
    let decimal = match (points, commas) {
        (0, 0) => None,
        // If both occur, the last one is the decimal separator and must occur once.
        (_, _) if points > 0 && commas > 0 => {
            let last = if only.rfind('.') > only.rfind(',') { '.' } else { ',' };
            let count = if last == '.' { points } else { commas };
            if count > 1 {
                return None;
            }
            Some(last)
        }
        // One kind, more than once: thousands. If the groups do not fit, it is a version or an address, not a number.
        (n, 0) | (0, n) if n > 1 => {
            if !is_grouped(&only) {
                return None;
            }
            None
        }
        (1, 0) => {
            is_decimal_separator(&only, '.', grouped || (!rules.three_digits_are_group && !comma())).then_some('.')
        }
        _ => is_decimal_separator(&only, ',', grouped || (!rules.three_digits_are_group && comma())).then_some(','),
    };
    let strip = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    Some(match decimal.and_then(|d| only.rsplit_once(d)) {
        Some((whole, fraction)) => (strip(whole), strip(fraction)),
        None => (strip(&only), String::new()),
    })
}

/// Returns whether a lone separator is the decimal one. Three digits after it and one to three digits (not "0") before
/// it are a group, unless the locale makes this its decimal separator.
fn is_decimal_separator(written: &str, separator: char, locales_decimal: bool) -> bool {
    let Some((whole, rest)) = written.split_once(separator) else { return false };
    let like_group = rest.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0";
    !like_group || locales_decimal
}

/// Returns whether digits are grouped as people write them: 1 to 3 first, then threes, or twos and a final three as in
/// India.
fn is_grouped(written: &str) -> bool {
    let parts: Vec<&str> = written.split(['.', ',']).collect();
    let Some((last, middle)) = parts[1..].split_last() else { return false };
    (1..=3).contains(&parts[0].len())
        && last.len() == 3
        && (middle.iter().all(|p| p.len() == 3) || middle.iter().all(|p| p.len() == 2))
}

/// Returns whether a dash and another number follow.
fn is_range(chars: &[char], end: usize) -> bool {
    let rest: Vec<char> = chars[end.min(chars.len())..].iter().copied().filter(|c| *c != ' ').take(8).collect();
    let Some(first) = rest.first() else { return false };
    let after_dash = if "-–—~".contains(*first) {
        &rest[1..]
    } else if "€%£$¥".contains(*first) && rest.get(1).is_some_and(|c| "-–—~".contains(*c)) {
        &rest[2..]
    } else {
        return false;
    };
    after_dash.iter().take(3).any(char::is_ascii_digit)
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;

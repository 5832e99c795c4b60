//! Finds the number in a text: currency and words around it, separators of every locale, ranges. What stands around a
//! number and changes it (magnitudes, signs, groups set apart by spaces) is in [`super::around`].

use super::around;

/// Longest text that is looked at; numbers stand near the start.
const LOOK: usize = 300;
/// Most digits that a number may have.
const MAX_DIGITS: usize = 30;

/// A number in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) value: f64,
    /// Its exact value, where it was written without a fraction and fits.
    pub(super) exact: Option<i64>,
    /// The text was nothing but the number in plain spelling.
    pub(super) bare: bool,
    /// A second number follows behind a dash: this is the first of a range.
    pub(super) range: bool,
    /// How many characters of the text it took, from the start.
    pub(super) end: usize,
}

/// Languages that write a decimal comma. Source: CLDR, number symbols.
const COMMA_LANGUAGES: [&str; 34] = [
    "af", "az", "be", "bg", "bs", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "hy",
    "id", "is", "it", "ka", "kk", "lt", "lv", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sv",
];
const MORE_COMMA_LANGUAGES: [&str; 8] = ["sk", "sl", "sq", "sr", "tr", "uk", "uz", "vi"];
/// Regions that write a point although their language elsewhere writes a comma.
const POINT_LOCALES: [&str; 7] = ["es-mx", "es-us", "es-pr", "es-gt", "es-do", "de-ch", "de-li"];

/// Whether a locale writes a decimal comma.
fn decimal_comma(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    let language = locale.split('-').next().unwrap_or_default();
    !POINT_LOCALES.contains(&locale.as_str())
        && (COMMA_LANGUAGES.contains(&language) || MORE_COMMA_LANGUAGES.contains(&language))
}

/// The first number of a text.
pub(super) fn find(text: &str, locale: &str) -> Option<Found> {
    let chars: Vec<char> = text.chars().take(LOOK).map(plain).collect();
    let start = chars.iter().position(|c| c.is_ascii_digit() || fraction_of(*c).is_some())?;
    // ".5" but not the point of "Rs. 500" or "No.5".
    let leading_point = start > 0
        && chars[start - 1] == '.'
        && chars.get(start.wrapping_sub(2)).is_none_or(|c| c.is_whitespace() || "$€£¥-".contains(*c));
    if around::is_day(&chars, start) || around::is_clock(&chars, start) {
        return None;
    }
    let spaced = around::groups_by_spaces(&chars, start, locale);
    let mut end = start;
    while end < chars.len() && (chars[end].is_ascii_digit() || (is_separator(chars[end]) && joins(&chars, end, spaced)))
    {
        end += 1;
    }
    let written: String = chars[start..end].iter().collect();
    let (mut digits, fraction) =
        if written.is_empty() { ("0".to_owned(), String::new()) } else { split(&written, decimal_comma(locale))? };
    let mut fraction = fraction;
    if leading_point && fraction.is_empty() {
        (digits, fraction) = ("0".into(), digits);
    }
    if digits.len() + fraction.len() > MAX_DIGITS {
        return None;
    }
    let negative = is_negative(&chars, start - usize::from(leading_point)) || around::is_loss(&chars, &fraction);
    let power = around::exponent(&chars, end).filter(|_| !written.is_empty());
    if let Some((_, after)) = power {
        end = after;
    }
    let power = power.map_or(0, |(power, _)| power);
    let mut magnitude_of: f64 = format!("{digits}.{fraction}0e{power}").parse().ok().filter(|v: &f64| v.is_finite())?;
    let (share, after_share) = share(&chars, start, end, &digits, &fraction);
    let whole = share.is_none() && fraction.is_empty() && power == 0;
    if let Some(share) = share {
        magnitude_of = share;
        end = after_share;
    }
    let (scale, after) = around::magnitude(&chars, start, end, locale);
    let sign = if negative { -1.0 } else { 1.0 };
    let value = round_scaled(magnitude_of, scale) * sign;
    let exact =
        (whole && scale == 1.0).then(|| digits.parse::<i64>().ok().map(|v| if negative { -v } else { v })).flatten();
    let bare = text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-')
        && !text.ends_with('.')
        && plain_spelling(text, &digits, &fraction, negative);
    Some(Found { value, exact, bare, range: is_range(&chars, after), end: after })
}

/// What a single character of a fraction is worth.
pub(super) fn fraction_of(c: char) -> Option<f64> {
    Some(match c {
        '½' => 0.5,
        '¼' => 0.25,
        '¾' => 0.75,
        '⅓' => 1.0 / 3.0,
        '⅔' => 2.0 / 3.0,
        '⅕' => 0.2,
        '⅖' => 0.4,
        '⅗' => 0.6,
        '⅘' => 0.8,
        '⅙' => 1.0 / 6.0,
        '⅛' => 0.125,
        '⅜' => 0.375,
        '⅝' => 0.625,
        '⅞' => 0.875,
        _ => return None,
    })
}

/// The value of `1½`, `1 1/2` and `1/2`, and where it ends. A score like `4/5`, of which the first number is meant, is
/// told from a fraction by its denominator: cooks and carpenters use 2, 3, 4, 8 and 16, raters use 5, 10 and 100.
fn share(chars: &[char], start: usize, end: usize, digits: &str, fraction: &str) -> (Option<f64>, usize) {
    if !fraction.is_empty() {
        return (None, end);
    }
    let whole: f64 = digits.parse().unwrap_or(0.0);
    let next = if chars.get(end) == Some(&' ') { end + 1 } else { end };
    if let Some(part) = chars.get(next).copied().and_then(fraction_of) {
        return (Some(whole + part), next + 1);
    }
    let part = |from: usize| -> Option<(f64, usize)> {
        let numerator = chars.get(from).and_then(|c| c.to_digit(10)).filter(|n| *n > 0)?;
        if !matches!(chars.get(from + 1), Some('/' | '⁄')) {
            return None;
        }
        let tail: String = chars.get(from + 2..)?.iter().take_while(|c| c.is_ascii_digit()).take(3).collect();
        let denominator: u32 = tail.parse().ok().filter(|d| [2, 3, 4, 8, 16].contains(d))?;
        (numerator < denominator && chars.get(from + 2 + tail.len()) != Some(&'/'))
            .then(|| (f64::from(numerator) / f64::from(denominator), from + 2 + tail.len()))
    };
    if end == start + 1
        && let Some((value, after)) = part(start)
    {
        return (Some(value), after);
    }
    if chars.get(end) == Some(&' ')
        && let Some((value, after)) = part(end + 1)
    {
        return (Some(whole + value), after);
    }
    (None, end)
}

fn plain_spelling(text: &str, digits: &str, fraction: &str, negative: bool) -> bool {
    let sign = if negative { "-" } else { "" };
    text == if fraction.is_empty() { format!("{sign}{digits}") } else { format!("{sign}{digits}.{fraction}") }
}

/// Multiplying by a power of ten must not add dust: 1.2 × 10^6 is 1200000.
fn round_scaled(value: f64, scale: f64) -> f64 {
    let product = value * scale;
    if scale > 1.0 && product.abs() < 9e15 { (product * 100.0).round() / 100.0 } else { product }
}

/// Full-width digits, kinds of minus and of space to their plain forms; one character stays one.
fn plain(c: char) -> char {
    match c {
        '０'..='９' => char::from_digit(u32::from(c) - u32::from('０'), 10).unwrap_or(c),
        '٠'..='٩' => char::from_digit(u32::from(c) - u32::from('٠'), 10).unwrap_or(c),
        '۰'..='۹' => char::from_digit(u32::from(c) - u32::from('۰'), 10).unwrap_or(c),
        '०'..='९' => char::from_digit(u32::from(c) - u32::from('०'), 10).unwrap_or(c),
        '٫' => '.',
        '٬' => ',',
        '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => '-',
        '\u{a0}' | '\u{202f}' | '\u{2009}' | '\u{2007}' => ' ',
        '\u{2019}' => '\'',
        other => other,
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | ' ')
}

/// Whether the separator at `at` is inside a number: a digit follows, and white space or an apostrophe only separates
/// groups of exactly three digits; white space only where it does so here.
fn joins(chars: &[char], at: usize, spaced: bool) -> bool {
    let run = chars[at + 1..].iter().take_while(|c| c.is_ascii_digit()).count();
    let before = chars[..at].iter().rev().take_while(|c| c.is_ascii_digit()).count();
    match chars[at] {
        ' ' => spaced && run == 3 && (1..=3).contains(&before),
        '\'' => run == 3 && (1..=3).contains(&before),
        _ => run > 0,
    }
}

/// Digits before and after the decimal separator of a run of digits and separators.
fn split(written: &str, comma: bool) -> Option<(String, String)> {
    let only: String = written.chars().filter(|c| !matches!(c, ' ' | '\'')).collect();
    let grouped = only.len() != written.len();
    let (points, commas) = (only.matches('.').count(), only.matches(',').count());
    let decimal = match (points, commas) {
        (0, 0) => None,
        // Both: the last one is the decimal separator, and it stands once.
        (_, _) if points > 0 && commas > 0 => {
            let last = if only.rfind('.') > only.rfind(',') { '.' } else { ',' };
            let count = if last == '.' { points } else { commas };
            if count > 1 {
                return None;
            }
            Some(last)
        }
        // One kind, more than once: thousands (or a version, or an address: not of groups, then no number).
        (n, 0) | (0, n) if n > 1 => {
            if !groups(&only) {
                return None;
            }
            None
        }
        (1, 0) => decides(&only, '.', !comma || grouped).then_some('.'),
        _ => decides(&only, ',', comma || grouped).then_some(','),
    };
    let strip = |s: &str| s.chars().filter(char::is_ascii_digit).collect::<String>();
    Some(match decimal.and_then(|d| only.rsplit_once(d)) {
        Some((whole, fraction)) => (strip(whole), strip(fraction)),
        None => (strip(&only), String::new()),
    })
}

/// Whether a lone separator is the decimal one: three digits behind it and one to three (not "0") before it are a
/// group, unless the locale says that this is its decimal separator.
fn decides(written: &str, separator: char, locales_decimal: bool) -> bool {
    let Some((whole, rest)) = written.split_once(separator) else { return false };
    let like_group = rest.len() == 3 && (1..=3).contains(&whole.len()) && whole != "0";
    !like_group || locales_decimal
}

/// Groups of digits as people write them: 1 to 3 first, then threes, or the twos and a three of the Indian way.
fn groups(written: &str) -> bool {
    let parts: Vec<&str> = written.split(['.', ',']).collect();
    let Some((last, middle)) = parts[1..].split_last() else { return false };
    (1..=3).contains(&parts[0].len())
        && last.len() == 3
        && (middle.iter().all(|p| p.len() == 3) || middle.iter().all(|p| p.len() == 2))
}

/// A minus right before the number, or before its currency sign, and nothing that makes it a dash or a hyphen.
fn is_negative(chars: &[char], start: usize) -> bool {
    let mut at = start;
    while at > 0 && (chars[at - 1] == ' ' || "$€£¥₹".contains(chars[at - 1])) {
        at -= 1;
    }
    at > 0 && chars[at - 1] == '-' && (at < 2 || chars[at - 2] == ' ' || chars[at - 2] == '(')
}

/// Whether a dash and another number follow.
fn is_range(chars: &[char], end: usize) -> bool {
    let rest: Vec<char> = chars[end.min(chars.len())..].iter().copied().filter(|c| *c != ' ').take(8).collect();
    let Some(first) = rest.first() else { return false };
    let behind = if "-–—~".contains(*first) {
        &rest[1..]
    } else if "€%£$".contains(*first) && rest.get(1).is_some_and(|c| "-–—~".contains(*c)) {
        &rest[2..]
    } else {
        return false;
    };
    behind.iter().take(3).any(char::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str, locale: &str) -> Option<f64> {
        find(text, locale).map(|f| f.value)
    }

    #[test]
    fn spellings() {
        for (text, locale, want) in [
            ("19.99", "en-US", 19.99),
            ("$1,234.56", "en-US", 1234.56),
            ("1.234,56 €", "de-DE", 1234.56),
            ("1.234,56 €", "en-US", 1234.56),
            ("1.234", "en-US", 1.234),
            ("1.234", "de-DE", 1234.0),
            ("1,234", "en-US", 1234.0),
            ("1,234", "de-DE", 1.234),
            ("12,5", "en-US", 12.5),
            ("0.123", "de-DE", 0.123),
            ("1 234,50 zł", "pl-PL", 1234.5),
            ("1\u{a0}234 567", "fr-FR", 1_234_567.0),
            ("1'234.50 CHF", "de-CH", 1234.5),
            ("12,34,567", "en-IN", 1_234_567.0),
            ("1.234.567", "en-US", 1_234_567.0),
            ("Rs. 500", "en-IN", 500.0),
            ("4.6/5", "en-US", 4.6),
            ("4.5 out of 5", "en-US", 4.5),
            ("$5–$10", "en-US", 5.0),
            ("-12.5", "en-US", -12.5),
            ("−12.5", "en-US", -12.5),
            ("-$3", "en-US", -3.0),
            ("A-12", "en-US", 12.0),
            ("1.2k", "en-US", 1200.0),
            ("3 million views", "en-US", 3_000_000.0),
            ("2,5 Mio. €", "de-DE", 2_500_000.0),
            ("5 m", "en-US", 5.0),
            ("１２", "ja", 12.0),
            ("Price: 20 EUR", "en-US", 20.0),
            ("$.50", "en-US", 0.5),
            ("45 %", "en-US", 45.0),
            ("1.2M", "en-US", 1_200_000.0),
            ("1½ cups", "en-US", 1.5),
            ("2 1/2 cups", "en-US", 2.5),
            ("3/4 inch", "en-US", 0.75),
            ("½", "en-US", 0.5),
            ("4/5", "en-US", 4.0),
            ("٣٤", "ar", 34.0),
            // A space between digits separates groups only where the text or the language makes it likely.
            ("iPhone 15 256GB", "en-US", 15.0),
            ("iPhone 15 256 GB", "fr-FR", 15.0),
            ("Galaxy S24 256 GB", "en-US", 24.0),
            ("pack of 6 330 ml cans", "en-US", 6.0),
            ("15 256GB", "en-US", 15.0),
            ("555 123 4567", "en-US", 555.0),
            ("10 000 people", "en-US", 10_000.0),
            ("Price 1 299 Kč", "en-US", 1299.0),
            ("environ 10 000 habitants", "fr-FR", 10_000.0),
            ("1 234zł", "pl-PL", 1234.0),
            ("over 1 234 567 sold", "en-US", 1_234_567.0),
            ("just 1 234.50", "en-US", 1234.5),
            // A lone letter is a magnitude where it touches the number or money is spoken of.
            ("Size 10 M", "en-US", 10.0),
            ("Men's 9 B", "en-US", 9.0),
            ("$10 M", "en-US", 10_000_000.0),
            ("10 M €", "fr-FR", 10_000_000.0),
            ("10 M", "en-US", 10_000_000.0),
            ("1.2 million", "en-US", 1_200_000.0),
            ("£5m", "en-GB", 5_000_000.0),
            ("5m cable", "en-US", 5.0),
            ("2T of storage", "en-US", 2.0),
            ("5 mil thick", "en-US", 5.0),
            ("5 mil habitantes", "es-ES", 5_000.0),
            ("1e5", "en-US", 100_000.0),
            ("2.5E-3", "en-US", 0.0025),
            ("1e5x", "en-US", 1.0),
            // Accountants' negative: in brackets, with cents or a currency; a count in brackets is none.
            ("(5.00)", "en-US", -5.0),
            ("($5)", "en-US", -5.0),
            ("$(1,234.50)", "en-US", -1234.5),
            ("(12,50 €)", "de-DE", -12.5),
            ("(128)", "en-US", 128.0),
            ("(4.5)", "en-US", 4.5),
            ("(5.00) each", "en-US", 5.0),
            ("16:9", "en-US", 16.0),
        ] {
            assert_eq!(value(text, locale), Some(want), "{text} {locale}");
        }
        for text in
            ["", "none", "1.2.3", "1,2,3", "2025-03-04", "on 03/04/2025", "1/2/99", "12:30", "at 9:05 pm", "1e999"]
        {
            assert_eq!(value(text, "en-US"), None, "{text}");
        }
    }

    #[test]
    fn ranges_and_bare_numbers() {
        for text in ["5 - 10", "$5–$10", "€5 — 7", "5€ - 10€"] {
            assert!(find(text, "en-US").unwrap().range, "{text}");
        }
        assert!(!find("5 stars - great", "en-US").unwrap().range);
        assert!(find("19.99", "en-US").unwrap().bare);
        assert!(!find("1,999", "en-US").unwrap().bare && !find("1.234", "de-DE").unwrap().bare);
        assert_eq!(find("9223372036854775807", "en-US").unwrap().exact, Some(i64::MAX));
        assert_eq!(find("9223372036854775808", "en-US").unwrap().exact, None);
    }
}

//! What stands around a number and changes it: magnitudes, exponents, brackets, groups set apart by spaces; and what
//! makes digits no number at all: days and times of day.

/// Signs of currencies.
const SIGNS: &str = "$€£¥₹₩₽₺₫₪฿₴₸";
/// Words for currencies, in lower case.
const MONEY: [&str; 41] = [
    "eur", "usd", "gbp", "chf", "pln", "czk", "sek", "nok", "dkk", "huf", "ron", "try", "rub", "uah", "bgn", "inr",
    "aud", "cad", "nzd", "brl", "mxn", "jpy", "cny", "krw", "zł", "kč", "kr", "ft", "lei", "tl", "руб", "р", "грн",
    "лв", "rs", "rp", "dollars", "dollar", "euros", "euro", "pounds",
];
/// Languages that set groups of digits apart by spaces. Source: CLDR, number symbols.
const SPACE_LANGUAGES: [&str; 25] = [
    "af", "az", "be", "bg", "ca", "cs", "eo", "es", "et", "fi", "fr", "hu", "hy", "ka", "kk", "lt", "lv", "nb", "nn",
    "no", "pl", "pt", "ru", "sk", "sv",
];
const MORE_SPACE_LANGUAGES: [&str; 3] = ["sq", "uk", "uz"];
/// Most digits of an exponent.
const MAX_EXPONENT: usize = 3;

fn language(locale: &str) -> String {
    locale.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase()
}

fn digit(chars: &[char], at: usize) -> bool {
    chars.get(at).is_some_and(char::is_ascii_digit)
}

/// The word that starts at `at`, in lower case.
fn word(chars: &[char], at: usize) -> String {
    let letters = chars.get(at..).unwrap_or_default().iter().take_while(|c| c.is_alphabetic()).take(12);
    letters.flat_map(|c| c.to_lowercase()).collect()
}

/// What stands before a number, white space left out: the last character, and the word that it ends.
fn before(chars: &[char], start: usize) -> (Option<char>, String) {
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

/// Whether a currency stands right before a number that starts at `start`, or right behind one that ends at `end`.
fn is_money(chars: &[char], start: usize, end: usize) -> bool {
    let (last, name) = before(chars, start);
    let next = end + usize::from(chars.get(end) == Some(&' '));
    last.is_some_and(|c| SIGNS.contains(c))
        || chars.get(next).is_some_and(|c| SIGNS.contains(*c))
        || MONEY.contains(&name.to_lowercase().as_str())
        || MONEY.contains(&word(chars, next).as_str())
}

/// Whether the spaces between the digits from `start` on set groups of three apart, rather than one number from the
/// next as in "iPhone 15 256 GB".
pub(super) fn groups_by_spaces(chars: &[char], start: usize, locale: &str) -> bool {
    let run = |from: usize| chars.get(from..).unwrap_or_default().iter().take_while(|c| c.is_ascii_digit()).count();
    let first = run(start);
    let (mut at, mut groups) = (start + first, 0);
    while chars.get(at) == Some(&' ') && run(at + 1) == 3 {
        (at, groups) = (at + 4, groups + 1);
    }
    let touches = start > 0 && chars[start - 1].is_alphabetic();
    if groups == 0 || !(1..=3).contains(&first) || touches || (chars.get(at) == Some(&' ') && digit(chars, at + 1)) {
        return false;
    }
    let fraction = matches!(chars.get(at), Some('.' | ',')) && digit(chars, at + 1);
    if groups > 1 || fraction || is_money(chars, start, at) {
        return true;
    }
    let language = language(locale);
    let usual = SPACE_LANGUAGES.contains(&language.as_str()) || MORE_SPACE_LANGUAGES.contains(&language.as_str());
    let (_, name) = before(chars, start);
    let unit_touches = chars.get(at).is_some_and(|c| c.is_alphabetic());
    if usual { !name.chars().any(char::is_uppercase) } else { name.is_empty() && !unit_touches }
}

/// The factor that follows a number, and where the text goes on.
pub(super) fn magnitude(chars: &[char], start: usize, end: usize, locale: &str) -> (f64, usize) {
    let mut at = end;
    while at < chars.len() && chars[at] == ' ' {
        at += 1;
    }
    let written: String = chars[at..].iter().take_while(|c| c.is_alphabetic()).take(12).collect();
    let after = at + written.chars().count();
    let spaced = at > end;
    // A letter with a space before it is a size or a unit, unless money is spoken of or nothing else is.
    let money = || is_money(chars, start, after);
    let large = || !spaced || start == 0 || money();
    let factor = match written.as_str() {
        "k" | "K" if !spaced => 1e3,
        "M" if large() => 1e6,
        "mn" | "mln" | "mio" | "Mio" => 1e6,
        "B" if large() => 1e9,
        // "5m" are metres.
        "m" if !spaced && money() => 1e6,
        "b" if !spaced && money() => 1e9,
        "T" | "tn" if !spaced && money() => 1e12,
        "bn" | "Bn" | "mrd" | "Mrd" => 1e9,
        _ => match written.to_lowercase().as_str() {
            // In English a "mil" is a measure of length.
            "mil" | "mille" if language(locale) != "en" => 1e3,
            "thousand" | "tausend" => 1e3,
            "million" | "millions" | "millionen" | "millones" | "milioni" => 1e6,
            "billion" | "billions" | "milliarde" | "milliarden" | "milliards" => 1e9,
            "trillion" => 1e12,
            "lakh" | "lakhs" => 1e5,
            "crore" | "crores" => 1e7,
            _ => return (1.0, end),
        },
    };
    (factor, after)
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

/// Whether a text is an amount in brackets, which is how accountants write a loss. A count stands in brackets too, so
/// it needs cents or a currency.
pub(super) fn is_loss(chars: &[char], fraction: &str) -> bool {
    let shown = |c: &&char| !c.is_whitespace();
    let (first, last) = (chars.iter().find(shown), chars.iter().rev().find(shown));
    let sign = |c: Option<&char>| c.is_some_and(|c| SIGNS.contains(*c));
    let open = first == Some(&'(') || (sign(first) && chars.iter().filter(shown).nth(1) == Some(&'('));
    let mut inside = chars.iter().filter(|c| !matches!(c, '(' | ')'));
    let amount = inside.all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | ' ') || SIGNS.contains(*c));
    open && last == Some(&')') && amount && (fraction.len() == 2 || chars.iter().any(|c| SIGNS.contains(*c)))
}

/// Whether the digits at `start` begin a day in numbers: `2025-03-04`, `03/04/2025`, `1/2/99`.
pub(super) fn is_day(chars: &[char], start: usize) -> bool {
    let run = chars[start..].iter().take_while(|c| c.is_ascii_digit() || matches!(c, '-' | '/' | '.')).take(11);
    let written: String = run.collect();
    let written = written.trim_end_matches(['-', '/', '.']);
    ['-', '/', '.'].into_iter().any(|separator| {
        let mut parts = written.split(separator);
        let (Some(a), Some(b), Some(c), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        let within =
            |t: &str, most: u32| (1..=2).contains(&t.len()) && t.parse().is_ok_and(|n| (1..=most).contains(&n));
        let year = |t: &str| t.len() == 4 && t.parse().is_ok_and(|n: u32| (1000..=2999).contains(&n));
        let last = year(c) || (separator == '/' && c.len() == 2 && c.parse::<u32>().is_ok());
        (year(a) && within(b, 12) && within(c, 31))
            || (last && ((within(a, 31) && within(b, 12)) || (within(a, 12) && within(b, 31))))
    })
}

/// Whether the digits at `start` begin a time of day: `12:30`.
pub(super) fn is_clock(chars: &[char], start: usize) -> bool {
    let hour = chars[start..].iter().take_while(|c| c.is_ascii_digit()).count();
    let colon = start + hour;
    (1..=2).contains(&hour)
        && chars.get(colon) == Some(&':')
        && digit(chars, colon + 1)
        && digit(chars, colon + 2)
        && !digit(chars, colon + 3)
}

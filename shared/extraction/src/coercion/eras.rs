//! Years of other calendars: Japanese eras, the Republic of China's, the Buddhist and the Persian one.

use jiff::civil::Date;

/// Eras by their signs and letters, and the year before their first. Source: CLDR, Japanese calendar.
const ERAS: [(&str, &str, i64); 6] = [
    ("令和", "r", 2018),
    ("平成", "h", 1988),
    ("昭和", "s", 1925),
    ("大正", "t", 1911),
    ("明治", "m", 1867),
    ("民國", "", 1911),
];

/// The text with the year of an era in it written as a year of our own: `令和元年5月1日`, `R6.5.1`, `民國113年`.
pub(super) fn with_our_years(text: &str, locale: &str) -> Option<String> {
    let short = locale.to_ascii_lowercase().starts_with("ja");
    for (signs, letter, before) in ERAS {
        let spelled = if signs == "民國" && !text.contains(signs) { "民国" } else { signs };
        if let Some(at) = text.find(spelled) {
            let rest = text[at + spelled.len()..].trim_start_matches([' ', '(', '（']);
            let (year, rest) = year(rest)?;
            return Some(format!("{} {}{rest}", &text[..at], before + year));
        }
        if short && let Some(rest) = text.trim().strip_prefix(letter).filter(|_| !letter.is_empty()) {
            let (year, rest) = year(rest)?;
            let parts = rest.trim_start_matches(['.', '/', '-', '年']);
            return (parts.len() < rest.len()).then(|| format!("{}-{}", before + year, parts.replace(['.', '/'], "-")));
        }
    }
    None
}

fn year(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('元') {
        return Some((1, rest));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let year = text.get(..digits)?.parse().ok().filter(|y| (1..=200).contains(y))?;
    Some((year, &text[digits..]))
}

/// A year of the Buddhist calendar as one of ours, where a text or a locale says that it is one.
pub(super) fn buddhist(year: i64, text: &str, locale: &str) -> i64 {
    let thai = locale.to_ascii_lowercase().starts_with("th") || text.chars().any(|c| ('ก'..='๙').contains(&c));
    if thai && (2400..2700).contains(&year) { year - 543 } else { year }
}

/// Whether a year is one of the Persian calendar, by what a text or a locale says.
pub(super) fn is_persian(year: i64, text: &str, locale: &str) -> bool {
    let persian = locale.to_ascii_lowercase().starts_with("fa") || text.contains(['پ', 'چ', 'ژ', 'گ', 'ی', 'ک']);
    persian && (1200..1500).contains(&year)
}

/// A day of the Persian calendar, whose leap years follow a cycle of 33 years in the centuries that pages speak of.
pub(super) fn persian(year: i64, month: i64, day: i64) -> Option<Date> {
    let leaps = |year: i64| (year * 8 + 21) / 33;
    let most = match month {
        1..=6 => 31,
        7..=11 => 30,
        12 => 29 + leaps(year + 1) - leaps(year),
        _ => return None,
    };
    if !(1200..1500).contains(&year) || !(1..=most).contains(&day) {
        return None;
    }
    // Days since 1 Farvardin 1200, which was 21 March 1821.
    let before = (month - 1) * 30 + (month - 1).min(6);
    let days = (year - 1200) * 365 + leaps(year) - leaps(1200) + before + day - 1;
    jiff::civil::date(1821, 3, 21).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_persian_calendar() {
        for (y, m, d, want) in [
            (1402, 2, 11, "2023-05-01"),
            (1403, 1, 1, "2024-03-20"),
            (1403, 12, 30, "2025-03-20"),
            (1404, 1, 1, "2025-03-21"),
            (1399, 12, 30, "2021-03-20"),
            (1400, 1, 1, "2021-03-21"),
            (1357, 11, 22, "1979-02-11"),
            (1396, 1, 1, "2017-03-21"),
        ] {
            assert_eq!(persian(y, m, d).map(|d| d.to_string()).as_deref(), Some(want), "{y}/{m}/{d}");
        }
        assert_eq!((persian(1402, 13, 1), persian(1402, 12, 30), persian(900, 1, 1)), (None, None, None));
    }
}

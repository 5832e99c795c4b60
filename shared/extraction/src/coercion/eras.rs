//! Years of other calendars: Japanese eras, the Republic of China, Buddhist and Persian.

use jiff::civil::Date;

/// Eras by their signs and letters, with the year before their first. Source: CLDR, Japanese calendar.
const ERAS: [(&str, &str, i64); 6] = [
    ("令和", "r", 2018),
    ("平成", "h", 1988),
    ("昭和", "s", 1925),
    ("大正", "t", 1911),
    ("明治", "m", 1867),
    ("民國", "", 1911),
];

/// Returns the text with an era's year replaced by its Gregorian year: `令和元年5月1日`, `R6.5.1`, `民國113年`. Also turns
/// Chinese numerals into digits: `二〇二四年五月一日`.
pub(super) fn with_gregorian_years(text: &str, locale: &str) -> Option<String> {
    let spelled = with_arabic_digits(text);
    let text = spelled.as_deref().unwrap_or(text);
    let locale = locale.to_ascii_lowercase();
    for (signs, letter, before) in ERAS {
        let spelled = if signs == "民國" && !text.contains(signs) { "民国" } else { signs };
        if let Some(at) = text.find(spelled) {
            let (before_era, rest) = (&text[..at], text[at + spelled.len()..].trim_start_matches([' ', '(', '（']));
            // "2024年（令和6年）5月1日" gives the year twice.
            if before_era.ends_with(['(', '（']) && before_era.contains('年') {
                return Some(before_era.to_owned() + &text[at..]);
            }
            let (year, rest) = leading_year(rest)?;
            return Some(format!("{before_era} {}{rest}", before + year));
        }
        if locale.starts_with("ja")
            && let Some(rest) = text.trim().strip_prefix(letter).filter(|_| !letter.is_empty())
        {
            let (year, rest) = leading_year(rest)?;
            let parts = rest.trim_start_matches(['.', '/', '-', '年']);
            return (parts.len() < rest.len()).then(|| format!("{}-{}", before + year, parts.replace(['.', '/'], "-")));
        }
    }
    // Taiwan omits the era: "113年5月1日", "113/05/01".
    let taiwan = locale.starts_with("zh-tw") || locale.starts_with("zh-hant");
    if taiwan && let Some((year, rest)) = leading_year(text.trim()).filter(|(y, _)| (80..=150).contains(y)) {
        let parts = rest.strip_prefix(['年', '/', '.', '-'])?;
        let well_formed = rest.starts_with('年')
            || parts.split(['/', '.', '-']).take(2).all(|p| {
                let digits = p.bytes().take_while(u8::is_ascii_digit).count();
                (1..=2).contains(&digits)
            });
        let separator = if rest.starts_with('年') { "年" } else { "-" };
        let parts = if separator == "-" { parts.replacen(['/', '.'], "-", 1) } else { parts.to_owned() };
        return well_formed.then(|| format!("{}{separator}{parts}", 1911 + year));
    }
    spelled
}

/// Returns a text with the Chinese numerals of its dates turned into digits, or `None` if it has none.
fn with_arabic_digits(text: &str) -> Option<String> {
    const SIGNS: &str = "〇零一二三四五六七八九十百";
    if !text.contains(['年', '月']) || !text.contains(|c| SIGNS.contains(c)) {
        return None;
    }
    let chars: Vec<char> = text.chars().collect();
    let (mut out, mut at) = (String::with_capacity(text.len()), 0);
    while at < chars.len() {
        let run = chars[at..].iter().take_while(|c| SIGNS.contains(**c)).count();
        let unit = chars.get(at + run).is_some_and(|c| matches!(c, '年' | '月' | '日' | '號' | '号'));
        if (1..=6).contains(&run) && unit {
            out.push_str(&numerals_to_digits(&chars[at..at + run]));
            at += run;
        } else {
            out.extend(&chars[at..at + run.max(1)]);
            at += run.max(1);
        }
    }
    Some(out)
}

/// Returns Chinese numerals as digits: `二〇二四` digit by digit, `三十一` and `一百一十三` by value.
fn numerals_to_digits(signs: &[char]) -> String {
    let digit_value = |c: char| match c {
        '〇' | '零' => Some(0),
        _ => "一二三四五六七八九".chars().position(|s| s == c).map(|at| at + 1),
    };
    if !signs.iter().any(|c| matches!(c, '十' | '百')) {
        return signs.iter().filter_map(|c| digit_value(*c)).map(|d| d.to_string()).collect();
    }
    let (mut total, mut pending) = (0, None);
    for c in signs {
        match c {
            '百' => total += pending.take().unwrap_or(1) * 100,
            '十' => total += pending.take().unwrap_or(1) * 10,
            other => pending = digit_value(*other),
        }
    }
    (total + pending.unwrap_or(0)).to_string()
}

/// Returns a year written with two digits, which a text or a locale may mark as Buddhist: then 67 means 2567, but 24
/// means 2024.
pub(super) fn expand_buddhist_year(year: i64, context: (&str, &str)) -> i64 {
    let digits = year % 100;
    if is_thai(context) && (40..100).contains(&digits) { 2500 + digits } else { year }
}

/// Returns whether a year can only be Islamic. Days of that calendar are not converted.
pub(super) fn is_islamic(year: i64, (text, locale): (&str, &str)) -> bool {
    let language = super::number_context::language(locale);
    let arabic = matches!(language.as_str(), "ar" | "ur" | "ps" | "ckb") || text.contains('ه');
    arabic && (1300..1500).contains(&year)
}

fn is_thai((text, locale): (&str, &str)) -> bool {
    locale.to_ascii_lowercase().starts_with("th") || text.chars().any(|c| ('ก'..='๙').contains(&c))
}

fn leading_year(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('元') {
        return Some((1, rest));
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let year = text.get(..digits)?.parse().ok().filter(|y| (1..=200).contains(y))?;
    Some((year, &text[digits..]))
}

/// Returns a Buddhist year as a Gregorian one, if a text or a locale marks it as Buddhist.
pub(super) fn from_buddhist(year: i64, text: &str, locale: &str) -> i64 {
    if is_thai((text, locale)) && (2400..2700).contains(&year) { year - 543 } else { year }
}

/// Returns whether a text or a locale marks a year as Persian.
pub(super) fn is_persian(year: i64, text: &str, locale: &str) -> bool {
    let persian = locale.to_ascii_lowercase().starts_with("fa") || text.contains(['پ', 'چ', 'ژ', 'گ', 'ی', 'ک']);
    persian && (1200..1500).contains(&year)
}

/// Returns a day of the Persian calendar, whose leap years follow a cycle of 33 years in the centuries that pages
/// mention.
pub(super) fn persian_date(year: i64, month: i64, day: i64) -> Option<Date> {
    let leap_days = |year: i64| (year * 8 + 21) / 33;
    let max = match month {
        1..=6 => 31,
        7..=11 => 30,
        12 => 29 + leap_days(year + 1) - leap_days(year),
        _ => return None,
    };
    if !(1200..1500).contains(&year) || !(1..=max).contains(&day) {
        return None;
    }
    // Days since 1 Farvardin 1200, which was 21 March 1821.
    let before = (month - 1) * 30 + (month - 1).min(6);
    let days = (year - 1200) * 365 + leap_days(year) - leap_days(1200) + before + day - 1;
    jiff::civil::date(1821, 3, 21).checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_persian_calendar_are_converted() {
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
            assert_eq!(persian_date(y, m, d).map(|d| d.to_string()).as_deref(), Some(want), "{y}/{m}/{d}");
        }
        assert_eq!(
            (persian_date(1402, 13, 1), persian_date(1402, 12, 30), persian_date(900, 1, 1)),
            (None, None, None)
        );
    }
}

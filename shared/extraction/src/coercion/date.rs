//! Days: ISO 8601, RFC 2822, months by name, numbers by locale, and days relative to the day of the fetch.

use jiff::ToSpan;
use jiff::civil::Date;

use super::Reading;

/// Longest text that is looked at.
const LOOK: usize = 120;

/// Month names by their first letters, in English, German, French, Spanish, Italian, Portuguese, Dutch and Polish.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen", "sty", "jän"],
    &["feb", "fév", "fev", "lut"],
    &["mar", "mär", "mrz", "maa"],
    &["apr", "avr", "abr", "kwi"],
    &["may", "mai", "mag", "mei", "maj", "mayo"],
    &["jun", "juin", "giu", "cze"],
    &["jul", "juil", "lug", "lip"],
    &["aug", "aoû", "aou", "ago", "sie"],
    &["sep", "set", "wrz"],
    &["oct", "okt", "ott", "out", "paź"],
    &["nov", "lis"],
    &["dec", "dez", "déc", "dic", "gru"],
];

/// The day that a text names.
pub(super) fn read(text: &str, reading: &Reading<'_>) -> Option<Date> {
    let text: String = text.chars().take(LOOK).collect::<String>().to_lowercase();
    iso(&text)
        .or_else(|| relative(&text, reading.today))
        .or_else(|| by_name(&text))
        .or_else(|| numeric(&text, reading.locale))
}

fn day(year: i64, month: i64, day: i64) -> Option<Date> {
    let year = if (0..100).contains(&year) { if year <= 68 { 2000 + year } else { 1900 + year } } else { year };
    if !(1000..=2999).contains(&year) {
        return None;
    }
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// `YYYY-MM-DD`, also with a time behind it; the day as written, whatever the offset.
fn iso(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    for start in 0..bytes.len().saturating_sub(9) {
        let piece = &bytes[start..start + 10];
        let shaped = piece.iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-' || *b == b'/' || *b == b'.',
            _ => b.is_ascii_digit(),
        });
        let alone = (start == 0 || !bytes[start - 1].is_ascii_digit())
            && bytes.get(start + 10).is_none_or(|b| !b.is_ascii_digit());
        if shaped && alone && piece[4] == piece[7] {
            let number =
                |range: std::ops::Range<usize>| piece[range].iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
            return day(number(0..4), number(5..7), number(8..10));
        }
    }
    // The basic form, alone: 20250304.
    let basic = text.trim();
    if basic.len() == 8 && basic.bytes().all(|b| b.is_ascii_digit()) {
        return day(basic[..4].parse().ok()?, basic[4..6].parse().ok()?, basic[6..].parse().ok()?);
    }
    None
}

fn relative(text: &str, today: Date) -> Option<Date> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    if words.len() > 8 {
        return None;
    }
    let has = |list: &[&str]| words.iter().any(|w| list.contains(w));
    let ago =
        has(&["ago", "vor", "hace", "fa", "geleden", "há", "temu"]) || (has(&["il"]) && has(&["a"]) && has(&["y"]));
    if ago {
        let count = words.iter().find_map(|w| w.parse::<i64>().ok()).or_else(|| {
            has(&["a", "an", "one", "einem", "einer", "un", "una", "une", "uno", "um", "uma", "een"]).then_some(1)
        })?;
        let count = (0..=36_500).contains(&count).then_some(count)?;
        let unit = |stems: &[&str]| words.iter().any(|w| stems.iter().any(|s| w.starts_with(s)));
        let span = if unit(&["second", "sekunde", "minut", "hour", "stunde", "heure", "hora", "ore", "uur"]) {
            // Hours may reach into the day before; without the time of day, today is the better guess below 24.
            (count / 24 * i64::from(unit(&["hour", "stunde", "heure", "hora", "ore", "uur"]))).days()
        } else if unit(&["day", "tag", "jour", "día", "dia", "giorn", "dag", "dni"]) {
            count.days()
        } else if unit(&["week", "woche", "semaine", "semana", "settiman", "tygod"]) {
            (count * 7).days()
        } else if unit(&["month", "monat", "mois", "mes", "maand", "miesi"]) {
            count.months()
        } else if unit(&["year", "jahr", "an", "año", "ann", "jaar", "ano", "lat"]) {
            count.min(3_000).years()
        } else {
            return None;
        };
        return today.checked_sub(span).ok();
    }
    let offset = match text.trim_matches(|c: char| !c.is_alphanumeric()) {
        t if t.starts_with("today")
            || t.starts_with("heute")
            || t.starts_with("hoy")
            || t.starts_with("oggi")
            || t.starts_with("aujourd")
            || t.starts_with("hoje")
            || t.starts_with("vandaag")
            || t == "just now" =>
        {
            0
        }
        t if t.starts_with("yesterday")
            || t.starts_with("gestern")
            || t.starts_with("ayer")
            || t.starts_with("ieri")
            || t == "hier"
            || t.starts_with("ontem")
            || t.starts_with("gisteren") =>
        {
            -1
        }
        t if t.starts_with("tomorrow")
            || t.starts_with("morgen")
            || t.starts_with("mañana")
            || t.starts_with("domani")
            || t.starts_with("demain") =>
        {
            1
        }
        _ => return None,
    };
    today.checked_add(offset.days()).ok()
}

/// A month by name with a day and a year beside it: `March 4, 2025`, `4. März 2025`, `Tue, 04 Mar 2025 10:00:00 GMT`.
fn by_name(text: &str) -> Option<Date> {
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        let Some(month) = month_named(word) else { continue };
        let number = |i: Option<usize>| i.and_then(|i| words.get(i)).and_then(|w| ordinal(w));
        let is_day = |n: &i64| (1..=31).contains(n);
        // "de" stands between in Spanish and Portuguese.
        let before = at.checked_sub(1).map(|i| if words[i] == "de" { i.saturating_sub(1) } else { i });
        let next = if words.get(at + 1) == Some(&"de") { at + 2 } else { at + 1 };
        let year_like = |n: &i64| (1000..=2999).contains(n);
        if let Some(d) = number(before).filter(is_day)
            && let Some(y) = number(Some(next)).filter(|n| year_like(n) || *n < 100)
            && (year_like(&y) || words.get(next).is_some_and(|w| w.len() == 2))
        {
            return day(y, month, d);
        }
        if let Some(d) = number(Some(next)).filter(is_day)
            && let Some(y) = number(Some(next + 1)).filter(year_like)
        {
            return day(y, month, d);
        }
        if let Some(y) = number(before).filter(year_like)
            && let Some(d) = number(Some(next)).filter(is_day)
        {
            return day(y, month, d);
        }
    }
    None
}

fn month_named(word: &str) -> Option<i64> {
    if !(3..=12).contains(&word.chars().count()) || word.chars().any(|c| c.is_ascii_digit()) {
        return None;
    }
    let longest = MONTHS
        .iter()
        .enumerate()
        .flat_map(|(i, stems)| stems.iter().map(move |s| (i, *s)))
        .filter(|(_, stem)| word.starts_with(stem))
        .max_by_key(|(_, stem)| stem.len())?;
    i64::try_from(longest.0 + 1).ok()
}

/// `4`, `4th`, `1er`.
fn ordinal(word: &str) -> Option<i64> {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let suffix = &word[digits.len()..];
    matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "º").then(|| digits.parse().ok()).flatten()
}

/// `03/04/2025` by locale; `13/04/2025` and `2025/03/04` by themselves.
fn numeric(text: &str, locale: &str) -> Option<Date> {
    for word in text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '/' | '.' | '-'))) {
        let word = word.trim_matches(['/', '.', '-']);
        for separator in ['/', '.', '-'] {
            let parts: Vec<&str> = word.split(separator).collect();
            let [a, b, c] = parts[..] else { continue };
            let (Ok(x), Ok(y), Ok(z)) = (a.parse::<i64>(), b.parse::<i64>(), c.parse::<i64>()) else { continue };
            if a.len() > 4 || b.len() > 2 || c.len() > 4 {
                continue;
            }
            if a.len() == 4 {
                return day(x, y, z);
            }
            if c.len() != 4 && c.len() != 2 {
                continue;
            }
            let month_first = locale.eq_ignore_ascii_case("en-US") || locale.eq_ignore_ascii_case("en");
            // Points are the continent's way: day first everywhere.
            let (d, m) = if (month_first && separator != '.' && x <= 12) || y > 12 { (y, x) } else { (x, y) };
            return day(z, m, d);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in(text: &str, locale: &str) -> Option<String> {
        let reading = Reading { locale, today: jiff::civil::date(2026, 11, 24) };
        read(text, &reading).map(|d| d.to_string())
    }

    #[test]
    fn spellings() {
        for (text, locale, want) in [
            ("2025-03-04T23:30:00-08:00", "en-US", "2025-03-04"),
            ("20250304", "en-US", "2025-03-04"),
            ("March 4, 2025", "en-US", "2025-03-04"),
            ("Mar 4th, 2025", "en-US", "2025-03-04"),
            ("Published: 4 March 2025 at 5pm", "en-US", "2025-03-04"),
            ("4. März 2025", "de-DE", "2025-03-04"),
            ("le 4 août 2025", "fr-FR", "2025-08-04"),
            ("4 de mayo de 2025", "es-ES", "2025-05-04"),
            ("Tue, 04 Mar 2025 10:00:00 GMT", "en-US", "2025-03-04"),
            ("03/04/2025", "en-US", "2025-03-04"),
            ("03/04/2025", "en-GB", "2025-04-03"),
            ("13/04/2025", "en-US", "2025-04-13"),
            ("04/13/2025", "de-DE", "2025-04-13"),
            ("3.4.2025", "en-US", "2025-04-03"),
            ("2025/03/04", "en-US", "2025-03-04"),
            ("1/2/99", "en-US", "1999-01-02"),
            ("today", "en-US", "2026-11-24"),
            ("Yesterday", "en-US", "2026-11-23"),
            ("2 weeks ago", "en-US", "2026-11-10"),
            ("a month ago", "en-US", "2026-10-24"),
            ("an hour ago", "en-US", "2026-11-24"),
            ("vor 3 Tagen", "de-DE", "2026-11-21"),
            ("il y a 3 jours", "fr-FR", "2026-11-21"),
            ("hace 3 días", "es-ES", "2026-11-21"),
        ] {
            assert_eq!(read_in(text, locale).as_deref(), Some(want), "{text} {locale}");
        }
        for text in
            ["", "2025-02-30", "soon", "2025", "1741046400", "marching on", "32/13/2025", "ago", "99999999999 days ago"]
        {
            assert_eq!(read_in(text, "en-US"), None, "{text}");
        }
    }
}

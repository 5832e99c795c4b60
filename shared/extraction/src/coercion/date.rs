//! Days: ISO 8601, RFC 2822, months by name, numbers by locale; [`super::relative`] knows
//! those that count from today.

use jiff::civil::Date;

use super::calendar::month_named;
use super::{Reading, digits, relative};

/// Longest text that is looked at, in characters.
const LOOK: usize = 160;

/// The day that a text names, and how many characters name it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Named {
    pub(crate) day: Date,
    pub(crate) length: usize,
}

/// The day that a text names.
pub(crate) fn read(text: &str, reading: &Reading<'_>) -> Option<Date> {
    find(text, reading).map(|named| named.day)
}

/// The first day that stands in a text.
pub(crate) fn find(text: &str, reading: &Reading<'_>) -> Option<Named> {
    let text: String = text.chars().take(LOOK).flat_map(char::to_lowercase).map(digits::digit).collect();
    iso(&text)
        .or_else(|| ideographs(&text))
        .or_else(|| relative::find(&text, reading.today))
        .or_else(|| by_name(&text))
        .or_else(|| numeric(&text, reading.locale))
}

/// The day that a text names with a month in words or signs, whatever the locale.
pub(super) fn in_words(text: &str) -> Option<Named> {
    let text: String = text.chars().take(LOOK).flat_map(char::to_lowercase).map(digits::digit).collect();
    ideographs(&text).or_else(|| by_name(&text))
}

fn day(year: i64, month: i64, day: i64) -> Option<Date> {
    let year = if (0..100).contains(&year) { if year <= 68 { 2000 + year } else { 1900 + year } } else { year };
    if !(1000..=2999).contains(&year) {
        return None;
    }
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// A day, if its year is one that pages speak of.
pub(super) fn named(day: Option<Date>, length: usize) -> Option<Named> {
    // Years of four digits: "3000 years ago" is no day of a page.
    day.filter(|day| (1000..=2999).contains(&day.year())).map(|day| Named { day, length })
}

/// `YYYY-MM-DD`, also with a time behind it; the day as written, whatever the offset.
fn iso(text: &str) -> Option<Named> {
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
            return named(day(number(0..4), number(5..7), number(8..10)), 10);
        }
    }
    // The basic form, alone or with a time: 20250304, 20250304T101500Z.
    let basic = text.trim();
    let head = basic.get(..8).filter(|h| h.bytes().all(|b| b.is_ascii_digit()))?;
    if basic.len() == 8 || basic[8..].starts_with('t') {
        return named(day(head[..4].parse().ok()?, head[4..6].parse().ok()?, head[6..].parse().ok()?), 8);
    }
    None
}

/// `2025年3月4日` and `2025년 3월 4일`.
fn ideographs(text: &str) -> Option<Named> {
    let at = text.find(['年', '년'])?;
    let digits = |t: &str| -> Option<i64> {
        let t = t.trim();
        let start =
            t.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + t[i..].chars().next().map_or(1, char::len_utf8));
        t.get(start..)?.parse().ok()
    };
    let year = digits(&text[..at])?;
    let rest = text[at..].trim_start_matches(['年', '년', ' ']);
    let (month, rest) = rest.split_once(['月', '월'])?;
    let (of_month, _) = rest.split_once(['日', '일'])?;
    named(day(year, month.trim().parse().ok()?, of_month.trim().parse().ok()?), 11)
}

/// A month by name with a day and a year beside it: `March 4, 2025`, `4. März 2025`, `Tue, 04 Mar 2025 10:00:00 GMT`.
fn by_name(text: &str) -> Option<Named> {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && !('\u{900}'..='\u{94f}').contains(&c))
        .filter(|w| !w.is_empty())
        .collect();
    let joins = |w: Option<&&str>| w.is_some_and(|w| matches!(*w, "de" | "del" | "of" | "the" | "of the"));
    for (at, word) in words.iter().enumerate() {
        let Some(month) = month_named(word) else { continue };
        let number = |i: Option<usize>| i.and_then(|i| words.get(i)).and_then(|w| ordinal(w));
        let is_day = |n: &i64| (1..=31).contains(n);
        let year_like = |n: &i64| (1000..=2999).contains(n);
        let mut before = at.checked_sub(1);
        if joins(before.and_then(|i| words.get(i))) {
            before = before.and_then(|i| i.checked_sub(1));
        }
        let mut next = at + 1;
        if joins(words.get(next)) {
            next += 1;
        }
        let length = |from: usize, to: usize| {
            words.get(from..=to).map_or(0, |w| w.iter().map(|w| w.chars().count() + 1).sum::<usize>())
        };
        if let Some(d) = number(before).filter(is_day)
            && let Some(y) = number(Some(next)).filter(|n| year_like(n) || *n < 100)
            && (year_like(&y) || words.get(next).is_some_and(|w| w.len() == 2))
        {
            return named(day(y, month, d), length(before.unwrap_or(at), next));
        }
        if let Some(d) = number(Some(next)).filter(is_day)
            && let Some(y) = number(Some(next + 1)).filter(year_like)
        {
            return named(day(y, month, d), length(at, next + 1));
        }
        // "May 4 at 10:15, 2025" and "4 May, 10:15 2025" are rare; "2025 May 4" is not.
        if let Some(y) = number(before).filter(year_like)
            && let Some(d) = number(Some(next)).filter(is_day)
        {
            return named(day(y, month, d), length(before.unwrap_or(at), next));
        }
    }
    vietnamese(&words)
}

/// `4 tháng 3, 2025` and `ngày 4 tháng 3 năm 2025`.
fn vietnamese(words: &[&str]) -> Option<Named> {
    let at = words.iter().position(|w| *w == "tháng")?;
    let number = |i: usize| words.get(i).and_then(|w| w.parse::<i64>().ok());
    let year = number(at + 2).or_else(|| number(at + 3))?;
    named(day(year, number(at + 1)?, number(at.checked_sub(1)?)?), 20)
}

/// `4`, `4th`, `1er`.
fn ordinal(word: &str) -> Option<i64> {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let suffix = &word[digits.len()..];
    matches!(suffix, "" | "st" | "nd" | "rd" | "th" | "er" | "e" | "º" | "o" | "ª")
        .then(|| digits.parse().ok())
        .flatten()
}

/// `03/04/2025` by locale; `13/04/2025` and `2025/03/04` by themselves.
fn numeric(text: &str, locale: &str) -> Option<Named> {
    let text = text.replace(". ", ".");
    for word in text.split(|c: char| !(c.is_ascii_digit() || matches!(c, '/' | '.' | '-' | '·'))) {
        let word = word.trim_matches(['/', '.', '-', '·']);
        for separator in ['/', '.', '-', '·'] {
            let parts: Vec<&str> = word.split(separator).collect();
            let [a, b, c] = parts[..] else { continue };
            let (Ok(x), Ok(y), Ok(z)) = (a.parse::<i64>(), b.parse::<i64>(), c.parse::<i64>()) else { continue };
            if a.len() > 4 || b.len() > 2 || c.len() > 4 {
                continue;
            }
            let length = word.len();
            if a.len() == 4 {
                return named(day(x, y, z), length);
            }
            if c.len() != 4 && c.len() != 2 {
                continue;
            }
            let month_first = ["en-us", "en", "en-ph"].contains(&locale.to_ascii_lowercase().as_str());
            // Points are the continent's way: day first everywhere.
            let (d, m) = if (month_first && separator != '.' && x <= 12) || y > 12 { (y, x) } else { (x, y) };
            return named(day(z, m, d), length);
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
            ("20250304T101500Z", "en-US", "2025-03-04"),
            ("March 4, 2025", "en-US", "2025-03-04"),
            ("Mar 4th, 2025", "en-US", "2025-03-04"),
            ("Published: 4 March 2025 at 5pm", "en-US", "2025-03-04"),
            ("4th of March 2025", "en-US", "2025-03-04"),
            ("4. März 2025", "de-DE", "2025-03-04"),
            ("4. Jänner 2025", "de-AT", "2025-01-04"),
            ("le 4 août 2025", "fr-FR", "2025-08-04"),
            ("4 de mayo de 2025", "es-ES", "2025-05-04"),
            ("4 marzo 2025", "it-IT", "2025-03-04"),
            ("4 de março de 2025", "pt-BR", "2025-03-04"),
            ("4 maart 2025", "nl-NL", "2025-03-04"),
            ("4 marca 2025", "pl-PL", "2025-03-04"),
            ("4 mars 2025", "sv-SE", "2025-03-04"),
            ("4. marts 2025", "da-DK", "2025-03-04"),
            ("4. maaliskuuta 2025", "fi-FI", "2025-03-04"),
            ("4. března 2025", "cs-CZ", "2025-03-04"),
            ("2025. március 4.", "hu-HU", "2025-03-04"),
            ("4 martie 2025", "ro-RO", "2025-03-04"),
            ("4 Mart 2025", "tr-TR", "2025-03-04"),
            ("4 марта 2025 г.", "ru-RU", "2025-03-04"),
            ("4 березня 2025", "uk-UA", "2025-03-04"),
            ("4 Μαρτίου 2025", "el-GR", "2025-03-04"),
            ("4 मार्च 2025", "hi-IN", "2025-03-04"),
            ("٤ مارس ٢٠٢٥", "ar", "2025-03-04"),
            ("2025年3月4日", "ja", "2025-03-04"),
            ("2025년 3월 4일", "ko", "2025-03-04"),
            ("ngày 4 tháng 3 năm 2025", "vi", "2025-03-04"),
            ("Tue, 04 Mar 2025 10:00:00 GMT", "en-US", "2025-03-04"),
            ("03/04/2025", "en-US", "2025-03-04"),
            ("03/04/2025", "en-GB", "2025-04-03"),
            ("13/04/2025", "en-US", "2025-04-13"),
            ("04/13/2025", "de-DE", "2025-04-13"),
            ("3.4.2025", "en-US", "2025-04-03"),
            ("3. 4. 2025", "cs-CZ", "2025-04-03"),
            ("2025/03/04", "en-US", "2025-03-04"),
            ("1/2/99", "en-US", "1999-01-02"),
            ("today", "en-US", "2026-11-24"),
            ("Yesterday", "en-US", "2026-11-23"),
            ("Posted yesterday", "en-US", "2026-11-23"),
            ("2 weeks ago", "en-US", "2026-11-10"),
            ("3d ago", "en-US", "2026-11-21"),
            ("a month ago", "en-US", "2026-10-24"),
            ("an hour ago", "en-US", "2026-11-24"),
            ("5 min ago", "en-US", "2026-11-24"),
            ("2 hrs ago", "en-US", "2026-11-24"),
            ("30 hrs ago", "en-US", "2026-11-23"),
            ("45 secs ago", "en-US", "2026-11-24"),
            ("2 wks ago", "en-US", "2026-11-10"),
            ("3 mos ago", "en-US", "2026-08-24"),
            ("1 yr ago", "en-US", "2025-11-24"),
            ("5m ago", "en-US", "2026-11-24"),
            ("2h ago", "en-US", "2026-11-24"),
            ("Updated yesterday", "en-US", "2026-11-23"),
            ("Updated: 5 min ago", "en-US", "2026-11-24"),
            ("Last updated yesterday at 10:15 am", "en-US", "2026-11-23"),
            ("vor 5 Min.", "de-DE", "2026-11-24"),
            ("vor 2 Std.", "de-DE", "2026-11-24"),
            ("Zuletzt aktualisiert gestern um 10:15 Uhr", "de-DE", "2026-11-23"),
            ("hace 5 min", "es-ES", "2026-11-24"),
            ("il y a 2 h", "fr-FR", "2026-11-24"),
            ("il y a 2 sem.", "fr-FR", "2026-11-10"),
            ("vor 3 Tagen", "de-DE", "2026-11-21"),
            ("vor einer Woche", "de-DE", "2026-11-17"),
            ("il y a 3 jours", "fr-FR", "2026-11-21"),
            ("hace 3 días", "es-ES", "2026-11-21"),
            ("3 giorni fa", "it-IT", "2026-11-21"),
            ("há 2 dias", "pt-BR", "2026-11-22"),
            ("3 dagen geleden", "nl-NL", "2026-11-21"),
            ("2 dni temu", "pl-PL", "2026-11-22"),
            ("3 дня назад", "ru-RU", "2026-11-21"),
            ("3日前", "ja", "2026-11-21"),
            ("gestern", "de-DE", "2026-11-23"),
            ("вчера", "ru-RU", "2026-11-23"),
            ("昨日", "ja", "2026-11-23"),
        ] {
            assert_eq!(read_in(text, locale).as_deref(), Some(want), "{text} {locale}");
        }
        for text in [
            "",
            "2025-02-30",
            "soon",
            "2025",
            "1741046400",
            "marching on",
            "32/13/2025",
            "ago",
            "99999999999 days ago",
            "3000 years ago",
        ] {
            assert_eq!(read_in(text, "en-US"), None, "{text}");
        }
    }
}

//! Tests that days written as each language writes them are read back as the same days.

use jiff::civil::Date;

use super::{ReadingContext, date};

/// Returns the languages with the names of their months in every form. Leaves out other calendars.
fn months() -> Vec<(&'static str, Vec<Vec<String>>)> {
    let lines = include_str!("calendar.txt").lines().filter(|l| l.as_bytes().get(2) == Some(&b':'));
    let forms = |names: &str| names.split('/').map(|n| n.replace('_', " ")).collect();
    lines
        .map(|line| (&line[..2], line[3..].split_whitespace().map(forms).collect()))
        .filter(|(language, _)| *language != "pc")
        .collect()
}

/// Returns the tag of a language; some lines are for a region.
fn tag(line: &str) -> String {
    let tag = match line {
        "ag" | "eg" | "sy" => "ar",
        other => other,
    };
    tag.to_owned()
}

/// Returns a day written with its month in words.
fn written(form: usize, day: i8, month: &str, year: i16) -> String {
    match form {
        0 => format!("{day} {month} {year}"),
        1 => format!("{day}. {month} {year}"),
        2 => format!("{month} {day}, {year}"),
        3 => format!("{day} de {month} de {year}"),
        4 => format!("{year} {month} {day}"),
        5 => format!("{day}-{month}-{year}"),
        6 => format!("{day} {}, {year} 10:15", month.to_uppercase()),
        _ => format!("10:15, {day:02} {month} {year}"),
    }
}

/// Returns a day written in numbers, with its locale.
fn in_numbers(form: usize, day: Date) -> (&'static str, String) {
    let (y, m, d) = (day.year(), day.month(), day.day());
    match form {
        0 => ("en-US", format!("{m}/{d}/{y}")),
        1 => ("en-GB", format!("{d:02}/{m:02}/{y}")),
        2 => ("de-DE", format!("{d}.{m}.{y}")),
        3 => ("cs-CZ", format!("{d}. {m}. {y}")),
        4 => ("nl-NL", format!("{d}-{m}-{y}")),
        5 => ("ko-KR", format!("{y}. {m}. {d}.")),
        6 => ("ja-JP", format!("{y}年{m}月{d}日")),
        7 => ("sv-SE", format!("{y}-{m:02}-{d:02}")),
        8 => ("th-TH", format!("{d}/{m}/{}", y + 543)),
        9 => ("zh-TW", format!("民國{}年{m}月{d}日", y - 1911)),
        10 => ("hu-HU", format!("{y}. {m:02}. {d:02}.")),
        _ => ("en-US", format!("{y}{m:02}{d:02}T101500Z")),
    }
}

/// Deterministic: each form of each month of each language.
#[test]
fn days_with_months_in_words_are_read_back() {
    for (language, names) in months() {
        let locale = tag(language);
        let reading = ReadingContext { locale: &locale, today: jiff::civil::date(2026, 11, 24) };
        for (month, forms) in (1i8..).zip(&names) {
            for (form, name) in (0..8).flat_map(|form| forms.iter().map(move |name| (form, name))) {
                let day = jiff::civil::date(1950 + i16::from(month) * 9, month, 1 + (month * 2 + form as i8) % 28);
                let text = written(form, day.day(), name, day.year());
                assert_eq!(date::read(&text, &reading), Some(day), "{locale} {text}");
            }
        }
    }
}

#[test]
fn days_in_numbers_are_read_back() {
    for form in 0..12 {
        for n in 0..400i64 {
            // About three months apart: every month, most days, and a hundred years.
            let day = jiff::civil::date(1950, 1, 1) + jiff::Span::new().days(n * 97);
            let (locale, text) = in_numbers(form, day);
            let reading = ReadingContext { locale, today: jiff::civil::date(2026, 11, 24) };
            assert_eq!(date::read(&text, &reading), Some(day), "{locale} {text}");
        }
    }
}

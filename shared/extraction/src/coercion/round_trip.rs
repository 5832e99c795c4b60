//! Days that are written as each language writes them read back as the same days.

use jiff::civil::Date;
use proptest::prelude::*;

use super::{Reading, date};

/// Languages with the names of their months, every form of each; what is not our calendar is left out.
fn months() -> Vec<(&'static str, Vec<Vec<String>>)> {
    let lines = include_str!("calendar.txt").lines().filter(|l| l.as_bytes().get(2) == Some(&b':'));
    let forms = |names: &str| names.split('/').map(|n| n.replace('_', " ")).collect();
    lines
        .map(|line| (&line[..2], line[3..].split_whitespace().map(forms).collect()))
        .filter(|(language, _)| *language != "pc")
        .collect()
}

/// A language's tag: some lines are of a region.
fn tag(line: &str) -> String {
    let tag = match line {
        "ag" | "eg" | "sy" => "ar",
        other => other,
    };
    tag.to_owned()
}

/// How a day with its month in words is written.
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

/// How a day is written in numbers, by locale.
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

proptest! {
    #[test]
    fn months_in_words(line in 0usize..200, day in 1i8..=28, month in 1i8..=12, year in 1950i16..2060, form in 0usize..8, name in 0usize..4) {
        let all = months();
        let (language, names) = &all[line % all.len()];
        let forms = &names[usize::try_from(month - 1).unwrap()];
        let text = written(form, day, &forms[name % forms.len()], year);
        let locale = tag(language);
        let reading = Reading { locale: &locale, today: jiff::civil::date(2026, 11, 24) };
        prop_assert_eq!(date::read(&text, &reading), Some(jiff::civil::date(year, month, day)), "{} {}", locale, text);
    }

    #[test]
    fn months_in_numbers(day in 1i8..=28, month in 1i8..=12, year in 1950i16..2060, form in 0usize..12) {
        let day = jiff::civil::date(year, month, day);
        let (locale, text) = in_numbers(form, day);
        let reading = Reading { locale, today: jiff::civil::date(2026, 11, 24) };
        prop_assert_eq!(date::read(&text, &reading), Some(day), "{} {}", locale, text);
    }
}

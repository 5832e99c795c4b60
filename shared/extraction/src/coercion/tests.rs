use proptest::prelude::*;
use serde_json::json;

use super::*;

fn reading(locale: &str) -> ReadingContext<'_> {
    ReadingContext { locale, today: jiff::civil::date(2026, 11, 24) }
}

fn read(kind: FieldType, text: &str, locale: &str) -> Value {
    coerce(kind, &text.into(), &reading(locale)).map_or(Value::Null, |c| c.value)
}

#[test]
fn the_contracts_coercion_table_holds() {
    use FieldType::*;
    for (kind, text, locale, want) in [
        (String, "  a \n\u{a0} b\u{200b} ", "en-US", json!("a b")),
        (Integer, "35 years old", "en-US", json!(35)),
        (Integer, "1,234", "en-US", json!(1234)),
        (Integer, "1.2M", "en-US", json!(1_200_000)),
        (Integer, "4.6", "en-US", Value::Null),
        (Integer, "1e5", "en-US", json!(100_000)),
        (Integer, "iPhone 15 256GB", "en-US", json!(15)),
        // Days and times of day are not numbers.
        (Integer, "2025-03-04", "en-US", Value::Null),
        (Integer, "2025-03-04T10:15:00Z", "en-US", Value::Null),
        (Integer, "March 4, 2025", "en-US", Value::Null),
        (Integer, "4. März 2025", "de-DE", Value::Null),
        (Integer, "2025年3月4日", "ja", Value::Null),
        (Float, "03/04/2025", "en-US", Value::Null),
        (Integer, "12:30", "en-US", Value::Null),
        (Integer, "3 days ago", "en-US", json!(3)),
        (Integer, "2025", "en-US", json!(2025)),
        (Float, "(5.00)", "en-US", json!(-5.0)),
        (Float, "$1.2M", "en-US", json!(1_200_000.0)),
        (Float, "1.234,50 €", "en-US", json!(1234.5)),
        (Float, "45 %", "en-US", json!(45.0)),
        (Boolean, "✓ Verified", "en-US", json!(true)),
        (Boolean, "In stock", "en-US", json!(true)),
        (Boolean, "yes", "en-US", json!(true)),
        (Boolean, "https://schema.org/InStock", "en-US", json!(true)),
        (Boolean, "http://schema.org/OutOfStock", "en-US", json!(false)),
        (Boolean, "perhaps", "en-US", Value::Null),
        (Date, "yesterday", "en-US", json!("2026-11-23")),
        (Date, "3 days ago", "en-US", json!("2026-11-21")),
        (Date, "03/04/2025", "en-US", json!("2025-03-04")),
        (Date, "03/04/2025", "de-DE", json!("2025-04-03")),
    ] {
        assert_eq!(read(kind, text, locale), want, "{text}");
    }
}

#[test]
fn a_year_is_read_from_a_day() {
    let year = |kind, text: &str| coerce_year(kind, &text.into(), &reading("en-US")).map(|c| c.value);
    assert_eq!(year(FieldType::Integer, "2025-03-04"), Some(json!(2025)));
    assert_eq!(year(FieldType::Float, "March 4, 2025"), Some(json!(2025.0)));
    assert_eq!(year(FieldType::Integer, "2025"), None);
    assert_eq!(year(FieldType::String, "2025-03-04"), None);
}

#[test]
fn notes_name_changes_and_nothing_else() {
    let note = |kind, text: &str| coerce(kind, &text.into(), &reading("en-US")).unwrap().note;
    assert_eq!(note(FieldType::String, " a  b "), None);
    assert_eq!(note(FieldType::Float, " 19.99 "), None);
    assert_eq!(note(FieldType::Date, "2025-01-02"), None);
    assert!(note(FieldType::Float, "$19.99").unwrap().contains("$19.99"));
    assert!(note(FieldType::Float, "$5–$10").unwrap().contains("first of a range"));
}

#[test]
fn examples_are_checked_against_their_type() {
    for (kind, example, good) in [
        (FieldType::Float, json!("$19.99"), true),
        (FieldType::Float, json!("abc"), false),
        (FieldType::Integer, json!(3), true),
        (FieldType::Integer, json!(3.5), false),
        (FieldType::StringArray, json!(["a", "b"]), true),
        (FieldType::IntegerArray, json!([1, "x"]), false),
        (FieldType::IntegerArray, json!(7), true),
        (FieldType::String, json!(["a"]), false),
        (FieldType::Boolean, json!(true), true),
        (FieldType::Boolean, json!("In stock"), true),
        (FieldType::Date, json!("2025-01-31"), true),
        (FieldType::Date, json!("2025-02-30"), false),
        (FieldType::String, json!({"a": 1}), false),
    ] {
        assert_eq!(reads_as(kind, &example, "en-US"), good, "{example}");
    }
}

proptest! {
    #[test]
    fn never_panics_and_keeps_the_type(text in "\\PC{0,60}", kind in 0usize..8, de in any::<bool>()) {
        check(FieldType::ALL[kind], &text, if de { "de-DE" } else { "en-US" })?;
    }

    #[test]
    fn never_panics_on_texts_like_numbers_and_dates(text in "[-0-9.,'/: $€%kMa-z\u{a0}–]{0,40}", kind in 0usize..8) {
        check(FieldType::ALL[kind], &text, "en-US")?;
    }
}

fn printed(value: u64, group: &str, decimal: &str) -> String {
    let (whole, cents) = (value / 100, value % 100);
    let digits = whole.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push_str(group);
        }
        out.push(c);
    }
    format!("{out}{decimal}{cents:02}")
}

proptest! {
    #[test]
    fn amounts_read_as_they_were_printed(cents in 0u64..10_000_000_000, at in 0usize..8) {
        let (locale, group, decimal, before, behind) = [
            ("en-US", ",", ".", "$", ""),
            ("de-DE", ".", ",", "", " €"),
            ("fr-FR", "\u{202f}", ",", "", " €"),
            ("de-CH", "’", ".", "CHF ", ""),
            ("pl-PL", "\u{a0}", ",", "", " zł"),
            ("pt-BR", ".", ",", "R$ ", ""),
            ("sv-SE", " ", ",", "", " kr"),
            ("en-GB", ",", ".", "£", ""),
        ][at];
        let text = format!("{before}{}{behind}", printed(cents, group, decimal));
        let read = coerce(FieldType::Float, &text.as_str().into(), &reading(locale)).and_then(|c| c.value.as_f64());
        prop_assert_eq!(read, Some(format!("{}.{:02}", cents / 100, cents % 100).parse().unwrap()), "{}", text);
        let money = coerce_money(FieldType::Float, &text, &reading(locale)).and_then(|c| c.value.as_f64());
        prop_assert_eq!(money, read, "{}", text);
        let minus = coerce(FieldType::Float, &format!("-{text}").into(), &reading(locale)).and_then(|c| c.value.as_f64());
        prop_assert_eq!(minus, read.map(|v| if v == 0.0 { v } else { -v }), "-{}", text);
    }

    #[test]
    fn no_text_panics_as_money(text in "\\PC{0,60}") {
        let _ = coerce_money(FieldType::Float, &text, &reading("en-US"));
    }

    #[test]
    fn no_text_like_money_panics(text in "[-0-9.,'/:x() $€¥R¢pk万億만%\u{a0}–⁹]{0,40}") {
        let _ = coerce_money(FieldType::Float, &text, &reading("de-DE"));
        let _ = amounts(&text, "ja");
        let _ = read_boolean(&text);
    }
}

#[test]
fn joiners_stay_and_characters_without_meaning_are_removed() {
    for (text, want) in [
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("👨\u{200d}👩\u{200d}👧", "👨\u{200d}👩\u{200d}👧"),
        ("न्\u{200d}य", "न्\u{200d}य"),
        ("❤\u{fe0f}", "❤\u{fe0f}"),
        ("Donau\u{ad}schiff", "Donauschiff"),
        ("\u{feff}a\u{200b}b\u{2060}c", "abc"),
        ("\u{200f}שלום\u{200e} 5", "שלום 5"),
        ("\u{2067}x\u{2069}", "x"),
        ("a\u{202e}b\u{202c}", "ab"),
    ] {
        assert_eq!(collapse(text), want);
    }
    assert_eq!(read(FieldType::String, "\u{200d}\u{200c}", "en-US"), Value::Null);
    assert_eq!(read(FieldType::Float, "1\u{200c}2", "fa-IR"), json!(12.0));
    assert_eq!(read(FieldType::Boolean, "✔\u{fe0f}", "en-US"), json!(true));
}

fn check(kind: FieldType, text: &str, locale: &str) -> Result<(), TestCaseError> {
    if let Some(c) = coerce(kind, &text.into(), &reading(locale)) {
        let has_type = match kind.element() {
            FieldType::String => c.value.is_string(),
            FieldType::Integer => c.value.is_i64() || c.value.is_u64(),
            FieldType::Float => c.value.is_f64(),
            FieldType::Boolean => c.value.is_boolean(),
            _ => c.value.as_str().is_some_and(|d| d.len() >= 10),
        };
        prop_assert!(has_type, "{kind:?} {text:?} {:?}", c.value);
    }
    Ok(())
}

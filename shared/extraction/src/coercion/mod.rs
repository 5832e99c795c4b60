//! Coerces values to types: every row of the contract's coercion table. Pure; depends on no page, only on a value and
//! how to read it.

mod availability;
mod boolean;
mod calendar;
mod currency;
mod date;
mod day;
mod digits;
mod duration;
mod eras;
mod fractions;
mod magnitude;
mod money;
mod named_month;
mod number;
mod number_context;
mod reading_context;
mod relative;

pub(crate) use digits::is_ignorable;
pub(crate) use money::{amounts, currency_code, current_price};
pub(crate) use number_context::language;
pub use reading_context::ReadingContext;

use domain::FieldType;
use serde_json::{Number, Value};

/// Maximum length of a text that may consist of a day in words, in bytes.
const MAX_DAY_TEXT: usize = 60;

/// A value read as its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Coerced {
    /// The value.
    pub value: Value,
    /// What was changed, if more than white space.
    pub note: Option<String>,
}

impl Coerced {
    fn plain(value: Value) -> Coerced {
        Coerced { value, note: None }
    }

    fn with_note(from: &str, value: Value) -> Coerced {
        let note = format!("\"{}\" was read as {value}", clip(from));
        Coerced { value, note: Some(note) }
    }
}

/// Returns a duration as a number, in units of `unit` seconds.
pub(crate) fn coerce_duration(
    kind: FieldType,
    raw: &Value,
    unit: f64,
    reading: &ReadingContext<'_>,
) -> Option<Coerced> {
    let text = collapse(raw.as_str()?);
    let duration = duration::read(&text, reading.locale)?;
    let amount = if duration.unitless { duration.seconds } else { duration.seconds / unit };
    let value = match kind.element() {
        FieldType::Integer => integer_value(amount.round(), None)?,
        _ => float_value(amount)?,
    };
    let mut coerced =
        if duration.unitless && !duration.is_range { Coerced::plain(value) } else { Coerced::with_note(&text, value) };
    if let Some(note) = coerced.note.as_mut().filter(|_| duration.is_range) {
        note.push_str(", the first of a range");
    }
    Some(coerced)
}

/// Returns the seconds of an ISO 8601 duration.
pub(crate) fn iso_seconds(text: &str) -> Option<f64> {
    duration::iso_seconds(text.trim())
}

/// Returns whether a term of an availability vocabulary says that a thing is available.
pub(crate) fn availability(term: &str) -> Option<bool> {
    availability::read(term)
}

/// A day found in a longer text.
#[derive(Debug)]
pub(crate) struct FoundDay {
    /// As `YYYY-MM-DD`.
    pub(crate) day: String,
    /// Number of characters that name it.
    pub(crate) length: usize,
}

/// Returns the first day in a text.
pub(crate) fn find_day(text: &str, reading: &ReadingContext<'_>) -> Option<FoundDay> {
    date::find(text, reading).map(|n| FoundDay { day: n.day.to_string(), length: n.length })
}

/// Returns whether a text names a day.
pub(crate) fn reads_as_day(text: &str, reading: &ReadingContext<'_>) -> bool {
    date::find(text, reading).is_some()
}

/// Returns whether a text without a digit may name a day: "yesterday", "a week ago".
pub(crate) fn may_name_relative_day(text: &str) -> bool {
    relative::may_name_day(&text.to_lowercase())
}

/// Returns whether a message says that a thing is available, or `None` if it is unclear.
pub(crate) fn read_boolean(text: &str) -> Option<bool> {
    boolean::read(&normalize_text(text))
}

/// Returns whether a word is the name of a month.
pub(crate) fn is_month(word: &str) -> bool {
    calendar::month_named(&word.to_lowercase()).is_some()
}

/// Shortens a text for a warning.
pub(crate) fn clip(text: &str) -> String {
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Folds white space of every kind to single spaces and removes characters that mean nothing. Keeps joiners, which
/// matter for letters.
pub fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if digits::is_ignorable(c) => {}
            c if c.is_whitespace() || c.is_control() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.push(c),
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Prepares a text for reading numbers, days and answers: on one line, and without joiners, which change no digit.
fn normalize_text(text: &str) -> String {
    let text = collapse(text);
    if text.is_ascii() { text } else { text.chars().filter(|c| !digits::is_joiner(*c)).collect() }
}

/// Reads a value as the type of a field's elements. Returns `None` if it cannot be read as that.
pub fn coerce(kind: FieldType, raw: &Value, reading: &ReadingContext<'_>) -> Option<Coerced> {
    match (kind.element(), raw) {
        (_, Value::Null | Value::Array(_) | Value::Object(_)) => None,
        (FieldType::String, Value::String(text)) => {
            let text = collapse(text);
            (!text.chars().all(digits::is_joiner)).then(|| Coerced::plain(text.into()))
        }
        (FieldType::String, Value::Number(n)) => Some(Coerced::plain(n.to_string().into())),
        (FieldType::String, Value::Bool(b)) => Some(Coerced::plain(b.to_string().into())),
        (FieldType::Integer, Value::Number(n)) => integer_value(n.as_f64()?, n.as_i64()).map(Coerced::plain),
        (FieldType::Float, Value::Number(n)) => float_value(n.as_f64()?).map(Coerced::plain),
        (FieldType::Integer, Value::String(text)) => {
            let text = normalize_text(text);
            let found = number_in(&text, reading)?;
            let value = integer_value(found.value, found.exact)?;
            Some(coerced_number(&text, value, &found))
        }
        (FieldType::Float, Value::String(text)) => {
            let text = normalize_text(text);
            let found = number_in(&text, reading)?;
            let value = float_value(found.value)?;
            Some(coerced_number(&text, value, &found))
        }
        (FieldType::Boolean, Value::Bool(b)) => Some(Coerced::plain((*b).into())),
        (FieldType::Boolean, Value::Number(n)) => match n.as_i64() {
            Some(0) => Some(Coerced::with_note("0", false.into())),
            Some(1) => Some(Coerced::with_note("1", true.into())),
            Some(_) | None => None,
        },
        (FieldType::Boolean, Value::String(text)) => {
            let text = normalize_text(text);
            let value = boolean::read(&text)?;
            let same = text == if value { "true" } else { "false" };
            Some(if same { Coerced::plain(value.into()) } else { Coerced::with_note(&text, value.into()) })
        }
        (FieldType::Date, Value::String(text)) => {
            let text = normalize_text(text);
            let day = date::read(&text, reading)?.to_string();
            Some(if day == text { Coerced::plain(day.into()) } else { Coerced::with_note(&text, day.into()) })
        }
        // A number is a day only as an epoch, not as a year or a day of a month.
        (FieldType::Date, Value::Number(n)) => {
            let text = n.to_string();
            date::read(&text, reading).map(|day| Coerced::with_note(&text, day.to_string().into()))
        }
        (FieldType::Date, Value::Bool(_)) => None,
        (FieldType::Integer | FieldType::Float, Value::Bool(_)) => None,
        // element() returns no array types.
        (FieldType::StringArray | FieldType::IntegerArray | FieldType::FloatArray, _) => None,
    }
}

/// Returns the number in a text that does not name a day: the 4 of "March 4, 2025" is not a count.
fn number_in(text: &str, reading: &ReadingContext<'_>) -> Option<number::FoundNumber> {
    let short = text.len() <= MAX_DAY_TEXT && text.bytes().filter(u8::is_ascii_digit).count() >= 3;
    let is_day = short && date::in_words(text).is_some_and(|named| named.length * 2 >= text.chars().count());
    if is_day { None } else { number::find(text, reading.locale) }
}

/// Returns the price that a text names, as a number.
pub(crate) fn coerce_money(kind: FieldType, text: &str, reading: &ReadingContext<'_>) -> Option<Coerced> {
    let text = normalize_text(text);
    let found = money::read(&text, reading.locale)?;
    // Without a currency, the digits of a day are not a price.
    if found.currency.is_none() {
        number_in(&text, reading)?;
    }
    let value = match kind.element() {
        FieldType::Integer => integer_value(found.value, found.exact)?,
        FieldType::Float => float_value(found.value)?,
        _ => return None,
    };
    let plain = text.parse::<f64>().is_ok_and(|v| v == found.value);
    Some(if plain { Coerced::plain(value) } else { coerced_number(&text, value, &found) })
}

/// Returns the year of the day that a text names, for a field that asks for a year.
pub(crate) fn coerce_year(kind: FieldType, raw: &Value, reading: &ReadingContext<'_>) -> Option<Coerced> {
    let text = collapse(raw.as_str()?);
    let year = date::read(&text, reading)?.year();
    let value = match kind.element() {
        FieldType::Integer => Value::from(year),
        FieldType::Float => float_value(f64::from(year))?,
        _ => return None,
    };
    Some(Coerced::with_note(&text, value))
}

fn coerced_number(text: &str, value: Value, found: &number::FoundNumber) -> Coerced {
    let mut coerced = if found.is_plain { Coerced::plain(value) } else { Coerced::with_note(text, value) };
    if found.is_range {
        let note = coerced.note.get_or_insert_with(|| format!("\"{}\"", clip(text)));
        note.push_str(", the first of a range");
    }
    coerced
}

fn integer_value(value: f64, exact: Option<i64>) -> Option<Value> {
    if let Some(exact) = exact {
        return Some(exact.into());
    }
    // Beyond 2^53 a float no longer distinguishes neighbouring integers.
    let fits = value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0;
    fits.then(|| Value::from(value as i64))
}

fn float_value(value: f64) -> Option<Value> {
    Number::from_f64(value).map(Value::Number)
}

/// Returns whether a schema's example can be read as its type: each element of an array, or a single value.
pub fn reads_as(kind: FieldType, example: &Value, locale: &str) -> bool {
    let reading = ReadingContext { locale, today: jiff::civil::date(2025, 1, 1) };
    match example {
        Value::Array(items) => kind.is_array() && items.iter().all(|item| coerce(kind, item, &reading).is_some()),
        // An empty example gives no information, but it is text.
        Value::String(text) if text.is_empty() => kind.element() == FieldType::String,
        other => coerce(kind, other, &reading).is_some(),
    }
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;

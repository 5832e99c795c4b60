//! Reads one raw value as its field's type. Depends on the field's meaning, not on candidates.

use domain::FieldType;
use serde_json::Value;

use crate::candidate::TextFormat;
use crate::coercion::{Coerced, ReadingContext, coerce, coerce_duration, coerce_money, coerce_year, currency_code};
use crate::concept::{Concept, Shape, Trait};
use crate::field_query::{FieldQuery, RangeEnd};
use crate::range::{ends, upper_end};
use crate::{brand_or_code, dateline, person_name, text_cleanup};

/// Reads one value as the type of the field's elements. Returns `None` if it cannot be read as that.
pub(crate) fn scalar(
    query: &FieldQuery<'_>,
    raw: &Value,
    format: TextFormat,
    reading: &ReadingContext<'_>,
) -> Option<Coerced> {
    if let Some(unit) = query.unit
        && raw.is_string()
        && let Some(length) = coerce_duration(query.field.kind, raw, unit, reading)
    {
        return Some(length);
    }
    if query.asks_for_year()
        && let Some(year) = coerce_year(query.field.kind, raw, reading)
    {
        return Some(year);
    }
    let mut raw = text_cleanup::value(raw, format);
    if query.is(Concept::Stock)
        && query.field.kind == FieldType::Boolean
        && let Some(pieces) = raw.as_f64().or_else(|| raw.as_str()?.parse::<f64>().ok())
    {
        // A count of pieces.
        raw = (pieces > 0.0).into();
    } else if let Some(end) = raw.as_str().and_then(|text| end(query, text)) {
        raw = end.into();
    }
    if let Some(text) = raw.as_str() {
        raw = brand_or_code::strip(query, text)?.into();
    }
    if let Some(text) = raw.as_str()
        && let Some(own) = coordinate(query, text)
    {
        raw = own.into();
    }
    if matches!(query.concept, Some(Concept::Telephone | Concept::Mobile | Concept::Fax))
        && format == TextFormat::Text
        && let Some(number) = raw.as_str().and_then(number_alone)
    {
        raw = number.into();
    }
    if query.is(Concept::Company)
        && format == TextFormat::Text
        && let Some(text) = raw.as_str()
        && let Some((name, _)) = [" – ", " — ", " · ", " | "].iter().find_map(|cut| text.split_once(cut))
        && name.chars().count() > 2
    {
        raw = name.trim().to_owned().into();
    }
    if query.is_shape(Shape::Money)
        && query.field.kind.element() != FieldType::String
        && let Some(text) = raw.as_str()
    {
        return coerce_money(query.field.kind, text, reading);
    }
    if query.is(Concept::Currency)
        && let Some(currency_code) = raw.as_str().and_then(currency_code)
    {
        raw = currency_code.into();
    } else if (query.is(Concept::Published) || query.is(Concept::Modified))
        && query.field.kind == FieldType::Date
        && let Some(part) = raw.as_str().and_then(|text| dateline::part_about(text, query.is(Concept::Modified)))
    {
        raw = part.into();
    } else if query.is(Concept::Author)
        && let Some(text) = raw.as_str()
    {
        // Visible text has more around a name than markup has.
        let bare = Some(person_name::strip_byline(text))
            .filter(|name| format == TextFormat::Text && person_name::is_name(name));
        raw = bare.unwrap_or_else(|| person_name::without_by(text).to_owned()).into();
    }
    coerce(query.field.kind, &raw, reading)
}

/// Returns a telephone number without a sentence that continues after it: "+49 30 123456 or write". Keeps an extension.
fn number_alone(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || " ()+-./".contains(c)))?;
    let (number, rest) = (text[..end].trim_end(), &text[end..]);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let continues = text[..end].ends_with(' ') && rest.starts_with(char::is_lowercase);
    (digits >= 6 && continues && !rest.starts_with('x') && !rest.starts_with("ext")).then_some(number)
}

/// Returns the latitude or the longitude from "53.2316, 7.4610".
fn coordinate(query: &FieldQuery<'_>, text: &str) -> Option<String> {
    if !query.is(Concept::Latitude) && !query.is(Concept::Longitude) {
        return None;
    }
    let (latitude, longitude) = text.split_once([',', ';', '/']).map(|(a, b)| (a.trim(), b.trim()))?;
    let degrees = |t: &str| t.trim_end_matches('°').parse::<f64>().is_ok_and(|d| d.abs() <= 180.0) && t.contains('.');
    let own = if query.is(Concept::Latitude) { latitude } else { longitude };
    (degrees(latitude) && degrees(longitude)).then(|| own.trim_end_matches('°').to_owned())
}

/// Returns the end of a range that a field asks for.
fn end(query: &FieldQuery<'_>, text: &str) -> Option<String> {
    match query.range_end {
        _ if query.has(Trait::UpperEnd) => upper_end(text),
        Some(RangeEnd::Upper) => upper_end(text),
        Some(RangeEnd::Lower) => ends(text).map(|(low, _)| low),
        None => None,
    }
}

/// Returns a value as text.
pub(crate) fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

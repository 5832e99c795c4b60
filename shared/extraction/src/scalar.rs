//! Reads one raw value as its field's type. Depends on the field's meaning, not on candidates.

use domain::FieldType;
use serde_json::Value;

use crate::candidate::Form;
use crate::coercion::{Coerced, Reading, code, coerce, coerce_length, coerce_money, coerce_year};
use crate::concept::{Concept, Shape, Trait};
use crate::range::{ends, upper_end};
use crate::wanted::{End, Wanted};
use crate::{dateline, own_value, person_name, tidy};

/// Reads one value as the type of the field's elements. Returns `None` if it cannot be read as that.
pub(crate) fn scalar(wanted: &Wanted<'_>, raw: &Value, form: Form, reading: &Reading<'_>) -> Option<Coerced> {
    if let Some(unit) = wanted.unit
        && raw.is_string()
        && let Some(length) = coerce_length(wanted.field.kind, raw, unit, reading)
    {
        return Some(length);
    }
    if wanted.asks_year()
        && let Some(year) = coerce_year(wanted.field.kind, raw, reading)
    {
        return Some(year);
    }
    let mut raw = tidy::value(raw, form);
    if wanted.is(Concept::Stock)
        && wanted.field.kind == FieldType::Boolean
        && let Some(pieces) = raw.as_f64().or_else(|| raw.as_str()?.parse::<f64>().ok())
    {
        // A count of pieces.
        raw = (pieces > 0.0).into();
    } else if let Some(end) = raw.as_str().and_then(|text| end(wanted, text)) {
        raw = end.into();
    }
    if let Some(text) = raw.as_str() {
        raw = own_value::of(wanted, text)?.into();
    }
    if let Some(text) = raw.as_str()
        && let Some(own) = coordinate(wanted, text)
    {
        raw = own.into();
    }
    if matches!(wanted.concept, Some(Concept::Telephone | Concept::Mobile | Concept::Fax))
        && form == Form::Text
        && let Some(number) = raw.as_str().and_then(number_alone)
    {
        raw = number.into();
    }
    if wanted.is(Concept::Company)
        && form == Form::Text
        && let Some(text) = raw.as_str()
        && let Some((name, _)) = [" – ", " — ", " · ", " | "].iter().find_map(|cut| text.split_once(cut))
        && name.chars().count() > 2
    {
        raw = name.trim().to_owned().into();
    }
    if wanted.is_shape(Shape::Money)
        && wanted.field.kind.element() != FieldType::String
        && let Some(text) = raw.as_str()
    {
        return coerce_money(wanted.field.kind, text, reading);
    }
    if wanted.is(Concept::Currency)
        && let Some(code) = raw.as_str().and_then(code)
    {
        raw = code.into();
    } else if (wanted.is(Concept::Published) || wanted.is(Concept::Modified))
        && wanted.field.kind == FieldType::Date
        && let Some(part) = raw.as_str().and_then(|text| dateline::part(text, wanted.is(Concept::Modified)))
    {
        raw = part.into();
    } else if wanted.is(Concept::Author)
        && let Some(text) = raw.as_str()
    {
        // Visible text has more around a name than markup has.
        let bare = Some(person_name::bare(text)).filter(|name| form == Form::Text && person_name::is_name(name));
        raw = bare.unwrap_or_else(|| person_name::without_by(text).to_owned()).into();
    }
    coerce(wanted.field.kind, &raw, reading)
}

/// Returns a telephone number without a sentence that continues after it: "+49 30 123456 or write". Keeps an extension.
fn number_alone(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || " ()+-./".contains(c)))?;
    let (number, rest) = (text[..end].trim_end(), &text[end..]);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let goes_on = text[..end].ends_with(' ') && rest.starts_with(char::is_lowercase);
    (digits >= 6 && goes_on && !rest.starts_with('x') && !rest.starts_with("ext")).then_some(number)
}

/// Returns the latitude or the longitude from "53.2316, 7.4610".
fn coordinate(wanted: &Wanted<'_>, text: &str) -> Option<String> {
    if !wanted.is(Concept::Latitude) && !wanted.is(Concept::Longitude) {
        return None;
    }
    let (latitude, longitude) = text.split_once([',', ';', '/']).map(|(a, b)| (a.trim(), b.trim()))?;
    let degrees = |t: &str| t.trim_end_matches('°').parse::<f64>().is_ok_and(|d| d.abs() <= 180.0) && t.contains('.');
    let own = if wanted.is(Concept::Latitude) { latitude } else { longitude };
    (degrees(latitude) && degrees(longitude)).then(|| own.trim_end_matches('°').to_owned())
}

/// Returns the end of a range that a field asks for.
fn end(wanted: &Wanted<'_>, text: &str) -> Option<String> {
    match wanted.end {
        _ if wanted.has(Trait::Upper) => upper_end(text),
        Some(End::Upper) => upper_end(text),
        Some(End::Lower) => ends(text).map(|(low, _)| low),
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

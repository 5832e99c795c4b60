//! One raw value as the type that its field asks for. It knows what the field means, and nothing of candidates.

use domain::FieldType;
use serde_json::Value;

use crate::candidate::Form;
use crate::coercion::{Coerced, Reading, coerce, coerce_length, coerce_year};
use crate::concept::{Concept, Shape};
use crate::wanted::Wanted;
use crate::{tidy, visible};

/// One value as the field's elements' type.
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
        // How many there are.
        raw = (pieces > 0.0).into();
    }
    if wanted.is_shape(Shape::Money)
        && wanted.field.kind.element() != FieldType::String
        && let Some(text) = raw.as_str()
        && let Some((amount, _)) = visible::amount(text)
    {
        raw = money(text, &amount).into();
    } else if wanted.is(Concept::Currency)
        && let Some(code) = raw.as_str().and_then(visible::code)
    {
        raw = code;
    } else if wanted.is(Concept::Author)
        && let Some(text) = raw.as_str()
    {
        raw = visible::without_by(text).into();
    }
    coerce(wanted.field.kind, &raw, reading)
}

/// An amount of money: three digits behind a lone separator are thousands whatever the locale, because no shop prints
/// a thousandth. The text stays as it was where that changes nothing.
fn money(text: &str, amount: &str) -> String {
    let number: String = amount.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | ',')).collect();
    let separators = number.chars().filter(|c| !c.is_ascii_digit()).count();
    let group = number
        .rfind(['.', ','])
        .is_some_and(|at| number.len() - at == 4 && at > 0 && at <= 3 && !number.starts_with('0'));
    if separators == 1 && group {
        return amount.replace(['.', ','], "");
    }
    if text.contains(amount) { text.to_owned() } else { amount.to_owned() }
}

/// A value as a text.
pub(crate) fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

//! What a field asks for: its concept, its own words, the unit that its name or hint gives, the shape of its example.

use domain::{Field, FieldType};
use serde_json::Value;

use crate::concept::{Concept, Shape, Strategy, Trait};
use crate::phrases::Phrases;
use crate::range::upper_end;
use crate::vocabulary::{Words, concept_in, concept_of, is_known_path, singular, words};

mod closeness;

/// A field with its interpretation: what to find on a page.
#[derive(Debug)]
pub(crate) struct FieldQuery<'a> {
    pub(crate) field: &'a Field,
    pub(crate) concept: Option<Concept>,
    /// The name in words.
    pub(crate) label: String,
    /// The label in the singular.
    stem: String,
    /// The label without words that only say how the value is represented (`issue` for `issueNumber`, `menu` for
    /// `hasMenu`), and the whole label if that differs.
    core_names: Vec<String>,
    /// The owner of the property, if a dotted name gives one: `accepted answer` for `acceptedAnswer.text`; in the
    /// singular.
    pub(crate) owner: Option<String>,
    /// Which end of a range it is, if its name says so.
    pub(crate) range_end: Option<RangeEnd>,
    /// Seconds per unit, if a duration is asked for as a number.
    pub(crate) unit: Option<f64>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RangeEnd {
    Lower,
    Upper,
}

impl<'a> FieldQuery<'a> {
    pub(crate) fn of(field: &'a Field) -> FieldQuery<'a> {
        let mut label = label_of(&field.field);
        let hint = field.hint.as_deref().unwrap_or_default();
        let named = concept_of(&field.field);
        let hinted = if hint.is_empty() { None } else { concept_in(hint) };
        let concept = match (named, hinted) {
            // "original price" as the hint of a price says which price; "minutes of cooking" as the hint of a title
            // says nothing.
            (Some(named), Some(hinted)) if shares_word(named, hinted) => Some(hinted),
            (Some(named), _) => Some(named),
            (None, hinted) => hinted,
        };
        let numeric = matches!(field.kind.element(), FieldType::Integer | FieldType::Float);
        // `amount.minValue` names an end of the range, whatever `amount` means.
        let spelled = ["minValue", "maxValue"].iter().any(|end| field.field.ends_with(end));
        let ends =
            Some(&field.field).filter(|_| (concept.is_none() || spelled) && numeric).and_then(|name| end_of(name));
        let mut concept = concept;
        let range_end = ends.map(|(end, of)| {
            concept = concept_of(&of);
            label = of;
            end
        });
        let owner = owner_of(&field.field);
        let stem = singular(&label).into_owned();
        let core_names = core_names(&stem, field.kind);
        let mut query = FieldQuery { field, concept, label, stem, core_names, owner, range_end, unit: None };
        query.unit = query.duration_unit();
        query
    }

    /// Returns the unit of a duration as name or hint give it, minutes if they do not.
    fn duration_unit(&self) -> Option<f64> {
        if !matches!(self.field.kind.element(), FieldType::Integer | FieldType::Float) {
            return None;
        }
        let asked = format!(" {} {} ", self.stem, singular(&words(self.field.hint.as_deref().unwrap_or(""))));
        let says = |unit: &[&str]| unit.iter().any(|u| asked.contains(&format!(" {u} ")));
        let timely = self.is_shape(Shape::Duration) || says(&["duration", "time", "minute", "second"]);
        if !timely || says(&["zone", "stamp", "timestamp"]) {
            return None;
        }
        Some(if says(&["second", "sec"]) {
            1.0
        } else if says(&["hour", "hr"]) {
            3_600.0
        } else if says(&["day"]) {
            86_400.0
        } else {
            60.0
        })
    }

    /// Returns whether its name or hint asks for a year. A day is then read as its year.
    pub(crate) fn asks_for_year(&self) -> bool {
        let hint = self.field.hint.as_deref().unwrap_or_default();
        matches!(self.field.kind.element(), FieldType::Integer | FieldType::Float)
            && (self.label.split(' ').any(|w| w == "year") || words(hint).split(' ').any(|w| w == "year"))
    }

    /// Returns whether it means this concept.
    pub(crate) fn is(&self, concept: Concept) -> bool {
        self.concept == Some(concept)
    }

    /// Returns whether its concept has a trait.
    pub(crate) fn has(&self, property: Trait) -> bool {
        self.concept.is_some_and(|c| c.has(property))
    }

    /// Returns the words of its concept, if that is known.
    pub(crate) fn words(&self) -> Option<&'static Words> {
        self.concept.map(Concept::words)
    }

    /// Returns what its values must look like.
    pub(crate) fn shape(&self) -> Shape {
        self.concept.map_or(Shape::Any, |c| c.properties().shape)
    }

    pub(crate) fn is_shape(&self, shape: Shape) -> bool {
        self.shape() == shape
    }

    /// Returns how its values are found on the visible page.
    pub(crate) fn strategy(&self) -> Strategy {
        self.concept.map_or(Strategy::Labels, |c| c.properties().strategy)
    }

    /// Returns whether it is a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.field.kind, FieldType::Integer | FieldType::Float)
    }

    pub(crate) fn is_array(&self) -> bool {
        self.field.kind.is_array()
    }

    /// Returns whether a text may be its value: an upper end needs a range, and a count of things is not an amount of
    /// money.
    pub(crate) fn accepts(&self, text: &str) -> bool {
        if self.is_count() && text.contains(['$', '€', '£', '¥']) {
            return false;
        }
        self.range_end != Some(RangeEnd::Upper) || upper_end(text).is_some()
    }

    /// Returns whether its name says that it is a number of things.
    fn is_count(&self) -> bool {
        self.field.kind == FieldType::Integer && (self.stem.ends_with(" count") || self.stem.starts_with("number of "))
    }

    /// Returns whether its name ends in "number", "no" or "id" and it has no concept, or one whose values are codes
    /// with digits.
    pub(crate) fn is_numbered(&self) -> bool {
        let open = self.concept.is_none() || (self.is_shape(Shape::Code) && !self.has(Trait::Digitless));
        open && self.stem.rsplit(' ').next().is_some_and(|w| matches!(w, "number" | "no" | "id"))
    }

    /// Returns the label without words that only say how the value is represented, then the whole label if that
    /// differs; in the singular.
    pub(crate) fn core_names(&self) -> &[String] {
        &self.core_names
    }

    /// Returns the last word of a name without a concept, which the words before it qualify.
    pub(crate) fn head_word(&self) -> Option<&str> {
        let thing = self.core_names.first().filter(|_| self.concept.is_none())?;
        thing.rsplit_once(' ').map(|(_, last)| last).filter(|w| w.len() > 2)
    }

    /// Yields its label and the core names.
    pub(crate) fn all_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.label.as_str()).chain(self.core_names.iter().map(String::as_str))
    }

    /// Returns whether its name asks for an address.
    pub(crate) fn asks_for_address(&self) -> bool {
        let name = words(&self.field.field);
        name.rsplit(' ').next().is_some_and(|w| matches!(w, "url" | "link" | "href" | "website" | "uri"))
    }

    /// Returns whether its value may be the target of a link, by its name, its example or the shape of its concept.
    pub(crate) fn may_be_link(&self) -> bool {
        let (name, named) = (words(&self.field.field), self.asks_for_address());
        let example = self.field.example.as_str().is_some_and(|e| e.starts_with("http"));
        let has = name.starts_with("has ");
        self.field.kind == FieldType::String && (named || example || has || self.is_shape(Shape::Link))
    }

    /// Returns whether the words of a mark or key say that something else is meant.
    pub(crate) fn is_excluded_by(&self, marks: &str) -> bool {
        self.words().is_some_and(|c| c.excluded.iter().any(|w| crate::doc::has_words(marks, w)))
    }

    /// Returns whether a text looks like the example, as far as that can be told. For names without a concept.
    pub(crate) fn resembles_example(&self, text: &str) -> bool {
        let example = match &self.field.example {
            Value::String(s) => s.as_str(),
            Value::Array(items) => items.first().and_then(Value::as_str).unwrap_or_default(),
            _ => return true,
        };
        if example.is_empty() {
            return true;
        }
        let digits = |s: &str| s.chars().any(|c| c.is_ascii_digit());
        let link = |s: &str| s.starts_with("http") || s.starts_with('/');
        if link(example) != link(text) && link(example) {
            return false;
        }
        // An example of digits only asks for digits. A text may not be much longer than the example.
        let code = example.chars().all(|c| c.is_ascii_digit());
        (!code || digits(text)) && text.chars().count() <= example.chars().count() * 12 + 80
    }
}

/// Returns a field's name in words. For a dotted name, returns the last part, or the part before it if the last is
/// "name".
fn label_of(name: &str) -> String {
    let Some((rest, last)) = name.rsplit_once('.') else { return words(name) };
    let own = if is_representation(last) || last == "text" { rest.rsplit('.').next().unwrap_or(rest) } else { last };
    words(own)
}

/// Returns whether the last part of a dotted name only says how the part before it is represented.
fn is_representation(last: &str) -> bool {
    matches!(last, "name" | "value" | "url" | "@id" | "id")
}

/// Returns a dotted name of three parts or more without a final `name`: `acceptedAnswer.author` for
/// `acceptedAnswer.author.name`.
pub(crate) fn without_name(name: &str) -> &str {
    name.strip_suffix(".name").filter(|rest| rest.contains('.')).unwrap_or(name)
}

/// Returns the owner of the property that a dotted name names. Returns `None` for a path that is known to belong to the
/// main entity, and where the last part only says how the part before it is represented.
fn owner_of(name: &str) -> Option<String> {
    let (rest, last) = without_name(name).rsplit_once('.')?;
    if is_known_path(name) || is_representation(last) {
        return None;
    }
    let owner = rest.rsplit('.').next().unwrap_or(rest);
    Some(singular(&words(owner)).into_owned())
}

/// Returns which end of a range a name asks for, and the words that name the range: `numberOfPlayers.minValue`,
/// `suggestedMaxAge`.
fn end_of(name: &str) -> Option<(RangeEnd, String)> {
    let (rest, last) = name.rsplit_once('.').unwrap_or(("", name));
    let own = words(last);
    let (lower, upper) = (|w: &str| Phrases::LowerEnd.has(w), |w: &str| Phrases::UpperEnd.has(w));
    let end = own.split(' ').find_map(|w| match w {
        w if lower(w) => Some(RangeEnd::Lower),
        w if upper(w) => Some(RangeEnd::Upper),
        _ => None,
    })?;
    let of = own.split(' ').filter(|w| !lower(w) && !upper(w) && *w != "value").collect::<Vec<_>>().join(" ");
    let of = if of.is_empty() { words(rest.rsplit('.').next().unwrap_or(rest)) } else { of };
    (!of.is_empty()).then_some((end, of))
}

/// Returns the words of a name without those that only say how it is represented, and the whole name if that differs.
fn core_names(stem: &str, kind: FieldType) -> Vec<String> {
    const HEADS: [&str; 7] = ["has ", "is ", "number of ", "num ", "total ", "count of ", "no of "];
    const TAILS: [&str; 12] =
        [" count", " number", " year", " time", " url", " link", " href", " uri", " id", " total", " no", " name"];
    const ANSWERS: [&str; 8] =
        [" allowed", " permitted", " accepted", " included", " required", " available", " friendly", " possible"];
    let mut rest = stem;
    match kind {
        FieldType::Boolean => rest = ANSWERS.iter().find_map(|t| rest.strip_suffix(t)).unwrap_or(rest),
        FieldType::Date => rest = rest.strip_suffix(" date").or_else(|| rest.strip_suffix(" day")).unwrap_or(rest),
        _ => {}
    }
    while let Some(less) = HEADS.iter().find_map(|h| rest.strip_prefix(h)) {
        rest = less;
    }
    while let Some(less) = TAILS.iter().find_map(|t| rest.strip_suffix(t)) {
        rest = less;
    }
    let mut out = vec![rest.to_owned()];
    out.extend((rest != stem).then(|| stem.to_owned()));
    out
}

fn shares_word(a: Concept, b: Concept) -> bool {
    a.properties().id.split(' ').any(|w| b.words().names.iter().any(|n| n.split(' ').any(|m| m == w)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn concept_and_unit(name: &str, kind: FieldType, hint: Option<&str>) -> (String, Option<f64>) {
        let field =
            Field { field: name.into(), kind, example: json!("1"), hint: hint.map(str::to_owned), selector: None };
        let query = FieldQuery::of(&field);
        (query.concept.map_or("", |c| c.properties().id).to_owned(), query.unit)
    }

    #[test]
    fn names_and_hints_give_concepts_and_units() {
        use FieldType::{Float, Integer, String};
        for (name, kind, hint, id, unit) in [
            ("price", Float, None, "price", None),
            ("price", Float, Some("the original price, not the sale price"), "old price", None),
            ("price", Float, Some("sale price"), "price", None),
            ("x1", String, Some("name of the hiring organization"), "company", None),
            ("cookTime", Integer, Some("minutes"), "cook time", Some(60.0)),
            ("cookTime", Float, Some("in hours"), "cook time", Some(3_600.0)),
            ("durationSeconds", Integer, None, "duration", Some(1.0)),
            ("cookTime", String, None, "cook time", None),
            ("fermentation time", Integer, None, "", Some(60.0)),
            ("title", String, Some("in minutes"), "title", None),
        ] {
            assert_eq!(concept_and_unit(name, kind, hint), (id.to_owned(), unit), "{name} {hint:?}");
        }
    }
}

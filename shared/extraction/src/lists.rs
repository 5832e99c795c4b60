//! Lists as values: splits one text into elements, reads elements one by one, and drops what templates put between
//! them.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::coercion::ReadingContext;
use crate::concept::{Concept, Trait};
use crate::field_query::FieldQuery;
use crate::scalar::{plain_text, scalar};
use crate::text_cleanup::{self, Split};

/// Maximum number of elements of an array.
const MAX_ELEMENTS: usize = 1_000;

/// Reads a candidate's values as a list. Returns `None` if none of them can be read as the elements' type.
pub(crate) fn array(
    query: &FieldQuery<'_>,
    candidate: &Candidate,
    reading: &ReadingContext<'_>,
    notes: &mut Vec<String>,
) -> Option<Value> {
    let split = if query.has(Trait::Lines) { Split::Lines } else { Split::Commas };
    let format = candidate.source.text_format();
    let from_page = candidate.source == Source::Selector || candidate.source == Source::List;
    let parts: Vec<Value> = match &candidate.values[..] {
        [Value::String(one)] if one.starts_with("[{") => texts_of_json_list(one),
        [Value::String(one)] if query.is(Concept::Instruction) => {
            let lines = text_cleanup::split(one, split, format);
            let apart = if lines.len() == 1 { text_cleanup::split_run_together(&lines[0]) } else { lines };
            apart.into_iter().map(Value::String).collect()
        }
        [Value::String(one)] if !from_page => {
            text_cleanup::split(one, split, format).into_iter().map(Value::String).collect()
        }
        many if split == Split::Lines && !from_page => many
            .iter()
            .flat_map(|v| match v {
                Value::String(text) if text.contains(['<', '\n']) || text.contains("&lt;") => {
                    text_cleanup::split(text, split, format).into_iter().map(Value::String).collect()
                }
                other => vec![other.clone()],
            })
            .collect(),
        many => many.to_vec(),
    };
    let (mut items, mut dropped) = (Vec::new(), 0);
    let mut element_notes = Vec::new();
    for part in parts.iter().take(MAX_ELEMENTS) {
        match scalar(query, part, format, reading) {
            Some(coerced) => {
                let Some(value) = element(query, coerced.value, candidate.source) else { continue };
                element_notes.extend(coerced.note);
                items.push(value);
            }
            None if plain_text(part).trim().is_empty() => {}
            None => dropped += 1,
        }
    }
    match query.concept {
        Some(Concept::Instruction) => drop_repeated(&mut items),
        Some(Concept::Ingredient) => join_amounts(&mut items),
        _ => {}
    }
    if items.is_empty() {
        return None;
    }
    notes.extend(element_notes);
    if dropped > 0 {
        notes.push(format!(
            "{dropped} elements could not be read as {} and were dropped",
            query.field.kind.element().name()
        ));
    }
    Some(Value::Array(items))
}

/// Returns the texts of a list of objects that a text contains as JSON.
fn texts_of_json_list(text: &str) -> Vec<Value> {
    let Ok(Value::Array(items)) = serde_json::from_str(text) else { return Vec::new() };
    let named = |item: &Value| ["text", "name"].iter().find_map(|k| item.get(*k).filter(|v| v.is_string()).cloned());
    items.iter().filter_map(named).collect()
}

/// Drops short texts that occur three times or more: names that a template gives to every step.
fn drop_repeated(items: &mut Vec<Value>) {
    let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for text in items.iter().filter_map(Value::as_str).filter(|t| t.chars().count() < 40) {
        *counts.entry(text.to_owned()).or_default() += 1;
    }
    items.retain(|i| i.as_str().is_none_or(|t| counts.get(t).is_none_or(|n| *n < 3)));
}

/// Joins each element that is only an amount with the element after it, which names the thing.
fn join_amounts(items: &mut Vec<Value>) {
    let starts = |v: &Value| v.as_str().is_some_and(|t| t.starts_with(char::is_numeric));
    let alone = |v: &Value| {
        starts(v) && v.as_str().is_some_and(|t| t.chars().count() <= 14 && t.split_whitespace().count() <= 3)
    };
    let pairs = items.windows(2).filter(|w| alone(&w[0]) && !starts(&w[1])).count();
    if pairs < 3 || pairs * 3 < items.len() {
        return;
    }
    let mut joined: Vec<Value> = Vec::with_capacity(items.len());
    let mut waiting = false;
    for item in items.drain(..) {
        let is_amount = alone(&item);
        match joined.last_mut() {
            Some(Value::String(amount)) if waiting && !starts(&item) => {
                amount.push(' ');
                amount.push_str(item.as_str().unwrap_or_default());
            }
            _ => joined.push(item),
        }
        waiting = is_amount;
    }
    *items = joined;
}

/// Returns whether a list can be what is asked for: steps are sentences; ingredients are more than a word, and some of
/// them have amounts.
pub(crate) fn is_list_of(query: &FieldQuery<'_>, items: &[Value]) -> bool {
    let lengths: usize = items.iter().filter_map(Value::as_str).map(|t| t.chars().count()).sum();
    match query.concept {
        Some(Concept::Instruction) => {
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            let sentences = items.iter().filter(|v| text(v).ends_with(['.', '!', '。'])).count();
            let long = lengths >= items.len() * 22 || (sentences > 1 && sentences == items.len());
            // A single line that begins with a number is a duration.
            long && !(items.len() == 1 && text(&items[0]).starts_with(|c: char| c.is_ascii_digit()))
        }
        Some(Concept::Ingredient) => {
            let has_amount = |t: &&str| t.chars().any(char::is_numeric);
            let amounts = items.iter().filter_map(Value::as_str).filter(has_amount).count();
            (items.len() > 1 || lengths > 20) && (items.len() < 4 || amounts * 5 >= items.len())
        }
        _ => true,
    }
}

/// Cleans an element of a list. Returns `None` if it is only the heading of a part of the list, or a step number.
fn element(query: &FieldQuery<'_>, value: Value, source: Source) -> Option<Value> {
    let Value::String(text) = &value else { return Some(value) };
    match query.concept {
        Some(Concept::Ingredient) => {
            let digits = text.chars().any(char::is_numeric);
            if text.ends_with(':') && !digits {
                return None;
            }
            Some(text_cleanup::ingredient(text).into())
        }
        Some(Concept::Instruction) if !source.is_structured() => {
            let is_heading = text.ends_with(':') && text.chars().count() < 40;
            (!is_heading && !text_cleanup::is_step_number(text)).then_some(value)
        }
        Some(Concept::Instruction) => (!text_cleanup::is_step_number(text)).then_some(value),
        _ => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(items: &[&str]) -> Vec<Value> {
        items.iter().map(|i| json!(i)).collect()
    }

    #[test]
    fn amounts_are_joined_with_their_ingredients() {
        let mut items = texts(&["2 tbsp", "oil", "½ cup", "corn", "1", "egg", "salt"]);
        join_amounts(&mut items);
        assert_eq!(items, texts(&["2 tbsp oil", "½ cup corn", "1 egg", "salt"]));
        let mut items = texts(&["2 tbsp oil", "1 egg", "salt"]);
        join_amounts(&mut items);
        assert_eq!(items, texts(&["2 tbsp oil", "1 egg", "salt"]));
    }

    #[test]
    fn names_that_repeat_for_every_step_are_dropped() {
        let mut items = texts(&["Add", "Put the peas in.", "Add", "Put the salt in.", "Add", "Stir."]);
        drop_repeated(&mut items);
        assert_eq!(items, texts(&["Put the peas in.", "Put the salt in.", "Stir."]));
        assert_eq!(texts_of_json_list(r#"[{"text": "Mix"}, {"name": "Eat"}, {"x": 1}]"#), texts(&["Mix", "Eat"]));
    }
}

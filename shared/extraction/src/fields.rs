//! One field at a time: its candidates from every source in order of trust, and the first that can be read as its
//! type.

use domain::{Field, FieldType, RenderMode, Schema};
use scraper::Html;
use serde_json::{Map, Value};
use url::Url;

use crate::Extracted;
use crate::coercion::{Reading, clip, coerce};
use crate::head::Head;
use crate::structured::Graph;
use crate::vocabulary::{OnPage, concept_of, words};
use crate::{entity, html, selector, visible};

/// Most elements of an array.
const MAX_ELEMENTS: usize = 1_000;

/// Something that may be a field's value: all values of one place.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) values: Vec<Value>,
    /// Whether it came from structured data rather than from the visible page.
    pub(crate) structured: bool,
}

/// Everything that a page offers.
pub(crate) struct Sources<'a> {
    page: Html,
    url: &'a Url,
    graph: Graph,
    head: Head,
    pairs: Vec<(String, String)>,
    /// Indexes of the graph's objects, the main entity first.
    ranked: Vec<Map<String, Value>>,
}

impl<'a> Sources<'a> {
    pub(crate) fn of(page: Html, url: &'a Url, schema: &Schema) -> Sources<'a> {
        let (graph, head) = (Graph::of(&page), Head::of(&page));
        let ranked = entity::ranked(&graph, schema, &head, url).into_iter().cloned().collect();
        // Pairs are only asked for by names that the table does not know.
        let wanted = schema.fields().iter().any(|f| f.selector.is_none() && concept_of(&f.field).is_none());
        let pairs = if wanted { visible::pairs(&page) } else { Vec::new() };
        Sources { page, url, graph, head, pairs, ranked }
    }

    /// A field's candidates, most trusted first. Addresses are made absolute.
    pub(crate) fn candidates(&self, field: &Field) -> Vec<Candidate> {
        if let Some(css) = &field.selector {
            let values = selector::read(&self.page, css, self.url).into_iter().map(Value::String).collect();
            return vec![Candidate { values, structured: false }];
        }
        let mut found = Vec::new();
        let mut add = |values: Vec<Value>, structured: bool| {
            if !values.is_empty() {
                found.push(Candidate { values, structured });
            }
        };
        let concept = concept_of(&field.field);
        let own = if field.field.contains('.') { field.field.clone() } else { words(&field.field).replace(' ', "") };
        for entity in &self.ranked {
            for path in concept.map(|c| c.paths).unwrap_or_default() {
                add(self.graph.at(entity, path), true);
            }
            if concept.is_none() {
                add(self.graph.at(entity, &own), true);
            }
        }
        let metas = |name: &str| self.head.metas(name).iter().cloned().map(Value::String).collect::<Vec<_>>();
        for name in concept.map(|c| c.metas).unwrap_or_default() {
            add(metas(name), true);
        }
        match concept {
            Some(concept) => self.on_page(concept.page, &mut add),
            None => {
                add(metas(&field.field.to_lowercase()), true);
                let label = words(&field.field);
                for (name, value) in &self.pairs {
                    if *name == label {
                        add(vec![value.as_str().into()], false);
                    }
                }
            }
        }
        if concept.is_some_and(|c| c.is_address()) {
            for value in found.iter_mut().flat_map(|c| &mut c.values) {
                if let Some(url) = value.as_str().and_then(|text| self.url.join(text.trim()).ok()) {
                    *value = url.to_string().into();
                }
            }
        }
        found
    }

    fn on_page(&self, place: OnPage, add: &mut impl FnMut(Vec<Value>, bool)) {
        let texts = |text: &Option<String>| text.iter().cloned().map(Value::String).collect::<Vec<_>>();
        match place {
            OnPage::Nowhere => {}
            OnPage::Title => {
                add(texts(&self.head.h1), false);
                add(texts(&self.head.bare_title()), false);
            }
            OnPage::Canonical => {
                add(texts(&self.head.canonical), true);
                add(vec![self.url.as_str().into()], false);
            }
            OnPage::Language => add(texts(&self.head.language), true),
            OnPage::Times => {
                // One `time` is the page's own; of several nobody knows which.
                if let [only] = &self.head.times[..] {
                    add(vec![only.as_str().into()], false);
                }
            }
        }
    }
}

/// Collects the fields' values.
#[derive(Default)]
pub(crate) struct Output {
    data: Map<String, Value>,
    warnings: Vec<String>,
    structured: usize,
    visible: usize,
}

impl Output {
    /// Chooses a field's value among its candidates.
    pub(crate) fn put(&mut self, field: &Field, candidates: Vec<Candidate>, reading: &Reading<'_>) {
        let mut unreadable: Option<String> = None;
        for candidate in candidates {
            let chosen = if field.kind.is_array() {
                self.array(field, &candidate.values, reading)
            } else {
                candidate.values.iter().find_map(|raw| self.scalar(field, raw, reading))
            };
            if let Some(value) = chosen {
                self.data.insert(field.field.clone(), value);
                *(if candidate.structured { &mut self.structured } else { &mut self.visible }) += 1;
                return;
            }
            let text = candidate.values.iter().map(plain_text).find(|t| !t.trim().is_empty());
            unreadable = unreadable.or(text);
        }
        if let Some(text) = unreadable {
            self.warnings.push(format!(
                "TYPE_COERCION_FAILED: field \"{}\": \"{}\" cannot be read as {}",
                field.field,
                clip(&text),
                field.kind.name()
            ));
        }
        let nothing = if field.kind.is_array() { Value::Array(Vec::new()) } else { Value::Null };
        self.data.insert(field.field.clone(), nothing);
    }

    fn scalar(&mut self, field: &Field, raw: &Value, reading: &Reading<'_>) -> Option<Value> {
        if let Some(value) = duration(field, raw) {
            self.warnings.push(format!(
                "field \"{}\": \"{}\" was read as {value}",
                field.field,
                clip(&plain_text(raw))
            ));
            return Some(value);
        }
        let coerced = coerce(field.kind, &without_markup(raw), reading)?;
        self.note(field, coerced.note);
        Some(coerced.value)
    }

    fn array(&mut self, field: &Field, values: &[Value], reading: &Reading<'_>) -> Option<Value> {
        let element = Field { kind: field.kind.element(), ..field.clone() };
        let parts: Vec<Value> = match values {
            [Value::String(one)] if field.selector.is_none() => {
                split_list(one).into_iter().map(Value::String).collect()
            }
            many => many.to_vec(),
        };
        let (mut items, mut dropped) = (Vec::new(), 0);
        for part in parts.iter().take(MAX_ELEMENTS) {
            match self.scalar(&element, part, reading) {
                Some(value) => items.push(value),
                None if plain_text(part).trim().is_empty() => {}
                None => dropped += 1,
            }
        }
        if items.is_empty() {
            return None;
        }
        if dropped > 0 {
            let text = format!(
                "field \"{}\": {dropped} elements could not be read as {} and were dropped",
                field.field,
                element.kind.name()
            );
            self.warnings.push(text);
        }
        Some(Value::Array(items))
    }

    fn note(&mut self, field: &Field, note: Option<String>) {
        if let Some(note) = note {
            self.warnings.push(format!("field \"{}\": {note}", field.field));
        }
    }

    pub(crate) fn finish(self) -> Extracted {
        let structured = self.structured > 0 && self.visible == 0;
        let render_mode = if structured { RenderMode::Structured } else { RenderMode::Fetch };
        Extracted { data: self.data, warnings: self.warnings, render_mode }
    }
}

fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Structured data often has entities and tags in its texts.
fn without_markup(raw: &Value) -> Value {
    match raw {
        Value::String(text) if text.contains(['<', '&']) => html::strip(text).into(),
        other => other.clone(),
    }
}

/// The elements of a list that was written as one text: lines or list items, else what commas separate.
fn split_list(text: &str) -> Vec<String> {
    let lines = text
        .replace("</li>", "\n")
        .replace("</p>", "\n")
        .replace("<br>", "\n")
        .replace("<br/>", "\n")
        .replace("<br />", "\n");
    let parts: Vec<&str> = if lines.trim().contains('\n') {
        lines.split('\n').collect()
    } else if text.chars().count() > 300 && !text.contains(", ") {
        vec![text]
    } else {
        text.split([',', ';', '|']).collect()
    };
    parts.into_iter().map(html::strip).filter(|p| !p.is_empty()).collect()
}

/// An ISO 8601 duration as a number, in the unit that the field's name or hint asks for: minutes if none.
fn duration(field: &Field, raw: &Value) -> Option<Value> {
    if !matches!(field.kind, FieldType::Integer | FieldType::Float) {
        return None;
    }
    let seconds = iso_seconds(raw.as_str()?.trim())?;
    let asked = format!("{} {}", words(&field.field), field.hint.as_deref().unwrap_or_default().to_lowercase());
    let unit = if asked.contains("second") {
        1.0
    } else if asked.contains("hour") {
        3_600.0
    } else if asked.contains("day") {
        86_400.0
    } else {
        60.0
    };
    let value = seconds / unit;
    match field.kind {
        FieldType::Integer => Some(Value::from(value.round() as i64)),
        _ => serde_json::Number::from_f64(value).map(Value::Number),
    }
}

/// Seconds of an ISO 8601 duration of weeks, days, hours, minutes and seconds, like `PT1H30M`.
fn iso_seconds(text: &str) -> Option<f64> {
    let body = text.strip_prefix(['P', 'p'])?;
    if body.is_empty() || body.len() > 40 {
        return None;
    }
    let (mut total, mut number, mut in_time, mut any) = (0.0, String::new(), false, false);
    for c in body.chars() {
        match c.to_ascii_uppercase() {
            'T' if number.is_empty() && !in_time => in_time = true,
            '0'..='9' | '.' => number.push(c),
            unit => {
                let factor = match (unit, in_time) {
                    ('W', false) => 604_800.0,
                    ('D', false) => 86_400.0,
                    ('H', true) => 3_600.0,
                    ('M', true) => 60.0,
                    ('S', true) => 1.0,
                    _ => return None,
                };
                let value: f64 = number.parse().ok()?;
                total += value * factor;
                number.clear();
                any = true;
            }
        }
    }
    (any && number.is_empty() && total < 1e12).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, want) in
            [("PT1H30M", Some(5_400.0)), ("P1DT2H", Some(93_600.0)), ("PT45M", Some(2_700.0)), ("pt0m", Some(0.0))]
        {
            assert_eq!(iso_seconds(text), want, "{text}");
        }
        for text in ["", "P", "PT", "PT5", "P5M", "1h", "PTxM", "PT1H30"] {
            assert_eq!(iso_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn lists_in_one_text() {
        assert_eq!(split_list("a, b ,c"), ["a", "b", "c"]);
        assert_eq!(split_list("2 cups flour, sifted\n1 egg"), ["2 cups flour, sifted", "1 egg"]);
        assert_eq!(split_list("<li>a</li><li>b</li>"), ["a", "b"]);
    }
}

//! Chooses a field's value: takes the candidates by score and returns the first that can be read as the field's type
//! and looks like what is asked for.

use domain::RenderMode;
use serde_json::{Map, Value};

use crate::candidate::{Candidate, Evidence, ExplainedCandidate, FieldExplanation, Source};
use crate::coercion::{ReadingContext, clip, coerce};
use crate::concept::{Concept, Shape, Trait};
use crate::extracted::Extracted;
use crate::field_query::FieldQuery;
use crate::lists::{array, is_list_of};
use crate::person_name::is_name;
use crate::placeholder;
use crate::scalar::{plain_text, scalar};
use crate::scores::{MIN_SCORE, TRUSTED_SCORE};

/// Outcome of a candidate whose value does not fit the field's type.
const UNREADABLE: &str = "cannot be read as its type";

/// Collects the fields' values.
#[derive(Default)]
pub(crate) struct Output {
    data: Map<String, Value>,
    warnings: Vec<String>,
    structured: usize,
    visible: usize,
    /// Number of fields written, and the indices of those that are open, that is, without a value.
    count: usize,
    open: Vec<usize>,
}

/// The value chosen for a field.
pub(crate) struct Chosen {
    value: Value,
    notes: Vec<String>,
    source: Source,
    /// The score of the winning candidate.
    pub(crate) score: i32,
}

impl Chosen {
    /// Returns the value as text.
    pub(crate) fn text(&self) -> String {
        plain_text(&self.value)
    }

    /// Returns whether the value is trusted without examining the visible page.
    pub(crate) fn is_trusted(&self) -> bool {
        self.score >= TRUSTED_SCORE
    }
}

/// Sorts candidates best first. Those of equal score keep the order in which they were found.
pub(crate) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|c| std::cmp::Reverse(c.score));
}

/// Returns the best candidate that can be read. With `explanations`, also records what became of every candidate.
pub(crate) fn choose(
    query: &FieldQuery<'_>,
    candidates: &[Candidate],
    reading: &ReadingContext<'_>,
    mut explanations: Option<&mut Vec<ExplainedCandidate>>,
) -> Option<Chosen> {
    let mut chosen: Option<Chosen> = None;
    let mut unreadable = false;
    for candidate in candidates {
        // A visible value counts as structured if structured data says the same.
        if let Some(first) = chosen.as_mut().filter(|c| !c.source.is_structured() && explanations.is_none()) {
            let agrees = |c: &Candidate| read_all(query, c, reading, &mut Vec::new()).is_ok_and(|v| v == first.value);
            if candidate.source.is_structured() && agrees(candidate) {
                first.source = candidate.source;
                return chosen;
            }
            continue;
        }
        let mut notes = Vec::new();
        let read = if candidate.score < MIN_SCORE && candidate.source != Source::Selector {
            Err("score too low")
        } else if unreadable && candidate.evidence == Evidence::Guess {
            Err("a guess, and the stated value cannot be read")
        } else {
            read_all(query, candidate, reading, &mut notes)
        };
        unreadable |= candidate.evidence == Evidence::Statement
            && read.as_ref().is_err_and(|why| *why == UNREADABLE)
            && candidate.values.iter().any(|v| !plain_text(v).trim().is_empty());
        if let Some(explanations) = explanations.as_deref_mut() {
            let outcome = match (&read, &chosen) {
                (Ok(value), None) => format!("chosen: {}", clip(&value.to_string())),
                (Ok(value), Some(_)) => format!("beaten: {}", clip(&value.to_string())),
                (Err(why), _) => (*why).to_owned(),
            };
            let values = candidate.values.iter().take(3).map(plain_text).collect::<Vec<_>>().join(" ¦ ");
            explanations.push(ExplainedCandidate {
                source: candidate.source,
                score: candidate.score,
                reason: candidate.reason.to_string(),
                values: values.chars().take(100).collect(),
                outcome,
            });
        }
        if let (Ok(value), None) = (read, &chosen) {
            let done = explanations.is_none() && candidate.source.is_structured();
            chosen = Some(Chosen { value, notes, source: candidate.source, score: candidate.score });
            if done {
                return chosen;
            }
        }
    }
    chosen
}

/// Returns a structured list that does not look like what is asked for, if nothing better was found. Only for arrays.
pub(crate) fn fallback_list(
    query: &FieldQuery<'_>,
    candidates: &[Candidate],
    reading: &ReadingContext<'_>,
) -> Option<Chosen> {
    if !query.is_array() {
        return None;
    }
    candidates.iter().filter(|c| c.source.is_structured() && c.score >= MIN_SCORE).find_map(|candidate| {
        let mut notes = Vec::new();
        let value = array(query, candidate, reading, &mut notes)?;
        Some(Chosen { value, notes, source: candidate.source, score: candidate.score })
    })
}

/// Reads a candidate's values as the field's value: for an array all of them, otherwise the first that fits, because
/// several values then name the same thing.
///
/// # Errors
/// The reason why none fits.
fn read_all(
    query: &FieldQuery<'_>,
    candidate: &Candidate,
    reading: &ReadingContext<'_>,
    notes: &mut Vec<String>,
) -> Result<Value, &'static str> {
    let trusted = matches!(candidate.source, Source::Selector | Source::Json);
    if query.is_array() {
        let value = array(query, candidate, reading, notes).ok_or("no element can be read as its type")?;
        let fits = trusted || value.as_array().is_none_or(|items| is_list_of(query, items));
        return if fits { Ok(value) } else { Err("not a list of what is asked for") };
    }
    let mut why = UNREADABLE;
    for raw in candidate.values.iter().take(20) {
        let Some(coerced) = scalar(query, raw, candidate.source.text_format(), reading) else { continue };
        if !trusted && let Err(reason) = fits(query, &coerced.value, raw, candidate.source) {
            why = reason;
            continue;
        }
        // A field named just "date" may mean a future event if a label says so.
        let any_day = query.label == "date" && candidate.source == Source::Pair;
        if !trusted && !any_day && !candidate.source.is_structured() && is_in_future(query, &coerced.value, reading) {
            why = "a day in the future";
            continue;
        }
        notes.extend(coerced.note);
        return Ok(coerced.value);
    }
    Err(why)
}

/// Returns whether a day of publication or change lies in the future. One day more is allowed for time zones.
/// Structured data may give a future day, for example for an announced book; a visible one belongs to something else.
fn is_in_future(query: &FieldQuery<'_>, value: &Value, reading: &ReadingContext<'_>) -> bool {
    let past = query.is(Concept::Published) || query.is(Concept::Modified);
    let day = value.as_str().filter(|_| past).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    day.zip(reading.today.tomorrow().ok()).is_some_and(|(day, latest)| day > latest)
}

/// Checks that a value of the right type looks like what the field is for. Returns the reason if it does not.
fn fits(query: &FieldQuery<'_>, value: &Value, raw: &Value, source: Source) -> Result<(), &'static str> {
    let text = value.as_str().unwrap_or_default();
    let count = text.chars().count();
    let structured = source.is_structured();
    if matches!(query.shape(), Shape::Name | Shape::Code) && placeholder::is_missing_name(text) {
        return Err("a placeholder for a missing value");
    }
    match (query.shape(), value) {
        (Shape::Name, Value::String(_)) => {
            if text.contains("://") || text.starts_with('{') || text.starts_with('@') {
                return Err("an address, not a name");
            }
            if !text.chars().any(char::is_alphabetic) || text.contains("[object") {
                return Err("no letters");
            }
            if count > 120 || (!structured && count > 70) {
                return Err("too long for a name");
            }
            if !structured && count > 4 && text.starts_with(|c: char| c.is_ascii_digit()) {
                return Err("begins with a number");
            }
            if !structured && text.contains(": ") {
                return Err("contains another label");
            }
            if !structured && text.contains('@') {
                return Err("an email address, not a name");
            }
            if query.is(Concept::Author) && !structured && !is_name(text) {
                return Err("not a name");
            }
        }
        (Shape::Code, Value::String(_)) => {
            if count > 60 || text.split_whitespace().count() > 5 || text.contains("://") {
                return Err("not a code");
            }
            let digits = text.chars().any(char::is_numeric);
            let prose = text.split_whitespace().filter(|w| w.len() > 1 && w.chars().all(char::is_alphabetic)).count();
            if !structured && prose > 1 && !query.has(Trait::Wordy) {
                return Err("words, not a code");
            }
            // "CY-ONDE-M"
            let capitals = || text.contains('-') && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
            if !structured && !query.has(Trait::Digitless) && !digits && !capitals() {
                return Err("a code without a digit");
            }
        }
        (Shape::Money, Value::Number(n)) => {
            if n.as_f64().is_none_or(|v| v < 0.0) {
                return Err("a negative amount");
            }
            if !structured && n.as_f64() == Some(0.0) {
                return Err("an amount of zero");
            }
        }
        (Shape::Count | Shape::Duration, Value::Number(n)) => {
            let negative = n.as_f64().is_none_or(|v| v < 0.0);
            if negative && !query.has(Trait::Signed) {
                return Err("a negative count");
            }
            if query.is(Concept::TotalTime) && n.as_f64() == Some(0.0) {
                return Err("a duration of zero");
            }
            if query.is(Concept::Rating) && n.as_f64().is_some_and(|v| v > 100.0) {
                return Err("too large for a rating");
            }
        }
        (Shape::Short, Value::String(_)) if !structured && count > 300 => return Err("too long"),
        (Shape::Place, Value::String(_)) if !structured && count > 200 => return Err("too long"),
        _ => {}
    }
    if query.concept.is_none() && !structured {
        if query.asks_for_address() && !text.is_empty() && !is_address(text) {
            return Err("not an address");
        }
        if let Value::String(text) = value
            && !query.resembles_example(text)
        {
            return Err("not like the example");
        }
        if value.is_number() && raw.as_str().is_some_and(|t| t.chars().count() > 120) {
            return Err("prose, not a number");
        }
    }
    Ok(())
}

/// Returns whether a text may be the address of a page, with or without its scheme.
fn is_address(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let dotted = host.trim_matches('.').contains('.') && !host.ends_with('.');
    !text.contains(char::is_whitespace) && (text.contains("://") || text.starts_with('/') || dotted)
}

impl Output {
    /// Records the value chosen for a field, or that there is none.
    pub(crate) fn put(&mut self, query: &FieldQuery<'_>, chosen: Option<Chosen>, candidates: &[Candidate]) {
        let field = query.field;
        // A field with a selector is not open: its value is not looked for elsewhere. A low score does not make a field
        // open: on pages with known answers, values of the lowest scores are right as often as others (0.91 of 42 below
        // 48).
        if field.selector.is_none() && chosen.is_none() {
            self.open.push(self.count);
        }
        self.count += 1;
        for cut in candidates.iter().filter_map(|c| c.cut_warning.as_ref()) {
            self.warnings.push(format!("field \"{}\": {cut}", field.field));
        }
        if let Some(chosen) = chosen {
            for note in chosen.notes {
                self.warnings.push(format!("field \"{}\": {note}", field.field));
            }
            *(if chosen.source.is_structured() { &mut self.structured } else { &mut self.visible }) += 1;
            self.data.insert(field.field.clone(), chosen.value);
            return;
        }
        // Warn about a well-trusted value that could not be read, but not about a mere guess.
        let unreadable = candidates.iter().filter(|c| c.score > 70).find_map(|c| {
            let typed = !c.values.iter().take(20).any(|v| coerce(field.kind, v, &PROBE).is_some());
            c.values.iter().map(plain_text).find(|t| typed && !t.trim().is_empty())
        });
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

    /// Returns the indices of fields without a value, in the schema's order.
    pub(crate) fn open(&self) -> &[usize] {
        &self.open
    }

    pub(crate) fn finish(self) -> Extracted {
        let structured = self.structured > 0 && self.visible == 0;
        let render_mode = if structured { RenderMode::Structured } else { RenderMode::Fetch };
        Extracted { data: self.data, warnings: self.warnings, render_mode }
    }
}

/// A reading that serves only to check whether something can be read.
const PROBE: ReadingContext<'static> =
    ReadingContext { locale: "en-US", today: jiff::civil::Date::constant(2025, 1, 1) };

/// A field's explanation.
pub(crate) fn explanation_of(
    query: &FieldQuery<'_>,
    chosen: Option<&Chosen>,
    candidates: Vec<ExplainedCandidate>,
) -> FieldExplanation {
    let meaning = query.concept.map_or("unknown", |c| c.properties().id).to_owned();
    let value = chosen.map_or(Value::Null, |c| c.value.clone());
    FieldExplanation { field: query.field.field.clone(), meaning, candidates, value }
}

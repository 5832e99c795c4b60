//! Chooses a field's value: the candidates by score, and the first that can be read as its type and looks like what
//! is asked for.

use domain::{FieldType, RenderMode};
use serde_json::{Map, Value};

use crate::Extracted;
use crate::candidate::{Candidate, Explained, Seen, Source};
use crate::coercion::{Coerced, Reading, clip, coerce, coerce_length, coerce_year};
use crate::lists::{array, is_list_of};
use crate::tidy;
use crate::visible;
use crate::wanted::Wanted;

/// Most candidates that are compared with each other.
const MAX_AGREEING: usize = 100;
/// What an amount loses that two others are against: more than the most trusted source is before the next.
const OUTVOTED: i32 = 20;
/// Least score that an answer needs: below it, null is the better one.
const LEAST: i32 = 40;

/// Score from which on structured data is believed without a look at the page.
pub(crate) const SURE: i32 = 84;

/// Collects the fields' values.
#[derive(Default)]
pub(crate) struct Output {
    data: Map<String, Value>,
    warnings: Vec<String>,
    structured: usize,
    visible: usize,
}

/// A value that was chosen.
pub(crate) struct Chosen {
    value: Value,
    notes: Vec<String>,
    source: Source,
    /// The score that it was chosen by.
    pub(crate) score: i32,
}

impl Chosen {
    /// Whether it is believed without a further look.
    pub(crate) fn is_sure(&self) -> bool {
        self.score >= SURE
    }
}

/// Candidates, best first; those of one score in the order in which they were found.
pub(crate) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|c| std::cmp::Reverse(c.score));
}

/// Raises amounts of money that several sources have: one that stands alone against them is about something else.
pub(crate) fn agree(wanted: &Wanted<'_>, candidates: &mut [Candidate], reading: &Reading<'_>) {
    if !wanted.is_shape("money") || wanted.is_array() {
        return;
    }
    let read = |c: &Candidate| c.values.first().and_then(|v| scalar(wanted, v, reading)).map(|c| c.value.to_string());
    // All that is visible is one witness, however it was found.
    let witness = |source: Source| if source.is_structured() { Some(source) } else { None };
    let seen: Vec<(Option<Source>, Option<String>)> =
        candidates.iter().take(MAX_AGREEING).map(|c| (witness(c.source), read(c))).collect();
    // The amount that the page shows best.
    let shown = candidates
        .iter()
        .zip(&seen)
        .filter(|(_, (source, value))| source.is_none() && value.is_some())
        .max_by_key(|(candidate, _)| candidate.score)
        .and_then(|(_, (_, value))| value.clone());
    for (candidate, (own, value)) in candidates.iter_mut().zip(&seen) {
        if value.is_none() {
            continue;
        }
        let mut others: Vec<Option<Source>> = Vec::new();
        for (other, _) in seen.iter().filter(|(s, v)| s != own && v == value) {
            if !others.contains(other) {
                others.push(*other);
            }
        }
        candidate.score += i32::try_from(others.len().min(3)).unwrap_or(3) * 8;
        // A source alone against another one and what the page shows best: it states a starting bid, or it is stale.
        let second = |v: &Option<String>| others.iter().any(Option::is_some) || *v == shown;
        let outvoted =
            own.is_some() && !second(value) && seen.iter().any(|(s, v)| s.is_some() && s != own && *v == shown);
        if outvoted {
            candidate.score -= OUTVOTED;
            candidate.reason = format!("{}, against another source and the page", candidate.reason).into();
        }
    }
}

/// The best candidate that can be read. With `seen`, every candidate is told what became of it.
pub(crate) fn choose(
    wanted: &Wanted<'_>,
    candidates: &[Candidate],
    reading: &Reading<'_>,
    mut seen: Option<&mut Vec<Seen>>,
) -> Option<Chosen> {
    let mut chosen: Option<Chosen> = None;
    for candidate in candidates {
        // What a reader sees is structured too where the page says the same in both ways.
        if let Some(first) = chosen.as_mut().filter(|c| !c.source.is_structured() && seen.is_none()) {
            let says_so = |c: &Candidate| read_all(wanted, c, reading, &mut Vec::new()).is_ok_and(|v| v == first.value);
            if candidate.source.is_structured() && says_so(candidate) {
                first.source = candidate.source;
                return chosen;
            }
            continue;
        }
        let mut notes = Vec::new();
        let read = if candidate.score < LEAST && candidate.source != Source::Selector {
            Err("too little trust")
        } else {
            read_all(wanted, candidate, reading, &mut notes)
        };
        if let Some(seen) = seen.as_deref_mut() {
            let outcome = match (&read, &chosen) {
                (Ok(value), None) => format!("chosen: {}", clip(&value.to_string())),
                (Ok(value), Some(_)) => format!("beaten: {}", clip(&value.to_string())),
                (Err(why), _) => (*why).to_owned(),
            };
            let values = candidate.values.iter().take(3).map(plain_text).collect::<Vec<_>>().join(" ¦ ");
            seen.push(Seen {
                source: candidate.source,
                score: candidate.score,
                reason: candidate.reason.to_string(),
                values: values.chars().take(100).collect(),
                outcome,
            });
        }
        if let (Ok(value), None) = (read, &chosen) {
            let done = seen.is_none() && candidate.source.is_structured();
            chosen = Some(Chosen { value, notes, source: candidate.source, score: candidate.score });
            if done {
                return chosen;
            }
        }
    }
    chosen
}

/// What structured data says and was passed over for its look, where nothing better was found.
pub(crate) fn last_resort(wanted: &Wanted<'_>, candidates: &[Candidate], reading: &Reading<'_>) -> Option<Chosen> {
    if !wanted.is_array() {
        return None;
    }
    candidates.iter().filter(|c| c.source.is_structured() && c.score >= LEAST).find_map(|candidate| {
        let mut notes = Vec::new();
        let value = array(wanted, candidate, reading, &mut notes)?;
        Some(Chosen { value, notes, source: candidate.source, score: candidate.score })
    })
}

/// All of a candidate's values as the field's value.
fn read_all(
    wanted: &Wanted<'_>,
    candidate: &Candidate,
    reading: &Reading<'_>,
    notes: &mut Vec<String>,
) -> Result<Value, &'static str> {
    let trusted = matches!(candidate.source, Source::Selector | Source::Json);
    if wanted.is_array() {
        let value = array(wanted, candidate, reading, notes).ok_or("no element can be read as its type")?;
        let fits = trusted || value.as_array().is_none_or(|items| is_list_of(wanted, items));
        return if fits { Ok(value) } else { Err("not a list of what is asked for") };
    }
    let mut why = "cannot be read as its type";
    for raw in candidate.values.iter().take(20) {
        let Some(coerced) = scalar(wanted, raw, reading) else { continue };
        if !trusted && let Err(reason) = fits(wanted, &coerced.value, raw, candidate.source) {
            why = reason;
            continue;
        }
        notes.extend(coerced.note);
        return Ok(coerced.value);
    }
    // Several names of one thing, where a single text is asked for.
    Err(why)
}

/// One value as the field's elements' type.
pub(crate) fn scalar(wanted: &Wanted<'_>, raw: &Value, reading: &Reading<'_>) -> Option<Coerced> {
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
    let mut raw = tidy::value(raw);
    if wanted.is_shape("money")
        && wanted.field.kind.element() != FieldType::String
        && let Some(text) = raw.as_str()
        && let Some((amount, _)) = visible::amount(text)
    {
        raw = money(text, &amount).into();
    } else if wanted.id() == "currency"
        && let Some(code) = raw.as_str().and_then(visible::code)
    {
        raw = code;
    } else if wanted.id() == "author"
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

/// Whether a value that reads as its type looks like what the field is for.
fn fits(wanted: &Wanted<'_>, value: &Value, raw: &Value, source: Source) -> Result<(), &'static str> {
    let text = value.as_str().unwrap_or_default();
    let count = text.chars().count();
    let shape = wanted.concept.map_or("", |c| c.shape);
    let structured = source.is_structured();
    match (shape, value) {
        ("name", Value::String(_)) => {
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
            if wanted.id() == "author" && !structured && !visible::is_name(text) {
                return Err("not a name");
            }
        }
        ("code", Value::String(_)) => {
            if count > 60 || text.split_whitespace().count() > 5 || text.contains("://") {
                return Err("not a code");
            }
            let digits = text.chars().any(char::is_numeric);
            let prose = text.split_whitespace().filter(|w| w.len() > 1 && w.chars().all(char::is_alphabetic)).count();
            if !structured && prose > 1 && !matches!(wanted.id(), "telephone" | "postal code") {
                return Err("words, not a code");
            }
            if !structured && wanted.id() != "version" && !digits {
                return Err("a code without a digit");
            }
        }
        ("money", Value::Number(n)) => {
            if n.as_f64().is_none_or(|v| v < 0.0) {
                return Err("a negative amount");
            }
            if !structured && n.as_f64() == Some(0.0) {
                return Err("an amount of nothing");
            }
        }
        ("count" | "minutes", Value::Number(n)) => {
            let negative = n.as_f64().is_none_or(|v| v < 0.0);
            if negative && !matches!(wanted.id(), "latitude" | "longitude") {
                return Err("a negative count");
            }
            if wanted.id() == "total time" && n.as_f64() == Some(0.0) {
                return Err("no time at all");
            }
            if wanted.id() == "rating" && n.as_f64().is_some_and(|v| v > 100.0) {
                return Err("too much for a rating");
            }
        }
        ("short", Value::String(_)) if !structured && count > 300 => return Err("too long"),
        ("place", Value::String(_)) if !structured && count > 200 => return Err("too long"),
        _ => {}
    }
    if wanted.concept.is_none() && !structured {
        if let Value::String(text) = value
            && !wanted.like_example(text)
        {
            return Err("not like the example");
        }
        if value.is_number() && raw.as_str().is_some_and(|t| t.chars().count() > 120) {
            return Err("prose, not a number");
        }
    }
    Ok(())
}

impl Output {
    /// Writes down what was chosen for a field, or that nothing was.
    pub(crate) fn put(&mut self, wanted: &Wanted<'_>, chosen: Option<Chosen>, candidates: &[Candidate]) {
        let field = wanted.field;
        if let Some(chosen) = chosen {
            for note in chosen.notes {
                self.warnings.push(format!("field \"{}\": {note}", field.field));
            }
            *(if chosen.source.is_structured() { &mut self.structured } else { &mut self.visible }) += 1;
            self.data.insert(field.field.clone(), chosen.value);
            return;
        }
        // A value that was there and could not be read is worth a word; a mere guess is not.
        let unreadable = candidates.iter().filter(|c| c.score > 70).find_map(|c| {
            let typed = !c.values.iter().take(20).any(|v| coerce(field.kind, v, &PLAIN).is_some());
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

    pub(crate) fn finish(self) -> Extracted {
        let structured = self.structured > 0 && self.visible == 0;
        let render_mode = if structured { RenderMode::Structured } else { RenderMode::Fetch };
        Extracted { data: self.data, warnings: self.warnings, render_mode }
    }
}

/// A reading for the mere question whether something can be read.
const PLAIN: Reading<'static> = Reading { locale: "en-US", today: jiff::civil::Date::constant(2025, 1, 1) };

/// A field's explanation.
pub(crate) fn explained(wanted: &Wanted<'_>, chosen: Option<&Chosen>, candidates: Vec<Seen>) -> Explained {
    let meaning = wanted.concept.map_or("nothing that is known", |c| c.id).to_owned();
    let value = chosen.map_or(Value::Null, |c| c.value.clone());
    Explained { field: wanted.field.field.clone(), meaning, candidates, value }
}

/// A value as a text.
pub(crate) fn plain_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

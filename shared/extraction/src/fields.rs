//! Chooses a field's value: the candidates by score, and the first that can be read as its type and looks like what
//! is asked for.

use domain::RenderMode;
use serde_json::{Map, Value};

use crate::Extracted;
use crate::candidate::{Candidate, Explained, Seen, Source, Standing};
use crate::coercion::{Reading, clip, coerce};
use crate::concept::{Concept, Shape, Trait};
use crate::lists::{array, is_list_of};
use crate::placeholder;
use crate::scalar::{plain_text, scalar};
use crate::scores::{LEAST, SURE};
use crate::visible;
use crate::wanted::Wanted;

/// What becomes of a candidate that says something else than its type can hold.
const UNREADABLE: &str = "cannot be read as its type";

/// Collects the fields' values.
#[derive(Default)]
pub(crate) struct Output {
    data: Map<String, Value>,
    warnings: Vec<String>,
    structured: usize,
    visible: usize,
    /// How many fields were written down, and which of them are open: they have no value.
    count: usize,
    open: Vec<usize>,
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
    /// Its value as a text.
    pub(crate) fn text(&self) -> String {
        plain_text(&self.value)
    }

    /// Whether it is believed without a further look.
    pub(crate) fn is_sure(&self) -> bool {
        self.score >= SURE
    }
}

/// Candidates, best first; those of one score in the order in which they were found.
pub(crate) fn sort(candidates: &mut [Candidate]) {
    candidates.sort_by_key(|c| std::cmp::Reverse(c.score));
}

/// The best candidate that can be read. With `seen`, every candidate is told what became of it.
pub(crate) fn choose(
    wanted: &Wanted<'_>,
    candidates: &[Candidate],
    reading: &Reading<'_>,
    mut seen: Option<&mut Vec<Seen>>,
) -> Option<Chosen> {
    let mut chosen: Option<Chosen> = None;
    let mut unreadable = false;
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
        } else if unreadable && candidate.standing == Standing::Guess {
            Err("a guess, where what is stated cannot be read")
        } else {
            read_all(wanted, candidate, reading, &mut notes)
        };
        unreadable |= candidate.standing == Standing::Statement
            && read.as_ref().is_err_and(|why| *why == UNREADABLE)
            && candidate.values.iter().any(|v| !plain_text(v).trim().is_empty());
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
    let mut why = UNREADABLE;
    for raw in candidate.values.iter().take(20) {
        let Some(coerced) = scalar(wanted, raw, candidate.source.form(), reading) else { continue };
        if !trusted && let Err(reason) = fits(wanted, &coerced.value, raw, candidate.source) {
            why = reason;
            continue;
        }
        // A field that only asks for the date may be an event's, where a label says so.
        let any_day = wanted.label == "date" && candidate.source == Source::Pair;
        if !trusted && !any_day && !candidate.source.is_structured() && is_to_come(wanted, &coerced.value, reading) {
            why = "a day to come";
            continue;
        }
        notes.extend(coerced.note);
        return Ok(coerced.value);
    }
    // Several names of one thing, where a single text is asked for.
    Err(why)
}

/// Whether a day of publication or of a change lies in the future. A day more is what time zones need. Markup may say
/// so of a book that is announced; what a page shows is then the day of something else.
fn is_to_come(wanted: &Wanted<'_>, value: &Value, reading: &Reading<'_>) -> bool {
    let past = wanted.is(Concept::Published) || wanted.is(Concept::Modified);
    let day = value.as_str().filter(|_| past).and_then(|day| day.parse::<jiff::civil::Date>().ok());
    day.zip(reading.today.tomorrow().ok()).is_some_and(|(day, latest)| day > latest)
}

/// Whether a value that reads as its type looks like what the field is for.
fn fits(wanted: &Wanted<'_>, value: &Value, raw: &Value, source: Source) -> Result<(), &'static str> {
    let text = value.as_str().unwrap_or_default();
    let count = text.chars().count();
    let structured = source.is_structured();
    if matches!(wanted.shape(), Shape::Name | Shape::Code) && placeholder::is_nameless(text) {
        return Err("it says that there is none");
    }
    match (wanted.shape(), value) {
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
                return Err("another label in it");
            }
            if !structured && text.contains('@') {
                return Err("an address of mail, not a name");
            }
            if wanted.is(Concept::Author) && !structured && !visible::is_name(text) {
                return Err("not a name");
            }
        }
        (Shape::Code, Value::String(_)) => {
            if count > 60 || text.split_whitespace().count() > 5 || text.contains("://") {
                return Err("not a code");
            }
            let digits = text.chars().any(char::is_numeric);
            let prose = text.split_whitespace().filter(|w| w.len() > 1 && w.chars().all(char::is_alphabetic)).count();
            if !structured && prose > 1 && !wanted.has(Trait::Wordy) {
                return Err("words, not a code");
            }
            // "CY-ONDE-M"
            let capitals = || text.contains('-') && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'-');
            if !structured && !wanted.has(Trait::Digitless) && !digits && !capitals() {
                return Err("a code without a digit");
            }
        }
        (Shape::Money, Value::Number(n)) => {
            if n.as_f64().is_none_or(|v| v < 0.0) {
                return Err("a negative amount");
            }
            if !structured && n.as_f64() == Some(0.0) {
                return Err("an amount of nothing");
            }
        }
        (Shape::Count | Shape::Minutes, Value::Number(n)) => {
            let negative = n.as_f64().is_none_or(|v| v < 0.0);
            if negative && !wanted.has(Trait::Signed) {
                return Err("a negative count");
            }
            if wanted.is(Concept::TotalTime) && n.as_f64() == Some(0.0) {
                return Err("no time at all");
            }
            if wanted.is(Concept::Rating) && n.as_f64().is_some_and(|v| v > 100.0) {
                return Err("too much for a rating");
            }
        }
        (Shape::Short, Value::String(_)) if !structured && count > 300 => return Err("too long"),
        (Shape::Place, Value::String(_)) if !structured && count > 200 => return Err("too long"),
        _ => {}
    }
    if wanted.concept.is_none() && !structured {
        if wanted.names_link() && !text.is_empty() && !is_address(text) {
            return Err("not an address");
        }
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

/// Whether a text may be the address of a page, whole or without its scheme.
fn is_address(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or_default();
    let dotted = host.trim_matches('.').contains('.') && !host.ends_with('.');
    !text.contains(char::is_whitespace) && (text.contains("://") || text.starts_with('/') || dotted)
}

impl Output {
    /// Writes down what was chosen for a field, or that nothing was.
    pub(crate) fn put(&mut self, wanted: &Wanted<'_>, chosen: Option<Chosen>, candidates: &[Candidate]) {
        let field = wanted.field;
        // Where a caller names the place, what is not there is not asked for elsewhere. Scores are no reason to ask: of
        // pages with known answers, values of the least score are right as often as others (0.91 of 42 below 48).
        if field.selector.is_none() && chosen.is_none() {
            self.open.push(self.count);
        }
        self.count += 1;
        for cut in candidates.iter().filter_map(|c| c.cut.as_ref()) {
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

    /// Which fields, in the schema's order, have no value.
    pub(crate) fn open(&self) -> &[usize] {
        &self.open
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
    let meaning = wanted.concept.map_or("nothing that is known", |c| c.properties().id).to_owned();
    let value = chosen.map_or(Value::Null, |c| c.value.clone());
    Explained { field: wanted.field.field.clone(), meaning, candidates, value }
}

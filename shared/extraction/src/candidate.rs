//! Candidates for a field's value: where each was found and how far it is trusted. The score alone chooses the value,
//! so that every decision can be explained.

use std::borrow::Cow;

use serde_json::Value;

use crate::placeholder;

/// Where a candidate was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The caller's own CSS selector.
    Selector,
    /// A JSON-LD script.
    JsonLd,
    /// Microdata attributes.
    Microdata,
    /// RDFa attributes.
    Rdfa,
    /// A `meta` element, `link` or attribute in the head.
    Meta,
    /// JSON embedded in a script.
    State,
    /// Computed from other structured values.
    Derived,
    /// The heading or title of the page.
    Heading,
    /// A label and its value.
    Pair,
    /// An element whose class, id or test id names it.
    Mark,
    /// A list below a heading that names it.
    List,
    /// A pattern in the text: price, date, byline, rating.
    Pattern,
    /// A button or a message.
    Message,
    /// The page's own address.
    Address,
    /// A member of a JSON page.
    Json,
}

/// How a source writes its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextFormat {
    /// As a reader sees it: what looks like a tag is part of the text.
    Text,
    /// As templates write it: may contain tags and entities.
    Markup,
}

impl Source {
    /// Returns whether this is structured data rather than what a reader sees.
    pub(crate) fn is_structured(self) -> bool {
        matches!(
            self,
            Source::JsonLd
                | Source::Microdata
                | Source::Rdfa
                | Source::Meta
                | Source::State
                | Source::Derived
                | Source::Json
        )
    }

    /// Returns how the source writes its texts: as text already decoded from HTML, or as markup.
    pub(crate) fn text_format(self) -> TextFormat {
        match self {
            Source::JsonLd | Source::Meta | Source::State | Source::Derived | Source::Json => TextFormat::Markup,
            _ => TextFormat::Text,
        }
    }

    /// Returns whether the source states what a thing is. Where such a statement cannot be read, no guess replaces it.
    pub(crate) fn is_statement(self) -> bool {
        matches!(self, Source::JsonLd | Source::Microdata | Source::Rdfa | Source::Meta)
    }
}

/// A possible value of a field: all values found in one place.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) values: Vec<Value>,
    pub(crate) source: Source,
    /// Higher is better; compared only among candidates of one field.
    pub(crate) score: i32,
    /// How it was found, to explain why it won.
    pub(crate) reason: Cow<'static, str>,
    /// Warning for the caller if values were left out.
    pub(crate) cut_warning: Option<String>,
    /// Its role when a stated value cannot be read.
    pub(crate) evidence: Evidence,
}

/// A candidate's role when a stated value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// A statement: if it cannot be read, no guess is used.
    Statement,
    /// Found by evidence of its own.
    Finding,
    /// Counts only if no statement contradicts it.
    Guess,
}

impl Source {
    /// Returns the trust in values of this source before anything else is known, 0 to 100.
    pub(crate) fn trust(self) -> i32 {
        match self {
            Source::Selector | Source::Json => 100,
            Source::JsonLd => 90,
            Source::Microdata => 86,
            Source::Rdfa => 84,
            Source::Meta => 76,
            Source::State => 66,
            Source::Derived => 64,
            Source::Pair => 62,
            Source::Mark => 56,
            Source::List => 58,
            Source::Heading => 60,
            Source::Message => 54,
            Source::Pattern => 50,
            Source::Address => 30,
        }
    }
}

impl Candidate {
    pub(crate) fn new(source: Source, values: Vec<Value>, reason: impl Into<Cow<'static, str>>) -> Candidate {
        let evidence = if source.is_statement() { Evidence::Statement } else { Evidence::Finding };
        let values = values.into_iter().filter(|v| !placeholder::is_placeholder(v)).collect();
        Candidate { values, source, score: source.trust(), reason: reason.into(), cut_warning: None, evidence }
    }

    pub(crate) fn text(source: Source, text: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Candidate {
        Candidate::new(source, vec![Value::String(text.into())], reason)
    }

    /// Returns the candidate with this kind of evidence.
    pub(crate) fn with_evidence(mut self, evidence: Evidence) -> Candidate {
        self.evidence = evidence;
        self
    }

    /// Returns the candidate with its score changed by `change`.
    pub(crate) fn adjusted(mut self, change: i32) -> Candidate {
        self.score += change;
        self
    }
}

/// The outcome of one candidate, in words for a person.
#[derive(Debug, Clone)]
pub struct ExplainedCandidate {
    /// Where it was found.
    pub source: Source,
    /// Its score.
    pub score: i32,
    /// How it was found.
    pub reason: String,
    /// Its values, shortened.
    pub values: String,
    /// The value that it was read as, or why it was passed over.
    pub outcome: String,
}

/// All candidates of one field, best first, and the value that won.
#[derive(Debug, Clone)]
pub struct FieldExplanation {
    /// The field's name.
    pub field: String,
    /// What the name was taken to mean.
    pub meaning: String,
    /// The candidates, best first.
    pub candidates: Vec<ExplainedCandidate>,
    /// The field's value.
    pub value: Value,
}

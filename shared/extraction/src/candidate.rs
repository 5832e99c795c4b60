//! What may be a field's value, where it was seen, and how far that is trusted. A value is chosen by score alone, so
//! that every decision can be shown.

use std::borrow::Cow;

use serde_json::Value;

use crate::placeholder;

/// Where a candidate was seen.
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
    /// JSON that a script brings along.
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

/// How a source writes texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a reader sees it: what looks like a tag is one in the text.
    Text,
    /// As templates write it: tags and entities may stand in it.
    Markup,
}

impl Source {
    /// Whether it is structured data rather than what a reader sees.
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

    /// Whether its texts were decoded from HTML already.
    pub(crate) fn form(self) -> Form {
        match self {
            Source::JsonLd | Source::Meta | Source::State | Source::Derived | Source::Json => Form::Markup,
            _ => Form::Text,
        }
    }

    /// Whether it says what a thing is, so that nothing is guessed where its word cannot be read.
    pub(crate) fn is_statement(self) -> bool {
        matches!(self, Source::JsonLd | Source::Microdata | Source::Rdfa | Source::Meta)
    }
}

/// Something that may be a field's value: all values of one place.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) values: Vec<Value>,
    pub(crate) source: Source,
    /// Higher is better; only candidates of one field are compared.
    pub(crate) score: i32,
    /// What it was found by, for those who ask why it won.
    pub(crate) reason: Cow<'static, str>,
    /// What the caller is to be told if values were left out.
    pub(crate) cut: Option<String>,
    /// What it takes part in where something stated cannot be read.
    pub(crate) standing: Standing,
}

/// How a candidate stands to what is stated and cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It says so: if it cannot be read, nothing is guessed.
    Statement,
    /// It was found for a reason of its own.
    Finding,
    /// It holds only where nobody says something else.
    Guess,
}

impl Candidate {
    pub(crate) fn new(source: Source, values: Vec<Value>, reason: impl Into<Cow<'static, str>>) -> Candidate {
        let standing = if source.is_statement() { Standing::Statement } else { Standing::Finding };
        let values = values.into_iter().filter(|v| !placeholder::is(v)).collect();
        Candidate { values, source, score: source.trust(), reason: reason.into(), cut: None, standing }
    }

    pub(crate) fn text(source: Source, text: impl Into<String>, reason: impl Into<Cow<'static, str>>) -> Candidate {
        Candidate::new(source, vec![Value::String(text.into())], reason)
    }

    /// The same with another standing.
    pub(crate) fn standing(mut self, standing: Standing) -> Candidate {
        self.standing = standing;
        self
    }

    /// The same with another score, relative to the trust in its source.
    pub(crate) fn scored(mut self, change: i32) -> Candidate {
        self.score += change;
        self
    }
}

/// What became of one candidate, for a person to read.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where it was seen.
    pub source: Source,
    /// Its score.
    pub score: i32,
    /// What it was found by.
    pub reason: String,
    /// Its values, shortened.
    pub values: String,
    /// What came of it: the value that it was read as, or why it was passed over.
    pub outcome: String,
}

/// All candidates of one field, best first, and the value that won.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The field's name.
    pub field: String,
    /// What the name was taken to mean.
    pub meaning: String,
    /// The candidates, best first.
    pub candidates: Vec<Seen>,
    /// The field's value.
    pub value: Value,
}

//! Reading one page that was fetched: in this process, or in one of its own that can be killed. Knows nothing of rows,
//! hosts and places.

mod child;
mod frame;
mod process;

use std::time::Instant;

use domain::job::RenderJs;
use domain::{ErrorCode, JobSpec, RenderMode, Schema, Timestamp, UnitError};
use extraction::budget::Budget;
use extraction::links::Links;
use extraction::shell::{Found, shell};
use extraction::{Compact, Context, ExtractError, Extracted, Extras, Page, Wants};
use serde_json::{Map, Value};
use url::Url;

pub use child::{ARGUMENT, serve};
pub(crate) use process::read_apart;

/// What is to be read from a page, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Task {
    pub(crate) schema: Schema,
    pub(crate) locale: String,
    /// What there is to say whatever the page is.
    pub(crate) notes: Vec<String>,
    pub(crate) content_type: Option<String>,
    /// Where the page was found.
    pub(crate) url: Url,
    pub(crate) now: Timestamp,
    /// Whether its links are wanted.
    pub(crate) links: bool,
    /// Whether it is to be judged if it is a shell.
    pub(crate) judge: bool,
    /// Most bytes of text that a model is to be shown where fields stay open; `None` where none is to be asked.
    pub(crate) compact: Option<usize>,
}

/// A page's values, what there is to say about them, and where they came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Values {
    pub(crate) data: Map<String, Value>,
    pub(crate) warnings: Vec<String>,
    pub(crate) render_mode: RenderMode,
    /// It looks as if only a browser's programs showed what is in it.
    pub(crate) shell: bool,
    /// What a model may be asked about, where fields are open.
    pub(crate) compact: Option<Compact>,
    /// The fields that a model answered, and whether one failed to.
    pub(crate) model_fields: Vec<String>,
    pub(crate) model_failed: bool,
}

impl Values {
    /// Values without anything else to say about them.
    pub(crate) fn of(data: Map<String, Value>, render_mode: RenderMode) -> Values {
        Values {
            data,
            warnings: Vec::new(),
            render_mode,
            shell: false,
            compact: None,
            model_fields: Vec::new(),
            model_failed: false,
        }
    }
}

/// What came of reading a page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    pub(crate) values: Result<Values, UnitError>,
    pub(crate) links: Links,
}

impl Task {
    pub(crate) fn new(spec: &JobSpec, content_type: Option<String>, url: Url, now: Timestamp, links: bool) -> Task {
        Task {
            compact: None,
            schema: spec.schema.clone(),
            locale: spec.options.locale.clone(),
            notes: notes(spec),
            content_type,
            url,
            now,
            links,
            judge: spec.options.render_js == RenderJs::Auto,
        }
    }

    /// Reads the page, and ends soon after `budget` does.
    pub(crate) fn read(&self, body: &[u8], budget: &Budget<'_>) -> Reading {
        let page = Page { body, content_type: self.content_type.as_deref(), url: &self.url };
        let context = Context { locale: &self.locale, now: self.now, budget };
        let wants = Wants { links: self.links, compact: self.compact };
        let (read, Extras { links, compact }) = extraction::extract_with(&page, &self.schema, &context, wants);
        let mut values = self.values(read, compact);
        if let Ok(values) = &mut values
            && self.judge
        {
            values.shell = shell(&page, found_in(&values.data)).is_some();
        }
        Reading { values, links }
    }

    fn values(&self, read: Result<Extracted, ExtractError>, compact: Option<Compact>) -> Result<Values, UnitError> {
        let read = read.map_err(|e| {
            let code = match e {
                ExtractError::OutOfTime => ErrorCode::Timeout,
                ExtractError::Unsupported(_) | ExtractError::BrokenJson | ExtractError::TooMuch(_) => {
                    ErrorCode::UnsupportedContent
                }
            };
            UnitError::new(code, e.to_string())
        })?;
        let mut warnings = read.warnings;
        warnings.extend_from_slice(&self.notes);
        Ok(Values { warnings, compact, ..Values::of(read.data, read.render_mode) })
    }
}

/// How many fields were found.
fn found_in(data: &Map<String, Value>) -> Found {
    match data.values().filter(|value| is_found(value)).count() {
        0 => Found::Nothing,
        all if all == data.len() => Found::All,
        _ => Found::Some,
    }
}

/// Whether a value is one.
pub(crate) fn is_found(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
}

/// Wishes of the caller that are not met.
fn notes(spec: &JobSpec) -> Vec<String> {
    let mut notes = Vec::new();
    if spec.options.process_images {
        notes.push(
            "process_images was ignored: it needs the plan scale and a vision pass, and none is configured".into(),
        );
    }
    notes
}

/// Whether a moment has passed: what a page's budget asks for.
pub(crate) fn past(end: Instant) -> impl Fn() -> bool {
    move || Instant::now() >= end
}

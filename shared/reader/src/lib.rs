//! Reads one fetched page: in this process, or in a child process that can be killed. Knows nothing of rows and
//! hosts.

mod child;
mod process;
mod protocol;

use domain::explained::{Explained, SeenCandidate, bounded};
use domain::job::RenderJs;
use domain::{ErrorCode, JobSpec, RenderMode, Schema, Timestamp, UnitError};
use extraction::budget::Budget;
use extraction::links::Links;
use extraction::shell::{FieldsFound, detect_shell};
use extraction::{CompactPage, Context, ExtractError, Extracted, Extras, Page, RequestedExtras};
use serde_json::{Map, Value};
use url::Url;

pub use child::{ARGUMENT, serve};
pub use process::read_in_child;

/// What to read from a page, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// The fields.
    pub schema: Schema,
    /// How numbers and dates are written if the page does not say.
    pub locale: String,
    /// Warnings to add whatever the page contains.
    pub extra_warnings: Vec<String>,
    /// The body's content type according to the server.
    pub content_type: Option<String>,
    /// The page's URL.
    pub url: Url,
    /// The current time, for relative dates.
    pub now: Timestamp,
    /// Whether to return its links.
    pub links: bool,
    /// Whether to determine if the page is a shell.
    pub detect_shell: bool,
    /// Maximum size in bytes of the text for a model, used if fields stay open; `None` if no model is to be asked.
    pub compact: Option<usize>,
    /// Whether to say why each value was chosen.
    pub explain: bool,
}

/// A page's values, with their warnings and origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// A value for each field of the schema.
    pub data: Map<String, Value>,
    /// Warnings about them.
    pub warnings: Vec<String>,
    /// How the page was read.
    pub render_mode: RenderMode,
    /// Whether the page seems to show its content only after its scripts have run.
    pub shell: bool,
    /// What a model may be asked, if fields are open.
    pub compact: Option<CompactPage>,
    /// The fields that a model answered.
    pub model_fields: Vec<String>,
    /// Whether a later visit may find more, because a model or the browser failed or had no time. Such a result is not
    /// cached.
    pub incomplete: bool,
    /// How many pictures a model examined, if any.
    pub images_processed: Option<u32>,
    /// Why each value was chosen, if requested.
    pub explained: Vec<Explained>,
}

impl Values {
    /// Creates values without warnings or other details.
    pub fn of(data: Map<String, Value>, render_mode: RenderMode) -> Values {
        Values {
            data,
            warnings: Vec::new(),
            render_mode,
            shell: false,
            compact: None,
            model_fields: Vec::new(),
            incomplete: false,
            images_processed: None,
            explained: Vec::new(),
        }
    }
}

/// The result of reading a page.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Its values, or why it has none.
    pub values: Result<Values, UnitError>,
    /// Its links, if requested.
    pub links: Links,
}

impl Task {
    /// Creates a task from a job's spec.
    pub fn new(spec: &JobSpec, content_type: Option<String>, url: Url, now: Timestamp, links: bool) -> Task {
        Task {
            compact: None,
            schema: spec.schema.clone(),
            locale: spec.options.locale.clone(),
            extra_warnings: Vec::new(),
            content_type,
            url,
            now,
            links,
            detect_shell: spec.options.render_js == RenderJs::Auto,
            explain: spec.options.explain,
        }
    }

    /// Reads the page. Ends soon after `budget` is used up.
    pub fn read(&self, body: &[u8], budget: &Budget<'_>) -> Reading {
        let page = Page { body, content_type: self.content_type.as_deref(), url: &self.url };
        let context = Context { locale: &self.locale, now: self.now, budget };
        let requested = RequestedExtras { links: self.links, compact: self.compact };
        let (read, Extras { links, compact }) = extraction::extract_with(&page, &self.schema, &context, requested);
        let mut values = self.values(read, compact);
        if let Ok(values) = &mut values
            && self.detect_shell
        {
            values.shell = detect_shell(&page, found_in(&values.data)).is_some();
        }
        if let Ok(values) = &mut values
            && self.explain
        {
            // A page whose second reading exceeds the budget still has its values.
            let explained = extraction::explain(&page, &self.schema, &context).unwrap_or_default();
            values.explained = bounded(explained.into_iter().map(shown).collect());
        }
        Reading { values, links }
    }

    fn values(&self, read: Result<Extracted, ExtractError>, compact: Option<CompactPage>) -> Result<Values, UnitError> {
        let read = read.map_err(|e| {
            let code = match e {
                ExtractError::OutOfTime => ErrorCode::Timeout,
                ExtractError::Unsupported(_) | ExtractError::InvalidJson | ExtractError::BudgetExceeded(_) => {
                    ErrorCode::UnsupportedContent
                }
            };
            UnitError::new(code, e.to_string())
        })?;
        let mut warnings = read.warnings;
        warnings.extend_from_slice(&self.extra_warnings);
        Ok(Values { warnings, compact, ..Values::of(read.data, read.render_mode) })
    }
}

/// Converts an explanation for a result.
fn shown(explained: extraction::FieldExplanation) -> Explained {
    let candidates = explained.candidates.into_iter().map(|seen| SeenCandidate {
        source: format!("{:?}", seen.source),
        score: seen.score,
        reason: seen.reason,
        text: seen.values,
        outcome: seen.outcome,
    });
    Explained { field: explained.field, meaning: explained.meaning, candidates: candidates.collect() }
}

/// Classifies how many fields were found.
fn found_in(data: &Map<String, Value>) -> FieldsFound {
    match data.values().filter(|value| is_found(value)).count() {
        0 => FieldsFound::Nothing,
        all if all == data.len() => FieldsFound::All,
        _ => FieldsFound::Some,
    }
}

/// Returns whether a value was found: it is neither null nor an empty list.
pub fn is_found(value: &Value) -> bool {
    !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty())
}

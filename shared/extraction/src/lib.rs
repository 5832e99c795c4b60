//! Extracts typed values from a page without a model: takes a page's bytes and a schema, returns values and warnings.
//! Deterministic.
//!
//! It depends on no network, clock, randomness or job. Where a value is in doubt it returns null: a wrong value is
//! worse.

pub mod budget;
pub mod charset;
pub mod coercion;
pub mod grounding;
pub mod links;
pub mod shell;
pub mod weight;

mod brand_or_code;
mod candidate;
mod cents;
mod concept;
mod dateline;
mod doc;
mod entity;
mod extracted;
mod field_query;
mod fields;
mod head;
mod html;
mod json;
mod json_index;
mod json_page;
mod json_text;
mod lists;
mod page_sink;
mod page_title;
mod person_name;
mod phrases;
mod placeholder;
mod properties;
mod prune;
mod range;
mod scalar;
mod scores;
mod selector;
mod sources;
mod spelling;
mod structured;
mod tags;
mod text_cleanup;
mod visible;
mod vocabulary;
mod xml;
mod zones;

use budget::{Budget, Resource};
use domain::media::{Media, essence};
use domain::{Schema, Timestamp};
use field_query::FieldQuery;
use page_sink::{Content, Explainer, PageSink, Values};
use serde_json::Value;
use url::Url;

pub use candidate::{ExplainedCandidate, FieldExplanation, Source};
pub use coercion::reads_as;
pub use extracted::Extracted;
pub use links::{Link, LinkKind, Links};
pub use page_sink::{CompactPage, Extras, RequestedExtras};
pub use selector::{MAX_COMPOUNDS, MAX_NESTING, MAX_PARTS, MAX_SELECTED, check_selector};

/// A page as it was fetched.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The bytes, content-decoded.
    pub body: &'a [u8],
    /// The `Content-Type` header.
    pub content_type: Option<&'a str>,
    /// The page's URL after redirects.
    pub url: &'a Url,
}

/// How to read the page.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// BCP 47 tag that decides how ambiguous numbers and dates are read.
    pub locale: &'a str,
    /// When the page was fetched. Relative dates count from here.
    pub now: Timestamp,
    /// Limits on what reading this page may cost.
    pub budget: &'a Budget<'a>,
}

/// Why a page could not be read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// The content is neither HTML, XML, JSON nor text.
    #[error("the content type is \"{0}\"; only HTML, XML, JSON and text can be read")]
    Unsupported(String),
    /// The content type says JSON, but the content is not JSON.
    #[error("the content type says JSON, but the content is not valid JSON")]
    InvalidJson,
    /// The deadline passed while the page was being read.
    #[error("reading the page took longer than what was left of timeout_ms")]
    OutOfTime,
    /// The page exceeds a limit of its budget.
    #[error("the page is too large or too complex: reading it takes more {0} than a page may take")]
    BudgetExceeded(Resource),
}

/// Kinds of content, each read in its own way.
enum Kind {
    Html,
    Xml(xml::Xml),
    Json(Value),
    Text,
}

/// Returns the kind of a page: the kind that its content type names, unless its text contradicts it.
fn kind_of(content_type: Option<&str>, text: &str, budget: &Budget<'_>) -> Result<Kind, ExtractError> {
    let unsupported = || Err(ExtractError::Unsupported(coercion::clip(&essence(content_type.unwrap_or_default()))));
    let xml = |text: &str| xml::parse(text, budget).map(Kind::Xml);
    let markup = || Some(text).filter(|t| xml::is_xml(t)).and_then(xml).unwrap_or(Kind::Html);
    let json = |text: &str| json_text::read(text, budget).map(Kind::Json);
    match Media::of(content_type) {
        // Content that turns out not to be XML is read as leniently as HTML.
        Media::Xhtml | Media::Xml => Ok(xml(text).unwrap_or(Kind::Html)),
        Media::Other => unsupported(),
        Media::Json => match json(text) {
            Some(json) => Ok(json),
            None if starts_with_tag(text) => Ok(markup()),
            None => Err(ExtractError::InvalidJson),
        },
        // Servers send pages, feeds and JSON under any of these types.
        Media::Html | Media::Script | Media::Text | Media::Unspecified if starts_with_tag(text) => Ok(markup()),
        declared => match (Some(text).filter(|t| json_text::looks_like_json(t)).and_then(json), declared) {
            (Some(json), _) => Ok(json),
            (None, Media::Script) => unsupported(),
            (None, Media::Text) => Ok(Kind::Text),
            (None, _) => Ok(Kind::Html),
        },
    }
}

/// Returns whether a text starts like markup.
fn starts_with_tag(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

/// Reads the schema's fields from a page.
///
/// # Errors
/// The content is of a kind that cannot be read, or reading exceeds the budget.
pub fn extract(page: &Page<'_>, schema: &Schema, context: &Context<'_>) -> Result<Extracted, ExtractError> {
    extract_with(page, schema, context, RequestedExtras::default()).0
}

/// Reads the fields as [`extract`] does, and returns the requested extras of the same document.
pub fn extract_with(
    page: &Page<'_>,
    schema: &Schema,
    context: &Context<'_>,
    requested: RequestedExtras,
) -> (Result<Extracted, ExtractError>, Extras) {
    let mut values = Values::new(page.url, requested);
    let read = read_fields(page, schema, context, false, &mut values);
    let (extracted, extras) = values.finish();
    (read.map(|()| extracted), extras)
}

/// Lists for each field its candidates, what became of each, and which one won. For people who work on the extractor.
/// Examines more than [`extract`], which stops where an answer is certain.
///
/// # Errors
/// As [`extract`].
pub fn explain(page: &Page<'_>, schema: &Schema, context: &Context<'_>) -> Result<Vec<FieldExplanation>, ExtractError> {
    let mut explainer = Explainer::default();
    read_fields(page, schema, context, true, &mut explainer)?;
    Ok(explainer.0)
}

/// Finds each field's candidates and chooses among them. With `explaining`, records what became of every candidate.
fn read_fields(
    page: &Page<'_>,
    schema: &Schema,
    context: &Context<'_>,
    explaining: bool,
    sink: &mut dyn PageSink,
) -> Result<(), ExtractError> {
    let budget = context.budget;
    budget.step(page.body.len() / budget::SCANNED_BYTES_PER_STEP);
    let text = charset::decode(page.body, page.content_type);
    let fields = sources::interpret(schema);
    let kind = kind_of(page.content_type, &text, budget).or_else(|e| check_budget(budget).and(Err(e)))?;
    match kind {
        // A caller's selector may match anything, including scripts and styles.
        Kind::Html if fields.iter().any(|w| w.field.selector.is_some()) => {
            let document = html::parse_within(&text, budget);
            sink.document(&document, budget);
            read_document(&document, page, None, &fields, context, explaining, sink);
        }
        Kind::Xml(xml) => {
            sink.document(&xml.tree, budget);
            read_document(&xml.tree, page, xml.data.as_ref(), &fields, context, explaining, sink);
        }
        Kind::Html => {
            let document = html::parse_within(&prune::remove_unused(&text, budget), budget);
            sink.document(&document, budget);
            read_document(&document, page, None, &fields, context, explaining, sink);
        }
        // Lines of plain text may be labels with values too.
        Kind::Text => {
            let document = html::parse_within(&html::from_text(&text), budget);
            read_document(&document, page, None, &fields, context, explaining, sink);
        }
        Kind::Json(value) => {
            let json = json_page::Json::of(&value, budget);
            let reading = coercion::ReadingContext { locale: context.locale, today: context.now.civil() };
            for query in fields.iter().take_while(|_| budget.step(1)) {
                let mut candidates = json_page::candidates(&json, query);
                fields::sort(&mut candidates);
                let mut explanations = Vec::new();
                let chosen = fields::choose(query, &candidates, &reading, explaining.then_some(&mut explanations));
                sink.field(query, chosen, &candidates, explanations);
            }
            sink.finish_page(Content::Json(&value), &fields);
        }
    }
    check_budget(budget)
}

/// Returns an error if the budget was not enough for the page.
fn check_budget(budget: &Budget<'_>) -> Result<(), ExtractError> {
    match budget.exhausted() {
        None => Ok(()),
        Some(Resource::Time) => Err(ExtractError::OutOfTime),
        Some(what) => Err(ExtractError::BudgetExceeded(what)),
    }
}

/// Reads the fields of a parsed page. `data` holds the values of an XML page.
fn read_document(
    parsed: &scraper::Html,
    page: &Page<'_>,
    data: Option<&Value>,
    fields: &[FieldQuery<'_>],
    context: &Context<'_>,
    explaining: bool,
    sink: &mut dyn PageSink,
) {
    let data = data.map(|data| json_page::Json::of(data, context.budget));
    let doc = doc::Doc::within(parsed, context.budget);
    let mut head = head::Head::of(parsed, &doc, page.url);
    let roots = structured::read(parsed, context.budget);
    let graph = structured::Graph::of(&roots, Some(page.url), context.budget);
    head.add_site_names(&graph);
    let locale = locale_of(context.locale, head.language.as_deref());
    let reading = coercion::ReadingContext { locale, today: context.now.civil() };
    let selection = selector::Selection::of(parsed, page.url, context.budget);
    let sources = sources::Sources::of(selection, &doc, &head, &graph, reading, fields);
    for query in fields.iter().take_while(|_| context.budget.step(1)) {
        let mut candidates = sources.structured(query);
        candidates.extend(data.iter().flat_map(|data| json_page::candidates(data, query)));
        fields::sort(&mut candidates);
        let mut chosen = fields::choose(query, &candidates, &reading, None);
        let mut explanations = Vec::new();
        if explaining || chosen.as_ref().is_none_or(|c| sources.needs_visible(query, c)) {
            candidates.extend(sources.visible(query, explaining || chosen.as_ref().is_none_or(|c| !c.is_trusted())));
            scores::raise_agreeing_amounts(query, &mut candidates, &reading);
            scores::lower_hidden_codes(query, &mut candidates, &doc);
            fields::sort(&mut candidates);
            chosen = fields::choose(query, &candidates, &reading, explaining.then_some(&mut explanations))
                .or_else(|| fields::fallback_list(query, &candidates, &reading));
        }
        sink.field(query, chosen, &candidates, explanations);
    }
    sink.finish_page(Content::Doc(&doc, &head), fields);
}

/// Returns the locale to read a page by: the caller's. But if the caller asked in English and the page declares another
/// language, the page's language decides how its numbers and dates are read.
fn locale_of<'a>(asked: &'a str, page: Option<&'a str>) -> &'a str {
    let language = coercion::language;
    match page {
        Some(page) if language(asked) == "en" && !matches!(language(page).as_str(), "en" | "") => page,
        _ => asked,
    }
}

#[cfg(test)]
mod tests;

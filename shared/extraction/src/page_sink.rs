//! Collects the output of reading a page: the values of its fields, and other requested parts of the same document.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::budget::Budget;
use crate::candidate::{Candidate, ExplainedCandidate, FieldExplanation};
use crate::doc::{Addresses, Doc, compact};
use crate::extracted::Extracted;
use crate::field_query::FieldQuery;
use crate::fields::{Chosen, Output, explanation_of};
use crate::head::Head;
use crate::links::Links;
use crate::visible::pictures;

/// The extras to return besides a page's fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestedExtras {
    /// Its links, if it is HTML or XML.
    pub links: bool,
    /// Its main content as text of at most this many bytes, if fields stay open.
    pub compact: Option<usize>,
}

/// The extras of a page besides its fields.
#[derive(Debug, Default)]
pub struct Extras {
    /// Its links.
    pub links: Links,
    /// Present if fields are open.
    pub compact: Option<CompactPage>,
}

/// A page in short form for a language model, with the fields that extraction left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactPage {
    /// The page's title.
    pub title: Option<String>,
    /// Its main content in lines.
    pub text: String,
    /// Indices of the schema's fields without a value, in order.
    pub open: Vec<usize>,
    /// Addresses of the first pictures of its main content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<String>,
}

/// Maximum number of pictures listed: some may not be retrievable.
const MAX_PICTURES: usize = 6;

/// Receives what is read from a page.
pub(crate) trait PageSink {
    /// Receives the document, before its fields.
    fn document(&mut self, _document: &scraper::Html, _budget: &Budget<'_>) {}
    /// Receives a field: the chosen value, the candidates, and what became of each if that was recorded.
    fn field(
        &mut self,
        query: &FieldQuery<'_>,
        chosen: Option<Chosen>,
        candidates: &[Candidate],
        explanations: Vec<ExplainedCandidate>,
    );
    /// Receives the whole page, after its fields.
    fn finish_page(&mut self, _content: Content<'_>, _queries: &[FieldQuery<'_>]) {}
}

/// A page's content, ready for output.
pub(crate) enum Content<'c> {
    Doc(&'c Doc<'c>, &'c Head),
    Json(&'c Value),
}

/// Collects values and extras.
pub(crate) struct Values<'p> {
    at: &'p Url,
    requested: RequestedExtras,
    out: Output,
    extras: Extras,
}

impl<'p> Values<'p> {
    pub(crate) fn new(at: &'p Url, requested: RequestedExtras) -> Values<'p> {
        Values { at, requested, out: Output::default(), extras: Extras::default() }
    }

    pub(crate) fn finish(self) -> (Extracted, Extras) {
        (self.out.finish(), self.extras)
    }
}

impl PageSink for Values<'_> {
    fn document(&mut self, document: &scraper::Html, budget: &Budget<'_>) {
        if self.requested.links {
            self.extras.links = Links::of(document, self.at, budget);
        }
    }

    fn field(
        &mut self,
        query: &FieldQuery<'_>,
        chosen: Option<Chosen>,
        candidates: &[Candidate],
        _: Vec<ExplainedCandidate>,
    ) {
        self.out.put(query, chosen, candidates);
    }

    fn finish_page(&mut self, content: Content<'_>, queries: &[FieldQuery<'_>]) {
        let Some(max) = self.requested.compact.filter(|_| !self.out.open().is_empty()) else { return };
        let open = self.out.open().to_vec();
        let (title, text, pictures) = match content {
            Content::Doc(doc, head) => {
                let named = open.iter().filter_map(|i| queries.get(*i)).any(FieldQuery::asks_for_address);
                let addresses = if named { Addresses::Written } else { Addresses::LeftOut };
                let pictures = pictures(doc).filter_map(|(_, address)| Some(self.at.join(address).ok()?.into()));
                (head.title.clone(), compact(doc, max, addresses), pictures.take(MAX_PICTURES).collect())
            }
            Content::Json(value) => {
                let mut text = value.to_string();
                text.truncate(text.floor_char_boundary(max));
                (None, text, Vec::new())
            }
        };
        self.extras.compact = Some(CompactPage { title, text, open, pictures });
    }
}

/// Explains each field.
#[derive(Default)]
pub(crate) struct Explainer(pub(crate) Vec<FieldExplanation>);

impl PageSink for Explainer {
    fn field(
        &mut self,
        query: &FieldQuery<'_>,
        chosen: Option<Chosen>,
        _: &[Candidate],
        explanations: Vec<ExplainedCandidate>,
    ) {
        self.0.push(explanation_of(query, chosen.as_ref(), explanations));
    }
}

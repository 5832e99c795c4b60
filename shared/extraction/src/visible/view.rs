//! The page as the finders of this module see it, with look-ups that several of them share.

use std::cell::OnceCell;

use url::Url;

use crate::candidate::Candidate;
use crate::coercion::ReadingContext;
use crate::doc::{Doc, element_at};
use crate::field_query::FieldQuery;
use crate::head::Head;
use crate::phrases::Phrases;
use crate::spelling::letters_and_digits;
use crate::zones::Zone;

use super::attributes::AttributeIndex;
use super::pairs::Pairs;
use super::price::Price;
use super::segments::{self, Segment};
use super::{element_pairs, text_pairs};

/// Searches a page for the candidates of a field in every way.
pub(super) type Search = fn(&View<'_>, &FieldQuery<'_>, &mut Vec<Candidate>);

/// The page, with the results of look-ups that are made once.
pub(crate) struct View<'a> {
    pub(crate) doc: &'a Doc<'a>,
    pub(crate) head: &'a Head,
    pub(crate) url: &'a Url,
    pub(crate) reading: ReadingContext<'a>,
    pairs: OnceCell<Pairs>,
    attributes: OnceCell<AttributeIndex<'a>>,
    prices: OnceCell<Vec<Price>>,
    segments: OnceCell<Vec<Segment<'a>>>,
    has_own_footer: OnceCell<bool>,
}

impl<'a> View<'a> {
    pub(crate) fn of(doc: &'a Doc<'a>, head: &'a Head, url: &'a Url, reading: ReadingContext<'a>) -> View<'a> {
        View {
            doc,
            head,
            url,
            reading,
            pairs: OnceCell::new(),
            attributes: OnceCell::new(),
            prices: OnceCell::new(),
            segments: OnceCell::new(),
            has_own_footer: OnceCell::new(),
        }
    }

    /// Returns labels and their values, from elements and from text without elements of its own.
    pub(super) fn pairs(&self) -> &Pairs {
        self.pairs.get_or_init(|| {
            let mut pairs = element_pairs::collect(self.doc);
            text_pairs::collect(self.doc, self.segments(), &mut pairs);
            pairs
        })
    }

    /// Returns the `data-…` attributes of the page.
    pub(super) fn attributes(&self) -> &AttributeIndex<'a> {
        self.attributes.get_or_init(|| AttributeIndex::of(self.doc))
    }

    /// Returns the page's prices, which `find` finds once.
    pub(super) fn prices(&self, find: impl FnOnce() -> Vec<Price>) -> &[Price] {
        self.prices.get_or_init(find)
    }

    /// Returns whether the page's footer says how to reach the subject of the page.
    pub(super) fn has_own_footer(&self) -> bool {
        *self.has_own_footer.get_or_init(|| is_own_footer(self))
    }

    /// Returns whether a position in the text is in a footer about someone else.
    pub(super) fn is_in_foreign_footer(&self, at: usize) -> bool {
        in_footer(self, at) && !self.has_own_footer()
    }

    /// Returns the page's text in pieces.
    pub(super) fn segments(&self) -> &[Segment<'a>] {
        self.segments.get_or_init(|| segments::split(self.doc))
    }

    /// Returns the distance in bytes from the page's heading to an element's text; negative before the heading.
    pub(crate) fn distance(&self, at: usize) -> i64 {
        let heading = self.doc.heading.map_or(0, |h| self.doc.text_start(h));
        self.doc.text_start(at) as i64 - heading as i64
    }
}

/// Returns whether a position in the text is in the page's footer.
fn in_footer(view: &View<'_>, at: usize) -> bool {
    let here = element_at(&view.doc.els, at);
    view.doc.els.get(here).is_some_and(|el| el.zone.has(Zone::FOOTER))
}

/// Returns whether the page's footer says how to reach the subject of the page: if the heading names nobody but the
/// site, according to its host.
fn is_own_footer(view: &View<'_>) -> bool {
    let host = view.url.host_str().unwrap_or_default();
    let label = host.rsplit('.').nth(1).map(letters_and_digits).unwrap_or_default();
    let heading = view.doc.heading.map(|at| view.doc.text(at));
    let Some(h1) = view.head.h1.as_deref().or(heading.as_deref()).or(view.head.title.as_deref()) else { return true };
    let heading = letters_and_digits(h1);
    let related = label.len() > 3 && (heading.contains(&label) || label.contains(&heading));
    related
        || heading.is_empty()
        || view.head.is_site_name(h1)
        || Phrases::MeaninglessTitles.has(&h1.trim().to_lowercase())
}

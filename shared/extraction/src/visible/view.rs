//! The page as the finders of this module see it. Depends on what it holds, and on no finder.

use std::cell::OnceCell;

use url::Url;

use crate::candidate::Candidate;
use crate::coercion::Reading;
use crate::doc::Doc;
use crate::head::Head;
use crate::phrases::Phrases;
use crate::wanted::Wanted;
use crate::zones::Zone;

use super::attributes::Index;
use super::pairs::Pairs;
use super::price::Price;
use super::segments::{self, Segment};
use super::{loose, rows};

/// Searches a page for the candidates of a field in every way.
pub(super) type Search = fn(&View<'_>, &Wanted<'_>, &mut Vec<Candidate>);

/// The page, with what was looked up on it once.
pub(crate) struct View<'a> {
    pub(crate) doc: &'a Doc<'a>,
    pub(crate) head: &'a Head,
    pub(crate) url: &'a Url,
    pub(crate) reading: Reading<'a>,
    pairs: OnceCell<Pairs>,
    attributes: OnceCell<Index<'a>>,
    prices: OnceCell<Vec<Price>>,
    segments: OnceCell<Vec<Segment<'a>>>,
    own_footer: OnceCell<bool>,
}

impl<'a> View<'a> {
    pub(crate) fn of(doc: &'a Doc<'a>, head: &'a Head, url: &'a Url, reading: Reading<'a>) -> View<'a> {
        View {
            doc,
            head,
            url,
            reading,
            pairs: OnceCell::new(),
            attributes: OnceCell::new(),
            prices: OnceCell::new(),
            segments: OnceCell::new(),
            own_footer: OnceCell::new(),
        }
    }

    /// Returns labels and their values, in elements and in loose text.
    pub(super) fn pairs(&self) -> &Pairs {
        self.pairs.get_or_init(|| {
            let mut pairs = rows::collect(self.doc);
            loose::collect(self.doc, self.segments(), &mut pairs);
            pairs
        })
    }

    /// Returns the `data-…` attributes of the page.
    pub(super) fn attributes(&self) -> &Index<'a> {
        self.attributes.get_or_init(|| Index::of(self.doc))
    }

    /// Returns the page's prices, which `find` finds once.
    pub(super) fn prices(&self, find: impl FnOnce() -> Vec<Price>) -> &[Price] {
        self.prices.get_or_init(find)
    }

    /// Returns whether the page's footer says how to reach the subject of the page.
    pub(super) fn own_footer(&self) -> bool {
        *self.own_footer.get_or_init(|| is_own_footer(self))
    }

    /// Returns whether a position in the text is in a footer about someone else.
    pub(super) fn is_foreign(&self, at: usize) -> bool {
        in_footer(self, at) && !self.own_footer()
    }

    /// Returns the page's text in pieces.
    pub(super) fn segments(&self) -> &[Segment<'a>] {
        self.segments.get_or_init(|| segments::of(self.doc))
    }

    /// Returns the distance in bytes from the page's heading to an element's text; negative before the heading.
    pub(crate) fn distance(&self, at: usize) -> i64 {
        let heading = self.doc.heading.map_or(0, |h| self.doc.text_at(h));
        self.doc.text_at(at) as i64 - heading as i64
    }
}

/// Returns whether a position in the text is in the page's footer.
fn in_footer(view: &View<'_>, at: usize) -> bool {
    let here = view.doc.els.partition_point(|el| el.starts_at() <= at).saturating_sub(1);
    view.doc.els.get(here).is_some_and(|el| el.zone.has(Zone::FOOTER))
}

/// Returns whether the page's footer says how to reach the subject of the page: if the heading names nobody but the
/// site, according to its host.
fn is_own_footer(view: &View<'_>) -> bool {
    let plain = |t: &str| t.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    let host = view.url.host_str().unwrap_or_default();
    let label = host.rsplit('.').nth(1).map(plain).unwrap_or_default();
    let heading = view.doc.heading.map(|at| view.doc.text(at));
    let Some(h1) = view.head.h1.as_deref().or(heading.as_deref()).or(view.head.title.as_deref()) else { return true };
    let heading = plain(h1);
    let related = label.len() > 3 && (heading.contains(&label) || label.contains(&heading));
    related || heading.is_empty() || view.head.is_site(h1) || Phrases::Unnamed.has(&h1.trim().to_lowercase())
}

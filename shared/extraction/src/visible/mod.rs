//! What a reader sees, as candidates: labels with values, marked elements, lists under headings, patterns. Each part
//! looks at the page once, linearly, and only when a field asks for it.

mod byline;
mod days;
mod lists;
mod marks;
mod messages;
mod pairs;
mod picture;
mod prices;
mod ratings;
mod texts;
mod title;

use std::cell::OnceCell;

use url::Url;

use crate::candidate::Candidate;
use crate::coercion::Reading;
use crate::doc::Doc;
use crate::head::Head;
use crate::wanted::Wanted;

pub(crate) use byline::{is_name, without_by};
pub(crate) use prices::{amount, code};
pub(crate) use title::{agreement, without_site};

/// The page and everything that was once looked up on it.
pub(crate) struct View<'a> {
    pub(crate) doc: &'a Doc<'a>,
    pub(crate) head: &'a Head,
    pub(crate) url: &'a Url,
    pub(crate) reading: Reading<'a>,
    pairs: OnceCell<pairs::Pairs>,
    words: OnceCell<marks::Index<'a>>,
    prices: OnceCell<Vec<prices::Price>>,
}

impl<'a> View<'a> {
    pub(crate) fn of(doc: &'a Doc<'a>, head: &'a Head, url: &'a Url, reading: Reading<'a>) -> View<'a> {
        View { doc, head, url, reading, pairs: OnceCell::new(), words: OnceCell::new(), prices: OnceCell::new() }
    }

    /// A field's candidates on the visible page.
    pub(crate) fn candidates(&self, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        match wanted.concept.map_or("", |c| c.page) {
            "title" => title::candidates(self, out),
            "image" => picture::candidates(self, wanted, out),
            "canonical" => texts::canonical(self, out),
            "language" => texts::language(self, out),
            "site" => texts::site(self, out),
            "byline" => byline::candidates(self, out),
            "times" => days::candidates(self, wanted, out),
            "modified" => days::candidates(self, wanted, out),
            "price" => prices::current(self, out),
            "oldprice" => prices::old(self, out),
            "currency" => prices::currency(self, out),
            "stock" => {
                messages::stock(self, wanted, out);
                messages::priced(self, wanted, out);
            }
            "brand" => texts::brand(self, out),
            "sku" => texts::code_in_address(self, out),
            "list" | "steps" => lists::candidates(self, wanted, out),
            "tags" => lists::tags(self, out),
            "crumbs" => lists::crumbs(self, wanted, out),
            "category" => lists::crumbs(self, wanted, out),
            "body" => texts::body(self, out),
            "description" => texts::description(self, out),
            "phone" => texts::links(self, "tel:", out),
            "email" => texts::links(self, "mailto:", out),
            "address" => texts::address(self, out),
            "rating" | "ratingcount" => ratings::candidates(self, wanted, out),
            "readtime" => ratings::reading_time(self, out),
            _ if wanted.is_array() => lists::candidates(self, wanted, out),
            _ => {}
        }
        // These are found by looks of their own; a mere label or class word near them misleads.
        if !matches!(wanted.id(), "title" | "image" | "url" | "language" | "body") {
            pairs::candidates(self, wanted, out);
            marks::candidates(self, wanted, out);
        }
    }

    /// Whether a position in the text is near the page's heading: in the screenful after it, or just before.
    pub(crate) fn distance(&self, at: usize) -> i64 {
        let heading = self.doc.heading.map_or(0, |h| self.doc.text_at(h));
        self.doc.text_at(at) as i64 - heading as i64
    }
}

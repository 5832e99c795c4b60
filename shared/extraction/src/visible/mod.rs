//! Finds candidates in what a reader sees: labels with values, marked elements, lists under headings, patterns. Each
//! part scans the page once, linearly, and only if a field needs it.

mod byline;
mod dateline;
mod days;
mod deeds;
mod facts;
mod icons;
mod labels;
mod lists;
mod loose;
mod marks;
mod messages;
mod names;
mod owners;
mod pairs;
mod person;
mod picture;
mod places;
mod prices;
mod prose;
mod ratings;
mod roles;
mod segments;
mod steps;
mod texts;
mod title;
mod towns;
mod twins;
mod unpriced;
mod values;

use std::cell::OnceCell;

use url::Url;

use crate::candidate::Candidate;
use crate::coercion::Reading;
use crate::concept::{Concept, Look, Trait};
use crate::doc::Doc;
use crate::head::Head;
use crate::wanted::Wanted;

pub(crate) use byline::{clean as bare_name, is_name, without_by};
pub(crate) use dateline::part as dateline;
pub(crate) use picture::pictures;
pub(crate) use title::{agreement, without_site};

/// The page, with what was looked up on it once.
pub(crate) struct View<'a> {
    pub(crate) doc: &'a Doc<'a>,
    pub(crate) head: &'a Head,
    pub(crate) url: &'a Url,
    pub(crate) reading: Reading<'a>,
    pairs: OnceCell<labels::Pairs>,
    words: OnceCell<marks::Index<'a>>,
    prices: OnceCell<Vec<prices::Price>>,
    segments: OnceCell<Vec<segments::Segment<'a>>>,
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
            words: OnceCell::new(),
            prices: OnceCell::new(),
            segments: OnceCell::new(),
            own_footer: OnceCell::new(),
        }
    }

    /// Adds a field's candidates on the visible page.
    pub(crate) fn candidates(&self, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
        match wanted.look() {
            Look::Title => title::candidates(self, out),
            Look::Image => picture::candidates(self, wanted, out),
            Look::Canonical => {
                texts::canonical(self, out);
                roles::own(self, out);
            }
            Look::Language => {
                texts::language(self, out);
                labels::candidates(self, wanted, out);
            }
            Look::Site => texts::site(self, out),
            Look::Byline => {
                byline::candidates(self, out);
                person::byline(self, out);
                person::below_heading(self, out);
                person::in_line(self, out);
                deeds::makers(self, wanted, out);
                person::asked_by(self, out);
            }
            Look::Times => days::candidates(self, wanted, out),
            Look::Modified => days::candidates(self, wanted, out),
            // One end of a range is not a price that stands alone.
            Look::Price if wanted.end.is_some() => values::money_range(self, out),
            Look::Price => prices::current(self, out),
            Look::OldPrice => prices::old(self, out),
            Look::Currency => prices::currency(self, out),
            Look::Stock => {
                messages::stock(self, wanted, out);
                messages::priced(self, wanted, out);
            }
            Look::Brand => texts::brand(self, out),
            Look::Sku => texts::code_in_address(self, out),
            Look::List | Look::Steps => lists::candidates(self, wanted, out),
            Look::Tags => lists::tags(self, out),
            Look::Crumbs => lists::crumbs(self, wanted, out),
            Look::Category => lists::crumbs(self, wanted, out),
            Look::Body => {
                texts::body(self, out);
                if out.is_empty() {
                    prose::candidates(self, out);
                }
            }
            Look::Description => prose::candidates(self, out),
            Look::Phone => {
                texts::links(self, "tel:", out);
                texts::telephone(self, out);
            }
            Look::Email => {
                texts::links(self, "mailto:", out);
                texts::email(self, out);
            }
            Look::Address => {
                if wanted.is(Concept::Address) && !places::asks_street(wanted) {
                    texts::address(self, out);
                }
                places::candidates(self, wanted, out);
            }
            Look::Place => {
                places::called(self, out);
                title::place(self, out);
            }
            Look::Organisation => {
                person::organisation(self, out);
                person::at_work(self, wanted, out);
            }
            Look::JobTitle => person::at_work(self, wanted, out),
            Look::Salary => values::salary(self, wanted, out),
            Look::FileSize => values::file_size(self, out),
            Look::Values => values::listed(self, wanted, out),
            Look::Work => title::work(self, out),
            Look::InBrackets => person::in_brackets(self, out),
            Look::PersonName => person::name(self, wanted, out),
            Look::Extent => person::extent(self, wanted, out),
            Look::Range => person::last_day(self, out),
            Look::Rating | Look::RatingCount => {
                ratings::candidates(self, wanted, out);
                ratings::loose(self, wanted, out);
            }
            Look::Length => values::length(self, out),
            Look::Medium => values::medium(self, wanted, out),
            Look::Version => title::version(self, out),
            Look::ReadingTime => ratings::reading_time(self, out),
            Look::Labels if wanted.is_array() => lists::candidates(self, wanted, out),
            Look::Labels => {}
        }
        // Concepts with `OwnLook` are found by their look; a label or class word near them misleads.
        if !wanted.has(Trait::OwnLook) {
            labels::candidates(self, wanted, out);
            marks::candidates(self, wanted, out);
            facts::candidates(self, wanted, out);
            deeds::days(self, wanted, out);
            roles::candidates(self, wanted, out);
        }
        owners::candidates(self, wanted, out);
    }

    /// Returns labels and their values, in elements and in loose text.
    fn pairs(&self) -> &labels::Pairs {
        self.pairs.get_or_init(|| {
            let mut pairs = pairs::collect(self.doc);
            loose::collect(self, &mut pairs);
            pairs
        })
    }

    /// Returns whether the page's footer says how to reach the subject of the page.
    fn own_footer(&self) -> bool {
        *self.own_footer.get_or_init(|| texts::is_own_footer(self))
    }

    /// Returns whether a position in the text is in a footer about someone else.
    fn is_foreign(&self, at: usize) -> bool {
        texts::in_footer(self, at) && !self.own_footer()
    }

    /// Returns the page's text in pieces.
    fn segments(&self) -> &[segments::Segment<'a>] {
        self.segments.get_or_init(|| segments::of(self.doc))
    }

    /// Returns the distance in bytes from the page's heading to an element's text; negative before the heading.
    pub(crate) fn distance(&self, at: usize) -> i64 {
        let heading = self.doc.heading.map_or(0, |h| self.doc.text_at(h));
        self.doc.text_at(at) as i64 - heading as i64
    }
}

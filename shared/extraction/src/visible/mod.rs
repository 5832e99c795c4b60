//! Finds candidates in what a reader sees: labels with values, marked elements, lists under headings, patterns. Each
//! part scans the page once, linearly, and only if a field needs it.

mod attributes;
mod byline;
mod days;
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
mod price;
mod prices;
mod prose;
mod ratings;
mod roles;
mod rows;
mod segments;
mod steps;
mod texts;
mod title;
mod towns;
mod twins;
mod unpriced;
mod values;
mod verbs;
mod view;

use crate::candidate::Candidate;
use crate::concept::{Concept, Look, Trait};
use crate::wanted::Wanted;

pub(crate) use picture::pictures;
pub(crate) use view::View;

/// Adds a field's candidates on the visible page.
pub(crate) fn candidates(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    match wanted.look() {
        Look::Title => title::candidates(view, out),
        Look::Image => picture::candidates(view, wanted, out),
        Look::Canonical => {
            texts::canonical(view, out);
            roles::own(view, out);
        }
        Look::Language => {
            texts::language(view, out);
            labels::candidates(view, wanted, out);
        }
        Look::Site => texts::site(view, out),
        Look::Byline => {
            byline::candidates(view, out);
            person::byline(view, out);
            person::below_heading(view, out);
            person::in_line(view, out);
            verbs::makers(view, wanted, out);
            person::asked_by(view, out);
        }
        Look::Times => days::candidates(view, wanted, out),
        Look::Modified => days::candidates(view, wanted, out),
        // One end of a range is not a price that stands alone.
        Look::Price if wanted.end.is_some() => values::money_range(view, out),
        Look::Price => prices::current(view, out),
        Look::OldPrice => prices::old(view, out),
        Look::Currency => prices::currency(view, out),
        Look::Stock => {
            messages::stock(view, wanted, out);
            messages::priced(view, wanted, out);
        }
        Look::Brand => texts::brand(view, out),
        Look::Sku => texts::code_in_address(view, out),
        Look::List | Look::Steps => lists::candidates(view, wanted, out),
        Look::Tags => lists::tags(view, out),
        Look::Crumbs => lists::crumbs(view, wanted, out),
        Look::Category => lists::crumbs(view, wanted, out),
        Look::Body => {
            texts::body(view, out);
            if out.is_empty() {
                prose::candidates(view, out);
            }
        }
        Look::Description => prose::candidates(view, out),
        Look::Phone => {
            texts::links(view, "tel:", out);
            texts::telephone(view, out);
        }
        Look::Email => {
            texts::links(view, "mailto:", out);
            texts::email(view, out);
        }
        Look::Address => {
            if wanted.is(Concept::Address) && !places::asks_street(wanted) {
                texts::address(view, out);
            }
            places::candidates(view, wanted, out);
        }
        Look::Place => {
            places::called(view, out);
            title::place(view, out);
        }
        Look::Organisation => {
            person::organisation(view, out);
            person::at_work(view, wanted, out);
        }
        Look::JobTitle => person::at_work(view, wanted, out),
        Look::Salary => values::salary(view, wanted, out),
        Look::FileSize => values::file_size(view, out),
        Look::Values => values::listed(view, wanted, out),
        Look::Work => title::work(view, out),
        Look::InBrackets => person::in_brackets(view, out),
        Look::PersonName => person::name(view, wanted, out),
        Look::Extent => person::extent(view, wanted, out),
        Look::Range => person::last_day(view, out),
        Look::Rating | Look::RatingCount => {
            ratings::candidates(view, wanted, out);
            ratings::loose(view, wanted, out);
        }
        Look::Length => values::length(view, out),
        Look::Medium => values::medium(view, wanted, out),
        Look::Version => title::version(view, out),
        Look::ReadingTime => ratings::reading_time(view, out),
        Look::Labels if wanted.is_array() => lists::candidates(view, wanted, out),
        Look::Labels => {}
    }
    // Concepts with `OwnLook` are found by their look; a label or class word near them misleads.
    if !wanted.has(Trait::OwnLook) {
        labels::candidates(view, wanted, out);
        marks::candidates(view, wanted, out);
        facts::candidates(view, wanted, out);
        verbs::days(view, wanted, out);
        roles::candidates(view, wanted, candidates, out);
    }
    owners::candidates(view, wanted, candidates, out);
}

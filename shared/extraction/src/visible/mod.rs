//! Finds candidates in what a reader sees: labels with values, marked elements, lists under headings, patterns. Each
//! part scans the page once, linearly, and only if a field needs it.

mod alternating_pairs;
mod attributes;
mod byline;
mod days;
mod element_pairs;
mod facts;
mod icons;
mod labels;
mod link_purpose;
mod lists;
mod marks;
mod messages;
mod names;
mod owners;
mod pairs;
mod person;
mod picture;
mod places;
mod price;
mod price_substitute;
mod prices;
mod prose;
mod ratings;
mod segments;
mod steps;
mod text_pairs;
mod texts;
mod title;
mod towns;
mod values;
mod verbs;
mod view;

use crate::candidate::Candidate;
use crate::concept::{Concept, Strategy, Trait};
use crate::field_query::FieldQuery;

pub(crate) use picture::pictures;
pub(crate) use view::View;

/// Adds a field's candidates on the visible page.
pub(crate) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    match query.strategy() {
        Strategy::Title => title::candidates(view, out),
        Strategy::Image => picture::candidates(view, query, out),
        Strategy::Canonical => {
            texts::canonical(view, out);
            link_purpose::own_site(view, out);
        }
        Strategy::Language => {
            texts::language(view, out);
            labels::candidates(view, query, out);
        }
        Strategy::Site => texts::site(view, out),
        Strategy::Byline => {
            byline::candidates(view, out);
            person::byline_in_text(view, out);
            person::below_heading(view, out);
            person::name_before_day(view, out);
            verbs::makers(view, query, out);
            person::posted_by(view, out);
        }
        Strategy::Day | Strategy::Modified => days::candidates(view, query, out),
        // One end of a range is not a price that stands alone.
        Strategy::Price if query.range_end.is_some() => values::money_range(view, out),
        Strategy::Price => prices::current(view, out),
        Strategy::OldPrice => prices::former(view, out),
        Strategy::Currency => prices::currency(view, out),
        Strategy::Stock => {
            messages::stock(view, query, out);
            messages::available_by_price(view, query, out);
        }
        Strategy::Brand => texts::brand(view, out),
        Strategy::Sku => texts::code_in_address(view, out),
        Strategy::List | Strategy::Steps => lists::candidates(view, query, out),
        Strategy::Tags => lists::tags(view, out),
        Strategy::Breadcrumbs | Strategy::Category => lists::breadcrumbs(view, query, out),
        Strategy::Body => {
            texts::body(view, out);
            if out.is_empty() {
                prose::candidates(view, out);
            }
        }
        Strategy::Description => prose::candidates(view, out),
        Strategy::Phone => {
            texts::scheme_links(view, "tel:", out);
            texts::telephone(view, out);
        }
        Strategy::Email => {
            texts::scheme_links(view, "mailto:", out);
            texts::email(view, out);
        }
        Strategy::Address => {
            if query.is(Concept::Address) && !places::asks_street(query) {
                texts::address(view, out);
            }
            places::candidates(view, query, out);
        }
        Strategy::Place => {
            places::place_name(view, out);
            title::place(view, out);
        }
        Strategy::Organisation => {
            person::organisation(view, out);
            person::role_or_employer(view, query, out);
        }
        Strategy::JobTitle => person::role_or_employer(view, query, out),
        Strategy::Salary => values::salary(view, query, out),
        Strategy::FileSize => values::file_size(view, out),
        Strategy::ListedValues => values::listed(view, query, out),
        Strategy::Work => title::work(view, out),
        Strategy::BracketedText => person::bracketed_name(view, out),
        Strategy::PersonName => person::name_part(view, query, out),
        Strategy::Dimension => person::dimension(view, query, out),
        Strategy::EndDay => person::last_day(view, out),
        Strategy::Rating | Strategy::RatingCount => {
            ratings::candidates(view, query, out);
            ratings::in_text(view, query, out);
        }
        Strategy::Duration => values::duration(view, out),
        Strategy::ArtMedium => values::medium(view, query, out),
        Strategy::Version => title::version(view, out),
        Strategy::ReadingTime => ratings::reading_time(view, out),
        Strategy::Labels if query.is_array() => lists::candidates(view, query, out),
        Strategy::Labels => {}
    }
    // Concepts with `StrategyOnly` are found by their strategy alone; a label or class word near them misleads.
    if !query.has(Trait::StrategyOnly) {
        labels::candidates(view, query, out);
        marks::candidates(view, query, out);
        facts::candidates(view, query, out);
        verbs::days(view, query, out);
        link_purpose::candidates(view, query, candidates, out);
    }
    owners::candidates(view, query, candidates, out);
}

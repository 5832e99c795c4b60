//! Scores of candidates: the thresholds, and what is known of particular concepts (a
//! publisher is not an author, a headline may be shortened). How close a label or a mark is to a field is scored where
//! it is found.

use serde_json::Value;
use url::Url;

use crate::candidate::{Candidate, Source};
use crate::coercion::ReadingContext;
use crate::concept::{Concept, Shape, Trait};
use crate::doc::Doc;
use crate::entity::Entity;
use crate::field_query::FieldQuery;
use crate::head::Head;
use crate::page_title::{agreement, without_site};
use crate::phrases::Phrases;
use crate::scalar::{plain_text, scalar};
use crate::structured::Graph;

/// Maximum number of candidates compared with each other.
const MAX_COMPARED: usize = 100;
/// Penalty for an amount that two others contradict. It exceeds the lead of the most trusted source over the next.
const OUTVOTED_PENALTY: i32 = 20;
/// Penalty for a code in markup that the page does not show.
const HIDDEN_CODE_PENALTY: i32 = 50;
/// Minimum score of a visible code that counts as the page's own.
const MIN_VISIBLE_CODE_SCORE: i32 = 54;
/// Maximum length of such a code, in bytes.
const MAX_CODE: usize = 40;
/// Lowest score of an answer: below it, null is better.
pub(crate) const MIN_SCORE: i32 = 40;

/// Score from which structured data is trusted without examining the visible page.
pub(crate) const TRUSTED_SCORE: i32 = 84;

/// Lengths of headlines, in characters, that were probably cut: search engines once accepted at most 110, and plugins
/// still enforce it.
const CUT_HEADLINE_LENGTHS: std::ops::RangeInclusive<usize> = 90..=113;

/// What candidates are compared with.
pub(crate) struct Scorer<'a> {
    pub(crate) head: &'a Head,
    pub(crate) graph: &'a Graph<'a>,
    pub(crate) url: &'a Url,
}

impl<'a> Scorer<'a> {
    /// Adjusts a candidate by what is known of particular members.
    pub(crate) fn adjust(&self, query: &FieldQuery<'_>, entity: &Entity<'a>, path: &str, candidate: &mut Candidate) {
        let text = candidate.values.first().and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
        match query.concept {
            Some(Concept::Title) => {
                // A headline cut to length is worth less than the whole.
                let whole = |t: &str| t.len() > text.len() + 3 && t.starts_with(text.trim_end_matches(['.', '…', ' ']));
                if CUT_HEADLINE_LENGTHS.contains(&text.chars().count()) && self.head.names().any(whole) {
                    candidate.score -= 16;
                    candidate.reason = format!("{}, cut short", candidate.reason).into();
                }
                // The name of a page object contains the site's; an article's headline may differ from the one shown.
                if entity.is_page {
                    candidate.score -= 18;
                } else if entity.is_article {
                    candidate.score -= 6;
                } else {
                    // A name that the page itself does not use belongs to another thing, or to the site.
                    let agree = |n: &str| agreement(n, &text) >= 60;
                    // Longer stories have titles of their own.
                    let og_title = self.head.metas("og:title").first().filter(|_| !entity.is_embedded);
                    let agrees = og_title.map_or_else(|| self.head.names().any(agree), |t| agree(t));
                    let change = if entity.is_embedded { 6 } else { 3 };
                    let og = self.head.metas("og:title").first().map(|t| without_site(t, self.head));
                    let same = i32::from(og.as_deref() == Some(text.trim())) * 3;
                    candidate.score += if agrees && !self.head.is_site_name(&text) { change + same } else { -24 };
                }
                if let Some(Value::String(title)) = candidate.values.first_mut() {
                    *title =
                        without_site(&crate::text_cleanup::text_of(title, candidate.source.text_format()), self.head);
                }
            }
            Some(Concept::Author) => {
                let publisher = self.graph.values_at(entity.members, "publisher.name");
                let is_publisher = publisher.iter().any(|p| p.as_str() == Some(&text)) || self.head.is_site_name(&text);
                if is_publisher {
                    // A blog's recipes are its own; an article was written by a person.
                    candidate.score -= if entity.is_embedded { 4 } else { 26 };
                    candidate.reason = "author, but it is the publisher".into();
                }
            }
            Some(Concept::OldPrice) if path.contains("priceSpecification") || path == "offers.highPrice" => {
                // Counts only if it says more than the price itself.
                let mut price = self.graph.values_at(entity.members, "offers.price");
                if price.is_empty() {
                    price.extend(
                        self.graph.values_at(entity.members, "offers.priceSpecification.price").into_iter().next(),
                    );
                }
                candidate.values.retain(|v| !price.contains(v));
            }
            Some(Concept::Stock) => {
                // A thing is available if any of its variants is.
                let is_in_stock = |v: &Value| v.as_str().is_some_and(|t| t.ends_with("InStock"));
                candidate.values.sort_by_key(|v| !is_in_stock(v));
            }
            Some(Concept::Description) if entity.is_page => candidate.score -= 4,
            Some(Concept::Image) if path.starts_with("logo") => candidate.score -= 40,
            _ => {}
        }
    }

    /// Applies the rules for candidates of every source. Makes addresses absolute. Adjusts the scores of pictures for
    /// sharing, of the site named as author or brand, and of prices that are the lowest of several.
    pub(crate) fn adjust_all(&self, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
        let address = query.has(Trait::Address);
        for candidate in out.iter_mut() {
            if address {
                for value in &mut candidate.values {
                    if let Some(url) = value.as_str().and_then(|text| self.url.join(text.trim()).ok()) {
                        *value = url.to_string().into();
                    }
                }
            }
            if query.is(Concept::Image) && candidate.source == Source::Meta && !query.is_array() {
                // The picture that a site chose for sharing is the one it considers main.
                let logo =
                    candidate.values.first().and_then(Value::as_str).is_some_and(|u| u.to_lowercase().contains("logo"));
                candidate.score += if logo { -10 } else { 20 };
            }
            let text = candidate.values.first().and_then(Value::as_str).unwrap_or_default();
            if query.is(Concept::Author) && candidate.source != Source::JsonLd && self.head.is_site_name(text) {
                candidate.score -= 18;
            }
            if query.is(Concept::Price) && !candidate.source.is_structured() && is_lowest_of_several(text) {
                candidate.score -= 14;
                candidate.reason = format!("{}, the least of several", candidate.reason).into();
            }
            if query.is(Concept::Brand) && self.head.is_site_name(text) && !candidate.source.is_structured() {
                candidate.score -= 6;
            }
        }
        out.retain(|c| !c.values.is_empty());
    }
}

/// Raises amounts of money that several sources agree on: one that stands alone is probably about something else.
pub(crate) fn raise_agreeing_amounts(
    query: &FieldQuery<'_>,
    candidates: &mut [Candidate],
    reading: &ReadingContext<'_>,
) {
    if !query.is_shape(Shape::Money) || query.is_array() {
        return;
    }
    let read = |value: &Value, source: Source| {
        scalar(query, value, source.text_format(), reading).map(|c| c.value.to_string())
    };
    // All visible candidates count as one source, however they were found.
    let witness = |source: Source| if source.is_structured() { Some(source) } else { None };
    let first = |c: &Candidate| c.values.first().and_then(|v| read(v, c.source));
    let mut seen: Vec<(Option<Source>, Option<String>)> =
        candidates.iter().take(MAX_COMPARED).map(|c| (witness(c.source), first(c))).collect();
    // The amount that the page shows most prominently.
    let shown = candidates
        .iter()
        .zip(&seen)
        .filter(|(_, (source, value))| source.is_none() && value.is_some())
        .max_by_key(|(candidate, _)| candidate.score)
        .and_then(|(candidate, (_, value))| value.clone().filter(|_| candidate.score >= MIN_SCORE));
    // Of several offers, prefer the one that the page shows.
    for (candidate, (source, value)) in candidates.iter_mut().zip(&mut seen) {
        if source.is_none() || shown.is_none() || *value == shown {
            continue;
        }
        let others = candidate.values.iter().take(MAX_COMPARED).skip(1);
        if let Some(at) = others.map(|v| read(v, candidate.source)).position(|v| v == shown) {
            candidate.values[..=at + 1].rotate_right(1);
            value.clone_from(&shown);
        }
    }
    for (candidate, (own, value)) in candidates.iter_mut().zip(&seen) {
        if value.is_none() {
            continue;
        }
        let mut others: Vec<Option<Source>> = Vec::new();
        for (other, _) in seen.iter().filter(|(s, v)| s != own && v == value) {
            if !others.contains(other) {
                others.push(*other);
            }
        }
        candidate.score += i32::try_from(others.len().min(3)).unwrap_or(3) * 8;
        // A source that contradicts both another source and the best visible amount states a starting bid, or is stale.
        let second = |v: &Option<String>| others.iter().any(Option::is_some) || *v == shown;
        let outvoted =
            own.is_some() && !second(value) && seen.iter().any(|(s, v)| s.is_some() && s != own && *v == shown);
        if outvoted {
            candidate.score -= OUTVOTED_PENALTY;
            candidate.reason = format!("{}, contradicted by another source and the page", candidate.reason).into();
        }
    }
}

/// Lowers codes in markup that the page does not show, if the page shows another one as the thing's code: shops put the
/// number of a stock-keeping system into markup and show the one that customers ask for.
pub(crate) fn lower_hidden_codes(query: &FieldQuery<'_>, candidates: &mut [Candidate], doc: &Doc<'_>) {
    if !query.is(Concept::Sku) || query.is_array() {
        return;
    }
    let text = |c: &Candidate| c.values.first().map(plain_text).unwrap_or_default();
    // A reader does not see attributes either.
    let labelled = |c: &Candidate| {
        matches!(c.source, Source::Pair | Source::Mark)
            && c.score >= MIN_VISIBLE_CODE_SCORE
            && !c.reason.starts_with("attribute")
    };
    let is_code = |t: &str| t.len() <= MAX_CODE && t.bytes().any(|b| b.is_ascii_digit()) && !t.contains(": ");
    let shown = candidates.iter().any(|c| labelled(c) && is_code(&text(c)));
    for candidate in candidates.iter_mut().filter(|c| shown && c.source.is_structured()) {
        if !is_shown(doc, &text(candidate)) {
            candidate.score -= HIDDEN_CODE_PENALTY;
            candidate.reason = format!("{}, which the page does not show", candidate.reason).into();
        }
    }
}

/// Returns whether a code occurs in the page's text.
pub(crate) fn is_shown(doc: &Doc<'_>, code: &str) -> bool {
    !code.is_empty() && memchr::memmem::find(doc.all_text().as_bytes(), code.as_bytes()).is_some()
}

/// Returns whether a price is said to be the lowest of several: "from $5".
fn is_lowest_of_several(text: &str) -> bool {
    Phrases::LowestPricePrefixes.prefix_len(&text.trim_start().to_lowercase()).is_some()
}

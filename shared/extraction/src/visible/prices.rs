//! Finds prices in text: amounts with a currency. Class words, words before and after, strike-through and distance from
//! the heading decide which one is the current price.

use crate::candidate::{Candidate, Source};
use crate::cents;
use crate::coercion;
use crate::doc::Doc;
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::price::Price;
use super::price_substitute;
use super::view::View;

/// Maximum length of the words before an amount that tell what kind of price it is, in characters.
const MAX_WORDS_BEFORE: usize = 22;
/// Class words that mark a price as a former or a list price.
const FORMER: [&str; 15] = [
    "old",
    "was",
    "original",
    "regular",
    "list",
    "strike",
    "striked",
    "striken",
    "strikethrough",
    "crossed",
    "before",
    "previous",
    "rrp",
    "msrp",
    "uvp",
];
/// Class words that mark an amount as another than the price to pay.
const OTHER_AMOUNT: [&str; 12] = [
    "shipping",
    "delivery",
    "installment",
    "installments",
    "save",
    "saving",
    "savings",
    "discount",
    "unit",
    "compare",
    "range",
    "per",
];
/// Class words that mark a price as the one to pay.
const CURRENT: [&str; 12] =
    ["current", "sale", "final", "now", "special", "offer", "our", "today", "main", "buy", "new", "actual"];
/// Maximum length of a line that may contain an amount, in bytes.
const MAX_LINE: usize = 70;
/// Maximum number of parts of an amount that are examined, and maximum length of one that may be cents or a footnote
/// mark, in bytes.
const MAX_PARTS: usize = 16;
const MAX_CENTS: usize = 4;

pub(super) fn current(view: &View<'_>, out: &mut Vec<Candidate>) {
    for price in all_prices(view).iter().filter(|p| !p.is_former) {
        out.push(Candidate::text(Source::Pattern, price.text.clone(), price.reason.clone()).adjusted(price.score));
    }
}

/// Adds the former price.
pub(super) fn former(view: &View<'_>, out: &mut Vec<Candidate>) {
    for price in all_prices(view).iter().filter(|p| p.is_former) {
        out.push(
            Candidate::text(Source::Pattern, price.text.clone(), price.reason.clone())
                .adjusted(price.score.max(-10) + 10),
        );
    }
}

pub(super) fn currency(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some(best) = all_prices(view).iter().filter(|p| !p.is_former).max_by_key(|p| p.score) {
        out.push(Candidate::text(Source::Pattern, best.currency, "sign of the price").adjusted(best.score.min(10)));
    }
}

/// Returns whether a current price stands near the heading.
pub(super) fn is_priced(view: &View<'_>) -> bool {
    all_prices(view).iter().any(|p| !p.is_former && p.score >= 8)
}

fn all_prices<'v>(view: &'v View<'_>) -> &'v [Price] {
    view.prices(|| {
        let mut found = find(view);
        found.sort_by_key(|p| std::cmp::Reverse(p.score));
        found.truncate(30);
        found
    })
}

fn find(view: &View<'_>) -> Vec<Price> {
    let doc = view.doc;
    let mut found: Vec<Price> = Vec::new();
    // Whether a text stands in place of the price.
    let mut has_substitute = false;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        if !(2..=MAX_LINE).contains(&size) || el.zone.is_surroundings() || el.zone.has(Zone::FOOTER) {
            continue;
        }
        // The innermost element that contains all of it, without anything from the surroundings.
        if doc.children(at).any(|c| doc.text_len(c) == size)
            || doc.descendants(at).any(|i| doc.els[i].zone.is_surroundings())
        {
            continue;
        }
        let text = doc.text(at);
        // An element with text that appears empty: the budget is spent.
        if text.is_empty() || found.len() >= 400 {
            break;
        }
        if !text.chars().any(|c| c.is_numeric()) {
            has_substitute |=
                price_substitute::is_substitute(&text, || is_marked(&marks_around(doc, at)), view.distance(at));
            continue;
        }
        let text = amount_text(doc, at);
        let amounts = coercion::amounts(&text, view.reading.locale);
        let Some(amount) = coercion::current_price(&amounts) else { continue };
        let Some(currency) = amount.currency else { continue };
        let marks = marks_around(doc, at);
        let has = |list: &[&str]| list.iter().any(|w| crate::doc::has_words(&marks, w));
        let before = crate::doc::text_before(doc, at, MAX_WORDS_BEFORE).to_lowercase();
        let line = format!("{before} {}", text.to_lowercase());
        let marked = is_marked(&marks);
        let struck = el.zone.has(Zone::STRUCK)
            || doc.ancestors(at).take(3).any(|i| doc.els[i].attr("style").is_some_and(|s| s.contains("line-through")));
        let is_former = struck
            || has(&FORMER)
            || amount.is_former
            || (!amount.is_current && ["was ", "rrp", "uvp", "statt", "instead of"].iter().any(|w| before.contains(w)));
        let mut score = 0;
        score += if marked { 10 } else { 0 };
        score += if has(&CURRENT) && !is_former { 3 } else { 0 };
        score -= if has(&FORMER) || has(&OTHER_AMOUNT) { 14 } else { 0 };
        score -= if !amount.is_current && Phrases::OtherAmounts.occurs_in(&line) { 14 } else { 0 };
        score -= if is_per_unit(&text) { 12 } else { 0 };
        score -= i32::try_from(text.chars().count() / 8).unwrap_or(8);
        score += match view.distance(at) {
            -200..0 => 2,
            0..150 => 10,
            150..400 => 8,
            400..800 => 6,
            800..1_500 => 4,
            1_500..4_000 => 0,
            _ => -8,
        };
        score -= if el.zone.has(Zone::HIDDEN) { 4 } else { 0 };
        let reason =
            format!("amount{}{}", if marked { ", marked as price" } else { "" }, if is_former { ", old" } else { "" });
        // "Was $89 Now $59": the former price is in the same line.
        for former in amounts.iter().filter(|a| a.is_former && !is_former) {
            let (text, currency) = (former.text.clone(), former.currency.unwrap_or(currency));
            found.push(Price { text, currency, score, is_former: true, marked, reason: format!("{reason}, old") });
        }
        found.push(Price { text: amount.text.clone(), currency, score, is_former, marked, reason });
    }
    // If a text stands in place of the price, an amount belongs to a neighbour, unless it is marked as a price.
    found.retain(|price| !has_substitute || price.marked);
    found
}

/// Returns the class words of an element and of its three nearest ancestors.
fn marks_around(doc: &Doc<'_>, at: usize) -> String {
    std::iter::once(at).chain(doc.ancestors(at).take(3)).map(|i| doc.marks(i)).collect()
}

/// Returns whether class words mark something as a price.
fn is_marked(marks: &str) -> bool {
    ["price", "prices", "pricing", "preis", "prix", "precio", "prezzo", "cena", "amount"]
        .iter()
        .any(|word| crate::doc::has_words(marks, word))
}

/// Returns the text of `at` as an amount: with a decimal point before cents in an element of their own, and without
/// raised footnote marks.
fn amount_text(doc: &Doc<'_>, at: usize) -> String {
    let mut text = doc.text(at);
    let (from, all) = (doc.text_start(at), doc.all_text());
    for i in doc.descendants(at).take(MAX_PARTS) {
        if !(1..=MAX_CENTS).contains(&doc.text_len(i)) {
            continue;
        }
        let before = all.get(from..doc.text_start(i)).unwrap_or_default();
        let before = before.rsplit('\n').next().unwrap_or_default();
        if let Some(mended) = cents::corrected(&text, before, doc.lines(i), doc.els[i].name() == "sup") {
            text = mended;
        }
    }
    text
}

fn is_per_unit(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "/ kg", "/kg", "per kg", "/100", "/ 100", "per 100", "/l", "/ l", "/m", "/ m", "je kg", "pro kg", "/stk",
        "each)", "/unit", "al kg", "le kg",
    ]
    .iter()
    .any(|u| lower.contains(u))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_per_unit_are_recognised() {
        assert!(is_per_unit("3.50 € / kg") && !is_per_unit("3.50 €"));
    }
}

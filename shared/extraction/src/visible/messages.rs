//! Finds out whether a thing can be bought, from buttons and messages near the heading.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::candidate::{Candidate, Evidence, Source};
use crate::coercion;
use crate::field_query::FieldQuery;
use crate::phrases::{Phrases, finder, is_whole_word};
use crate::zones::Zone;

use super::view::View;

/// Class words and names that mark buttons for buying in any language.
const BUY_MARKS: [&str; 14] = [
    "add to cart",
    "addtocart",
    "add to basket",
    "addtobasket",
    "add to bag",
    "addtobag",
    "buy now",
    "buynow",
    "buy button",
    "buybutton",
    "btn buy",
    "cart add",
    "basket add",
    "add cart",
];
/// Minimum and maximum length of a message, in bytes.
const MIN_MESSAGE: usize = 3;
const MAX_MESSAGE: usize = 90;
/// Maximum number of elements within a message that are examined for what it is about.
const MAX_PARTS: usize = 16;

/// The kinds of phrases that occur in a text.
#[derive(Debug, Clone, Copy, Default)]
struct FoundPhrases {
    buy: bool,
    unavailable: bool,
    available: bool,
}

/// All phrases at once, each with the list that it is from. The automaton is `None` only if they are too many to
/// compile, which a test rules out.
struct Messages {
    finder: Option<AhoCorasick>,
    lists: Vec<Phrases>,
}

static MESSAGES: LazyLock<Messages> = LazyLock::new(|| {
    let lists = [
        Phrases::BuyButtons,
        Phrases::Unavailable,
        Phrases::Available,
        Phrases::RestockRequests,
        Phrases::FewRemaining,
        Phrases::RemainingWords,
    ];
    // Short words for what is left occur in every text.
    let all = lists.into_iter().flat_map(|list| list.all().map(move |phrase| (phrase, list)));
    let all = all.filter(|(phrase, list)| phrase.len() > 3 || *list != Phrases::RemainingWords);
    let (phrases, lists): (Vec<&str>, Vec<Phrases>) = all.unzip();
    Messages { finder: finder(phrases), lists }
});

/// Returns which phrases occur in a text in lower case.
fn find_phrases(text: &str) -> FoundPhrases {
    let (mut phrases, mut left) = (FoundPhrases::default(), false);
    let Some(finder) = &MESSAGES.finder else { return phrases };
    for found in finder.find_overlapping_iter(text) {
        if is_whole_word(text, found.start(), found.end()) {
            match MESSAGES.lists.get(found.pattern().as_usize()) {
                Some(Phrases::BuyButtons) => phrases.buy = true,
                Some(Phrases::Unavailable) => phrases.unavailable = true,
                Some(Phrases::Available) => phrases.available = true,
                _ => left = true,
            }
        }
    }
    // The words around a phrase may reverse it: "almost sold out", "0 in stock", "3 left".
    if phrases.unavailable || phrases.available || left {
        match coercion::read_boolean(text) {
            Some(true) => (phrases.unavailable, phrases.available) = (false, true),
            Some(false) => (phrases.unavailable, phrases.available) = (true, false),
            None => {}
        }
    }
    phrases
}

pub(super) fn stock(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let value = |positive: bool| {
        if query.field.kind == domain::FieldType::Boolean {
            if positive { "true" } else { "false" }
        } else if positive {
            "In stock"
        } else {
            "Out of stock"
        }
    };
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let outside = el.zone.is_surroundings() || el.zone.has(Zone::HEADER);
        if outside || (el.zone.has(Zone::HIDDEN) && el.name() != "input") {
            continue;
        }
        let near = match view.distance(at) {
            -600..3_000 => 6,
            3_000..8_000 => 0,
            _ => -10,
        };
        let size = doc.text_len(at);
        let button = matches!(el.name(), "button" | "a" | "input" | "span" | "div" | "form");
        let is_control = matches!(el.name(), "button" | "a" | "input");
        if !is_control && size < MIN_MESSAGE {
            continue;
        }
        let text = if size == 0 {
            let label = el.attr("value").or_else(|| el.attr("aria-label")).or_else(|| el.attr("title"));
            label.filter(|_| matches!(el.name(), "input" | "button" | "a")).map(str::to_lowercase).unwrap_or_default()
        } else if size <= MAX_MESSAGE
            && !doc.children(at).any(|c| doc.text_len(c) == size)
            && !doc.descendants(at).any(|i| doc.els[i].zone.is_surroundings())
        {
            doc.text(at).to_lowercase()
        } else {
            continue;
        };
        if text.is_empty() {
            continue;
        }
        let found = find_phrases(&text);
        if (found.unavailable || found.available) && is_choice(view, at) {
            continue;
        }
        let long = i32::try_from(text.len() / 12).unwrap_or(8);
        let marked = is_control && BUY_MARKS.iter().any(|m| doc.has_mark(at, m));
        if (button && text.len() <= 40 && found.buy) || (marked && !found.unavailable) {
            let is_disabled = el.attr("disabled").is_some()
                || doc.marks(at).contains(" disabled")
                || el.attr("aria-disabled") == Some("true");
            let (answer, change) = if is_disabled { (false, -4) } else { (true, 4) };
            out.push(
                Candidate::text(
                    Source::Message,
                    value(answer),
                    if is_disabled { "buy button, disabled" } else { "buy button" },
                )
                .adjusted(change + near),
            );
        } else if found.unavailable {
            out.push(
                Candidate::text(Source::Message, value(false), "message that it is unavailable")
                    .adjusted(9 + near - long),
            );
        } else if found.available && !text.contains("not ") {
            out.push(
                Candidate::text(Source::Message, value(true), "message that it is available").adjusted(8 + near - long),
            );
        }
    }
}

/// Returns whether an element is about one of several variants to choose from: an option, or the label of a button that
/// selects it.
fn is_choice(view: &View<'_>, at: usize) -> bool {
    let doc = view.doc;
    let is_option = |i: usize| {
        let name = doc.els[i].name();
        name == "option" || name == "label" && doc.children(i).any(|c| doc.els[c].name() == "input")
    };
    // A short text around several of them says nothing about any one.
    std::iter::once(at).chain(doc.ancestors(at).take(2)).chain(doc.descendants(at).take(MAX_PARTS)).any(is_option)
}

/// Adds the weakest evidence: a thing with a price is available if no message says otherwise.
pub(super) fn available_by_price(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    if query.field.kind == domain::FieldType::Boolean && super::prices::is_priced(view) {
        out.push(
            Candidate::text(Source::Message, "true", "a price, and no message that it is unavailable")
                .adjusted(-12)
                .with_evidence(Evidence::Guess),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_count_only_at_word_boundaries() {
        for (text, want) in [
            ("add to cart", (true, false, false)),
            ("sorry, currently unavailable.", (false, true, false)),
            ("in stock now", (false, false, true)),
            ("not in stock", (false, true, false)),
            ("0 in stock", (false, true, false)),
            ("almost sold out", (false, false, true)),
            ("not sold out yet", (false, false, true)),
            ("only 3 left", (false, false, true)),
            ("notify me when available", (false, true, false)),
            ("avvisami quando disponibile", (false, true, false)),
            ("nur noch 2 stück", (false, false, true)),
            ("within stockholm", (false, false, false)),
            ("在庫ありです", (false, false, true)),
            ("", (false, false, false)),
        ] {
            let got = find_phrases(text);
            assert_eq!((got.buy, got.unavailable, got.available), want, "{text}");
        }
        assert!(MESSAGES.finder.is_some());
    }
}

//! Recognises texts in place of a price: the thing is free, or its price is given on request. Depends on words, not on
//! a page.

use crate::phrases::Phrases;

/// Distances after the heading at which an unmarked text may stand in place of a price, in bytes of text.
const NEAR: std::ops::Range<i64> = 0..400;

/// Returns whether an element's whole text stands in place of a price. The element must be marked as a price by class
/// words (`marked`) or, for a price on request, stand close after the heading (`distance`, in bytes).
pub(super) fn is_substitute(text: &str, marked: impl Fn() -> bool, distance: i64) -> bool {
    let text = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    // "Price: POA" is a label with its value.
    let value = text.rsplit_once(": ").map_or(text.as_str(), |(_, value)| value.trim());
    Phrases::OnRequest.has(value) && (NEAR.contains(&distance) || marked()) || Phrases::ZeroPrice.has(value) && marked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_text_in_place_of_a_price_counts() {
        for (text, marked, distance, want) in [
            ("Free", true, 50, true),
            ("FREE!", true, 9_000, true),
            ("Price: POA", false, 20, true),
            ("P.O.A.", true, 0, true),
            ("Preis auf Anfrage", false, 399, true),
            ("無料", true, 10, true),
            ("Free", false, 50, false),
            ("Free shipping", true, 50, false),
            ("On request", false, 4_000, false),
            ("Price on request", false, -10, false),
            ("", true, 0, false),
        ] {
            assert_eq!(is_substitute(text, || marked, distance), want, "{text}");
        }
    }
}

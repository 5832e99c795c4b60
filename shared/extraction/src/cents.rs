//! Amounts of money whose elements matter: cents set apart without a decimal point (`$19<sup>99</sup>`), footnote
//! marks, struck-through text. Depends on text and elements, not on fields.

use scraper::ElementRef;
use scraper::node::Node;

use crate::{coercion, html};

/// Maximum number of descendants of an element that are examined.
const MAX_DESCENDANTS: usize = 64;
/// Maximum depth of the whole number within the element before the cents.
const MAX_DEPTH: usize = 8;
/// Maximum length of a whole number, separators included, in bytes.
const MAX_DIGITS: usize = 32;

/// Returns the text of `element` as an amount of money: without struck-through text if an amount remains, without
/// footnote marks, and with a decimal point before cents that have an element of their own. `text` is the element's
/// plain text.
pub(crate) fn amount_of(element: ElementRef<'_>, text: String) -> String {
    let parts = || element.descendants().skip(1).filter_map(ElementRef::wrap).take(MAX_DESCENDANTS);
    let mut text = text;
    for struck in parts().filter(|part| is_struck(part.value())) {
        let once = html::text(struck);
        if let Some((head, tail)) = text.split_once(&once).filter(|_| !once.is_empty())
            && has_digit(head.as_bytes().iter().chain(tail.as_bytes()))
        {
            text = format!("{} {}", head.trim_end(), tail.trim_start()).trim().to_owned();
        }
    }
    for part in parts() {
        let inner = match part.first_child().map(|child| child.value()) {
            Some(Node::Text(inner)) if part.first_child() == part.last_child() => inner.trim(),
            _ => continue,
        };
        // The text right before `part`: the previous sibling, or the last text within that sibling.
        let nodes = std::iter::successors(part.prev_sibling(), |node| node.last_child()).take(MAX_DEPTH);
        let before = nodes.last().and_then(|node| node.value().as_text()).map(|text| &**text).unwrap_or_default();
        if let Some(corrected) = corrected(&text, before, inner, part.value().name() == "sup") {
            text = corrected;
        }
    }
    text
}

/// Returns whether an element is struck through, by its name or style.
fn is_struck(element: &scraper::node::Element) -> bool {
    matches!(element.name(), "del" | "s" | "strike")
        || element.attr("style").is_some_and(|s| s.contains("line-through"))
}

fn has_digit<'b>(bytes: impl Iterator<Item = &'b u8>) -> bool {
    bytes.into_iter().any(u8::is_ascii_digit)
}

/// Corrects a text in which `part`, an element of its own, follows `before`: inserts the decimal point before cents and
/// removes raised footnote marks. Returns `None` if there is nothing to correct.
pub(crate) fn corrected(text: &str, before: &str, part: &str, raised: bool) -> Option<String> {
    if before.len() > MAX_DIGITS {
        return None;
    }
    // "19 €" with the cents after the sign.
    let bare = before.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (whole, sign) = (last_number(bare), &before[bare.len()..]);
    if whole.is_empty() || !(sign.is_empty() || coercion::currency_code(sign).is_some()) {
        return None;
    }
    let (head, tail) = text.split_once(&format!("{whole}{sign}{part}"))?;
    if raised && is_footnote(part, whole) {
        return Some(format!("{head}{whole}{sign} {}", tail.trim_start()).trim().to_owned());
    }
    let more = tail.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    (are_cents(part) && !has_cents(whole) && !more)
        .then(|| format!("{head}{whole}{}{part}{sign}{tail}", decimal_separator(whole)))
}

/// Returns whether raised text after a number is a footnote mark: one digit; or two if it is in brackets or the number
/// already has cents.
fn is_footnote(part: &str, whole: &str) -> bool {
    let mark = part.trim_matches(['(', ')', '[', ']']);
    let digits = (1..=2).contains(&mark.len()) && mark.bytes().all(|b| b.is_ascii_digit());
    digits && (mark.len() == 1 || mark.len() < part.len() || has_cents(whole))
}

/// Returns whether a text is exactly two digits.
fn are_cents(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Returns the decimal separator to put after a text: not the one that already groups its thousands.
fn decimal_separator(text: &str) -> char {
    if last_number(text).contains('.') { ',' } else { '.' }
}

/// Returns whether the number at the end of a text has a separator with fewer than three digits after it.
fn has_cents(text: &str) -> bool {
    let run = last_number(text);
    run.rfind(['.', ',']).is_some_and(|at| run.len() - at < 4)
}

fn last_number(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cents_get_the_separator_that_does_not_group_thousands() {
        assert_eq!(
            (decimal_separator("$19"), decimal_separator("1.299"), has_cents("1.299,"), has_cents("1.299")),
            ('.', ',', true, false)
        );
    }

    #[test]
    fn cents_in_their_own_element_get_a_decimal_point() {
        for (page, read) in [
            ("<p>$19<sup>99</sup></p>", "$19.99"),
            ("<p>$1,299<sup>00</sup> each</p>", "$1,299.00 each"),
            ("<p>1.299<sup>90</sup> €</p>", "1.299,90 €"),
            ("<p><b>24</b><small>95</small></p>", "24.95"),
            ("<p><span>$</span><span>18</span><span>46</span></p>", "$18.46"),
            // Cents after a point or a sign, struck-through text, footnote marks, and digits that are not cents.
            ("<p>$19.<sup>99</sup></p>", "$19.99"),
            ("<p>19 €<sup>99</sup></p>", "19.99 €"),
            ("<p><del>$20</del> $12</p>", "$12"),
            ("<p><del>$20</del></p>", "$20"),
            ("<p>$199<sup>1</sup> each</p>", "$199 each"),
            ("<p>1.299<sup>1)</sup> €</p>", "1.299 €"),
            ("<p>$19.50<sup>99</sup></p>", "$19.50"),
            ("<p>$19 <sup>99</sup></p>", "$19 99"),
            ("<p>10<b>3</b></p>", "103"),
            ("<p>19<sup>99</sup>5</p>", "19995"),
            ("<p>Only <sup>99</sup></p>", "Only 99"),
        ] {
            let document = html::parse(page);
            let element = document.select(&scraper::Selector::parse("p").unwrap()).next().unwrap();
            assert_eq!(amount_of(element, html::text(element)), read, "{page}");
        }
    }
}

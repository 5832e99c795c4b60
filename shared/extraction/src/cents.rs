//! Amounts whose digits mean something by their elements: cents that have lost their point (`$19<sup>99</sup>`), marks of
//! footnotes, what is struck through. Knows text and elements, and no field.

use scraper::ElementRef;
use scraper::node::Node;

use crate::{coercion, html};

/// Most elements within one that are looked at.
const MAX_LOOKED_AT: usize = 64;
/// How deep the whole number may stand in the element before the cents.
const MAX_NESTED: usize = 8;
/// Longest whole number, separators included, in bytes.
const MAX_DIGITS: usize = 32;

/// The text of `element` as an amount of money is read: without what is struck through where an amount is left, without
/// marks of footnotes, and with a point before cents of their own. `text` is its text as it is.
pub(crate) fn amount_of(element: ElementRef<'_>, text: String) -> String {
    let parts = || element.descendants().skip(1).filter_map(ElementRef::wrap).take(MAX_LOOKED_AT);
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
        // The text right before it: of the node itself, or of the last one within it.
        let nodes = std::iter::successors(part.prev_sibling(), |node| node.last_child()).take(MAX_NESTED);
        let before = nodes.last().and_then(|node| node.value().as_text()).map(|text| &**text).unwrap_or_default();
        if let Some(mended) = mended(&text, before, inner, part.value().name() == "sup") {
            text = mended;
        }
    }
    text
}

/// What is struck through: by its element or its style.
fn is_struck(element: &scraper::node::Element) -> bool {
    matches!(element.name(), "del" | "s" | "strike")
        || element.attr("style").is_some_and(|s| s.contains("line-through"))
}

fn has_digit<'b>(bytes: impl Iterator<Item = &'b u8>) -> bool {
    bytes.into_iter().any(u8::is_ascii_digit)
}

/// A text in which a part of its own follows `before`: cents get their point, raised marks of footnotes go.
pub(crate) fn mended(text: &str, before: &str, part: &str, raised: bool) -> Option<String> {
    if before.len() > MAX_DIGITS {
        return None;
    }
    // "19 €" with its cents behind the sign.
    let bare = before.trim_end_matches(|c: char| !c.is_ascii_digit());
    let (whole, sign) = (last_number(bare), &before[bare.len()..]);
    if whole.is_empty() || !(sign.is_empty() || coercion::code(sign).is_some()) {
        return None;
    }
    let (head, tail) = text.split_once(&format!("{whole}{sign}{part}"))?;
    if raised && is_footnote(part, whole) {
        return Some(format!("{head}{whole}{sign} {}", tail.trim_start()).trim().to_owned());
    }
    let more = tail.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
    (are_cents(part) && !has_cents(whole) && !more).then(|| format!("{head}{whole}{}{part}{sign}{tail}", point(whole)))
}

/// Whether what is raised behind a number marks a footnote: a digit, or more where the number has its cents.
fn is_footnote(part: &str, whole: &str) -> bool {
    let mark = part.trim_matches(['(', ')', '[', ']']);
    let digits = (1..=2).contains(&mark.len()) && mark.bytes().all(|b| b.is_ascii_digit());
    digits && (mark.len() == 1 || mark.len() < part.len() || has_cents(whole))
}

/// Whether a text is two digits.
fn are_cents(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The separator of cents behind a text: not the one that already sets its thousands apart.
fn point(text: &str) -> char {
    if last_number(text).contains('.') { ',' } else { '.' }
}

/// Whether the number that a text ends with has a separator and less than a group behind it.
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
    fn separators_of_cents() {
        assert_eq!((point("$19"), point("1.299"), has_cents("1.299,"), has_cents("1.299")), ('.', ',', true, false));
    }

    #[test]
    fn cents_of_their_own_get_a_point() {
        for (page, read) in [
            ("<p>$19<sup>99</sup></p>", "$19.99"),
            ("<p>$1,299<sup>00</sup> each</p>", "$1,299.00 each"),
            ("<p>1.299<sup>90</sup> €</p>", "1.299,90 €"),
            ("<p><b>24</b><small>95</small></p>", "24.95"),
            ("<p><span>$</span><span>18</span><span>46</span></p>", "$18.46"),
            // They have their point, are something else, or stand apart.
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

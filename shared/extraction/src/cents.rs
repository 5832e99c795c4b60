//! Cents that stand in an element of their own and have lost their point: `$19<sup>99</sup>`. Knows text and elements,
//! no field and no currency.

use scraper::ElementRef;
use scraper::node::Node;

/// Most elements within one that are looked at.
const MAX_LOOKED_AT: usize = 64;
/// How deep the whole number may stand in the element before the cents.
const MAX_NESTED: usize = 8;
/// Longest whole number, separators included, in bytes.
const MAX_DIGITS: usize = 32;

/// The text of `element` with a point before cents of their own, where it has such. `text` is its text as it is.
pub(crate) fn with_point(element: ElementRef<'_>, text: String) -> String {
    let parts = element.descendants().skip(1).filter_map(ElementRef::wrap).take(MAX_LOOKED_AT);
    for part in parts {
        let cents = match part.first_child().map(|child| child.value()) {
            Some(Node::Text(cents)) if are_cents(cents.trim()) && part.first_child() == part.last_child() => {
                cents.trim()
            }
            _ => continue,
        };
        // The text right before it: of the node itself, or of the last one within it.
        let nodes = std::iter::successors(part.prev_sibling(), |node| node.last_child()).take(MAX_NESTED);
        let before = nodes.last().and_then(|node| node.value().as_text());
        let whole = before.map(|text| last_number(text)).unwrap_or_default();
        if whole.len() > MAX_DIGITS {
            continue;
        }
        if whole.is_empty() || !whole.ends_with(|c: char| c.is_ascii_digit()) || has_cents(whole) {
            continue;
        }
        let joined = format!("{whole}{cents}");
        let more = |rest: &str| rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
        if let Some((head, tail)) = text.split_once(&joined)
            && !more(tail)
        {
            return format!("{head}{whole}{}{cents}{tail}", point(whole));
        }
    }
    text
}

/// Whether a text is two digits.
pub(crate) fn are_cents(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())
}

/// The separator of cents behind a text: not the one that already sets its thousands apart.
pub(crate) fn point(text: &str) -> char {
    if last_number(text).contains('.') { ',' } else { '.' }
}

/// Whether the number that a text ends with has a separator and less than a group behind it.
pub(crate) fn has_cents(text: &str) -> bool {
    let run = last_number(text);
    run.rfind(['.', ',']).is_some_and(|at| run.len() - at < 4)
}

fn last_number(text: &str) -> &str {
    text.rsplit(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',')).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::html;

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
            ("<p>$19.50<sup>99</sup></p>", "$19.5099"),
            ("<p>$19 <sup>99</sup></p>", "$19 99"),
            ("<p>10<sup>3</sup></p>", "103"),
            ("<p>19<sup>99</sup>5</p>", "19995"),
            ("<p>Only <sup>99</sup></p>", "Only 99"),
        ] {
            let document = html::parse(page);
            let element = document.select(&scraper::Selector::parse("p").unwrap()).next().unwrap();
            assert_eq!(with_point(element, html::text(element)), read, "{page}");
        }
    }
}

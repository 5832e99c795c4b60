//! Finds icons in place of a label: an empty element whose class names a picture, or a sign at the start of a line.

use crate::doc::Doc;
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::pairs::{MAX_VALUE, Pairs};
use super::segments::{is_pictogram, without_leading_pictograms};

/// Class words that mark an element as an icon.
const ICONS: [&str; 9] = ["icon", "icons", "fa", "fas", "far", "bi", "ico", "glyphicon", "mdi"];
/// Maximum length of a line after an icon, in bytes.
const MAX_LINE: usize = 200;

/// Handles an empty element that shows an icon: what follows it is the value.
pub(super) fn add_element(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let el = &doc.els[at];
    let marks = doc.marks(at);
    if el.zone.has(Zone::FOOTER) || !ICONS.iter().any(|i| crate::doc::has_words(marks, i)) {
        return;
    }
    let text_after = crate::coercion::collapse(doc.text_after(at).lines().next().unwrap_or_default());
    let text_after = if text_after.is_empty() && doc.text_len(el.parent) == 0 {
        doc.next_sibling(el.parent).filter(|n| doc.text_len(*n) <= MAX_VALUE).map(|n| doc.text(n)).unwrap_or_default()
    } else {
        text_after
    };
    if (2..=MAX_LINE).contains(&text_after.len()) {
        let is_marked = |words: &str| words.split(' ').any(|w| w.len() > 2) && crate::doc::has_words(marks, words);
        for label in Phrases::Icons.keys(is_marked) {
            pairs.add(at, label, vec![text_after.clone()], "icon", -4);
        }
    }
}

/// Handles a line that begins with a sign.
pub(super) fn add_line(at: usize, line: &str, pairs: &mut Pairs) {
    let Some(sign) = line.chars().next().filter(|c| is_pictogram(*c)) else { return };
    let text_after = without_leading_pictograms(line);
    if (2..=MAX_LINE).contains(&text_after.len()) {
        for label in Phrases::Icons.keys(|word| word.starts_with(sign)) {
            pairs.add(at, label, vec![text_after.to_owned()], "sign before a line", -4);
        }
    }
}

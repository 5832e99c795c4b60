//! Bounds the tags of a page before it is tokenized: html5ever compares each attribute of a tag with all before it, so
//! 20,000 of them in one tag would cost a second. One pass over the bytes.
//!
//! Only parsing can tell for certain what is a tag and what is text in a script or a comment. So everything that could
//! be a tag is bounded, by changes that rarely affect text: an extra `>` after the last attribute, and the removal of
//! the end of an overlong name or value. A script with an open `<x` and 128 words after it without a `>` is damaged;
//! skipping scripts instead would let a page hide its tags between two of them.

use std::borrow::Cow;

use crate::budget::SCANNED_BYTES_PER_STEP;

/// Maximum number of attributes of a tag; further ones become text.
pub(crate) const MAX_ATTRIBUTES: usize = 128;
/// Maximum length of a name or value of an attribute, in bytes: pictures embedded in one are of no use.
pub(crate) const MAX_ATTRIBUTE: usize = 64 * 1024;
/// Maximum number of bytes of a tag, give or take one attribute.
pub(crate) const MAX_TAG: usize = 256 * 1024;
/// Maximum number of times that a page's bytes are scanned, on average, before the page counts as hostile. Bytes are
/// scanned more than once because a `<` in an attribute's value begins another tag.
const MAX_SCANS: usize = 32;

/// Returns the page with every tag within the limits.
pub(crate) fn bounded(page: &str) -> Cow<'_, str> {
    bounded_within(page, &|_| true)
}

/// Returns the page with every tag within the limits, up to where `step` grants no more steps.
pub(crate) fn bounded_within<'p>(page: &'p str, step: &dyn Fn(usize) -> bool) -> Cow<'p, str> {
    let bytes = page.as_bytes();
    let mut out = String::new();
    let (mut copied_to, mut at) = (0, 0);
    let mut remaining = bytes.len().saturating_mul(MAX_SCANS) + MAX_TAG;
    while let Some(open) = memchr::memchr(b'<', &bytes[at..]).map(|i| at + i) {
        at = open + 1;
        let name = at + usize::from(bytes.get(at) == Some(&b'/'));
        if !bytes.get(name).is_some_and(u8::is_ascii_alphabetic) {
            continue;
        }
        let scan = scan_tag(bytes, name);
        remaining = remaining.saturating_sub(scan.end - open);
        if remaining == 0 || !step(1 + (scan.end - open) / SCANNED_BYTES_PER_STEP) {
            // No page for readers nests thousands of tags within tags.
            out.push_str(&page[copied_to.min(open)..open]);
            return Cow::Owned(out);
        }
        // These bytes may already be removed as part of an enclosing tag.
        for (from, to) in scan.overlong {
            if from < copied_to {
                continue;
            }
            out.push_str(&page[copied_to..page.floor_char_boundary(from).max(copied_to)]);
            copied_to = to;
        }
        if let Some(end) = scan.cut_at.filter(|end| *end >= copied_to) {
            out.push_str(&page[copied_to..end]);
            out.push('>');
            copied_to = end;
        }
        at = at.max(copied_to);
    }
    if copied_to == 0 {
        return Cow::Borrowed(page);
    }
    out.push_str(&page[copied_to..]);
    Cow::Owned(out)
}

/// Findings about one tag.
#[derive(Default)]
struct TagScan {
    /// The parts of overlong names and values, to be removed.
    overlong: Vec<(usize, usize)>,
    /// Where to end the tag, if it has too many attributes or bytes.
    cut_at: Option<usize>,
    /// Where the scan of the tag ended.
    end: usize,
}

impl TagScan {
    /// Marks the end of a name or value for removal if it is overlong. Returns how many bytes that removes.
    fn remove_end(&mut self, from: usize, to: usize) -> usize {
        if to - from <= MAX_ATTRIBUTE {
            return 0;
        }
        let kept_to = from + MAX_ATTRIBUTE;
        self.overlong.push((kept_to, to));
        to - kept_to
    }
}

/// Returns the position of the first byte from `from` on for which `ends` holds, or the end.
fn position_from(bytes: &[u8], from: usize, ends: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|b| ends(*b)).map_or(bytes.len(), |i| from + i)
}

/// Scans the tag whose name starts at `name`, as the tokenizer would. Source: WHATWG HTML, "tokenization".
fn scan_tag(bytes: &[u8], name: usize) -> TagScan {
    let space = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c);
    let mut scan = TagScan::default();
    let mut at = position_from(bytes, name, |b| space(b) || matches!(b, b'/' | b'>'));
    let mut removed = scan.remove_end(name, at);
    let mut attributes = 0;
    loop {
        at = position_from(bytes, at, |b| !space(b) && b != b'/');
        scan.end = at;
        if at >= bytes.len() || bytes[at] == b'>' {
            return scan;
        }
        if attributes == MAX_ATTRIBUTES || at - name - removed > MAX_TAG {
            scan.cut_at = Some(at);
            return scan;
        }
        attributes += 1;
        // An equals sign at the start belongs to the name.
        let end = position_from(bytes, at + 1, |b| space(b) || matches!(b, b'/' | b'>' | b'='));
        removed += scan.remove_end(at, end);
        at = end;
        let equals = position_from(bytes, at, |b| !space(b));
        if bytes.get(equals) != Some(&b'=') {
            continue;
        }
        let start = position_from(bytes, equals + 1, |b| !space(b));
        at = match bytes.get(start) {
            Some(quote @ (b'"' | b'\'')) => {
                let end = memchr::memchr(*quote, &bytes[start + 1..]).map_or(bytes.len(), |i| start + 1 + i);
                removed += scan.remove_end(start + 1, end);
                (end + 1).min(bytes.len())
            }
            _ => {
                let end = position_from(bytes, start, |b| space(b) || b == b'>');
                removed += scan.remove_end(start, end);
                end
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pages_within_the_limits_are_unchanged() {
        let max: String = (0..MAX_ATTRIBUTES).map(|i| format!(" a{i}=\"x>y\"")).collect();
        for page in [format!("<p{max}>x</p>"), "1 < 2 <3 <".into(), "<a b='".into(), "<a/b / c=d>é".into(), "</".into()]
        {
            assert!(matches!(bounded(&page), Cow::Borrowed(p) if p == page), "{page}");
        }
    }

    #[test]
    fn the_rest_of_a_page_is_left_out_when_the_steps_end() {
        let page = format!("<p a='{}'>x", "b".repeat(SCANNED_BYTES_PER_STEP * 8)).repeat(100);
        let left = std::cell::Cell::new(100);
        let step = |steps: usize| {
            left.set(left.get() - i64::try_from(steps).unwrap());
            left.get() >= 0
        };
        let got = bounded_within(&page, &step);
        assert!(page.starts_with(&*got) && got.len() > page.len() / 100 && got.len() < page.len() / 9, "{}", got.len());
    }

    #[test]
    fn too_many_attributes_end_the_tag() {
        let many: String = (0..MAX_ATTRIBUTES * 3).map(|i| format!(" a{i}")).collect();
        let got = bounded(&format!("<p{many}>x")).into_owned();
        assert!(got.contains(&format!("a{} >a{MAX_ATTRIBUTES}", MAX_ATTRIBUTES - 1)), "{got}");
        // Only looks like a tag to a parser that reads a comment or a value.
        for hidden in [format!("<!--><p{many}>"), format!("<i x=\"<p{many}>"), format!("<!-- <i x=\" --><p{many}>")] {
            assert!(bounded(&hidden).len() == hidden.len() + 1, "{hidden}");
        }
    }

    #[test]
    fn overlong_values_and_names_are_cut() {
        let long = "é".repeat(MAX_ATTRIBUTE);
        for page in [
            format!("<img src=\"{long}\">x"),
            format!("<img src={long}>x"),
            format!("<img {long}>x"),
            format!("<{long}>x"),
        ] {
            let page = page.replace("<é", "<pé");
            let got = bounded(&page);
            assert!(got.len() < MAX_ATTRIBUTE + 100 && got.ends_with(">x"), "{}", got.len());
        }
        let pieces: String = (0..20).map(|i| format!(" a{i}='{}'", "x".repeat(MAX_ATTRIBUTE))).collect();
        assert!(bounded(&format!("<p{pieces}>")).find('>').is_some_and(|end| end <= MAX_TAG + MAX_ATTRIBUTE + 100));
    }

    #[test]
    fn one_limit_does_not_hide_from_another() {
        let many: String = (0..MAX_ATTRIBUTES * 3).map(|i| format!(" a{i}")).collect();
        let got = bounded(&format!("<p b={}{many}>", "x".repeat(MAX_ATTRIBUTE * 2))).into_owned();
        assert!(got.contains(" >a") && got.len() < MAX_ATTRIBUTE + 3_000, "{}", got.len());
    }

    #[test]
    fn tags_in_tags_do_not_cost_more_than_their_page() {
        let page = format!("{}>", "<a".repeat(20_000)).repeat(10);
        assert!(bounded(&page).len() < page.len());
    }

    proptest! {
        #[test]
        fn nothing_panics(page in "(<[a-z]|</a|[ /=>\"\'<é]|\\PC){0,60}") {
            prop_assert!(matches!(bounded(&page), Cow::Borrowed(_)));
        }
    }
}

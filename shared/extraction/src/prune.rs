//! Removes from a page, before parsing, what the extractor never examines and what makes up most of many pages: scripts
//! that are not data, styles, comments, drawings, fallbacks for clients without scripts. The tags themselves stay. One
//! pass over the bytes.

use std::borrow::Cow;

use crate::budget::Budget;
use crate::structured::state;

/// Maximum length of a drawing that is removed, in bytes; a longer one is taken for a drawing that was never closed.
const MAX_DRAWING: usize = 200_000;
/// Maximum length of a `noscript` fallback that is removed, in bytes: a picture or a notice. A longer one may be the
/// page itself.
const MAX_FALLBACK: usize = 1_500;
/// Minimum length of content that is removed, in bytes: removing less saves no time.
const MIN_REMOVED: usize = 64;

/// Returns the page without the content that is never examined.
pub(crate) fn remove_unused<'p>(page: &'p str, budget: &Budget<'_>) -> Cow<'p, str> {
    let bytes = page.as_bytes();
    let mut out = String::new();
    // Everything before `copied_to` is in `out` or was removed.
    let (mut copied_to, mut at) = (0, 0);
    // Drawings and fallbacks that begin before this position are not examined: they are within one that was examined
    // and stays.
    let mut kept_until = 0;
    while let Some(open) = find(bytes, at, b'<', budget) {
        let rest = &bytes[open..];
        if rest.starts_with(b"<!--") {
            let Some(end) = memchr::memmem::find(&bytes[open + 4..], b"-->").map(|e| open + 4 + e + 3) else { break };
            out.push_str(&page[copied_to..open]);
            (copied_to, at) = (end, end);
            continue;
        }
        if !rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
            at = open + 1;
            continue;
        }
        let Some(end) = tag_end(bytes, open) else { break };
        at = end;
        let tag = &page[open..end];
        let Some((name, is_unused)) = text_element(tag) else { continue };
        if tag.ends_with("/>") && name == "svg" {
            continue;
        }
        if matches!(name, "svg" | "noscript") && open < kept_until {
            continue;
        }
        let Some(close) = closing(bytes, end, name, budget) else { break };
        let content = &page[end..close];
        let drop = match name {
            "svg" => is_drawing(content),
            "noscript" => {
                content.len() <= MAX_FALLBACK && !content.contains("itemprop") && !content.contains("<script")
            }
            "script" => is_unused && state::assigned(content).is_none(),
            _ => is_unused,
        };
        if drop && content.len() >= MIN_REMOVED {
            out.push_str(&page[copied_to..end]);
            copied_to = close;
        }
        if drop || !matches!(name, "svg" | "noscript") {
            at = close;
        } else {
            kept_until = close;
        }
    }
    if copied_to == 0 {
        return Cow::Borrowed(page);
    }
    out.push_str(&page[copied_to..]);
    Cow::Owned(out)
}

fn find(bytes: &[u8], from: usize, wanted: u8, budget: &Budget<'_>) -> Option<usize> {
    let found = memchr::memchr(wanted, bytes.get(from..)?);
    let has_budget = budget.step(found.unwrap_or(bytes.len() - from) + 1);
    found.filter(|_| has_budget).map(|p| from + p)
}

/// Returns where a start tag ends, taking quoted attributes into account.
pub(crate) fn tag_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let stop = at + memchr::memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        let quote = bytes[stop];
        if quote == b'>' {
            return Some(stop + 1);
        }
        // A quotation mark opens a value only after an equals sign.
        let before = bytes[at..stop].iter().rev().find(|b| !b.is_ascii_whitespace());
        at = stop + 1;
        if before == Some(&b'=') {
            at += memchr::memchr(quote, &bytes[at..])? + 1;
        }
    }
}

/// Returns the name of the element that a tag starts, if the element contains text or a drawing, and whether the
/// extractor has no use for that content.
fn text_element(tag: &str) -> Option<(&'static str, bool)> {
    let name: &str = tag[1..].split(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).next()?;
    let known = ["script", "style", "svg", "noscript", "textarea", "title"]
        .into_iter()
        .find(|k| name.eq_ignore_ascii_case(k))?;
    let data = known == "script" && {
        let lower = tag.to_ascii_lowercase();
        lower.contains("json")
    };
    Some((known, !data && !matches!(known, "textarea" | "title")))
}

/// Returns whether content is a drawing without HTML in it.
fn is_drawing(content: &str) -> bool {
    content.len() <= MAX_DRAWING
        && !["<div", "<p>", "<p ", "<h1", "<table", "<ul", "<foreignObject", "<script"]
            .iter()
            .any(|t| content.contains(t))
}

/// Returns where the end tag of an element starts.
pub(crate) fn closing(bytes: &[u8], from: usize, name: &str, budget: &Budget<'_>) -> Option<usize> {
    let mut at = from;
    while let Some(open) = find(bytes, at, b'<', budget) {
        let rest = bytes.get(open + 2..open + 2 + name.len());
        if bytes.get(open + 1) == Some(&b'/') && rest.is_some_and(|r| r.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(open);
        }
        at = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remove_unused(page: &str) -> Cow<'_, str> {
        super::remove_unused(page, &Budget::default())
    }

    #[test]
    fn only_content_that_is_never_examined_is_removed() {
        let long = "x ".repeat(40);
        for (page, want) in [
            (format!("a<!--{long}-->b"), "ab".to_owned()),
            (format!("<script>f('</div>{long}')</script>c"), "<script></script>c".to_owned()),
            (format!("<STYLE media=\">\">{long}</STYLE >d"), "<STYLE media=\">\"></STYLE >d".to_owned()),
            (format!("<noscript><img alt=\"{long}\"></noscript>f"), "<noscript></noscript>f".to_owned()),
            (format!("<svg class=a><path d=\"{long}\"/></svg>e"), "<svg class=a></svg>e".to_owned()),
        ] {
            assert_eq!(remove_unused(&page), want);
        }
        for page in [
            format!("<script type=\"application/ld+json\">{{\"a\": \"{long}\"}}</script>"),
            format!("<script>window.s = {{\"a\": \"{long}\"}}</script>"),
            format!("<p title=\"<script>\">{long}</p><p title='</script>'>"),
            format!("<title><!--{long}--></title>"),
            format!("<svg><foreignObject>{long}</foreignObject></svg>"),
            format!("1 < 2 <3 {long}"),
        ] {
            assert_eq!(remove_unused(&page), page);
        }
        for broken in ["<script>", "<!--", "<p title=\"", "<svg><svg", "<", ""] {
            assert_eq!(remove_unused(broken), broken);
        }
    }
}

//! Finds pictures: the page's main one by place and size, and all pictures of the content for lists.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::doc::{Doc, El};
use crate::field_query::FieldQuery;
use crate::page_title::agreement;
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::view::View;

pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let mut all: Vec<Value> = Vec::new();
    let mut best: Option<(i32, String)> = None;
    for (at, address) in pictures(doc).take(200) {
        let Some(el) = doc.els.get(at) else { continue };
        all.push(address.into());
        let title = view.head.h1.as_deref().unwrap_or_default();
        let alt = el.attr("alt").unwrap_or_default();
        let same = if !alt.is_empty() && agreement(alt, title) >= 60 { 8 } else { 0 };
        let large = side(el, "width").map_or(0, |w| if w >= 400 { 4 } else { 0 });
        let near = if (-2_500..1_500).contains(&view.distance(at)) { 4 } else { -4 };
        let score = same + large + near;
        if best.as_ref().is_none_or(|(s, _)| score > *s) {
            best = Some((score, address.to_owned()));
        }
    }
    if query.is_array() {
        if !all.is_empty() {
            out.push(Candidate::new(Source::Pattern, all, "pictures of the content"));
        }
    } else if let Some((score, address)) = best.filter(|(s, _)| *s > 0) {
        out.push(Candidate::text(Source::Pattern, address, "picture near the heading").adjusted(score));
    }
}

/// Returns a side of a picture in pixels, if its element gives it.
fn side(el: &El<'_>, name: &str) -> Option<i32> {
    el.attr(name).and_then(|v| v.trim_end_matches("px").parse::<i32>().ok())
}

/// Yields the pictures of the content in order: index of the element and address as written. Skips decoration and small
/// pictures.
pub(crate) fn pictures<'d>(doc: &'d Doc<'_>) -> impl Iterator<Item = (usize, &'d str)> + 'd {
    doc.els.iter().enumerate().filter_map(|(at, el)| {
        if el.name() != "img" || el.zone.is_surroundings() || el.zone.has(Zone::HEADER) {
            return None;
        }
        let source_attributes = ["data-src", "data-lazy-src", "data-original", "data-zoom-image", "src"];
        let address = source_attributes
            .iter()
            .filter_map(|n| el.attr(n))
            .map(str::trim)
            .find(|a| !a.is_empty() && !a.starts_with("data:"));
        let address = address.or_else(|| {
            let set = el.attr("srcset").or_else(|| el.attr("data-srcset"))?;
            set.split(',').next_back()?.split_whitespace().next()
        });
        let address = address?;
        let lower = address.to_lowercase();
        if Phrases::Decoration.all().any(|d| lower.contains(d)) || lower.ends_with(".svg") {
            return None;
        }
        let small = side(el, "width").is_some_and(|w| w < 120) || side(el, "height").is_some_and(|h| h < 90);
        (!small).then_some((at, address))
    })
}

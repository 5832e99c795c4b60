//! Chooses the page's main entity among its objects: by type, by how well it fits the caller's schema, and by
//! agreement with the page's own title and address. Not by order.

use domain::Schema;
use serde_json::{Map, Value};
use url::Url;

use crate::head::Head;
use crate::structured::{Graph, types};
use crate::vocabulary::concept_of;

/// Types that describe the page's surroundings or a part of something, never what the page is about.
const SURROUNDINGS: [&str; 27] = [
    "BreadcrumbList",
    "ListItem",
    "WebSite",
    "SearchAction",
    "ReadAction",
    "Organization",
    "NewsMediaOrganization",
    "Person",
    "ImageObject",
    "VideoObject",
    "SiteNavigationElement",
    "WPHeader",
    "WPFooter",
    "WPSideBar",
    "Offer",
    "AggregateOffer",
    "AggregateRating",
    "Rating",
    "Review",
    "Comment",
    "Brand",
    "PostalAddress",
    "ContactPoint",
    "ItemList",
    "Question",
    "Answer",
    "FAQPage",
];
/// Types that describe the page itself: they speak for it where nothing better does.
const PAGES: [&str; 6] = ["WebPage", "CollectionPage", "ItemPage", "AboutPage", "ProfilePage", "CheckoutPage"];

/// The objects to read from, best first: the main entity, then those that describe the page.
pub(crate) fn ranked<'a>(graph: &'a Graph, schema: &Schema, head: &Head, url: &Url) -> Vec<&'a Map<String, Value>> {
    let mut scored: Vec<(i64, usize)> =
        graph.objects.iter().enumerate().map(|(i, object)| (score(graph, object, schema, head, url), i)).collect();
    scored.sort_by_key(|(score, i)| (-score, *i));
    let mut out: Vec<&Map<String, Value>> = Vec::new();
    for (score, i) in scored {
        let Some(object) = graph.objects.get(i) else { continue };
        let is_page = types(object).iter().any(|t| PAGES.contains(&t.as_str()));
        if score > 0 && (out.is_empty() || is_page) {
            out.push(object);
        }
    }
    out
}

fn score(graph: &Graph, object: &Map<String, Value>, schema: &Schema, head: &Head, url: &Url) -> i64 {
    let kinds = types(object);
    let mut score = 0;
    let mut fits = 0;
    for field in schema.fields() {
        let paths = concept_of(&field.field).map(|c| c.paths).unwrap_or_default();
        if paths.iter().any(|path| !graph.at(object, path).is_empty()) {
            fits += 1;
        }
    }
    score += fits * 3;
    let text = |path: &str| graph.at(object, path).into_iter().find_map(|v| v.as_str().map(str::to_lowercase));
    let name = text("headline").or_else(|| text("name"));
    let titles = [head.h1.as_deref(), head.metas("og:title").first().map(String::as_str), head.title.as_deref()];
    if let Some(name) = name.filter(|n| n.chars().count() >= 3) {
        let agrees = titles.into_iter().flatten().any(|t| {
            let t = t.to_lowercase();
            t.contains(&name) || (t.chars().count() >= 5 && name.contains(&t))
        });
        score += if agrees { 6 } else { 0 };
    }
    let same_page = |v: &str| {
        url.join(v)
            .is_ok_and(|u| u.path().trim_end_matches('/') == url.path().trim_end_matches('/') && u.host() == url.host())
    };
    let addresses = ["url", "mainEntityOfPage"].iter().filter_map(|m| object.get(*m).and_then(Value::as_str));
    if addresses.chain(object.get("@id").and_then(Value::as_str)).any(same_page) {
        score += 2;
    }
    if kinds.iter().all(|k| SURROUNDINGS.contains(&k.as_str())) {
        score -= 12;
    } else if kinds.iter().any(|k| PAGES.contains(&k.as_str())) {
        score -= 4;
    } else {
        score += 4;
    }
    score
}

//! Chooses the page's main entity among its objects: by type, by fit with the caller's schema, and by agreement with
//! the page's title and address. The order on the page does not count.

use serde_json::{Map, Value};
use url::Url;

use crate::concept::Trait;
use crate::field_query::FieldQuery;
use crate::head::Head;
use crate::structured::{Graph, Object, Origin, offers, types};

/// Types that describe the page's surroundings or a part of something, not the subject of the page.
const SURROUNDINGS: [&str; 29] = [
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
    "UserReview",
    "Comment",
    "Brand",
    "PostalAddress",
    "ContactPoint",
    "ItemList",
    "Question",
    "Answer",
    "FAQPage",
    "NutritionInformation",
];
/// Types that describe the page itself; used where nothing better is found.
const PAGES: [&str; 7] =
    ["WebPage", "CollectionPage", "ItemPage", "AboutPage", "ProfilePage", "CheckoutPage", "ContactPage"];
/// Types of parts that templates write beside the object they belong to, instead of inside it. Each has the path of the
/// member that would hold it.
const PARTS: [(&str, &str); 4] = [
    ("Offer", "offers."),
    ("AggregateOffer", "offers."),
    ("AggregateRating", "aggregateRating."),
    ("NutritionInformation", "nutrition."),
];
/// Maximum number of objects compared.
const MAX_COMPARED: usize = 300;
/// Maximum number of fields that objects are compared by.
const MAX_FIELDS: usize = 40;

/// An object to read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entity<'a> {
    pub(crate) members: &'a Map<String, Value>,
    pub(crate) origin: Origin,
    /// How much less it is trusted than the main entity.
    pub(crate) penalty: i32,
    /// Whether it describes the page rather than the page's subject.
    pub(crate) is_page: bool,
    /// Whether it is a news article, a blog post or similar.
    pub(crate) is_article: bool,
    /// Whether it is of a kind that is embedded in longer stories, which have titles of their own.
    pub(crate) is_embedded: bool,
    /// The part of a path that leads to it.
    pub(crate) prefix: &'static str,
}

/// Returns the objects to read from. In order of trust: the main entity, others that describe the same thing, parts
/// that stand apart, objects that describe the page.
pub(crate) fn rank<'a>(graph: &Graph<'a>, fields: &[FieldQuery<'_>], head: &Head, url: &Url) -> Vec<Entity<'a>> {
    let mut scored: Vec<(i32, usize, bool)> = graph
        .objects
        .iter()
        .take(MAX_COMPARED)
        .enumerate()
        .map(|(at, object)| {
            let (score, agrees) = score(object.members, object.listed, fields, head, url);
            (score, at, agrees)
        })
        .collect();
    scored.sort_by_key(|(score, at, _)| (-score, *at));
    let mut out: Vec<Entity<'a>> = Vec::new();
    let mut main: Option<(&Map<String, Value>, bool)> = None;
    for (score, at, agrees) in scored {
        let Some(object) = graph.objects.get(at) else { continue };
        let is = |list: &[&str]| types(object.members).any(|t| list.contains(&t));
        let is_page = is(&PAGES);
        let mut entity = Entity {
            members: object.members,
            origin: object.origin,
            penalty: 0,
            is_page,
            is_article: types(object.members)
                .any(|t| t.ends_with("Article") || t.ends_with("Posting") || t == "Report"),
            is_embedded: is(&["Recipe", "HowTo", "Review", "Course"]),
            prefix: "",
        };
        match main {
            None if score > 0 && !is_page => {
                main = Some((object.members, agrees));
                out.push(entity);
            }
            Some((first, _)) if score > 0 && !is_page && same_thing(first, object.members) => {
                entity.penalty = 4;
                out.push(entity);
            }
            // Several articles or similar, all named like the page.
            Some((_, true)) if score > 0 && !is_page && agrees => {
                entity.penalty = 8;
                out.push(entity);
            }
            _ if is_page && score > -4 => {
                entity.penalty = 12;
                out.push(entity);
            }
            _ => {}
        }
    }
    if out.iter().all(|e| e.is_page) {
        add_sole_object(graph, fields, head, &mut out);
    }
    add_parts(graph, &mut out);
    out
}

/// Adds an object that usually describes the page's surroundings, if no subject was found: the page may be about one
/// person, or be one review. The object must be the only outermost object of a page without a heading, or have exactly
/// the page's name. It must also have some of the requested fields.
fn add_sole_object<'a>(graph: &Graph<'a>, fields: &[FieldQuery<'_>], head: &Head, out: &mut Vec<Entity<'a>>) {
    let own = |o: &&Object<'_>| o.outermost && !out.iter().any(|e| std::ptr::eq(e.members, o.members));
    let named = |o: &Object<'_>| {
        let name = o.members.get("name").or_else(|| o.members.get("headline")).and_then(Value::as_str);
        name.is_some_and(|name| head.names().any(|t| t.trim().eq_ignore_ascii_case(name.trim())))
    };
    let mut outermost = graph.objects.iter().filter(own);
    let only = outermost.next().filter(|_| outermost.next().is_none() && head.h1.is_none());
    let found =
        graph.objects.iter().filter(own).find(|o| named(o)).or(only).filter(|o| field_matches(o.members, fields) > 0);
    if let Some(object) = found {
        out.push(Entity {
            members: object.members,
            origin: object.origin,
            penalty: 6,
            is_page: false,
            is_article: false,
            is_embedded: false,
            prefix: "",
        });
    }
}

/// Returns how many of the requested fields an object has. Fields that every kind of thing has, such as name and
/// picture, weigh less than those of its own kind.
fn field_matches(object: &Map<String, Value>, fields: &[FieldQuery<'_>]) -> i32 {
    let has = |path: &str| object.contains_key(path.split('.').next().unwrap_or(path));
    let fits = |field: &&FieldQuery<'_>| {
        field.words().is_some_and(|w| w.paths.iter().any(|path| has(path))) || has(&field.field.field)
    };
    let weight = |field: &FieldQuery<'_>| if field.has(Trait::Common) { 1 } else { 3 };
    fields.iter().take(MAX_FIELDS).filter(fits).map(weight).sum()
}

/// Adds a part as the main entity's if it is the only one of its type on the page.
fn add_parts<'a>(graph: &Graph<'a>, out: &mut Vec<Entity<'a>>) {
    for (kind, prefix) in PARTS {
        let mut same_kind = graph.objects.iter().filter(|o| types(o.members).any(|t| t == kind));
        if let (Some(only), None) = (same_kind.next(), same_kind.next()) {
            out.push(Entity {
                members: only.members,
                origin: only.origin,
                penalty: 10,
                is_page: false,
                is_article: false,
                is_embedded: false,
                prefix,
            });
        }
    }
}

/// Returns whether two objects describe one thing: they share a type, and their names do not differ.
fn same_thing(a: &Map<String, Value>, b: &Map<String, Value>) -> bool {
    let name = |o: &Map<String, Value>| {
        o.get("name").or_else(|| o.get("headline")).and_then(Value::as_str).map(|n| n.trim().to_lowercase())
    };
    let types_of_b: Vec<&str> = types(b).collect();
    types(a).any(|t| types_of_b.contains(&t))
        && match (name(a), name(b)) {
            (Some(a), Some(b)) => a == b || a.contains(&b) || b.contains(&a),
            _ => true,
        }
}

fn score(object: &Map<String, Value>, listed: bool, fields: &[FieldQuery<'_>], head: &Head, url: &Url) -> (i32, bool) {
    let mut score = field_matches(object, fields);
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_lowercase);
    let name = text("headline")
        .or_else(|| text("name"))
        .map(|n| crate::text_cleanup::text_of(&n, crate::candidate::TextFormat::Markup));
    let mut agrees = false;
    if let Some(name) = name.filter(|n| n.chars().count() >= 3) {
        agrees = head.names().any(|t| {
            let t = t.to_lowercase();
            t.contains(&name) || (t.chars().count() >= 5 && name.contains(&t))
        });
        score += if agrees { 6 } else { 0 };
    }
    let addresses = ["url", "mainEntityOfPage", "@id"].iter().filter_map(|m| object.get(*m));
    let addresses = addresses.filter_map(|v| v.as_str().or_else(|| v.get("@id").and_then(Value::as_str)));
    let shared = addresses.filter_map(|a| offers::same_page(a, url)).max();
    if let Some(shared) = shared.filter(|_| url.path().len() > 1) {
        score += if shared > 1 { 4 } else { 3 };
        agrees = true;
    }
    if types(object).all(|t| SURROUNDINGS.contains(&t)) {
        score -= 12;
    } else if types(object).any(|t| PAGES.contains(&t)) {
        score -= 4;
    } else {
        score += 4;
    }
    // A product group describes all its variants; the page's address tells which one is meant.
    if object.contains_key("hasVariant") {
        score += 8;
    }
    if listed && !agrees {
        score -= 12;
    }
    // Only a reference.
    if object.len() <= 2 {
        score -= 6;
    }
    (score, agrees)
}

//! The links of a page: what a crawl may follow. They are read from the document that extraction parses, so a page is
//! parsed once. The links of a feed (RSS, Atom) are the links of its items. Depends on no pattern, no robots.txt and no
//! other page.
//!
//! Sources: HTML, "links" and "base element"; RSS 2.0; RFC 4287 (Atom); RFC 8288 for relation types; `nofollow` as in
//! the robots meta element and the link relation of that name.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::canonical::MAX_URL;
use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::node::{Element, Node};
use scraper::{ElementRef, Html};
use url::Url;

use crate::budget::{Budget, SCANNED_BYTES_PER_STEP};

/// Maximum number of links of a page; further ones are left out.
pub const MAX_LINKS: usize = 5_000;
/// Maximum number of bytes of all URLs together: a page of short relative links with a long base must not grow a
/// thousandfold.
pub const MAX_LINK_BYTES: usize = 4 * 1024 * 1024;

/// Maximum length of a text that is read as an address, including white space around it.
const MAX_ITEM_TEXT: usize = 2 * MAX_URL;

/// Steps charged for reading a short URL.
const URL_STEPS: usize = 32;

/// How a link was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// `a[href]` or `area[href]`.
    Anchor,
    /// The `link` of a feed's item.
    Item,
    /// `link[rel=next]`.
    Next,
    /// `link[rel=canonical]`.
    Canonical,
    /// `link[rel=alternate]`, of type `text/html` or without one.
    Alternate,
}

/// One link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The target: absolute, http or https, without a fragment, at most [`MAX_URL`] bytes.
    pub url: Url,
    /// How it was found the first time.
    pub kind: LinkKind,
    /// Whether the page asks crawlers not to follow this link: at every place where it occurs, or for all links of the
    /// page.
    pub nofollow: bool,
}

/// The links of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Each URL once, in document order.
    pub links: Vec<Link>,
    /// Whether links were left out: more than [`MAX_LINKS`] or [`MAX_LINK_BYTES`], or the budget was spent.
    pub truncated: bool,
}

impl Links {
    /// Reads the links of a document found at `url`, after redirects, as far as the budget allows.
    pub(crate) fn of(page: &Html, url: &Url, budget: &Budget<'_>) -> Links {
        let head = Head::of(page, url, budget);
        let mut links = Links::default();
        let mut known: HashMap<Url, usize> = HashMap::new();
        let mut bytes = 0;
        let feed = FEEDS.contains(&page.root_element().value().name());
        for element in elements(page) {
            if !budget.step(1) {
                links.truncated = true;
                break;
            }
            let item_link = if feed { item_target(element, budget).map(|href| (LinkKind::Item, href)) } else { None };
            let found = item_link.or_else(|| target(element.value()).map(|(kind, href)| (kind, href.into())));
            let Some((kind, href)) = found else { continue };
            // Resolving, hashing and copying it.
            budget.step(URL_STEPS + (href.len() + head.base.as_str().len()) / SCANNED_BYTES_PER_STEP);
            let Some(target) = resolve(&head.base, &href) else { continue };
            let nofollow = head.nofollow || tokens(element.attr("rel")).any(|t| t.eq_ignore_ascii_case("nofollow"));
            if let Some(&at) = known.get(&target) {
                // One occurrence that may be followed is enough.
                if let Some(link) = links.links.get_mut(at) {
                    link.nofollow &= nofollow;
                }
                continue;
            }
            bytes += target.as_str().len();
            if links.links.len() == MAX_LINKS || bytes > MAX_LINK_BYTES {
                links.truncated = true;
                break;
            }
            known.insert(target.clone(), links.links.len());
            links.links.push(Link { url: target, kind, nofollow });
        }
        links
    }
}

/// What applies to all links of a page.
struct Head {
    base: Url,
    nofollow: bool,
}

impl Head {
    fn of(page: &Html, url: &Url, budget: &Budget<'_>) -> Head {
        let mut base = None;
        let mut nofollow = false;
        for element in elements(page).take_while(|_| budget.step(1)) {
            let element = element.value();
            match element.name() {
                // The first `base` with an address counts, even if the address is unusable.
                "base" if base.is_none() => base = element.attr("href").map(|href| url.join(href.trim()).ok()),
                "meta" if element.attr("name").is_some_and(|n| n.trim().eq_ignore_ascii_case("robots")) => {
                    let words = element.attr("content").unwrap_or_default().split([',', ' ', ';']).map(str::trim);
                    nofollow |=
                        words.into_iter().any(|w| ["nofollow", "none"].iter().any(|n| w.eq_ignore_ascii_case(n)));
                }
                _ => {}
            }
        }
        let base = base.flatten().filter(|b| matches!(b.scheme(), "http" | "https"));
        Head { base: base.unwrap_or_else(|| url.clone()), nofollow }
    }
}

/// Yields the elements of a page in document order, without the contents of a `template`, which are not part of the
/// page yet.
fn elements(page: &Html) -> impl Iterator<Item = ElementRef<'_>> {
    let mut inside: Option<NodeId> = None;
    page.tree.root().traverse().filter_map(move |edge| match edge {
        Edge::Open(node) => match node.value() {
            Node::Element(element) if inside.is_none() => {
                if element.name() == "template" {
                    inside = Some(node.id());
                }
                ElementRef::wrap(node)
            }
            _ => None,
        },
        Edge::Close(node) => {
            if inside == Some(node.id()) {
                inside = None;
            }
            None
        }
    })
}

/// Root elements of feeds, as the tree names them.
const FEEDS: [&str; 3] = ["rss", "rdf:rdf", "feed"];

/// Returns the address of a feed's item: the text of RSS's `link`, or the `href` of Atom's with relation `alternate` or
/// none. Items may nest, so a text is read only up to the length that a URL may have.
fn item_target<'e>(element: ElementRef<'e>, budget: &Budget<'_>) -> Option<Cow<'e, str>> {
    let parent = element.parent().and_then(ElementRef::wrap)?;
    match (element.value().name(), parent.value().name()) {
        ("link", "item") => {
            let mut text = String::new();
            for piece in element.text() {
                if text.len() + piece.len() > MAX_ITEM_TEXT || !budget.step(1) {
                    return None;
                }
                text.push_str(piece);
            }
            Some(text.into())
        }
        ("link", "entry") if element.attr("rel").is_none_or(|rel| rel.trim().eq_ignore_ascii_case("alternate")) => {
            element.attr("href").map(Cow::from)
        }
        _ => None,
    }
}

/// Returns the kind and the address, as written, of an element that links to something that a crawl follows.
fn target(element: &Element) -> Option<(LinkKind, &str)> {
    let kind = match element.name() {
        "a" | "area" => LinkKind::Anchor,
        "link" => {
            let is = |name: &str| tokens(element.attr("rel")).any(|t| t.eq_ignore_ascii_case(name));
            if is("canonical") {
                LinkKind::Canonical
            } else if is("next") {
                LinkKind::Next
            } else if is("alternate") && !is("stylesheet") && is_page(element.attr("type")) {
                LinkKind::Alternate
            } else {
                return None;
            }
        }
        _ => return None,
    };
    Some((kind, element.attr("href")?))
}

/// Returns whether a link's `type` is absent, or is the type of a page.
fn is_page(kind: Option<&str>) -> bool {
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.is_empty() || essence.eq_ignore_ascii_case("text/html")
}

fn tokens(attribute: Option<&str>) -> impl Iterator<Item = &str> {
    attribute.unwrap_or_default().split_ascii_whitespace()
}

/// Returns the URL of a link. Returns `None` for a link within the page, an invalid one, and one that does not lead to
/// a page.
fn resolve(base: &Url, href: &str) -> Option<Url> {
    let href = href.trim();
    if href.is_empty() || href.starts_with('#') || href.len() > MAX_URL {
        return None;
    }
    let mut url = base.join(href).ok()?;
    url.set_fragment(None);
    let page = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    (page && url.as_str().len() <= MAX_URL).then_some(url)
}

#[cfg(test)]
mod tests;

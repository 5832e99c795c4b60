//! The links of a page: what a crawl may go on to. They are read from the document that extraction parses, so a page is
//! parsed once. Of a feed (RSS, Atom) they are those of its items. It knows no pattern, no robots.txt and no other page.
//!
//! Sources: HTML, "links" and "base element"; RSS 2.0; RFC 4287 (Atom); RFC 8288 for relation types; `nofollow` as the robots meta element and the
//! link relation of that name have it.

use std::borrow::Cow;
use std::collections::HashMap;

use domain::canonical::MAX_URL;
use ego_tree::NodeId;
use ego_tree::iter::Edge;
use scraper::node::{Element, Node};
use scraper::{ElementRef, Html};
use url::Url;

/// Most links of a page; further ones are left out.
pub const MAX_LINKS: usize = 5_000;
/// Most bytes of all their URLs together: a page of short relative links to a long base must not grow a thousandfold.
pub const MAX_LINK_BYTES: usize = 4 * 1024 * 1024;

/// What a link was found as.
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
    /// Where to: absolute, http or https, without a fragment, at most [`MAX_URL`] bytes.
    pub url: Url,
    /// What it was found as, the first time.
    pub kind: LinkKind,
    /// Whether the page asks not to follow it: wherever it has the link, or of all its links.
    pub nofollow: bool,
}

/// The links of a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// Each URL once, in document order.
    pub links: Vec<Link>,
    /// Whether there were more than [`MAX_LINKS`] or [`MAX_LINK_BYTES`].
    pub truncated: bool,
}

impl Links {
    /// Reads the links of a document that was found at `url`, after redirects.
    pub(crate) fn of(page: &Html, url: &Url) -> Links {
        let head = Head::of(page, url);
        let mut links = Links::default();
        let mut known: HashMap<Url, usize> = HashMap::new();
        let mut bytes = 0;
        let feed = FEEDS.contains(&page.root_element().value().name());
        for element in elements(page) {
            let of_item = if feed { item_target(element).map(|href| (LinkKind::Item, href)) } else { None };
            let found = of_item.or_else(|| target(element.value()).map(|(kind, href)| (kind, href.into())));
            let Some((kind, href)) = found else { continue };
            let Some(target) = resolve(&head.base, &href) else { continue };
            let nofollow = head.nofollow || tokens(element.attr("rel")).any(|t| t.eq_ignore_ascii_case("nofollow"));
            if let Some(&at) = known.get(&target) {
                // One that may be followed is enough.
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

/// What is said of all links of a page, wherever in it.
struct Head {
    base: Url,
    nofollow: bool,
}

impl Head {
    fn of(page: &Html, url: &Url) -> Head {
        let mut base = None;
        let mut nofollow = false;
        for element in elements(page) {
            let element = element.value();
            match element.name() {
                // The first that has an address counts, even if it is none that can be used.
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

/// The elements of a page in document order, without what is in a `template`: that is no part of the page yet.
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

/// Root elements of feeds, as the tree has them.
const FEEDS: [&str; 3] = ["rss", "rdf:rdf", "feed"];

/// What an item of a feed is about: the text of RSS's `link`, the address of Atom's that is no other relation's.
fn item_target(element: ElementRef<'_>) -> Option<Cow<'_, str>> {
    let parent = element.parent().and_then(ElementRef::wrap)?;
    match (element.value().name(), parent.value().name()) {
        ("link", "item") => Some(element.text().collect::<String>().into()),
        ("link", "entry") if element.attr("rel").is_none_or(|rel| rel.trim().eq_ignore_ascii_case("alternate")) => {
            element.attr("href").map(Cow::from)
        }
        _ => None,
    }
}

/// What an element links to, as written, if it is a link that a crawl follows.
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

/// Whether a link's `type` is a page's, or not said.
fn is_page(kind: Option<&str>) -> bool {
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    essence.is_empty() || essence.eq_ignore_ascii_case("text/html")
}

fn tokens(attribute: Option<&str>) -> impl Iterator<Item = &str> {
    attribute.unwrap_or_default().split_ascii_whitespace()
}

/// The URL of a link; `None` for one within the page, one that is none, and one that is no page's.
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::html;

    fn links(page: &str) -> Links {
        let url = Url::parse("https://e.test/d/page?x=1").unwrap();
        Links::of(&html::parse(page), &url)
    }

    fn urls(page: &str) -> Vec<String> {
        links(page).links.into_iter().map(|l| l.url.to_string()).collect()
    }

    #[test]
    fn every_kind_of_link() {
        let page = "<link rel='NEXT' href=?x=2><link rel=canonical href=/c><link rel='alternate' hreflang=de href=/de>
            <link rel=alternate type='application/rss+xml' href=/feed><link rel=alternate type='Text/HTML; charset=x' href=/m>
            <link rel='alternate stylesheet' href=/s><link rel=stylesheet href=/t><link href=/u><link rel=next>
            <a href=' a '>1</a><map><area href=//f.test/b></map><a>none</a><a href>none</a><img src=/i>";
        let found: Vec<(String, LinkKind)> =
            links(page).links.into_iter().map(|l| (l.url.to_string(), l.kind)).collect();
        let want = [
            ("https://e.test/d/page?x=2", LinkKind::Next),
            ("https://e.test/c", LinkKind::Canonical),
            ("https://e.test/de", LinkKind::Alternate),
            ("https://e.test/m", LinkKind::Alternate),
            ("https://e.test/d/a", LinkKind::Anchor),
            ("https://f.test/b", LinkKind::Anchor),
        ];
        assert_eq!(found, want.map(|(u, k)| (u.to_owned(), k)));
    }

    #[test]
    fn what_is_no_page_is_left_out() {
        let page = "<a href=mailto:a@b.test>1</a><a href='javascript:x()'>2</a><a href=#top>3</a><a href=tel:1>4</a>
            <a href='http://['>5</a><a href=https://u:p@e.test/>6</a><a href=ftp://e.test/>7</a><a href=data:text/html,x>8</a>
            <template><a href=/in-template>9</a></template><!-- <a href=/comment> --><a href=/ok#part>10</a>";
        assert_eq!(urls(page), ["https://e.test/ok"]);
        assert!(urls(&format!("<a href=/{}>", "a".repeat(MAX_URL))).is_empty());
        assert!(urls(&format!("<a href=/{}>", "é".repeat(MAX_URL / 4))).is_empty());
    }

    #[test]
    fn the_base_is_honoured() {
        assert_eq!(urls("<base href=/b/><a href=x>"), ["https://e.test/b/x"]);
        assert_eq!(
            urls("<a href=x></a><base target=_top><base href=http://f.test/><base href=/c/>"),
            ["http://f.test/x"]
        );
        assert_eq!(urls("<base href='javascript:1'><base href=/c/><a href=x>"), ["https://e.test/d/x"]);
        assert_eq!(urls("<base href='http://['><a href=x>"), ["https://e.test/d/x"]);
        // To the page's own address with a base of another is a link.
        assert_eq!(urls("<base href=/b/><a href=?q>"), ["https://e.test/b/?q"]);
    }

    #[test]
    fn a_feed_links_to_its_items() {
        let rss = "<rss xmlns:atom='x'><channel><link>/home</link><atom:link rel=\"self\" href='/feed'/>
            <item><title>1</title><link> /a?x=1&amp;y=2 </link><guid>/guid</guid><comments>/c</comments></item>
            <item><link><![CDATA[b]]></link><description>&lt;a href='/no'></description></item><item/></channel></rss>";
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='self' href='/feed'/>
            <entry><link href='/c'/><link rel='edit' href='/no'/><link rel='enclosure' href='/no'/></entry>
            <entry><link rel='alternate' type='text/html' href='d'/></entry></feed>";
        let rdf = "<rdf:RDF xmlns:rdf='x'><channel><link>/no</link></channel><item><link>/e</link></item></rdf:RDF>";
        for (feed, want) in [
            (rss, &["https://e.test/a?x=1&y=2", "https://e.test/d/b"][..]),
            (atom, &["https://e.test/c", "https://e.test/d/d"]),
            (rdf, &["https://e.test/e"]),
        ] {
            let xml = crate::xml::parse(feed, &Default::default()).unwrap();
            let found = Links::of(&xml.tree, &Url::parse("https://e.test/d/page?x=1").unwrap()).links;
            assert_eq!(found.iter().map(|l| l.url.as_str()).collect::<Vec<_>>(), want);
            assert!(found.iter().all(|link| link.kind == LinkKind::Item));
        }
        assert!(urls("<item><link>/x</link></item>").is_empty(), "no feed, no items");
    }

    #[test]
    fn nofollow_is_told_apart() {
        let flags = |page: &str| links(page).links.iter().map(|l| l.nofollow).collect::<Vec<_>>();
        assert_eq!(flags("<a href=1 rel='noopener NoFollow'></a><a href=2 rel=nofollowed>"), [true, false]);
        assert_eq!(flags("<a href=1 rel=nofollow></a><a href=1>"), [false]);
        assert_eq!(flags("<a href=1></a><a href=1 rel=nofollow>"), [false]);
        for content in ["noindex,NOFOLLOW", "none", "noindex nofollow"] {
            assert_eq!(flags(&format!("<meta name=Robots content='{content}'><a href=1>")), [true], "{content}");
        }
        assert_eq!(
            flags("<meta name=robots content='noindex, follow'><meta name=x content=nofollow><a href=1>"),
            [false]
        );
    }

    #[test]
    fn number_and_size_are_bounded() {
        let page: String = (0..MAX_LINKS + 10).map(|i| format!("<a href={i}>x</a><a href=0>y</a>")).collect();
        let found = links(&page);
        assert_eq!((found.links.len(), found.truncated), (MAX_LINKS, true));
        let exactly: String = (0..MAX_LINKS).map(|i| format!("<a href={i}>x</a>")).collect();
        assert!(!links(&exactly).truncated);
        let far: String = (0..2_000).map(|i| format!("<a href={i}>x</a>")).collect();
        let found = links(&format!("<base href=/{}/>{far}", "a".repeat(8_000)));
        assert!(found.truncated && found.links.iter().map(|l| l.url.as_str().len()).sum::<usize>() <= MAX_LINK_BYTES);
    }

    proptest! {
        #[test]
        fn nothing_panics(page in "(<a href='|<base href='|<link rel=next href='|'>|<template>|</template>|https?://|[/?#:@%a.é]|\\PC){0,40}") {
            for link in links(&page).links {
                prop_assert!(matches!(link.url.scheme(), "http" | "https") && link.url.fragment().is_none());
            }
        }
    }
}

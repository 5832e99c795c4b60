use proptest::prelude::*;

use super::*;
use crate::budget::Limits;
use crate::html;

fn links(page: &str) -> Links {
    let url = Url::parse("https://e.test/d/page?x=1").unwrap();
    Links::of(&html::parse(page), &url, &Budget::default())
}

fn urls(page: &str) -> Vec<String> {
    links(page).links.into_iter().map(|l| l.url.to_string()).collect()
}

#[test]
fn every_kind_of_link_is_found() {
    let page = "<link rel='NEXT' href=?x=2><link rel=canonical href=/c><link rel='alternate' hreflang=de href=/de>
        <link rel=alternate type='application/rss+xml' href=/feed><link rel=alternate type='Text/HTML; charset=x' href=/m>
        <link rel='alternate stylesheet' href=/s><link rel=stylesheet href=/t><link href=/u><link rel=next>
        <a href=' a '>1</a><map><area href=//f.test/b></map><a>none</a><a href>none</a><img src=/i>";
    let found: Vec<(String, LinkKind)> = links(page).links.into_iter().map(|l| (l.url.to_string(), l.kind)).collect();
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
fn links_that_lead_to_no_page_are_left_out() {
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
    assert_eq!(urls("<a href=x></a><base target=_top><base href=http://f.test/><base href=/c/>"), ["http://f.test/x"]);
    assert_eq!(urls("<base href='javascript:1'><base href=/c/><a href=x>"), ["https://e.test/d/x"]);
    assert_eq!(urls("<base href='http://['><a href=x>"), ["https://e.test/d/x"]);
    // With another page's base, a link to the page's own address is a link.
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
        let found = Links::of(&xml.tree, &Url::parse("https://e.test/d/page?x=1").unwrap(), &Budget::default()).links;
        assert_eq!(found.iter().map(|l| l.url.as_str()).collect::<Vec<_>>(), want);
        assert!(found.iter().all(|link| link.kind == LinkKind::Item));
    }
    assert!(urls("<item><link>/x</link></item>").is_empty(), "no feed, no items");
}

/// Items nest, and each contains the texts of all within it: none is read beyond the length that an address may have.
#[test]
fn the_text_of_a_feed_link_is_read_only_to_the_length_of_an_address() {
    let feed = format!("<rss>{}{}</rss>", "<item><link>".repeat(100), "<b>x</b>".repeat(2 * MAX_ITEM_TEXT));
    let xml = crate::xml::parse(&feed, &Default::default()).unwrap();
    let budget = Budget::default();
    let found = Links::of(&xml.tree, &Url::parse("https://e.test/").unwrap(), &budget);
    assert!(found.links.is_empty());
    let max = (100 * (MAX_ITEM_TEXT + 200) + 10 * MAX_ITEM_TEXT) as u64;
    let steps = budget.taken().steps;
    assert!((100 * MAX_ITEM_TEXT as u64..max).contains(&steps), "{steps}");
}

#[test]
fn nofollow_is_recognised() {
    let flags = |page: &str| links(page).links.iter().map(|l| l.nofollow).collect::<Vec<_>>();
    assert_eq!(flags("<a href=1 rel='noopener NoFollow'></a><a href=2 rel=nofollowed>"), [true, false]);
    assert_eq!(flags("<a href=1 rel=nofollow></a><a href=1>"), [false]);
    assert_eq!(flags("<a href=1></a><a href=1 rel=nofollow>"), [false]);
    for content in ["noindex,NOFOLLOW", "none", "noindex nofollow"] {
        assert_eq!(flags(&format!("<meta name=Robots content='{content}'><a href=1>")), [true], "{content}");
    }
    assert_eq!(flags("<meta name=robots content='noindex, follow'><meta name=x content=nofollow><a href=1>"), [false]);
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

#[test]
fn links_are_read_within_the_budget() {
    let url = Url::parse("https://e.test/").unwrap();
    let page = html::parse(&(0..1_000).map(|i| format!("<a href={i}></a><i></i>")).collect::<String>());
    let whole = Budget::default();
    assert_eq!(Links::of(&page, &url, &whole).links.len(), 1_000);
    let steps = whole.taken().steps;
    assert!(steps >= 2 * 2_000 + 1_000 * URL_STEPS as u64, "{steps}");
    let half = Budget::limited(Limits { steps: steps / 2, ..Limits::PAGE });
    let found = Links::of(&page, &url, &half);
    assert!(found.truncated && (1..600).contains(&found.links.len()), "{}", found.links.len());
}

proptest! {
    #[test]
    fn nothing_panics(page in "(<a href='|<base href='|<link rel=next href='|'>|<template>|</template>|https?://|[/?#:@%a.é]|\\PC){0,40}") {
        for link in links(&page).links {
            prop_assert!(matches!(link.url.scheme(), "http" | "https") && link.url.fragment().is_none());
        }
    }
}

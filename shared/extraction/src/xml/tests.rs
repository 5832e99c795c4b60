use serde_json::{Map, json};

use super::*;
use crate::budget::Limits;

fn read(text: &str) -> Xml {
    parse(text, &Budget::default()).unwrap()
}

fn select(xml: &Xml, selector: &str) -> Vec<String> {
    let selector = scraper::Selector::parse(selector).unwrap();
    xml.tree.select(&selector).map(|e| e.text().collect()).collect()
}

#[test]
fn a_feed_is_read_as_a_tree_and_as_values() {
    let xml = read(
        "<?xml version='1.0'?><!-- <rss> --><rss xmlns:dc='d' xmlns:m='m'><channel><title><![CDATA[A & <b>]]></title>\
         <atom:link href='https://a.test/feed' rel='self'/><link>https://a.test/</link>\
         <item><title>1 &amp; 2&nbsp;&#x20AC; & 3</title><m:title>x</m:title><link>https://a.test/1</link>\
         <dc:creator>Eve</dc:creator><pubDate>Wed, 01 May 2024 22:15:00 GMT</pubDate><enclosure url='https://a.test/1.mp3' length='3'/>\
         <price currency='EUR'>4.50</price></item></channel></rss>",
    );
    assert_eq!(select(&xml, "item > title"), ["1 & 2\u{a0}€ & 3"]);
    assert_eq!(select(&xml, "item > link"), ["https://a.test/1"]);
    assert_eq!(select(&xml, "item > pubDate"), ["Wed, 01 May 2024 22:15:00 GMT"]);
    assert_eq!(select(&xml, "dc\\:creator"), ["Eve"]);
    let item = json!({
        "title": "1 & 2 € & 3", "m:title": "x", "link": "https://a.test/1", "creator": "Eve",
        "pubDate": "Wed, 01 May 2024 22:15:00 GMT", "enclosure": "https://a.test/1.mp3",
        "price": { "value": "4.50", "currency": "EUR" },
    });
    let channel = json!({ "title": "A & <b>", "self": "https://a.test/feed", "link": "https://a.test/", "item": item });
    assert_eq!(xml.data, Some(json!({ "rss": { "channel": channel } })));
}

#[test]
fn atom_links_are_named_by_their_relation() {
    let xml = read(
        "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='self' href='https://a.test/f'/><link href='https://a.test/'/>\
         <entry><author><name>Eve</name></author><category term='news'/><content type='xhtml'><div>a <b>c</b></div></content></entry></feed>",
    );
    let entry =
        json!({ "author": { "name": "Eve" }, "category": "news", "content": { "type": "xhtml", "div": "a c" } });
    let feed = json!({ "self": "https://a.test/f", "link": "https://a.test/", "entry": entry });
    assert_eq!(xml.data, Some(json!({ "feed": feed })));
}

/// Returns a page of `n` siblings each with a prefixed name, a prefixed name that also occurs without a prefix, and
/// that name without a prefix.
fn siblings(n: usize) -> String {
    let each = |i: usize| format!("<m:a{i}>1</m:a{i}><m:b{i}>2</m:b{i}><b{i}>3</b{i}>");
    format!("<x>{}</x>", (0..n).map(each).collect::<String>())
}

#[test]
fn a_prefix_stays_only_where_another_sibling_has_the_name() {
    let data = read(&siblings(2_000)).data.unwrap();
    for i in 0..2_000 {
        let value = |name: String| data["x"][name].as_str().map(str::to_owned);
        let found = [value(format!("a{i}")), value(format!("m:b{i}")), value(format!("b{i}"))];
        assert_eq!(found, ["1", "2", "3"].map(|text| Some(text.to_owned())), "{i}");
    }
    assert_eq!(data["x"].as_object().map(Map::len), Some(6_000));
}

#[test]
fn steps_grow_with_the_nodes_and_end_with_the_budget() {
    let steps = |n: usize| {
        let budget = Budget::default();
        assert!(parse(&siblings(n), &budget).unwrap().data.is_some());
        budget.taken().steps
    };
    let (small, large) = (steps(1_000), steps(8_000));
    // A child takes three events, and its value three steps: for itself, and for the two nodes that make its text.
    assert!(small >= 1_000 * 3 * 6 && large <= small * 9, "{small} to {large}");
    let few = Budget::limited(Limits { steps: small - 1_000, ..Limits::PAGE });
    assert!(parse(&siblings(1_000), &few).unwrap().data.is_some());
    assert!(few.is_exhausted() && few.taken().steps < small - 900, "{}", few.taken().steps);
    // Not enough for the tree: its values are not read.
    let few = Budget::limited(Limits { steps: 1_000, ..Limits::PAGE });
    assert!(parse(&siblings(1_000), &few).unwrap().data.is_none());
    assert!(few.taken().steps < 1_100, "{}", few.taken().steps);
}

#[test]
fn xhtml_elements_may_close_themselves() {
    let xml = read(
        "<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'><head><title/><script src='x'/></head>\
         <body><div class='a'/><textarea/><a/><iframe/><p class='v'><![CDATA[5 & 6]]></p></body></html>",
    );
    assert_eq!(xml.data, None);
    assert_eq!(select(&xml, "body > p.v"), ["5 & 6"]);
    assert_eq!(select(&xml, ".a"), [""]);
}

#[test]
fn undeclared_xml_is_recognised() {
    for (text, want) in [
        ("<?xml version='1.0'?><a/>", true),
        ("\u{feff}<?xml version='1.0'?><?xml-stylesheet href='x'?><!-- c --><a/>", true),
        ("<rss version='2.0'>", true),
        ("<feed>", true),
        ("<?xml version='1.0'?><html>", false),
        ("<?xml version='1.0'?><!DOCTYPE html><html>", false),
        ("<!doctype html><rss>", false),
        ("<p>", false),
        ("<?xml", false),
        ("", false),
    ] {
        assert_eq!(is_xml(text), want, "{text}");
    }
}

#[test]
fn hostile_xml_ends() {
    assert!(parse("<a>".repeat(100_000).as_str(), &Budget::default()).is_some());
    let entities: String = (0..20_000).map(|i| format!("&e{i};")).collect();
    let xml = read(&format!("<!DOCTYPE a [<!ENTITY e0 'x'>]><a b='{entities}'>{entities}</a>"));
    assert!(xml.data.is_some());
    for broken in ["", "<", "<!--", "text", "<![CDATA[", "</a>", "&amp;"] {
        assert!(parse(broken, &Budget::default()).is_none(), "{broken}");
    }
    // End tags that match nothing, and elements that are never closed.
    assert_eq!(read("<a><b>1<c>2</b></x>3</a>").data, Some(json!({ "a": "123" })));
}

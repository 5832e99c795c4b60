use serde_json::json;

use super::*;

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

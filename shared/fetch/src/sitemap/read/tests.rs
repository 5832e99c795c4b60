use proptest::prelude::*;

use super::*;
use crate::target::MAX_URL;

/// Returns what is read from these bytes, as `page url` and `sitemap url`, and the result.
async fn read_bytes(bytes: &[u8], max: usize) -> (Vec<String>, Result<(), FetchError>) {
    let mut found = Vec::new();
    let mut sink = |kind, url: Url| {
        found.push(format!("{} {url}", if kind == UrlKind::Page { "page" } else { "sitemap" }));
        if found.len() < 1_000 { Flow::Continue } else { Flow::Stop }
    };
    // In pieces of seven bytes: the result must not depend on where pieces end.
    let base = Url::parse("https://e.test/maps/s.xml").unwrap();
    let end = read_plain(Box::new(BufReader::with_capacity(7, bytes)), &base, max, &mut sink).await;
    (found, end)
}

async fn good(text: &str) -> Vec<String> {
    let (found, end) = read_bytes(text.as_bytes(), 1 << 20).await;
    assert_eq!(end, Ok(()), "{text}");
    found
}

/// Returns what was read before the error; checks the error.
async fn bad(text: &str, why: &str) -> Vec<String> {
    let (found, end) = read_bytes(text.as_bytes(), 1 << 20).await;
    let error = end.unwrap_err().to_string();
    assert!(error.contains(why), "{text:.300}: {error}");
    found
}

const SET: &str = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>";

#[tokio::test]
async fn urlsets_and_indexes_yield_only_their_own_loc_elements() {
    let set = format!(
        "\u{feff}\n<?xml version='1.0' encoding='UTF-8'?><!-- c -->{SET}
        <url><loc> https://e.test/a </loc><lastmod>2026-01-01</lastmod>
            <image:image><image:loc>https://e.test/image.jpg</image:loc></image:image></url>
        <url><lastmod/><loc><![CDATA[https://e.test/b?x=1&y=2]]></loc></url>
        <url><loc>https://e.test/c?x=1&amp;y=2&#38;z=&#x33;</loc></url>
        <url><loc>https://e.test/d?x=1&y=2</loc></url>
        <url><loc>https://e.test/<!-- c -->e</loc></url>
        <url><loc/></url><url><loc></loc></url><loc>https://e.test/no</loc><other><loc>https://e.test/no</loc></other>
        <url><loc>../relative</loc></url><url><loc>ftp://e.test/</loc></url><url><loc>https://u:p@e.test/</loc></url>
        </urlset> <whatever"
    );
    let want = ["page https://e.test/a", "page https://e.test/b?x=1&y=2", "page https://e.test/c?x=1&y=2&z=3"];
    let more = ["page https://e.test/d?x=1&y=2", "page https://e.test/e", "page https://e.test/relative"];
    assert_eq!(good(&set).await, [&want[..], &more[..]].concat());
    let index = "<s:sitemapindex xmlns:s='x'><s:sitemap><s:loc>https://e.test/1.xml</s:loc></s:sitemap>
        <url><loc>https://e.test/no</loc></url></s:sitemapindex>";
    assert_eq!(good(index).await, ["sitemap https://e.test/1.xml"]);
    assert!(good("<urlset/>").await.is_empty() && good("<urlset></urlset>").await.is_empty());
}

#[tokio::test]
async fn one_url_per_line_is_read() {
    let text = "\u{feff}https://e.test/a\r\nhttps://e.test/b\rhttps://e.test/c\n\n  https://e.test/d  \nnonsense\n/e\n";
    let want = ["a", "b", "c", "d"].map(|p| format!("page https://e.test/{p}"));
    assert_eq!(good(text).await, want);
    assert_eq!(read_bytes(b"https://e.test/\xff\nhttps://e.test/z", 1 << 20).await.0, ["page https://e.test/z"]);
    assert!(good("").await.is_empty() && good(" \n \r ").await.is_empty());
}

#[tokio::test]
async fn no_entity_is_expanded_and_no_dtd_is_read() {
    let bomb = format!(
        "<!DOCTYPE urlset [<!ENTITY a 'https://e.test/x'><!ENTITY b '&a;&a;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>{SET}
        <url><loc>&a;</loc></url><url><loc>https://e.test/&b;</loc></url><url><loc>https://e.test/?&f;</loc></url>
        <url><loc>https://e.test/&#0;</loc></url><url><loc>https://e.test/&nbsp;</loc></url>
        <url><loc>https://e.test/ok</loc></url></urlset>"
    );
    assert_eq!(good(&bomb).await, ["page https://e.test/ok"]);
}

#[tokio::test]
async fn a_broken_sitemap_yields_the_urls_before_the_fault() {
    let start = format!("{SET}<url><loc>https://e.test/a</loc></url>");
    let one = ["page https://e.test/a"];
    for rest in ["<url", "<url><loc>https://e.test/b", "<!-- ", "<url></loc>", "<![CDATA[x"] {
        assert_eq!(bad(&format!("{start}{rest}"), "breaks off").await, one, "{rest}");
    }
    let deep = format!("{start}<url>{}", "<x>".repeat(40));
    assert_eq!(bad(&deep, "breaks off").await, one);
    for page in ["<html><body><a href=x>", "</urlset>", "<!doctype html><html>"] {
        assert!(bad(page, "neither").await.is_empty());
    }
}

#[tokio::test]
async fn broken_markup_costs_one_url() {
    let paths = |found: Vec<String>| found.iter().map(|f| f.rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>();
    for (text, want) in [
        ("<URLSET><URL><LOC>https://e.test/a</LOC></URL><Url><Loc>https://e.test/b</Loc></Url></URLSET>", "a b"),
        ("<urlset><url><loc>https://e.test/a</url><url><loc>https://e.test/b</loc><url><loc>https://e.test/c", "a b"),
        ("<urlset><url><loc>https://e.test/a<lastmod>1</url><url><loc>https://e.test/b</loc></url>", "a b"),
        (
            "<urlset><url><loc>https://e.test/a&nbsp;</loc></url></loc></x><url><loc>https://e.test/b</loc></url></urlset>",
            "b",
        ),
        ("<n:urlset xmlns:n='x'><url><loc>/a</loc></url><n:url><n:loc>/b</n:loc></n:url></n:urlset>", "a b"),
        ("<urlset xmlns:i='x'><url><i:loc>/i</i:loc><loc>/a</loc></url><i:url><loc>/n</loc></i:url></urlset>", "a"),
    ] {
        assert_eq!(paths(read_bytes(text.as_bytes(), 1 << 20).await.0).join(" "), want, "{text}");
    }
    let broken = b"<urlset><url><loc>https://e.test/\xff</loc></url><url><loc>https://e.test/b</loc></url></urlset>";
    let (found, end) = read_bytes(broken, 1 << 20).await;
    assert_eq!((paths(found), end), (vec!["b".to_owned()], Ok(())));
}

#[tokio::test]
async fn utf_16_and_declared_encodings_are_read() {
    let set = "<?xml version='1.0' encoding='utf-16'?><urlset><url><loc>https://e.test/\u{e9}</loc></url></urlset>";
    let wide = |text: &str, swap: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|u| if swap { u.to_be_bytes() } else { u.to_le_bytes() }).collect()
    };
    for (swap, mark) in [(false, false), (false, true), (true, false), (true, true)] {
        let (found, end) = read_bytes(&wide(set, swap, mark), 1 << 20).await;
        assert_eq!((found, end), (vec!["page https://e.test/%C3%A9".to_owned()], Ok(())), "{swap} {mark}");
    }
    let lines = wide("https://e.test/a\r\nhttps://e.test/b", false, true);
    assert_eq!(read_bytes(&lines, 1 << 20).await.0.len(), 2);
    let legacy =
        b"<?xml version='1.0' encoding='iso-8859-1'?><urlset><url><loc>https://e.test/\xe9</loc></url></urlset>";
    assert_eq!(read_bytes(legacy, 1 << 20).await.0, ["page https://e.test/%C3%A9"]);
}

#[tokio::test]
async fn feeds_are_sitemaps() {
    let rss = "<?xml version='1.0'?><rss xmlns:atom='x'><channel><link>https://e.test/</link><atom:link href='/self'/>
        <item><title>1</title><link><![CDATA[https://e.test/a?x=1&y=2]]></link><atom:link href='/no'/></item>
        <item><link> /b </link></item></channel></rss>";
    assert_eq!(good(rss).await, ["page https://e.test/a?x=1&y=2", "page https://e.test/b"]);
    let rdf = "<rdf:RDF xmlns:rdf='x'><channel><link>/no</link></channel><item rdf:about='y'><link>/a</link></item></rdf:RDF>";
    assert_eq!(good(rdf).await, ["page https://e.test/a"]);
    let atom = "<feed><link href='/no'/><entry><link rel=\"edit\" href='/no'/><link rel='alternate' href='/a?x=1&amp;y=2'/></entry>
        <entry><link href='b'/><content><a href='/no'>x</a></content></entry></feed>";
    assert_eq!(good(atom).await, ["page https://e.test/a?x=1&y=2", "page https://e.test/maps/b"]);
}

#[tokio::test]
async fn the_sizes_of_files_and_items_are_bounded() {
    let start = format!("{SET}<url><loc>https://e.test/a</loc></url>");
    let long = "a".repeat(MAX_ITEM + 100);
    for item in [format!("<!--{long}-->"), format!("<url x='{long}'>"), format!("<url><loc>{long}"), format!("<{long}")]
    {
        assert_eq!(bad(&format!("{start}{item}"), "bytes").await, ["page https://e.test/a"]);
    }
    // A URL over the maximum length is skipped; reading continues.
    let url = format!(
        "{start}<url><loc>https://e.test/{}</loc></url><url><loc>https://e.test/b</loc></url></urlset>",
        "a".repeat(MAX_URL)
    );
    assert_eq!(good(&url).await, ["page https://e.test/a", "page https://e.test/b"]);
    assert_eq!(bad(&format!("https://e.test/a\n{long}"), "a line").await, ["page https://e.test/a"]);
    // Leading white space is not an item.
    assert_eq!(good(&format!("{}https://e.test/a", " ".repeat(2 * MAX_ITEM))).await, ["page https://e.test/a"]);
    let text = "https://e.test/a\nhttps://e.test/b";
    assert_eq!(read_bytes(text.as_bytes(), text.len()).await.1, Ok(()));
    let (found, end) = read_bytes(text.as_bytes(), text.len() - 1).await;
    assert!(found == ["page https://e.test/a"] && end.unwrap_err().to_string().contains("is over 32 bytes"));
}

#[tokio::test]
async fn reading_ends_when_the_consumer_has_enough() {
    let text: String = (0..2_000).map(|i| format!("https://e.test/{i}\n")).collect();
    assert_eq!(good(&text).await.len(), 1_000);
    let set: String = (0..2_000).map(|i| format!("<url><loc>https://e.test/{i}</loc></url>")).collect();
    assert_eq!(good(&format!("{SET}{set}")).await.len(), 1_000);
}

proptest! {
    #[test]
    fn nothing_panics(text in "(<urlset>|</urlset>|<sitemapindex>|<url>|</url>|<loc>|</loc>|<loc/>|https://e.test/|&amp;|&#x41;|&x;|&|<!--|-->|<!\\[CDATA\\[|\\]\\]>|\\PC|\n){0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (found, _) = runtime.block_on(read_bytes(text.as_bytes(), 300));
        prop_assert!(found.len() <= text.len());
    }
}

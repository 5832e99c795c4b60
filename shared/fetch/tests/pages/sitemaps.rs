//! Sitemaps: formats and compression, indexes, limits, and that the guard applies to them.

use std::time::{Duration, Instant};

use async_compression::tokio::write::GzipEncoder;
use fetch::sitemap::{MAX_FILES, MAX_URL_BYTES, MAX_URLS};
use fetch::{FetchConfig, FetchError, Fetcher, Sitemap, SitemapRequest};
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::scripted::{Answer, Scripted, ok, open, status, to};
use crate::site::page;
use crate::{MAX_SITEMAP, fetcher, packed};

fn set(paths: &[&str]) -> String {
    let urls: String = paths.iter().map(|p| format!("<url><loc>https://e.test/{p}</loc></url>")).collect();
    format!("<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">{urls}</urlset>")
}

fn index(urls: &[String]) -> String {
    let maps: String = urls.iter().map(|u| format!("<sitemap><loc>{u}</loc></sitemap>")).collect();
    format!("<sitemapindex>{maps}</sitemapindex>")
}

async fn read(f: &Fetcher, url: &str) -> Sitemap {
    read_some(f, url, 1_000, Duration::from_secs(20)).await
}

async fn read_some(f: &Fetcher, url: &str, max_urls: usize, timeout: Duration) -> Sitemap {
    let (f, url) = (f.clone(), Url::parse(url).unwrap());
    // Spawned as a task, so that the future must be `Send`.
    let task = tokio::spawn(async move {
        f.sitemap(SitemapRequest { url: &url, wanted: &|_| true, max_urls, timeout, pause: Duration::ZERO }).await
    });
    task.await.unwrap()
}

fn paths(found: &Sitemap) -> Vec<&str> {
    found.urls.iter().map(|u| &u.path()[1..]).collect()
}

#[tokio::test]
async fn xml_and_lines_are_read_plain_and_compressed() {
    let f = fetcher();
    let xml = set(&["a", "b"]);
    let lines = "https://e.test/a\r\nhttps://e.test/b\n";
    let twice = packed::gzip(&packed::gzip(xml.as_bytes()));
    let binary = "Content-Type: application/octet-stream\r\n";
    for (name, answer) in [
        ("xml", ok(&xml)),
        ("lines", ok(lines)),
        ("packed", ok(packed::gzip(xml.as_bytes()))),
        ("packed lines", Answer::Bytes(page("200 OK", binary, &packed::gzip(lines.as_bytes())))),
        ("members", ok([packed::gzip(&xml.as_bytes()[..90]), packed::gzip(&xml.as_bytes()[90..])].concat())),
        ("encoded", Answer::Bytes(page("200 OK", "Content-Encoding: gzip\r\n", &packed::gzip(xml.as_bytes())))),
        ("packed and encoded", Answer::Bytes(page("200 OK", "Content-Encoding: gzip\r\n", &twice))),
        ("without length", Answer::Bytes(open("", &xml))),
    ] {
        let site = Scripted::start(vec![("/s", answer), ("/moved", to("/s"))]).await;
        for path in ["/s", "/moved"] {
            let found = read(&f, &site.url(path)).await;
            assert_eq!((paths(&found), found.files, found.truncated), (vec!["a", "b"], 1, false), "{name}");
            assert_eq!(found.fault, None, "{name}");
        }
    }
}

/// Only on its own host and no deeper; a file that fails does not keep the others from being read.
#[tokio::test]
async fn an_index_is_followed_three_levels() {
    let f = fetcher();
    let elsewhere = Scripted::start(vec![("/x.xml", ok(set(&["elsewhere"])))]).await;
    let foreign = elsewhere.url("/x.xml");
    let site = Scripted::start_on("127.0.0.1", |address| {
        let url = |path: &str| format!("http://{address}{path}");
        let all = ["/gone.xml", "/1.xml", "/index.xml", "/deeper.xml", "/broken.xml", "/2.xml.gz", "/1.xml"].map(url);
        vec![
            ("/index.xml", ok(index(&[&all[..], &[foreign]].concat()))),
            ("/1.xml", ok(set(&["a"]))),
            ("/2.xml.gz", ok(packed::gzip(set(&["c"]).as_bytes()))),
            ("/deeper.xml", ok(index(&[url("/third.xml")]))),
            ("/third.xml", ok(index(&[url("/fourth.xml"), url("/d.xml"), url("/index.xml")]))),
            ("/d.xml", ok(set(&["d"]))),
            ("/fourth.xml", ok(index(&[url("/never.xml")]))),
            ("/never.xml", ok(set(&["never"]))),
            ("/broken.xml", ok(&set(&["b", "x"])[..150])),
        ]
    })
    .await;
    let found = read(&f, &site.url("/index.xml")).await;
    assert_eq!((paths(&found), found.files), (vec!["a", "b", "c", "d"], 9));
    let first = ["/index.xml", "/gone.xml", "/1.xml", "/deeper.xml", "/broken.xml", "/2.xml.gz"];
    assert_eq!(site.asked(), [&first[..], &["/third.xml", "/fourth.xml", "/d.xml"]].concat());
    assert!(matches!(&found.fault, Some(FetchError::Unreachable(text)) if text.contains("404")), "{:?}", found.fault);
    assert!(elsewhere.asked().is_empty());
}

#[tokio::test]
async fn there_is_a_pause_between_files() {
    let f = fetcher();
    let site = Scripted::start_on("127.0.0.1", |address| {
        let maps = ["/1", "/2"].map(|path| format!("http://{address}{path}"));
        vec![("/index", ok(index(&maps))), ("/1", ok(set(&["a"]))), ("/2", ok(set(&["b"])))]
    })
    .await;
    let url = Url::parse(&site.url("/index")).unwrap();
    let (timeout, pause) = (Duration::from_secs(20), Duration::from_millis(60));
    let start = Instant::now();
    let found = f.sitemap(SitemapRequest { url: &url, wanted: &|_| true, max_urls: 9, timeout, pause }).await;
    assert!(paths(&found) == ["a", "b"] && start.elapsed() >= pause * 2);
}

#[tokio::test]
async fn no_more_urls_than_wanted_are_returned() {
    let f = fetcher();
    let many: Vec<String> = (0..2_000).map(|i| format!("p{i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let site = Scripted::start_on("127.0.0.1", |address| {
        let maps = ["/many", "/more"].map(|path| format!("http://{address}{path}"));
        vec![("/many", ok(set(&many))), ("/more", ok(set(&["last"]))), ("/index", ok(index(&maps)))]
    })
    .await;
    let found = read_some(&f, &site.url("/many"), 10, Duration::from_secs(20)).await;
    assert_eq!((found.urls.len(), found.truncated, found.fault), (10, true, None));
    let found = read_some(&f, &site.url("/many"), 2_000, Duration::from_secs(20)).await;
    assert_eq!((found.urls.len(), found.truncated), (2_000, false));
    let found = read_some(&f, &site.url("/index"), 2_000, Duration::from_secs(20)).await;
    assert_eq!((found.urls.len(), found.truncated, found.files), (2_000, true, 2));
    let url = Url::parse(&site.url("/index")).unwrap();
    let (timeout, pause) = (Duration::from_secs(20), Duration::ZERO);
    let wanted = |url: &Url| url.path().ends_with('9') || url.path() == "/last";
    let found = f.sitemap(SitemapRequest { url: &url, wanted: &wanted, max_urls: 201, timeout, pause }).await;
    assert_eq!((found.urls.len(), found.truncated), (201, false));
    assert_eq!(paths(&found).last(), Some(&"last"));
}

#[tokio::test]
async fn endless_sitemaps_end_at_their_limits() {
    let f = fetcher();
    let head = set(&["a"]).replace("</urlset>", "");
    let unwanted = b"<url><lastmod>2026-01-01</lastmod></url>".repeat(1_000);
    let packed = |byte| [open("", packed::bomb_start(byte)), packed::bomb_more().repeat(100)].concat();
    let stored = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..], &[0, 0, 0, 0xff, 0xff]].concat();
    for (name, answer, want, why) in [
        ("xml", Answer::Endless(open("", &head), unwanted), vec!["a"], "is over 1000000 bytes"),
        ("lines", Answer::Endless(open("", "https://e.test/a\n"), b"nonsense\n".repeat(1_000)), vec!["a"], "is over"),
        ("one line", Answer::Endless(open("", "https://e.test/a\n"), b"nonsense".repeat(1_000)), vec!["a"], "a line"),
        (
            "one tag",
            Answer::Endless(open("", format!("{head}<url x='")), b"nonsense".repeat(1_000)),
            vec!["a"],
            "a tag",
        ),
        // Empty lines, and one long line: 200,000 bytes for each of these compressed pieces.
        ("bomb", Answer::Endless(packed(b' '), packed::bomb_more().repeat(100)), vec![], "is over 1000000 bytes"),
        ("bomb of one line", Answer::Endless(packed(b'a'), packed::bomb_more().repeat(100)), vec![], "a line"),
        // Empty blocks: the bytes sent are bounded too.
        ("packed nothing", Answer::Endless(open("", stored), [0, 0, 0, 0xff, 0xff].repeat(1_000)), vec![], "is over"),
    ] {
        let site = Scripted::start(vec![("/s", answer)]).await;
        let found = read(&f, &site.url("/s")).await;
        assert_eq!(paths(&found), want, "{name}");
        let fault = found.fault.map(|e| e.to_string()).unwrap_or_default();
        assert!(fault.contains(why), "{name}: {fault}");
    }
    let urls = b"<url><loc>https://e.test/b</loc></url>".repeat(1_000);
    let site = Scripted::start(vec![("/s", Answer::Endless(open("", &head), urls))]).await;
    let found = read_some(&f, &site.url("/s"), 5, Duration::from_secs(20)).await;
    assert_eq!((found.urls.len(), found.truncated, found.fault), (5, true, None));
}

/// Two layers of compression, each of which may decode to nothing for ever: the file's own, and the Content-Encoding
/// around it.
#[tokio::test]
async fn each_layer_of_compression_is_bounded() {
    let f = fetcher();
    let nothing = [0, 0, 0, 0xff, 0xff];
    let inner = [&packed::bomb_start(b'a')[..10], &nothing.repeat(2_000)[..]].concat();
    let coded = "Content-Encoding: gzip\r\n";
    // Five million bytes of empty blocks, sent in fewer bytes than the limit.
    let both = [gzipped(&inner).await, gzipped(&nothing.repeat(1_000_000)).await].concat();
    assert!(both.len() < MAX_SITEMAP);
    for (name, answer) in [
        ("around", Answer::Endless(open(coded, &inner), nothing.repeat(2_000))),
        ("inside", Answer::Endless(open("", &inner), nothing.repeat(2_000))),
        ("both", Answer::Bytes(page("200 OK", coded, &both))),
        // Few bytes are sent, and they end.
        ("unpacked", ok(gzipped(&b"nonsense\n".repeat(MAX_SITEMAP / 4)).await)),
    ] {
        let site = Scripted::start(vec![("/s", answer)]).await;
        let fault = read(&f, &site.url("/s")).await.fault.map(|e| e.to_string()).unwrap_or_default();
        assert!(fault.contains("is over 1000000 bytes"), "{name}: {fault}");
        site.wait_until_idle().await;
    }
}

async fn gzipped(data: &[u8]) -> Vec<u8> {
    let mut packer = GzipEncoder::new(Vec::new());
    packer.write_all(data).await.unwrap();
    packer.shutdown().await.unwrap();
    packer.into_inner()
}

#[tokio::test]
async fn the_numbers_of_urls_and_files_are_limited() {
    let f = fetcher();
    let urls: String = (0..=MAX_URLS).map(|i| format!("http://e/{i:x}\n")).collect();
    assert!(urls.len() < MAX_SITEMAP);
    let site = Scripted::start(vec![("/s", ok(&urls))]).await;
    let found = read_some(&f, &site.url("/s"), usize::MAX, Duration::from_secs(60)).await;
    assert_eq!((found.urls.len(), found.truncated, found.fault), (MAX_URLS, true, None));
    // One file more than allowed, counting the index. All of them are missing.
    let site = Scripted::start_on("127.0.0.1", |address| {
        let files: Vec<String> = (1..=MAX_FILES).map(|i| format!("http://{address}/{i}")).collect();
        vec![("/s", ok(index(&files)))]
    })
    .await;
    let found = read_some(&f, &site.url("/s"), usize::MAX, Duration::from_secs(60)).await;
    assert_eq!((found.files, found.truncated, site.asked().len()), (MAX_FILES, true, MAX_FILES));
}

/// Not only the number of URLs is limited, but also their total size.
#[tokio::test]
async fn the_total_size_of_urls_is_limited() {
    let limits = FetchConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..FetchConfig::default() };
    let f = Fetcher::new(limits).unwrap();
    let line = format!("https://e.test/{}\n", "a".repeat(8_000));
    let fit = MAX_URL_BYTES / (line.len() - 1);
    let site = Scripted::start(vec![("/s", ok(line.repeat(fit + 2)))]).await;
    let found = read_some(&f, &site.url("/s"), usize::MAX, Duration::from_secs(60)).await;
    assert_eq!((found.urls.len(), found.truncated, found.fault), (fit, true, None));
}

#[tokio::test]
async fn a_broken_sitemap_yields_what_arrived_before() {
    let f = fetcher();
    let start = set(&["a"]).replace("</urlset>", "");
    let packed = packed::gzip(set(&["a"]).as_bytes());
    let hang = Answer::Hang(open("", &start));
    let short = format!("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{start}").into_bytes();
    for (name, answer, want) in [
        ("xml", ok(format!("{start}<url></loc>")), vec!["a"]),
        ("cut", ok(&start[..start.len() - 3]), vec!["a"]),
        ("broken off", Answer::Bytes(short), vec!["a"]),
        ("hangs", hang, vec!["a"]),
        ("packed and cut", ok(&packed[..packed.len() - 9]), vec![]),
        ("not packed", ok(b"\x1f\x8bnonsense"), vec![]),
        ("a page", ok("<!doctype html><title>Not found</title><p>https://e.test/a"), vec![]),
        ("none", status(404), vec![]),
        ("error", status(503), vec![]),
        ("unknown encoding", Answer::Bytes(page("200 OK", "Content-Encoding: compress\r\n", b"\x1f\x9d")), vec![]),
        ("loop", to("/s"), vec![]),
    ] {
        let site = Scripted::start(vec![("/s", answer)]).await;
        let begin = Instant::now();
        // The others end by themselves. The start of this one arrives in time on a busy machine, too.
        let timeout = Duration::from_secs(if name == "hangs" { 3 } else { 20 });
        let found = read_some(&f, &site.url("/s"), 10, timeout).await;
        assert!(begin.elapsed() < Duration::from_secs(60), "{name}: {:?}", begin.elapsed());
        // URLs decompressed before the damage may or may not have been handed on.
        if name != "packed and cut" {
            assert_eq!(paths(&found), want, "{name}");
        }
        assert!(found.fault.is_some() && !found.truncated, "{name}");
        assert_eq!(matches!(found.fault, Some(FetchError::Timeout(_))), name == "hangs", "{name}: {:?}", found.fault);
    }
    let limit = set(&["a"]).len();
    let site = Scripted::start(vec![("/s", ok(set(&["a"]) + &" ".repeat(MAX_SITEMAP - limit)))]).await;
    assert_eq!(read(&f, &site.url("/s")).await.fault, None);
}

#[tokio::test]
async fn the_guard_applies() {
    let other = Scripted::start_on("127.0.0.2", |_| vec![("/s", ok(set(&["secret"])))]).await;
    let one = FetchConfig { allow: vec!["127.0.0.1/32".parse().unwrap()], ..FetchConfig::default() };
    let f = Fetcher::new(one).unwrap();
    let target = other.url("/s");
    let site = Scripted::start_on("127.0.0.1", |address| {
        let maps = [format!("http://{address}/moved"), format!("http://{address}/1"), target.clone()];
        vec![
            ("/moved", to(&target)),
            ("/metadata", to("http://169.254.169.254/s")),
            ("/index", ok(index(&maps))),
            ("/1", ok(set(&["a"]))),
        ]
    })
    .await;
    for url in
        [site.url("/moved"), site.url("/metadata"), target.clone(), "http://10.0.0.1/s".into(), "file:///s".into()]
    {
        let found = read(&f, &url).await;
        assert!(found.urls.is_empty() && matches!(found.fault, Some(FetchError::Forbidden(_))), "{url}: {found:?}");
    }
    let found = read(&f, &site.url("/index")).await;
    assert_eq!(paths(&found), ["a"]);
    assert!(matches!(found.fault, Some(FetchError::Forbidden(_))), "{found:?}");
    assert!(other.asked().is_empty());
}

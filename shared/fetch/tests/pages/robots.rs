//! robots.txt: what each outcome means, the limits, and that the guard applies.

use std::time::{Duration, Instant};

use fetch::robots::MAX_ROBOTS;
use fetch::{FetchConfig, FetchError, Fetcher, Robots, RobotsAnswer, RobotsOutcome};
use url::Url;

use crate::scripted::{Answer, Scripted, ok, open, status, to};
use crate::site::page;
use crate::{closed_port, fetcher, packed};

const RULES: &str = "User-agent: runo\nDisallow: /private\nCrawl-delay: 2\nSitemap: https://e.test/s.xml\n";

async fn ask(f: &Fetcher, url: &str) -> RobotsAnswer {
    let (f, url) = (f.clone(), Url::parse(url).unwrap());
    // Spawned as a task, so that the future must be `Send`.
    tokio::spawn(async move { f.robots(&url, Duration::from_secs(20)).await }).await.unwrap()
}

fn allows(answer: &RobotsAnswer, path: &str) -> bool {
    answer.robots.allows(&Url::parse(&format!("https://e.test{path}")).unwrap())
}

/// Returns which rules apply: those of the file, "allow all" or "disallow all". Checks that the rules match the
/// outcome.
fn verdict(answer: &RobotsAnswer) -> &'static str {
    match &answer.outcome {
        RobotsOutcome::Found => "found",
        RobotsOutcome::Unavailable => {
            assert!(allows(answer, "/private") && allows(answer, "/"));
            "allow all"
        }
        RobotsOutcome::Unreachable(_) | RobotsOutcome::NoConnection(_) => {
            assert_eq!(answer.robots.has_no_connection(), matches!(answer.outcome, RobotsOutcome::NoConnection(_)));
            assert!(!allows(answer, "/private") && !allows(answer, "/"));
            "disallow all"
        }
    }
}

#[tokio::test]
async fn the_file_at_the_root_is_fetched_and_parsed_for_our_crawler() {
    let (site, f) = (Scripted::start(vec![("/robots.txt", ok(RULES))]).await, fetcher());
    assert_eq!(f.product_token(), "Runo");
    let answer = ask(&f, &site.url("/deep/page?x=1#y")).await;
    assert_eq!((verdict(&answer), answer.status), ("found", Some(200)));
    assert!(allows(&answer, "/") && !allows(&answer, "/private/x"));
    assert_eq!(answer.robots.crawl_delay(), Some(Duration::from_secs(2)));
    assert_eq!(answer.robots.sitemaps()[0].as_str(), "https://e.test/s.xml");
    assert_eq!(site.asked(), ["/robots.txt"]);
    // Files with other types and encodings.
    for file in [
        page("200 OK", "Content-Type: application/octet-stream\r\n", RULES.as_bytes()),
        page("203 Other", "", RULES.as_bytes()),
        page("200 OK", "Content-Encoding: gzip\r\n", &packed::gzip(RULES.as_bytes())),
        // Compressed but not declared; declared but not compressed; compressed twice.
        page("200 OK", "Content-Type: text/plain\r\n", &packed::gzip(RULES.as_bytes())),
        page("200 OK", "Content-Encoding: gzip\r\n", RULES.as_bytes()),
        page("200 OK", "Content-Encoding: gzip\r\n", &packed::gzip(&packed::gzip(RULES.as_bytes()))),
        page("200 OK", "", &[b"\xff\xfe".to_vec(), RULES.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()),
    ] {
        let site = Scripted::start(vec![("/robots.txt", Answer::Bytes(file))]).await;
        assert!(!allows(&ask(&f, &site.url("/")).await, "/private"));
    }
}

#[tokio::test]
async fn the_status_decides_which_rules_apply() {
    let f = fetcher();
    for (code, want) in [
        (204, "found"),
        (304, "allow all"),
        (400, "allow all"),
        (401, "allow all"),
        (403, "allow all"),
        (404, "allow all"),
        (410, "allow all"),
        (429, "allow all"),
        (500, "disallow all"),
        (502, "disallow all"),
        (503, "disallow all"),
        (599, "disallow all"),
    ] {
        let site = Scripted::start(vec![("/robots.txt", status(code))]).await;
        let answer = ask(&f, &site.url("/")).await;
        assert_eq!((verdict(&answer), answer.status), (want, Some(code)), "{code}");
    }
}

/// A relative path is resolved against the root of the URL where the file was found.
#[tokio::test]
async fn sitemaps_may_be_relative() {
    let file = "Sitemap: /a.xml\nSitemap: maps/b.xml\nSitemap: //e.test/c.xml\nSitemap: <https://e.test/d.xml>\n\
        Sitemap:\nSitemap: ftp://e.test/e.xml\nSitemap: http://u:p@e.test/f.xml\nSitemap: http://[/\n";
    let site = Scripted::start(vec![("/robots.txt", to("/deep/robots")), ("/deep/robots", ok(file))]).await;
    let answer = ask(&fetcher(), &site.url("/x")).await;
    let found: Vec<&str> = answer.robots.sitemaps().iter().map(Url::as_str).collect();
    let own = [site.url("/a.xml"), site.url("/maps/b.xml")];
    assert_eq!(found, [&own[0], &own[1], "http://e.test/c.xml", "https://e.test/d.xml"]);
}

/// A site that disallows and a site that cannot be reached are different; a row keeps them apart too.
#[tokio::test]
async fn an_unreached_site_is_distinguished_from_one_that_disallows() {
    let f = fetcher();
    let socket = closed_port();
    let closed = socket.local_addr().unwrap();
    let moved = Scripted::start(vec![("/robots.txt", to(format!("http://{closed}/robots.txt")))]).await;
    for (origin, want) in [
        (format!("http://{closed}/"), true),
        ("http://10.0.0.1/".into(), true),
        (moved.url("/"), false),
        (Scripted::start(vec![("/robots.txt", status(503))]).await.url("/"), false),
        (Scripted::start(vec![("/robots.txt", Answer::Bytes(b"220 smtp\r\n".to_vec()))]).await.url("/"), false),
    ] {
        let robots = ask(&f, &origin).await.robots;
        assert_eq!(
            (robots.has_no_connection(), robots.allows(&Url::parse(&origin).unwrap())),
            (want, false),
            "{origin}"
        );
        let kept = Robots::from_row(&robots.to_row().unwrap()).unwrap();
        assert_eq!(kept, robots, "{origin}");
    }
}

#[tokio::test]
async fn a_site_whose_robots_txt_cannot_be_fetched_disallows_all() {
    let f = fetcher();
    let closed = closed_port();
    assert_eq!(verdict(&ask(&f, &format!("http://{}/", closed.local_addr().unwrap())).await), "disallow all");
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nUser-agent: *\nAllow: /\n".to_vec();
    let packed = page("200 OK", "Content-Encoding: compress\r\n", b"\x1f\x9d");
    for answer in [Answer::Bytes(cut), Answer::Bytes(packed), Answer::Bytes(b"220 smtp\r\n".to_vec())] {
        let site = Scripted::start(vec![("/robots.txt", answer)]).await;
        assert_eq!(verdict(&ask(&f, &site.url("/")).await), "disallow all");
    }
    let site = Scripted::start(vec![("/robots.txt", Answer::Hang(open("", "User-agent: *\n")))]).await;
    let start = Instant::now();
    let answer = f.robots(&Url::parse(&site.url("/")).unwrap(), Duration::from_millis(300)).await;
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert!(matches!(answer.outcome, RobotsOutcome::Unreachable(FetchError::Timeout(_))), "{answer:?}");
    assert_eq!(verdict(&answer), "disallow all");
}

#[tokio::test]
async fn redirects_are_followed_five_deep_and_to_other_sites() {
    let f = fetcher();
    let target = Scripted::start(vec![("/rules", ok(RULES))]).await;
    let hops = |first: &str| {
        vec![
            ("/robots.txt", to(first)),
            ("/5", to("/4")),
            ("/4", to("/3")),
            ("/3", to("/2")),
            ("/2", to("/1")),
            ("/1", to(target.url("/rules"))),
            ("/loop", to("/robots.txt")),
            ("/nonsense", Answer::Bytes(page("302 Found", "Location: http://[\r\n", b""))),
        ]
    };
    for (first, want, asked) in [
        ("/4", "found", 5),
        ("/5", "allow all", 6),
        ("/loop", "allow all", 2),
        ("/nonsense", "allow all", 2),
        ("/none", "allow all", 2),
    ] {
        let site = Scripted::start(hops(first)).await;
        let answer = ask(&f, &site.url("/")).await;
        assert_eq!((verdict(&answer), site.asked().len()), (want, asked), "{first}");
        assert_eq!(allows(&answer, "/private"), want == "allow all", "{first}");
    }
}

#[tokio::test]
async fn only_the_start_of_an_endless_file_is_read() {
    let f = fetcher();
    let endless = Answer::Endless(open("", RULES), b"Disallow: /more\n".repeat(1_000));
    let line = Answer::Endless(open("", RULES), b"Disallow: /more".repeat(1_000));
    let packed = "Content-Encoding: gzip\r\n";
    let bomb = Answer::Endless(open(packed, packed::bomb_start(b'\n')), packed::bomb_more().repeat(1_000));
    let large = ok(format!("{RULES}{}\nDisallow: /late\n", "#".repeat(MAX_ROBOTS)));
    for (name, answer, denied) in
        [("endless", endless, true), ("line", line, true), ("large", large, true), ("bomb", bomb, false)]
    {
        let site = Scripted::start(vec![("/robots.txt", answer)]).await;
        let answer = ask(&f, &site.url("/")).await;
        assert_eq!(verdict(&answer), "found", "{name}");
        assert_eq!(allows(&answer, "/private"), !denied, "{name}");
        assert!(allows(&answer, "/late"), "{name}");
    }
}

/// The file decodes to nothing, so only the bytes sent can be counted. A site that sends this counts as unreachable.
#[tokio::test]
async fn an_endless_compressed_file_disallows_all() {
    let start = open("Content-Encoding: gzip\r\n", &packed::bomb_start(b'a')[..10]);
    let nothing = Answer::Endless(start, [0, 0, 0, 0xff, 0xff].repeat(2_000));
    let site = Scripted::start(vec![("/robots.txt", nothing)]).await;
    let answer = ask(&fetcher(), &site.url("/")).await;
    let outcome = format!("{:?}", answer.outcome);
    assert!(outcome.contains("bytes as sent"), "{outcome}");
    assert_eq!(verdict(&answer), "disallow all");
    site.wait_until_idle().await;
}

#[tokio::test]
async fn the_guard_applies() {
    let other = Scripted::start_on("127.0.0.2", |_| vec![("/robots.txt", ok("User-agent: *\nAllow: /"))]).await;
    let one = FetchConfig { allow: vec!["127.0.0.1/32".parse().unwrap()], ..FetchConfig::default() };
    let f = Fetcher::new(one).unwrap();
    let targets = [other.url("/robots.txt"), "http://169.254.169.254/robots.txt".into(), "file:///etc/passwd".into()];
    for target in targets {
        let site = Scripted::start(vec![("/robots.txt", to(&target))]).await;
        let answer = ask(&f, &site.url("/")).await;
        assert!(
            matches!(&answer.outcome, RobotsOutcome::Unreachable(FetchError::Forbidden(_))),
            "{target}: {answer:?}"
        );
        assert_eq!(verdict(&answer), "disallow all", "{target}");
    }
    for origin in [other.url("/"), "ftp://127.0.0.1/".into(), "mailto:a@b.test".into()] {
        assert_eq!(verdict(&ask(&f, &origin).await), "disallow all", "{origin}");
    }
    assert!(other.asked().is_empty());
}

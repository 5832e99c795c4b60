//! Test vectors of our own, following RFC 9309 and Google's "How Google interprets the robots.txt specification".

use std::time::Instant;

use proptest::prelude::*;

use super::*;

fn allows(file: &str, path: &str) -> bool {
    let url = Url::parse(&format!("https://e.test{path}")).unwrap();
    Robots::parse(file.as_bytes(), "Runo", None).allows(&url)
}

/// Checks which paths a pattern matches, by a rule that disallows it.
fn check(pattern: &str, yes: &[&str], no: &[&str]) {
    let file = format!("User-agent: *\nDisallow: {pattern}\n");
    for path in yes {
        assert!(!allows(&file, path), "{pattern} should match {path}");
    }
    for path in no {
        assert!(allows(&file, path), "{pattern} should not match {path}");
    }
}

#[test]
fn patterns_match_paths() {
    check("/", &["/", "/fish", "/?a"], &["/robots.txt"]);
    check("/*", &["/", "/fish"], &[]);
    check("/$", &["/"], &["/fish", "/?a"]);
    check("", &[], &["/", "/fish"]);
    let begins = ["/fish", "/fish.html", "/fish/salmon.html", "/fishheads", "/fishheads/yummy.html", "/fish.php?id=a"];
    let begins_not = ["/Fish.asp", "/catfish", "/?id=fish", "/desert/fish"];
    check("/fish", &begins, &begins_not);
    check("/fish*", &begins, &begins_not);
    check(
        "/fish/",
        &["/fish/", "/fish/?id=a", "/fish/salmon.htm"],
        &["/fish", "/fish.html", "/animals/fish/", "/Fish/"],
    );
    check(
        "/*.php",
        &["/index.php", "/a/b.php", "/a/b.php?x", "/a/any.php.file.html", "/b.php/"],
        &["/", "/windows.PHP"],
    );
    check("/*.php$", &["/b.php", "/a/b.php"], &["/b.php?x", "/b.php/", "/b.php5", "/windows.PHP"]);
    check("/fish*.php", &["/fish.php", "/fishheads/catfish.php?x"], &["/Fish.PHP"]);
    check("*.php", &["/a.php"], &["/a"]);
    check("*", &["/", "/a"], &[]);
    // Without a slash or star at its start it matches nothing.
    check("fish", &[], &["/fish", "/a/fish"]);
    check("/a$b", &["/a$b", "/a$bc"], &["/a"]);
    check("/a*b*c$", &["/abc", "/axbxc", "/abcbc"], &["/abcd", "/acb"]);
    check("/ab*bc$", &["/abbc", "/abxbc"], &["/abc"]);
    check("/a**b", &["/ab", "/axb"], &["/ba"]);
    check("/p?q=1", &["/p?q=1&r"], &["/p", "/p/q=1"]);
}

#[test]
fn escapes_are_normalised() {
    check("/foo/bar?baz=http://foo.bar", &["/foo/bar?baz=http://foo.bar"], &["/foo/bar"]);
    check("/bar/ツ", &["/bar/ツ", "/bar/%E3%83%84", "/bar/%e3%83%84"], &["/bar/"]);
    check("/bar/%e3%83%84", &["/bar/ツ"], &[]);
    check("/bar/%62%61%7a", &["/bar/baz", "/bar/%62az"], &[]);
    check("/a%3cd.html", &["/a%3cd.html", "/a%3Cd.html", "/a<d.html"], &[]);
    // A reserved character and its escape are different.
    check("/a%2fb", &["/a%2Fb"], &["/a/b"]);
    check("/a/b", &["/a/b"], &["/a%2fb"]);
    // An escaped special character stands for itself (RFC 9309 §2.2.3).
    check("/file-%2A.html", &["/file-*.html"], &["/file-x.html"]);
    check("/%24", &["/$x"], &["/"]);
    check("/100%", &["/100%x"], &["/100"]);
    check("/a|b c", &["/a|b c", "/a%7Cb%20c"], &[]);
    // A file that is not in UTF-8 is compared by its bytes.
    let latin = Robots::parse(b"User-agent: *\nDisallow: /caf\xe9", "Runo", None);
    assert!(!latin.allows(&Url::parse("https://e.test/caf%E9").unwrap()));
}

#[test]
fn the_longest_match_decides_and_allow_wins_ties() {
    for (rules, path, want) in [
        ("allow: /p\ndisallow: /", "/page", true),
        ("allow: /folder\ndisallow: /folder", "/folder/page", true),
        ("disallow: /folder\nallow: /folder", "/folder/page", true),
        ("allow: /page\ndisallow: /*.htm", "/page.htm", false),
        ("allow: /page\ndisallow: /*.ph", "/page.php5", true),
        ("allow: /$\ndisallow: /", "/", true),
        ("allow: /$\ndisallow: /", "/page.htm", false),
        ("disallow: /a/\nallow: /a/b/\ndisallow: /a/b/c", "/a/b/d", true),
        ("disallow: /a/\nallow: /a/b/\ndisallow: /a/b/c", "/a/b/cd", false),
        ("allow:\ndisallow:", "/", true),
    ] {
        assert_eq!(allows(&format!("user-agent: *\n{rules}"), path), want, "{rules:?} {path}");
    }
}

#[test]
fn the_groups_of_the_crawler_apply() {
    let denied = |file: &str| !allows(file, "/x");
    for file in [
        "User-agent: runo\nDisallow: /",
        "USER-AGENT:RUNO\nDISALLOW:/",
        "User-agent: runo/1.0\nDisallow: /",
        "User-agent: runo*\nDisallow: /",
        "User-agent: Runo bot\nDisallow: /",
        "User-agent: *\nDisallow: /",
        "User-agent: * everybody\nDisallow: /",
        "User-agent: a\nUser-agent: runo\nUser-agent: b\nDisallow: /",
        // Lines that are not rules do not end a group, and neither does an empty line.
        "User-agent: runo\nSitemap: https://e.test/s\n\nUser-agent: b\nDisallow: /",
        "User-agent: runo\nCrawl-delay: 1\nUnknown: x\nwhat is this\n\nUser-agent: b\nDisallow: /",
        // Groups are merged, in any order.
        "User-agent: runo\nDisallow: /a\nUser-agent: b\nDisallow: /b\nUser-agent: RUNO\nDisallow: /x",
        "User-agent: *\nAllow: /\nUser-agent: runo\nDisallow: /",
        "User-agent: runo\nDisallow: /\nUser-agent: *\nAllow: /",
        "User-agent: *\nUser-agent: runo\nDisallow: /x",
        // Misspellings are tolerated.
        "useragent runo\ndissallow /x",
        "User agent : runo # us\n  Disallow\t:  /x # that",
    ] {
        assert!(denied(file), "{file:?}");
    }
    for file in [
        "",
        "Disallow: /",
        "Disallow: /\nUser-agent: runo\nAllow: /y",
        "User-agent: runobot\nDisallow: /",
        "User-agent: run\nDisallow: /",
        "User-agent: 1runo\nDisallow: /",
        "User-agent: *runo\nDisallow: /",
        "User-agent: *\nDisallow: /\nUser-agent: runo\nDisallow: /y",
        // Its own group applies although it has no rules.
        "User-agent: *\nDisallow: /\nUser-agent: runo\nDisallow:",
        "User-agent: *\nDisallow: /\nUser-agent: runo",
        "User-agent: *\nUser-agent: b\nDisallow: /\nUser-agent: runo\nAllow: /",
        "User-agent: *\n# Disallow: /",
        "User-agent: *\nDisallow all of it please",
        "<html><body>User-agent: *<br>Disallow: /</body></html>",
    ] {
        assert!(!denied(file), "{file:?}");
    }
}

#[test]
fn any_line_end_and_a_byte_order_mark_are_accepted() {
    for end in ["\n", "\r", "\r\n", "\n\r", "\r\r\n"] {
        assert!(!allows(&["\u{feff}User-agent: runo", "Disallow: /x", ""].join(end), "/x"), "{end:?}");
        assert!(!allows(&["User-agent: runo", "Disallow: /x"].join(end), "/x"), "{end:?}");
    }
}

#[test]
fn a_line_that_crosses_the_size_limit_is_ignored() {
    let start = "User-agent: *\nDisallow: /first\n";
    let last = "Disallow: /last";
    let file = |size: usize, end: &str| {
        let filler = size - start.len() - last.len() - 1;
        format!("{start}{}\n{last}{end}", "#".repeat(filler))
    };
    for (size, end, last_counts) in [
        (MAX_ROBOTS, "", true),
        (MAX_ROBOTS, "\nDisallow: /more\n", true),
        (MAX_ROBOTS, "er\n", false),
        (MAX_ROBOTS + 1, "", false),
    ] {
        let file = file(size, end);
        assert_eq!(allows(&file, "/last"), !last_counts, "{size} {end:?}");
        assert!(!allows(&file, "/first") && allows(&file, "/more"));
    }
    assert!(allows(&format!("Disallow: /{}", "a".repeat(MAX_ROBOTS)), "/a"));
}

#[test]
fn crawl_delays_and_sitemaps_are_read() {
    let file = "Sitemap: https://e.test/1.xml\nUser-agent: *\nCrawl-delay: 9\nDisallow: /\nUser-agent: runo\n\
        crawl-delay: 1.5\nAllow: /\nsitemap:https://e.test/2.xml#x\nSITEMAP: /relative\nSitemap: ftp://e.test/\n\
        Sitemap: https://e.test/1.xml\nUser-agent: runo\nCrawl-delay: 0.5\n";
    let robots = Robots::parse(file.as_bytes(), "Runo", None);
    assert_eq!(robots.crawl_delay(), Some(Duration::from_millis(1_500)));
    let sitemaps: Vec<&str> = robots.sitemaps().iter().map(Url::as_str).collect();
    assert_eq!(sitemaps, ["https://e.test/1.xml", "https://e.test/2.xml"]);
    for (text, want) in [("2", Some(2)), ("1e30", Some(86_400)), ("inf", Some(86_400)), ("0", Some(0))] {
        let robots = Robots::parse(format!("User-agent: *\nCrawl-delay: {text}").as_bytes(), "Runo", None);
        assert_eq!(robots.crawl_delay(), want.map(Duration::from_secs), "{text}");
    }
    for text in ["", "-1", "NaN", "ten", "1,5"] {
        assert_eq!(
            Robots::parse(format!("User-agent: *\nCrawl-delay: {text}").as_bytes(), "Runo", None).crawl_delay(),
            None
        );
    }
    let many: String = (0..MAX_SITEMAPS + 5).map(|i| format!("Sitemap: https://e.test/{i}\n")).collect();
    assert_eq!(Robots::parse(many.as_bytes(), "Runo", None).sitemaps().len(), MAX_SITEMAPS);
}

#[test]
fn robots_round_trip_through_a_row() {
    let file = "User-agent: *\nDisallow: /a*b$\nAllow: /a\"\nCrawl-delay: 2\nSitemap: https://e.test/s";
    let robots = Robots::parse(file.as_bytes(), "Runo", None);
    let row = robots.to_row().unwrap();
    assert_eq!(row, r#"{"r":["+/a%22","-/a*b$"],"d":2000,"s":["https://e.test/s"]}"#);
    assert_eq!(Robots::from_row(&row), Some(robots));
    assert_eq!(Robots::allow_all().to_row().as_deref(), Some("{}"));
    for whole in [Robots::allow_all(), Robots::disallow_all()] {
        assert_eq!(Robots::from_row(&whole.to_row().unwrap()), Some(whole));
    }
    for broken in ["", "1", "{\"r\":[\"/a\"]}", "{\"s\":[\"x\"]}"] {
        assert_eq!(Robots::from_row(broken), None, "{broken}");
    }
    let long: String = (0..20_000).map(|i| format!("Disallow: /{i:012}\n")).collect();
    assert_eq!(Robots::parse(format!("User-agent: *\n{long}").as_bytes(), "Runo", None).to_row(), None);
}

/// A file full of patterns that must search a whole long path. The bound is wide: it must hold for an unoptimised build
/// on a busy machine.
#[test]
fn a_file_with_costly_patterns_is_answered_quickly() {
    let url = Url::parse(&format!("https://e.test/{}", "a".repeat(8_000))).unwrap();
    let deep = format!("Disallow: /{}b\n", "*a".repeat(200));
    // A file of the maximum size, with rules that need no search: all of them are considered, and the last one decides.
    let plain: String = (0..20_000).map(|i| format!("Disallow: /x{i:06}*\n")).collect();
    let plain = Robots::parse(format!("User-agent: *\n{plain}Disallow: /a\n").as_bytes(), "Runo", None);
    assert!(!plain.allows(&url) && plain.allows(&Url::parse("https://e.test/b").unwrap()));
    for line in ["Disallow: /*ab\n", "Disallow: /*b*\n", &deep] {
        let lines = (MAX_ROBOTS - 20) / (line.len() + 6);
        // Different rules, so that none is dropped as a duplicate.
        let rules: String = (0..lines).map(|i| format!("{}{i:06}\n", line.trim_end())).collect();
        let robots = Robots::parse(format!("User-agent: *\n{rules}").as_bytes(), "Runo", None);
        let answer = || {
            let start = Instant::now();
            // No rule matches, but there are too many to find that out within the limit.
            assert!(!robots.allows(&url), "{line}");
            start.elapsed()
        };
        // Another process may take the processor for one pass.
        let fast = (0..3).any(|_| answer() < Duration::from_secs(2));
        assert!(fast, "{line}: no pass took less than two seconds");
        assert!(robots.allows(&Url::parse("https://e.test/short").unwrap()));
    }
}

/// The same semantics, written as simply as possible.
fn reference(pattern: &[u8], path: &[u8]) -> bool {
    match (pattern, path) {
        ([], _) => true,
        ([b'$'], rest) => rest.is_empty(),
        ([b'*', tail @ ..], _) => (0..=path.len()).any(|skip| reference(tail, &path[skip..])),
        ([p, pattern @ ..], [c, path @ ..]) => p == c && reference(pattern, path),
        (_, []) => false,
    }
}

proptest! {
    #[test]
    fn patterns_match_as_the_reference_implementation_does(pattern in "/[ab*/]{0,8}\\$?", path in "/[ab/]{0,10}") {
        let want = reference(pattern.as_bytes(), path.as_bytes());
        prop_assert_eq!(!allows(&format!("user-agent: *\ndisallow: {pattern}"), &path), want, "{} {}", pattern, path);
    }

    #[test]
    fn nothing_panics_and_rows_round_trip(file in prop::collection::vec("(?i)user-agent: (\\*|runo)|(dis)?allow: [/*$%a2é]{0,8}|crawl-delay: [0-9.e-]{0,5}|sitemap: https?://[a-z/]{0,5}|\\PC{0,20}", 0..12), raw in any::<Vec<u8>>(), path in "/[/*$%a2é]{0,8}") {
        let url = Url::parse(&format!("https://e.test{path}")).unwrap();
        let robots = Robots::parse(file.join("\n").as_bytes(), "Runo", None);
        let back = Robots::from_row(&robots.to_row().unwrap()).unwrap();
        prop_assert_eq!(back.allows(&url), robots.allows(&url));
        prop_assert_eq!(back.rules, robots.rules);
        Robots::parse(&raw, "Runo", None).allows(&url);
    }
}

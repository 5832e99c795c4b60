use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::canonical::CanonicalUrl;

fn glob(pattern: &str) -> Glob {
    Glob::parse(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"))
}

#[test]
fn patterns_match_as_documented() {
    for (pattern, yes, no) in [
        ("https://e.test/blog/*", "https://e.test/blog/a/b?c=/d", "https://e.test/blogs/a"),
        ("https://e.test/blog/*", "https://e.test/blog/", "https://e.test/blog"),
        ("*", "https://e.test/", "é"),
        ("*/p/[0-9][0-9]", "https://e.test/p/42", "https://e.test/p/4"),
        ("*/p/[!0-9]*", "https://e.test/p/x4", "https://e.test/p/4x"),
        ("*/p/[^a-c]", "https://e.test/p/d", "https://e.test/p/b"),
        ("*[]]", "https://e.test/]", "https://e.test/["),
        ("*[[]x", "https://e.test/[x", "https://e.test/x"),
        ("*/[!]]", "https://e.test/a", "https://e.test/]"),
        ("*/[a-]", "https://e.test/-", "https://e.test/b"),
        ("*/[--/]", "https://e.test/.", "https://e.test/0"),
        ("*/a?c", "https://e.test/a/c", "https://e.test/ac"),
        ("*a?b=1", "https://e.test/a?b=1", "https://e.test/ab=1"),
        ("*\\x*", "https://e.test/?\\x", "https://e.test/?x"),
        ("*a*b*c", "https://abc.test/a.b/b.c", "https://abc.test/cba"),
        ("**.html", "https://e.test/x.html", "https://e.test/x.htm"),
        // Normalised as in a URL.
        ("HTTPS://E.Test:443/A", "https://e.test/A", "https://e.test/a"),
        ("https://e.test", "https://e.test/", "https://e.test/a"),
        ("https://bücher.test/é/%7e*", "https://xn--bcher-kva.test/%C3%A9/~x", "https://xn--bcher-kva.test/e/~x"),
        ("*/%c3%a9", "https://e.test/%C3%A9", "https://e.test/%C3%A8"),
        ("http?://e.test/", "https://e.test/", "http://e.test/"),
    ] {
        assert!(glob(pattern).matches(yes), "{pattern} {yes}");
        assert!(!glob(pattern).matches(no), "{pattern} {no}");
    }
}

#[test]
fn only_a_literal_host_is_fixed() {
    for fixed in
        ["https://e.test/*", "http://e.test:8080/*/x", "https://e.test", "http[s]://e.test/*", "http?://e.test/"]
    {
        assert!(glob(fixed).fixes_host(), "{fixed}");
    }
    for open in [
        "*",
        "*/blog/*",
        "/blog/*",
        "https://*.e.test/*",
        "https://e.test*",
        "https://e.test?/x",
        "https://e.tes[t]/x",
        "*://e.test/*",
        "http*://e.test/*",
        "https://*/x://e.test/",
        "e.test/*",
        // Matches `https://x/y://e.test/`.
        "???????????://e.test/",
        "[a://e.test]/x",
    ] {
        assert!(!glob(open).fixes_host(), "{open}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_where() {
    for (pattern, want) in [
        ("", "is empty"),
        ("https://e.test/[a-z", "a \"[\" at character 16 that"),
        ("*[]", "character 2"),
        ("*[!]", "character 2"),
        ("https://é.test/[z-a]", "the range \"z-a\" at character 17"),
        ("*/[aé]", "has \"é\" in the set at character 3"),
        ("https:///x", "where its host should be"),
        ("https://a@e.test/", "\"a@e.test\""),
        ("https://e.test\\x/", "a host looks like"),
        ("https://a b/", "a host looks like"),
        ("http[s]://E.test/", "a host looks like"),
    ] {
        let error = Glob::parse(pattern).err().unwrap_or_else(|| panic!("{pattern}")).to_string();
        assert!(error.contains(want), "{pattern}: {error}");
    }
    assert!(Glob::parse(&"é".repeat(MAX_PATTERN)).is_ok());
    assert_eq!(Glob::parse(&"é".repeat(MAX_PATTERN + 1)).err(), Some(GlobError::TooLong(513)));
}

/// A pattern and text on which a backtracking matcher never ends, and one that searches for each part anew is
/// quadratic. The bound is wide because it must hold in an unoptimised build on a busy machine.
#[test]
fn no_pattern_is_slow() {
    let text = format!("https://e.test/{}", "a".repeat(8_000));
    let patterns =
        ["*a".repeat(256), "*a".repeat(255) + "b", format!("*{}b", "a".repeat(500)), format!("*{}b", "?".repeat(500))];
    let match_all = || {
        let start = Instant::now();
        for pattern in &patterns {
            assert_eq!(glob(pattern).matches(&text), !pattern.ends_with('b'), "{pattern}");
        }
        start.elapsed()
    };
    // Another process may take the processor for one pass.
    let fast = (0..3).any(|_| match_all() < Duration::from_secs(2));
    assert!(fast, "no pass took less than two seconds");
}

/// The same meaning as a plain recursive matcher.
fn reference(pattern: &[char], text: &[char]) -> bool {
    match (pattern.first(), text.first()) {
        (None, None) => true,
        (Some('*'), _) => reference(&pattern[1..], text) || (!text.is_empty() && reference(pattern, &text[1..])),
        (Some('?'), Some(_)) => reference(&pattern[1..], &text[1..]),
        (Some('['), Some(c)) => {
            let negated = pattern[1] == '!';
            let start = 1 + usize::from(negated);
            let close = start + 1 + pattern[start + 1..].iter().position(|c| *c == ']').unwrap();
            let body = &pattern[start..close];
            let inside = match body {
                [first, '-', last] => (first..=last).contains(&c),
                _ => body.contains(c),
            };
            inside != negated && reference(&pattern[close + 1..], &text[1..])
        }
        (Some(p), Some(c)) => p == c && reference(&pattern[1..], &text[1..]),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn matching_agrees_with_the_reference(
        pattern in "([ab/]|[ab/]|\\*|\\?|\\[[ab/]{1,2}\\]|\\[!?a-b\\]|\\[![ab]\\]|\\[\\]a\\]){1,10}",
        text in "[abc/]{0,12}",
    ) {
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(glob(&pattern).matches(&text), reference(&p, &t), "{} {}", pattern, text);
    }

    /// Crosses the border between two words of bits.
    #[test]
    fn long_patterns_agree_with_the_reference(n in 50usize..140, pattern in "[ab]\\*[ab?]{1,5}", text in "[ab]{1,8}") {
        let prefix = "ab".repeat(n);
        let (pattern, text) = (format!("{prefix}{pattern}"), format!("{prefix}{text}"));
        let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
        prop_assert_eq!(glob(&pattern).matches(&text), reference(&p, &t), "{} {}", pattern, text);
    }

    /// A pattern that fixes the host never matches a page on another one.
    #[test]
    fn a_pattern_with_a_fixed_host_matches_only_that_host(
        scheme in "(http|https|http\\[s\\]|http\\?|\\*|\\?{4,12})",
        host in "(e\\.test|e\\.tes\\?|\\*e\\.test|e\\.test\\*)",
        path in "[/*?a:e.]{0,6}",
        page in "https?://(f|e|a)\\.test/[/a:?e.]{0,5}(://)?(e\\.test/a)?",
    ) {
        let g = glob(&format!("{scheme}://{host}/{path}"));
        let page = CanonicalUrl::parse(&page).unwrap();
        if g.fixes_host() && g.matches(page.as_str()) {
            prop_assert_eq!(page.url().host_str(), Some("e.test"));
        }
    }

    #[test]
    fn nothing_panics(pattern in "[\\[\\]!^*?a-c/:é%-]{0,20}|\\PC{0,20}|https?://\\PC{0,20}", text in "\\PC{0,20}") {
        if let Ok(g) = Glob::parse(&pattern) {
            g.matches(&text);
        }
    }
}

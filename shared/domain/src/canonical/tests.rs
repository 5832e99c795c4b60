use std::collections::HashSet;

use proptest::prelude::*;

use super::*;

fn canonical(text: &str) -> String {
    CanonicalUrl::parse(text).unwrap_or_else(|| panic!("{text}")).as_str().to_owned()
}

fn key(text: &str) -> String {
    CanonicalUrl::parse(text).unwrap_or_else(|| panic!("{text}")).key().0
}

#[test]
fn urls_are_normalised_as_shown() {
    for (text, want) in [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:443/a", "http://example.com:443/a"),
        ("https://example.com/a/./b/../c/%2e%2E/d#part", "https://example.com/a/d"),
        ("https://example.com/%7Ea%41%2d%5f%2e", "https://example.com/~aA-_."),
        ("https://example.com/%c3%a9%2f", "https://example.com/%C3%A9%2F"),
        ("https://example.com/é?q=ü", "https://example.com/%C3%A9?q=%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        // Shown as found: only the key removes these.
        ("https://www.example.com/a/index.html?utm_source=x", "https://www.example.com/a/index.html?utm_source=x"),
        ("https://example.com/a/?", "https://example.com/a/?"),
        ("https://example.com/100%?a%zz", "https://example.com/100%?a%zz"),
        (" https://example.com/\n", "https://example.com/"),
    ] {
        assert_eq!(canonical(text), want, "{text}");
    }
}

#[test]
fn urls_that_name_no_page_are_refused() {
    for text in ["", "/a", "ftp://example.com/", "mailto:a@b.test", "https://u@example.com/", "http://:p@example.com/"]
    {
        assert_eq!(CanonicalUrl::parse(text), None, "{text}");
    }
    assert_eq!(CanonicalUrl::parse(&format!("https://example.com/{}", "a".repeat(MAX_URL))), None);
    // Short as written, long when percent-encoded.
    assert_eq!(CanonicalUrl::parse(&format!("https://example.com/{}", "é".repeat(2_000))), None);
}

/// Every variant that the contract names.
#[test]
fn variants_of_one_page_share_a_key() {
    let plain = key("https://example.com/a/b?x=1&y=2");
    assert_eq!(plain, "https://example.com/a/b?x=1&y=2");
    for disguise in [
        "HTTPS://EXAMPLE.com/a/b?x=1&y=2",
        "https://example.com:443/a/b?x=1&y=2#top",
        "https://example.com/a/b/?x=1&y=2",
        "https://example.com/a/./c/../b?x=1&y=2",
        "https://example.com/%61/b?x=1&y=%32",
        "https://example.com/a/b/index.html?x=1&y=2",
        "https://example.com/a/b/index.htm?x=1&y=2",
        "https://example.com/a/b/index.php?x=1&y=2",
        "https://example.com/a/b/index.php/?x=1&y=2",
        "https://example.com/a/b?utm_source=n&x=1&gclid=1&y=2&fbclid=z",
        "https://example.com/a/b?x=1&y=2&UTM_Medium=mail&mc_cid=1&mc_eid&msclkid=",
        "https://example.com/a/b?x=1&utm%5Fid=7&y=2",
    ] {
        assert_eq!(key(disguise), plain, "{disguise}");
    }
    for root in
        ["https://example.com", "https://example.com/?", "https://example.com/index.html#a", "https://example.com//"]
    {
        assert_eq!(key(root), "https://example.com/", "{root}");
    }
    assert_eq!(key("https://example.com/a?utm_source=x"), key("https://example.com/a"));
}

#[test]
fn different_pages_have_different_keys() {
    let pages = [
        "https://example.com/a?x=1&y=2",
        "http://example.com/a?x=1&y=2",
        "https://www.example.com/a?x=1&y=2",
        "https://example.com:8443/a?x=1&y=2",
        "https://example.com/A?x=1&y=2",
        "https://example.com/a?y=2&x=1",
        "https://example.com/a?x=1&y=2&",
        "https://example.com/a?X=1&y=2",
        "https://example.com/a",
        "https://example.com/a/index.asp",
        "https://example.com/a/INDEX.html",
        "https://example.com/a/myindex.html",
        "https://example.com/%2Fa",
        "https://example.com//a",
        "https://example.com/a?ref=x",
        "https://example.com/a?utm=x",
        "https://example.com/a?q=utm_source",
    ];
    let keys: HashSet<String> = pages.iter().map(|p| key(p)).collect();
    assert_eq!(keys.len(), pages.len());
    let hashes: HashSet<String> = pages.iter().map(|p| CanonicalUrl::parse(p).unwrap().key().hash()).collect();
    assert_eq!(hashes.len(), pages.len());
}

/// Stored rows contain the hash: it must never change.
#[test]
fn the_hash_is_the_key_s_sha_256() {
    let hash = CanonicalUrl::parse("https://example.com/").unwrap().key().hash();
    // printf https://example.com/ | sha256sum
    assert_eq!(hash, "0f115db062b7c0dd030b16878c99dea5");
}

#[test]
fn hosts_are_compared_by_name_and_port() {
    let one = |text: &str| CanonicalUrl::parse(text).unwrap();
    let seed = one("https://example.com/a");
    for (text, same) in [
        ("http://EXAMPLE.com/b", true),
        ("https://example.com:443/", true),
        ("https://www.example.com/", false),
        ("https://example.com:8443/", false),
        ("https://example.com.evil.test/", false),
    ] {
        assert_eq!(seed.same_host(&one(text)), same, "{text}");
    }
}

#[test]
fn the_tracking_table_is_sorted_and_lower_case() {
    assert!(TRACKING.is_sorted());
    assert!(TRACKING.iter().all(|name| *name == name.to_ascii_lowercase()));
}

/// The parts of a URL, from which its variants are built.
#[derive(Debug, Clone)]
struct Parts {
    https: bool,
    host: String,
    port: Option<u16>,
    segments: Vec<String>,
    query: Vec<(String, String)>,
}

impl Parts {
    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    fn plain(&self) -> String {
        let port = self.port.map(|p| format!(":{p}")).unwrap_or_default();
        let path = if self.segments.is_empty() { "/".into() } else { format!("/{}", self.segments.join("/")) };
        let query = self.query.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}://{}{port}{path}{mark}{query}", self.scheme(), self.host)
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let query = prop::collection::vec(("[a-z]{1,3}", "[A-Za-z0-9]{0,3}"), 0..4);
    let segments = prop::collection::vec("[A-Za-z0-9_~-]{1,6}(\\.[a-z]{1,3})?", 0..4);
    let port = prop::option::of(1024u16..);
    (any::<bool>(), "(www\\.)?[a-z]{1,8}\\.(com|test)", port, segments, query)
        .prop_map(|(https, host, port, segments, query)| Parts { https, host, port, segments, query })
}

/// Percent-encodes the unreserved characters of `text` whose bit in `mask` is set.
fn escaped(text: &str, mask: u64) -> String {
    let one = |(i, c): (usize, char)| {
        let bit = mask >> (i % 64) & 1 == 1;
        if bit && is_unreserved(c as u8) { format!("%{:02x}", c as u8) } else { c.to_string() }
    };
    text.chars().enumerate().map(one).collect()
}

proptest! {
    #[test]
    fn canonical_forms_and_keys_are_stable(text in "https?://[a-zA-Z.%0-9-]{1,9}(:[0-9]{1,4})?[/?#a-cA-C%0-9.é&=\\\\ _|-]{0,40}") {
        if let Some(once) = CanonicalUrl::parse(&text) {
            let twice = CanonicalUrl::parse(once.as_str()).unwrap();
            prop_assert_eq!(&once, &twice);
            prop_assert!(once.as_str().is_ascii() && !once.as_str().contains('#'));
            let key = once.key();
            let again = CanonicalUrl::parse(key.as_str()).unwrap().key();
            prop_assert_eq!(key, again);
        }
    }

    #[test]
    fn escapes_have_one_form(text in "[%0-9a-fA-Fé/]{0,30}") {
        let once = normalize_escapes(&text);
        prop_assert_eq!(normalize_escapes(&once), once);
    }

    #[test]
    fn nothing_panics(text in "\\PC{0,60}") {
        let _ = CanonicalUrl::parse(&text).map(|c| c.key().hash());
        let _ = normalize_escapes(&text);
    }

    #[test]
    fn generated_variants_share_a_key(parts in parts(), mask in any::<u64>(), tail in 0usize..5, tracking in 0usize..6, at in any::<prop::sample::Index>()) {
        let plain = parts.plain();
        let port = match (parts.port, parts.https) {
            (Some(port), _) => format!(":{port}"),
            (None, true) => if mask & 1 == 1 { ":443".into() } else { String::new() },
            (None, false) => if mask & 1 == 1 { ":80".into() } else { String::new() },
        };
        let dots = if mask & 2 == 2 { "/./x/.." } else { "" };
        let path: String = parts.segments.iter().map(|s| format!("/{}", escaped(s, mask))).collect();
        let tail = ["", "/", "/index.html", "/index.htm", "/index.php"][tail];
        let mut query: Vec<String> = parts.query.iter().map(|(n, v)| format!("{n}={}", escaped(v, mask))).collect();
        if let Some(name) = ["utm_source", "gclid", "fbclid", "mc_eid", "utm_anything"].get(tracking) {
            query.insert(at.index(query.len() + 1), format!("{name}=1"));
        }
        let mark = if query.is_empty() && mask & 4 == 0 { "" } else { "?" };
        let host = if mask & 8 == 8 { parts.host.to_uppercase() } else { parts.host.clone() };
        let scheme = if mask & 16 == 16 { parts.scheme().to_uppercase() } else { parts.scheme().to_owned() };
        let disguised = format!("{scheme}://{host}{port}{dots}{path}{tail}{mark}{}#f", query.join("&"));
        prop_assert_eq!(key(&plain), key(&disguised), "{}", disguised);
    }

    #[test]
    fn generated_other_pages_have_other_keys(parts in parts()) {
        let plain = key(&parts.plain());
        let mut others = vec![
            Parts { https: !parts.https, ..parts.clone() },
            Parts { host: format!("www.{}", parts.host), ..parts.clone() },
            Parts { port: Some(parts.port.map_or(81, |p| p - 1)), ..parts.clone() },
        ];
        let mut longer = parts.clone();
        longer.segments.push("more".into());
        others.push(longer);
        let mut turned = parts.clone();
        turned.query.reverse();
        if turned.query != parts.query {
            others.push(turned);
        }
        let cased = Parts { segments: parts.segments.iter().map(|s| s.to_uppercase()).collect(), ..parts.clone() };
        // An index name in upper case is not an index name, so these two may differ by more than case.
        if cased.segments != parts.segments {
            others.push(cased);
        }
        for other in others {
            prop_assert_ne!(&plain, &key(&other.plain()));
        }
    }
}

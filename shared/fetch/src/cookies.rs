//! The cookies of one chain of redirects (RFC 6265). Each fetch has its own jar, which is dropped with it. No cookie
//! passes from one unit to another, so a cookie that a site sets affects only the caller that fetches it.

use cookie_store::{Cookie, CookieStore};
use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use url::Url;

/// Maximum number of cookies in a chain.
const MAX_COOKIES: usize = 100;
/// Maximum size in bytes of a `Set-Cookie` field that is read (RFC 6265 §6.1).
const MAX_COOKIE_SIZE: usize = 4 * 1024;
/// Maximum size in bytes of a `Cookie` field; cookies that do not fit are left out.
const MAX_SENT: usize = 16 * 1024;

/// A cookie jar.
#[derive(Debug, Default)]
pub(crate) struct CookieJar {
    cookies: CookieStore,
    stored: usize,
}

impl CookieJar {
    /// Stores the cookies that a response from `url` sets.
    pub(crate) fn store(&mut self, url: &Url, headers: &HeaderMap) {
        for field in headers.get_all(SET_COOKIE) {
            if self.stored == MAX_COOKIES || field.len() > MAX_COOKIE_SIZE {
                continue;
            }
            let Ok(text) = std::str::from_utf8(field.as_bytes()) else { continue };
            let Ok(cookie) = Cookie::parse(text, url) else { continue };
            let too_wide = cookie.domain().is_some_and(|domain| is_shared_suffix(domain, url));
            if !too_wide && self.cookies.insert(cookie.into_owned(), url).is_ok() {
                self.stored += 1;
            }
        }
    }

    /// Returns the `Cookie` field for a request, or `None` if no cookie matches. Longer paths come first (RFC 6265
    /// §5.4).
    pub(crate) fn cookie_field(&self, url: &Url) -> Option<HeaderValue> {
        let mut matching = self.cookies.matches(url);
        matching.sort_by(|a, b| {
            let path = |cookie: &Cookie<'_>| cookie.path().map_or(0, str::len);
            path(b).cmp(&path(a)).then_with(|| a.name().cmp(b.name()))
        });
        let mut text = String::new();
        for cookie in matching {
            let pair = format!("{}={}", cookie.name(), cookie.value());
            if text.len() + pair.len() + 2 > MAX_SENT {
                continue;
            }
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&pair);
        }
        if text.is_empty() { None } else { HeaderValue::from_str(&text).ok() }
    }
}

/// Returns whether a `Domain` is a public suffix that many owners share, such as `com`, `co.uk` or `github.io`. Only a
/// host with exactly this name may set a cookie there (RFC 6265 §5.3, step 5). Uses the Public Suffix List.
fn is_shared_suffix(domain: &str, url: &Url) -> bool {
    let domain = domain.trim_matches('.').to_ascii_lowercase();
    if url.host_str().is_some_and(|host| host.trim_end_matches('.') == domain) {
        return false;
    }
    psl2::lookup(&domain).is_none_or(|found| found.is_public_suffix())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn jar(at: &str, fields: &[&str]) -> CookieJar {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(SET_COOKIE, HeaderValue::from_bytes(field.as_bytes()).unwrap());
        }
        let mut jar = CookieJar::default();
        jar.store(&url(at), &headers);
        jar
    }

    #[test]
    fn cookies_return_only_to_matching_hosts_paths_and_schemes() {
        let set = "https://shop.example.com/a/b";
        for (field, at, want) in [
            ("s=1", "https://shop.example.com/a/", Some("s=1")),
            // The default path is the directory.
            ("s=1", "https://shop.example.com/", None),
            ("s=1; Path=/", "https://shop.example.com/x", Some("s=1")),
            ("s=1; Path=/", "http://shop.example.com/x", Some("s=1")),
            ("s=1; Path=/; Secure", "http://shop.example.com/x", None),
            ("s=1; Path=/", "https://www.example.com/", None),
            ("s=1; Path=/; Domain=example.com", "https://www.example.com/", Some("s=1")),
            ("s=1; Path=/; Domain=.Example.com", "https://www.example.com/", Some("s=1")),
            ("s=1; Path=/; Domain=other.com", "https://other.com/", None),
            ("s=1; Path=/; Domain=com", "https://evil.com/", None),
            ("s=1; Path=/; Max-Age=0", "https://shop.example.com/", None),
            ("s=1; Path=/; HttpOnly; SameSite=Strict", "https://shop.example.com/", Some("s=1")),
            ("nonsense", "https://shop.example.com/a/", None),
        ] {
            let got = jar(set, &[field]).cookie_field(&url(at));
            assert_eq!(got.as_ref().map(|v| v.to_str().unwrap()), want, "{field} at {at}");
        }
        for (set, domain, at, goes) in [
            ("a.co.uk", "co.uk", "b.co.uk", false),
            ("a.github.io", "github.io", "b.github.io", false),
            ("github.io", "github.io", "github.io", true),
            ("a.b.kawasaki.jp", "b.kawasaki.jp", "c.b.kawasaki.jp", false),
            ("a.city.kawasaki.jp", "city.kawasaki.jp", "b.city.kawasaki.jp", true),
            ("a.no-such-suffix", "no-such-suffix", "b.no-such-suffix", false),
            ("a.b.bbc.co.uk", "bbc.co.uk", "c.bbc.co.uk", true),
            ("a.ib.de", "ib.de", "b.ib.de", true),
        ] {
            let jar = jar(&format!("https://{set}/"), &[&format!("s=1; Domain={domain}")]);
            assert_eq!(jar.cookie_field(&url(&format!("https://{at}/"))).is_some(), goes, "{domain}");
        }
    }

    #[test]
    fn cookies_are_sorted_by_path_length_and_then_by_name() {
        let jar = jar("https://e.test/a/b", &["z=1; Path=/", "c=3; Path=/", "y=2; Path=/a", "z=4; Path=/"]);
        assert_eq!(jar.cookie_field(&url("https://e.test/a/c")).unwrap(), "y=2; c=3; z=4");
    }

    #[test]
    fn the_number_and_size_of_cookies_are_bounded() {
        let many: Vec<String> = (0..500).map(|i| format!("c{i:03}={}", "x".repeat(1_000))).collect();
        let many = jar("https://e.test/", &many.iter().map(String::as_str).collect::<Vec<_>>());
        assert!(many.cookie_field(&url("https://e.test/")).unwrap().len() <= MAX_SENT);
        assert_eq!(many.stored, MAX_COOKIES);
        assert!(
            jar("https://e.test/", &[&format!("c={}", "x".repeat(5_000))])
                .cookie_field(&url("https://e.test/"))
                .is_none()
        );
    }
}

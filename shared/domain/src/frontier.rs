//! Decides which links a crawl follows: those that match its pattern, on the seed's host unless the pattern names a
//! host.

use url::{Position, Url};

use crate::canonical::CanonicalUrl;
use crate::glob::{Glob, GlobError};
use crate::job::CrawlOptions;

/// The rule by which a crawl follows links.
#[derive(Debug, Clone)]
pub struct Frontier {
    pattern: Glob,
    /// Whether the pattern begins with a path. It then applies to the seed's host.
    is_path_pattern: bool,
    seed: CanonicalUrl,
    max_depth: u32,
}

impl Frontier {
    /// Checks a pattern: a glob over a whole URL, or over path and query on the seed's host if it begins with a slash.
    ///
    /// # Errors
    /// [`GlobError`] if the pattern is malformed or if no URL can match it.
    pub fn check(pattern: &str) -> Result<(), GlobError> {
        Glob::parse(pattern)?;
        let start = pattern.split(['*', '?', '[']).next().unwrap_or_default().to_ascii_lowercase();
        let path = start.starts_with('/') && !start.starts_with("//");
        let url = ["http://", "https://"].iter().any(|s| s.starts_with(&start) || start.starts_with(s));
        if path || url { Ok(()) } else { Err(GlobError::NoUrl(start)) }
    }

    /// Creates the frontier of a crawl's options and its seed. Returns `None` if either is invalid.
    pub fn new(options: &CrawlOptions, seed: &str) -> Option<Frontier> {
        Some(Frontier {
            pattern: Glob::parse(&options.follow_pattern).ok()?,
            is_path_pattern: options.follow_pattern.starts_with('/'),
            seed: CanonicalUrl::parse(seed)?,
            max_depth: options.max_depth,
        })
    }

    /// Returns whether a page may be part of the crawl, regardless of where its link was found.
    pub fn matches(&self, url: &CanonicalUrl) -> bool {
        if !self.pattern.fixes_host() && !url.same_host(&self.seed) {
            return false;
        }
        let matches = |url: &Url| {
            let start = if self.is_path_pattern { Position::BeforePath } else { Position::BeforeScheme };
            self.pattern.matches(&url[start..])
        };
        // A page with and without a trailing slash is one page (see `CanonicalUrl::key`).
        matches(url.url()) || toggle_trailing_slash(url.url()).is_some_and(|other| matches(&other))
    }

    /// Returns whether the crawl follows links on the page at `found`, which is `depth` links from the seed. It follows
    /// the seed's links even if the seed does not match the pattern. It follows those of another page only if the
    /// page's URL after redirects matches.
    pub fn follows(&self, found: &CanonicalUrl, depth: u32) -> bool {
        depth < self.max_depth && (depth == 0 || self.matches(found))
    }
}

/// Adds or removes the slash at the end of a URL's path. Returns `None` for a host's root.
fn toggle_trailing_slash(url: &Url) -> Option<Url> {
    let path = url.path();
    let other = match path.strip_suffix('/') {
        Some("") => return None,
        Some(rest) => rest.to_owned(),
        None => format!("{path}/"),
    };
    let mut url = url.clone();
    url.set_path(&other);
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(pattern: &str, max_depth: u32) -> CrawlOptions {
        CrawlOptions {
            follow_pattern: pattern.into(),
            max_pages: 10,
            max_depth,
            use_sitemap: true,
            ignore_robots: false,
            allow_large_crawl: false,
        }
    }

    #[test]
    fn a_pattern_without_a_host_stays_on_the_seeds_host() {
        let url = |text: &str| CanonicalUrl::parse(text).unwrap();
        let any_host = Frontier::new(&options("*/blog/*", 2), "https://a.test/").unwrap();
        assert!(any_host.matches(&url("https://a.test/blog/1")));
        assert!(!any_host.matches(&url("https://b.test/blog/1")) && !any_host.matches(&url("https://a.test/shop")));
        let fixed = Frontier::new(&options("https://b.test/*", 2), "https://a.test/").unwrap();
        assert!(fixed.matches(&url("https://b.test/x")) && !fixed.matches(&url("https://a.test/x")));
        assert!(fixed.follows(&url("https://a.test/"), 0), "the seed's links");
        assert!(fixed.follows(&url("https://b.test/x"), 1) && !fixed.follows(&url("https://b.test/x"), 2));
        assert!(!fixed.follows(&url("https://c.test/x"), 1), "off the pattern");
        let path = Frontier::new(&options("/blog/*", 2), "https://a.test/").unwrap();
        assert!(path.matches(&url("https://a.test/blog/1?x=/y")) && path.matches(&url("http://a.test/blog/")));
        assert!(!path.matches(&url("https://b.test/blog/1")) && !path.matches(&url("https://a.test/x/blog/1")));
        assert!(Frontier::new(&options("[", 2), "https://a.test/").is_none());
    }

    #[test]
    fn a_trailing_slash_changes_nothing() {
        let matches = |pattern: &str, text: &str| {
            Frontier::new(&options(pattern, 2), "https://a.test/").unwrap().matches(&CanonicalUrl::parse(text).unwrap())
        };
        for pattern in
            ["https://a.test/blog", "https://a.test/blog/", "https://a.test/blog/*", "/blog", "/blog/", "*/blog/"]
        {
            for text in ["https://a.test/blog", "https://a.test/blog/"] {
                assert!(matches(pattern, text), "{pattern} {text}");
            }
        }
        assert!(matches("/b?x=1", "https://a.test/b/?x=1") && !matches("/blog/?*", "https://a.test/blog"));
        assert!(matches("/", "https://a.test/") && !matches("https://a.test/b", "https://a.test/bc"));
    }

    #[test]
    fn a_pattern_that_no_url_matches_is_refused() {
        for pattern in
            ["https://a.test/*", "HTTP://a.test/*", "http*", "*", "[h]ttp://a.test/", "?ttps://a.test/", "/blog/*", "/"]
        {
            assert_eq!(Frontier::check(pattern), Ok(()), "{pattern}");
        }
        for pattern in ["a.test/blog/*", "blog/*", "//a.test/*", "ftp://a.test/*", "www.*"] {
            assert!(matches!(Frontier::check(pattern), Err(GlobError::NoUrl(_))), "{pattern}");
        }
        assert_eq!(Frontier::check(""), Err(GlobError::Empty));
    }
}

//! What a crawl follows: links that match its pattern, on its host where the pattern does not say which.

use crate::canonical::CanonicalUrl;
use crate::glob::Glob;
use crate::job::CrawlPlan;

/// The edge of a crawl.
#[derive(Debug, Clone)]
pub struct Frontier {
    pattern: Glob,
    seed: CanonicalUrl,
    max_depth: u32,
}

impl Frontier {
    /// The frontier of a plan that was validated and its seed; `None` where they never were.
    pub fn new(plan: &CrawlPlan, seed: &str) -> Option<Frontier> {
        Some(Frontier {
            pattern: Glob::parse(&plan.follow_pattern).ok()?,
            seed: CanonicalUrl::parse(seed)?,
            max_depth: plan.max_depth,
        })
    }

    /// Whether a page may be part of the crawl, wherever it was found.
    pub fn matches(&self, url: &CanonicalUrl) -> bool {
        self.pattern.matches(url.as_str()) && (self.pattern.fixes_host() || url.same_host(&self.seed))
    }

    /// Whether links of the page at `found`, which is `depth` hops from the seed, are followed. The seed's are, matching
    /// or not; those of a page that a redirect led off the pattern are not.
    pub fn follows(&self, found: &CanonicalUrl, depth: u32) -> bool {
        depth < self.max_depth && (depth == 0 || self.matches(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(pattern: &str, max_depth: u32) -> CrawlPlan {
        CrawlPlan {
            follow_pattern: pattern.into(),
            max_pages: 10,
            max_depth,
            use_sitemap: true,
            ignore_robots: false,
            allow_large_crawl: false,
        }
    }

    #[test]
    fn a_pattern_without_a_host_stays_on_the_seeds() {
        let url = |text: &str| CanonicalUrl::parse(text).unwrap();
        let loose = Frontier::new(&plan("*/blog/*", 2), "https://a.test/").unwrap();
        assert!(loose.matches(&url("https://a.test/blog/1")));
        assert!(!loose.matches(&url("https://b.test/blog/1")) && !loose.matches(&url("https://a.test/shop")));
        let fixed = Frontier::new(&plan("https://b.test/*", 2), "https://a.test/").unwrap();
        assert!(fixed.matches(&url("https://b.test/x")) && !fixed.matches(&url("https://a.test/x")));
        assert!(fixed.follows(&url("https://a.test/"), 0), "the seed's links");
        assert!(fixed.follows(&url("https://b.test/x"), 1) && !fixed.follows(&url("https://b.test/x"), 2));
        assert!(!fixed.follows(&url("https://c.test/x"), 1), "off the pattern");
        assert!(Frontier::new(&plan("[", 2), "https://a.test/").is_none());
    }
}

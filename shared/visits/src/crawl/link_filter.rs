//! Decides which links of a page a crawl follows, by its pattern and robots.txt. The page decides how much processor
//! work this is, so it is done where pages are read, within the page's budget. No I/O.

use std::collections::HashMap;
use std::sync::Arc;

use domain::CanonicalUrl;
use domain::frontier::Frontier;
use domain::job::CrawlOptions;
use extraction::budget::{Budget, Limits};
use extraction::links::Links;
use fetch::Robots;
use url::Url;

/// Maximum number of steps for the links of one page: bytes that are compared with patterns and rules. Links beyond
/// that are denied.
const MAX_STEPS: u64 = 128 * 1024 * 1024;

/// Checks the links of one page.
#[derive(Debug)]
pub(crate) struct LinkFilter {
    frontier: Frontier,
    seed: CanonicalUrl,
    depth: u32,
    /// The origin whose robots.txt is at hand, and its rules; `None` if robots.txt is ignored.
    robots: Option<(String, Arc<Robots>)>,
    /// Whether the page's response asks crawlers not to follow any of its links.
    nofollow: bool,
}

/// A link that matches the pattern.
#[derive(Debug, Clone)]
pub(crate) struct CheckedLink {
    pub(crate) page: CanonicalUrl,
    /// Hash of its page key.
    pub(crate) hash: String,
    pub(crate) verdict: Verdict,
}

/// Whether a link may be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Follow,
    /// The page or robots.txt forbids it.
    Denied,
    /// The robots.txt of another origin decides.
    NeedsRobots,
}

/// Returns the origin whose robots.txt holds for a URL: scheme, name and port.
pub(crate) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

impl LinkFilter {
    /// Returns `None` if the plan or the seed was never validated. `depth` is the page's.
    pub(crate) fn new(plan: &CrawlOptions, seed: &str, depth: u32) -> Option<LinkFilter> {
        let seed_url = CanonicalUrl::parse(seed)?;
        Some(LinkFilter { frontier: Frontier::new(plan, seed)?, seed: seed_url, depth, robots: None, nofollow: false })
    }

    /// Adds the robots.txt of the page's own origin.
    pub(crate) fn with_robots(self, at: &Url, robots: Option<Arc<Robots>>) -> LinkFilter {
        LinkFilter { robots: robots.map(|robots| (origin(at), robots)), ..self }
    }

    /// Adds whether the page's response forbids following its links.
    pub(crate) fn with_nofollow(self, nofollow: bool) -> LinkFilter {
        LinkFilter { nofollow, ..self }
    }

    /// Returns whether the links of a page at `at` are followed at all.
    pub(crate) fn follows(&self, at: &Url) -> bool {
        CanonicalUrl::of(at).is_some_and(|at| self.frontier.follows(&at, self.depth))
    }

    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub(crate) fn seed(&self) -> &CanonicalUrl {
        &self.seed
    }

    pub(crate) fn depth(&self) -> u32 {
        self.depth
    }

    /// Returns the links that match the pattern, in their order, each with its verdict.
    pub(crate) fn check(&self, links: &Links, page_budget: &Budget<'_>) -> Vec<CheckedLink> {
        let budget = page_budget.part(Limits { steps: MAX_STEPS, ..Limits::NONE });
        let mut checked = Vec::new();
        for link in &links.links {
            // Parsing a URL and matching a pattern take linear time.
            if !budget.step(link.url.as_str().len() * 4) {
                break;
            }
            let Some(page) = CanonicalUrl::of(&link.url).filter(|page| self.frontier.matches(page)) else { continue };
            let verdict = match &self.robots {
                _ if self.nofollow || link.nofollow => Verdict::Denied,
                None => Verdict::Follow,
                Some((at, robots)) if *at == origin(page.url()) => robots_verdict(robots, page.url(), &budget),
                Some(_) => Verdict::NeedsRobots,
            };
            checked.push(CheckedLink { hash: page.key().hash(), page, verdict });
        }
        checked
    }
}

/// Decides the links that are [`Verdict::NeedsRobots`], by the robots.txt of their origins.
pub(crate) fn check_with_robots(
    links: &mut [CheckedLink],
    robots: &HashMap<String, Arc<Robots>>,
    page_budget: &Budget<'_>,
) {
    let budget = page_budget.part(Limits { steps: MAX_STEPS, ..Limits::NONE });
    for link in links.iter_mut().filter(|link| link.verdict == Verdict::NeedsRobots) {
        if let Some(robots) = robots.get(&origin(link.page.url())) {
            link.verdict = robots_verdict(robots, link.page.url(), &budget);
        }
    }
}

fn robots_verdict(robots: &Robots, url: &Url, budget: &Budget<'_>) -> Verdict {
    if robots.allows_within(url, &|bytes| budget.step(bytes)) { Verdict::Follow } else { Verdict::Denied }
}

#[cfg(test)]
mod tests {
    use extraction::links::{Link, LinkKind};

    use super::*;

    fn filter(pattern: &str, robots: &str) -> LinkFilter {
        let plan = CrawlOptions {
            follow_pattern: pattern.into(),
            max_pages: 10,
            max_depth: 2,
            use_sitemap: false,
            ignore_robots: false,
            allow_large_crawl: false,
        };
        let at = Url::parse("https://a.test/").unwrap();
        let robots = Arc::new(Robots::parse(robots.as_bytes(), "runo", None));
        LinkFilter::new(&plan, at.as_str(), 0).unwrap().with_robots(&at, Some(robots))
    }

    fn links(urls: impl IntoIterator<Item = String>) -> Links {
        let link = |url: String| Link {
            url: Url::parse(&url).unwrap(),
            kind: LinkKind::Anchor,
            nofollow: url.ends_with("#n"),
        };
        Links { links: urls.into_iter().map(link).collect(), truncated: false }
    }

    #[test]
    fn each_link_is_checked_by_its_own_origin() {
        let rules = "User-agent: *\nDisallow: /no";
        let urls = ["https://a.test/yes", "https://a.test/no", "https://a.test/n#n", "https://b.test/x"];
        let check = |pattern| filter(pattern, rules).check(&links(urls.map(str::to_owned)), &Budget::default());
        let verdicts = |links: &[CheckedLink]| links.iter().map(|link| link.verdict).collect::<Vec<_>>();
        assert_eq!(verdicts(&check("*")), [Verdict::Follow, Verdict::Denied, Verdict::Denied]);
        let all = filter("*", "").with_nofollow(true).check(&links(urls.map(str::to_owned)), &Budget::default());
        assert!(all.iter().all(|link| link.verdict == Verdict::Denied));
        let mut checked = check("https://b.test/*");
        assert_eq!(verdicts(&checked), [Verdict::NeedsRobots]);
        let robots = Arc::new(Robots::disallow_all());
        check_with_robots(&mut checked, &HashMap::from([("https://b.test".into(), robots)]), &Budget::default());
        assert_eq!(checked[0].verdict, Verdict::Denied);
    }

    /// Checks 2,000 long links of a page against files of 510 KB with the worst possible rules. The check ends within
    /// its share of the budget, and links that it did not reach are denied.
    #[test]
    fn rules_and_links_never_multiply_beyond_the_share() {
        let reached = |rule: &str| rule.contains("*b") || rule.ends_with("zz$");
        let path = |n: usize| format!("https://a.test/{}{n}", "ab".repeat(400));
        for rule in ["*a*b*c", "/*ab*zz$", "/ab*x", "*", "/abababab", "/abab$", "/*b?", "***a**"] {
            let lines = (0..).map(|n| format!("Disallow: {rule}{}{n}\n", "q".repeat(n % 3)));
            let mut file = String::from("User-agent: *\n");
            lines
                .take_while(|line| {
                    file.push_str(line);
                    file.len() < 510 * 1024
                })
                .for_each(drop);
            let whole = Budget::default();
            let checked = filter("*", &file).check(&links((0..2_000).map(path)), &whole);
            let steps = whole.taken().steps;
            assert!(steps <= MAX_STEPS + 4 * 1024 * 1024, "{rule}: {steps}");
            // Each comparison of a rule with a path is counted. Once the share is used up, the other links are denied.
            assert!(!reached(rule) || steps >= MAX_STEPS, "{rule}: {steps}");
            assert!(!reached(rule) || checked.iter().any(|link| link.verdict == Verdict::Denied), "{rule}");
        }
        // Links that were not checked are not followed.
        let spent = Budget::limited(Limits { steps: 0, ..Limits::PAGE });
        assert!(filter("*", "").check(&links((0..9).map(path)), &spent).is_empty());
    }

    /// Whatever the numbers of rules and links: steps grow with both until the share is used up.
    #[test]
    fn steps_are_rules_times_links_until_the_share_ends_them() {
        let taken = |rules: usize, urls: usize| {
            let file =
                (0..rules).fold("User-agent: *\n".to_owned(), |file, n| file + &format!("Disallow: /*a*b*{n}$\n"));
            let whole = Budget::default();
            let path = |n: usize| format!("https://a.test/{}{n}x", "ab".repeat(100));
            filter("*", &file).check(&links((0..urls).map(path)), &whole);
            whole.taken().steps
        };
        for rules in [10, 100, 1_000, 10_000] {
            for urls in [10, 100, 1_000] {
                let steps = taken(rules, urls);
                let min = (rules * urls * 200) as u64 / 4;
                assert!(steps >= min.min(MAX_STEPS), "{rules} rules, {urls} links: {steps}");
                assert!(steps <= MAX_STEPS + 4 * 1024 * 1024, "{rules} rules, {urls} links: {steps}");
            }
        }
    }
}

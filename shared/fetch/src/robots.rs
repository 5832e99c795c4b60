//! robots.txt (RFC 9309): the rules of a site for one crawler, and what the crawler may fetch under them. Pure, except
//! for [`crate::Fetcher::robots`] in `fetch`.
//!
//! A parser of our own, because no crate implements everything in the RFC and in Google's published rules. Each crate
//! tried (robotstxt 0.3, texting_robots 0.2, robotxt 0.7) fails some of these: reading `runo/1.0` and `runo*` as
//! `runo`, keeping a group together across lines that are not rules, comparing escapes, byte order marks and line ends.

mod fetch;
mod parse;
mod pattern;
mod rules;

use std::cell::Cell;
use std::time::Duration;

use domain::time::millis;
use serde::{Deserialize, Serialize};
use url::{Position, Url};

use rules::Rules;

pub use fetch::{RobotsAnswer, RobotsOutcome};

/// Maximum number of bytes of a file that are read (RFC 9309 §2.5). A line that crosses the limit, and everything after
/// it, is left out.
pub const MAX_ROBOTS: usize = 500 * 1024;
/// Maximum delay taken from a file.
pub const MAX_CRAWL_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum number of sitemaps taken from a file.
pub const MAX_SITEMAPS: usize = 100;
/// Maximum size of [`Robots::to_row`] in bytes.
pub const MAX_ROW: usize = 256 * 1024;
/// Maximum number of bytes compared for one URL. A file can contain 40,000 rules with wildcards, each of which may
/// have to search the whole path. No site needs that much, but one could use it to keep a worker busy, so beyond the
/// limit the URL is disallowed. Rules without wildcards do not count.
const MAX_COMPARED: usize = 2 * 1024 * 1024;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// In the form of [`pattern::normalise_rule`].
    pattern: String,
}

/// A site's rules for one crawler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robots {
    rules: Rules,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<Url>,
    no_connection: bool,
}

/// [`Robots`] as stored in a row.
#[derive(Serialize, Deserialize)]
struct Row {
    /// Rules: `+` (allow) or `-` (disallow), then the pattern.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    r: Vec<String>,
    /// Crawl delay in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    d: Option<u64>,
    /// Sitemaps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    s: Vec<String>,
    /// Whether the site could not be reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    u: bool,
}

impl Robots {
    /// Parses a file found at `at` for the crawler with this product token. Never fails: lines that are not rules are
    /// skipped. Without `at`, sitemaps with relative URLs are left out.
    pub fn parse(file: &[u8], agent: &str, at: Option<&Url>) -> Robots {
        let found = parse::read(file, agent, at);
        Robots::new(found.rules, found.crawl_delay, found.sitemaps)
    }

    /// Returns the rules of a site without a file.
    pub fn allow_all() -> Robots {
        Robots::default()
    }

    /// Returns the rules of a site whose file cannot be fetched.
    pub fn disallow_all() -> Robots {
        Robots::new(vec![Rule { allow: false, pattern: "/".into() }], None, Vec::new())
    }

    /// Returns the rules of a site to which no connection could be made: nothing is allowed.
    pub fn no_connection() -> Robots {
        Robots { no_connection: true, ..Robots::disallow_all() }
    }

    /// Returns whether no connection to the site could be made: then nothing is allowed, but not because of robots.txt.
    pub fn has_no_connection(&self) -> bool {
        self.no_connection
    }

    fn new(rules: Vec<Rule>, crawl_delay: Option<Duration>, sitemaps: Vec<Url>) -> Robots {
        Robots { rules: Rules::new(rules), crawl_delay, sitemaps, no_connection: false }
    }

    /// Returns whether a URL of the file's site may be fetched: the longest matching pattern decides (RFC 9309 §2.2.2).
    /// Does not check that the URL is on that site (scheme, host, port).
    pub fn allows(&self, url: &Url) -> bool {
        self.allows_within(url, &|_| true)
    }

    /// Works like [`Robots::allows`] under a budget, for one of many URLs: calls `spend` with a number of bytes before
    /// it compares them. If `spend` returns false, the answer is false.
    pub fn allows_within(&self, url: &Url, spend: &dyn Fn(usize) -> bool) -> bool {
        let path = pattern::normalise_path(&url[Position::BeforePath..Position::AfterQuery]);
        if path == "/robots.txt" {
            return true;
        }
        let left = Cell::new(MAX_COMPARED);
        self.rules.allow(&path, &|bytes| match left.get().checked_sub(bytes) {
            Some(rest) => {
                left.set(rest);
                spend(bytes)
            }
            None => false,
        })
    }

    /// Returns `Crawl-delay`, which is not part of the RFC: the longest of the crawler's groups, capped at
    /// [`MAX_CRAWL_DELAY`].
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// Returns the URLs of the `Sitemap` lines (sitemaps.org) anywhere in the file: http and https only, each once, in
    /// order.
    pub fn sitemaps(&self) -> &[Url] {
        &self.sitemaps
    }

    /// Returns compact JSON to store in a row; `None` if it is over [`MAX_ROW`] bytes.
    pub fn to_row(&self) -> Option<String> {
        let row = Row {
            r: self.rules.iter().map(|r| format!("{}{}", if r.allow { '+' } else { '-' }, r.pattern)).collect(),
            d: self.crawl_delay.map(millis),
            s: self.sitemaps.iter().map(Url::to_string).collect(),
            u: self.no_connection,
        };
        serde_json::to_string(&row).ok().filter(|text| text.len() <= MAX_ROW)
    }

    /// Parses what [`Robots::to_row`] wrote. Returns `None` for anything else.
    pub fn from_row(text: &str) -> Option<Robots> {
        let row: Row = serde_json::from_str(text).ok()?;
        let rule = |text: &String| {
            let allow = text.starts_with('+');
            let pattern = text.strip_prefix(if allow { '+' } else { '-' })?.to_owned();
            Some(Rule { allow, pattern })
        };
        let rules = row.r.iter().map(rule).collect::<Option<Vec<Rule>>>()?;
        let sitemaps = row.s.iter().map(|text| Url::parse(text).ok()).collect::<Option<Vec<Url>>>()?;
        let robots = Robots::new(rules, row.d.map(Duration::from_millis), sitemaps);
        Some(Robots { no_connection: row.u, ..robots })
    }
}

#[cfg(test)]
mod tests;

//! robots.txt (RFC 9309): the rules of a site for one crawler, and what it may fetch by them. Pure, but for
//! [`crate::Fetcher::robots`] in `ask`.
//!
//! Our own, because no crate does all that the RFC and Google's published rules say. Each of those that were tried
//! (robotstxt 0.3, texting_robots 0.2, robotxt 0.7) fails some of: taking `runo/1.0` and `runo*` for `runo`, keeping a
//! group together across lines that are no rules, comparing escapes, byte order marks and line ends.

mod ask;
mod parse;
mod pattern;
mod rules;

use std::cell::Cell;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::{Position, Url};

use rules::Rules;

pub use ask::{RobotsAnswer, RobotsOutcome};

/// Most bytes of a file that are read (RFC 9309 §2.5); a line that does not fit is left out with all after it.
pub const MAX_ROBOTS: usize = 500 * 1024;
/// Longest delay that is taken from a file.
pub const MAX_CRAWL_DELAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Most sitemaps that are taken from a file.
pub const MAX_SITEMAPS: usize = 100;
/// Most bytes of [`Robots::to_row`].
pub const MAX_ROW: usize = 256 * 1024;
/// Most bytes that are compared for one URL. A file has room for 40,000 rules with wildcards, each of which may have to
/// look through the whole path; what no site needs but could use to keep a worker busy is answered with no. Rules without
/// wildcards cost nothing of it.
const MAX_COMPARED: usize = 2 * 1024 * 1024;

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    allow: bool,
    /// In the form of [`pattern::of_rule`].
    pattern: String,
}

/// What a site says to one crawler.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Robots {
    rules: Rules,
    crawl_delay: Option<Duration>,
    sitemaps: Vec<Url>,
    unreached: bool,
}

/// [`Robots`] in a table's row.
#[derive(Serialize, Deserialize)]
struct Row {
    /// `+` or `-` and the pattern.
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
    /// Reads a file, found at `at`, for the crawler with this product token. Never fails: what is no rule is passed over.
    /// Without an address, sitemaps at relative ones are left out.
    pub fn parse(file: &[u8], agent: &str, at: Option<&Url>) -> Robots {
        let found = parse::read(file, agent, at);
        Robots::new(found.rules, found.crawl_delay, found.sitemaps)
    }

    /// What a site without a file says.
    pub fn allow_all() -> Robots {
        Robots::default()
    }

    /// What a site says whose file cannot be had.
    pub fn disallow_all() -> Robots {
        Robots::new(vec![Rule { allow: false, pattern: "/".into() }], None, Vec::new())
    }

    /// What a site says to which no connection comes about.
    pub fn unreached() -> Robots {
        Robots { unreached: true, ..Robots::disallow_all() }
    }

    /// Whether no connection to the site came about: then nothing is allowed, and yet robots.txt is not why.
    pub fn is_unreached(&self) -> bool {
        self.unreached
    }

    fn new(rules: Vec<Rule>, crawl_delay: Option<Duration>, sitemaps: Vec<Url>) -> Robots {
        Robots { rules: Rules::new(rules), crawl_delay, sitemaps, unreached: false }
    }

    /// Whether a URL of the file's site may be fetched: the longest pattern that matches decides (RFC 9309 §2.2.2). The
    /// site itself (scheme, host, port) is not compared.
    pub fn allows(&self, url: &Url) -> bool {
        self.allows_within(url, &|_| true)
    }

    /// The same for one of many URLs: `take` is asked before bytes are compared, with how many, and where it says no, so
    /// does this.
    pub fn allows_within(&self, url: &Url, take: &dyn Fn(usize) -> bool) -> bool {
        let path = pattern::of_url(&url[Position::BeforePath..Position::AfterQuery]);
        if path == "/robots.txt" {
            return true;
        }
        let left = Cell::new(MAX_COMPARED);
        self.rules.allow(&path, &|bytes| match left.get().checked_sub(bytes) {
            Some(rest) => {
                left.set(rest);
                take(bytes)
            }
            None => false,
        })
    }

    /// `Crawl-delay`, which is no part of the RFC: the longest of the crawler's groups, at most [`MAX_CRAWL_DELAY`].
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.crawl_delay
    }

    /// `Sitemap` lines (sitemaps.org), wherever in the file: http and https ones, each once, in order.
    pub fn sitemaps(&self) -> &[Url] {
        &self.sitemaps
    }

    /// A compact text (JSON) to be kept in a row; `None` if it would be over [`MAX_ROW`] bytes.
    pub fn to_row(&self) -> Option<String> {
        let row = Row {
            r: self.rules.iter().map(|r| format!("{}{}", if r.allow { '+' } else { '-' }, r.pattern)).collect(),
            d: self.crawl_delay.map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
            s: self.sitemaps.iter().map(Url::to_string).collect(),
            u: self.unreached,
        };
        serde_json::to_string(&row).ok().filter(|text| text.len() <= MAX_ROW)
    }

    /// Reads what [`Robots::to_row`] wrote; `None` for what it did not.
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
        Some(Robots { unreached: row.u, ..robots })
    }
}

#[cfg(test)]
mod tests;

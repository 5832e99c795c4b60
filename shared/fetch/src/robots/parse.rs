//! Parses lines and groups (RFC 9309 §2.1 and §2.2.1) as leniently as Google does: accepts common misspellings, and a
//! blank instead of the colon.

use std::borrow::Cow;
use std::time::Duration;

use encoding_rs::{Encoding, UTF_8};
use url::Url;

use super::{MAX_CRAWL_DELAY, MAX_ROBOTS, MAX_SITEMAPS, Rule, pattern};
use crate::target::{UrlFault, check_parsed, check_url};

/// The content of a file for one crawler.
#[derive(Debug, Default)]
pub(super) struct ParsedFile {
    pub(super) rules: Vec<Rule>,
    pub(super) crawl_delay: Option<Duration>,
    pub(super) sitemaps: Vec<Url>,
}

/// The rules of one name's groups, merged.
#[derive(Debug, Default)]
struct Group {
    seen: bool,
    rules: Vec<Rule>,
    crawl_delay: Option<Duration>,
}

/// A parsed line.
enum Line<'a> {
    Agent(&'a [u8]),
    Rule(bool, &'a [u8]),
    CrawlDelay(&'a [u8]),
    Sitemap(&'a [u8]),
}

/// Parses a file for the crawler `agent`. If the file has groups for it, only those count, even without rules;
/// otherwise those for `*` count.
pub(super) fn read(file: &[u8], agent: &str, at: Option<&Url>) -> ParsedFile {
    let (mut own, mut any) = (Group::default(), Group::default());
    let mut sitemaps: Vec<Url> = Vec::new();
    // Whether the rules at this point apply to the crawler and to `*`, and whether a user-agent line here would extend
    // the group. Only rules end a list of user agents: "parsing of other records MUST NOT interfere" (§2.2.4).
    let (mut for_own, mut for_any, mut naming) = (false, false, false);
    let file = to_utf8(file);
    for line in lines(whole_lines(&file)).filter_map(read_line) {
        match line {
            Line::Agent(value) => {
                if !naming {
                    (for_own, for_any, naming) = (false, false, true);
                }
                if value.first() == Some(&b'*') && value.get(1).is_none_or(u8::is_ascii_whitespace) {
                    for_any = true;
                    any.seen = true;
                } else if is_named(value, agent) {
                    for_own = true;
                    own.seen = true;
                }
            }
            Line::Rule(allow, value) => {
                naming = false;
                // A pattern that starts with neither `/` nor `*`, or is empty, matches nothing.
                if matches!(value.first(), Some(b'/' | b'*')) {
                    let rule = Rule { allow, pattern: pattern::normalise_rule(value) };
                    if for_own {
                        own.rules.push(rule);
                    } else if for_any {
                        any.rules.push(rule);
                    }
                    // A group for both the crawler and `*` counts only as the crawler's own.
                }
            }
            Line::CrawlDelay(value) => {
                let delay = parse_delay(value);
                for group in [for_own.then_some(&mut own), for_any.then_some(&mut any)].into_iter().flatten() {
                    group.crawl_delay = group.crawl_delay.max(delay);
                }
            }
            Line::Sitemap(value) => {
                if let Some(url) =
                    sitemap_url(value, at).filter(|u| sitemaps.len() < MAX_SITEMAPS && !sitemaps.contains(u))
                {
                    sitemaps.push(url);
                }
            }
        }
    }
    let group = if own.seen { own } else { any };
    ParsedFile { rules: group.rules, crawl_delay: group.crawl_delay, sitemaps }
}

/// Returns the URL of a sitemap. The protocol requires an absolute URL, but sites also write it relative to their root.
fn sitemap_url(value: &[u8], at: Option<&Url>) -> Option<Url> {
    let text = std::str::from_utf8(value).ok()?.trim_matches(['"', '\'', '<', '>']).trim();
    match (check_url(text), at) {
        (Ok(url), _) => Some(url),
        (Err(UrlFault::NotAbsolute(_)), Some(at)) if !text.is_empty() => {
            at.join("/").and_then(|root| root.join(text)).ok().filter(|url| check_parsed(url).is_ok())
        }
        (Err(_), _) => None,
    }
}

/// Converts a file from UTF-16, which Windows calls Unicode, to UTF-8. Returns other files as they are.
fn to_utf8(file: &[u8]) -> Cow<'_, [u8]> {
    match Encoding::for_bom(file) {
        Some((encoding, mark)) if encoding != UTF_8 => {
            Cow::Owned(encoding.decode_without_bom_handling(&file[mark..]).0.into_owned().into_bytes())
        }
        _ => Cow::Borrowed(file),
    }
}

/// Returns the start of a file, without a byte order mark and without a line that crosses the limit.
fn whole_lines(file: &[u8]) -> &[u8] {
    let start = match file.get(..=MAX_ROBOTS) {
        None => file,
        // The byte after the limit may be the end of the last line.
        Some(start) => {
            let end = start.iter().rposition(|b| matches!(b, b'\n' | b'\r'));
            &start[..end.unwrap_or(0)]
        }
    };
    start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start)
}

/// Splits a file into lines. Lines end in LF, CR or both; an extra empty line does no harm.
fn lines(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    file.split(|b| matches!(b, b'\n' | b'\r'))
}

fn read_line(line: &[u8]) -> Option<Line<'_>> {
    let line = line.split(|b| *b == b'#').next().unwrap_or_default().trim_ascii();
    let (key, value) = match line.iter().position(|b| *b == b':') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => {
            let (at, rest) = line.iter().position(u8::is_ascii_whitespace).map(|at| line.split_at(at))?;
            // Exactly two words; more are prose.
            if rest.trim_ascii().iter().any(u8::is_ascii_whitespace) {
                return None;
            }
            (at, rest)
        }
    };
    let (key, value) = (key.trim_ascii().to_ascii_lowercase(), value.trim_ascii());
    match key.as_slice() {
        b"user-agent" | b"useragent" | b"user agent" => Some(Line::Agent(value)),
        b"allow" => Some(Line::Rule(true, value)),
        b"disallow" | b"dissallow" | b"dissalow" | b"disalow" | b"diasllow" | b"disallaw" => {
            Some(Line::Rule(false, value))
        }
        b"crawl-delay" | b"crawldelay" => Some(Line::CrawlDelay(value)),
        b"sitemap" | b"site-map" => Some(Line::Sitemap(value)),
        _ => None,
    }
}

/// Returns whether a user-agent line names the crawler: its product token in any case, followed by anything that is not
/// part of a token, such as a version.
fn is_named(value: &[u8], agent: &str) -> bool {
    let end = value.iter().position(|b| !(b.is_ascii_alphabetic() || matches!(b, b'_' | b'-')));
    let token = &value[..end.unwrap_or(value.len())];
    !token.is_empty() && token.eq_ignore_ascii_case(agent.as_bytes())
}

/// Parses seconds, with or without a fraction.
fn parse_delay(value: &[u8]) -> Option<Duration> {
    let seconds: f64 = std::str::from_utf8(value).ok()?.parse().ok()?;
    // NaN is not greater than the maximum, so it stays NaN, which the conversion below refuses.
    let bounded = if seconds > MAX_CRAWL_DELAY.as_secs_f64() { MAX_CRAWL_DELAY.as_secs_f64() } else { seconds };
    Duration::try_from_secs_f64(bounded).ok()
}

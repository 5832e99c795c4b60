//! Builds request header fields, and reads the response fields meant for crawlers. Pure.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

/// Builds a header map of the caller's own fields; leaves out invalid ones.
pub fn header_map<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    let read = |(name, value): (&str, &str)| {
        let mut value = HeaderValue::from_str(value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, value))
    };
    fields.filter_map(read).collect()
}

/// Returns the product token of a user agent: `Runo` of `Runo/0.1 (+https://…)`.
pub fn product_token(user_agent: &str) -> &str {
    let end = user_agent.find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, '_' | '-')));
    &user_agent[..end.unwrap_or(user_agent.len())]
}

/// Returns the `Accept-Language` for a tag: the tag itself, its primary language, anything. `None` if the text cannot
/// be a language tag (RFC 5646 §2.1).
pub(crate) fn languages(tag: &str) -> Option<HeaderValue> {
    if tag.is_empty() || !tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return None;
    }
    let text = match tag.split_once('-') {
        Some((primary, _)) => format!("{tag},{primary};q=0.9,*;q=0.5"),
        None => format!("{tag},*;q=0.5"),
    };
    HeaderValue::from_str(&text).ok()
}

/// Rules of `X-Robots-Tag` that have a value after a colon. Other rules follow a crawler's name and a colon.
const RULES_WITH_VALUE: [&str; 4] = ["unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"];

/// Returns whether `X-Robots-Tag` asks the crawler `agent` not to follow a page's links (the rules of Google's "Robots
/// meta tag"). A crawler's name applies to everything after it in its field.
pub(crate) fn has_nofollow(headers: &HeaderMap, agent: &str) -> bool {
    headers.get_all("x-robots-tag").iter().any(|field| {
        let text = String::from_utf8_lossy(field.as_bytes()).to_ascii_lowercase();
        let mut applies = true;
        text.split(',').any(|rule| {
            let words = match rule.split_once(':') {
                Some((name, _)) if RULES_WITH_VALUE.contains(&name.trim()) => "",
                Some((name, rest)) => {
                    applies = matches!(name.trim(), "*" | "robots") || name.trim().eq_ignore_ascii_case(agent);
                    rest
                }
                None => rule,
            };
            applies && words.split([' ', '\t', ';']).any(|word| matches!(word, "nofollow" | "none"))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_robots_tag_can_forbid_following_links() {
        for (fields, want) in [
            (&["nofollow"][..], true),
            (&["noindex, NoFollow"], true),
            (&["none"], true),
            (&["noindex", "nofollow"], true),
            (&["noindex nofollow"], true),
            (&["runo: nofollow"], true),
            (&["RUNO: noindex, nofollow"], true),
            (&["*: nofollow"], true),
            (&["unavailable_after: 25 Jun 2030 15:00:00 PST, nofollow"], true),
            (&["otherbot: noindex, runo: nofollow"], true),
            (&["max-snippet:20,nofollow"], true),
            (&["otherbot: nofollow"], false),
            (&["otherbot: noindex, nofollow"], false),
            (&["runobot: nofollow"], false),
            (&["runo: noindex, otherbot: nofollow"], false),
            (&["noindex, follow, all"], false),
            (&["nofollowed"], false),
            (&["max-snippet: none"], false),
            (&[""], false),
            (&[], false),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append("x-robots-tag", field.parse().unwrap());
            }
            assert_eq!(has_nofollow(&headers, "Runo"), want, "{fields:?}");
        }
    }
}

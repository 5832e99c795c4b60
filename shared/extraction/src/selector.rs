//! A caller's own CSS selector: where it is given, it alone decides where a value is read.

use scraper::{Html, Selector};
use url::Url;

use crate::html;

/// Most matches that are read.
const MAX_MATCHES: usize = 1_000;
/// Attributes whose values are addresses.
const ADDRESSES: [&str; 7] = ["href", "src", "action", "poster", "data-src", "cite", "formaction"];

/// Checks a selector, with or without `::attr(name)` at its end.
///
/// # Errors
/// What is wrong with it, as the end of a sentence that begins with its member's name.
pub fn check_selector(selector: &str) -> Result<(), String> {
    parse(selector).map(drop)
}

fn parse(selector: &str) -> Result<(Selector, Option<String>), String> {
    let text = selector.trim();
    let (css, attribute) = match text.rsplit_once("::attr(") {
        Some((css, rest)) => {
            let name = rest
                .strip_suffix(')')
                .map(str::trim)
                .filter(|n| !n.is_empty() && n.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ':')));
            let Some(name) = name else {
                return Err("must end in ::attr(name) with the name of one attribute, like a::attr(href)".into());
            };
            (css.trim(), Some(name.to_ascii_lowercase()))
        }
        None => (text, None),
    };
    // A bare ::attr(name) asks any element that has it.
    let css = match (&attribute, css) {
        (Some(name), "") => format!("[{name}]"),
        _ => css.to_owned(),
    };
    match Selector::parse(&css) {
        Ok(selector) => Ok((selector, attribute)),
        Err(_) => Err(format!("is not a CSS selector that can be read: \"{}\"", crate::coercion::clip(&css))),
    }
}

/// The texts or attribute values that a selector matches, in document order, empty ones left out.
pub(crate) fn read(page: &Html, selector: &str, url: &Url) -> Vec<String> {
    let Ok((selector, attribute)) = parse(selector) else { return Vec::new() };
    page.select(&selector)
        .take(MAX_MATCHES)
        .filter_map(|element| match &attribute {
            None => Some(html::text(element)),
            Some(name) => element.value().attr(name).map(|value| absolute(name, value, url)),
        })
        .filter(|text| !text.is_empty())
        .collect()
}

fn absolute(name: &str, value: &str, url: &Url) -> String {
    let value = value.trim();
    if ADDRESSES.contains(&name) && !value.is_empty() {
        url.join(value).map_or_else(|_| value.to_owned(), |u| u.to_string())
    } else {
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_and_bad_ones() {
        for good in ["h1", ".a > b::attr(href)", "::attr(data-x)", "ul li:nth-child(2)", "a[href^=\"/x\"]"] {
            assert_eq!(check_selector(good), Ok(()), "{good}");
        }
        for bad in ["", "h1 >", "a::attr()", "a::attr(x y)", "{", "a::attr(href"] {
            assert!(check_selector(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_text_and_attributes() {
        let page = html::parse("<ul><li>a <b>b</b></li><li></li><li><a href=/x>c</a></li></ul>");
        let url = Url::parse("https://e.test/d/").unwrap();
        assert_eq!(read(&page, "li", &url), ["a b", "c"]);
        assert_eq!(read(&page, "a::attr(href)", &url), ["https://e.test/x"]);
        assert!(read(&page, "h1", &url).is_empty());
    }
}

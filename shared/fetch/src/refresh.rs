//! Redirects without a redirect status: the `Refresh` field and the `meta` element that replaces it (HTML, "pragma
//! directives"). Pure. Only a refresh that a browser would follow soon counts as a redirect; a page that reloads itself
//! in five minutes is a page.

use url::Url;

/// Maximum wait in seconds for a refresh to count as a redirect.
const MAX_WAIT_SECS: f64 = 10.0;
/// Number of bytes at a page's start that are searched.
const MAX_SEARCHED: usize = 64 * 1024;
/// Elements whose content is skipped: it is not markup, or not for a browser that runs scripts.
const SKIPPED_ELEMENTS: [&str; 9] =
    ["script", "style", "noscript", "template", "textarea", "title", "xmp", "iframe", "svg"];

/// Returns the target of a `Refresh` value, if it has one within [`MAX_WAIT_SECS`] (HTML, "shared declarative refresh
/// steps").
pub(crate) fn target(value: &str, base: &Url) -> Option<Url> {
    let value = value.trim_start();
    let digits = value.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(value.len());
    let wait: f64 = if digits == 0 { return None } else { value[..digits].trim_end_matches('.').parse().ok()? };
    if wait > MAX_WAIT_SECS {
        return None;
    }
    let rest = value[digits..].trim_start().trim_start_matches([';', ',']).trim_start();
    let named = rest.get(..3).filter(|name| name.eq_ignore_ascii_case("url")).map(|_| rest[3..].trim_start());
    let text = named.and_then(|after| after.strip_prefix('=')).map_or(rest, str::trim_start);
    let text = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text[1..].split(quote).next().unwrap_or_default(),
        _ => text,
    };
    if text.trim().is_empty() {
        return None;
    }
    let mut url = base.join(text.trim()).ok()?;
    url.set_fragment(None);
    Some(url)
}

/// Returns the target of a page's `meta` refresh. Makes one pass over the page's start and keeps nothing.
pub(crate) fn target_in_page(page: &[u8], base: &Url) -> Option<Url> {
    let start = String::from_utf8_lossy(&page[..page.len().min(MAX_SEARCHED)]);
    let mut base = base.clone();
    let mut rest: &str = &start;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |end| &comment[end + 3..]);
            continue;
        }
        let name_end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = rest[..name_end].to_ascii_lowercase();
        if name.is_empty() {
            continue;
        }
        let wanted = matches!(name.as_str(), "base" | "meta");
        let (attributes, after) = attributes(&rest[name_end..], wanted);
        rest = after;
        let attribute = |name: &str| attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        match name.as_str() {
            "base" => base = attribute("href").and_then(|href| base.join(href.trim()).ok()).unwrap_or(base),
            "meta" if attribute("http-equiv").is_some_and(|what| what.trim().eq_ignore_ascii_case("refresh")) => {
                // The first refresh element decides.
                return target(attribute("content")?, &base);
            }
            skipped if SKIPPED_ELEMENTS.contains(&skipped) => rest = after_end_tag(rest, skipped),
            _ => {}
        }
    }
    None
}

/// Returns the text after an element's end tag, or an empty text if there is no end tag.
fn after_end_tag<'a>(rest: &'a str, name: &str) -> &'a str {
    let is_end = |at: &usize| rest.get(at + 2..at + 2 + name.len()).is_some_and(|tag| tag.eq_ignore_ascii_case(name));
    rest.match_indices("</").map(|(at, _)| at).find(is_end).map_or("", |at| &rest[at + 2 + name.len()..])
}

/// Returns the attributes of a tag, and the text after the tag. Without `wanted`, there are no attributes. Names are in
/// lower case, and character references in values are resolved.
fn attributes(tag: &str, wanted: bool) -> (Vec<(String, String)>, &str) {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = tag;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        let Some(first) = rest.chars().next() else { return (found, "") };
        if first == '>' {
            return (found, &rest[1..]);
        }
        let name_end = rest[first.len_utf8()..]
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '/'))
            .map_or(rest.len(), |end| end + first.len_utf8());
        let name = &rest[..name_end];
        rest = rest[name_end..].trim_start();
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            (value, rest) = match after.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let inner = &after[1..];
                    inner.split_once(quote).unwrap_or((inner, ""))
                }
                _ => after.split_at(after.find(|c: char| c.is_ascii_whitespace() || c == '>').unwrap_or(after.len())),
            };
        }
        if wanted && found.len() < 32 {
            found.push((name.to_ascii_lowercase(), unescaped(value)));
        }
    }
}

/// Resolves the character references that occur in URLs and for quotes.
fn unescaped(value: &str) -> String {
    let table = [("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&#x27;", "'"), ("&#34;", "\""), ("&#38;", "&")];
    let text = table.iter().fold(value.to_owned(), |text, (from, to)| text.replace(from, to));
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://e.test/dir/page").unwrap()
    }

    #[test]
    fn the_target_of_a_refresh_value_is_found() {
        for (value, want) in [
            ("0; url=/z", Some("https://e.test/z")),
            ("0;URL='/z?a=1&b=2'", Some("https://e.test/z?a=1&b=2")),
            ("5 ; Url = \"next\" ", Some("https://e.test/dir/next")),
            ("0,url=//o.test/", Some("https://o.test/")),
            ("10;/z", Some("https://e.test/z")),
            ("1.5; /z", Some("https://e.test/z")),
            ("0; url=url.html#part", Some("https://e.test/dir/url.html")),
            ("11; url=/z", None),
            ("300", None),
            ("0", None),
            ("0;", None),
            ("0; url=", None),
            ("", None),
            ("url=/z", None),
            ("-1; url=/z", None),
        ] {
            assert_eq!(target(value, &base()).as_ref().map(Url::as_str), want, "{value:?}");
        }
    }

    #[test]
    fn the_target_of_a_meta_refresh_is_found() {
        for (page, want) in [
            ("<meta http-equiv=refresh content='0;url=/z'>", Some("https://e.test/z")),
            ("<html><head><META content=\"3; URL=/z\" HTTP-EQUIV = \" Refresh \" /></head>", Some("https://e.test/z")),
            ("<p>Wait<meta http-equiv=refresh content=0;url=/z?a=1&amp;b=2>", Some("https://e.test/z?a=1&b=2")),
            ("<base href='/b/'><meta http-equiv=refresh content='0;url=z'>", Some("https://e.test/b/z")),
            ("<meta http-equiv=refresh content='0;url=&#39;/z&#39;'>", Some("https://e.test/z")),
            ("<title>a <b</title><!-- > --><meta http-equiv=refresh content='0;url=/z'>", Some("https://e.test/z")),
            ("<!-- <meta http-equiv=refresh content='0;url=/z'> -->", None),
            ("<noscript><meta http-equiv=refresh content='0;url=/z'></noscript><p>x", None),
            ("<script>'<meta http-equiv=refresh content=\"0;url=/z\">'</script>", None),
            ("<script>'<meta http-equiv=refresh content=\"0;url=/z\">'", None),
            ("<template><meta http-equiv=refresh content='0;url=/z'></template>", None),
            ("<meta http-equiv=refresh content='300;url=/z'>", None),
            ("<meta http-equiv=refresh>", None),
            ("<meta name=refresh content='0;url=/z'>", None),
            ("<meta", None),
            ("<meta http-equiv='refresh", None),
            ("< é <é=é", None),
            ("", None),
        ] {
            assert_eq!(target_in_page(page.as_bytes(), &base()).as_ref().map(Url::as_str), want, "{page:?}");
        }
        assert_eq!(target_in_page(&[0xff; 3], &base()), None);
    }
}

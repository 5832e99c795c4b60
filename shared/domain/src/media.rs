//! What a `Content-Type` says of a page (RFC 9110 §8.3.1): the one place that judges it, for whoever fetches a page and for
//! whoever reads it. What a page is in the end its bytes tell as well: binary formats where it is fetched, markup and JSON
//! where it is read.

/// What a page is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// HTML.
    Html,
    /// HTML in XML's syntax.
    Xhtml,
    /// Any other XML: feeds, sitemaps.
    Xml,
    /// JSON of any kind.
    Json,
    /// A script, which is what callbacks around JSON go by.
    Script,
    /// Any other text. Servers send everything under `text/plain`.
    Text,
    /// Nothing that could be used: the bytes must tell.
    Unsaid,
    /// Something that is none of these: pictures, documents, archives.
    Other,
}

/// Types that say nothing: those of the MIME Sniffing standard (§7), and those that mean "save this".
const NOTHING: [&str; 11] = [
    "*/*",
    "unknown/unknown",
    "content/unknown",
    "application/unknown",
    "application/octet-stream",
    "binary/octet-stream",
    "application/x-unknown-content-type",
    "application/x-httpd-php",
    "application/x-download",
    "application/download",
    "application/force-download",
];

/// The type and subtype of a `Content-Type`, in lower case; the first of several.
pub fn essence(content_type: &str) -> String {
    // Servers put commas between two of them, and colons and quotes where none belong.
    let end = |c: char| matches!(c, ';' | ',' | ':');
    content_type.split(end).next().unwrap_or_default().trim_matches(['"', '\'', ' ', '\t']).to_ascii_lowercase()
}

impl Media {
    /// Judges a `Content-Type`, if there is one.
    pub fn of(content_type: Option<&str>) -> Media {
        let essence = essence(content_type.unwrap_or_default());
        let Some((kind, subtype)) = essence.split_once('/') else { return Media::Unsaid };
        match (kind, subtype) {
            _ if NOTHING.contains(&essence.as_str()) => Media::Unsaid,
            ("text", "html") => Media::Html,
            (_, "xhtml+xml" | "vnd.wap.xhtml+xml") => Media::Xhtml,
            (_, "xml") => Media::Xml,
            ("application" | "text", "json" | "x-json") => Media::Json,
            ("application", "javascript" | "x-javascript" | "ecmascript") => Media::Script,
            (_, other) if other.ends_with("+xml") => Media::Xml,
            (_, other) if other.ends_with("+json") => Media::Json,
            ("text", _) => Media::Text,
            _ => Media::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        use Media::*;
        for (text, want) in [
            ("text/html; charset=utf-8", Html),
            (" TEXT/HTML ;charset=x", Html),
            ("text/html,text/html", Html),
            ("text/html, application/xhtml+xml", Html),
            ("\"text/html\"", Html),
            ("text/html: charset=utf-8", Html),
            ("application/xhtml+xml", Xhtml),
            ("application/rss+xml; charset=utf-8", Xml),
            ("text/xml", Xml),
            ("application/xml", Xml),
            ("image/svg+xml", Xml),
            ("application/json", Json),
            ("application/json, application/json", Json),
            ("text/json", Json),
            ("application/ld+json", Json),
            ("application/javascript; charset=utf-8", Script),
            ("TEXT/PLAIN", Text),
            ("text/javascript", Text),
            ("text/", Text),
            ("application/pdf", Other),
            ("image/png", Other),
            ("video/mp4", Other),
            ("multipart/mixed", Other),
            ("", Unsaid),
            ("; charset=utf-8", Unsaid),
            ("html", Unsaid),
            ("*/*", Unsaid),
            ("application/octet-stream", Unsaid),
            ("application/force-download", Unsaid),
        ] {
            assert_eq!(Media::of(Some(text)), want, "{text}");
        }
        assert_eq!(Media::of(None), Unsaid);
    }
}

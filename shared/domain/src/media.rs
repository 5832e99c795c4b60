//! The kind of content that a `Content-Type` declares (RFC 9110 §8.3.1). This is the only place that interprets the
//! header, both for fetching and for reading a page. The bytes decide as well: the fetcher recognises binary formats,
//! the reader markup and JSON.

/// The kind of content that a page declares.
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
    /// A script. JSON in a callback (JSONP) is served as one.
    Script,
    /// Any other text. It says little: servers send all kinds of content as `text/plain`.
    Text,
    /// No usable type: the bytes decide.
    Unspecified,
    /// None of these: pictures, documents, archives.
    Other,
}

/// Types without information: the types that the MIME Sniffing standard (§7) treats as unknown, and types that mean
/// "save this".
const UNINFORMATIVE: [&str; 11] = [
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

/// Returns the type and subtype of a `Content-Type` in lower case. If there are several, returns the first.
pub fn essence(content_type: &str) -> String {
    // Servers put commas between two types, and add stray colons and quotes.
    let end = |c: char| matches!(c, ';' | ',' | ':');
    content_type.split(end).next().unwrap_or_default().trim_matches(['"', '\'', ' ', '\t']).to_ascii_lowercase()
}

impl Media {
    /// Classifies a `Content-Type`, if there is one.
    pub fn of(content_type: Option<&str>) -> Media {
        let essence = essence(content_type.unwrap_or_default());
        let Some((kind, subtype)) = essence.split_once('/') else { return Media::Unspecified };
        match (kind, subtype) {
            _ if UNINFORMATIVE.contains(&essence.as_str()) => Media::Unspecified,
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
    fn content_types_are_classified() {
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
            ("", Unspecified),
            ("; charset=utf-8", Unspecified),
            ("html", Unspecified),
            ("*/*", Unspecified),
            ("application/octet-stream", Unspecified),
            ("application/force-download", Unspecified),
        ] {
            assert_eq!(Media::of(Some(text)), want, "{text}");
        }
        assert_eq!(Media::of(None), Unspecified);
    }
}

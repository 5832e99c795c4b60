//! Which content can be read. Pure: decided from the Content-Type header or, without one, from the first bytes.

/// How many bytes of the start [`looks_readable`] wants to see; the WHATWG MIME Sniffing standard's resource header.
pub const SNIFF_BYTES: usize = 1445;

/// What a Content-Type says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readability {
    /// HTML, XML, JSON or text.
    Readable,
    /// Something else.
    Unreadable,
    /// It says nothing: the bytes must tell.
    Unsaid,
}

/// Judges a Content-Type (RFC 9110 §8.3.1).
pub fn judge_type(content_type: &str) -> Readability {
    // A comma is what servers put between two of them.
    let essence = content_type.split([';', ',']).next().unwrap_or_default().trim().to_ascii_lowercase();
    // What is no media type, and what names none (MIME Sniffing §7), is as good as no header.
    if !essence.contains('/')
        || matches!(
            essence.as_str(),
            "*/*"
                | "unknown/unknown"
                | "application/unknown"
                | "application/octet-stream"
                | "binary/octet-stream"
                | "application/x-unknown-content-type"
        )
    {
        return Readability::Unsaid;
    }
    let readable = essence.starts_with("text/")
        || essence.ends_with("+xml")
        || essence.ends_with("+json")
        || matches!(essence.as_str(), "application/json" | "application/xml" | "application/x-json");
    if readable { Readability::Readable } else { Readability::Unreadable }
}

/// Starts of binary formats that servers send as pages: documents, pictures, archives, fonts, media.
const BINARY: [&[u8]; 20] = [
    b"%PDF-",
    b"\x89PNG",
    b"GIF87a",
    b"GIF89a",
    b"\xff\xd8\xff",
    b"\x1f\x8b",
    b"wOFF",
    b"wOF2",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\xd0\xcf\x11\xe0",
    b"BZh9",
    b"\xfd7zXZ",
    b"OggS\0",
    b"ID3\x03",
    b"ID3\x04",
    b"\x7fELF",
    b"fLaC\0",
];

/// Whether a start is that of a known binary format, whatever the server calls it.
pub fn is_binary_format(start: &[u8]) -> bool {
    let riff = start.starts_with(b"RIFF") && matches!(start.get(8..12), Some(b"WEBP" | b"WAVE" | b"AVI "));
    let iso_media = start.get(4..8) == Some(b"ftyp") && start.starts_with(b"\0\0");
    riff || iso_media || BINARY.iter().any(|mark| start.starts_with(mark))
}

/// Whether bytes without a Content-Type look like something readable: markup, JSON or text. The mark of a known binary
/// format says no, and so does a byte that no text has (MIME Sniffing §3, "binary data byte").
pub fn looks_readable(start: &[u8]) -> bool {
    if is_binary_format(start) {
        return false;
    }
    let utf16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    utf16 || !start.iter().take(SNIFF_BYTES).any(|b| matches!(b, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

/// The type of a body whose Content-Type names none: JSON or HTML by its first byte, with the parameters that the header
/// has. So whoever reads the page need not judge again.
pub fn sniffed_type(content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let content_type = content_type?;
    if judge_type(content_type) != Readability::Unsaid {
        return Some(content_type.to_owned());
    }
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    let essence = if matches!(start.first(), Some(b'{' | b'[')) { "application/json" } else { "text/html" };
    let parameters = content_type.split_once(';').map_or("", |(_, rest)| rest.trim());
    Some(if parameters.is_empty() { essence.to_owned() } else { format!("{essence}; {parameters}") })
}

/// Whether decoded bytes are gzip again: the server encoded them twice, and one layer is read.
pub fn is_still_gzip(start: &[u8]) -> bool {
    start.starts_with(b"\x1f\x8b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        use Readability::*;
        for (text, want) in [
            ("text/html; charset=utf-8", Readable),
            ("TEXT/PLAIN", Readable),
            (" text/html ;charset=x", Readable),
            ("application/xhtml+xml", Readable),
            ("application/ld+json", Readable),
            ("application/json", Readable),
            ("application/rss+xml", Readable),
            ("application/pdf", Unreadable),
            ("image/png", Unreadable),
            ("application/octet-stream", Unsaid),
            ("text/html,text/html", Readable),
            ("video/mp4", Unreadable),
            ("multipart/mixed", Unreadable),
            ("", Unsaid),
            ("; charset=utf-8", Unsaid),
            ("html", Unsaid),
            ("*/*", Unsaid),
        ] {
            assert_eq!(judge_type(text), want, "{text}");
        }
    }

    #[test]
    fn types_that_say_nothing_are_sniffed() {
        for (said, body, want) in [
            (None, &b"<p>"[..], None),
            (Some("text/html"), b"{}", Some("text/html")),
            (Some("html"), b"<p>", Some("text/html")),
            (Some("; charset=koi8-r"), b"<p>", Some("text/html; charset=koi8-r")),
            (Some("json"), b" {\"a\": 1}", Some("application/json")),
            (Some("*/*"), b"\xef\xbb\xbf[1]", Some("application/json")),
        ] {
            assert_eq!(sniffed_type(said, body).as_deref(), want, "{said:?}");
        }
    }

    #[test]
    fn starts() {
        for ok in
            [&b"<html>"[..], b"{\"a\":1}", b"[1]", b"plain words\r\n\t", b"", b"\xff\xfe<\0h\0", b"caf\xe9", b"\x1b$B"]
        {
            assert!(looks_readable(ok), "{ok:?}");
        }
        for bad in [
            &b"%PDF-1.7"[..],
            b"\x89PNG\r\n",
            b"GIF89a",
            b"ab\0cd",
            b"\x1f\x8b\x08",
            b"PK\x03\x04",
            b"\x7fELF\x02\x01",
            b"text\x01",
        ] {
            assert!(!looks_readable(bad), "{bad:?}");
        }
    }
}

//! Which content can be read. Pure: decided from the Content-Type header or, without one, from the first bytes.

/// Whether a Content-Type is HTML, XML, JSON or text.
pub fn is_readable_type(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.starts_with("text/")
        || essence.ends_with("+xml")
        || essence.ends_with("+json")
        || matches!(essence.as_str(), "application/json" | "application/xml" | "application/x-json")
}

/// Whether bytes without a Content-Type look like something readable: markup, JSON or text. A NUL, or the mark of a
/// known binary format, says no.
pub fn looks_readable(start: &[u8]) -> bool {
    const BINARY: [&[u8]; 9] =
        [b"%PDF", b"PK\x03\x04", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\x1f\x8b", b"RIFF", b"\x7fELF", b"wOF"];
    let utf16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    !BINARY.iter().any(|mark| start.starts_with(mark)) && (utf16 || !start.iter().take(1024).any(|b| *b == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for ok in [
            "text/html; charset=utf-8",
            "TEXT/PLAIN",
            "application/xhtml+xml",
            "application/ld+json",
            "application/json",
        ] {
            assert!(is_readable_type(ok), "{ok}");
        }
        for bad in ["application/pdf", "image/png", "application/octet-stream", "", "video/mp4"] {
            assert!(!is_readable_type(bad), "{bad}");
        }
        assert!(is_readable_type("image/svg+xml"));
    }

    #[test]
    fn starts() {
        for ok in [&b"<html>"[..], b"{\"a\":1}", b"plain words", b"", b"\xff\xfe<\0h\0"] {
            assert!(looks_readable(ok));
        }
        for bad in [&b"%PDF-1.7"[..], b"\x89PNG\r\n", b"ab\0cd", b"\x1f\x8b\x08"] {
            assert!(!looks_readable(bad));
        }
    }
}

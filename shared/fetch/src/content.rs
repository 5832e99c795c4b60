//! Decides from the first bytes whether content can be read, regardless of its `Content-Type`. Pure. [`domain::Media`]
//! classifies the `Content-Type`; the reader of the content decides what kind of text it is.

/// Number of bytes from the start that [`looks_readable`] needs: the resource header of the WHATWG MIME Sniffing
/// standard.
pub const SNIFF_BYTES: usize = 1445;

/// Magic numbers of binary formats that servers send as pages: documents, pictures, archives, fonts, media.
const BINARY_MAGIC: [&[u8]; 20] = [
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

/// Returns whether content begins like a known binary format, regardless of the `Content-Type`.
pub fn is_binary_format(start: &[u8]) -> bool {
    let riff = start.starts_with(b"RIFF") && matches!(start.get(8..12), Some(b"WEBP" | b"WAVE" | b"AVI "));
    let iso_media = start.get(4..8) == Some(b"ftyp") && start.starts_with(b"\0\0");
    riff || iso_media || BINARY_MAGIC.iter().any(|mark| start.starts_with(mark))
}

/// Returns whether bytes without a Content-Type look like markup, JSON or text. Returns false if they begin like a
/// known binary format, or contain a byte that no text has (MIME Sniffing §3, "binary data byte").
pub fn looks_readable(start: &[u8]) -> bool {
    if is_binary_format(start) {
        return false;
    }
    let utf16 = start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff");
    utf16 || !start.iter().take(SNIFF_BYTES).any(|b| matches!(b, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f))
}

/// Returns whether decoded bytes are gzip again: the server encoded them twice and declared one layer.
pub fn is_still_gzip(start: &[u8]) -> bool {
    start.starts_with(b"\x1f\x8b")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_formats_are_distinguished_by_their_first_bytes() {
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

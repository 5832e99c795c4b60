//! Bytes to text: by byte order mark, header, `meta` element, then UTF-8 if it is valid, then windows-1252.
//! Source: WHATWG Encoding and HTML, "determining the character encoding", without its browser-only steps.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into the page a `meta` element is looked for.
const PRESCAN: usize = 2_048;

/// Decodes a page. Never fails: what is malformed becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let named = content_type.and_then(charset_parameter).or_else(|| meta_charset(body));
    let encoding = named.unwrap_or_else(|| if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 });
    encoding.decode_without_bom_handling(body).0
}

/// The charset that a Content-Type names.
fn charset_parameter(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'', ' ']).split(['"', '\'', ';', ' ', '/', '>']).next()?;
    Encoding::for_label(label.as_bytes())
}

/// `<meta charset=…>` or `<meta http-equiv content="…charset=…">` near the start.
fn meta_charset(body: &[u8]) -> Option<&'static Encoding> {
    let start = body[..body.len().min(PRESCAN)].to_ascii_lowercase();
    let text = String::from_utf8_lossy(&start);
    for (at, _) in text.match_indices("<meta") {
        let tag = text[at..].split('>').next().unwrap_or_default();
        if let Some(encoding) = charset_parameter(tag) {
            // A page that could be read this far is not in UTF-16, whatever it says.
            return Some(if encoding.is_ascii_compatible() { encoding } else { UTF_8 });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn every_way() {
        assert_eq!(decode(b"\xef\xbb\xbfh\xc3\xa9", None), "hé");
        assert_eq!(decode(b"\xff\xfeh\x00\xe9\x00", Some("text/html; charset=utf-8")), "hé");
        assert_eq!(decode(b"h\xe9", Some("text/html; charset=\"ISO-8859-1\"")), "hé");
        assert_eq!(decode(b"<meta charset='windows-1251'>\xcf", None), "<meta charset='windows-1251'>П");
        assert!(decode(b"<META http-equiv=x content='text/html; charset=Shift_JIS'>\x82\xa0", None).ends_with('あ'));
        assert_eq!(decode("hé".as_bytes(), None), "hé");
        assert_eq!(decode(b"h\xe9", None), "hé");
        assert_eq!(decode(b"h\xe9", Some("text/html; charset=nonsense")), "hé");
        assert_eq!(decode(b"<meta charset=utf-16>\xc3\xa9", None), "<meta charset=utf-16>é");
    }
}

//! Bytes to text: by byte order mark, header, `meta` element, then UTF-8 if it is valid, then windows-1252.
//! Source: WHATWG Encoding and HTML, "determining the character encoding", without its browser-only steps.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into the page a `meta` element is looked for.
const PRESCAN: usize = 2_048;

/// Decodes a page. Never fails: what is malformed becomes U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let named = content_type
        .and_then(charset_parameter)
        // What has no zero byte at its start is not in UTF-16, whatever the header says.
        .filter(|e| !is_utf_16(e) || body.iter().take(PRESCAN).any(|b| *b == 0))
        .or_else(|| utf_16(body))
        .or_else(|| meta_charset(body));
    let encoding = named.unwrap_or_else(|| if std::str::from_utf8(body).is_ok() { UTF_8 } else { WINDOWS_1252 });
    encoding.decode_without_bom_handling(body).0
}

/// The charset that a Content-Type names.
fn charset_parameter(content_type: &str) -> Option<&'static Encoding> {
    let lower = content_type.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset=")?;
    let label = rest.trim_start_matches(['"', '\'', ' ']).split(['"', '\'', ';', ' ', '/', '>']).next()?;
    // Encodings that browsers refuse to read are none: their label must not cost the page.
    Encoding::for_label_no_replacement(label.as_bytes())
}

fn is_utf_16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// UTF-16 without a mark, by the zero bytes of a page's first characters. Source: XML 1.0, appendix F.
fn utf_16(body: &[u8]) -> Option<&'static Encoding> {
    match body {
        [b'<', 0, second, 0, ..] if *second != 0 => Some(UTF_16LE),
        [0, b'<', 0, second, ..] if *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// `<meta charset=…>` or `<meta http-equiv content="…charset=…">` near the start.
fn meta_charset(body: &[u8]) -> Option<&'static Encoding> {
    let start = body[..body.len().min(PRESCAN)].to_ascii_lowercase();
    let text = String::from_utf8_lossy(&start);
    for (at, _) in text.match_indices("<meta") {
        let tag = text[at..].split('>').next().unwrap_or_default();
        if let Some(encoding) = charset_parameter(tag) {
            // A page that could be read this far is not in UTF-16, whatever it says.
            return Some(if is_utf_16(encoding) { UTF_8 } else { encoding });
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
        let japanese = b"\x1b$B$3$s\x1b(B";
        assert_eq!(decode(japanese, Some("text/html; charset=iso-2022-jp")), "こん");
        assert!(decode(&[b"<meta charset=iso-2022-jp>".as_slice(), japanese].concat(), None).ends_with("こん"));
        assert_eq!(decode(b"<meta charset=utf-16>\xc3\xa9", None), "<meta charset=utf-16>é");
    }

    #[test]
    fn labels_that_lie_or_that_nobody_reads() {
        let wide = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let little: Vec<u8> = wide("<p>é").into_iter().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = wide("<p>é").into_iter().flat_map(u16::to_be_bytes).collect();
        for header in [None, Some("text/html")] {
            assert_eq!((decode(&little, header), decode(&big, header)), ("<p>é".into(), "<p>é".into()));
        }
        assert_eq!(decode(&little, Some("text/html; charset=utf-16")), "<p>é");
        let page = "<p>é".as_bytes();
        for label in ["utf-16", "utf-16be", "utf-7", "hz-gb-2312", "iso-2022-kr", "replacement", "cp0", "", "\"", "é"]
        {
            assert_eq!(decode(page, Some(&format!("text/html; charset={label}"))), "<p>é", "{label}");
        }
        // UTF-7 stays as it is: nobody decodes it, because it hides markup.
        assert_eq!(decode(b"+ADw-script+AD4-", Some("text/html; charset=utf-7")), "+ADw-script+AD4-");
        // No encoding makes more than three bytes of one.
        let noise: Vec<u8> = (0..=255).cycle().take(10_000).collect();
        for label in ["shift_jis", "gb18030", "big5", "euc-kr", "iso-2022-jp", "utf-8", "utf-16le", "x-user-defined"] {
            assert!(decode(&noise, Some(&format!("text/html; charset={label}"))).len() <= 30_000, "{label}");
        }
    }
}

//! Reads a page's own declaration of its encoding from its tags, before the page is decoded.
//! Source: WHATWG HTML, "prescan a byte stream to determine its encoding", "get an attribute", "extracting a character
//! encoding from a meta element", "get an XML encoding". Depends on no header. One pass over the bytes.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// How far into a page declarations are searched. Browsers examine 1,024 bytes before they parse, and read the page
/// again if the parser then meets a declaration; this combines both.
const MAX_SCANNED: usize = 256 * 1024;

/// What a page declares.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Declared {
    /// From the first `meta` element that names an encoding, otherwise from the XML declaration.
    pub(super) encoding: Option<&'static Encoding>,
    /// The language of the text, in lower case: from `<html lang>`, `xml:lang` or `Content-Language`.
    pub(super) language: Option<String>,
}

/// Reads the declarations at the start of a page.
pub(super) fn scan(body: &[u8]) -> Declared {
    let mut scanner = Scanner { bytes: &body[..body.len().min(MAX_SCANNED)], at: 0 };
    let mut found = Declared::default();
    while found.encoding.is_none()
        && let Some(tag) = scanner.next_tag()
    {
        match tag {
            Tag::Meta(meta) => {
                found.encoding = meta.encoding();
                found.language = found.language.or(meta.language);
            }
            Tag::Language(language) => found.language = found.language.or(Some(language)),
            Tag::Other => {}
        }
    }
    found.encoding = found.encoding.or_else(|| xml_declaration(body));
    found
}

/// Returns the encoding of the XML declaration at the very start of a page.
pub(super) fn xml_declaration(body: &[u8]) -> Option<&'static Encoding> {
    let start = &body[..body.len().min(1_024)];
    let rest = start.trim_ascii_start().strip_prefix(b"<?xml")?;
    let declaration = rest.split(|b| *b == b'>').next()?;
    let at = declaration.windows(8).position(|w| w == b"encoding")?;
    let value = declaration[at + 8..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let quote = value.first().filter(|b| matches!(b, b'"' | b'\''))?;
    let label = value[1..].split(|b| b == quote).next()?;
    Encoding::for_label_no_replacement(label).map(ascii_compatible)
}

/// Returns the encoding that a `charset` in a text names, such as `text/html; charset = "gbk"`.
pub(super) fn label_in(text: &[u8]) -> Option<&'static Encoding> {
    let mut rest = text;
    loop {
        let at = rest.windows(7).position(|w| w.eq_ignore_ascii_case(b"charset"))?;
        rest = &rest[at + 7..];
        let Some(value) = rest.trim_ascii_start().strip_prefix(b"=") else { continue };
        let value = value.trim_ascii_start();
        let label = match value.first() {
            Some(quote @ (b'"' | b'\'')) => value[1..].split(|b| b == quote).next(),
            _ => value.split(|b| b.is_ascii_whitespace() || matches!(b, b';' | b',')).next(),
        };
        // Encodings that browsers refuse to decode do not count: their label must not make the page unreadable.
        return Encoding::for_label_no_replacement(label?);
    }
}

/// Returns what a declaration that could be read as ASCII means: such a page is not UTF-16, whatever it says.
fn ascii_compatible(encoding: &'static Encoding) -> &'static Encoding {
    if encoding == UTF_16LE || encoding == UTF_16BE {
        UTF_8
    } else if encoding == X_USER_DEFINED {
        WINDOWS_1252
    } else {
        encoding
    }
}

/// A start tag, as far as its contents matter.
enum Tag {
    Meta(Meta),
    /// The language of an `html` element.
    Language(String),
    Other,
}

/// The attributes of a `meta` element; of two with the same name the first counts.
#[derive(Default)]
struct Meta {
    pragma: Option<Vec<u8>>,
    content: Option<Vec<u8>>,
    charset: Option<Vec<u8>>,
    language: Option<String>,
}

impl Meta {
    fn is_pragma(&self, name: &str) -> bool {
        self.pragma.as_ref().is_some_and(|p| p.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
    }

    fn encoding(&self) -> Option<&'static Encoding> {
        if let Some(label) = &self.charset {
            return Encoding::for_label_no_replacement(label).map(ascii_compatible);
        }
        let content = self.content.as_ref().filter(|_| self.is_pragma("content-type"))?;
        label_in(content).map(ascii_compatible)
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Moves to the next byte for which `stops` holds. Returns `false`, at the end, if there is none.
    fn skip_to(&mut self, stops: impl Fn(u8) -> bool) -> bool {
        let found = self.bytes[self.at..].iter().position(|b| stops(*b));
        self.at = found.map_or(self.bytes.len(), |p| self.at + p);
        found.is_some()
    }

    /// Returns the next start tag. Skips comments, other markup and the content of elements that hold text.
    fn next_tag(&mut self) -> Option<Tag> {
        loop {
            if !self.skip_to(|b| b == b'<') {
                return None;
            }
            let rest = &self.bytes[self.at..];
            if rest.starts_with(b"<!--") {
                // The two hyphens that open a comment may also close it.
                let end = rest[2..].windows(3).position(|w| w == b"-->")?;
                self.at += 2 + end + 3;
            } else if rest.get(1).is_some_and(u8::is_ascii_alphabetic) {
                return Some(self.start_tag());
            } else if rest.starts_with(b"</") && rest.get(2).is_some_and(u8::is_ascii_alphabetic) {
                self.at += 2;
                self.name();
                while self.attribute().is_some() {}
            } else if matches!(rest.get(1), Some(b'!' | b'/' | b'?')) {
                self.skip_to(|b| b == b'>');
            } else {
                self.at += 1;
            }
        }
    }

    fn name(&mut self) -> Vec<u8> {
        let start = self.at;
        self.skip_to(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'));
        self.bytes[start..self.at].to_ascii_lowercase()
    }

    fn start_tag(&mut self) -> Tag {
        self.at += 1;
        let name = self.name();
        match name.as_slice() {
            b"meta" => {
                let mut meta = Meta::default();
                while let Some((name, value)) = self.attribute() {
                    let slot = match name.as_slice() {
                        b"http-equiv" => &mut meta.pragma,
                        b"content" => &mut meta.content,
                        b"charset" => &mut meta.charset,
                        _ => continue,
                    };
                    slot.get_or_insert(value);
                }
                if meta.is_pragma("content-language") {
                    meta.language = meta.content.as_deref().and_then(language);
                }
                Tag::Meta(meta)
            }
            b"html" => {
                let mut found = None;
                while let Some((name, value)) = self.attribute() {
                    if matches!(name.as_slice(), b"lang" | b"xml:lang") {
                        found = found.or_else(|| language(&value));
                    }
                }
                found.map_or(Tag::Other, Tag::Language)
            }
            other => {
                while self.attribute().is_some() {}
                if matches!(other, b"script" | b"style" | b"title" | b"textarea") {
                    self.skip_content(other);
                }
                Tag::Other
            }
        }
    }

    /// Moves to the end tag of an element that holds only text, or to the end of the page.
    fn skip_content(&mut self, name: &[u8]) {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2 + name.len()).position(|w| w.starts_with(b"</") && w[2..].eq_ignore_ascii_case(name));
        // Without an end tag the rest of the page is text, so there is nothing more to find.
        self.at = end.map_or(self.bytes.len(), |p| self.at + p);
    }

    /// Returns the next attribute of the open tag, with its name in lower case.
    fn attribute(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.skip_to(|b| !b.is_ascii_whitespace() && b != b'/');
        if matches!(self.peek(), None | Some(b'>')) {
            self.at = (self.at + 1).min(self.bytes.len());
            return None;
        }
        let start = self.at;
        // An equals sign at the start is part of the name.
        self.at += 1;
        self.skip_to(|b| b.is_ascii_whitespace() || matches!(b, b'=' | b'/' | b'>'));
        let name = self.bytes[start..self.at].to_ascii_lowercase();
        self.skip_to(|b| !b.is_ascii_whitespace());
        if self.peek() != Some(b'=') {
            return Some((name, Vec::new()));
        }
        self.at += 1;
        self.skip_to(|b| !b.is_ascii_whitespace());
        let value = match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                self.at += 1;
                let start = self.at;
                let closed = self.skip_to(|b| b == quote);
                let value = self.bytes[start..self.at].to_vec();
                self.at += usize::from(closed);
                value
            }
            _ => {
                let start = self.at;
                self.skip_to(|b| b.is_ascii_whitespace() || b == b'>');
                self.bytes[start..self.at].to_vec()
            }
        };
        Some((name, value))
    }
}

/// Returns the first language tag of a list, in lower case.
fn language(value: &[u8]) -> Option<String> {
    let first = value.split(|b| *b == b',').next()?.trim_ascii();
    let is_tag =
        (2..=35).contains(&first.len()) && first.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_');
    is_tag.then(|| String::from_utf8_lossy(first).to_ascii_lowercase().replace('_', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(page: &str) -> Option<&'static str> {
        scan(page.as_bytes()).encoding.map(Encoding::name)
    }

    #[test]
    fn declarations_of_an_encoding_are_found() {
        for (page, want) in [
            ("<meta charset=gbk>", "GBK"),
            ("<META CHARSET = ' Big5 ' >", "Big5"),
            ("<meta/charset=euc-kr/>", ""),
            ("<meta charset=euc-kr />", "EUC-KR"),
            ("<meta charset=\"euc-kr\"/>", "EUC-KR"),
            ("<meta content='text/html; charset = gbk' http-equiv=Content-Type>", "GBK"),
            ("<meta http-equiv=' CONTENT-TYPE' content=\"text/html;CHARSET='gbk'\">", "GBK"),
            ("<meta http-equiv=content-type content='charset charset=gbk'>", "GBK"),
            ("<meta http-equiv=refresh content='0; charset=gbk'>", ""),
            ("<meta name=description content='charset=gbk'><meta charset=big5>", "Big5"),
            ("<meta charset=nonsense><meta charset=big5>", "Big5"),
            ("<meta charset=gbk charset=big5>", "GBK"),
            ("<meta data-x='<meta charset=gbk>' charset=big5>", "Big5"),
            ("<p title='><meta charset=gbk>'><meta charset=big5>", "Big5"),
            ("</p title='><meta charset=gbk>'><meta charset=big5>", "Big5"),
            ("<!-- > <meta charset=gbk> --><meta charset=big5>", "Big5"),
            ("<!--><meta charset=gbk>-->", "GBK"),
            ("<!doctype <meta charset=gbk>", ""),
            ("<metal charset=gbk>", ""),
            ("<script>'<meta charset=gbk>'</script><meta charset=big5>", "Big5"),
            ("<title><meta charset=gbk></TITLE><meta charset=big5>", "Big5"),
            ("<meta charset=utf-16be>", "UTF-8"),
            ("<meta charset=x-user-defined>", "windows-1252"),
            ("<meta charset=hz-gb-2312>", ""),
            ("<?xml version='1.0' encoding='koi8-r'?><html>", "KOI8-R"),
            ("<?xml version='1.0' encoding = \"utf-16\"?>", "UTF-8"),
            ("<?xml version='1.0' encoding='koi8-r'?><meta charset=big5>", "Big5"),
            ("<p>encoding='koi8-r'", ""),
            ("<", ""),
            ("<meta charset='", ""),
            ("<meta charset", ""),
            ("<!--", ""),
            ("", ""),
        ] {
            assert_eq!(name(page).unwrap_or_default(), want, "{page}");
        }
        assert_eq!(name(&format!("<!--{}--><meta charset=gbk>", "x".repeat(5_000))), Some("GBK"));
    }

    #[test]
    fn declarations_of_a_language_are_found() {
        for (page, want) in [
            ("<html lang=ja>", Some("ja")),
            ("<html xml:lang='zh_TW' class=x>", Some("zh-tw")),
            ("<meta http-equiv=content-language content='KO, en'>", Some("ko")),
            ("<html lang=''><p lang=ja>", None),
        ] {
            assert_eq!(scan(page.as_bytes()).language.as_deref(), want, "{page}");
        }
    }
}

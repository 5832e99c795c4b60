//! Decodes bytes to text, as browsers do and a little further. In order: a byte order mark; UTF-16 by its zero bytes;
//! the header's declaration; the page's declaration (`prescan`); what it looks like (`guess`). A declaration counts
//! only if it can be true for the bytes: text that is valid UTF-8 throughout is UTF-8, and text that is malformed
//! throughout is something else. Source: WHATWG Encoding and HTML, "determining the character encoding".

mod guess;
mod prescan;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use domain::Media;
use encoding_rs::{Encoding, ISO_2022_JP, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes at the start that are examined for UTF-16 without a byte order mark.
const UTF_16_SAMPLE: usize = 2_048;
/// In an encoding with two bytes per character, at most one of this many non-ASCII characters may be malformed.
const MALFORMED_ONE_IN: usize = 5;

/// Minimum weight of the characters for bytes to count as UTF-8 although a single-byte encoding is declared.
const MIN_WEIGHT_OVER_SINGLE_BYTE: usize = 2;
/// Minimum weight if any other encoding is declared. It is higher, because pairs of bytes look like UTF-8 by chance
/// more often.
const MIN_WEIGHT_OVER_ANY: usize = 4;

/// Decodes a page. Never fails: malformed bytes become U+FFFD.
pub fn decode<'a>(body: &'a [u8], content_type: Option<&str>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let header = content_type.and_then(|t| prescan::label_in(t.as_bytes()));
    // By far the most common page; nothing more is examined. ISO-2022-JP consists of ASCII and escapes.
    if header == Some(UTF_8)
        && memchr::memchr(0x1b, body).is_none()
        && let Ok(text) = std::str::from_utf8(body)
    {
        return Cow::Borrowed(text);
    }
    let is_xml = matches!(Media::of(content_type), Media::Xml | Media::Xhtml);
    match encoding_of(body, header, is_xml) {
        DetectedEncoding::Utf8(text) => Cow::Borrowed(text),
        DetectedEncoding::Encoding(encoding) => encoding.decode_without_bom_handling(body).0,
    }
}

/// The encoding found for a page.
enum DetectedEncoding<'a> {
    /// The bytes are valid UTF-8.
    Utf8(&'a str),
    Encoding(&'static Encoding),
}

fn encoding_of<'a>(body: &'a [u8], header: Option<&'static Encoding>, xml: bool) -> DetectedEncoding<'a> {
    // Bytes without a zero byte at the start are not UTF-16, whatever the header says.
    let wide = header.filter(|e| is_utf_16(e) && body.iter().take(UTF_16_SAMPLE).any(|b| *b == 0));
    if let Some(encoding) = wide.or_else(|| utf_16(body)) {
        return DetectedEncoding::Encoding(encoding);
    }
    let header = header.filter(|e| !is_utf_16(e));
    let valid = std::str::from_utf8(body).ok();
    if let Some(text) = valid.filter(|t| t.is_ascii()) {
        // All remaining encodings agree on ASCII, except ISO-2022-JP, which consists of ASCII bytes.
        let escaped = body.contains(&0x1b)
            && (header == Some(ISO_2022_JP)
                || header.is_none() && prescan::scan(body).encoding == Some(ISO_2022_JP)
                || guess::is_iso_2022_jp(body));
        return if escaped { DetectedEncoding::Encoding(ISO_2022_JP) } else { DetectedEncoding::Utf8(text) };
    }
    // Valid UTF-8 with enough non-ASCII characters is in no other encoding, whatever is declared.
    if let Some(text) = valid
        && outweighs_all(body)
    {
        return DetectedEncoding::Utf8(text);
    }
    let evidence = Utf8Evidence::of(body);
    // A page that begins as JSON has no elements.
    let markup = !matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
    let page = if markup { prescan::scan(body) } else { prescan::Declared::default() };
    let own = if xml { prescan::xml_declaration(body).or(page.encoding) } else { page.encoding };
    let declared = [header, own].into_iter().flatten();
    let can_be = |e: &&'static Encoding| match *e == UTF_8 {
        true => evidence.is_likely(true),
        false => !evidence.outweighs(e) && can_decode(e, body),
    };
    let encoding = match declared.into_iter().find(can_be) {
        Some(encoding) => encoding,
        None if evidence.is_likely(false) => UTF_8,
        None => guess::guess(body, page.language.as_deref()),
    };
    match valid {
        Some(text) if encoding == UTF_8 => DetectedEncoding::Utf8(text),
        _ => DetectedEncoding::Encoding(encoding),
    }
}

fn is_utf_16(encoding: &Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// Detects UTF-16 without a byte order mark, by the zero bytes of a page's first characters, which are markup or JSON
/// in ASCII. Source: XML 1.0, appendix F.
fn utf_16(body: &[u8]) -> Option<&'static Encoding> {
    let begins = |b: u8| matches!(b, b'<' | b'{' | b'[' | b'\t' | b'\n' | b'\r' | b' ');
    match body {
        [first, 0, second, 0, ..] if begins(*first) && *second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if begins(*first) && *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Returns how unlikely it is that the first byte of a UTF-8 character occurs by chance in another encoding.
fn weight(first: u8) -> usize {
    match first {
        // Â or Ã before a sign, and three bytes that fit together, are next to impossible by chance.
        0xc2 | 0xc3 | 0xe0.. => 2,
        0xc4..=0xdf => 1,
        _ => 0,
    }
}

/// Returns whether bytes that are valid UTF-8 outweigh any declaration. Stops as soon as they do.
fn outweighs_all(body: &[u8]) -> bool {
    let (mut at, mut found) = (0, 0);
    while let Some(byte) = body.get(at) {
        found += weight(*byte);
        if found >= MIN_WEIGHT_OVER_ANY {
            return true;
        }
        at += 1;
        at += Encoding::ascii_valid_up_to(&body[at..]);
    }
    false
}

/// How much bytes look like UTF-8.
#[derive(Debug, Default)]
struct Utf8Evidence {
    /// Characters of more than one byte, including incomplete ones, such as a truncated text ends in.
    characters: usize,
    /// The same, each weighted by how unlikely it is in another encoding.
    weight: usize,
    /// Bytes that belong to no character.
    stray: usize,
}

impl Utf8Evidence {
    fn of(body: &[u8]) -> Utf8Evidence {
        let mut found = Utf8Evidence::default();
        for chunk in body.utf8_chunks() {
            for byte in chunk.valid().bytes().filter(|b| *b >= 0xc2) {
                found.characters += 1;
                found.weight += weight(byte);
            }
            match chunk.invalid().len() {
                0 => {}
                1 => found.stray += 1,
                _ => found.characters += 1,
            }
        }
        // Halves of a surrogate pair (CESU-8) are three stray bytes each, but no other encoding produces them.
        let halves = body.windows(3).filter(|w| w[0] == 0xed && (0xa0..=0xbf).contains(&w[1]) && w[2] & 0xc0 == 0x80);
        let halves = halves.count();
        found.characters += halves;
        found.stray = found.stray.saturating_sub(3 * halves);
        found
    }

    /// Returns whether these bytes are more likely UTF-8 than not. `declared` says whether UTF-8 is declared.
    fn is_likely(&self, declared: bool) -> bool {
        self.characters > self.stray || declared && self.characters == self.stray
    }

    /// Returns whether they are UTF-8 although another encoding is declared.
    fn outweighs(&self, declared: &'static Encoding) -> bool {
        let enough = if declared.is_single_byte() { MIN_WEIGHT_OVER_SINGLE_BYTE } else { MIN_WEIGHT_OVER_ANY };
        self.weight >= enough && self.stray * 8 <= self.characters
    }
}

/// Returns whether an encoding can be true for the bytes: any single-byte encoding, and others if at most one in
/// `MALFORMED_ONE_IN` non-ASCII characters is malformed.
fn can_decode(encoding: &'static Encoding, body: &[u8]) -> bool {
    if encoding.is_single_byte() {
        return true;
    }
    let (text, malformed) = encoding.decode_without_bom_handling(body);
    if !malformed {
        return true;
    }
    let (mut all, mut bad) = (0, 0);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        all += 1;
        bad += usize::from(c == char::REPLACEMENT_CHARACTER);
    }
    bad * MALFORMED_ONE_IN <= all
}

//! `follow_pattern`: a glob over a whole canonical URL, with the meaning of fnmatch without FNM_PATHNAME (POSIX XCU
//! 2.14.3): `*` matches any run of characters, including `/`; `?` matches any one; `[a-z]` matches one of a set,
//! `[!a-z]` and `[^a-z]` one that is not in the set. A backslash is an ordinary character.
//!
//! Patterns come from callers and URLs from sites, so matching must not backtrack. The pattern is a chain of m one-character
//! elements with an optional `*` between any two. Bits record which positions in the chain the text so far can have
//! reached. Each character of the text advances them (Shift-And, Baeza-Yates and Gonnet 1992); a bit at a `*` also
//! stays. This costs ⌈(m+1)/64⌉ words of work for each byte of the text, whatever pattern and text are: at most nine
//! words for a pattern of [`MAX_PATTERN`] ASCII characters, and 97 for a pattern that is percent-encoded throughout.

use url::Url;

use crate::canonical::normalize_escapes;

/// Maximum length of a pattern in characters.
pub const MAX_PATTERN: usize = 512;

/// What is wrong with a pattern, phrased as the end of a sentence that begins with the member's name. Positions are in
/// characters, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// The pattern is empty.
    #[error("is empty; it must be a glob over whole URLs, like https://example.com/blog/*")]
    Empty,
    /// The pattern is longer than [`MAX_PATTERN`].
    #[error("has {0} characters; at most 512 are allowed")]
    TooLong(usize),
    /// A `[` without its `]`.
    #[error(
        "has a \"[\" at character {0} that no \"]\" closes; a set looks like [a-z], and [[] means the bracket itself"
    )]
    Unclosed(usize),
    /// A range in the wrong order, such as `[z-a]`.
    #[error("has the range \"{first}-{last}\" at character {at}; the lower character must come first")]
    Backwards {
        /// Its position.
        at: usize,
        /// Its first character, as written.
        first: char,
        /// Its last character, as written.
        last: char,
    },
    /// A character in a set that a canonical URL cannot contain as one character.
    #[error(
        "has \"{what}\" in the set at character {at}; a set may have only ASCII characters, because URLs percent-encode all others"
    )]
    NotAscii {
        /// The position of the set.
        at: usize,
        /// The character.
        what: char,
    },
    /// The host part is not a host; after a scheme with wildcards, it is not in canonical form.
    #[error(
        "has \"{0}\" where its host should be; a host looks like example.com (lower-case ASCII if the scheme has wildcards)"
    )]
    Host(String),
    /// The pattern begins with something that no URL begins with.
    #[error(
        "begins with \"{0}\", which no page's URL does; it must begin with https://, http:// or a wildcard, or with / for pages of the seed's host"
    )]
    NoUrl(String),
}

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Glob {
    /// For each ASCII character, the elements that match it: row `c`, `words` words each.
    elements: Vec<u64>,
    /// The positions that have a `*` before them.
    loops: Vec<u64>,
    words: usize,
    /// The number of elements, which is the position at which all of them have matched.
    end: usize,
    fixes_host: bool,
}

/// Returns whether URLs contain this character percent-encoded, in the path, in the query or in both. To compare them,
/// patterns and texts have these characters percent-encoded everywhere.
fn is_encoded(byte: u8) -> bool {
    matches!(byte, b' ' | b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'\'')
}

/// Returns a text's bytes with the characters of [`is_encoded`] percent-encoded.
fn encoded(text: &str) -> impl Iterator<Item = u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    text.bytes().flat_map(|byte| {
        let three = [b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
        let (bytes, count) = if is_encoded(byte) { (three, 3) } else { ([byte, 0, 0], 1) };
        bytes.into_iter().take(count)
    })
}

/// One piece of a pattern.
enum Piece {
    Star,
    Any,
    /// One of these ASCII characters, as bits.
    Set(u128),
    Literal(u8),
}

impl Glob {
    /// Compiles a pattern. If scheme and host have no wildcards, they are normalised as in a URL (case, default port,
    /// IDNA). Percent-encoding is brought to its canonical form, so that other spellings of a URL match too.
    ///
    /// # Errors
    /// [`GlobError`], which says what is wrong and where.
    pub fn parse(pattern: &str) -> Result<Glob, GlobError> {
        let count = pattern.chars().count();
        if count == 0 {
            return Err(GlobError::Empty);
        }
        if count > MAX_PATTERN {
            return Err(GlobError::TooLong(count));
        }
        let (origin, rest, fixes_host) = split_origin(pattern)?;
        let mut pieces: Vec<Piece> = origin.bytes().map(Piece::Literal).collect();
        // Everything up to `rest` is ASCII or was counted by characters.
        let skipped = count - rest.chars().count();
        read_pieces(rest, skipped, &mut pieces)?;
        Ok(Glob::compile(&pieces, fixes_host))
    }

    fn compile(pieces: &[Piece], fixes_host: bool) -> Glob {
        let end = pieces.iter().filter(|p| !matches!(p, Piece::Star)).count();
        let words = end / 64 + 1;
        let (mut elements, mut loops) = (vec![0; 128 * words], vec![0; words]);
        let mut at = 0;
        for piece in pieces {
            let set = match piece {
                Piece::Star => {
                    loops[at / 64] |= 1 << (at % 64);
                    continue;
                }
                Piece::Any => u128::MAX,
                Piece::Set(set) => *set,
                Piece::Literal(byte) => 1 << (byte & 127),
            };
            for c in (0..128).filter(|c| set >> c & 1 == 1) {
                elements[c * words + at / 64] |= 1 << (at % 64);
            }
            at += 1;
        }
        Glob { elements, loops, words, end, fixes_host }
    }

    /// Returns whether all of `text` matches. Canonical URLs are ASCII; a text that is not ASCII never matches.
    pub fn matches(&self, text: &str) -> bool {
        // Bit p is set if the first p elements can match the text so far. A character that element p matches moves the
        // bit up by one; a `*` before element p leaves the bit where it is.
        let mut at = vec![0u64; self.words];
        at[0] = 1;
        for byte in encoded(text) {
            if byte >= 128 {
                return false;
            }
            let row = &self.elements[usize::from(byte) * self.words..][..self.words];
            let (mut carry, mut any) = (0, 0);
            for ((word, matching), loops) in at.iter_mut().zip(row).zip(&self.loops) {
                let moved = *word & matching;
                *word = moved << 1 | carry | *word & loops;
                carry = moved >> 63;
                any |= *word;
            }
            if any == 0 {
                return false;
            }
        }
        at[self.end / 64] >> (self.end % 64) & 1 == 1
    }

    /// Returns whether every URL that matches is on one host that the pattern names: the pattern has a host part
    /// without wildcards, and no wildcard before it can match more than a part of the scheme.
    pub fn fixes_host(&self) -> bool {
        self.fixes_host
    }
}

/// Splits a literal scheme and host off a pattern. Returns their canonical form, the rest of the pattern, and whether
/// the host is fixed. The host is also fixed if the scheme has wildcards for single characters and at most five
/// characters in all, such as `http[s]` or `http?`.
fn split_origin(pattern: &str) -> Result<(String, &str, bool), GlobError> {
    let none = Ok((String::new(), pattern, false));
    let Some((scheme, rest)) = pattern.split_once("://") else { return none };
    if scheme.contains(['*', '/']) {
        return none;
    }
    let wild = |text: &str| text.contains(['*', '?', '[']);
    // If the part before the "://" is longer, or a set goes on behind it, it can also match a "://" in a path or query.
    let mut before = Vec::new();
    if wild(scheme) && (read_pieces(scheme, 0, &mut before).is_err() || before.len() > "https".len()) {
        return none;
    }
    let host = rest.split('/').next().unwrap_or_default();
    if wild(host) {
        return none;
    }
    // A URL parser would end the host at these, or read what precedes them as a user name.
    let parsed = Url::parse(&format!("{}://{host}/", if wild(scheme) { "https" } else { scheme }));
    let bad = host.is_empty() || host.contains(['\\', '#', '@']) || host.contains(char::is_whitespace);
    let parsed = parsed.ok().filter(|url| !bad && url.host_str().is_some_and(|h| !h.is_empty()));
    let Some(url) = parsed else { return Err(GlobError::Host(host.to_owned())) };
    if wild(scheme) {
        // The scheme is unknown, so the default port is unknown too and is not removed.
        let plain = host.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        return if plain { Ok((String::new(), pattern, true)) } else { Err(GlobError::Host(host.to_owned())) };
    }
    let origin = url.as_str().trim_end_matches('/').to_owned();
    // A host without a path means its root page.
    let rest = &rest[host.len()..];
    Ok((if rest.is_empty() { origin + "/" } else { origin }, rest, true))
}

/// Reads the rest of a pattern, of which the first `skipped` characters have been read.
fn read_pieces(rest: &str, skipped: usize, pieces: &mut Vec<Piece>) -> Result<(), GlobError> {
    let chars: Vec<char> = rest.chars().collect();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if !matches!(c, '*' | '?' | '[') {
            literal.push(c);
            at += 1;
            continue;
        }
        flush(&mut literal, pieces);
        match c {
            // Several in a row mean the same as one.
            '*' => pieces.push(Piece::Star),
            '?' => pieces.push(Piece::Any),
            _ => {
                let (set, length) = read_set(&chars[at..], skipped + at + 1)?;
                pieces.push(Piece::Set(set));
                at += length;
                continue;
            }
        }
        at += 1;
    }
    flush(&mut literal, pieces);
    Ok(())
}

/// Appends a run of literal characters as a canonical URL spells them.
fn flush(literal: &mut String, pieces: &mut Vec<Piece>) {
    let mut encoded = String::with_capacity(literal.len());
    for c in literal.chars() {
        if c.is_ascii() && !is_encoded(c as u8) {
            encoded.push(c);
        } else {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    pieces.extend(normalize_escapes(&encoded).bytes().map(Piece::Literal));
    literal.clear();
}

/// Reads the set that begins at `chars[0]`, character `place` of the pattern. Returns its characters and its length.
fn read_set(chars: &[char], place: usize) -> Result<(u128, usize), GlobError> {
    let negated = matches!(chars.get(1), Some('!' | '^'));
    let start = if negated { 2 } else { 1 };
    // A bracket right at the start belongs to the set.
    let length = chars.iter().skip(start + 1).position(|c| *c == ']').ok_or(GlobError::Unclosed(place))?;
    let end = start + 1 + length;
    let mut set = 0u128;
    let mut at = start;
    while at < end {
        let first = chars[at];
        // A hyphen at either end belongs to the set.
        let range = at + 2 < end && chars[at + 1] == '-';
        let last = if range { chars[at + 2] } else { first };
        if let Some(what) = [first, last].into_iter().find(|c| !c.is_ascii()) {
            return Err(GlobError::NotAscii { at: place, what });
        }
        if first > last {
            return Err(GlobError::Backwards { at: place + at, first, last });
        }
        for c in first as u32..=last as u32 {
            set |= 1 << c;
        }
        at += if range { 3 } else { 1 };
    }
    Ok((if negated { !set } else { set }, end + 1))
}

#[cfg(test)]
mod tests;

//! Normalises paths and patterns, and matches them (RFC 9309 §2.2.2 and §2.2.3).

use domain::canonical::{escaped_octet, is_unreserved};

/// Returns whether a byte stands for itself: unreserved and reserved characters (RFC 3986 §2.2 and §2.3), except `*`
/// and `$`, which have a meaning in patterns.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte) || b":/?#[]@!&'()+,;=".contains(&byte)
}

/// Appends an octet as a percent escape.
fn push_escape(out: &mut String, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    out.push(DIGITS[usize::from(octet >> 4)] as char);
    out.push(DIGITS[usize::from(octet & 15)] as char);
}

/// Returns the normal form in which paths and patterns are compared: unreserved characters bare, reserved ones as
/// written, everything else escaped. `special` says whether a byte at a position keeps its special meaning.
fn normalise(bytes: &[u8], special: impl Fn(usize, u8) -> bool) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if let Some(octet) = escaped_octet(&bytes[at..]) {
            if is_unreserved(octet) {
                out.push(char::from(octet))
            } else {
                push_escape(&mut out, octet)
            }
            at += 3;
            continue;
        }
        if is_plain(byte) || special(at, byte) {
            out.push(char::from(byte))
        } else {
            push_escape(&mut out, byte)
        }
        at += 1;
    }
    out
}

/// Normalises a rule's pattern: `*`, and `$` at the end, keep their meaning.
pub(super) fn normalise_rule(value: &[u8]) -> String {
    normalise(value, |at, byte| byte == b'*' || (byte == b'$' && at + 1 == value.len()))
}

/// Normalises a URL's path and query: no character is special.
pub(super) fn normalise_path(path: &str) -> String {
    normalise(path.as_bytes(), |_, _| false)
}

/// Returns whether a pattern matches the start of a path, or the whole path if the pattern ends in `$`.
///
/// Finds the pieces between `*` one after another, each as far left as possible. This leaves the most text for the
/// following pieces, so no backtracking is needed; finding a piece is linear (`str::find`).
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, anchored) = pattern.strip_suffix('$').map_or((pattern, false), |p| (p, true));
    let mut pieces = pattern.split('*');
    // There is always a first piece.
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let Some(last) = pieces.next_back() else { return !anchored || rest.is_empty() };
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    if anchored { rest.ends_with(last) } else { rest.contains(last) }
}

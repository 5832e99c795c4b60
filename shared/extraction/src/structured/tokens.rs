//! The smallest parts of JSON as written in pages: words, escapes, and the ends of strings. Used by [`super::lenient`],
//! which knows what surrounds them.

use serde_json::{Number, Value};

/// Maximum length of a number that is kept as a text, in bytes.
const MAX_AMOUNT: usize = 40;

/// Returns whether a character is white space of any kind, or invisible.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// Returns the value of a word without quotation marks. Digits that are not a JSON number are kept as a text: leading
/// zeros belong to a code.
pub(super) fn literal(word: &str) -> Value {
    match word.to_ascii_lowercase().as_str() {
        "true" => return true.into(),
        "false" => return false.into(),
        _ => {}
    }
    let plain = word.strip_prefix('+').unwrap_or(word);
    if !plain.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '-'))
        || !plain.bytes().any(|b| b.is_ascii_digit())
    {
        return Value::Null;
    }
    if let Ok(number) = serde_json::from_str::<Number>(plain) {
        return Value::Number(number);
    }
    let digits = plain.trim_start_matches('-');
    let zeros = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    match plain.parse::<f64>() {
        Ok(number) if !zeros => Number::from_f64(number).map_or(Value::Null, Value::Number),
        // An amount with its currency that lost its quotation marks.
        _ if plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b',' | b'-'))
            && plain.len() <= MAX_AMOUNT
            && has_groups(digits) =>
        {
            plain.into()
        }
        _ => Value::Null,
    }
}

/// Returns whether the separators of a number allow only one reading: groups of three digits stand before the last one.
/// `49.50,00` is ambiguous.
fn has_groups(digits: &str) -> bool {
    let Some(last) = digits.rfind(['.', ',']) else { return true };
    let mut groups = digits[..last].split(['.', ',']).skip(1);
    groups.all(|group| group.len() == 3)
}

/// Returns whether the text after a quotation mark shows that it ends a string.
pub(super) fn ends_string(rest: &str, in_object: bool) -> bool {
    let rest = rest.trim_start_matches(is_blank);
    let quoted = |t: &str| t.starts_with(['"', '\'', '“', '”']);
    match rest.chars().next() {
        None | Some('}' | ']' | ':' | ';') => true,
        Some(',') => {
            let next = rest.trim_start_matches(|c: char| is_blank(c) || c == ',');
            let word = next.find(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '@' | '$')).unwrap_or(next.len());
            let behind = next[word..].trim_start_matches(is_blank);
            let literal = ["true", "false", "null", "none"].iter().any(|l| next[..word].eq_ignore_ascii_case(l));
            next.is_empty()
                || quoted(next)
                || next.starts_with(['{', '[', '}', ']', '/'])
                || in_object && word > 0 && behind.starts_with(':')
                || !in_object && (literal || next.starts_with(|c: char| c.is_ascii_digit() || c == '-'))
        }
        // A comma is missing before the next member, or a comment follows.
        Some('/') => rest.starts_with("//") || rest.starts_with("/*"),
        Some(_) => quoted(rest),
    }
}

/// Adds the character that an escape stands for. Leaves out unpaired surrogates.
pub(super) fn escape<'t>(rest: &'t str, out: &mut String) -> &'t str {
    let mut chars = rest.chars();
    let Some(c) = chars.next() else { return rest };
    let behind = chars.as_str();
    let hex = |text: &'t str, digits: usize| {
        let code = text.get(..digits).filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit()))?;
        Some((u32::from_str_radix(code, 16).ok()?, &text[digits..]))
    };
    match c {
        'b' | 'f' => {}
        'n' | 'r' => out.push('\n'),
        't' => out.push('\t'),
        'u' => {
            let Some((code, after)) = hex(behind, 4) else { return behind };
            let low = after.strip_prefix("\\u").and_then(|t| hex(t, 4)).filter(|(low, _)| low & 0xfc00 == 0xdc00);
            if let (0xd800, Some((low, after))) = (code & 0xfc00, low) {
                out.extend(char::from_u32(0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff)));
                return after;
            }
            out.extend(char::from_u32(code));
            return after;
        }
        'x' => {
            let Some((code, after)) = hex(behind, 2) else { return behind };
            out.extend(char::from_u32(code));
            return after;
        }
        '\n' | '\r' => {}
        c => out.push(c),
    }
    behind
}

//! Any pattern against any text: compiling and matching never panic, agree with a simple matcher for patterns of only
//! stars, question marks and plain characters, and take linear time (the runner's `-timeout`).
#![no_main]

use domain::glob::Glob;
use libfuzzer_sys::fuzz_target;

/// A simple matcher with a table: `at[j]` says whether the first `j` characters of the pattern match the text so far.
fn reference(pattern: &[u8], text: &[u8]) -> bool {
    let mut at = vec![false; pattern.len() + 1];
    at[0] = true;
    for j in 0..pattern.len() {
        at[j + 1] = at[j] && pattern[j] == b'*';
    }
    for &c in text {
        let mut next = vec![false; pattern.len() + 1];
        for (j, &p) in pattern.iter().enumerate() {
            next[j + 1] = if p == b'*' { next[j] || at[j + 1] } else { at[j] && (p == b'?' || p == c) };
        }
        at = next;
    }
    at[pattern.len()]
}

/// Percent-encodes a text as in a URL's path or query: an encoded character is matched as three.
fn encoded(text: &str) -> Vec<u8> {
    let encode = |c: char| if " \"<>`{}'".contains(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
    text.chars().map(encode).collect::<String>().into_bytes()
}

fuzz_target!(|data: (&str, &str)| {
    let (pattern, text) = data;
    let Ok(glob) = Glob::parse(pattern) else { return };
    let got = glob.matches(text);
    let plain = pattern.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'*' | b'?' | b'/' | b'.'));
    if plain && text.is_ascii() {
        assert_eq!(got, reference(pattern.as_bytes(), &encoded(text)), "{pattern:?} {text:?}");
    }
    // A text as long as a URL may be.
    if !text.is_empty() {
        glob.matches(&text.repeat(8_192 / text.len() + 1));
    }
});

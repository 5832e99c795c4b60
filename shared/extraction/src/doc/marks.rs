//! Reads an element's marks: the lower-case words of its class, id and similar attributes.

use html5ever::local_name;
use scraper::node::Element;

/// Maximum length of the marks of one element, in bytes.
const MAX_MARK: usize = 400;
/// Attributes that describe an element in words.
const MARKS: [&str; 15] = [
    "class",
    "id",
    "itemprop",
    "property",
    "rel",
    "data-testid",
    "data-test",
    "data-test-id",
    "data-qa",
    "data-qa-qualifier",
    "data-hook",
    "data-cy",
    "data-auto-id",
    "data-automation-id",
    "data-e2e",
];

/// Number of attributes at the start of [`MARKS`] that are not `data-` attributes.
const PLAIN: usize = 5;

/// Returns whether words stand in marks as whole words. Marks have a space at each end.
pub(crate) fn has_words(marks: &str, words: &str) -> bool {
    let (marks, words) = (marks.as_bytes(), words.as_bytes());
    let Some(first) = words.first() else { return false };
    // The last byte is a space; nothing starts after it.
    let starts = marks.windows(2).enumerate().filter(|(_, pair)| pair[0] == b' ' && pair[1] == *first);
    starts
        .map(|(at, _)| &marks[at + 1..])
        .any(|rest| rest.starts_with(words) && rest.get(words.len()).is_none_or(|b| *b == b' '))
}

/// The findings of one pass over an element's attributes.
pub(super) struct Attributes<'a> {
    pub(super) marks: [Option<&'a str>; MARKS.len()],
    pub(super) role: Option<&'a str>,
    pub(super) hidden: bool,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(raw: &'a Element) -> Attributes<'a> {
        let mut found = Attributes { marks: [None; MARKS.len()], role: None, hidden: false };
        for (name, value) in &raw.attrs {
            // Names that HTML knows are interned, so they are compared as numbers.
            match &name.local {
                n if *n == local_name!("class") => found.marks[0] = Some(value),
                n if *n == local_name!("id") => found.marks[1] = Some(value),
                n if *n == local_name!("role") => found.role = Some(value),
                n if *n == local_name!("hidden") => found.hidden = true,
                n if *n == local_name!("style") => {
                    found.hidden |= value.contains("display:none") || value.contains("display: none");
                }
                n if *n == local_name!("href") || *n == local_name!("src") => {}
                other => {
                    // Most other attributes are neither among these few nor test ids.
                    let data = other.starts_with("data-");
                    let (known, from) = if data { (&MARKS[PLAIN..], PLAIN) } else { (&MARKS[..PLAIN], 0) };
                    if let Some(at) = known.iter().position(|m| **m == **other) {
                        found.marks[from + at] = Some(value);
                    }
                }
            }
        }
        found
    }
}

/// Adds an element's marks: lower-case words, separated by single spaces, with one at each end.
pub(super) fn push_marks(out: &mut String, marks: &[Option<&str>]) {
    let start = out.len();
    for value in marks.iter().flatten() {
        let mut before = ' ';
        if out.len() == start {
            out.push(' ');
        }
        // Most marks are lower-case words and digits, which are copied as they are.
        let mut rest = *value;
        while let Some(c) = rest.chars().next().filter(|_| out.len() - start <= MAX_MARK) {
            let room = MAX_MARK + 1 - (out.len() - start);
            let run = rest.bytes().take(room).take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count();
            if run > 0 {
                out.push_str(&rest[..run]);
                before = char::from(rest.as_bytes()[run - 1]);
                rest = &rest[run..];
                continue;
            }
            if c.is_alphanumeric() {
                if c.is_uppercase() && before.is_lowercase() && !out.ends_with(' ') {
                    out.push(' ');
                }
                out.extend(c.to_lowercase());
            } else if !out.ends_with(' ') {
                out.push(' ');
            }
            before = c;
            rest = &rest[c.len_utf8()..];
        }
        if !out.ends_with(' ') {
            out.push(' ');
        }
    }
}

//! Reads the ends of a range in a text.

use crate::phrases::Phrases;

/// Returns the upper end of a range: "$1,200" of "$900 – $1,200".
pub(crate) fn upper_end(text: &str) -> Option<String> {
    ends(text).map(|(_, high)| high)
}

/// Returns both ends of a range.
pub(crate) fn ends(text: &str) -> Option<(String, String)> {
    let has_digit = |t: &str| t.bytes().any(|b| b.is_ascii_digit());
    let cut = |joint: &str| {
        let word = joint.starts_with(|c: char| c.is_alphabetic() && c < '\u{2e80}');
        let spaced = if word || joint == "-" { format!(" {joint} ") } else { joint.to_owned() };
        let (low, high) = text.split_once(&*spaced).or_else(|| text.split_once(joint).filter(|_| joint == "-"))?;
        (has_digit(low) && has_digit(high)).then(|| (low.trim().to_owned(), high.trim().to_owned()))
    };
    Phrases::RangeSeparators.all().find_map(cut)
}

//! Names at the beginning of a text, as sentences have them.

use crate::phrases::Phrases;

/// Whether a word begins at a place.
pub(super) fn is_start(text: &str, at: usize) -> bool {
    !text[..at].ends_with(char::is_alphanumeric)
}

/// The name that a text begins with: words with capitals and what joins them, up to a mark of punctuation.
pub(super) fn leading_name(text: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace().take(9) {
        let bare = word.trim_end_matches([',', '.', ';', ':', ')', '!', '?', '"', '”']);
        let capital = bare.chars().next().is_some_and(|c| c.is_uppercase() || (c.is_alphabetic() && !c.is_lowercase()));
        if !capital && !Phrases::Joiners.has(bare) {
            break;
        }
        // An initial's full stop belongs to the name.
        if bare.chars().count() == 1 && word.ends_with('.') {
            words.push(word);
            continue;
        }
        words.push(bare);
        if bare.len() < word.len() {
            break;
        }
    }
    while words.last().is_some_and(|w| Phrases::Joiners.has(w)) {
        words.pop();
    }
    let name = words.join(" ");
    let name = name.strip_prefix("the ").unwrap_or(&name).to_owned();
    (name.chars().count() > 1 && name.starts_with(|c: char| !c.is_lowercase())).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_where_their_capitals_do() {
        for (text, want) in [
            ("the Harbour Office of Leer, on May 3", Some("Harbour Office of Leer")),
            ("Bo Ray for two years", Some("Bo Ray")),
            ("J. R. Lee; others", Some("J. R. Lee")),
            ("accident", None),
        ] {
            assert_eq!(leading_name(text).as_deref(), want, "{text}");
        }
    }
}

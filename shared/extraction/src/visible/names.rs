//! Names at the beginning of a text, as in sentences.

use crate::phrases::Phrases;

/// Returns whether a word may begin at a position: no letter or digit precedes it.
pub(super) fn is_start(text: &str, at: usize) -> bool {
    !text[..at].ends_with(char::is_alphanumeric)
}

/// Returns whether a text begins with a capital, or with a letter of a script without capitals.
pub(super) fn starts_with_capital(text: &str) -> bool {
    text.starts_with(|c: char| c.is_uppercase() || (c.is_alphabetic() && !c.is_lowercase()))
}

/// Returns the name that a text begins with: capitalized words and the words that join them, up to a punctuation mark.
pub(super) fn leading_name(text: &str) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in text.split_whitespace().take(9) {
        let bare = word.trim_end_matches([',', '.', ';', ':', ')', '!', '?', '"', '”']);
        if !starts_with_capital(bare) && !Phrases::WordsInNames.has(bare) {
            break;
        }
        // The period of an initial belongs to the name.
        if bare.chars().count() == 1 && word.ends_with('.') {
            words.push(word);
            continue;
        }
        words.push(bare);
        if bare.len() < word.len() {
            break;
        }
    }
    while words.last().is_some_and(|w| Phrases::WordsInNames.has(w)) {
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
    fn names_end_at_the_first_word_without_a_capital() {
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

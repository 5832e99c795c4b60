//! Reads the names of persons and desks in what bylines put around them.

use crate::coercion;
use crate::phrases::Phrases;

/// Maximum length of one name or several, in characters.
const MAX_TEXT: usize = 70;

/// Returns the name in a line that begins with "By" or a similar word.
pub(crate) fn after_by(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let by = Phrases::BylinePrefixes
        .all()
        .filter(|b| lower.strip_prefix(b).is_some_and(|rest| rest.starts_with([' ', ':'])));
    let by = by.max_by_key(|b| b.len())?;
    let rest = line.get(by.len()..)?.trim_start_matches([':', ' ']);
    // "By the sea" is not a byline: names begin with a capital, or with a letter without case.
    let first = rest.chars().next()?;
    if first.is_lowercase() && by == "by" && line.starts_with(char::is_lowercase) && rest.contains(' ') {
        return None;
    }
    if first.is_lowercase() && line.split_whitespace().count() > 3 && !by.contains(' ') {
        return None;
    }
    let name = strip_byline(rest);
    (is_name(&name) && name.split_whitespace().count() <= 8).then_some(name)
}

/// Removes "By" and similar words at the start of a text.
pub(crate) fn without_by(text: &str) -> &str {
    let lower = text.to_lowercase();
    let all = Phrases::BylinePrefixes.all().chain(Phrases::NamePrefixes.all());
    let before = all.filter(|b| lower.strip_prefix(b).is_some_and(|r| r.starts_with([' ', ':', '\u{a0}'])));
    let Some(before) = before.max_by_key(|b| b.len()) else { return text };
    text.get(before.len()..).map_or(text, |rest| rest.trim_start_matches([':', ' ', '\u{a0}']))
}

/// Returns a name without what bylines put around it.
pub(crate) fn strip_byline(text: &str) -> String {
    let mut rest = without_by(without_by(text.lines().next().unwrap_or_default().trim()));
    for separator in [
        " | ",
        " • ",
        " · ",
        " – ",
        " — ",
        " - ",
        "|",
        "•",
        " / ",
        " on ",
        " in ",
        " (",
        " @",
        ", updated",
        " am ",
        " le ",
        " updated ",
        " published ",
        " Updated",
        " Published",
        "\u{2022}",
    ] {
        if let Some((name, _)) = rest.split_once(separator) {
            rest = name;
        }
    }
    // "Ann Lee, Associate Editor, Hearth News"; a degree stays.
    if let Some((name, role)) = rest.split_once(',')
        && role.split(|c: char| !c.is_alphabetic()).any(|w| Phrases::WriterRoles.has(&w.to_lowercase()))
    {
        rest = name;
    }
    // A date after the name.
    let words: Vec<&str> = rest.split_whitespace().collect();
    let number = words.iter().position(|w| w.starts_with(|c: char| c.is_ascii_digit())).filter(|at| *at > 0);
    if let Some(number) = number {
        let month = coercion::is_month(words[number - 1].trim_matches(['.', ',']));
        let kept = if month { number - 1 } else { number };
        // "manolo77 el 3 de octubre"
        let kept = if kept > 1 && Phrases::DayPrepositions.has(words[kept - 1]) { kept - 1 } else { kept };
        return words[..kept].join(" ").trim_matches([',', ' ', '.', ':', ';', '-']).to_owned();
    }
    rest.trim().trim_end_matches([',', ':', ';', '-', '|', '*', '»', '›']).trim().to_owned()
}

/// Returns whether a text can be the name of a person or of a desk.
pub(crate) fn is_name(text: &str) -> bool {
    let count = text.chars().count();
    if !(2..=MAX_TEXT).contains(&count) || !text.chars().any(char::is_alphabetic) {
        return false;
    }
    if text.contains(['@', '/', '?', '!', '{', '<', '=', '"', '“', '…'])
        || text.starts_with("http")
        || text.contains("www.")
    {
        return false;
    }
    let words: Vec<String> = text.split_whitespace().map(|w| w.trim_matches([',', '.', ':']).to_lowercase()).collect();
    if words.len() > 9 {
        return false;
    }
    if coercion::is_month(&words[0]) && words.len() <= 3 && text.chars().any(|c| c.is_ascii_digit()) {
        return false;
    }
    let joins = words.iter().filter(|w| matches!(w.as_str(), "and" | "the")).count();
    let no_name = words.iter().filter(|w| Phrases::NotInNames.has(w)).count();
    no_name == joins && joins < words.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_bylines_are_found() {
        for (line, want) in [
            ("By Ann Lee | March 4, 2025", "Ann Lee"),
            ("Written by: Ann Lee, MD", "Ann Lee, MD"),
            ("By Ann Lee and Bo Ray on May 3", "Ann Lee and Bo Ray"),
            ("von Anna Müller", "Anna Müller"),
            ("Ann Lee Mar 4, 2025", "Ann Lee"),
            ("Marketing Team", "Marketing Team"),
            ("Ann Lee, Associate Editor, Hearth News", "Ann Lee"),
            ("Post by ann »", "ann"),
        ] {
            assert_eq!(strip_byline(line), want, "{line}");
            assert!(is_name(want), "{want}");
        }
        assert_eq!(after_by("By Ann Lee").as_deref(), Some("Ann Lee"));
        assert_eq!(after_by("by the end of the day we were done"), None);
        assert_eq!(after_by("Bynum was here"), None);
        for no in ["Read more", "", "12", "March 2025", "ann@e.test", "Share this article", "https://e.test"] {
            assert!(!is_name(no), "{no}");
        }
    }
}

//! Finds authors: elements marked as author or byline, `rel=author`, and lines that begin with "By" near the heading.

use crate::candidate::{Candidate, Source};
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::View;

/// Class words of elements that hold a writer's name, with the trust in each.
const MARKS: [(&str, i32); 14] = [
    ("author name", 12),
    ("byline name", 12),
    ("authorname", 12),
    ("byline author", 10),
    ("author link", 10),
    ("post author", 9),
    ("entry author", 9),
    ("article author", 9),
    ("author", 6),
    ("authors", 5),
    ("byline", 6),
    ("by line", 5),
    ("writer", 4),
    ("contributor", 3),
];
/// Class words for an element beside an author rather than the author.
const ELSE: [&str; 16] = [
    "avatar",
    "bio",
    "image",
    "img",
    "photo",
    "social",
    "title",
    "job",
    "role",
    "date",
    "time",
    "follow",
    "comment",
    "description",
    "twitter",
    "count",
];
/// Longest name or names, in characters.
const LONGEST: usize = 70;

pub(super) fn candidates(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        if !(2..=240).contains(&size) || outside(el.zone) {
            continue;
        }
        let marks = doc.marks(at);
        if marks.len() > 5
            && let Some((mark, trust)) = MARKS.iter().find(|(m, _)| crate::doc::has_words(marks, m))
            && !ELSE.iter().any(|e| crate::doc::has_words(marks, e))
        {
            // The innermost marked element is the most exact; larger ones around it score less.
            let lines = doc.lines(at);
            let line = lines.lines().find(|l| is_name(&clean(l)));
            if let Some(line) = line {
                let near = nearness(view, at);
                let link = if el.name() == "a" { 3 } else { 0 };
                out.push(
                    Candidate::text(Source::Pattern, clean(line), format!("marked \"{mark}\""))
                        .scored(trust + near + link - i32::try_from(size / 40).unwrap_or(6)),
                );
            }
        } else if (el.name() == "a" || el.name() == "span")
            && el.attr("href").is_some_and(|h| {
                let h = h.to_ascii_lowercase();
                [
                    "/author/",
                    "/authors/",
                    "/profile/",
                    "/people/",
                    "/contributors/",
                    "/writers/",
                    "/staff/",
                    "/users/",
                    "/user/",
                    "/member/",
                    "/members/",
                    "/by/",
                ]
                .iter()
                .any(|p| h.contains(p))
            })
        {
            let name = clean(doc.lines(at));
            if is_name(&name) {
                out.push(Candidate::text(Source::Pattern, name, "link to an author").scored(4 + nearness(view, at)));
            }
        }
        if size <= 200 && doc.is_line(at) {
            let line = doc.lines(at);
            if let Some(name) = after_by(line) {
                out.push(
                    Candidate::text(Source::Pattern, name, "line that begins with \"by\"")
                        .scored(8 + nearness(view, at)),
                );
            }
        }
    }
}

fn outside(zone: Zone) -> bool {
    zone.has(Zone::COMMENTS)
        || zone.has(Zone::RELATED)
        || zone.has(Zone::NAV)
        || zone.has(Zone::FOOTER)
        || zone.has(Zone::OVERLAY)
}

/// Bylines stand right below the heading, or right above it.
fn nearness(view: &View<'_>, at: usize) -> i32 {
    match view.distance(at) {
        -300..0 => 6,
        0..600 => 10,
        600..2_000 => 3,
        2_000..6_000 => -2,
        _ => -8,
    }
}

/// Returns the name in a line that begins with "By" or a similar word.
pub(super) fn after_by(line: &str) -> Option<String> {
    let lower = line.to_lowercase();
    let by = Phrases::By.all().filter(|b| lower.strip_prefix(b).is_some_and(|rest| rest.starts_with([' ', ':'])));
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
    let name = clean(rest);
    (is_name(&name) && name.split_whitespace().count() <= 8).then_some(name)
}

/// Removes "By" and similar words at the start of a text.
pub(crate) fn without_by(text: &str) -> &str {
    let lower = text.to_lowercase();
    let all = Phrases::By.all().chain(Phrases::NameLeads.all());
    let before = all.filter(|b| lower.strip_prefix(b).is_some_and(|r| r.starts_with([' ', ':', '\u{a0}'])));
    let Some(before) = before.max_by_key(|b| b.len()) else { return text };
    text.get(before.len()..).map_or(text, |rest| rest.trim_start_matches([':', ' ', '\u{a0}']))
}

/// Returns a name without what bylines put around it.
pub(crate) fn clean(text: &str) -> String {
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
        && role.split(|c: char| !c.is_alphabetic()).any(|w| Phrases::Roles.has(&w.to_lowercase()))
    {
        rest = name;
    }
    // A date after the name.
    let words: Vec<&str> = rest.split_whitespace().collect();
    let number = words.iter().position(|w| w.starts_with(|c: char| c.is_ascii_digit())).filter(|at| *at > 0);
    if let Some(number) = number {
        let month = crate::coercion::is_month(words[number - 1].trim_matches(['.', ',']));
        let kept = if month { number - 1 } else { number };
        // "manolo77 el 3 de octubre"
        let kept = if kept > 1 && Phrases::DayLeads.has(words[kept - 1]) { kept - 1 } else { kept };
        return words[..kept].join(" ").trim_matches([',', ' ', '.', ':', ';', '-']).to_owned();
    }
    rest.trim().trim_end_matches([',', ':', ';', '-', '|', '*', '»', '›']).trim().to_owned()
}

/// Returns whether a text can be the name of a person or of a desk.
pub(crate) fn is_name(text: &str) -> bool {
    let count = text.chars().count();
    if !(2..=LONGEST).contains(&count) || !text.chars().any(char::is_alphabetic) {
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
    if crate::coercion::is_month(&words[0]) && words.len() <= 3 && text.chars().any(|c| c.is_ascii_digit()) {
        return false;
    }
    let joins = words.iter().filter(|w| matches!(w.as_str(), "and" | "the")).count();
    let no_name = words.iter().filter(|w| Phrases::NoNames.has(w)).count();
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
            assert_eq!(clean(line), want, "{line}");
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

//! Finds authors: elements marked as author or byline, `rel=author`, and lines that begin with "By" near the heading.

use crate::candidate::{Candidate, Source};
use crate::person_name::{after_by, is_name, strip_byline};
use crate::zones::Zone;

use super::view::View;

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
const OTHER_MARKS: [&str; 16] = [
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
pub(super) fn candidates(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        if !(2..=240).contains(&size) || is_outside_article(el.zone) {
            continue;
        }
        let marks = doc.marks(at);
        if marks.len() > 5
            && let Some((mark, trust)) = MARKS.iter().find(|(m, _)| crate::doc::has_words(marks, m))
            && !OTHER_MARKS.iter().any(|e| crate::doc::has_words(marks, e))
        {
            // The innermost marked element is the most exact; larger ones around it score less.
            let lines = doc.lines(at);
            let line = lines.lines().find(|l| is_name(&strip_byline(l)));
            if let Some(line) = line {
                let near = proximity_score(view, at);
                let link = if el.name() == "a" { 3 } else { 0 };
                out.push(
                    Candidate::text(Source::Pattern, strip_byline(line), format!("marked \"{mark}\""))
                        .adjusted(trust + near + link - i32::try_from(size / 40).unwrap_or(6)),
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
            let name = strip_byline(doc.lines(at));
            if is_name(&name) {
                out.push(
                    Candidate::text(Source::Pattern, name, "link to an author").adjusted(4 + proximity_score(view, at)),
                );
            }
        }
        if size <= 200 && doc.is_line(at) {
            let line = doc.lines(at);
            if let Some(name) = after_by(line) {
                out.push(
                    Candidate::text(Source::Pattern, name, "line that begins with \"by\"")
                        .adjusted(8 + proximity_score(view, at)),
                );
            }
        }
    }
}

fn is_outside_article(zone: Zone) -> bool {
    zone.has(Zone::COMMENTS)
        || zone.has(Zone::RELATED)
        || zone.has(Zone::NAV)
        || zone.has(Zone::FOOTER)
        || zone.has(Zone::OVERLAY)
}

/// Returns the score of an element for its distance from the heading: bylines stand right below it, or right above it.
fn proximity_score(view: &View<'_>, at: usize) -> i32 {
    match view.distance(at) {
        -300..0 => 6,
        0..600 => 10,
        600..2_000 => 3,
        2_000..6_000 => -2,
        _ => -8,
    }
}

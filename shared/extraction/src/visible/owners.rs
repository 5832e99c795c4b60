//! Finds a field in the part of the page that is about its owner: `acceptedAnswer.upvoteCount` is searched in the
//! part about the accepted answer, known by its marks or heading, as if that part were a page of its own.

use std::ops::Range;

use domain::Field;

use crate::candidate::Candidate;
use crate::doc::Doc;
use crate::field_query::FieldQuery;
use crate::head::Head;
use crate::vocabulary::{singular, words};
use crate::zones::Zone;

use super::view::{Search, View};

/// Maximum number of parts examined, and maximum length of one, in bytes of text.
const MAX_PARTS: usize = 2;
const MAX_TEXT: usize = 20_000;
/// Maximum length of a heading, in bytes.
const MAX_HEADING: usize = 60;
/// Bonus for a candidate from such a part, and penalty for those from anywhere else on the page.
const OWNER_BONUS: i32 = 2;
const ELSEWHERE_PENALTY: i32 = 12;

/// Adds a field's candidates in the parts about its owner, which `search` searches like a page.
pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, search: Search, out: &mut Vec<Candidate>) {
    let Some(owner) = query.owner.as_deref() else { return };
    let name = crate::field_query::without_name(&query.field.field).rsplit('.').next().unwrap_or_default();
    let field = Field { field: name.to_owned(), ..query.field.clone() };
    let own = FieldQuery::of(&field);
    let mut found = Vec::new();
    for (holder, children) in parts_about(view.doc, owner) {
        let doc = view.doc.part(holder, children);
        let h1 = doc.heading.map(|at| doc.text(at));
        let head = Head { h1, language: view.head.language.clone(), ..Head::default() };
        let part = View::of(&doc, &head, view.url, view.reading);
        search(&part, &own, &mut found);
        if !found.is_empty() {
            break;
        }
    }
    if found.is_empty() {
        return;
    }
    for candidate in out.iter_mut() {
        candidate.score -= ELSEWHERE_PENALTY;
    }
    out.extend(found.into_iter().map(|c| {
        let reason = format!("{}, where \"{owner}\" is", c.reason);
        Candidate { reason: reason.into(), ..c }.adjusted(OWNER_BONUS)
    }));
}

/// Returns the parts of a page about something: elements with its marks, and what follows a heading that names it. Each
/// is an element and a range of its descendants.
fn parts_about(doc: &Doc<'_>, owner: &str) -> Vec<(usize, Range<usize>)> {
    let mut out: Vec<(usize, Range<usize>)> = Vec::new();
    let mut at = 0;
    while at < doc.els.len() && out.len() < MAX_PARTS {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        at += 1;
        if size == 0 || el.zone.has(Zone::NAV) || el.zone.has(Zone::RELATED) || size > MAX_TEXT {
            continue;
        }
        let here = at - 1;
        let inner = here + 1..el.end;
        if !inner.is_empty() && inner.len() > 1 && is_marked(doc, here, owner) {
            at = el.end;
            out.push((here, inner));
        } else if size <= MAX_HEADING
            && matches!(el.name(), "h2" | "h3" | "h4" | "h5" | "h6" | "dt" | "strong" | "b" | "legend" | "th")
            && doc.is_line(here)
            && names_owner(doc.lines(here), owner)
            && let Some(part) = doc.below_heading(here)
        {
            out.push(part);
        }
    }
    out
}

/// Returns whether an element's marks contain the words of a name, consecutively or apart: `answer accepted`.
fn is_marked(doc: &Doc<'_>, at: usize, owner: &str) -> bool {
    let contains_each_word = || owner.contains(' ') && owner.split(' ').all(|w| doc.has_mark(at, w));
    doc.has_mark(at, owner) || contains_each_word()
}

/// Returns whether a heading in the singular is a name or ends with it.
fn names_owner(heading: &str, owner: &str) -> bool {
    let heading = words(heading);
    let stem = singular(&heading);
    stem == owner || stem.strip_suffix(owner).is_some_and(|rest| rest.ends_with(' ') && rest.split(' ').count() <= 3)
}

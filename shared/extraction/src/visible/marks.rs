//! Finds elements whose class, id, itemprop or test id says what they hold, and `data-…` attributes that hold a value.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::concept::Shape;
use crate::field_query::FieldQuery;
use crate::vocabulary::words;

use super::attributes::{AttributeIndex, MAX_PER_WORD, is_outside};
use super::segments::is_labelled;
use super::view::View;
use super::{lists, places, prose};

/// Maximum length of the text of a marked element that may be a single value, in bytes.
const MAX_TEXT: usize = 400;
/// Maximum number of candidates per phrase.
const MAX_FOUND: usize = 12;

/// Adds a field's candidates among marked elements.
pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let index = view.attributes();
    let own = Some(query.label.as_str()).filter(|l| l.len() > 2);
    let marks = query.words().map(|w| w.marks.as_slice()).unwrap_or_default();
    let phrases = own.into_iter().chain(marks.iter().copied());
    for (rank, phrase) in phrases.enumerate() {
        let rank = i32::try_from(rank.min(8)).unwrap_or(8);
        attribute_candidates(view, query, index, phrase, rank, out);
        let hits = doc.with_mark(phrase).filter(|at| !is_outside(doc.els[*at].zone));
        let hits = hits.filter(|at| !query.is_excluded_by(doc.marks(*at)));
        let hits: Vec<usize> = hits.take(MAX_PER_WORD).collect();
        if query.is_array() {
            array_candidates(view, &hits, phrase, rank, out);
            continue;
        }
        let mut found = 0;
        for (order, at) in hits.into_iter().enumerate() {
            let el = &doc.els[at];
            if doc.text_len(at) > MAX_TEXT {
                continue;
            }
            let value = el.attr("content").or_else(|| el.attr("value")).filter(|_| doc.text_len(at) == 0);
            let value = value.map_or_else(|| doc.text(at), crate::coercion::collapse);
            // "Product code: 123" contains its own label.
            let value = match value.split_once(':') {
                Some((label, rest)) if query.closeness(&words(label)).is_some() => rest.trim().to_owned(),
                _ => value,
            };
            // The text of a part, without its heading and without what has a label of its own.
            let value = if query.field.field.ends_with(".text") && !doc.is_line(at) {
                let own = |line: &&str| words(line) != phrase && !is_labelled(line);
                let lines: Vec<&str> = doc.lines(at).lines().filter(own).collect();
                let prose: Vec<&str> = lines.iter().copied().filter(|l| prose::is_prose(l)).collect();
                if prose.is_empty() { lines.join(" ") } else { prose.join(" ") }
            } else {
                value
            };
            // A venue with its address below: the first line is its name.
            let place = Some(at).filter(|_| query.is_shape(Shape::Place)).map(|at| doc.lines(at));
            let value = match place.and_then(|lines| lines.split_once('\n')) {
                Some((first, rest)) if rest.lines().any(places::is_town) => first.trim().to_owned(),
                _ => value,
            };
            if value.is_empty() || value.len() > MAX_TEXT || found >= MAX_FOUND {
                continue;
            }
            found += 1;
            // Marks without further words are meant for exactly this.
            let other = doc.marks(at).split_whitespace().count().saturating_sub(phrase.split(' ').count());
            let exact = 6 - i32::try_from(other.min(6)).unwrap_or(6);
            let long = i32::try_from(value.len() / 30).unwrap_or(12);
            let far = match view.distance(at) {
                -300..4_000 => 0,
                _ => -8,
            };
            let outside = if el.zone.is_surroundings() { -12 } else { 0 };
            let change = exact - long - rank + far + outside - i32::try_from(order.min(5)).unwrap_or(5);
            out.push(Candidate::text(Source::Mark, value, format!("marked \"{phrase}\"")).adjusted(change));
        }
    }
}

fn attribute_candidates(
    view: &View<'_>,
    query: &FieldQuery<'_>,
    index: &AttributeIndex<'_>,
    phrase: &str,
    rank: i32,
    out: &mut Vec<Candidate>,
) {
    for name in [phrase.replace(' ', "-"), phrase.replace(' ', "")] {
        for (at, value) in index.by_attribute.get(name.as_str()).into_iter().flatten().take(3) {
            let far = if (-300..6_000).contains(&view.distance(*at)) { 0 } else { -8 };
            // Most attributes hold codes. An attribute holds a name only if the attribute has exactly that name.
            let rank = if query.is_shape(Shape::Name) { rank * 6 } else { rank };
            if !query.is_excluded_by(&name) {
                let reason = format!("attribute data-{name}");
                out.push(Candidate::text(Source::Mark, *value, reason).adjusted(far - rank));
            }
        }
    }
}

/// Adds a list: the items of one marked element, or many elements with the same mark.
fn array_candidates(view: &View<'_>, hits: &[usize], phrase: &str, rank: i32, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let mut ends = 0;
    let mut outer: Vec<usize> = Vec::new();
    for at in hits.iter().copied().filter(|at| !doc.els[*at].zone.is_surroundings()) {
        if at >= ends {
            outer.push(at);
            ends = doc.els[at].end;
        }
    }
    let items: Vec<String> = outer.iter().flat_map(|at| lists::items(doc, doc.descendants(*at))).take(1_000).collect();
    if items.len() > 1 {
        let values = items.into_iter().map(Value::String).collect();
        out.push(Candidate::new(Source::Mark, values, format!("list marked \"{phrase}\"")).adjusted(-rank));
    }
    let own: Vec<Value> = outer
        .iter()
        .filter(|at| (1..=MAX_TEXT * 4).contains(&doc.text_len(**at)))
        .map(|at| Value::String(doc.lines(*at).to_owned()))
        .collect();
    if own.len() > 1 || own.iter().any(|v| v.as_str().is_some_and(|t| t.contains('\n'))) {
        out.push(Candidate::new(Source::Mark, own, format!("elements marked \"{phrase}\"")).adjusted(-rank - 2));
    }
}

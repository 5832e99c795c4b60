//! Finds in sentences who made a thing and when: "created by Ann Lee", "Night Ferry by Ann Lee", "Hearth Co. offers",
//! "founded in 1998".

use domain::FieldType;

use crate::candidate::{Candidate, Source};
use crate::coercion;
use crate::concept::{Concept, Shape};
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;

use super::names::{is_start, leading_name};
use super::view::View;

/// Maximum length of a text examined, and maximum distance between a verb and its day, in bytes.
const MAX_TEXT: usize = 600;
const MAX_DAY_DISTANCE: usize = 40;
/// Maximum number of candidates of one field.
const MAX_FOUND: i32 = 6;

/// Adds names after "written by" and similar phrases, and after the title with "by".
pub(super) fn makers(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let mut found = 0;
    let segments = view.segments();
    for (order, segment) in segments.iter().enumerate().filter(|(_, s)| s.text.len() <= MAX_TEXT) {
        let lower = segment.text.to_ascii_lowercase();
        let Some((at, length)) = Phrases::MadeBy.find(&lower) else { continue };
        // The illustrator of a text did not write it.
        let writes = query.label.contains("author") || query.label.contains("writer");
        if writes && Phrases::DrawnBy.has(&lower[at..at + length]) {
            continue;
        }
        let behind = segment.text.get(at + length..).unwrap_or_default().trim_start_matches([':', ' ']);
        // The name may stand in an element of its own below.
        let next = segments.get(order + 1).map_or("", |s| s.text);
        let behind = if behind.is_empty() { next } else { behind };
        if let Some(name) = leading_name(behind) {
            let reason = format!("named after \"{}\"", &lower[at..at + length]);
            out.push(Candidate::text(Source::Pattern, name, reason).adjusted(-4 - found));
            found += 1;
        }
        if found >= MAX_FOUND {
            return;
        }
    }
    let text = view.doc.all_text();
    for title in view.head.names().filter(|t| t.chars().count() > 3) {
        let by = text.match_indices(title).take(6).filter_map(|(at, _)| {
            let behind = text.get(at + title.len()..)?.trim_start().strip_prefix("by ")?;
            leading_name(behind)
        });
        out.extend(
            by.map(|name| Candidate::text(Source::Pattern, name, "name after the title and \"by\"").adjusted(-4)),
        );
    }
}

/// Adds days and years after a verb that the field's name or concept contains.
pub(super) fn days(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let day = query.field.kind == FieldType::Date;
    let year = query.asks_for_year() || query.field.kind == FieldType::Integer;
    if !(day || year || query.field.kind == FieldType::String)
        || !(day || query.is_shape(Shape::Day) || query.asks_for_year() || query.is(Concept::Founded))
    {
        return;
    }
    let verbs = verbs(query);
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| !verbs.is_empty() && s.text.len() <= MAX_TEXT) {
        let text = segment.text;
        if !text.bytes().any(|b| b.is_ascii_digit()) {
            continue;
        }
        let lower = text.to_lowercase();
        for verb in &verbs {
            let Some(at) = lower.find(verb.as_str()).filter(|at| is_start(&lower, *at)) else { continue };
            let Some(behind) = lower.get(at + verb.len()..).and_then(|t| t.strip_prefix(' ')) else { continue };
            let lead = behind.split(' ').next().unwrap_or_default();
            let Some(behind) = behind.strip_prefix(lead).filter(|_| Phrases::DayPrepositions.has(lead)) else {
                continue;
            };
            let behind = behind[..behind.floor_char_boundary(MAX_DAY_DISTANCE)].trim();
            let value = if day {
                coercion::find_day(behind, &view.reading).map(|f| f.day)
            } else {
                first_year(behind).or_else(|| coercion::find_day(behind, &view.reading).map(|f| f.day))
            };
            if let Some(value) = value {
                let reason = format!("day after \"{verb} {lead}\"");
                out.push(Candidate::text(Source::Pattern, value, reason).adjusted(-found));
                found += 1;
            }
            if found >= MAX_FOUND {
                return;
            }
        }
    }
}

/// Returns the verbs of a field's day: "created" for `dateCreated`.
fn verbs(query: &FieldQuery<'_>) -> Vec<String> {
    let is_verb = |w: &&str| w.len() > 4 && w.ends_with("ed");
    let own = query.label.split(' ').filter(is_verb).map(str::to_owned);
    let named = |w: &&str| !w.contains(' ') && w.chars().count() > 3;
    let names =
        query.words().into_iter().flat_map(|w| w.names.iter().copied().chain(w.labels.iter().map(String::as_str)));
    // A name that only means a day would match any day. Of names with several words, use those that end in a
    // preposition: "available from", "registration closes on".
    let verbs_with_preposition =
        names.clone().filter_map(|n| n.rsplit_once(' ')).filter(|(_, last)| Phrases::Prepositions.has(last));
    let verbs_with_preposition: Vec<String> = verbs_with_preposition.map(|(verb, _)| verb.to_owned()).collect();
    let names = names.filter(named).filter(|_| query.label.split(' ').all(|w| !is_verb(&w)));
    own.chain(names.map(str::to_owned)).chain(verbs_with_preposition).collect()
}

/// Returns a year at the start of a text.
fn first_year(text: &str) -> Option<String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    (digits.len() == 4 && digits.starts_with(['1', '2'])).then_some(digits)
}

/// Adds the names before the verb of the field's name: "Hearth Co. offers", "Ann Lee directs".
pub(super) fn agents(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let verbs: Vec<String> = query.all_names().filter_map(third_person).collect();
    if verbs.is_empty() {
        return;
    }
    for segment in view.segments().iter().filter(|s| s.text.len() <= MAX_TEXT).take(200) {
        let Some(name) = leading_name(segment.text) else { continue };
        let behind = segment.text.strip_prefix(name.as_str()).unwrap_or_default().trim_start();
        let verb = behind.split(' ').next().unwrap_or_default();
        let offers = Phrases::OfferVerbs.has(verb) && verbs.iter().any(|v| Phrases::OfferVerbs.has(v));
        if offers || verbs.iter().any(|v| v == verb) {
            out.push(Candidate::text(Source::Pattern, name, format!("name before \"{verb}\"")).adjusted(-4));
            return;
        }
    }
}

/// Returns `provides` for `provider`.
fn third_person(agent: &str) -> Option<String> {
    let stem = agent.strip_suffix('r')?;
    (stem.len() >= 5 && stem.ends_with('e') && !agent.contains(' ')).then(|| format!("{stem}s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_and_verbs_are_recognised() {
        assert_eq!(first_year("1998, by the sea").as_deref(), Some("1998"));
        assert_eq!(first_year("19 years"), None);
        assert_eq!(third_person("provider").as_deref(), Some("provides"));
        assert_eq!(third_person("color"), None);
    }
}

//! Finds facts in texts without a label: "issued by the Harbour Office", "1938 tickets left", "20% down payment", "Vol.
//! 50". The words come from the field's name and concept, not from a list of fields.

use domain::FieldType;

use crate::candidate::{Candidate, Source};
use crate::concept::{Shape, Trait};
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;

use super::names::{is_start, leading_name};
use super::verbs;
use super::view::View;

/// Maximum number of candidates of one field.
const MAX_FOUND: usize = 12;

pub(super) fn candidates(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    match query.field.kind {
        FieldType::Integer | FieldType::Float if matches!(query.shape(), Shape::Any | Shape::Count) => {
            numbers_beside_words(view, query, out);
        }
        FieldType::String if query.is_shape(Shape::Count) => numbers_beside_words(view, query, out),
        // Authors and makers are found in other ways.
        FieldType::String
            if !query.has(Trait::UnreliableMarkup)
                && matches!(query.shape(), Shape::Any | Shape::Name | Shape::Place | Shape::Short) =>
        {
            names_after_phrases(view, query, out);
            verbs::agents(view, query, out);
        }
        _ => {}
    }
}

/// Adds names after a phrase made of the field's words.
fn names_after_phrases(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let mut phrases: Vec<String> = Vec::new();
    let concept = query.words();
    let names = concept.iter().flat_map(|w| w.names.iter().copied().chain(w.labels.iter().map(String::as_str)));
    for name in query.all_names().chain(names) {
        match name.rsplit_once(' ') {
            Some((_, last)) if Phrases::Prepositions.has(last) => phrases.push(format!("{name} ")),
            // An organizer is the one that something is "organized by".
            None => phrases.extend(passive_phrase(name)),
            Some(_) => {}
        }
    }
    if phrases.is_empty() {
        return;
    }
    let mut found = 0;
    let text = view.doc.all_text();
    let text = &text[..text.floor_char_boundary(super::segments::MAX_BYTES)];
    for line in text.lines().filter(|l| l.len() <= 2_000) {
        let lower = line.to_ascii_lowercase();
        for phrase in &phrases {
            let Some(at) = lower.find(phrase.as_str()).filter(|at| is_start(&lower, *at)) else { continue };
            let Some(name) = line.get(at + phrase.len()..).and_then(leading_name) else { continue };
            let reason = format!("named after \"{}\"", phrase.trim());
            out.push(Candidate::text(Source::Pattern, name, reason).adjusted(-2));
            found += 1;
            if found >= MAX_FOUND {
                return;
            }
        }
    }
}

/// Returns `organized by` for `organizer`, `sponsored by` for `sponsor`.
fn passive_phrase(agent: &str) -> Option<String> {
    let stem = agent.strip_suffix("er").or_else(|| agent.strip_suffix("or"))?;
    if stem.len() < 4 || !stem.is_ascii() {
        return None;
    }
    // In "sponsor" and "author" the ending belongs to the verb.
    let whole = stem.ends_with('s') || stem.ends_with('h');
    Some(format!("{}ed by ", if whole && agent.ends_with("or") { agent } else { stem }))
}

/// Maximum length of a text in which any word for the thing counts, in bytes, and the number of such texts examined.
const MAX_NAMED: usize = 160;
const MAX_TEXTS: usize = 200;

/// Adds numbers right before or after the field's words.
fn numbers_beside_words(view: &View<'_>, query: &FieldQuery<'_>, out: &mut Vec<Candidate>) {
    let own: Vec<Vec<&str>> = query
        .core_names()
        .iter()
        .map(String::as_str)
        .chain(query.head_word())
        .map(|t| t.split(' ').collect())
        .collect();
    let words = query.words().filter(|_| query.is_shape(Shape::Count));
    let names = words.iter().flat_map(|w| w.names.iter().copied().chain(w.labels.iter().map(String::as_str)));
    let names: Vec<&str> = names.filter(|n| n.len() > 2).collect();
    let with_unit = query.field.kind == FieldType::String;
    let (mut found, mut examined) = (0, 0);
    for segment in view.segments().iter().filter(|s| s.text.len() <= 600) {
        let text = segment.text;
        if !text.bytes().any(|b| b.is_ascii_digit()) {
            continue;
        }
        examined += 1;
        let by_name = !names.is_empty() && text.len() <= MAX_NAMED && examined <= MAX_TEXTS;
        let lower = if by_name { text.to_lowercase() } else { String::new() };
        let named_words =
            names.iter().filter(|n| by_name && lower.contains(**n)).map(|n| n.split(' ').collect::<Vec<_>>());
        let things: Vec<Vec<&str>> = own.iter().cloned().chain(named_words).collect();
        let tokens: Vec<String> = text.replace('©', " copyright ").split_whitespace().take(120).map(bare).collect();
        for thing in &things {
            let Some(near) = number_beside(&tokens, thing, with_unit) else { continue };
            // Money after the word is not a count of it: "Current bid: £260".
            let paid = !near.before && ["$", "€", "£"].iter().any(|c| text.contains(&format!("{c}{}", near.number)));
            if !query.accepts(&near.number) || (paid && !query.is_shape(Shape::Money)) {
                continue;
            }
            let penalty_for_position = i32::from(segment.at > 6_000) * 4;
            let reason = format!("number {} \"{}\"", if near.before { "before" } else { "after" }, thing.join(" "));
            let penalty_for_head = i32::from(Some(thing.join(" ").as_str()) == query.head_word()) * 4;
            let change = -penalty_for_position - i32::from(!near.before) * 2 - penalty_for_head;
            out.push(Candidate::text(Source::Pattern, near.number, reason).adjusted(change));
            found += 1;
            if found >= MAX_FOUND {
                return;
            }
        }
    }
}

fn bare(word: &str) -> String {
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    word.trim_end_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '%' | '+' | '.' | ',')).to_lowercase()
}

/// A number beside words.
#[derive(Debug, PartialEq, Eq)]
struct NumberBeside {
    number: String,
    /// Whether it stands before them.
    before: bool,
}

/// Returns the number before the words or, if there is none, the one after them; a range as a whole. With `with_unit`,
/// includes the unit: "9 grams" of fat, "240 calories".
fn number_beside(tokens: &[String], thing: &[&str], with_unit: bool) -> Option<NumberBeside> {
    let same = |token: &str, word: &str| {
        let short = token.strip_suffix('.').filter(|t| t.len() >= 2 && word.len() > t.len() + 1);
        let whole = token.trim_end_matches(['.', ',']);
        whole == word || &*crate::vocabulary::singular(whole) == word || short.is_some_and(|t| word.starts_with(t))
    };
    let places = tokens.windows(thing.len()).enumerate().filter(|(_, w)| w.iter().zip(thing).all(|(t, w)| same(t, w)));
    let places: Vec<usize> = places.map(|(at, _)| at).take(4).collect();
    let before = |at: &usize| at.checked_sub(1).and_then(|b| tokens.get(b)).is_some_and(|t| number(t).is_some());
    let at = *places.iter().find(|at| before(at)).or(places.first())?;
    let is_unit = |t: &str| t.len() <= 10 && !t.ends_with(',') && t.chars().all(char::is_alphabetic);
    let measure = || {
        let [.., number, unit] = tokens.get(..at)? else { return None };
        self::number(number).filter(|_| is_unit(unit)).map(|n| format!("{n} {unit}"))
    };
    let name = || tokens.get(at..at + thing.len()).map(|t| t.join(" ").trim_end_matches([',', '.']).to_owned());
    let count = || {
        let last = at.checked_sub(1)?;
        let high = tokens.get(last).filter(|t| !t.ends_with(','))?;
        if let Some(range) = range(high) {
            return Some(range);
        }
        let high = self::number(high)?;
        // "3 to 5 players", "3 – 5 players": a token without letters and digits is empty here.
        let separated = last
            .checked_sub(1)
            .and_then(|i| tokens.get(i))
            .is_some_and(|t| t.is_empty() || Phrases::RangeSeparators.has(t));
        let low = last.checked_sub(2).filter(|_| separated).and_then(|i| tokens.get(i)).and_then(|t| self::number(t));
        Some(low.map_or(high.clone(), |low| format!("{low} - {high}")))
    };
    let before =
        if with_unit { count().zip(name()).map(|(n, t)| format!("{n} {t}")).or_else(measure) } else { count() };
    let after = || {
        let next = tokens.get(at + thing.len()).filter(|_| !with_unit)?;
        range(next).or_else(|| self::number(next))
    };
    before
        .map(|number| NumberBeside { number, before: true })
        .or_else(|| after().map(|number| NumberBeside { number, before: false }))
}

/// Returns a token that is two numbers joined by a dash.
fn range(token: &str) -> Option<String> {
    let (low, high) = token.split_once(['-', '–'])?;
    number(low).zip(number(high)).map(|(low, high)| format!("{low} - {high}"))
}

/// Returns the number of a token that has at most a percent sign or a plus besides.
fn number(token: &str) -> Option<String> {
    let number = token.trim_end_matches(['%', '+', '.', ',']);
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    (digits > 0 && digits <= 9 && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')))
        .then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_give_their_passive_verbs() {
        assert_eq!(passive_phrase("organizer").as_deref(), Some("organized by "));
        assert_eq!(passive_phrase("sponsor").as_deref(), Some("sponsored by "));
        assert_eq!(passive_phrase("color"), None);
    }

    #[test]
    fn numbers_beside_their_words_are_found() {
        let tokens = |t: &str| -> Vec<String> { t.split_whitespace().map(bare).collect() };
        for (text, thing, want) in [
            ("1938 seats left", "seat", Some(("1938", true))),
            ("a loan with 20% down payment.", "down payment", Some(("20", true))),
            ("Vol. 50 (5)", "volume", Some(("50", false))),
            ("2012, Vol. 50", "volume", Some(("50", false))),
            ("for 3 to 5 players.", "player", Some(("3 - 5", true))),
            ("3-5 players", "player", Some(("3 - 5", true))),
            ("no seats", "seat", None),
            ("seats since May", "seat", None),
        ] {
            let thing: Vec<&str> = thing.split(' ').collect();
            let found = number_beside(&tokens(text), &thing, false);
            assert_eq!(found.as_ref().map(|n| (n.number.as_str(), n.before)), want, "{text}");
        }
        for (text, thing, want) in
            [("240 calories, 9 grams fat", "calory", "240 calories"), ("240 calories, 9 grams fat", "fat", "9 grams")]
        {
            assert_eq!(number_beside(&tokens(text), &[thing], true).map(|n| n.number).as_deref(), Some(want), "{text}");
        }
    }
}

//! Explanations of a result: the candidates of each field, shown if the caller asked for them. Bounded, so that a
//! result still fits its row.

use serde::{Deserialize, Serialize};

/// Maximum number of candidates of a field.
const MAX_CANDIDATES: usize = 10;
/// Maximum size in bytes of all explanations of a page, as JSON.
const MAX_BYTES: usize = 16 * 1024;
/// Maximum length in characters of a candidate's texts.
const MAX_CHARS: usize = 200;

/// All candidates of one field, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    /// The field's name.
    pub field: String,
    /// How the name was understood; empty if it has no known meaning.
    pub meaning: String,
    /// Values that were considered for the field.
    pub candidates: Vec<SeenCandidate>,
}

/// A candidate and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenCandidate {
    /// Where on the page it was found.
    pub source: String,
    /// Higher is better. Scores are comparable only among the candidates of one field.
    pub score: i32,
    /// Why it was considered.
    pub reason: String,
    /// Its text, shortened.
    pub text: String,
    /// The value that it was read as, or why it was rejected.
    pub outcome: String,
}

/// Shortens texts and drops candidates until the explanations fit the limits. The best candidates of each field stay
/// longest.
pub fn bounded(mut all: Vec<Explained>) -> Vec<Explained> {
    for candidate in all.iter_mut().flat_map(|one| &mut one.candidates) {
        let SeenCandidate { source: _, score: _, reason, text, outcome } = candidate;
        for text in [reason, text, outcome] {
            if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
                text.truncate(end);
            }
        }
    }
    let size = |all: &[Explained]| serde_json::to_string(all).map_or(0, |text| text.len());
    for max in (0..=MAX_CANDIDATES).rev() {
        all.iter_mut().for_each(|one| one.candidates.truncate(max));
        if size(&all) <= MAX_BYTES {
            return all;
        }
    }
    // Not even the names and meanings alone fit: the schema has very many fields.
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, candidates: usize, text: &str) -> Explained {
        let seen = |n| SeenCandidate {
            source: "JsonLd".into(),
            score: 100 - i32::try_from(n).unwrap(),
            reason: "name".into(),
            text: text.into(),
            outcome: "chosen".into(),
        };
        Explained { field: name.into(), meaning: String::new(), candidates: (0..candidates).map(seen).collect() }
    }

    #[test]
    fn the_best_candidates_of_each_field_are_kept() {
        let few = bounded(vec![field("a", 3, "x"), field("b", 30, "é")]);
        assert_eq!(few.iter().map(|one| one.candidates.len()).collect::<Vec<_>>(), [3, MAX_CANDIDATES]);
        let long = "é".repeat(5_000);
        let many = bounded((0..40).map(|n| field(&format!("field {n}"), 20, &long)).collect());
        assert_eq!(many.len(), 40);
        assert!(many.iter().all(|one| one.candidates.len() < MAX_CANDIDATES));
        assert!(serde_json::to_string(&many).unwrap().len() <= MAX_BYTES);
        assert!(bounded((0..200).map(|_| field(&long, 1, "x")).collect()).is_empty());
    }
}

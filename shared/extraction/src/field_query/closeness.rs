//! How closely a label on a page names a field: by its own words, in another order or spelling, by a synonym, or by its
//! end.

use crate::concept::{Concept, Shape, Trait};
use crate::phrases::Phrases;
use crate::spelling::spellings;
use crate::vocabulary::singular;

use super::FieldQuery;

impl FieldQuery<'_> {
    /// Returns how closely a label on the page, in words, names this field, 0 to 10. Returns `None` if it does not.
    pub(crate) fn closeness(&self, label: &str) -> Option<i32> {
        self.closeness_with_stem(label, &singular(label))
    }

    /// Does the same for a label whose singular is known.
    pub(crate) fn closeness_with_stem(&self, label: &str, stem: &str) -> Option<i32> {
        if label == self.label {
            return Some(10);
        }
        if self.label.is_ascii() && !label.is_ascii() && spellings(label).any(|s| s == self.label) {
            return Some(9);
        }
        if stem == self.stem {
            return Some(9);
        }
        // Synonyms and initials: "APR".
        if self.core_names.iter().any(|t| t == stem || same_letters(t, stem)) || is_acronym(label, &self.stem) {
            return Some(6);
        }
        if self.is_reordered(stem) {
            return Some(6);
        }
        if self.head_word() == Some(stem) {
            return Some(1);
        }
        let concept = self.words()?;
        if concept.is_name(label) || concept.is_name(stem) {
            return Some(8);
        }
        (concept.is_label(label) || concept.is_label(stem)).then_some(7)
    }

    /// Returns whether a label has the field's words in another order, with small words between them: "date of issue".
    fn is_reordered(&self, stem: &str) -> bool {
        let Some((first, rest)) = self.stem.split_once(' ').filter(|_| stem.contains(' ')) else { return false };
        let bare = |w: &str| w.trim_end_matches("ed").trim_end_matches('e').len();
        let has = |label: &str, word: &str| label.split(' ').any(|l| word[..bare(word)] == l[..bare(l)]);
        // Most labels already differ in the first word.
        if !stem.contains(&first[..bare(first)]) || !rest.split(' ').chain([first]).all(|w| has(stem, w)) {
            return false;
        }
        let mut small = 0;
        let known = stem.split(' ').all(|l| {
            let is_small = Phrases::Prepositions.has(l) || Phrases::WordsInNames.has(l);
            small += usize::from(is_small);
            is_small || has(&self.stem, l)
        });
        known && small > 0
    }

    /// Returns how closely the last words of a label name this field, where the whole label does not: "Guaranteed
    /// interest rate". Words for properties that every thing has do not count: they may belong to another thing.
    pub(crate) fn label_end_closeness(&self, stem: &str) -> Option<i32> {
        let ends = |name: &str| stem.strip_suffix(name).is_some_and(|rest| rest.len() > 1 && rest.ends_with(' '));
        let many = stem.split(' ').count() > 5;
        let every = || stem.split(' ').next().is_some_and(|first| Phrases::WordsForAll.has(first));
        if self.is_shape(Shape::Money) || self.is_excluded_by(&format!(" {stem} ")) || every() {
            return None;
        }
        if self.core_names.iter().any(|t| t.len() > 3 && ends(t)) && !self.has(Trait::Common) {
            return Some(2);
        }
        if let Some(head) = self.head_word().filter(|h| h.len() > 4 && ends(h) && !Phrases::GenericLastWords.has(h)) {
            return (!many && head.len() < stem.len()).then_some(-2);
        }
        let names = || !many && self.words().is_some_and(|w| w.names.iter().any(|n| n.len() > 3 && ends(n)));
        // German joins words: "Nettogewicht".
        let compound = |l: &String| l.len() > 5 && stem.len() > l.len() + 2 && stem.ends_with(l.as_str());
        let worded = matches!(self.shape(), Shape::Place | Shape::List);
        if stem.len() > 8 && !stem.contains(' ') && !worded && !self.has(Trait::AmbiguousOwner) {
            let part = self.words().and_then(|w| w.labels.iter().find(|l| compound(l)));
            if part.is_some_and(|l| l.chars().count() > 5) {
                return Some(0);
            }
        }
        let vague =
            (self.has(Trait::AmbiguousOwner) && !self.is(Concept::Description)) || self.has(Trait::StrategyOnly);
        (!vague && names()).then_some(0)
    }
}

/// Returns whether two names differ only in spaces: "check in" and `checkin`.
fn same_letters(a: &str, b: &str) -> bool {
    let joined = |t: &str| t.split(' ').map(str::len).sum::<usize>();
    let letters = |t: &'_ str| t.chars().filter(|c| *c != ' ').collect::<String>();
    let apart = a.len() != b.len() && a.contains(' ') != b.contains(' ');
    apart && joined(a) > 5 && joined(a) == joined(b) && letters(a) == letters(b)
}

/// Returns whether a label consists of the first letters of a name of three words or more.
fn is_acronym(label: &str, name: &str) -> bool {
    let initials = || name.split(' ').filter_map(|w| w.chars().next());
    label.chars().count() >= 3 && label.chars().eq(initials())
}

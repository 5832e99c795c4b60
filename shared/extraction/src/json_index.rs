//! An index of a JSON page, built once for all fields: its members, outermost first, by the words of their names and by
//! the concepts that these mean. Without it, two hundred fields on a page with half a million members would take a
//! hundred million comparisons. Depends on no field.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use crate::budget::Budget;
use crate::concept::Concept;
use crate::vocabulary::{concept_of, words};

/// A member of an object.
pub(crate) struct Member<'v> {
    pub(crate) value: &'v Value,
    /// The member whose value contains it.
    pub(crate) parent: Option<usize>,
}

/// The index of a page's members.
#[derive(Default)]
pub(crate) struct Index<'v> {
    pub(crate) members: Vec<Member<'v>>,
    by_words: HashMap<String, Vec<usize>>,
    by_concept: Vec<(Concept, Vec<usize>)>,
}

impl<'v> Index<'v> {
    /// Indexes every member, until the budget is spent.
    pub(crate) fn of(page: &'v Value, budget: &Budget<'_>) -> Index<'v> {
        let mut index = Index::default();
        let mut known: HashMap<&str, (String, Option<Concept>)> = HashMap::new();
        let mut open: VecDeque<(&Value, Option<usize>)> = VecDeque::from([(page, None)]);
        while let Some((value, parent)) = open.pop_front() {
            match value {
                Value::Array(items) => {
                    open.extend(items.iter().filter(|v| v.is_array() || v.is_object()).map(|v| (v, parent)));
                }
                Value::Object(members) => {
                    for (name, value) in members {
                        if !budget.step(name.len() + 1) {
                            return index;
                        }
                        let (words, concept) = known.entry(name).or_insert_with(|| (words(name), concept_of(name)));
                        index.add(words, *concept, Member { value, parent });
                        if value.is_array() || value.is_object() {
                            open.push_back((value, Some(index.members.len() - 1)));
                        }
                    }
                }
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        index
    }

    fn add(&mut self, words: &str, concept: Option<Concept>, member: Member<'v>) {
        let at = self.members.len();
        self.members.push(member);
        match self.by_words.get_mut(words) {
            Some(all) => all.push(at),
            None => drop(self.by_words.insert(words.to_owned(), vec![at])),
        }
        let Some(concept) = concept else { return };
        match self.by_concept.iter_mut().find(|(known, _)| *known == concept) {
            Some((_, all)) => all.push(at),
            None => self.by_concept.push((concept, vec![at])),
        }
    }

    /// Returns the members named by these words and, separately, those that mean the same concept; outermost first.
    pub(crate) fn named(&self, words: &str, concept: Option<Concept>) -> (&[usize], &[usize]) {
        let own = self.by_words.get(words).map(Vec::as_slice).unwrap_or_default();
        let alike = self.by_concept.iter().find(|(known, _)| Some(*known) == concept);
        (own, alike.map(|(_, all)| all.as_slice()).unwrap_or_default())
    }
}

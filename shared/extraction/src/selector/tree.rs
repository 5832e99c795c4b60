//! The elements of a page by number, in document order, as selectors see them, and sets of them. Contents of a
//! `template` are not part of the page: they have no number, so they never match.

use ego_tree::NodeRef;
use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};

use crate::budget::Budget;

/// No element.
const NONE: u32 = u32::MAX;

/// The elements of a page.
pub(super) struct Tree<'a> {
    pub(super) elements: Vec<Numbered<'a>>,
}

/// One element.
pub(super) struct Numbered<'a> {
    pub(super) node: NodeRef<'a, Node>,
    pub(super) raw: &'a Element,
    parent: u32,
    /// The previous sibling element.
    previous_sibling: u32,
}

/// The direction of a step to another element.
#[derive(Clone, Copy)]
pub(super) enum Axis {
    Parent,
    PreviousSibling,
}

impl Numbered<'_> {
    /// Returns the number of the element on an axis.
    pub(super) fn at(&self, axis: Axis) -> Option<usize> {
        let number = match axis {
            Axis::Parent => self.parent,
            Axis::PreviousSibling => self.previous_sibling,
        };
        (number != NONE).then_some(number as usize)
    }
}

impl<'a> Tree<'a> {
    /// Numbers the elements, at one step each.
    pub(super) fn of(page: &'a Html, budget: &Budget<'_>) -> Tree<'a> {
        let mut elements: Vec<Numbered<'a>> = Vec::new();
        // The open elements with the latest child of each, below an entry for the page itself.
        let mut open: Vec<(u32, u32)> = vec![(NONE, NONE)];
        let mut template = None;
        for edge in page.tree.root().traverse() {
            match edge {
                Edge::Open(node) => {
                    let Some(raw) = node.value().as_element() else { continue };
                    if template.is_some() {
                        continue;
                    }
                    if !budget.step(1) {
                        break;
                    }
                    let number = elements.len() as u32;
                    let Some((parent, latest)) = open.last_mut() else { break };
                    elements.push(Numbered { node, raw, parent: *parent, previous_sibling: *latest });
                    *latest = number;
                    open.push((number, NONE));
                    if raw.name() == "template" {
                        template = Some(node.id());
                    }
                }
                Edge::Close(node) => {
                    if template.is_some_and(|id| id != node.id()) {
                        continue;
                    }
                    template = None;
                    if node.value().is_element() {
                        open.pop();
                    }
                }
            }
        }
        Tree { elements }
    }

    pub(super) fn len(&self) -> usize {
        self.elements.len()
    }

    /// Returns the elements for which an element of the set stands on the axis: right next to them or, with
    /// `all_along`, anywhere along it.
    pub(super) fn with_on_axis(&self, set: &Set, axis: Axis, all_along: bool) -> Set {
        let mut out = Set::empty(self.len());
        for (at, element) in self.elements.iter().enumerate() {
            // An element on an axis has a lower number, so it was visited before.
            if element.at(axis).is_some_and(|other| set.contains(other) || (all_along && out.contains(other))) {
                out.insert(at);
            }
        }
        out
    }

    /// Returns the elements that stand on the axis of an element of the set. The inverse of `with_on_axis`.
    pub(super) fn on_axis_of(&self, set: &Set, axis: Axis, all_along: bool) -> Set {
        let mut out = Set::empty(self.len());
        for (at, element) in self.elements.iter().enumerate().rev() {
            if let Some(other) = element.at(axis)
                && (set.contains(at) || (all_along && out.contains(at)))
            {
                out.insert(other);
            }
        }
        out
    }
}

/// A set of elements, one bit each.
#[derive(Clone)]
pub(super) struct Set {
    words: Vec<u64>,
    len: usize,
}

impl Set {
    pub(super) fn empty(len: usize) -> Set {
        Set { words: vec![0; len.div_ceil(64)], len }
    }

    pub(super) fn all(len: usize) -> Set {
        let mut words = vec![u64::MAX; len.div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !len.is_multiple_of(64)
        {
            *last = (1 << (len % 64)) - 1;
        }
        Set { words, len }
    }

    #[inline]
    pub(super) fn contains(&self, at: usize) -> bool {
        self.words.get(at / 64).is_some_and(|w| w >> (at % 64) & 1 == 1)
    }

    #[inline]
    pub(super) fn insert(&mut self, at: usize) {
        if let Some(word) = self.words.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, at: usize) {
        if let Some(word) = self.words.get_mut(at / 64) {
            *word &= !(1 << (at % 64));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.iter().all(|w| *w == 0)
    }

    pub(super) fn intersect(&mut self, others: &Set) {
        self.words.iter_mut().zip(&others.words).for_each(|(a, b)| *a &= b);
    }

    pub(super) fn union(&mut self, others: &Set) {
        self.words.iter_mut().zip(&others.words).for_each(|(a, b)| *a |= b);
    }

    /// Returns the elements that are not in the set.
    pub(super) fn complement(&self) -> Set {
        let mut all = Set::all(self.len);
        all.words.iter_mut().zip(&self.words).for_each(|(a, b)| *a &= !b);
        all
    }

    /// Yields the numbers of the elements, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let rest = std::iter::successors(Some(*word), |w| Some(w & w.wrapping_sub(1)));
            rest.take_while(|w| *w != 0).map(move |w| at * 64 + w.trailing_zeros() as usize)
        })
    }
}

//! Builds a [`Doc`] from a tree: one iterative walk that records the elements, their texts and marks in order.

use ego_tree::iter::Edge;
use scraper::Html;
use scraper::node::{Element, Node};

use super::marks::{Attributes, push_marks};
use super::write::{break_line, is_block, is_silent, push_text};
use super::{Doc, El, MAX_ELEMENTS};
use crate::budget::Budget;
use crate::phrases::Phrases;
use crate::zones::{self, Zone};

/// Maximum length of a heading above unrelated things, in bytes.
const MAX_HEADING: usize = 120;

impl<'a> Doc<'a> {
    pub(super) fn flat(page: &'a Html, budget: Option<&'a Budget<'a>>) -> Doc<'a> {
        let mut doc = Doc { budget, ..Doc::default() };
        let mut open: Vec<usize> = Vec::new();
        // Depth within an element whose text is not shown.
        let mut silent = 0usize;
        for edge in page.tree.root().traverse() {
            match edge {
                Edge::Open(node) => match node.value() {
                    Node::Element(raw) => {
                        if doc.els.len() >= MAX_ELEMENTS || !budget.is_none_or(|b| b.step(1)) {
                            break;
                        }
                        doc.open(raw, &mut open, &mut silent);
                    }
                    Node::Text(text) if silent == 0 => push_text(&mut doc.text, text, &mut doc.source_breaks),
                    _ => {}
                },
                Edge::Close(node) => {
                    if node.value().is_element() {
                        doc.close(&mut open, &mut silent);
                    }
                }
            }
        }
        while !open.is_empty() {
            doc.close(&mut open, &mut silent);
        }
        doc.heading = main_heading(&doc);
        mark_related(&mut doc);
        doc
    }

    fn open(&mut self, raw: &'a Element, open: &mut Vec<usize>, silent: &mut usize) {
        let name = raw.name();
        if *silent > 0 || is_silent(name) {
            *silent += 1;
        } else if is_block(name) {
            self.breaks += usize::from(break_line(&mut self.text));
        }
        let at = self.els.len();
        let parent = open.last().copied().unwrap_or(at);
        let mark_from = self.marks.len();
        let attributes = Attributes::of(raw);
        if *silent == 0 {
            push_marks(&mut self.marks, &attributes.marks);
        }
        let above = self.els.get(parent).map_or(Zone::default(), |p| p.zone);
        let zone = zones::of(name, attributes.role, attributes.hidden, &self.marks[mark_from..], above);
        let from = self.text.len();
        let mark_to = self.marks.len();
        let (breaks, spaced) = (self.breaks, self.text.ends_with(' '));
        self.els.push(El { raw, parent, end: at + 1, from, to: from, mark_from, mark_to, breaks, spaced, zone });
        open.push(at);
    }

    fn close(&mut self, open: &mut Vec<usize>, silent: &mut usize) {
        let Some(at) = open.pop() else { return };
        let count = self.els.len();
        if let Some(el) = self.els.get_mut(at) {
            (el.end, el.to) = (count, self.text.len().max(el.from));
            let own = self.text.get(el.from..).unwrap_or_default();
            let moved = el.spaced && self.text.as_bytes().get(el.from.wrapping_sub(1)) == Some(&b'\n');
            let edges = usize::from(own.starts_with('\n'))
                + usize::from(own.len() > 1 && own.ends_with('\n'))
                + usize::from(moved);
            el.breaks = (self.breaks - el.breaks).saturating_sub(edges);
            if *silent > 0 {
                *silent -= 1;
            } else if is_block(el.raw.name()) {
                self.breaks += usize::from(break_line(&mut self.text));
            }
        }
    }
}

/// Marks what stands below a heading that announces other things: "You may also like".
fn mark_related(doc: &mut Doc<'_>) {
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let heads = matches!(el.name(), "h2" | "h3" | "h4" | "h5" | "h6");
        if !heads || el.zone.has(Zone::RELATED) || !(4..=MAX_HEADING).contains(&doc.text_len(at)) {
            continue;
        }
        let says = doc.lines(at).to_lowercase();
        if Phrases::Related.has(says.trim_end_matches([':', '.', '…', '!', '?', ' ']))
            && let Some((_, range)) = doc.below_heading(at)
        {
            for el in doc.els.get_mut(range).unwrap_or_default() {
                el.zone = el.zone.with(Zone::RELATED);
            }
        }
    }
}

/// Returns the heading that names the page: the first `h1` with text outside the surroundings, otherwise the first one.
fn main_heading(doc: &Doc<'_>) -> Option<usize> {
    let mut first = None;
    for (at, el) in doc.els.iter().enumerate() {
        if el.name() == "h1" && doc.text_len(at) > 1 {
            if !el.zone.is_surroundings() {
                return Some(at);
            }
            first = first.or(Some(at));
        }
    }
    first
}

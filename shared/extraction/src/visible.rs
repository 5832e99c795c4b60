//! Labels and their values on the visible page: tables, definition lists, "Label: value" lines. The least trusted
//! source, asked only for labels that are equal to a field's name.

use scraper::{ElementRef, Html};

use crate::html;
use crate::vocabulary::words;

/// Most pairs that are collected.
const MAX_PAIRS: usize = 2_000;
/// Longest label, in characters.
const MAX_LABEL: usize = 60;

/// Normalised label and its value, in document order.
pub(crate) fn pairs(page: &Html) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for element in page.tree.nodes().filter_map(ElementRef::wrap) {
        if found.len() >= MAX_PAIRS {
            break;
        }
        match element.value().name() {
            "th" | "td" => {
                // The first cell of a row of two names the second.
                if element.prev_siblings().any(|s| s.value().is_element()) {
                    continue;
                }
                let mut rest = element.next_siblings().filter_map(ElementRef::wrap);
                if let (Some(cell), None) = (rest.next(), rest.next())
                    && cell.value().name() == "td"
                {
                    add(&mut found, &html::text(element), &html::text(cell));
                }
            }
            "dt" => {
                let next = element.next_siblings().find_map(ElementRef::wrap);
                if let Some(value) = next.filter(|n| n.value().name() == "dd") {
                    add(&mut found, &html::text(element), &html::text(value));
                }
            }
            // Only what is short and holds no blocks: a line of its own.
            "li" | "p" | "span" | "div" if element.descendants().take(12).count() < 12 => {
                let line = html::text(element);
                if line.chars().count() <= 200
                    && let Some((label, value)) = line.split_once(':')
                {
                    add(&mut found, label, value);
                }
            }
            _ => {}
        }
    }
    found
}

fn add(found: &mut Vec<(String, String)>, label: &str, value: &str) {
    let (label, value) = (words(label.trim_end_matches([':', ' '])), value.trim());
    if !label.is_empty() && label.chars().count() <= MAX_LABEL && !value.is_empty() {
        found.push((label, value.to_owned()));
    }
}

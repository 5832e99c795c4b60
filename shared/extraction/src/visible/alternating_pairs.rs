//! Finds labels that alternate with their values: children of one element with two marks in turn, one for labels and
//! one for values.

use crate::doc::Doc;

use super::pairs::{MAX_LABEL, MAX_VALUE, Pairs};

/// Maximum number of children examined.
const MAX_CHILDREN: usize = 80;

/// Adds the pairs among an element's children.
pub(super) fn collect(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let name = doc.els[at].name();
    if matches!(name, "table" | "tbody" | "thead" | "tr" | "dl" | "select" | "ol" | "html") {
        return;
    }
    let key = |child: usize| (doc.els[child].name(), doc.marks(child));
    let mut children = doc.children(at);
    let (Some(a), Some(b), Some(c), Some(d)) = (children.next(), children.next(), children.next(), children.next())
    else {
        return;
    };
    let name = |child: usize| doc.els[child].name();
    if name(a) != name(c) || name(b) != name(d) {
        return;
    }
    let (first, second) = (key(a), key(b));
    if first == second || key(c) != first || key(d) != second || first.0 == "br" || second.0 == "br" {
        return;
    }
    let all: Vec<usize> = doc.children(at).take(MAX_CHILDREN).collect();
    let labels = all.iter().step_by(2).all(|l| (1..=MAX_LABEL).contains(&doc.text_len(*l)) && doc.is_line(*l));
    let alternate = all.chunks(2).all(|pair| match pair {
        [label, value] => key(*label) == first && key(*value) == second && !doc.has_text_between(*label, *value),
        _ => false,
    });
    if !labels || !alternate {
        return;
    }
    for pair in all.chunks_exact(2) {
        if doc.text_len(pair[1]) <= MAX_VALUE {
            pairs.add(pair[0], &doc.text(pair[0]), vec![doc.lines(pair[1]).to_owned()], "label and value in turn", 0);
        }
    }
}

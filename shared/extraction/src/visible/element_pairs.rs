//! Finds labels and their values in all forms: table rows, definition lists, "Label: value" lines, a short element
//! followed by another, attributes that hold the label, "Serves 4" and "4 servings".

use crate::doc::Doc;
use crate::zones::Zone;

use super::pairs::{HEADING_ABOVE, MAX_LABEL, MAX_VALUE, Pairs, is_time_of_day};
use super::{alternating_pairs, icons};

/// Maximum length of a piece of a line that is a fact of its own without a label, in bytes.
const MAX_PIECE: usize = 32;
/// Class words of elements that hold a label.
const LABEL_MARKS: [&str; 12] =
    ["label", "key", "term", "property", "attribute", "attr", "caption", "heading", "name", "title", "header", "th"];

/// Collects the pairs that elements and lines set apart.
pub(super) fn collect(doc: &Doc<'_>) -> Pairs {
    let mut pairs = Pairs::default();
    for at in 0..doc.els.len() {
        if pairs.is_full() {
            break;
        }
        let el = &doc.els[at];
        if el.zone.has(Zone::NAV) || el.zone.has(Zone::RELATED) || el.zone.has(Zone::COMMENTS) {
            continue;
        }
        let size = doc.text_len(at);
        match el.name() {
            "tr" => add_row(doc, at, &mut pairs),
            "dt" if size <= MAX_VALUE => {
                let mut values = Vec::new();
                let mut next = doc.next_sibling(at);
                while let Some(dd) = next.filter(|n| doc.els[*n].name() == "dd" && values.len() < 50) {
                    values.push(doc.lines(dd).to_owned());
                    next = doc.next_sibling(dd);
                }
                pairs.add(at, &doc.text(at), values, "definition", 6);
            }
            "table" => add_columns(doc, at, &mut pairs),
            "i" | "span" | "em" if size == 0 => icons::add_element(doc, at, &mut pairs),
            _ if (2..=MAX_VALUE * 8).contains(&size) => {
                // On a control, an `aria-label` says what the control is for.
                let uses_aria_label =
                    !matches!(el.name(), "a" | "button" | "section" | "nav" | "ul" | "form" | "input");
                for name in ["data-label", "data-title", "data-th", "aria-label"]
                    .into_iter()
                    .take(3 + usize::from(uses_aria_label))
                {
                    if let Some(label) = el.attr(name).filter(|l| l.len() <= MAX_LABEL) {
                        pairs.add(at, label, vec![doc.text(at)], "attribute", 0);
                    }
                }
                alternating_pairs::collect(doc, at, &mut pairs);
                if size <= MAX_LABEL {
                    add_element(doc, at, &mut pairs);
                }
                if size <= MAX_VALUE {
                    add_lines(doc, at, &mut pairs);
                }
            }
            _ => {}
        }
    }
    pairs
}

/// Adds the pairs of a row: a label and its value, or two labels with a value each.
fn add_row(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let cells: Vec<usize> = doc.children(at).take(9).collect();
    // A row that lays out the page is not one.
    if doc.text_len(at) > MAX_VALUE * 8 {
        return;
    }
    match cells[..] {
        [label, value] => {
            pairs.add(at, &doc.text(label), vec![doc.lines(value).to_owned()], "table row", 6);
            // "Weight", and below it "net".
            if let Some((first, _)) = doc.lines(label).split_once('\n') {
                pairs.add(at, first, vec![doc.lines(value).to_owned()], "table row", 4);
            }
        }
        [a, b, c, d] if is_label(doc, a) && is_label(doc, c) && !is_label(doc, b) && !is_label(doc, d) => {
            pairs.add(at, &doc.text(a), vec![doc.text(b)], "table row", 4);
            pairs.add(at, &doc.text(c), vec![doc.text(d)], "table row", 4);
        }
        // A label with several values; empty cells are ignored.
        [label, ref rest @ ..] if doc.els[label].name() == "th" && rest.len() > 1 => {
            pairs.add(at, &doc.text(label), rest.iter().map(|c| doc.text(*c)).collect(), "table row", -2);
        }
        _ => {}
    }
}

/// Returns whether a cell is a label: by its element, its class, or a colon at its end.
fn is_label(doc: &Doc<'_>, cell: usize) -> bool {
    doc.els[cell].name() == "th" || doc.lines(cell).ends_with(':') || doc.has_mark(cell, "label")
}

/// Adds the columns of a table whose first row names them: each is a list, or a value if there is only one more row.
fn add_columns(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let rows: Vec<usize> = doc.descendants(at).filter(|i| doc.els[*i].name() == "tr").take(1_001).collect();
    let Some((head, body)) = rows.split_first() else { return };
    let heads: Vec<usize> = doc.children(*head).take(31).collect();
    if body.is_empty() || heads.len() < 2 || heads.len() > 30 || !heads.iter().all(|h| doc.els[*h].name() == "th") {
        return;
    }
    let mut columns = vec![Vec::new(); heads.len()];
    for row in body {
        let cells: Vec<usize> = doc.children(*row).take(31).collect();
        if cells.len() == heads.len() {
            for (column, cell) in columns.iter_mut().zip(cells) {
                column.push(doc.text(cell));
            }
        }
    }
    for (head, column) in heads.iter().zip(columns) {
        pairs.add(*head, &doc.text(*head), column, "table column", 2);
    }
}

/// Adds a short element that labels what stands beside it.
fn add_element(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let el = &doc.els[at];
    if !doc.is_line(at) || matches!(el.name(), "a" | "button" | "option" | "td" | "li" | "html" | "body") {
        return;
    }
    let text = doc.lines(at);
    let colon = text.ends_with([':', '：']);
    let is_heading = el.name() == "h2";
    if is_heading && text.bytes().any(|b| b.is_ascii_digit()) {
        return;
    }
    let marks = doc.marks(at);
    let marked = LABEL_MARKS.iter().any(|m| crate::doc::has_words(marks, m));
    let bold = matches!(el.name(), "strong" | "b" | "label" | "th" | "h2" | "h3" | "h4" | "h5" | "h6");
    // Text right after a label is its value, rather than the element after that.
    if let Some(next) = doc.next_sibling(at).filter(|next| !doc.has_text_between(at, *next)) {
        let value = doc.lines(next).to_owned();
        if !value.is_empty() && value.len() <= MAX_VALUE && (colon || marked || bold) {
            let trust = if colon {
                5
            } else if marked {
                3
            } else {
                0
            };
            let form = if colon { "element with a colon" } else { "element before another" };
            let form = if is_heading { HEADING_ABOVE } else { form };
            pairs.add(at, text, vec![value], form, trust);
            return;
        }
        // Two short elements alone in a third.
        if doc.next_sibling(next).is_none()
            && doc.children(el.parent).next() == Some(at)
            && (1..=120).contains(&value.len())
            && doc.is_line(next)
        {
            pairs.add(at, text, vec![value.clone()], "first of two elements", -6);
            // An element with a label of its own is not a label.
            if !value.contains([':', '：']) {
                pairs.add(at, &value, vec![doc.text(at)], "second of two elements", -10);
            }
            return;
        }
    }
    if colon || marked || bold {
        let rest = crate::coercion::collapse(doc.text_after(at).lines().next().unwrap_or_default());
        let rest = rest.trim_start_matches([':', ' ', '–', '-']).to_owned();
        if !rest.is_empty() && rest.len() <= MAX_VALUE {
            let form = if is_heading { HEADING_ABOVE } else { "element before text" };
            pairs.add(at, text, vec![rest], form, if colon { 5 } else { 1 });
        } else if (colon || marked)
            && doc.text_len(el.parent) <= doc.text_len(at) + 2
            && let Some(next) = doc.next_sibling(el.parent)
        {
            // A label wrapped alone: its value comes after the wrapper.
            let value = doc.lines(next).to_owned();
            if value.len() <= MAX_VALUE {
                pairs.add(at, text, vec![value], "wrapped label", 1);
            }
        }
    }
}

/// Adds the lines of an element that are a label and its value by themselves.
fn add_lines(doc: &Doc<'_>, at: usize, pairs: &mut Pairs) {
    let el = &doc.els[at];
    if !crate::doc::is_block(el.name()) && !matches!(el.name(), "span" | "b" | "strong" | "em" | "small") {
        return;
    }
    // Only for elements without blocks inside: the lines of those are handled with them.
    if crate::doc::holds_blocks(doc, at) {
        return;
    }
    for line in doc.lines(at).lines().take(40).flat_map(pieces) {
        icons::add_line(at, line, pairs);
        if let Some((label, value)) = line.split_once([':', '：']) {
            let value = crate::coercion::collapse(value);
            // Times of day and addresses are not pairs.
            if !value.is_empty() && !value.starts_with("//") && !is_time_of_day(label, &value) {
                pairs.add(at, label, vec![value], "line with a colon", 2);
            }
        } else if line.len() <= 48
            && let Some(digit) = line.find(|c: char| c.is_ascii_digit() || "½¼¾⅓⅔".contains(c))
        {
            // Signs that belong to a number stand right before it: "+49", "(555)", "$5".
            let sign = line[..digit].trim_end_matches(|c: char| "+(-−$€£¥#".contains(c)).len();
            // So do the letters of a code: "AB-1234".
            let word = line[..digit].trim_end_matches(|c: char| !c.is_whitespace()).len();
            let coded = |t: &str| {
                !t.is_empty() && t.len() <= 8 && t.chars().all(|c| c.is_ascii_uppercase() || "-/._#+(".contains(c))
            };
            let start = if word > 0 && coded(&line[word..digit]) { word } else { sign };
            let (label, value) = line.split_at(start);
            if label.trim().is_empty() {
                let unit = value.trim_start_matches(|c: char| !c.is_alphabetic());
                pairs.add(at, unit, vec![value.to_owned()], "number with a unit", -8);
            } else {
                pairs.add(at, label, vec![value.to_owned()], "words and a number", -4);
            }
        }
    }
}

/// Returns the parts of a line that dots or bars separate, if they are facts of their own: labelled, or all short.
fn pieces(line: &str) -> Vec<&str> {
    if !line.contains(['·', '•', '|']) {
        return vec![line];
    }
    let pieces: Vec<&str> = line.split(['·', '•', '|']).map(str::trim).filter(|p| !p.is_empty()).collect();
    let labelled = pieces.iter().filter(|p| p.contains([':', '：'])).count();
    let short = pieces.iter().all(|p| p.len() <= MAX_PIECE);
    let facts = pieces.len() > 1 && (labelled > 1 || labelled == 0 && short);
    if facts { pieces } else { vec![line] }
}

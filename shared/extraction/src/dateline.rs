//! Reads lines that say when a page was published and when it was changed. Finds the part of a line that is about
//! publication, and the part that is about a change.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::phrases::Phrases;

/// Finds the words of both kinds in one pass. Never `None`: the words are few and fixed.
static WORDS: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(Phrases::Changed.all().chain(Phrases::Published.all())).ok());

/// Yields every word of either kind in a text in lower case, including overlapping ones, in the order of their ends.
fn words(text: &str) -> impl Iterator<Item = Label> {
    WORDS.as_ref().into_iter().flat_map(move |words| words.find_overlapping_iter(text)).map(|found| Label {
        from: found.start(),
        to: found.end(),
        changed: found.pattern().as_usize() < Phrases::Changed.all().count(),
    })
}

/// Returns whether a text, in lower case, mentions a change, and whether it mentions publication.
pub(crate) fn mentions(text: &str) -> (bool, bool) {
    words(text).fold((false, false), |(changed, published), word| (changed || word.changed, published || !word.changed))
}

/// A word of either kind in a text.
#[derive(Clone, Copy)]
struct Label {
    from: usize,
    to: usize,
    changed: bool,
}

/// Returns the words of both kinds in order. Of consecutive words of one kind without a digit between them, keeps only
/// the first.
fn labels(text: &str) -> Vec<Label> {
    let mut all: Vec<Label> = words(text).collect();
    all.sort_by_key(|l| (l.from, std::cmp::Reverse(l.to)));
    let digit = |from: usize, to: usize| text.get(from..to).is_some_and(|t| t.chars().any(char::is_numeric));
    all.dedup_by(|next, last| next.from < last.to || (next.changed == last.changed && !digit(last.to, next.from)));
    all
}

/// Returns the end of a text from its last word of either kind.
pub(crate) fn since_last_label(text: &str) -> &str {
    labels(text).last().map_or(text, |label| &text[label.from..])
}

/// Returns the part of a text with several days that is about publication, or about a change, in lower case. Returns
/// `None` if the text has only one day, or none of the requested kind.
pub(crate) fn part_about(text: &str, changed: bool) -> Option<String> {
    let text = text.to_lowercase();
    let labels = labels(&text);
    let (first, last) = (labels.first()?, labels.last()?);
    let digit = |t: &str| t.chars().any(char::is_numeric);
    let head = &text[..first.from];
    // "Updated 6 June", but also "6月6日 更新": the word stands before its day, or after it.
    let before = digit(&text[last.to..]);
    if labels.len() < 2 && !(before && digit(head)) {
        return None;
    }
    let parts: Vec<(bool, &str)> = labels
        .iter()
        .enumerate()
        .map(|(i, label)| {
            let part = if before {
                &text[label.from..labels.get(i + 1).map_or(text.len(), |next| next.from)]
            } else {
                &text[i.checked_sub(1).map_or(0, |i| labels[i].to)..label.to]
            };
            (label.changed, part)
        })
        .collect();
    let own = parts.iter().find(|(c, part)| *c == changed && digit(part)).map(|(_, part)| *part);
    // "5 May 2024 (updated 6 June 2024)": a day without a word is the day of publication.
    own.or_else(|| (!changed && before && digit(head)).then_some(head)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_days_on_a_line_are_distinguished() {
        for (text, published, changed) in [
            ("Published: 5 May 2024 | Updated: 6 June 2024", "5 may 2024", "6 june 2024"),
            ("Updated 6 June 2024 · Published 1 May 2024", "1 may 2024", "6 june 2024"),
            ("5 May 2024 (updated 6 June 2024)", "5 may 2024", "6 june 2024"),
            ("Posted May 5, 2024, last updated June 6, 2024", "may 5, 2024", "june 6, 2024"),
            ("Veröffentlicht am 5. Mai 2024, aktualisiert am 6. Juni 2024", "5. mai 2024", "6. juni 2024"),
            ("Publié le 5 mai 2024 - Mis à jour le 6 juin 2024", "5 mai 2024", "6 juin 2024"),
            ("Publicado: 05/05/2024. Actualizado: 06/06/2024", "05/05/2024", "06/06/2024"),
            ("Pubblicato il 5 maggio 2024; aggiornato il 6 giugno 2024", "5 maggio 2024", "6 giugno 2024"),
            ("Опубликовано 05.05.2024, обновлено 06.06.2024", "05.05.2024", "06.06.2024"),
            ("2024年5月5日 公開 2024年6月6日 更新", "5月5日", "6月6日"),
            ("公開日：2024年5月5日 更新日：2024年6月6日", "5月5日", "6月6日"),
            ("Created 2024-05-05, modified 2024-06-06", "2024-05-05", "2024-06-06"),
        ] {
            let (one, two) = (part_about(text, false).unwrap_or_default(), part_about(text, true).unwrap_or_default());
            assert!(one.contains(published) && !one.contains(changed), "{text}: {one}");
            assert!(two.contains(changed) && !two.contains(published), "{text}: {two}");
        }
        for text in ["5 May 2024", "Updated 6 June 2024", "Published 5 May 2024", "", "updated"] {
            assert_eq!((part_about(text, false), part_about(text, true)), (None, None), "{text}");
        }
        assert_eq!(since_last_label("updated 6 june 2024 · published "), "published ");
    }
}

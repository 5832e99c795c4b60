//! Yes and no, by meaning. What is not clear is neither.

use super::answers::{ANSWERS_NO, ANSWERS_YES, DENIALS, NO, SOON, YES};
use super::calendar::{month_named, phrases};

/// How many words before a promise may deny it: "is not yet available".
const REACH: usize = 3;
/// Longest text that is taken for an answer rather than for prose.
const LONGEST: usize = 80;

/// Whether a text says yes or no.
pub(super) fn read(text: &str) -> Option<bool> {
    if text.chars().count() > LONGEST {
        return None;
    }
    if let Some(answer) = super::availability::read(text) {
        return Some(answer);
    }
    let lower = text.to_lowercase().replace('’', "'");
    // schema.org's terms come as URLs.
    let term = lower.rsplit(['/', '#']).next().unwrap_or(&lower).trim();
    let term = if lower.contains("schema.org") { term } else { lower.as_str() };
    let term = term.trim_matches(|c: char| c.is_whitespace() || ".,:;!()[]\"'".contains(c));
    let is = |list: &[&str]| list.contains(&term);
    if is(ANSWERS_NO) || is(NO) {
        return Some(false);
    }
    if is(ANSWERS_YES) || is(YES) {
        return Some(true);
    }
    // "No, sold apart", but neither "non-stick" nor "no sugar"; "Yes (2 pieces)".
    let first = term.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let set_apart = term.get(first.len()..).is_some_and(|r| {
        r.starts_with([',', '.', ';', ':', '!', '('])
            || r.starts_with(" (")
            || r.starts_with(" -")
            || r.starts_with(" –")
    });
    if ANSWERS_NO.contains(&first) && set_apart {
        return Some(false);
    }
    if ANSWERS_YES.contains(&first) && (set_apart || first.chars().count() > 2) {
        return Some(true);
    }
    // Within a longer text a refusal beats a promise: "not available", "currently out of stock".
    let mut promise = None;
    if NO.iter().any(|p| long(p) && stands(term, p).is_some() || is_mark(p) && term.contains(p)) {
        return Some(false);
    }
    for phrase in YES.iter().filter(|p| long(p) || is_mark(p)) {
        let found = if is_mark(phrase) { term.find(phrase) } else { stands(term, phrase) };
        let Some(at) = found else { continue };
        let (before, after) = (&term[..at], &term[at + phrase.len()..]);
        if is_denied(before, after) {
            return Some(false);
        }
        if is_later(before, after) {
            return None;
        }
        promise = Some(true);
    }
    // A denial elsewhere in the text leaves it open.
    promise.filter(|_| !term.split(|c: char| !c.is_alphanumeric() && c != '\'').any(is_denial))
}

fn long(phrase: &str) -> bool {
    phrase.chars().count() > 2
}

fn is_mark(p: &str) -> bool {
    p.chars().all(|c| !c.is_alphanumeric())
}

fn is_denial(word: &str) -> bool {
    DENIALS.contains(&word) || word.ends_with("n't")
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty())
}

/// Whether a promise is denied by the words right before it, in the same part of the sentence, or by the one behind.
fn is_denied(before: &str, after: &str) -> bool {
    let part = before.rsplit([',', ';', '.', '(', ':', '|']).next().unwrap_or(before);
    let behind = words(after).next().is_some_and(|w| matches!(w, "değil" | "yok"));
    behind || words(part).rev().take(REACH).any(is_denial)
}

/// Whether a promise is for a later time: "available in 3 weeks", "available from 4 March", "in stock soon". Days are
/// what a delivery takes.
fn is_later(before: &str, after: &str) -> bool {
    if SOON.iter().any(|s| stands(before, s).is_some() || stands(after, s).is_some()) {
        return true;
    }
    let next: Vec<&str> = words(after).take(4).collect();
    if next.iter().take(3).any(|w| long(w) && month_named(w).is_some()) {
        return true;
    }
    let number = |w: &&str| w.starts_with(|c: char| c.is_ascii_digit()) || phrases("one").contains(w);
    let Some(at) = next.iter().take(3).position(number) else { return false };
    let unit = next
        .iter()
        .skip(at)
        .map(|w| w.trim_start_matches(|c: char| c.is_ascii_digit()))
        .find(|w| !w.is_empty() && !phrases("one").contains(w));
    let is = |key: &str| unit.is_some_and(|u| phrases(key).iter().any(|s| s.chars().count() > 2 && u.starts_with(s)));
    is("weeks") || is("months")
}

/// Where `phrase` stands in `text` at word boundaries; scripts that do without spaces have none.
fn stands(text: &str, phrase: &str) -> Option<usize> {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let wide = phrase.chars().all(|c| c > '\u{2e7f}');
    text.match_indices(phrase)
        .find(|(at, _)| {
            wide || (edge(text[..*at].chars().next_back()) && edge(text[at + phrase.len()..].chars().next()))
        })
        .map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn answers() {
        for yes in [
            "✓ Verified",
            "In stock",
            "YES",
            "true",
            "http://schema.org/InStock",
            "InStock",
            "Only 3 left, in stock",
            "auf Lager",
            "Disponible",
            "✅",
            "Available!",
            "Yes (2 pieces)",
            "Yes, dishwasher safe",
            "Lieferbar in 2-3 Tagen",
            "available in 5 colors",
            "在庫ありです",
        ] {
            assert_eq!(read(yes), Some(true), "{yes}");
        }
        for no in [
            "Out of stock",
            "Sold out",
            "not available",
            "Currently unavailable",
            "no",
            "OutOfStock",
            "https://schema.org/SoldOut",
            "✗",
            "not verified",
            "Nicht auf Lager",
            "Rupture de stock",
            "This item isn't available",
            "Isn’t available",
            "We don't have it in stock",
            "not yet available",
            "No, sold separately",
            "ist nicht mehr lieferbar",
            "n'est pas disponible",
            "no está disponible",
            "non è disponibile",
            "não está disponível",
            "niet leverbaar, niet beschikbaar, niet op voorraad",
            "nie jest dostępny",
            "ei saatavilla",
            "не доступно, нет в наличии",
            "品切れです",
        ] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for unclear in [
            "",
            "perhaps",
            "Non-stick",
            "non-toxic coating",
            "No sugar",
            "50% off",
            "Never dull",
            "Available in 3 weeks",
            "available in about a month",
            "Lieferbar in 3 Wochen",
            "Disponible dans 2 semaines",
            "disponible en 2 semanas",
            "Available from March 12",
            "Verfügbar ab 12. März",
            "Back in stock soon",
            "Demnächst verfügbar",
            "Bientôt disponible",
            "stock",
            "2",
            "not sure whether it is available yet or so they said in the shop when we asked them about it",
        ] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }
}

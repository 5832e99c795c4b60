//! Yes and no, by meaning. What is not clear is neither.

use super::answers::{ANSWERS_NO, ANSWERS_YES, DENIALS, NO, SOON, YES};
use super::calendar::{month_named, phrases};
use super::digits;
use super::stock_words::{FEW, LEFT, NEARLY, REQUESTS, STOCK};

/// How many words before a promise may deny it: "is not yet available".
const REACH: usize = 3;
/// Longest text that is taken for an answer rather than for prose.
const LONGEST: usize = 80;

/// Whether a text says yes or no.
pub(crate) fn read(text: &str) -> Option<bool> {
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
    let spelled: String = term.chars().map(digits::digit).collect();
    let term = spelled.trim_matches(|c: char| c.is_whitespace() || ".,:;!()[]\"'".contains(c));
    let is = |list: &[&str]| list.contains(&term);
    if is(ANSWERS_NO) || is(NO) {
        return Some(false);
    }
    if is(ANSWERS_YES) || is(YES) {
        return Some(true);
    }
    asked_and_answered(term).or_else(|| first_word(term)).or_else(|| counted(term)).unwrap_or_else(|| said(term))
}

/// "In stock: No", "Sold out? No", "Stock: 0": what a label asks, and its answer. `Some(None)` where both are there and
/// nobody can tell what they mean together.
fn asked_and_answered(term: &str) -> Option<Option<bool>> {
    let (label, answer) = term.split_once([':', '?', '：', '？', '='])?;
    let (label, answer) = (label.trim(), answer.trim());
    if let Some(count) = count(answer) {
        let asks = STOCK.contains(&label) || YES.contains(&label) || LEFT.iter().any(|w| stands(label, w).is_some());
        return asks.then_some(Some(count > 0));
    }
    let yes = if ANSWERS_YES.contains(&answer) || is_mark(answer) && YES.contains(&answer) {
        true
    } else if ANSWERS_NO.contains(&answer) || is_mark(answer) && NO.contains(&answer) {
        false
    } else {
        return None;
    };
    Some(Some(said(label).unwrap_or(true) == yes))
}

/// "No, sold apart", but neither "non-stick" nor "no sugar"; "Yes (2 pieces)".
fn first_word(term: &str) -> Option<Option<bool>> {
    let first = term.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let set_apart = term.get(first.len()..).is_some_and(|r| {
        r.starts_with([',', '.', ';', ':', '!', '('])
            || r.starts_with(" (")
            || r.starts_with(" -")
            || r.starts_with(" –")
    });
    // "0.5 l" and "1.2 kg" answer nothing.
    let digits = first.bytes().all(|b| b.is_ascii_digit());
    if ANSWERS_NO.contains(&first) && set_apart && !digits {
        return Some(Some(false));
    }
    let yes = ANSWERS_YES.contains(&first) && !digits && (set_apart || first.chars().count() > 2);
    yes.then_some(Some(true))
}

/// The number that a word is, or `zero`.
fn count(word: &str) -> Option<u64> {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let rest = word[digits.len()..].trim_start_matches(['+', '.']).trim();
    let unit = rest.is_empty() || LEFT.contains(&rest) || STOCK.contains(&rest);
    if word == "zero" { Some(0) } else { digits.parse().ok().filter(|_| unit) }
}

/// "0 in stock", "3 left", "Only 3 left in stock": a count beside a word for what is there.
fn counted(term: &str) -> Option<Option<bool>> {
    let at = term.find(|c: char| c.is_ascii_digit()).or_else(|| stands(term, "zero"))?;
    let digits: String = term[at..].chars().take_while(char::is_ascii_digit).collect();
    let (before, after) = (term[..at].trim_end(), &term[at + digits.len()..]);
    let part = after.starts_with(['.', ',', '%', '/', '-']) && after[1..].starts_with(|c: char| c.is_ascii_digit());
    if part || after.starts_with('%') {
        return None;
    }
    let zero = digits.bytes().all(|b| b == b'0');
    let after = if digits.is_empty() { after.strip_prefix("zero")? } else { after }.trim_start_matches(['+', ' ']);
    let begins = |words: &[&str]| words.iter().any(|w| long(w) && stands(after, w).is_some_and(|at| at <= 16));
    let ends = |words: &[&str]| words.iter().any(|w| before.ends_with(w) && stands(before, w).is_some());
    if zero {
        return (begins(YES) || begins(LEFT) || begins(STOCK) || ends(LEFT) || ends(STOCK)).then_some(Some(false));
    }
    // What cannot be had or comes later is said in words: "3 sold out", "in stock in 3 weeks".
    let worded = NO.iter().any(|w| long(w) && stands(term, w).is_some());
    ((begins(LEFT) || ends(LEFT)) && !worded && !is_later(before, after)).then_some(Some(true))
}

/// What a text says in words. A refusal beats a promise ("not available", "currently out of stock"), unless it is
/// itself denied or not there yet ("not sold out", "almost sold out").
fn said(term: &str) -> Option<bool> {
    if REQUESTS.iter().any(|w| stands(term, w).is_some()) {
        return Some(false);
    }
    let mut promise = None;
    for phrase in NO {
        if is_mark(phrase) && term.contains(phrase) {
            return Some(false);
        }
        for at in places(term, phrase).filter(|_| long(phrase)) {
            let before = &term[..at];
            if !(is_nearly(before) || is_denied(before, "")) {
                return Some(false);
            }
            promise = Some(true);
        }
    }
    if promise.is_some() || FEW.iter().any(|w| stands(term, w).is_some()) {
        return Some(true);
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

/// Whether the words right before a refusal say that it is not there yet.
fn is_nearly(before: &str) -> bool {
    let wide = NEARLY.iter().any(|w| w.starts_with(|c: char| c > '\u{2e7f}') && before.trim_end().ends_with(w));
    wide || words(before).rev().take(2).any(|w| NEARLY.contains(&w))
}

fn long(phrase: &str) -> bool {
    phrase.chars().count() > 2 || phrase.chars().all(|c| c > '\u{2e7f}')
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
    places(text, phrase).next()
}

fn places<'t>(text: &'t str, phrase: &'t str) -> impl Iterator<Item = usize> + 't {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    let wide = phrase.chars().all(|c| c > '\u{2e7f}' || c == ' ' || ('\u{e00}'..='\u{e7f}').contains(&c));
    text.match_indices(phrase).map(|(at, _)| at).filter(move |at| {
        wide || (edge(text[..*at].chars().next_back()) && edge(text[at + phrase.len()..].chars().next()))
    })
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
            "Almost sold out",
            "Not sold out",
            "Nearly out of stock",
            "Fast ausverkauft",
            "Noch nicht ausverkauft",
            "Presque épuisé",
            "Casi agotado",
            "Bijna uitverkocht",
            "Почти распродано",
            "Only 3 left",
            "3 left",
            "Only 1 left in stock",
            "12 in stock",
            "Nur noch 3 Stück",
            "Nur noch 3 auf Lager",
            "Plus que 2 en stock",
            "Quedan 4",
            "残り3点",
            "残りわずか",
            "Last 2 pieces",
            "Low stock",
            "Stock: 12",
            "Sold out: No",
            "In stock: yes",
            "Vegan: ✓",
            "Availability: 5 pcs",
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
            "0 in stock",
            "0 left",
            "0 left in stock",
            "Stock: 0",
            "In stock: 0",
            "In stock: No",
            "Available: no",
            "Vegan: ✗",
            "Zero in stock",
            "0 Stück auf Lager",
            "0 en stock",
            "0 pcs available",
            "在庫：０",
            "Notify me when available",
            "Email me when back in stock",
            "Benachrichtigen, wenn verfügbar",
            "M’avertir quand disponible",
            "Avísame cuando esté disponible",
            "Avvisami quando disponibile",
            "Powiadom mnie o dostępności",
            "Сообщить о поступлении",
            "再入荷のお知らせ",
            "Join the waitlist",
            "无货",
            "Not available - sold out",
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
            "0.5 l",
            "0% alcohol",
            "3 sizes",
            "not sure whether it is available yet or so they said in the shop when we asked them about it",
        ] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }
}

//! Reads yes and no by meaning. A promise is a phrase for yes, a refusal one for no. The words are in `phrases.txt`.

use super::calendar::{month_named, phrases};
use super::digits;
use crate::phrases::Phrases;

/// Number of words before a promise that may deny it: "is not yet available".
const MAX_DENIAL_DISTANCE: usize = 3;
/// Maximum length of a text, in characters, that is taken as an answer rather than prose.
const MAX_TEXT: usize = 80;
/// Maximum distance between a count and the thing counted, in bytes.
const MAX_COUNT_DISTANCE: usize = 16;
/// Answers that have no other meaning, so they count whatever follows.
const PLAIN_YES: [&str; 3] = ["yes", "oui", "evet"];

/// Returns whether a text says yes or no, or `None` if it is unclear.
pub(crate) fn read(text: &str) -> Option<bool> {
    if text.chars().count() > MAX_TEXT {
        return None;
    }
    if let Some(answer) = super::availability::read(text) {
        return Some(answer);
    }
    let lower = text.to_lowercase().replace('’', "'");
    // Terms of schema.org may be URLs.
    let term = lower.rsplit(['/', '#']).next().unwrap_or(&lower).trim();
    let term = if lower.contains("schema.org") { term } else { lower.as_str() };
    let spelled: String = term.chars().map(digits::to_ascii_digit).collect();
    let term = spelled.trim_matches(|c: char| c.is_whitespace() || ".,:;!()[]\"'。！".contains(c));
    if Phrases::AnswersNo.has(term) || Phrases::Unavailable.has(term) || Phrases::NegativeStates.has(term) {
        return Some(false);
    }
    if Phrases::AnswersYes.has(term) || is_promise(term) || Phrases::BuyButtons.has(term) {
        return Some(true);
    }
    read_labelled_answer(term)
        .or_else(|| read_first_word(term))
        .or_else(|| read_stock_count(term))
        .unwrap_or_else(|| read_statement(term))
}

/// Returns whether a whole text is a promise.
fn is_promise(text: &str) -> bool {
    Phrases::Available.has(text) || Phrases::PositiveStates.has(text)
}

/// Reads a label that asks and its answer: "In stock: No", "Sold out? No", "Stock: 0". Returns `None` if the text is
/// not of this form.
fn read_labelled_answer(term: &str) -> Option<Option<bool>> {
    let (label, answer) = term.split_once([':', '?', '：', '？', '='])?;
    let (label, answer) = (label.trim(), answer.trim());
    if let Some(count) = leading_count(answer) {
        let asks = Phrases::StockWords.has(label) || is_promise(label) || Phrases::RemainingWords.occurs_in(label);
        return asks.then_some(Some(count > 0));
    }
    let yes = if Phrases::AnswersYes.has(answer) {
        true
    } else if Phrases::AnswersNo.has(answer) {
        false
    } else {
        return None;
    };
    Some(Some(read_statement(label).unwrap_or(true) == yes))
}

/// Reads a first word that answers: "No, sold apart", "Yes (2 pieces)", but neither "non-stick" nor "no sugar".
fn read_first_word(term: &str) -> Option<Option<bool>> {
    let first = term.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let set_apart = term.get(first.len()..).is_some_and(|r| {
        r.starts_with([',', '.', ';', ':', '!', '('])
            || r.starts_with(" (")
            || r.starts_with(" -")
            || r.starts_with(" –")
    });
    // "0.5 l" and "1.2 kg" are not answers.
    let digits = first.bytes().all(|b| b.is_ascii_digit());
    if Phrases::AnswersNo.has(first) && set_apart && !digits {
        return Some(Some(false));
    }
    let yes = Phrases::AnswersYes.has(first) && !digits && (set_apart || PLAIN_YES.contains(&first));
    yes.then_some(Some(true))
}

/// Returns the number that a word is, or that `zero` names.
fn leading_count(word: &str) -> Option<u64> {
    let digits: String = word.chars().take_while(char::is_ascii_digit).collect();
    let rest = word[digits.len()..].trim_start_matches(['+', '.']).trim();
    let unit = rest.is_empty() || Phrases::RemainingWords.has(rest) || Phrases::StockWords.has(rest);
    if word == "zero" { Some(0) } else { digits.parse().ok().filter(|_| unit) }
}

/// Reads a count beside a word for what is available: "0 in stock", "3 left", "Only 3 left in stock".
fn read_stock_count(term: &str) -> Option<Option<bool>> {
    let zero_word = || term.strip_prefix("zero ").map(|_| 0);
    let at = term.find(|c: char| c.is_ascii_digit()).or_else(zero_word)?;
    let digits: String = term[at..].chars().take_while(char::is_ascii_digit).collect();
    let (before, after) = (term[..at].trim_end(), &term[at + digits.len()..]);
    let part = after.starts_with(['.', ',', '%', '/', '-']) && after[1..].starts_with(|c: char| c.is_ascii_digit());
    if part || after.starts_with('%') {
        return None;
    }
    let zero = digits.bytes().all(|b| b == b'0');
    let after = if digits.is_empty() { after.strip_prefix("zero")? } else { after }.trim_start_matches(['+', ' ']);
    let begins = |words: Phrases| words.find_all(after).any(|(from, _)| from <= MAX_COUNT_DISTANCE);
    if zero {
        let stated = [Phrases::Available, Phrases::PositiveStates, Phrases::RemainingWords, Phrases::StockWords]
            .into_iter()
            .any(begins)
            || Phrases::RemainingWords.is_suffix_of(before)
            || Phrases::StockWords.is_suffix_of(before);
        return stated.then_some(Some(false));
    }
    // Leaves refusals and later times to the words: "3 sold out", "in stock in 3 weeks".
    let is_unavailable = || Phrases::Unavailable.occurs_in(term);
    ((begins(Phrases::RemainingWords) || Phrases::RemainingWords.is_suffix_of(before))
        && !is_unavailable()
        && !is_later(before, after))
    .then_some(Some(true))
}

/// Reads what a text says in words. A refusal outweighs a promise ("not available", "currently out of stock"), unless
/// the refusal is denied or has not come about yet ("not sold out", "almost sold out").
fn read_statement(term: &str) -> Option<bool> {
    if Phrases::RestockRequests.occurs_in(term) {
        return Some(false);
    }
    let mut promise = None;
    for (from, to) in Phrases::Unavailable.find_all(term).chain(Phrases::NegativeStates.find_all(term)) {
        let before = &term[..from];
        // "Not sold out". But in "n'est plus disponible" both words are a single denial.
        let denied = is_denied(before.trim_end().trim_end_matches("n'est"), &term[to..]);
        if !(is_preceded_by_almost(before) || denied) {
            return Some(false);
        }
        promise = Some(true);
    }
    if term.contains(['✗', '✘', '❌', '✖', '☐']) {
        return Some(false);
    }
    if promise.is_some() || Phrases::FewRemaining.occurs_in(term) {
        return Some(true);
    }
    let marks = term.contains(['✓', '✔', '✅', '☑']).then_some(true);
    for (from, to) in Phrases::Available
        .find_all(term)
        .chain(Phrases::PositiveStates.find_all(term))
        .chain(Phrases::BuyButtons.find_all(term))
    {
        let (before, after) = (&term[..from], &term[to..]);
        if is_denied(before, after) {
            return Some(false);
        }
        if is_later(before, after) {
            return None;
        }
        promise = Some(true);
    }
    // A denial elsewhere in the text leaves the answer open.
    promise.or(marks).filter(|_| !words(term).any(is_denial))
}

/// Returns whether the words right before a refusal say that it has not come about yet.
fn is_preceded_by_almost(before: &str) -> bool {
    Phrases::AlmostWords.is_suffix_of(before.trim_end())
        || words(before).rev().take(2).any(|w| Phrases::AlmostWords.has(w))
}

fn is_denial(word: &str) -> bool {
    Phrases::Negations.has(word) || word.ends_with("n't")
}

fn words(text: &str) -> impl DoubleEndedIterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.is_empty())
}

/// Returns whether a promise is denied by the words right before it, in the same part of the sentence, or by the word
/// after it.
fn is_denied(before: &str, after: &str) -> bool {
    let part = before.rsplit([',', ';', '.', '(', ':', '|']).next().unwrap_or(before);
    let denied_after = words(after).next().is_some_and(|w| Phrases::TrailingNegations.has(w));
    denied_after || words(part).rev().take(MAX_DENIAL_DISTANCE).any(is_denial)
}

/// Returns whether a promise is for a later time: "available in 3 weeks", "available from 4 March", "in stock soon".
/// Spans in days are taken as delivery times.
fn is_later(before: &str, after: &str) -> bool {
    if Phrases::LaterTimes.occurs_in(before) || Phrases::LaterTimes.occurs_in(after) {
        return true;
    }
    let next: Vec<&str> = words(after).take(4).collect();
    if next.iter().take(3).any(|w| w.chars().count() > 2 && month_named(w).is_some()) {
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

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn answers_are_read_by_meaning() {
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

//! Finds amounts of money in a text, and which of them is the price, by the words before and after each.

use super::currency;
use super::number::{self, FoundNumber};
use crate::phrases::Phrases;

/// Maximum distance of words from the amount that they describe, in characters.
const MAX_CONTEXT: usize = 48;
/// An amount in a text.
#[derive(Debug, Clone)]
pub(crate) struct Amount {
    pub(super) found: FoundNumber,
    /// As written, with its currency.
    pub(crate) text: String,
    /// Its currency's code.
    pub(crate) currency: Option<&'static str>,
    /// Whether the text marks it as a former price.
    pub(crate) is_former: bool,
    /// Whether the text marks it as the current price.
    pub(crate) is_current: bool,
    score: i32,
}

/// Returns whether one of the phrases occurs in a text in lower case. Most amounts have no words before them.
fn contains_phrase(text: &str, words: Phrases) -> bool {
    text.contains(char::is_alphabetic) && words.occurs_in(text)
}

/// Returns whether a text, in lower case, ends by saying how many times the amount after it is paid: "10x de",
/// "payments of".
fn is_instalment(before: &str) -> bool {
    let before = before.trim_end().trim_end_matches([':', '$', 'r']).trim_end();
    let times = [" de", " à", " a", ""].iter().filter_map(|w| before.strip_suffix(w)).any(|rest| {
        let rest = rest.trim_end();
        let count = rest.strip_suffix(['x', '×']).map(str::trim_end);
        count.is_some_and(|c| c.ends_with(|c: char| c.is_ascii_digit()))
    });
    times || Phrases::Instalments.is_suffix_of(before)
}

/// Returns the numbers of a text that may be amounts of money and that `is_wanted` selects. Each is scored by the words
/// between its neighbours.
fn find_amounts(text: &str, locale: &str, is_wanted: impl Fn(&FoundNumber) -> bool) -> Vec<Amount> {
    let chars = number::characters(text);
    let mut found: Vec<FoundNumber> = Vec::new();
    let mut at = 0;
    while let Some(start) = number::next_start(&chars, at) {
        match number::read_at(&chars, start, locale, true) {
            Some(number) => {
                at = number.to.max(start + 1);
                found.push(number);
            }
            // A day, a clock, a version: skip all of it.
            None => {
                let more = |c: &&char| c.is_ascii_digit() || matches!(**c, '.' | '-' | '/' | ':' | ',');
                at = start + chars[start..].iter().take_while(more).count().max(1);
            }
        }
    }
    let lower = |from: usize, to: usize| -> String {
        chars.get(from..to).unwrap_or_default().iter().flat_map(|c| c.to_lowercase()).collect()
    };
    let mut amounts = Vec::with_capacity(found.len());
    // A phrase after the previous amount belongs to that one.
    let mut phrase_used = false;
    for (i, number) in found.iter().enumerate().filter(|(_, number)| is_wanted(number)) {
        // Between amounts of money, other numbers count as words: "lowest price of 30 days".
        let is_boundary = |n: &&FoundNumber| n.currency.is_some() || number.currency.is_none();
        let since =
            found[..i].iter().rev().find(is_boundary).map_or(0, |n| n.to).max(number.from.saturating_sub(MAX_CONTEXT));
        let until =
            found[i + 1..].iter().find(is_boundary).map_or(chars.len(), |n| n.from).min(number.to + MAX_CONTEXT);
        let (before, after) = (lower(since, number.from), lower(number.to, until.max(number.to)));
        let behind = after.trim_start_matches([' ', ')']);
        if behind.starts_with('%') || number.value < 0.0 && number.currency.is_none() {
            continue;
        }
        let is_current = contains_phrase(&before, Phrases::AmountDue);
        let is_former = !is_current && contains_phrase(&before, Phrases::FormerAmounts);
        let mut score = if number.currency.is_some() { 20 } else { 0 };
        score += if is_current { 4 } else { 0 };
        score -= if is_former { 8 } else { 0 };
        score -= if !phrase_used && contains_phrase(&before, Phrases::NotThePrice) { 10 } else { 0 };
        phrase_used = Phrases::NotThePriceAfter.prefix_len(behind).is_some();
        score -= if phrase_used { 10 } else { 0 };
        score -= if Phrases::PerUnit.prefix_len(behind).is_some() { 3 } else { 0 };
        score -= if Phrases::Untaxed.prefix_len(behind).is_some() { 1 } else { 0 };
        score -= if is_instalment(&before) { 4 } else { 0 };
        // In "1 kg = 24,90 €" the amount is per measure.
        score -= if before.trim_end().ends_with('=') { 3 } else { 0 };
        score -= if before.ends_with('(') { 2 } else { 0 };
        if number.currency.is_none() {
            score += if contains_phrase(&before, Phrases::PricePrefixes) { 6 } else { 0 };
            score += if number.has_cents() { 3 } else { 0 };
            score -= if after.starts_with(|c: char| c.is_alphabetic()) { 3 } else { 0 };
        }
        let raw: String = text.chars().skip(number.from).take(number.to - number.from).collect();
        let text = raw.trim().to_owned();
        amounts.push(Amount { currency: number.currency, text, is_former, is_current, score, found: number.clone() });
    }
    amounts
}

/// Returns the amounts of a text that have a currency beside them, in the text's order.
pub(crate) fn amounts(text: &str, locale: &str) -> Vec<Amount> {
    find_amounts(text, locale, |number| number.currency.is_some())
}

/// Returns the amount that is the price; of equals the first.
pub(crate) fn current_price(amounts: &[Amount]) -> Option<&Amount> {
    let mut best: Option<&Amount> = None;
    for amount in amounts {
        if best.is_none_or(|b| b.score < amount.score) {
            best = Some(amount);
        }
    }
    best
}

/// Returns the price that a text names. Without a currency it is a number, unless that is a telephone number.
pub(super) fn read(text: &str, locale: &str) -> Option<FoundNumber> {
    let amounts = find_amounts(text, locale, |_| true);
    let best = current_price(&amounts)?;
    if best.currency.is_none() && is_telephone(text) {
        return None;
    }
    Some(best.found.clone())
}

/// Returns whether the digits of a text are a telephone number.
fn is_telephone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if digits >= 7 && contains_phrase(&text.to_lowercase(), Phrases::PhoneWords) {
        return true;
    }
    let number = text.trim();
    let international = number.starts_with('+') || number.starts_with("00");
    let groups: Vec<&str> = number.split(['-', ' ', '(', ')', '/']).filter(|g| !g.is_empty()).collect();
    let numeric = groups.iter().all(|g| g.trim_start_matches('+').bytes().all(|b| b.is_ascii_digit()));
    let grouped = groups.len() > 2 || groups.iter().skip(1).any(|g| g.starts_with('0') && g.len() > 3);
    numeric && digits >= 7 && (international || (grouped && number.contains(['-', '(', '/'])))
}

/// Returns the code of the currency that a text names, if it contains nothing else.
pub(crate) fn currency_code(text: &str) -> Option<&'static str> {
    currency::code_of(text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_among_the_amounts_of_a_text_is_found() {
        for (text, locale, want) in [
            ("3 pairs from $ 274", "en-US", 274.0),
            ("10x de R$ 29,90", "pt-BR", 29.9),
            ("R$ 299,00 ou 10x de R$ 29,90", "pt-BR", 299.0),
            ("Was $89.99 Now $59.99", "en-US", 59.99),
            ("$59.99 was $89.99", "en-US", 59.99),
            ("Statt 79,00 € jetzt 49,00 €", "de-DE", 49.0),
            ("49,00 € statt 79,00 €", "de-DE", 49.0),
            ("De R$ 100,00 por R$ 80,00", "pt-BR", 80.0),
            ("UVP 29,99 € 19,99 €", "de-DE", 19.99),
            ("You save $10 · $39.99", "en-US", 39.99),
            ("$10 off $39.99", "en-US", 39.99),
            ("4,99 € (9,98 €/kg)", "de-DE", 4.99),
            ("9,98 €/kg 4,99 €", "de-DE", 4.99),
            ("-20% $79.99", "en-US", 79.99),
            ("2er-Set € 19,99", "de-DE", 19.99),
            ("ab 3 Stück € 9,50", "de-DE", 9.5),
            ("AED 6400 (USD 1742)", "en-US", 6400.0),
            ("iPhone 15 from $799", "en-US", 799.0),
            ("79¢", "en-US", 0.79),
            ("85p", "en-GB", 0.85),
            ("99 Cent", "de-DE", 0.99),
            ("12€99", "fr-FR", 12.99),
            ("$19⁹⁹", "en-US", 19.99),
            ("$ 1846 00", "en-US", 1846.0),
            ("12 99 €", "de-DE", 12.99),
            ("€ 1.099,-", "en-US", 1099.0),
            ("1.980,– €", "de-DE", 1980.0),
            ("1 299,00 kr", "en-US", 1299.0),
            ("₹1,00,000", "en-IN", 100_000.0),
            ("₹ 1,00,000.50", "en-IN", 100_000.5),
            ("$3,499", "de-DE", 3499.0),
            ("3.499 €", "en-US", 3499.0),
            ("KWD 12.500", "en-US", 12.5),
            ("KWD 1,250", "en-US", 1250.0),
            ("12,500 KWD", "fr-FR", 12.5),
            ("1,799 € / l", "de-DE", 1.799),
            ("0,999 €", "en-US", 0.999),
            ("12.8万円", "ja", 128_000.0),
            ("25.98万元", "zh-CN", 259_800.0),
            ("価格 ￥１２，８００", "ja", 12_800.0),
            ("from 274", "en-US", 274.0),
            ("pack of 3 19.99", "en-US", 19.99),
            ("500 ml 3,20", "de-DE", 3.2),
        ] {
            assert_eq!(read(text, locale).map(|f| f.value), Some(want), "{text}");
        }
        for text in ["Call 555-0199 for price", "Tel. 030 1234567", "+49 30 1234567", "(555) 123-4567", "-20%", "POA"] {
            assert_eq!(read(text, "en-US").map(|f| f.value), None, "{text}");
        }
    }

    #[test]
    fn only_amounts_with_a_currency_are_listed() {
        for (text, want, code) in [
            ("$19.99", "$19.99", "USD"),
            ("19,99 €", "19,99 €", "EUR"),
            ("Now only £5", "£5", "GBP"),
            ("EUR 1.299,00", "EUR 1.299,00", "EUR"),
            ("1 299 Kč", "1 299 Kč", "CZK"),
            ("12 99 €", "12 99 €", "EUR"),
            ("149,- kr", "149,- kr", "SEK"),
            ("CA$ 10", "CA$ 10", "CAD"),
        ] {
            let found = amounts(text, "en-US");
            let first = current_price(&found).unwrap();
            assert_eq!((first.text.as_str(), first.currency), (want, Some(code)), "{text}");
        }
        for text in ["EUROPE 2024", "no price", "$", "12 99", "5 kg"] {
            assert!(amounts(text, "en-US").is_empty(), "{text}");
        }
        assert_eq!((currency_code("€"), currency_code("PLN"), currency_code("kg")), (Some("EUR"), Some("PLN"), None));
    }
}

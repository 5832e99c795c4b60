//! Prices in the text: amounts with a currency. Which one is the current price is told by class words, words before
//! and after it, whether it is struck through, and how near the heading it stands.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::zones::Zone;

use super::View;

/// Signs and codes of currencies, and the code of each where it is one country's.
pub(crate) const CURRENCIES: [(&str, &str); 62] = [
    ("€", "EUR"),
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("C$", "CAD"),
    ("AU$", "AUD"),
    ("A$", "AUD"),
    ("NZ$", "NZD"),
    ("HK$", "HKD"),
    ("S$", "SGD"),
    ("R$", "BRL"),
    ("MX$", "MXN"),
    ("$", "USD"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("円", "JPY"),
    ("元", "CNY"),
    ("₹", "INR"),
    ("Rs.", "INR"),
    ("Rs", "INR"),
    ("₩", "KRW"),
    ("원", "KRW"),
    ("₽", "RUB"),
    ("руб", "RUB"),
    ("₴", "UAH"),
    ("грн", "UAH"),
    ("₺", "TRY"),
    ("TL", "TRY"),
    ("₫", "VND"),
    ("₸", "KZT"),
    ("тг", "KZT"),
    ("₪", "ILS"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Ft", "HUF"),
    ("lei", "RON"),
    ("Lei", "RON"),
    ("лв", "BGN"),
    ("kr.", "SEK"),
    ("kr", "SEK"),
    ("CHF", "CHF"),
    ("Fr.", "CHF"),
    ("EUR", "EUR"),
    ("USD", "USD"),
    ("GBP", "GBP"),
    ("PLN", "PLN"),
    ("CZK", "CZK"),
    ("SEK", "SEK"),
    ("NOK", "NOK"),
    ("DKK", "DKK"),
    ("HUF", "HUF"),
    ("RON", "RON"),
    ("BGN", "BGN"),
    ("RUB", "RUB"),
    ("JPY", "JPY"),
    ("CNY", "CNY"),
    ("INR", "INR"),
    ("AUD", "AUD"),
    ("CAD", "CAD"),
    ("BRL", "BRL"),
    ("Rp", "IDR"),
    ("RM", "MYR"),
    ("฿", "THB"),
];
/// Class words that say that a price is not the one to pay.
const NOT_CURRENT: [&str; 27] = [
    "old",
    "was",
    "original",
    "regular",
    "list",
    "strike",
    "striked",
    "striken",
    "strikethrough",
    "crossed",
    "before",
    "previous",
    "rrp",
    "msrp",
    "uvp",
    "shipping",
    "delivery",
    "installment",
    "installments",
    "save",
    "saving",
    "savings",
    "discount",
    "unit",
    "compare",
    "range",
    "per",
];
/// Class words that say that it is.
const CURRENT: [&str; 12] =
    ["current", "sale", "final", "now", "special", "offer", "our", "today", "main", "buy", "new", "actual"];
/// Words around an amount that say that it is something else.
const ELSE: [&str; 34] = [
    "shipping",
    "delivery",
    "versand",
    "livraison",
    "envío",
    "spedizione",
    "frete",
    "verzend",
    "dostawa",
    "doprava",
    "save ",
    "you save",
    "sparen",
    "off ",
    "over ",
    "ab einem",
    "orders",
    "per month",
    "/mo",
    "month",
    "monat",
    "mois",
    "rrp",
    "uvp",
    "was ",
    "statt",
    "instead of",
    "list price",
    "au lieu",
    "coupon",
    "gift card",
    "raten",
    "mensil",
    "cashback",
];
/// Longest line that an amount may stand in, in bytes.
const MAX_LINE: usize = 70;

/// An amount on the page.
#[derive(Debug, Clone)]
pub(super) struct Price {
    text: String,
    currency: &'static str,
    score: i32,
    old: bool,
    reason: String,
}

pub(super) fn current(view: &View<'_>, out: &mut Vec<Candidate>) {
    for price in all(view).iter().filter(|p| !p.old) {
        out.push(Candidate::text(Source::Pattern, price.text.clone(), price.reason.clone()).scored(price.score));
    }
}

/// What the price was before.
pub(super) fn old(view: &View<'_>, out: &mut Vec<Candidate>) {
    for price in all(view).iter().filter(|p| p.old) {
        out.push(
            Candidate::text(Source::Pattern, price.text.clone(), price.reason.clone())
                .scored(price.score.max(-10) + 10),
        );
    }
}

pub(super) fn currency(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some(best) = all(view).iter().filter(|p| !p.old).max_by_key(|p| p.score) {
        out.push(Candidate::text(Source::Pattern, best.currency, "sign of the price").scored(best.score.min(10)));
    }
}

/// Whether a current price stands near the heading.
pub(super) fn is_priced(view: &View<'_>) -> bool {
    all(view).iter().any(|p| !p.old && p.score >= 8)
}

fn all<'v>(view: &'v View<'_>) -> &'v [Price] {
    view.prices.get_or_init(|| {
        let mut found = find(view);
        found.sort_by_key(|p| std::cmp::Reverse(p.score));
        found.truncate(30);
        found
    })
}

fn find(view: &View<'_>) -> Vec<Price> {
    let doc = view.doc;
    let mut found = Vec::new();
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let size = doc.text_len(at);
        if !(2..=MAX_LINE).contains(&size) || el.zone.is_surroundings() || el.zone.has(Zone::FOOTER) {
            continue;
        }
        // The innermost element that has the whole of it.
        if doc.children(at).any(|c| doc.text_len(c) == size) || found.len() >= 400 {
            continue;
        }
        let text = doc.text(at);
        if !text.chars().any(|c| c.is_numeric()) {
            continue;
        }
        let Some((amount, currency)) = amount(&text) else { continue };
        let mut own = String::new();
        for i in std::iter::once(at).chain(doc.above(at).take(3)) {
            own.push_str(doc.marks(i));
        }
        let has = |list: &[&str]| list.iter().any(|w| crate::doc::has_words(&own, w));
        let before: String = {
            let start = doc.text_at(at);
            let mut tail: Vec<char> = doc.all_text().get(..start).unwrap_or_default().chars().rev().take(22).collect();
            tail.reverse();
            tail.into_iter().collect::<String>().to_lowercase()
        };
        let line = format!("{before} {}", text.to_lowercase());
        let marked = has(&["price", "prices", "pricing", "preis", "prix", "precio", "prezzo", "cena", "amount"]);
        let struck = el.zone.has(Zone::STRUCK)
            || doc.above(at).take(3).any(|i| doc.els[i].attr("style").is_some_and(|s| s.contains("line-through")));
        let old = struck
            || has(&NOT_CURRENT[..15])
            || ["was ", "rrp", "uvp", "statt", "instead of"].iter().any(|w| line.contains(w));
        let mut score = 0;
        score += if marked { 10 } else { 0 };
        score += if has(&CURRENT) && !old { 3 } else { 0 };
        score -= if has(&NOT_CURRENT) { 14 } else { 0 };
        score -= if ELSE.iter().any(|w| line.contains(w)) { 14 } else { 0 };
        score -= if is_per_unit(&text) { 12 } else { 0 };
        score -= i32::try_from(text.chars().count() / 8).unwrap_or(8);
        score += match view.distance(at) {
            -200..0 => 2,
            0..150 => 10,
            150..400 => 8,
            400..800 => 6,
            800..1_500 => 4,
            1_500..4_000 => 0,
            _ => -8,
        };
        score -= if el.zone.has(Zone::HIDDEN) { 4 } else { 0 };
        let reason =
            format!("amount{}{}", if marked { ", marked as price" } else { "" }, if old { ", old" } else { "" });
        found.push(Price { text: amount, currency, score, old, reason });
    }
    found
}

/// The first amount of a text that has a currency beside it, and the currency.
pub(crate) fn amount(text: &str) -> Option<(String, &'static str)> {
    let mut best: Option<(usize, &'static str, &'static str)> = None;
    // Most signs have a byte that the text has not: cheaper to see than to search for each.
    let mut bytes = [false; 256];
    for b in text.bytes() {
        bytes[usize::from(b)] = true;
    }
    for (sign, code) in CURRENCIES {
        if !sign.bytes().all(|b| bytes[usize::from(b)]) {
            continue;
        }
        let Some(at) = text.find(sign) else { continue };
        // Letters only where they stand alone: "EUR", not "EUROPE"; digits may touch them.
        let letters = sign.chars().all(char::is_alphabetic) && sign.is_ascii();
        let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphabetic());
        let alone = edge(text[..at].chars().next_back()) && edge(text[at + sign.len()..].chars().next());
        if (!letters || alone) && best.is_none_or(|(_, s, _)| s.len() < sign.len()) {
            best = Some((at, sign, code));
        }
    }
    let (at, sign, code) = best?;
    let number = |t: &str| t.chars().any(|c| c.is_ascii_digit());
    let (before, after) = (&text[..at], &text[at + sign.len()..]);
    // The number that touches the sign, on the side where one does.
    let near_after = after.trim_start().starts_with(|c: char| c.is_ascii_digit() || c == '-');
    let near_before = before.trim_end().ends_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | ',' | '.'));
    let part = if near_after && (!near_before || at == 0 || !number(before)) {
        after
    } else if near_before {
        let start = before.rfind(|c: char| c.is_alphabetic() || c == ':').map_or(0, |i| i + 1);
        before.get(start..).unwrap_or(before)
    } else if number(after) {
        after
    } else {
        before
    };
    number(part).then(|| (cents(&format!("{sign} {}", part.trim())), code))
}

/// `12 99` and `12,-` as shops print prices: cents in an element of their own have lost their separator.
fn cents(text: &str) -> String {
    let text = text.replace(",-", "").replace(".-", "").replace(",–", "");
    let chars: Vec<char> = text.chars().collect();
    for at in 1..chars.len().saturating_sub(2) {
        let digit = |i: usize| chars.get(i).is_some_and(char::is_ascii_digit);
        if chars[at] == ' '
            && digit(at - 1)
            && digit(at + 1)
            && digit(at + 2)
            && !digit(at + 3)
            && !chars[..at].iter().any(|c| matches!(c, ',' | '.'))
            && chars.get(at + 3).is_none_or(|c| !matches!(c, '.' | ','))
        {
            let mut out: String = chars[..at].iter().collect();
            out.push('.');
            out.extend(&chars[at + 1..]);
            return out;
        }
    }
    // "12. 99", "12 .99"
    text.replace(" .", ".").replace(" ,", ",")
}

fn is_per_unit(text: &str) -> bool {
    let lower = text.to_lowercase();
    [
        "/ kg", "/kg", "per kg", "/100", "/ 100", "per 100", "/l", "/ l", "/m", "/ m", "je kg", "pro kg", "/stk",
        "each)", "/unit", "al kg", "le kg",
    ]
    .iter()
    .any(|u| lower.contains(u))
}

/// The currency that a text has, by its code.
pub(crate) fn code(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase()) {
        return Some(text.into());
    }
    let hit = CURRENCIES.iter().filter(|(sign, _)| text == *sign).max_by_key(|(sign, _)| sign.len())?;
    Some(hit.1.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, want, code) in [
            ("$19.99", "$ 19.99", "USD"),
            ("19,99 €", "€ 19,99", "EUR"),
            ("Now only £5", "£ 5", "GBP"),
            ("EUR 1.299,00", "EUR 1.299,00", "EUR"),
            ("1 299 Kč", "Kč 1 299", "CZK"),
            ("12 99 €", "€ 12.99", "EUR"),
            ("149,- kr", "kr 149", "SEK"),
            ("CA$ 10", "CA$ 10", "CAD"),
        ] {
            assert_eq!(amount(text), Some((want.to_owned(), code)), "{text}");
        }
        for text in ["EUROPE 2024", "no price", "$", "12 99"] {
            assert_eq!(amount(text), None, "{text}");
        }
        assert!(is_per_unit("3.50 € / kg") && !is_per_unit("3.50 €"));
        assert_eq!(code("€"), Some("EUR".into()));
    }
}

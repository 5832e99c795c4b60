//! Yes and no, by meaning. What is not clear is neither.

const NO: &[&str] = &[
    "false",
    "no",
    "nope",
    "none",
    "off",
    "0",
    "n",
    "✗",
    "✘",
    "❌",
    "✖",
    "outofstock",
    "soldout",
    "discontinued",
    "backorder",
    "out of stock",
    "sold out",
    "not available",
    "not in stock",
    "unavailable",
    "no longer available",
    "currently unavailable",
    "not verified",
    "unverified",
    "inactive",
    "disabled",
    "closed",
    "never",
    "nein",
    "nicht verfügbar",
    "nicht auf lager",
    "nicht lieferbar",
    "ausverkauft",
    "vergriffen",
    "non",
    "rupture de stock",
    "en rupture",
    "indisponible",
    "épuisé",
    "agotado",
    "sin existencias",
    "no disponible",
    "esaurito",
    "non disponibile",
    "não",
    "esgotado",
    "indisponível",
    "nee",
    "uitverkocht",
    "niet op voorraad",
    "brak w magazynie",
    "niedostępny",
    "niedostępne",
    "vyprodáno",
    "není skladem",
    "nedostupné",
    "vypredané",
    "nie je skladom",
    "slutsåld",
    "slut i lager",
    "udsolgt",
    "ikke på lager",
    "utsolgt",
    "loppu",
    "loppuunmyyty",
    "ei varastossa",
    "elfogyott",
    "nincs raktáron",
    "stoc epuizat",
    "indisponibil",
    "tükendi",
    "stokta yok",
    "нет в наличии",
    "нет",
    "немає в наявності",
    "εξαντλημένο",
    "μη διαθέσιμο",
    "ni na zalogi",
    "品切れ",
    "在庫なし",
    "품절",
    "缺货",
    "nem",
    "nie",
    "nej",
    "ei",
    "hayır",
    "όχι",
    "ne",
    "unchecked",
    "excluded",
    "not included",
    "denied",
    "expired",
    "unpaid",
    "failed",
    "不",
    "ない",
];
const YES: &[&str] = &[
    "true",
    "yes",
    "yep",
    "on",
    "1",
    "y",
    "✓",
    "✔",
    "✅",
    "☑",
    "instock",
    "limitedavailability",
    "onlineonly",
    "instoreonly",
    "in stock",
    "available",
    "available now",
    "in stock now",
    "ready to ship",
    "verified",
    "active",
    "enabled",
    "open",
    "ja",
    "verfügbar",
    "auf lager",
    "lieferbar",
    "sofort lieferbar",
    "oui",
    "en stock",
    "disponible",
    "sí",
    "si",
    "sì",
    "in vendita",
    "disponibile",
    "disponibilità immediata",
    "sim",
    "em estoque",
    "em stock",
    "disponível",
    "op voorraad",
    "tak",
    "dostępny",
    "w magazynie",
    "add to cart",
    "dostępne",
    "skladem",
    "na skladě",
    "na sklade",
    "skladom",
    "dostupné",
    "i lager",
    "på lager",
    "varastossa",
    "saatavilla",
    "raktáron",
    "în stoc",
    "in stoc",
    "stokta",
    "stokta var",
    "в наличии",
    "есть в наличии",
    "да",
    "є в наявності",
    "διαθέσιμο",
    "ναι",
    "na zalogi",
    "dobavljivo",
    "在庫あり",
    "재고 있음",
    "有货",
    "はい",
    "是",
    "ano",
    "áno",
    "igen",
    "kyllä",
    "evet",
    "da",
    "preorder",
    "pre-order",
    "checked",
    "included",
    "paid",
    "passed",
    "confirmed",
    "approved",
];
/// Longest text that is taken for an answer rather than for prose.
const LONGEST: usize = 80;

/// Whether a text says yes or no.
pub(super) fn read(text: &str) -> Option<bool> {
    if text.chars().count() > LONGEST {
        return None;
    }
    let lower = text.to_lowercase();
    // schema.org's terms come as URLs.
    let term = lower.rsplit(['/', '#']).next().unwrap_or(&lower).trim();
    let term = if lower.contains("schema.org") { term } else { lower.as_str() };
    let term = term.trim_matches(|c: char| c.is_whitespace() || ".,:;!()[]\"'".contains(c));
    let exact = |list: &[&str]| list.contains(&term);
    if exact(NO) {
        return Some(false);
    }
    if exact(YES) {
        return Some(true);
    }
    // Within a longer text a refusal beats a promise: "not available", "currently out of stock".
    let words = |list: &[&str]| {
        list.iter().any(|p| p.chars().count() > 2 && contains_words(term, p) || is_mark(p) && term.contains(p))
    };
    match (words(NO), words(YES)) {
        (true, _) => Some(false),
        (false, true) if !contains_words(term, "not") && !contains_words(term, "no") => Some(true),
        (false, _) => None,
    }
}

fn is_mark(p: &str) -> bool {
    p.chars().all(|c| !c.is_alphanumeric())
}

/// Whether `phrase` stands in `text` at word boundaries.
fn contains_words(text: &str, phrase: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(phrase)
        .any(|(at, _)| edge(text[..at].chars().next_back()) && edge(text[at + phrase.len()..].chars().next()))
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
        ] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for unclear in [
            "",
            "perhaps",
            "stock",
            "2",
            "not sure whether it is available yet or so they said in the shop when we asked them about it",
        ] {
            assert_eq!(read(unclear), None, "{unclear}");
        }
    }
}

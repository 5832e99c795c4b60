//! Whether a thing can be bought, by what buttons and messages near the heading say.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::candidate::{Candidate, Source, Standing};
use crate::coercion;
use crate::wanted::Wanted;
use crate::zones::Zone;

use super::View;

/// What buttons say that put a thing into a cart or buy it.
const BUY: [&str; 56] = [
    "add to cart",
    "add to basket",
    "add to bag",
    "add to trolley",
    "buy now",
    "buy it now",
    "order now",
    "purchase",
    "in den warenkorb",
    "in den einkaufswagen",
    "jetzt kaufen",
    "sofort-kaufen",
    "ajouter au panier",
    "acheter",
    "añadir al carrito",
    "agregar al carrito",
    "añadir a la cesta",
    "comprar",
    "aggiungi al carrello",
    "acquista",
    "compralo subito",
    "adicionar ao carrinho",
    "in winkelwagen",
    "in winkelmand",
    "toevoegen aan winkelwagen",
    "do koszyka",
    "dodaj do koszyka",
    "kup teraz",
    "do košíku",
    "do košíka",
    "přidat do košíku",
    "vložit do košíku",
    "vložiť do košíka",
    "pridať do košíka",
    "kúpiť",
    "koupit",
    "lägg i varukorg",
    "köp",
    "læg i kurv",
    "legg i handlekurv",
    "lisää ostoskoriin",
    "kosárba",
    "adaugă în coș",
    "adauga in cos",
    "sepete ekle",
    "в корзину",
    "купить",
    "добавить в корзину",
    "в количката",
    "カートに入れる",
    "장바구니",
    "구매하기",
    "加入购物车",
    "προσθήκη στο καλάθι",
    "dodaj v košarico",
    "ielikt grozā",
];
/// Messages that a thing cannot be had.
const GONE: [&str; 52] = [
    "out of stock",
    "sold out",
    "currently unavailable",
    "not in stock",
    "temporarily out of stock",
    "no longer available",
    "unavailable",
    "this item is not available",
    "notify me when available",
    "email me when back in stock",
    "discontinued",
    "back in stock soon",
    "out-of-stock",
    "ausverkauft",
    "nicht verfügbar",
    "derzeit nicht verfügbar",
    "nicht auf lager",
    "nicht lieferbar",
    "vergriffen",
    "rupture de stock",
    "en rupture",
    "actuellement indisponible",
    "indisponible",
    "épuisé",
    "agotado",
    "no disponible",
    "sin stock",
    "sin existencias",
    "non disponibile",
    "esaurito",
    "attualmente non disponibile",
    "esgotado",
    "indisponível",
    "uitverkocht",
    "niet op voorraad",
    "niet leverbaar",
    "brak w magazynie",
    "niedostępny",
    "produkt niedostępny",
    "vyprodáno",
    "není skladem",
    "nedostupné",
    "vypredané",
    "nie je skladom",
    "slutsåld",
    "slut i lager",
    "udsolgt",
    "utsolgt",
    "loppuunmyyty",
    "elfogyott",
    "stoc epuizat",
    "нет в наличии",
];
/// Messages that it can.
const THERE: [&str; 38] = [
    "in stock",
    "available now",
    "ready to ship",
    "ships today",
    "available for delivery",
    "auf lager",
    "sofort lieferbar",
    "lieferbar",
    "vorrätig",
    "en stock",
    "disponible",
    "disponibile",
    "disponibilità immediata",
    "em estoque",
    "disponível",
    "op voorraad",
    "leverbaar",
    "w magazynie",
    "dostępny",
    "na sklade",
    "skladem",
    "na skladě",
    "skladom",
    "i lager",
    "på lager",
    "varastossa",
    "raktáron",
    "în stoc",
    "in stoc",
    "stokta",
    "в наличии",
    "есть в наличии",
    "налично",
    "na zalogi",
    "ir noliktavā",
    "only a few left",
    "in-stock",
    "在庫あり",
];
/// Class words and names of buttons that do the same in any language.
const BUY_MARKS: [&str; 14] = [
    "add to cart",
    "addtocart",
    "add to basket",
    "addtobasket",
    "add to bag",
    "addtobag",
    "buy now",
    "buynow",
    "buy button",
    "buybutton",
    "btn buy",
    "cart add",
    "basket add",
    "add cart",
];
/// Shortest and longest message, in bytes.
const SHORTEST: usize = 3;
const MAX_MESSAGE: usize = 90;

/// What a text says.
#[derive(Debug, Clone, Copy, Default)]
struct Says {
    buy: bool,
    gone: bool,
    there: bool,
}

/// All phrases at once: [`BUY`], then [`GONE`], then [`THERE`], then what is left or asked for. `None` only if the lists were too big to be compiled,
/// which a test excludes.
static PHRASES: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let stock = BUY.iter().chain(&GONE).chain(&THERE).copied();
    AhoCorasick::new(stock.chain(coercion::stock_phrases())).ok()
});

/// Which phrases stand in a text at word boundaries.
fn says(text: &str) -> Says {
    let (mut says, mut left) = (Says::default(), false);
    let Some(phrases) = &*PHRASES else { return says };
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    for found in phrases.find_overlapping_iter(text) {
        // Scripts that do without spaces have no boundaries.
        let wide = text[found.range()].chars().all(|c| c > '\u{2fff}' || c == ' ');
        let alone = edge(text[..found.start()].chars().next_back()) && edge(text[found.end()..].chars().next());
        if wide || alone {
            match found.pattern().as_usize() {
                n if n < BUY.len() => says.buy = true,
                n if n < BUY.len() + GONE.len() => says.gone = true,
                n if n < BUY.len() + GONE.len() + THERE.len() => says.there = true,
                _ => left = true,
            }
        }
    }
    // What stands around a phrase may turn it: "almost sold out", "0 in stock", "3 left".
    if says.gone || says.there || left {
        match coercion::says_yes(text) {
            Some(true) => (says.gone, says.there) = (false, true),
            Some(false) => (says.gone, says.there) = (true, false),
            None => {}
        }
    }
    says
}

pub(super) fn stock(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    let yes = |positive: bool| {
        if wanted.field.kind == domain::FieldType::Boolean {
            if positive { "true" } else { "false" }
        } else if positive {
            "In stock"
        } else {
            "Out of stock"
        }
    };
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let outside = el.zone.is_surroundings() || el.zone.has(Zone::HEADER);
        if outside || (el.zone.has(Zone::HIDDEN) && el.name() != "input") {
            continue;
        }
        let near = match view.distance(at) {
            -600..3_000 => 6,
            3_000..8_000 => 0,
            _ => -10,
        };
        let size = doc.text_len(at);
        let button = matches!(el.name(), "button" | "a" | "input" | "span" | "div" | "form");
        let presses = matches!(el.name(), "button" | "a" | "input");
        if !presses && size < SHORTEST {
            continue;
        }
        let text = if size == 0 {
            let label = el.attr("value").or_else(|| el.attr("aria-label")).or_else(|| el.attr("title"));
            label.filter(|_| matches!(el.name(), "input" | "button" | "a")).map(str::to_lowercase).unwrap_or_default()
        } else if size <= MAX_MESSAGE && !doc.children(at).any(|c| doc.text_len(c) == size) {
            doc.text(at).to_lowercase()
        } else {
            continue;
        };
        if text.is_empty() {
            continue;
        }
        let says = says(&text);
        let long = i32::try_from(text.len() / 12).unwrap_or(8);
        let marked = presses && BUY_MARKS.iter().any(|m| doc.marked(at, m));
        if (button && text.len() <= 40 && says.buy) || (marked && !says.gone) {
            let off = el.attr("disabled").is_some()
                || doc.marks(at).contains(" disabled")
                || el.attr("aria-disabled") == Some("true");
            let (answer, change) = if off { (false, -4) } else { (true, 4) };
            out.push(
                Candidate::text(Source::Message, yes(answer), if off { "buy button, disabled" } else { "buy button" })
                    .scored(change + near),
            );
        } else if says.gone {
            out.push(Candidate::text(Source::Message, yes(false), "message that it is gone").scored(9 + near - long));
        } else if says.there && !text.contains("not ") {
            out.push(Candidate::text(Source::Message, yes(true), "message that it is there").scored(8 + near - long));
        }
    }
}

/// A thing with a price and no word against it can be had: the least that is said.
pub(super) fn priced(view: &View<'_>, wanted: &Wanted<'_>, out: &mut Vec<Candidate>) {
    if wanted.field.kind == domain::FieldType::Boolean && super::prices::is_priced(view) {
        out.push(
            Candidate::text(Source::Message, "true", "a price and no message against it")
                .scored(-12)
                .standing(Standing::Guess),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_at_word_boundaries() {
        for (text, want) in [
            ("add to cart", (true, false, false)),
            ("sorry, currently unavailable.", (false, true, false)),
            ("in stock now", (false, false, true)),
            ("not in stock", (false, true, false)),
            ("0 in stock", (false, true, false)),
            ("almost sold out", (false, false, true)),
            ("not sold out yet", (false, false, true)),
            ("only 3 left", (false, false, true)),
            ("notify me when available", (false, true, false)),
            ("avvisami quando disponibile", (false, true, false)),
            ("nur noch 2 stück", (false, false, true)),
            ("within stockholm", (false, false, false)),
            ("在庫ありです", (false, false, true)),
            ("", (false, false, false)),
        ] {
            let got = says(text);
            assert_eq!((got.buy, got.gone, got.there), want, "{text}");
        }
        assert!(PHRASES.is_some());
        assert!(BUY.iter().chain(&GONE).chain(&THERE).all(|p| p.len() >= SHORTEST));
    }
}

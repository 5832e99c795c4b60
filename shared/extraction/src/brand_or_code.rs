//! Strips the text around a brand or a code: its own label, the prompt of a link, a name after a code. Depends on the
//! field's words, not on where the text stood.

use crate::concept::Concept;
use crate::field_query::FieldQuery;
use crate::phrases::Phrases;
use crate::vocabulary::{singular, words};

/// Maximum number of words of a label including the prompt around it.
const MAX_WORDS: usize = 8;

/// Returns a text as the value of a brand or a code, or `None` if no part of it is one. Returns texts of other concepts
/// unchanged.
pub(crate) fn strip<'t>(query: &FieldQuery<'_>, text: &'t str) -> Option<&'t str> {
    let code = matches!(query.concept, Some(Concept::Sku | Concept::Mpn | Concept::Gtin));
    if !code && !query.is(Concept::Brand) && !query.is(Concept::Manufacturer) {
        return Some(text);
    }
    let mut text = text.trim();
    // "More articles of the brand: X".
    if let Some((label, value)) = text.split_once([':', '：']) {
        let label = words(label);
        let labelled = label.split(' ').count() <= MAX_WORDS
            && (query.closeness(&label).is_some()
                || label.rsplit(' ').next().is_some_and(|last| query.closeness(last).is_some()));
        if labelled && !value.trim().is_empty() {
            text = value.trim();
        }
    }
    if code {
        return Some(without_name(text));
    }
    text = without_prompt(text);
    let words_of_text = words(text);
    let everything = words_of_text.split_once(' ').is_some_and(|(first, rest)| {
        Phrases::WordsForAll.has(first)
            && rest.split(' ').any(|word| {
                // Plurals that do not end in "s" have one letter more: Marke, Marken.
                let short = word.char_indices().next_back().map_or(word, |(last, _)| &word[..last]);
                query.closeness_with_stem(word, &singular(word)).or_else(|| query.closeness(short)).is_some()
            })
    });
    (!everything).then_some(text)
}

/// Removes what a link says around a name: "Visit the Acme Store".
fn without_prompt(text: &str) -> &str {
    // The text may have another length in lower case. Then nothing is removed.
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return text;
    }
    let inner = |prompt: &str| {
        let (before, behind) = prompt.split_once('*')?;
        let inner = lower.strip_prefix(before)?.strip_suffix(behind)?;
        text.get(before.len()..before.len() + inner.len()).filter(|name| !name.trim().is_empty())
    };
    // The shortest result is the one without the longest prompt.
    Phrases::BrandLinkTexts.all().filter_map(inner).min_by_key(|name| name.len()).map_or(text, str::trim)
}

/// Removes what follows a code: a name, another label or a button. `TE502955 Slip cover, chair`, `AB12 | EAN: 40…`.
fn without_name(text: &str) -> &str {
    let text = text.split(['|', '•', '·', '(']).next().filter(|t| !t.trim().is_empty()).map_or(text, str::trim);
    let text = text.split_once(" / ").map_or(text, |(code, _)| code.trim());
    // "AB12 EAN: 40…": the word before a colon is a label.
    let text = text.split_once([':', '：']).and_then(|(head, _)| head.rsplit_once(' ')).map_or(text, |(code, _)| code);
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return text };
    let code = first.trim_end_matches([',', ':', ';', '-', '–']);
    let digits = code.chars().filter(char::is_ascii_digit).count();
    let is_word = |w: &&str| w.chars().filter(|c| c.is_alphabetic()).count() > 2 && !w.chars().any(char::is_numeric);
    let prose = rest.split_whitespace().filter(is_word).count() >= 2;
    let button = Phrases::CodeButtons.has(&rest.trim().to_lowercase());
    if digits >= 3 && code.chars().count() >= 4 && (prose || button) { code } else { text }
}

#[cfg(test)]
mod tests {
    use domain::{Field, FieldType};
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_prompts_and_names_are_stripped_from_values() {
        for (field, text, want) in [
            ("brand", "Ver mais artigos da Marca: Acme", Some("Acme")),
            ("brand", "Shop more of this brand: Acme", Some("Acme")),
            ("brand", "Marke: Acme", Some("Acme")),
            ("brand", "All Brands", None),
            ("brand", "Brand: All brands", None),
            ("brand", "Alle Marken", None),
            ("brand", "All Saints", Some("All Saints")),
            ("brand", "Acme: Home", Some("Acme: Home")),
            ("sku", "TE502955 Slip cover, chair", Some("TE502955")),
            ("sku", "SKU: 00412", Some("00412")),
            ("sku", "AB1234 | In stock", Some("AB1234")),
            ("sku", "AB1234 / EAN: 4006381333931", Some("AB1234")),
            ("sku", "AB1234 EAN: 4006381333931", Some("AB1234")),
            ("sku", "AB1234 Copy", Some("AB1234")),
            ("sku", "466/7999", Some("466/7999")),
            ("brand", "Visit the Acme Store", Some("Acme")),
            ("brand", "Plus de produits de la marque Acme", Some("Acme")),
            ("brand", "Shop all Acme", Some("Acme")),
            ("brand", "Shopify", Some("Shopify")),
            ("sku", "AB 1200 C", Some("AB 1200 C")),
            ("sku", "1200 XL", Some("1200 XL")),
            ("title", "Brand: All brands", Some("Brand: All brands")),
        ] {
            let field =
                Field { field: field.into(), kind: FieldType::String, example: json!("x"), hint: None, selector: None };
            assert_eq!(strip(&FieldQuery::of(&field), text), want, "{text}");
        }
    }
}

//! Smaller searches: canonical address, language, site, brand, codes in the address, main text, links to call or write.

use serde_json::Value;

use crate::candidate::{Candidate, Source};
use crate::doc::element_at;
use crate::phrases::Phrases;
use crate::zones::Zone;

use super::view::View;

pub(super) fn canonical(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some(canonical) = &view.head.canonical {
        out.push(Candidate::text(Source::Meta, canonical.clone(), "canonical link").adjusted(16));
    }
    out.push(Candidate::text(Source::Address, view.url.as_str(), "the page's address"));
}

pub(super) fn language(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some(language) = &view.head.language {
        out.push(Candidate::text(Source::Meta, language.clone(), "lang of the page").adjusted(8));
    }
}

pub(super) fn site(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some(host) = view.url.host_str() {
        out.push(Candidate::text(Source::Address, host.trim_start_matches("www."), "host of the address"));
    }
}

/// Adds a brand: links to one near the heading.
pub(super) fn brand(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        if el.zone.is_surroundings() || el.zone.has(Zone::HEADER) {
            continue;
        }
        let near = if (-800..2_500).contains(&view.distance(at)) { 4 } else { -12 };
        if el.name() == "a"
            && let Some(href) = el.attr("href")
        {
            let href = href.to_lowercase();
            let names = [
                "/brand/",
                "/brands/",
                "/marke/",
                "/marken/",
                "/marque/",
                "/marques/",
                "/marca/",
                "/marcas/",
                "/merk/",
                "/merken/",
                "/znacka/",
                "/znacky/",
                "/vyrobce/",
                "/producent/",
                "/manufacturer/",
                "/vendor/",
                "/designer/",
                "/designers/",
                "brand=",
                "/b/brand",
            ];
            if names.iter().any(|n| href.contains(n)) && doc.text_len(at) <= 40 {
                let text = doc.text(at);
                let text = if text.is_empty() { picture_name(view, at) } else { text };
                if !text.is_empty() {
                    out.push(Candidate::text(Source::Pattern, text, "link to a brand").adjusted(4 + near));
                }
            }
        }
    }
}

fn picture_name(view: &View<'_>, at: usize) -> String {
    let doc = view.doc;
    let alt = doc.descendants(at).find_map(|i| doc.els[i].attr("alt"));
    alt.map(crate::coercion::collapse).filter(|a| a.chars().count() <= 40).unwrap_or_default()
}

/// Adds a code in the address that the page's text repeats, such as an article number.
pub(super) fn code_in_address(view: &View<'_>, out: &mut Vec<Candidate>) {
    let path = view.url.path();
    let parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    for part in parts.iter().rev().take(3) {
        let part = part.trim_end_matches(".html").trim_end_matches(".htm");
        let last = part.rsplit(['-', '_']).next().unwrap_or(part);
        for code in [part, last] {
            let digits = code.bytes().filter(u8::is_ascii_digit).count();
            let well_formed = (5..=20).contains(&code.len())
                && digits >= 3
                && digits * 3 >= code.len()
                && code.bytes().all(|b| b.is_ascii_alphanumeric());
            if well_formed && view.doc.all_text().to_lowercase().contains(&code.to_lowercase()) {
                let text = Value::String(code.to_owned());
                out.push(
                    Candidate::new(Source::Address, vec![text], "code in the address that the page repeats")
                        .adjusted(16),
                );
                return;
            }
        }
    }
}

/// Adds the main text: the paragraphs of the element that has most of them.
pub(super) fn body(view: &View<'_>, out: &mut Vec<Candidate>) {
    if let Some((holder, weight)) = main_element(view)
        && weight > 140
    {
        let doc = view.doc;
        let mut paragraphs: Vec<String> = Vec::new();
        let mut skip = 0;
        for i in doc.descendants(holder) {
            let el = &doc.els[i];
            if i < skip || el.zone.is_surroundings() || el.zone.has(Zone::HIDDEN) {
                continue;
            }
            if matches!(el.name(), "p" | "li" | "h2" | "h3" | "h4" | "blockquote" | "pre") {
                skip = el.end;
                paragraphs.push(doc.text(i));
            }
        }
        paragraphs.retain(|p| !p.is_empty());
        let text = if paragraphs.is_empty() { doc.text(holder) } else { paragraphs.join("\n") };
        out.push(Candidate::text(Source::Pattern, text, "main text").adjusted(6));
    }
}

/// Adds telephone numbers that stand alone on a line, in a separate part of it, or after a word for calling.
pub(super) fn telephone(view: &View<'_>, out: &mut Vec<Candidate>) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| (7..=200).contains(&s.text.len())) {
        let parts = segment.text.split(" – ").flat_map(|t| t.split(['·', '|', '•'])).flat_map(|t| t.split(", "));
        let alone =
            parts.map(str::trim).find(|part| is_telephone(part)).filter(|_| !is_labelled_value(view, segment.at));
        let after_word = || number_after_phone_word(segment.text);
        if let Some(number) = alone.or_else(after_word) {
            let own = if number.len() == segment.text.len() { 0 } else { -4 };
            let change = if view.is_in_foreign_footer(segment.at) { -20 } else { own };
            out.push(Candidate::text(Source::Pattern, number, "a telephone number alone").adjusted(change - found));
            found += 1;
        }
        if found > 5 {
            return;
        }
    }
}

/// Returns whether a position in the text is in the value of a row or a definition, whose label says what its digits
/// are.
fn is_labelled_value(view: &View<'_>, at: usize) -> bool {
    let doc = view.doc;
    let here = element_at(&doc.els, at);
    std::iter::once(here).chain(doc.ancestors(here).take(2)).any(|i| matches!(doc.els[i].name(), "dd" | "td"))
}

/// Returns a telephone number after a word for calling, in a sentence.
fn number_after_phone_word(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    let (at, length) = Phrases::PhoneWords.find(&lower)?;
    let behind = text.get(at + length..)?;
    let start = behind.find(|c: char| c.is_ascii_digit() || "+(".contains(c)).filter(|s| *s <= 40)?;
    let number = &behind[start..];
    let end = number.find(|c: char| !(c.is_ascii_digit() || " ()+-./".contains(c))).unwrap_or(number.len());
    let number = number[..end].trim().trim_end_matches(['.', '-', '/', '(']).trim_end();
    is_telephone(number).then_some(number)
}

/// Returns whether a text is written like a telephone number: digits in groups, with a country or area code, or in
/// three groups.
fn is_telephone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let well_formed = text.bytes().all(|b| b.is_ascii_digit() || b" ()+-./".contains(&b));
    let groups = text.split(|c: char| !c.is_ascii_digit()).filter(|g| !g.is_empty());
    let (count, longest, last) = groups.fold((0, 0, 0), |(n, l, _), g| (n + 1, g.len().max(l), g.len()));
    let coded = text.starts_with(['+', '(']) || text.starts_with("00");
    // A day has three groups and at most eight digits.
    let day = count == 3 && digits <= 8;
    (7..=15).contains(&digits) && well_formed && !day && last >= 2 && (coded || (count >= 3 && longest <= 5))
}

/// Adds email addresses in the text.
pub(super) fn email(view: &View<'_>, out: &mut Vec<Candidate>) {
    let mut found = 0;
    for segment in view.segments().iter().filter(|s| s.text.contains('@')) {
        let outside = if view.is_in_foreign_footer(segment.at) { -20 } else { 0 };
        for word in segment.text.split(|c: char| c.is_whitespace() || "<>(),;:|[]\"".contains(c)) {
            let word = word.trim_end_matches(['.', '!', '?']);
            let Some((user, host)) = word.split_once('@') else { continue };
            let plain = |t: &str| !t.is_empty() && t.chars().all(|c| c.is_alphanumeric() || "._%+-".contains(c));
            if plain(user) && plain(host) && host.trim_matches('.').contains('.') {
                out.push(
                    Candidate::text(Source::Pattern, word, "an address in the text").adjusted(2 - found + outside),
                );
                found += 1;
            }
        }
        if found > 5 {
            return;
        }
    }
}

/// Returns the element whose own paragraphs have the most text, and its weight: each paragraph counts in full for its
/// parent and half for the element above that.
fn main_element(view: &View<'_>) -> Option<(usize, usize)> {
    let doc = view.doc;
    let mut weights = vec![0usize; doc.els.len()];
    for (at, el) in doc.els.iter().enumerate() {
        if el.name() != "p" || el.zone.is_surroundings() || el.zone.has(Zone::HIDDEN) {
            continue;
        }
        let size = doc.text_len(at);
        if size < 25 {
            continue;
        }
        let mut above = doc.ancestors(at);
        if let Some(parent) = above.next() {
            weights[parent] += size;
        }
        if let Some(grand) = above.next() {
            weights[grand] += size / 2;
        }
    }
    weights.into_iter().enumerate().max_by_key(|(_, w)| *w).filter(|(_, w)| *w > 0)
}

/// Adds the targets of links with a scheme of their own: `tel:`, `mailto:`.
pub(super) fn scheme_links(view: &View<'_>, scheme: &str, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        let el = &doc.els[at];
        let Some(target) = el.attr("href").and_then(|h| h.trim().strip_prefix(scheme)) else { continue };
        let target = target.split('?').next().unwrap_or(target).trim_start_matches("//");
        let shown = doc.text(at);
        // A number as shown, if one is shown; an address as linked.
        let digits = shown.bytes().filter(u8::is_ascii_digit).count();
        let text = if scheme == "tel:" && digits >= 5 { shown } else { target.replace("%20", " ") };
        let footer = el.zone.has(Zone::FOOTER) && !view.has_own_footer();
        let outside = match el.zone.is_surroundings() || el.zone.has(Zone::HEADER) {
            true if footer => -20,
            true => -8,
            false => 4,
        };
        if !text.is_empty() {
            out.push(Candidate::text(Source::Pattern, text, format!("{scheme} link")).adjusted(outside));
        }
        if out.len() > 50 {
            return;
        }
    }
}

pub(super) fn address(view: &View<'_>, out: &mut Vec<Candidate>) {
    let doc = view.doc;
    for at in 0..doc.els.len() {
        if doc.els[at].name() == "address"
            && !view.is_in_foreign_footer(doc.text_start(at))
            && (8..=300).contains(&doc.text_len(at))
        {
            let text = doc.lines(at).lines().map(str::trim).collect::<Vec<_>>().join(", ");
            out.push(Candidate::text(Source::Pattern, text, "address element"));
        }
    }
}

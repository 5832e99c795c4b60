//! Decides which of several offers, variants and prices is the page's: the one with the page's address, then one that
//! is available, then the cheapest of several. Orders and filters only; reads no value. Sources: schema.org `Offer`,
//! `AggregateOffer`, `PriceSpecification`, `ProductGroup`; Google's notes on merchant listings for `priceType`.

use serde_json::{Map, Value};
use url::Url;

use super::members::{spread, types};
use crate::coercion;

/// Maximum number of objects that are ordered; more are left as they are.
const MAX_ORDERED: usize = 500;

type Members = Map<String, Value>;

/// Orders the objects that a step of a path leads to: those that the page is about come first. `inner` says whether the
/// objects are the offers of an aggregate offer.
pub(super) fn order(step: &str, inner: bool, found: &mut Vec<&Members>, page: Option<&Url>) {
    if found.len() < 2 || found.len() > MAX_ORDERED {
        return;
    }
    match step {
        "offers" | "hasVariant" => {
            if let Some(at) = page.and_then(|page| offer_of_page(found, page)) {
                *found = vec![found[at]];
            } else if inner || step == "hasVariant" {
                let price = |o: &Members| amount(o).unwrap_or(f64::MAX);
                found.sort_by(|a, b| is_unavailable(a).cmp(&is_unavailable(b)).then(price(a).total_cmp(&price(b))));
            } else {
                // A free sample is not the offer to pay for.
                found.sort_by_key(|o| (is_unavailable(o), amount(o) == Some(0.0)));
            }
        }
        "priceSpecification" => {
            if found.iter().any(|s| !is_partial_price(s)) {
                found.retain(|s| !is_partial_price(s));
            }
            found.sort_by_key(|s| is_list_price(s));
        }
        _ => {}
    }
}

/// Returns the only one of several objects that has the page's own address, or the code in that address.
fn offer_of_page(found: &[&Members], page: &Url) -> Option<usize> {
    let matches: Vec<usize> = found.iter().map(|o| address_match(o, page)).collect();
    let best = matches.iter().copied().max().filter(|s| *s > 0)?;
    let mut at = matches.iter().enumerate().filter(|(_, s)| **s == best).map(|(at, _)| at);
    at.next().filter(|_| at.next().is_none())
}

fn address_match(object: &Members, page: &Url) -> usize {
    let own = ["url", "@id"].into_iter().filter_map(|m| object.get(m));
    let offered = object.get("offers").map(spread).unwrap_or_default().filter_map(|o| o.get("url"));
    let address =
        own.chain(offered).filter_map(Value::as_str).filter_map(|a| same_page(&path_and_query(a, page)?, page)).max();
    let code =
        ["sku", "productID"].into_iter().filter_map(|m| object.get(m)?.as_str()).any(|code| url_has_code(page, code));
    address.unwrap_or(0).max(usize::from(code) * 2)
}

/// Returns an address without its host: variants are often written with the host of another stage or country.
fn path_and_query(address: &str, page: &Url) -> Option<String> {
    let url = page.join(address).ok().filter(|_| !address.starts_with('#'))?;
    Some(url[url::Position::BeforePath..url::Position::AfterQuery].to_owned())
}

/// Returns how well an address matches the page's: one more than the number of query parameters that it shares. Returns
/// `None` unless host and path are equal and every parameter of the address is among the page's.
pub(crate) fn same_page(address: &str, page: &Url) -> Option<usize> {
    // A fragment does not identify the page.
    if address.starts_with('#') || address.is_empty() {
        return None;
    }
    let url = page.join(address).ok()?;
    let path = |u: &Url| u.path().trim_end_matches('/').to_owned();
    if path(&url) != path(page) || url.host() != page.host() {
        return None;
    }
    let shared = url.query_pairs().take(20).filter(|pair| page.query_pairs().take(50).any(|p| p == *pair)).count();
    (shared == url.query_pairs().take(20).count()).then_some(1 + shared)
}

/// Returns whether an address contains a code: as a value of its query or at the end of its path.
fn url_has_code(page: &Url, code: &str) -> bool {
    code.len() >= 3
        && (page.query_pairs().take(50).any(|(_, value)| value.eq_ignore_ascii_case(code))
            || page.path_segments().and_then(|mut s| s.next_back()).is_some_and(|last| {
                let last = last.split('.').next().unwrap_or(last);
                last.rsplit_once(['-', '_']).map_or(last, |(_, end)| end).eq_ignore_ascii_case(code)
            }))
}

/// Returns whether an offer, or every offer of a variant, is unavailable.
fn is_unavailable(object: &Members) -> bool {
    let gone = |o: &Members| {
        let stated = o.get("availability").map(|a| a.get("@id").unwrap_or(a));
        stated.and_then(Value::as_str).and_then(coercion::availability) == Some(false)
    };
    match object.get("offers") {
        Some(offers) => {
            let mut offers = spread(offers).filter_map(Value::as_object).peekable();
            offers.peek().is_some() && offers.all(gone)
        }
        None => gone(object),
    }
}

/// Returns the amount of an offer, or of a variant's first offer.
fn amount(object: &Members) -> Option<f64> {
    let of = |o: &Members| {
        let price = o.get("price").or_else(|| o.get("lowPrice"))?;
        price.as_f64().or_else(|| price.as_str()?.trim().parse().ok())
    };
    match object.get("offers") {
        Some(offers) => spread(offers).filter_map(Value::as_object).find_map(of),
        None => of(object),
    }
}

/// Returns whether a price is for a part of the purchase, for members, for larger quantities, or for delivery
/// or payment.
fn is_partial_price(spec: &Members) -> bool {
    let many = spec.get("eligibleQuantity").and_then(|q| q.get("minValue").or_else(|| q.get("value")));
    let many = many.and_then(|n| n.as_f64().or_else(|| n.as_str()?.parse().ok())).is_some_and(|n| n > 1.0);
    spec.contains_key("referenceQuantity")
        || spec.contains_key("validForMemberTier")
        || many
        || types(spec).any(|t| matches!(t, "DeliveryChargeSpecification" | "PaymentChargeSpecification"))
}

/// Returns whether a price is not the price to pay, but a list, struck-through or recommended price.
fn is_list_price(spec: &Members) -> bool {
    let kind = spec.get("priceType").map(|k| k.get("@id").unwrap_or(k)).and_then(Value::as_str).unwrap_or_default();
    let kind = kind.rsplit(['/', '#', ':']).next().unwrap_or(kind);
    ["ListPrice", "StrikethroughPrice", "MSRP", "SRP", "RegularPrice", "InvoicePrice", "MinimumAdvertisedPrice"]
        .iter()
        .any(|k| k.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_variants_are_matched_to_the_page() {
        let page = Url::parse("https://shop.test/p/cup?v=2&utm=x").unwrap();
        assert_eq!(same_page("/p/cup?v=2", &page), Some(2));
        assert_eq!(same_page("https://shop.test/p/cup/", &page), Some(1));
        for other in ["/p/cup?v=1", "/p/pot?v=2", "https://other.test/p/cup", "#v", ""] {
            assert_eq!(same_page(other, &page), None, "{other}");
        }
        assert!(url_has_code(&page, "2x") == url_has_code(&page, "cups") && url_has_code(&page, "cup"));
    }
}

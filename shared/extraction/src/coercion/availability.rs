//! Vocabularies of availability: schema.org's `ItemAvailability` and the terms of merchant feeds (Google Merchant
//! Center, Meta catalogs), in any spelling that templates use: `OutOfStock`, `out_of_stock`, `schema:OutOfStock`,
//! `OOS`.

/// Terms for what can be bought now or ordered ahead.
const AVAILABLE_TERMS: [&str; 28] = [
    "instock",
    "instockonline",
    "instockinstore",
    "onlineonly",
    "instoreonly",
    "limitedavailability",
    "limitedstock",
    "limited",
    "readytoship",
    "lowstock",
    "fewleft",
    "lowinstock",
    "availablefororder",
    "availabletoorder",
    "available",
    "availableonline",
    "availablenow",
    "madetoorder",
    "preorder",
    "presale",
    "preorderable",
    "orderable",
    "buyable",
    "purchasable",
    "saleable",
    "salable",
    "instocknow",
    "onstock",
];
/// Terms for what cannot be bought.
const UNAVAILABLE_TERMS: [&str; 28] = [
    "outofstock",
    "oos",
    "soldout",
    "sold",
    "discontinued",
    "backorder",
    "backordered",
    "onbackorder",
    "unavailable",
    "notavailable",
    "notinstock",
    "nostock",
    "stockout",
    "outstock",
    "temporarilyoutofstock",
    "temporarilyunavailable",
    "temporarilysoldout",
    "currentlyunavailable",
    "currentlyoutofstock",
    "permanentlyoutofstock",
    "reserved",
    "ended",
    "endoflife",
    "delisted",
    "nolongeravailable",
    "comingsoon",
    "notforsale",
    "archived",
];

/// Returns whether a term says that a thing is available, or `None` if it is not a term of these vocabularies.
pub(super) fn read(text: &str) -> Option<bool> {
    let text = text.trim().trim_end_matches(['/', '#', '.', '!']);
    // Terms may be URLs or have prefixes.
    let term = text.rsplit(['/', '#', ':']).next().unwrap_or(text);
    if term.len() > 40 || !term.is_ascii() {
        return None;
    }
    let folded: String = term.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    if UNAVAILABLE_TERMS.contains(&folded.as_str()) {
        Some(false)
    } else if AVAILABLE_TERMS.contains(&folded.as_str()) {
        Some(true)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn terms_of_both_vocabularies_are_read() {
        for yes in [
            "InStock",
            "in_stock",
            "IN-STOCK",
            "in stock",
            "https://schema.org/InStock/",
            "schema:InStock",
            "http://schema.org/ItemAvailability#PreOrder",
            "LimitedAvailability",
            "InStoreOnly",
            "online_only",
            "available for order",
            "pre-order",
            "MadeToOrder",
            "low stock",
        ] {
            assert_eq!(read(yes), Some(true), "{yes}");
        }
        for no in [
            "OutOfStock",
            "out_of_stock",
            "OUT-OF-STOCK",
            "OOS",
            "oos",
            "http://schema.org/SoldOut",
            "sold_out",
            "Discontinued",
            "back order",
            "BackOrder",
            "not_available",
            "Reserved",
            "schema.org/OutOfStock",
        ] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for unknown in ["", "wyprzedane", "stock", "12", "In stock since May", "https://shop.test/x"] {
            assert_eq!(read(unknown), None, "{unknown}");
        }
    }
}

//! Generates the test page: ten fields that CSS selectors and an ordinary extractor find alike, no structured data, 9
//! KB. Pure; knows nothing of the server that serves it.

use std::fmt::Write as _;
use std::sync::LazyLock;

use serde_json::{Value, json};

/// Approximate size of a page in bytes.
const SIZE: usize = 9 * 1024;
/// Number of children of a page in the tree.
pub const CHILDREN: u64 = 10;
/// The fields: name, type, example, CSS selector.
pub const FIELDS: [(&str, &str, &str, &str); 10] = [
    ("title", "string", "Copper kettle 7", "h1"),
    ("price", "float", "9.99", "p.price"),
    ("sku", "string", "KT-00007", "dd.sku"),
    ("brand", "string", "Northwind", "dd.brand"),
    ("availability", "string", "In stock", "dd.availability"),
    ("rating", "float", "4.5", "dd.rating"),
    ("colour", "string", "Blue", "dd.colour"),
    ("weight", "string", "1.2 kg", "dd.weight"),
    ("material", "string", "Copper", "dd.material"),
    ("description", "string", "A kettle for every day.", "p.description"),
];
const COLOURS: [&str; 5] = ["Blue", "Green", "Red", "Black", "White"];

static FILLER: LazyLock<String> = LazyLock::new(|| {
    let line = "<p>Water boils sooner under a lid, and a kettle that is descaled twice a year lasts longer.</p>\n";
    line.repeat(SIZE / line.len())
});

/// Returns the schema of the first `fields` fields, in the form of an API call: with examples, without selectors.
pub fn schema(fields: usize) -> Value {
    let of = |&(name, kind, example, _): &(&str, &str, &str, &str)| {
        let example = if kind == "float" { json!(example.parse::<f64>().unwrap_or_default()) } else { json!(example) };
        json!({ "field": name, "type": kind, "example": example })
    };
    FIELDS.iter().take(fields).map(of).collect()
}

/// Returns page `number` with `links`.
pub fn page(number: u64, links: &[String]) -> String {
    let mut out = String::with_capacity(SIZE + 1024);
    let colour = COLOURS[usize::try_from(number % 5).unwrap_or(0)];
    // An extractor does not accept a price of zero.
    let (whole, cents, tenth) = (number + 1, number % 100, number % 10);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Copper kettle {number} | Kettles</title>\
         </head>\n<body><nav>"
    );
    for link in links {
        let _ = write!(out, "<a href=\"{link}\">{link}</a> ");
    }
    let _ = write!(
        out,
        "</nav>\n<main><h1>Copper kettle {number}</h1>\n<p class=\"price\">${whole}.{cents:02}</p>\n\
         <dl><dt>SKU</dt><dd class=\"sku\">KT-{number:05}</dd>\n<dt>Brand</dt><dd class=\"brand\">Northwind</dd>\n\
         <dt>Availability</dt><dd class=\"availability\">In stock</dd>\n<dt>Rating</dt><dd class=\"rating\">4.{tenth}</dd>\n\
         <dt>Colour</dt><dd class=\"colour\">{colour}</dd>\n<dt>Weight</dt><dd class=\"weight\">1.{tenth} kg</dd>\n\
         <dt>Material</dt><dd class=\"material\">Copper</dd></dl>\n\
         <h2>Description</h2><p class=\"description\">Kettle number {number} of a long row of kettles.</p>\n<section>"
    );
    let remaining = SIZE.saturating_sub(out.len() + 40);
    out.push_str(&FILLER[..FILLER[..remaining.min(FILLER.len())].rfind('\n').map_or(0, |at| at + 1)]);
    out.push_str("</section></main></body></html>\n");
    out
}

/// Returns the links of page `number` in a tree of `count` pages below the path `root`: its children and its parent.
pub fn links(root: &str, number: u64, count: u64) -> Vec<String> {
    let first = number * CHILDREN + 1;
    let mut links: Vec<String> =
        (first..first + CHILDREN).filter(|c| *c < count).map(|c| format!("{root}{c}")).collect();
    if number > 0 {
        links.push(format!("{root}{}", (number - 1) / CHILDREN));
    }
    links
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn extractor_and_selectors_find_the_same_ten_fields() {
        let schema = crate::schema(&schema(10)).unwrap();
        let url = crate::address("http://127.0.0.1/t/17").unwrap();
        for number in [0, 17, 1_999, 9_999] {
            let text = page(number, &links("/t/", number, 2_000));
            assert!((SIZE - 200..SIZE + 200).contains(&text.len()), "{} bytes", text.len());
            let read = extraction::Page { body: text.as_bytes(), content_type: Some("text/html"), url: &url };
            let context = extraction::Context { locale: "en-US", now: crate::FETCHED_AT, budget: &Default::default() };
            let found = extraction::extract(&read, &schema, &context).unwrap();
            let html = scraper::Html::parse_document(&text);
            for (name, kind, _, css) in FIELDS {
                let selected = html.select(&scraper::Selector::parse(css).unwrap()).next().unwrap();
                let selected: String = selected.text().collect();
                match kind {
                    "float" => {
                        assert_eq!(found.data[name].as_f64(), selected.trim_start_matches('$').parse().ok(), "{name}")
                    }
                    _ => assert_eq!(found.data[name].as_str(), Some(&*selected), "{name}"),
                }
            }
        }
    }

    #[test]
    fn a_tree_reaches_each_of_its_pages_from_the_root() {
        let mut seen = BTreeSet::from(["/t/0".to_owned()]);
        for number in 0..235 {
            assert!(seen.contains(&format!("/t/{number}")), "{number} comes after the page that links to it");
            seen.extend(links("/t/", number, 235));
        }
        assert_eq!(seen.len(), 235);
        assert_eq!(links("/t/", 17, 235).last().unwrap(), "/t/1");
    }
}

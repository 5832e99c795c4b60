//! Tables of spellings: how shops, news and feeds of many countries write amounts, numbers, days, yes and no. A row is
//! what a page says and the value that it means; `null` means no value, `any` a value that nobody should rely on.

use serde_json::{Value, json};

use super::{read_at, schema};

/// Reads one field of a row's page.
fn value(page: &str, locale: &str, field: Value) -> Value {
    let name = field["field"].as_str().unwrap().to_owned();
    read_at("https://shop.test/p/kettle", locale, page, json!([field])).data[&name].clone()
}

/// Returns a page with a text that a selector finds; markup is kept.
fn sheet(text: &str) -> String {
    let text = if text.contains("</") { text.to_owned() } else { text.replace('&', "&amp;").replace('<', "&lt;") };
    format!("<!doctype html><title>Sheet</title><h1>Sheet</h1><p class=\"v\">{text}</p>")
}

/// Returns the rows of a table that are read as another value.
fn wrong(table: &str, read: impl Fn(&[&str]) -> Value) -> Vec<String> {
    let rows = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.filter_map(|row| {
        let cells: Vec<&str> = row.split('\t').collect();
        let (want, cells) = cells.split_last().unwrap();
        let got = read(cells);
        let same = match want.parse::<f64>() {
            Ok(number) => got.as_f64().is_some_and(|v| (v - number).abs() < 0.005),
            Err(_) => got == serde_json::from_str(want).unwrap_or_else(|_| json!(want)),
        };
        (!same && *want != "any").then(|| format!("{row}: {got}"))
    })
    .collect()
}

/// Returns a field that reads the text of [`sheet`].
fn selected(name: &str, kind: &str) -> Value {
    let mut field = schema(&[(name, kind)])[0].clone();
    field["selector"] = json!(".v");
    field
}

#[test]
fn amounts_of_money_are_read_in_every_spelling() {
    let read = |row: &[&str]| value(&sheet(row[1]), row[0], selected("price", "float"));
    assert_eq!(wrong(include_str!("../tables/money.tsv"), read), Vec::<String>::new());
}

#[test]
fn numbers_are_read_in_every_spelling() {
    let read = |row: &[&str]| value(&sheet(row[1]), row[0], selected("value", "float"));
    assert_eq!(wrong(include_str!("../tables/numbers.tsv"), read), Vec::<String>::new());
}

#[test]
fn days_are_read_in_every_spelling() {
    let read = |row: &[&str]| value(&sheet(row[1]), row[0], selected("date", "date"));
    assert_eq!(wrong(include_str!("../tables/dates.tsv"), read), Vec::<String>::new());
}

#[test]
fn answers_are_read_in_every_spelling() {
    let read = |row: &[&str]| value(&sheet(row[0]), "en-US", selected("inStock", "boolean"));
    assert_eq!(wrong(include_str!("../tables/answers.tsv"), read), Vec::<String>::new());
}

/// The value of an offer's own statement, whatever the page says beside it.
#[test]
fn availability_is_read_in_every_spelling() {
    let read = |row: &[&str]| {
        let offer = json!({"@type": "Offer", "price": "49.50", "priceCurrency": "EUR", "availability": row[0]});
        let lamp = json!({"@type": "Product", "name": "Birch Lamp", "offers": offer});
        let page = format!(
            "<title>Birch Lamp</title><h1>Birch Lamp</h1><script type='application/ld+json'>{lamp}</script><p \
             class=price>€49.50</p>"
        );
        value(&page, "en-US", schema(&[("inStock", "boolean")])[0].clone())
    };
    assert_eq!(wrong(include_str!("../tables/availability.tsv"), read), Vec::<String>::new());
}

/// Pages of one lamp: which of several offers is meant, labels and their values, placeholders, related items, markup in
/// odd places, scripts to repair. `@` stands for the head of every page; any value of `want` is right.
#[test]
fn every_page_of_the_table_gives_its_values() {
    let head = "<!doctype html><html lang=en><title>Birch Lamp | Hearth Shop</title><h1>Birch Lamp</h1>";
    let wrong: Vec<String> = include_str!("../tables/pages.jsonl")
        .lines()
        .filter_map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| case[name].as_str();
            let page = text("page").unwrap().replacen('@', head, usize::from(text("page").unwrap().starts_with('@')));
            let (field, kind) = (text("field").unwrap(), text("type").unwrap());
            let url = text("url").unwrap_or("https://shop.test/p/kettle");
            let read = read_at(url, text("locale").unwrap_or("en-US"), &page, schema(&[(field, kind)]));
            let got = &read.data[field];
            (!case["want"].as_array().unwrap().contains(got)).then(|| format!("{}: {got}", case["id"]))
        })
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

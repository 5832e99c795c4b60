use domain::RenderMode;
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(page: &str, content_type: &str, schema: Value) -> Extracted {
    read_within(page, content_type, schema, &Budget::default()).unwrap()
}

fn read_within(page: &str, content_type: &str, schema: Value, budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let url = Url::parse("https://shop.test/p/kettle?x=1").unwrap();
    let page = Page { body: page.as_bytes(), content_type: Some(content_type), url: &url };
    // 2026-11-24
    let context = Context { locale: "en-US", now: Timestamp(1_795_478_400_000), budget };
    extract(&page, &Schema::parse(&schema).unwrap(), &context)
}

#[test]
fn reading_stops_when_the_time_or_the_budget_ends() {
    let page = "<div class=price>By Ann $1.99</div>".repeat(2_000);
    let schema = json!([field("title", "string"), field("price", "float")]);
    for (page, kind) in [(&page, "text/html"), (&page, "text/plain")] {
        let whole = Budget::default();
        read_within(page, kind, schema.clone(), &whole).unwrap();
        let all = whole.taken().steps;
        // The callback says from some moment on that time is over. Little may be done after that.
        for part in [1, 2, 4] {
            let asked = std::cell::Cell::new(0u64);
            let over = || asked.replace(asked.get() + 1) * 4_096 >= all / part;
            let budget = Budget::with_deadline(&over);
            let ended = read_within(page, kind, schema.clone(), &budget);
            if part > 1 {
                assert_eq!(ended, Err(ExtractError::OutOfTime), "{kind}");
            }
            let few = Budget::limited(budget::Limits { steps: all / part - 1, ..budget::Limits::PAGE });
            assert_eq!(
                read_within(page, kind, schema.clone(), &few),
                Err(ExtractError::BudgetExceeded(Resource::Steps)),
                "{kind}"
            );
            assert!(few.taken().steps <= all / part + page.len() as u64, "{kind}: {} of {all}", few.taken().steps);
        }
    }
}

/// Detecting the charset costs steps in proportion to the page's length, whatever its type.
#[test]
fn bytes_cost_steps_before_they_are_text() {
    let budget = Budget::default();
    let page = "x".repeat(160_000);
    read_within(&page, "application/json", json!([field("title", "string")]), &budget).unwrap_err();
    assert!(budget.taken().steps >= 10_000, "{}", budget.taken().steps);
}

fn field(name: &str, kind: &str) -> Value {
    json!({"field": name, "type": kind, "example": "1"})
}

const PRODUCT: &str = r##"<!doctype html><html lang="en"><head><title>Copper Kettle | Shop</title>
<script type="application/ld+json">{"@graph":[
 {"@type":"BreadcrumbList","itemListElement":[{"@type":"ListItem","name":"Home","item":{"@id":"/"}}]},
 {"@type":"Organization","name":"Shop","logo":{"@type":"ImageObject","url":"/logo.png"}},
 {"@type":"WebSite","name":"Shop"},
 {"@type":"Product","name":"Copper &amp; Brass Kettle","sku":"00042","brand":{"@id":"#b"},"image":["/k1.jpg","/k2.jpg"],
  "offers":{"@type":"Offer","price":"49.90","priceCurrency":"EUR","availability":"https://schema.org/InStock"},
  "aggregateRating":{"ratingValue":4.6,"reviewCount":"1,204"}},
 {"@type":"Brand","@id":"#b","name":"Hearth"}]}</script></head>
<body><h1>Copper &amp; Brass Kettle</h1><p>Price: $1.00</p>
<table><tr><th>Capacity</th><td>1.7 l</td></tr></table></body></html>"##;

#[test]
fn values_come_from_the_main_entity_not_the_first_one() {
    let got = read(
        PRODUCT,
        "text/html",
        json!([
            field("title", "string"),
            field("price", "float"),
            field("currency", "string"),
            field("sku", "string"),
            field("brand", "string"),
            field("inStock", "boolean"),
            field("rating", "float"),
            field("reviewCount", "integer"),
            field("images", "array<string>"),
        ]),
    );
    assert_eq!(
        Value::Object(got.data),
        json!({
            "title": "Copper & Brass Kettle", "price": 49.9, "currency": "EUR", "sku": "00042", "brand": "Hearth",
            "inStock": true, "rating": 4.6, "reviewCount": 1204, "images": ["https://shop.test/k1.jpg", "https://shop.test/k2.jpg"],
        })
    );
    assert_eq!(got.render_mode, RenderMode::Structured);
    assert!(got.warnings.iter().any(|w| w.contains("inStock")), "{:?}", got.warnings);
}

#[test]
fn links_come_with_the_values_and_from_html_only() {
    let url = Url::parse("https://shop.test/p/").unwrap();
    let context = Context { locale: "en-US", now: Timestamp(1_795_478_400_000), budget: &Default::default() };
    let schema = Schema::parse(&json!([field("title", "string")])).unwrap();
    let read = |body: &str, kind: &str| {
        let page = Page { body: body.as_bytes(), content_type: Some(kind), url: &url };
        let (extracted, Extras { links, .. }) =
            extract_with(&page, &schema, &context, RequestedExtras { links: true, ..RequestedExtras::default() });
        assert_eq!(extracted, extract(&page, &schema, &context));
        links.links.into_iter().map(|l| l.url.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(read("<title>T</title><a href=b>x</a>", "text/html"), ["https://shop.test/p/b"]);
    for kind in ["application/json", "text/plain", "image/png"] {
        assert!(read("{\"a\": \"<a href=b>\"}", kind).is_empty(), "{kind}");
    }
}

#[test]
fn a_visible_value_makes_the_render_mode_fetch() {
    let got = read(PRODUCT, "text/html", json!([field("capacity", "string"), field("price", "float")]));
    assert_eq!(Value::Object(got.data), json!({"capacity": "1.7 l", "price": 49.9}));
    assert_eq!(got.render_mode, RenderMode::Fetch);
}

#[test]
fn a_selector_alone_decides() {
    let schema = json!([
        {"field": "price", "type": "float", "example": 1, "selector": "p"},
        {"field": "title", "type": "string", "example": "x", "selector": ".none"},
        {"field": "cells", "type": "array<string>", "example": ["x"], "selector": "tr > *"},
    ]);
    let got = read(PRODUCT, "text/html", schema);
    assert_eq!(Value::Object(got.data), json!({"price": 1.0, "title": null, "cells": ["Capacity", "1.7 l"]}));
    assert_eq!(got.render_mode, RenderMode::Fetch);
}

#[test]
fn an_unreadable_value_is_null_with_a_warning() {
    let page = r#"<meta property="product:price:amount" content="on request"><meta property="og:title" content="A">"#;
    let got = read(
        page,
        "text/html",
        json!([field("price", "float"), field("title", "string"), field("tags", "array<integer>")]),
    );
    assert_eq!(Value::Object(got.data), json!({"price": null, "title": "A", "tags": []}));
    assert_eq!(got.warnings.len(), 1);
    assert!(got.warnings[0].starts_with("TYPE_COERCION_FAILED") && got.warnings[0].contains("\"price\""));
}

#[test]
fn meta_title_heading_and_recipe_are_read() {
    let page = r#"<title>Soup - Cooks</title><h1>Soup</h1><meta name="author" content="Ann"><time datetime="2025-03-04"></time>"#;
    let got = read(
        page,
        "text/html",
        json!([field("headline", "string"), field("author", "string"), field("published_at", "date")]),
    );
    assert_eq!(Value::Object(got.data), json!({"headline": "Soup", "author": "Ann", "published_at": "2025-03-04"}));
    let page = r#"<script type="application/ld+json">{"@type":["Recipe"],"name":"Soup","prepTime":"PT1H10M","recipeYield":["4","4 servings"],
      "recipeIngredient":["1 egg","2 &frac12; cups"],"recipeInstructions":[{"@type":"HowToSection","itemListElement":[{"@type":"HowToStep","text":"<p>Mix</p>"},{"@type":"HowToStep","text":"Eat"}]}],
      "keywords":"a, b"}</script>"#;
    let got = read(
        page,
        "text/html",
        json!([
            field("prepTime", "integer"),
            field("servings", "integer"),
            field("ingredients", "array<string>"),
            field("instructions", "array<string>"),
            field("tags", "array<string>")
        ]),
    );
    assert_eq!(
        Value::Object(got.data),
        json!({"prepTime": 70, "servings": 4, "ingredients": ["1 egg", "2 ½ cups"], "instructions": ["Mix", "Eat"], "tags": ["a", "b"]})
    );
}

#[test]
fn json_and_text_pages_are_read() {
    let got = read(
        r#"{"item": {"name": "Cup", "cost": "$3.50", "stock": {"value": "in stock"}, "list": [1, "2", "x"]}}"#,
        "application/json; charset=utf-8",
        json!([
            field("name", "string"),
            field("price", "float"),
            field("availability", "boolean"),
            field("list", "array<integer>"),
            field("item.cost", "string")
        ]),
    );
    assert_eq!(
        Value::Object(got.data),
        json!({"name": "Cup", "price": 3.5, "availability": true, "list": [1, 2], "item.cost": "$3.50"})
    );
    let got = read("just words", "text/plain", json!([field("title", "string"), field("tags", "array<string>")]));
    assert_eq!(Value::Object(got.data), json!({"title": null, "tags": []}));
}

#[test]
fn other_content_is_refused() {
    let url = Url::parse("https://e.test/").unwrap();
    let schema = Schema::parse(&json!([field("t", "string")])).unwrap();
    let context = Context { locale: "en", now: Timestamp(0), budget: &Default::default() };
    let get =
        |content_type, body| extract(&Page { body, content_type: Some(content_type), url: &url }, &schema, &context);
    assert!(get("application/pdf", b"%PDF").unwrap_err().to_string().contains("application/pdf"));
    assert_eq!(get("application/json", b"{").unwrap_err(), ExtractError::InvalidJson);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn always_the_schemas_keys_and_types(body in "(<[a-z]{1,6}( [a-z]{1,8}=\"[^\"]{0,12}\")?>|</[a-z]{1,6}>|[\\PC]{0,8}|\\{\"@type\":\"[A-Z][a-z]{2,6}\",|<script type=\"application/ld\\+json\">|</script>){0,40}") {
        let kinds = domain::FieldType::ALL;
        let names = ["title", "price", "inStock", "date", "tags", "rating", "unknown thing", "image"];
        let fields: Vec<Value> = kinds.iter().zip(names).map(|(k, n)| json!({"field": n, "type": k.name(), "example": "1"})).collect();
        let got = read(&body, "text/html", Value::Array(fields));
        prop_assert_eq!(got.data.keys().map(String::as_str).collect::<Vec<_>>(), names.to_vec());
        for (value, kind) in got.data.values().zip(kinds) {
            let right = match kind {
                domain::FieldType::String | domain::FieldType::Date => value.is_null() || value.is_string(),
                domain::FieldType::Integer => value.is_null() || value.is_i64() || value.is_u64(),
                domain::FieldType::Float => value.is_null() || value.is_f64(),
                domain::FieldType::Boolean => value.is_null() || value.is_boolean(),
                _ => value.is_array(),
            };
            prop_assert!(right, "{:?} {:?}", kind, value);
        }
    }
}

/// Counted, not timed: the bytes of text and marks examined grow with the page and no faster.
#[test]
fn work_grows_with_the_page_and_no_faster() {
    let shapes: [fn(usize) -> String; 13] = [
        |n| "<div class='price author date'>By Ann $1.99 March 4, 2025</div>".repeat(n),
        |n| format!("<h1>a</h1>{}", "<p>Label: value</p>".repeat(n)),
        |n| "<span>".repeat(n),
        |n| format!("<ul>{}</ul>", "<li>1 egg".repeat(n)),
        |n| format!("<h2>Ingredients</h2>{}", "<h3>Ingredients</h3><ul><li>1 egg</ul>".repeat(n)),
        |n| format!("<table>{}</table>", "<tr><th>a</th><th>b</th></tr>".repeat(n)),
        |n| {
            format!(
                "<script type='application/ld+json'>{{\"@type\":\"Product\",\"name\":[{}\"x\"]}}</script>",
                "\"y\",".repeat(n)
            )
        },
        |n| format!("<div itemscope>{}", "<div itemprop=name>x".repeat(n)),
        |n| "<svg><style><!--<script>".repeat(n),
        |n| format!("{}<p>{}", "<svg>".repeat(n), "</svg>".repeat(n)),
        |n| format!("<p>{}", "<b>Label:</b> value<wbr>".repeat(n)),
        |n| format!("{}{}", "<div class=price><h1>x".repeat(100), "words ".repeat(n)),
        |n| format!("{}itemprop{}", "<noscript>".repeat(n), "</noscript>"),
    ];
    let names = [
        ("title", "string"),
        ("price", "float"),
        ("originalPrice", "float"),
        ("inStock", "boolean"),
        ("publishedAt", "date"),
        ("author", "string"),
        ("ingredients", "array<string>"),
        ("instructions", "array<string>"),
        ("reviewCount", "integer"),
        ("body", "string"),
        ("tags", "array<string>"),
        ("zork", "string"),
    ];
    let schema: Value = names.iter().map(|(name, kind)| field(name, kind)).collect();
    for (at, shape) in shapes.iter().enumerate() {
        let work = |n: usize| {
            let budget = Budget::default();
            read_within(&shape(n), "text/html", schema.clone(), &budget).unwrap();
            budget.taken().steps
        };
        // Eight times the page takes eight times the work, plus a constant for what has a fixed bound; quadratic would
        // be 64.
        let (small, large) = (work(400), work(3_200));
        assert!(large <= small * 10 + 50_000, "shape {at}: {small} to {large}");
    }
}

//! One page per trap: something that looks like the answer and is not.

use serde_json::{Value, json};

use super::{data, read, read_at, schema};

#[test]
fn the_breadcrumbs_and_the_publisher_are_not_the_page() {
    let page = r#"<script type="application/ld+json">[{"@type":"BreadcrumbList","name":"Home > Kettles","itemListElement":[{"@type":"ListItem","name":"Home"}]},
        {"@type":"Organization","name":"Hearth","description":"We sell kettles","image":"/logo.png"},
        {"@type":"Product","name":"Copper Kettle","description":"It sings."}]</script><h1>Copper Kettle</h1>"#;
    assert_eq!(
        data(page, &[("title", "string"), ("description", "string")]),
        json!({"title": "Copper Kettle", "description": "It sings."})
    );
}

#[test]
fn the_product_of_the_page_wins_among_many() {
    let page = r#"<title>Copper Kettle - Hearth</title><h1>Copper Kettle</h1><script type="application/ld+json">
        {"@type":"ItemList","itemListElement":[{"@type":"Product","name":"Steel Pan","offers":{"price":"1"}},{"@type":"Product","name":"Iron Pot","offers":{"price":"2"}}]}</script>
        <script type="application/ld+json">{"@type":"Product","name":"Copper Kettle","offers":{"price":"49.90"}}</script>"#;
    assert_eq!(data(page, &[("price", "float")]), json!({"price": 49.9}));
}

#[test]
fn a_list_page_has_no_price_of_its_own() {
    let page = r#"<title>Pans</title><h1>Our pans</h1><script type="application/ld+json">
        {"@type":"ItemList","itemListElement":[{"@type":"Product","name":"Steel Pan","offers":{"price":"1"}},{"@type":"Product","name":"Iron Pot","offers":{"price":"2"}}]}</script>"#;
    assert_eq!(data(page, &[("price", "float")]), json!({"price": null}));
}

#[test]
fn the_current_price_wins_among_others() {
    let page = r#"<h1>Copper Kettle</h1><div class="price-box"><span class="old-price"><s>€ 79,00</s></span>
        <span class="price current">€ 49,90</span><span class="unit-price">€ 29,35 / l</span></div>
        <p>Free delivery over € 100,00</p><button>Add to cart</button>
        <section class="related-products"><div class="price">€ 5,00</div></section>"#;
    let fields = json!([
        {"field": "price", "type": "float", "example": 9.99},
        {"field": "was", "type": "float", "example": 9.99, "hint": "the original price before the discount"},
        {"field": "inStock", "type": "boolean", "example": true},
        {"field": "currency", "type": "string", "example": "USD"},
    ]);
    assert_eq!(
        Value::Object(read(page, fields).data),
        json!({"price": 49.9, "was": 79.0, "inStock": true, "currency": "EUR"})
    );
}

#[test]
fn a_disabled_button_and_an_unavailable_message_mean_no() {
    let page = r#"<h1>Copper Kettle</h1><p class="price">$49.90</p><p class="stock">Currently unavailable</p>
        <button disabled>Add to cart</button>"#;
    assert_eq!(data(page, &[("inStock", "boolean")]), json!({"inStock": false}));
}

#[test]
fn codes_keep_their_leading_zeros() {
    let page = r#"<h1>Copper Kettle</h1><ul><li>Art.-Nr.: 000417</li><li>EAN: 0012345678905</li></ul>"#;
    assert_eq!(data(page, &[("sku", "string"), ("ean", "string")]), json!({"sku": "000417", "ean": "0012345678905"}));
}

#[test]
fn numbers_and_dates_follow_the_language_of_the_page() {
    let page = r#"<html lang="de-DE"><h1>Kessel</h1><p class="price">1.234 €</p><p>Veröffentlicht am 03.04.2025</p>"#;
    let fields = schema(&[("price", "float"), ("publishedAt", "date")]);
    assert_eq!(Value::Object(read(page, fields.clone()).data), json!({"price": 1234.0, "publishedAt": "2025-04-03"}));
    // The caller's own language decides, unless it is merely the default.
    let plain = r#"<table><tr><th>Depth</th><td>1.234</td></tr></table>"#;
    let depth = schema(&[("depth", "float")]);
    assert_eq!(read_at("https://e.test/", "de-DE", plain, depth.clone()).data["depth"], 1234.0);
    assert_eq!(read_at("https://e.test/", "en-US", plain, depth.clone()).data["depth"], 1.234);
    // Pages spell their locale in two ways.
    for lang in ["de-DE", "de_DE", "DE_de"] {
        for (text, want) in [("1.234", 1234.0), ("1.234,50", 1234.5)] {
            let page =
                format!(r#"<html lang="{lang}"><h1>Kessel</h1><table><tr><th>Depth</th><td>{text}</td></tr></table>"#);
            assert_eq!(read(&page, depth.clone()).data["depth"], want, "{lang}: {text}");
        }
    }
}

#[test]
fn durations_are_given_in_the_unit_asked_for() {
    let page = r#"<h1>Soup</h1><ul><li>Prep time: 1 hr 20 min</li><li>Cook time: 90 minutes</li></ul>
        <script type="application/ld+json">{"@type":"Recipe","name":"Soup","totalTime":"PT2H50M"}</script>"#;
    let fields = json!([
        {"field": "prepTime", "type": "integer", "example": 10, "hint": "in minutes"},
        {"field": "cookTime", "type": "float", "example": 1.5, "hint": "hours"},
        {"field": "totalTimeSeconds", "type": "integer", "example": 600},
        {"field": "total_time", "type": "string", "example": "10 minutes"},
    ]);
    assert_eq!(
        Value::Object(read(page, fields).data),
        json!({"prepTime": 80, "cookTime": 1.5, "totalTimeSeconds": 10_200, "total_time": "PT2H50M"})
    );
}

#[test]
fn the_total_time_is_added_up_where_it_is_missing() {
    let page = r#"<script type="application/ld+json">{"@type":"Recipe","name":"Soup","prepTime":"PT10M","cookTime":"PT1H"}</script>"#;
    assert_eq!(data(page, &[("totalTime", "integer")]), json!({"totalTime": 70}));
}

#[test]
fn the_sites_name_is_neither_title_nor_author() {
    let page = r#"<title>Why kettles sing | The Daily Kettle</title><meta property="og:site_name" content="The Daily Kettle">
        <h1>The Daily Kettle</h1><script type="application/ld+json">{"@type":"NewsArticle","headline":"Why kettles sing",
        "author":{"@type":"Organization","name":"The Daily Kettle"},"publisher":{"name":"The Daily Kettle"}}</script>
        <h2>Why kettles sing</h2><p>By Ann Lee</p>"#;
    assert_eq!(
        data(page, &[("title", "string"), ("author", "string")]),
        json!({"title": "Why kettles sing", "author": "Ann Lee"})
    );
}

#[test]
fn markup_entities_and_wrong_charsets_in_texts_are_cleaned() {
    let page = r#"<script type="application/ld+json">{"@type":"Recipe","name":"Tom &amp; Jo&#39;s soup",
        "recipeIngredient":["Â½ cup milk ((cold))","1 egg , beaten","For the top:"],
        "recipeInstructions":"&lt;p&gt;Stir it well.&lt;/p&gt;&lt;p&gt;Bake it, long.&lt;/p&gt;"}</script>"#;
    assert_eq!(
        data(page, &[("title", "string"), ("ingredients", "array<string>"), ("instructions", "array<string>")]),
        json!({"title": "Tom & Jo's soup", "ingredients": ["½ cup milk (cold)", "1 egg, beaten"],
               "instructions": ["Stir it well.", "Bake it, long."]})
    );
}

#[test]
fn missing_values_are_null_without_a_warning() {
    let page = "<h1>About us</h1><p>We are a family of kettle makers since 1904, with a shop in town.</p>";
    let got = read(
        page,
        schema(&[
            ("price", "float"),
            ("sku", "string"),
            ("author", "string"),
            ("rating", "float"),
            ("tags", "array<string>"),
        ]),
    );
    assert_eq!(
        Value::Object(got.data),
        json!({"price": null, "sku": null, "author": null, "rating": null, "tags": []})
    );
    assert!(got.warnings.is_empty(), "{:?}", got.warnings);
}

#[test]
fn ranges_give_their_first_value_and_say_so() {
    let page = r#"<h1>Kettle</h1><p>Capacity: 2-3 litres</p>"#;
    let got = read(page, schema(&[("capacity", "float")]));
    assert_eq!(got.data["capacity"], 2.0);
    assert!(got.warnings[0].contains("first of a range"), "{:?}", got.warnings);
}

#[test]
fn lists_of_long_lines_do_not_panic() {
    // Found by fuzzing: a negative score for a list's look.
    let words = "none of these lines has an amount, and all of them are far too long to be anything that a cook would \
                 have to buy, weigh, wash or cut before the work begins in earnest";
    let page = format!("<h1>Soup</h1><h2>Ingredients</h2><ul><li>{words}</li><li>{words}, too</li></ul>");
    let got = read(&page, schema(&[("ingredients", "array<string>"), ("instructions", "array<string>")]));
    assert_eq!(got.data.len(), 2);
}

#[test]
fn a_starting_bid_gives_way_to_the_current_one() {
    let page = |meta: &str, shown: &str| {
        format!(
            r#"<meta property="product:price:amount" content="{meta}"><h1>Copper Kettle</h1>
            <script type="application/ld+json">{{"@type":"Product","name":"Copper Kettle","offers":{{"price":90}}}}</script>
            <p class="price">{shown}</p><p>Starting bid: $90</p>"#
        )
    };
    let price = |meta: &str, shown: &str| data(&page(meta, shown), &[("price", "float")])["price"].clone();
    assert_eq!(price("400", "$400"), 400.0);
    // One against one: the more trusted source wins.
    assert_eq!((price("90", "$400"), price("400", "$90")), (json!(90.0), json!(90.0)));
}

#[test]
fn a_headline_that_was_cut_is_not_the_title() {
    let whole = "word ".repeat(30);
    let (whole, cut) = (whole.trim(), &whole[..104]);
    let page = format!(
        r#"<title>{whole} - Hearth</title><meta property="og:title" content="{whole}">
        <script type="application/ld+json">{{"@type":"Article","headline":"{cut}"}}</script>"#
    );
    assert_eq!(data(&page, &[("title", "string")]), json!({"title": whole}));
}

#[test]
fn a_day_is_read_as_a_year_only_where_a_year_is_asked_for() {
    let page = "<h1>Kettle</h1><dl><dt>Built</dt><dd>2025-03-04</dd></dl>";
    let field = |hint: &str| json!([{"field": "built", "type": "integer", "example": 1999, "hint": hint}]);
    assert_eq!(read(page, field("the year")).data["built"], 2025);
    assert_eq!(read(page, field("how many")).data["built"], Value::Null);
}

#[test]
fn relative_days_are_read() {
    let page = "<title>Kettles</title><h1>Kettles</h1><p>Updated yesterday</p>";
    assert_eq!(data(page, &[("modifiedAt", "date")]), json!({"modifiedAt": "2026-11-23"}));
    let page = "<title>Kessel</title><h1>Kessel</h1><p>Veröffentlicht vor einer Woche</p>";
    assert_eq!(data(page, &[("publishedAt", "date")]), json!({"publishedAt": "2026-11-17"}));
}

/// Runs on a small stack, so that a recursive walk would fail the test.
#[test]
fn a_page_of_any_depth_is_read() {
    let read = || {
        let page = format!(
            "<title>Kettle</title>{}$5{}<p>Weight: 7</p>",
            "<div itemscope>".repeat(200_000),
            "</div>".repeat(200_000)
        );
        data(&page, &[("title", "string"), ("weight", "integer")])
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(read).unwrap();
    assert_eq!(thread.join().unwrap(), json!({"title": "Kettle", "weight": 7}));
}

//! What a page states: texts that only look like markup, availability in unknown words, unfilled template placeholders,
//! several offers.

use serde_json::json;

use super::{data, read, schema};

#[test]
fn text_is_distinguished_from_markup() {
    let page = r#"<title>The &lt;slot&gt; element</title><h1>The &lt;slot&gt; element</h1>
        <dl><dt>Return type</dt><dd>Map&lt;String, Int&gt;</dd></dl><p id=m>Bo &lt;bo@example.com&gt;</p>"#;
    assert_eq!(data(page, &[("title", "string")]), json!({"title": "The <slot> element"}));
    assert_eq!(data(page, &[("returnType", "string")]), json!({"returnType": "Map<String, Int>"}));
    let own = json!([{"field": "v", "type": "string", "example": "x", "selector": "#m"}]);
    assert_eq!(read(page, own).data["v"], "Bo <bo@example.com>");
    for (written, meant) in [
        ("<p>A &lt;slot&gt; &amp; more<\\/p>", "A <slot> & more"),
        ("&lt;p&gt;Boil &amp;amp; serve&lt;/p&gt;", "Boil & serve"),
        ("Vec<u8> or a < b", "Vec<u8> or a < b"),
    ] {
        let page = format!(
            r#"<h1>Cup</h1><script type="application/ld+json">{{"@type":"Product","name":"Cup","description":"{written}"}}</script>"#
        );
        assert_eq!(data(&page, &[("description", "string")]), json!({"description": meant}), "{written}");
    }
}

#[test]
fn availability_is_read_in_every_vocabulary_but_not_in_unknown_words() {
    for (stated, want) in [
        ("\"out_of_stock\"", json!(false)),
        ("\"OOS\"", json!(false)),
        ("\"http://schema.org/SoldOut/\"", json!(false)),
        ("\"schema:InStock\"", json!(true)),
        ("\"limited-availability\"", json!(true)),
        ("\"available for order\"", json!(true)),
        ("7", json!(true)),
        ("\"0\"", json!(false)),
        // Nothing is stated: the price is a weak yes.
        ("\"\"", json!(true)),
        ("\"{{ stock }}\"", json!(true)),
        // Something is stated, in unknown words.
        ("\"zrovna nemame\"", json!(null)),
    ] {
        let page = format!(
            r#"<h1>Cup</h1><script type="application/ld+json">{{"@type":"Product","name":"Cup",
            "offers":{{"@type":"Offer","price":"4.50","availability":{stated}}}}}</script>"#
        );
        let read = read(&page, schema(&[("inStock", "boolean")]));
        assert_eq!(read.data["inStock"], want, "{stated}");
        let warned = read.warnings.iter().any(|w| w.contains("TYPE_COERCION_FAILED"));
        assert_eq!(warned, want.is_null(), "{stated}: {:?}", read.warnings);
    }
}

#[test]
fn template_placeholders_are_not_values() {
    for gap in
        ["$brand", "{{ brand }}", "${brand}", "<%= brand %>", "%s", "[object Object]", "undefined", "null", "N/A", "—"]
    {
        let text = gap.replace('<', "&lt;");
        for page in [
            format!(
                r#"<h1>Cup</h1><script type="application/ld+json">{{"@type":"Product","name":"Cup","brand":"{gap}"}}</script>"#
            ),
            format!("<h1>Cup</h1><meta property='product:brand' content='{text}'>"),
            format!("<h1>Cup</h1><table><tr><th>Brand<td>{text}</table>"),
            format!(
                "<div itemscope itemtype='http://schema.org/Product'><h1 itemprop=name>Cup</h1><b itemprop=brand>{text}</b></div>"
            ),
        ] {
            assert_eq!(data(&page, &[("brand", "string")]), json!({"brand": null}), "{page}");
        }
        let own = json!([{"field": "v", "type": "string", "example": "x", "selector": "#m"}]);
        assert_eq!(read(&format!("<p id=m>{text}</p>"), own).data["v"], json!(null), "{gap}");
    }
}

/// Returns the price and stock of a product with these members, on the page `/p/kettle?v=2`.
fn offered(members: &str) -> serde_json::Value {
    let page = format!(
        r#"<h1>Cup</h1><script type="application/ld+json">{{"@type":"Product","name":"Cup",{members}}}</script>"#
    );
    let fields = schema(&[("price", "float"), ("inStock", "boolean")]);
    let data = super::read_at("https://shop.test/p/kettle?v=2", "en-US", &page, fields).data;
    json!([data["price"], data["inStock"]])
}

#[test]
fn the_offer_of_the_page_wins() {
    for (members, want) in [
        (r#""offers":{"priceSpecification":[{"price":9,"priceType":"MSRP"},{"price":7}]}"#, json!([7.0, null])),
        (
            r#""offers":{"priceSpecification":[{"price":2,"referenceQuantity":{"value":1}},
              {"price":5,"validForMemberTier":{"name":"Gold"}},{"price":7}]}"#,
            json!([7.0, null]),
        ),
        (
            r#""offers":[{"price":4,"availability":"SoldOut"},{"price":6,"availability":"in_stock"}]"#,
            json!([6.0, true]),
        ),
        (
            r#""offers":{"@type":"AggregateOffer","highPrice":9,"offers":[{"price":9,"availability":"InStock"},
              {"price":3,"availability":"OutOfStock"},{"price":8,"availability":"InStock"}]}"#,
            json!([8.0, true]),
        ),
        (
            r#""offers":[{"price":4,"url":"/p/kettle?v=1","availability":"InStock"},
              {"price":6,"url":"/p/kettle?v=2","availability":"OutOfStock"}]"#,
            json!([6.0, false]),
        ),
        (
            r#""@type":"ProductGroup","hasVariant":[
              {"@type":"Product","name":"Cup S","url":"/p/kettle?v=1","offers":{"price":4,"availability":"InStock"}},
              {"@type":"Product","name":"Cup L","url":"/p/kettle?v=2","offers":{"price":6,"availability":"OutOfStock"}}]"#,
            json!([6.0, false]),
        ),
    ] {
        assert_eq!(offered(members), want, "{members}");
    }
}

#[test]
fn a_neighbours_price_is_not_taken_where_the_page_has_none() {
    for (stated, want) in [
        ("<p class=price>Free</p>", json!(null)),
        ("<p>Price on request</p>", json!(null)),
        ("<div class=product-price><span>Preis auf Anfrage</span></div>", json!(null)),
        // Words that say something else, and a price that is marked as one.
        ("<p>Free shipping</p>", json!(18.5)),
        ("<p class=badge>Free</p>", json!(18.5)),
        ("<p class=price>Free</p><p class=price>€9.90</p>", json!(9.9)),
    ] {
        let page = format!("<title>Oak Stool</title><main><h1>Oak Stool</h1>{stated}<p>Others: €18.50</p></main>");
        assert_eq!(data(&page, &[("price", "float")]), json!({"price": want}), "{stated}");
    }
}

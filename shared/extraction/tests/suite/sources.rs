//! One page per source.

use serde_json::json;

use super::{data, read, schema};

#[test]
fn json_ld_is_read_through_references_and_lists() {
    let page = r##"<script type="application/ld+json">{"@context":"https://schema.org","@graph":[
        {"@type":"WebSite","name":"Hearth"},
        {"@type":"WebPage","@id":"#page","name":"Copper Kettle | Hearth","datePublished":"2025-02-03"},
        {"@type":["Product","Thing"],"name":"Copper Kettle","mainEntityOfPage":{"@id":"#page"},"brand":{"@id":"#b"},
         "offers":[{"@type":"Offer","price":"49.90","priceCurrency":"EUR","seller":{"@type":"Organization","name":"Hearth"}}]},
        {"@type":"Brand","@id":"#b","name":"Smith & Daughters"}]}</script><h1>Copper Kettle</h1>"##;
    assert_eq!(
        data(
            page,
            &[
                ("name", "string"),
                ("price", "float"),
                ("currency", "string"),
                ("brand", "string"),
                ("seller", "string"),
                ("offers.price", "float")
            ]
        ),
        json!({"name": "Copper Kettle", "price": 49.9, "currency": "EUR", "brand": "Smith & Daughters", "seller": "Hearth", "offers.price": 49.9})
    );
}

#[test]
fn invalid_json_ld_is_repaired() {
    let page = "<script type='application/ld+json'>\n<!-- {\"@type\": \"Product\", \"name\": \"A \"good\" cup\", // no\n\"sku\": \"0042\",}\n--></script>";
    assert_eq!(data(page, &[("sku", "string")]), json!({"sku": "0042"}));
    let page = "<script type='application/ld+json'>{\"@type\": \"Product\", \"name\": \"A \"good\" cup\",\n\"description\": \"two\nlines\", \"sku\": \"0042\",}</script>";
    assert_eq!(
        data(page, &[("sku", "string"), ("title", "string")]),
        json!({"sku": "0042", "title": "A \"good\" cup"})
    );
}

#[test]
fn microdata_with_a_part_beside_its_whole_is_read() {
    let page = r#"<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Cup</h1>
        <span itemprop="sku">00042</span></div>
        <div itemscope itemtype="https://schema.org/Offer"><meta itemprop="price" content="3.50">
        <link itemprop="availability" href="https://schema.org/OutOfStock"></div>"#;
    assert_eq!(
        data(page, &[("sku", "string"), ("price", "float"), ("inStock", "boolean")]),
        json!({"sku": "00042", "price": 3.5, "inStock": false})
    );
}

#[test]
fn rdfa_is_read() {
    let page = r#"<article vocab="https://schema.org/" typeof="BlogPosting"><h1 property="headline">On kettles</h1>
        <span property="author" typeof="Person"><span property="name">Ann Lee</span></span>
        <time property="datePublished" datetime="2025-03-04">4 March</time></article>"#;
    assert_eq!(
        data(page, &[("title", "string"), ("author", "string"), ("publishedAt", "date")]),
        json!({"title": "On kettles", "author": "Ann Lee", "publishedAt": "2025-03-04"})
    );
}

#[test]
fn meta_elements_are_read() {
    let page = r#"<meta property="og:title" content="Copper Kettle"><meta property="product:price:amount" content="49,90">
        <meta property="product:availability" content="instock"><meta name="author" content="Ann Lee">
        <meta property="article:published_time" content="2025-03-04T10:00:00Z"><meta property="og:image" content="/k.jpg">
        <meta name="keywords" content="copper, kettle">"#;
    let got = read(
        page,
        schema(&[
            ("title", "string"),
            ("price", "float"),
            ("availability", "boolean"),
            ("author", "string"),
            ("publishedAt", "date"),
            ("image", "string"),
            ("tags", "array<string>"),
        ]),
    );
    assert_eq!(
        serde_json::Value::Object(got.data),
        json!({"title": "Copper Kettle", "price": 49.9, "availability": true, "author": "Ann Lee",
               "publishedAt": "2025-03-04", "image": "https://shop.test/k.jpg", "tags": ["copper", "kettle"]})
    );
    assert_eq!(got.render_mode, domain::RenderMode::Structured);
}

#[test]
fn embedded_state_with_the_pages_title_is_read() {
    let page = r#"<title>Copper Kettle</title><h1>Copper Kettle</h1><script id="__NEXT_DATA__" type="application/json">
        {"props":{"user":{"name":"Visitor","sku":"no"},"product":{"name":"Copper Kettle","articleNumber":"HK-7","weight":1.2,
         "price":{"value":49.9,"currency":"EUR"},"stock":{"level":7}}}}</script>"#;
    assert_eq!(
        data(page, &[("sku", "string"), ("price", "float"), ("weight", "float")]),
        json!({"sku": "HK-7", "price": 49.9, "weight": 1.2})
    );
}

#[test]
fn labels_and_values_in_every_form_are_read() {
    let page = r#"<h1>Copper Kettle</h1><main>
        <table><tr><th>Capacity</th><td>1.7 l</td></tr><tr><td>Weight:</td><td>1.2 kg</td><td>Height:</td><td>24 cm</td></tr></table>
        <dl><dt>Country of origin</dt><dd>Portugal</dd></dl>
        <p>Finish: hammered<br>Handle: oak</p>
        <div class="spec"><span class="spec-label">Lid</span><span class="spec-value">copper</span></div>
        <ul><li><strong>Warranty</strong> 5 years</li></ul>
        <div><b>Spout:</b> long</div>
        <table><tr><td data-label="Thickness">2 mm</td></tr></table></main>"#;
    assert_eq!(
        data(
            page,
            &[
                ("capacity", "string"),
                ("weight", "float"),
                ("height", "integer"),
                ("countryOfOrigin", "string"),
                ("finish", "string"),
                ("handle", "string"),
                ("lid", "string"),
                ("warranty", "integer"),
                ("spout", "string"),
                ("thickness", "float"),
            ]
        ),
        json!({"capacity": "1.7 l", "weight": 1.2, "height": 24, "countryOfOrigin": "Portugal", "finish": "hammered",
               "handle": "oak", "lid": "copper", "warranty": 5, "spout": "long", "thickness": 2.0})
    );
}

#[test]
fn marked_elements_and_data_attributes_are_read() {
    let page = r#"<h1>Copper Kettle</h1><div class="product" data-flux-index="7"><span class="js-burner-type">gas</span></div>"#;
    assert_eq!(
        data(page, &[("burnerType", "string"), ("fluxIndex", "integer"), ("unknownThing", "string")]),
        json!({"burnerType": "gas", "fluxIndex": 7, "unknownThing": null})
    );
}

#[test]
fn lists_under_headings_breadcrumbs_and_tags_are_read() {
    let page = r#"<nav aria-label="Breadcrumb"><ol><li><a href=/>Home</a></li><li><a href=/k>Kitchen</a></li></ol></nav>
        <h1>Pea soup</h1><article><h2>What you need</h2><ul><li>500 g peas</li><li>1 onion</li></ul>
        <h2>Method</h2><ol><li>Boil the peas until they are soft.</li><li>Chop the onion and stir it in well.</li></ol>
        <h2>Tools</h2><ul><li>Pot</li><li>Spoon</li></ul><a rel=tag href=/t/soup>Soup</a> <a rel=tag href=/t/pea>Pea</a></article>"#;
    assert_eq!(
        data(
            page,
            &[
                ("ingredients", "array<string>"),
                ("instructions", "array<string>"),
                ("tools", "array<string>"),
                ("breadcrumbs", "array<string>"),
                ("tags", "array<string>"),
            ]
        ),
        json!({"ingredients": ["500 g peas", "1 onion"],
               "instructions": ["Boil the peas until they are soft.", "Chop the onion and stir it in well."],
               "tools": ["Pot", "Spoon"], "breadcrumbs": ["Home", "Kitchen"], "tags": ["Soup", "Pea"]})
    );
}

#[test]
fn lists_without_a_heading_are_found() {
    let page = r#"<h1>Pea soup</h1><div><ul><li>500 g peas</li><li>1 onion</li><li>2 carrots</li></ul>
        <p>Boil the peas until they are soft all through.</p><p>Chop the onion and stir it in with the carrots.</p></div>"#;
    assert_eq!(
        data(page, &[("ingredients", "array<string>"), ("steps", "array<string>")]),
        json!({"ingredients": ["500 g peas", "1 onion", "2 carrots"],
               "steps": ["Boil the peas until they are soft all through.", "Chop the onion and stir it in with the carrots."]})
    );
}

#[test]
fn bylines_and_datelines_are_read() {
    let page = r#"<header><a class="author" href=/>The Daily Kettle</a></header><article><h1>Why kettles sing</h1>
        <p class="byline">By <a href="/staff/ann">Ann Lee</a> | Published March 4, 2025 | Updated June 1, 2025</p>
        <p>Long before there was electricity, kettles sang in every kitchen of the country.</p></article>
        <div class="comments"><p class="author">By Troll</p><time datetime="2026-01-01">Jan 1</time></div>"#;
    assert_eq!(
        data(page, &[("title", "string"), ("author", "string"), ("publishedAt", "date")]),
        json!({"title": "Why kettles sing", "author": "Ann Lee", "publishedAt": "2025-03-04"})
    );
}

use super::*;

fn all(page: &Html) -> (Vec<Value>, Vec<Value>) {
    read(page, &Budget::default())
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        Value::String(text) => text.len() + 1,
        _ => 1,
    }
}

#[test]
fn names_texts_and_copies_are_bounded() {
    // A thousand names of one value, and nested items with many names each.
    let names: String = (0..1_000).map(|i| format!("n{i} ")).collect();
    let page = format!("<div itemscope><p itemprop='{names}'>{}</p></div>", "x".repeat(10_000));
    assert!(all(&html::parse(&page)).0.iter().map(size).sum::<usize>() < 40_400);
    let page = format!("<div itemscope>{}<b itemprop=z>x", "<div itemscope itemprop='a b c d'>".repeat(7));
    assert!(all(&html::parse(&page)).0.iter().map(size).sum::<usize>() < 4_000);
    // A long text in many nested properties.
    let page = format!("<div itemscope>{}{}", "<div itemprop=a>".repeat(200), "x".repeat(500_000));
    let total: usize = all(&html::parse(&page)).0.iter().map(size).sum();
    assert!(total <= 4_700_000, "{total}");
}

#[test]
fn items_nest() {
    let page = r#"<div itemscope itemtype="https://schema.org/Product"><h1 itemprop="name">Cup</h1>
        <span itemprop="offers" itemscope itemtype="http://schema.org/Offer"><meta itemprop="price" content="3.50">
        <link itemprop="availability" href="https://schema.org/InStock"></span>
        <img itemprop="image" src="/a.jpg"><img itemprop="image" src="/b.jpg"></div><i itemscope></i>"#;
    let items = all(&html::parse(page)).0;
    assert_eq!(items.len(), 2);
    assert_eq!(items[0]["@type"][0], "Product");
    assert_eq!(items[0]["name"], "Cup");
    assert_eq!(items[0]["offers"]["price"], "3.50");
    assert_eq!(items[0]["image"][1], "/b.jpg");
}

#[test]
fn referenced_parts_belong_to_the_item_and_nested_items_keep_their_own() {
    let page = r#"<div id=a><meta itemprop=gtin13 content=1><div itemscope itemprop=isRelatedTo><i itemprop=sku>R</i></div>
        </div><div itemscope itemtype="http://schema.org/Product" itemref="a b c"><b itemprop=name>Cup</b></div>
        <p id=b itemprop=sku>B-1</p><div itemscope itemref="a"><b itemprop=name>Pot</b></div>"#;
    let items = all(&html::parse(page)).0;
    assert_eq!(items.len(), 2, "{items:?}");
    assert_eq!((&items[0]["gtin13"], &items[0]["sku"]), (&"1".into(), &"B-1".into()));
    assert_eq!(items[0]["isRelatedTo"]["sku"], "R");
    assert!(items[1].get("gtin13").is_none());
    // References in a circle end.
    let page = "<div id=x itemscope itemref=y><b itemprop=n>1</b></div><div id=y itemscope itemprop=z itemref=x>";
    assert!(all(&html::parse(page)).0.len() <= 2);
}

#[test]
fn rdfa_gives_the_same_objects() {
    let page = r#"<div vocab="https://schema.org/" typeof="Recipe"><h2 property="name">Tart</h2>
        <div property="author" typeof="Person"><a property="name" href="/ann">Ann</a></div>
        <div property="recipeInstructions"><ol><li>Mix</li><li>Bake</li></ol></div></div>"#;
    let items = all(&html::parse(page)).1;
    assert_eq!(items[0]["@type"][0], "Recipe");
    assert_eq!(items[0]["author"]["name"], "Ann");
    assert_eq!(items[0]["recipeInstructions"][1], "Bake");
}

#[test]
fn steps_end_with_the_values_whatever_the_nesting() {
    let mut most_steps = 0;
    for n in [1_000, 10_000, 100_000] {
        for page in [
            format!("<div itemscope>{}x", "<div itemprop=a>".repeat(n)),
            format!("<div itemscope>{}{}", "<i itemprop=a>".repeat(400), "<b></b>".repeat(n)),
            format!("<div itemscope>{}", "<i itemprop=a>x</i>".repeat(n)),
        ] {
            let (page, budget) = (html::parse(&page), Budget::default());
            read(&page, &budget);
            let taken = budget.taken();
            assert!(
                taken.steps <= Limits::ITEMS.steps + 500_000 && taken.bytes <= 2 * Limits::ITEMS.bytes,
                "{n}: {taken:?}"
            );
            most_steps = most_steps.max(taken.steps);
        }
    }
    assert!(most_steps > Limits::ITEMS.steps, "the largest pages reach the limit: {most_steps}");
}

#[test]
fn a_link_has_an_address_and_a_text() {
    let page = "<div itemscope><a itemprop=name href=/a>Ann</a><a itemprop='menu url' href=/m>Our menu</a></div>";
    let item = &all(&html::parse(page)).0[0];
    assert_eq!((&item["name"], &item["url"]), (&"Ann".into(), &"/m".into()));
    assert_eq!(item["menu"], serde_json::json!({ LINK: "/m", "@value": "Our menu" }));
}

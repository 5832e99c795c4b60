//! Properties that hold for every page: no panic, exactly the schema's keys and types.

use domain::FieldType;
use extraction::{Context, Page, extract};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Names that together use every part of the extractor.
const NAMES: [&str; 32] = [
    "title",
    "price",
    "originalPrice",
    "inStock",
    "publishedAt",
    "modifiedAt",
    "author",
    "ingredients",
    "instructions",
    "rating",
    "reviewCount",
    "image",
    "images",
    "sku",
    "brand",
    "description",
    "body",
    "tags",
    "breadcrumbs",
    "category",
    "url",
    "language",
    "email",
    "phone",
    "address",
    "totalTime",
    "readingTime",
    "currency",
    "zork",
    "offers.price",
    "site",
    "servings",
];

fn fields() -> Value {
    let kinds = FieldType::ALL;
    let field = |(i, name): (usize, &&str)| json!({"field": name, "type": kinds[(i * 3 + i / 8) % kinds.len()].name(), "example": "1"});
    NAMES.iter().enumerate().map(field).collect()
}

fn check(body: &[u8], content_type: Option<&str>) -> Result<(), TestCaseError> {
    let url = url::Url::parse("https://e.test/2025/03/04/a-thing-12345").unwrap();
    let schema = domain::Schema::parse(&fields()).unwrap();
    let page = Page { body, content_type, url: &url };
    let context = Context { locale: "en-US", now: domain::Timestamp(1_795_478_400_000), budget: &Default::default() };
    let Ok(got) = extract(&page, &schema, &context) else { return Ok(()) };
    prop_assert_eq!(got.data.keys().map(String::as_str).collect::<Vec<_>>(), NAMES.to_vec());
    for (field, value) in schema.fields().iter().zip(got.data.values()) {
        prop_assert!(of_type(field.kind, value), "{} {:?}", field.field, value);
    }
    Ok(())
}

fn of_type(kind: FieldType, value: &Value) -> bool {
    if kind.is_array() {
        return value.as_array().is_some_and(|items| items.iter().all(|i| !i.is_null() && of_type(kind.element(), i)));
    }
    value.is_null()
        || match kind {
            FieldType::String => value.is_string(),
            FieldType::Date => value.as_str().is_some_and(|d| d.len() == 10),
            FieldType::Integer => value.is_i64() || value.is_u64(),
            FieldType::Float => value.is_f64(),
            FieldType::Boolean => value.is_boolean(),
            FieldType::StringArray | FieldType::IntegerArray | FieldType::FloatArray => false,
        }
}

/// Pieces that pages consist of, complete and broken.
const PIECES: &str = concat!(
    "(<(div|p|h1|h2|li|ul|ol|table|tr|td|th|dt|dd|span|time|button|s|article|nav|svg|a href=\"/author/x\"|img src=\"/a.jpg\")( (class|id|itemprop|itemtype|data-price|datetime|content|aria-label)=\"[^\"]{0,14}\"| itemscope| typeof=\"Product\")?>",
    "|</(div|p|h1|li|ul|table|tr|td|span|svg|script|style)>|<script( type=\"application/(ld\\+)?json\")?>|<style>|<!--|-->",
    "|\\{\"@type\":\"(Product|Recipe|NewsArticle)\",|\"name\":\"[^\"]{0,8}\",|\"offers\":\\{\"price\":\"1,5\"\\}\\}|\\[|\\]|\\}",
    "|\\$1[0-9]?\\.99|[0-9]{1,4}[.,/ -][0-9]{1,4} ?(€|min|reviews|kg)?|By [A-Z][a-z]{1,6}|Price: |Ingredients|Method|March 4, 2025|3 days ago|½|&amp;|[\\PC]{0,8}){0,50}",
);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn pages_of_random_pieces_give_the_schemas_keys_and_types(body in PIECES) {
        check(body.as_bytes(), Some("text/html"))?;
    }

    #[test]
    fn any_bytes_give_the_schemas_keys_and_types(body in prop::collection::vec(any::<u8>(), 0..400), kind in 0usize..4) {
        check(&body, [None, Some("text/html"), Some("application/json"), Some("text/plain")][kind])?;
    }

    #[test]
    fn any_json_gives_the_schemas_keys_and_types(names in prop::collection::vec("(name|price|offers|@type|date|x|[a-z]{1,3})", 1..12), text in "\\PC{0,20}", deep in 0usize..200) {
        let mut value = json!(text);
        for (i, name) in names.iter().enumerate() {
            value = if i % 3 == 2 { json!([value]) } else { json!({name.as_str(): value, "id": i}) };
        }
        let body = format!("{}{value}{}", "[".repeat(deep), "]".repeat(deep));
        check(body.as_bytes(), Some("application/json"))?;
    }
}

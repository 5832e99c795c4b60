//! Whole pages of everyday markup, and pages in every charset that sites still use: answers contain what a page shows,
//! and null for what it does not say.

use serde_json::{Value, json};

use super::{example, read_at};

/// Returns the schema of a case: a field is `[type, value]` or `[type, value, {"hint", "or"}]`.
fn schema(fields: &serde_json::Map<String, Value>) -> Value {
    let field = |(name, expected): (&String, &Value)| {
        let kind = expected[0].as_str().unwrap();
        let mut field = json!({"field": name, "type": kind, "example": example(kind)});
        if let Some(hint) = expected[2].get("hint") {
            field["hint"] = hint.clone();
        }
        field
    };
    fields.iter().map(field).collect()
}

/// No value is wrong, and few are missing, on pages of people, companies, events, jobs, houses, places, files,
/// questions, recipes, articles and products in eight languages, with navigation, footers and related items.
#[test]
fn no_value_of_everyday_pages_is_wrong() {
    let (mut wrong, mut missing, mut labelled) = (Vec::new(), Vec::new(), 0);
    for line in include_str!("../tables/everyday.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let fields = case["fields"].as_object().unwrap();
        let (locale, page) = (case["locale"].as_str().unwrap(), case["page"].as_str().unwrap());
        let read = read_at("https://shop.test/p/kettle", locale, page, schema(fields)).data;
        for (name, expected) in fields {
            let nothing = |v: &Value| v.is_null() || v.as_array().is_some_and(Vec::is_empty);
            let others = expected[2].get("or").and_then(Value::as_array).into_iter().flatten();
            let wanted: Vec<&Value> = std::iter::once(&expected[1]).chain(others).collect();
            let got = &read[name];
            let right = wanted.iter().any(|w| *w == got || (nothing(w) && nothing(got)));
            labelled += usize::from(!nothing(&expected[1]));
            match (right, nothing(got)) {
                (true, _) => {}
                (false, true) => missing.push(format!("{} {name}", case["id"])),
                (false, false) => wrong.push(format!("{} {name}: {got}", case["id"])),
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(missing.len() * 25 <= labelled, "{missing:?} of {labelled}");
}

#[test]
fn pages_in_every_charset_are_decoded() {
    let mut wrong = Vec::new();
    for line in include_str!("../tables/charsets.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let hex = case["hex"].as_str().unwrap();
        let body: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let url = url::Url::parse("https://shop.test/p/kettle").unwrap();
        let page = extraction::Page { body: &body, content_type: case["type"].as_str(), url: &url };
        let schema = json!([{"field": "heading", "type": "string", "example": "A text", "selector": "h1"}]);
        let context = extraction::Context {
            locale: "en-US",
            now: domain::Timestamp(1_795_478_400_000),
            budget: &Default::default(),
        };
        let read = extraction::extract(&page, &domain::Schema::parse(&schema).unwrap(), &context).unwrap();
        if read.data["heading"] != case["want"] {
            wrong.push(format!("{}: {}", case["id"], read.data["heading"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

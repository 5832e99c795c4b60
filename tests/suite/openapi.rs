//! `/openapi.json`, compared with the code in both directions: routes, functions, error codes and their statuses here;
//! requests and responses in the modules below.

mod requests;
mod responses;

use std::collections::{BTreeMap, BTreeSet};

use api::ApiError;
use api::routes::{Operation, ROUTES};
use domain::ErrorCode;
use serde_json::{Value, json};

use crate::support::stack::World;

/// The document.
pub(crate) fn document() -> Value {
    serde_json::from_str(api::openapi::OPENAPI).unwrap()
}

/// A validator for the schema at `pointer` in `document`.
pub(crate) fn validator(document: &Value, pointer: &str) -> jsonschema::Validator {
    let mut schema = document.clone();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["$ref"] = json!(format!("#{}", pointer.replace('{', "%7B").replace('}', "%7D")));
    jsonschema::validator_for(&schema).unwrap()
}

/// A key as a part of a JSON pointer (RFC 6901).
fn part(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Follows a reference, if the value is one.
fn resolved<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    match value["$ref"].as_str() {
        Some(to) => document.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} does not resolve")),
        None => value,
    }
}

/// Method and path of each operation, with its description in the document.
fn operations(document: &Value) -> BTreeMap<(String, String), &Value> {
    let mut found = BTreeMap::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters") {
            found.insert((method.to_uppercase(), path.clone()), operation);
        }
    }
    found
}

#[test]
fn the_routes_are_exactly_those_described() {
    let document = document();
    let described = operations(&document);
    let routed: BTreeSet<_> = ROUTES.iter().map(|r| (r.method.to_string(), r.path.to_owned())).collect();
    assert_eq!(described.keys().cloned().collect::<BTreeSet<_>>(), routed);
    for route in &ROUTES {
        let operation = described[&(route.method.to_string(), route.path.to_owned())];
        let function = format!("{:?}", route.operation.function()).to_lowercase();
        assert_eq!(operation["x-runo-function"], function, "{}", route.path);
        let streamed =
            [Operation::Extract, Operation::Batch, Operation::Crawl, Operation::GetResult].contains(&route.operation);
        assert_eq!(operation["x-runo-streaming"], if streamed { json!(true) } else { Value::Null }, "{}", route.path);
        let open = route.operation.is_public();
        assert_eq!(operation["security"], if open { json!([]) } else { Value::Null }, "{}", route.path);
    }
}

#[test]
fn every_error_code_is_described_with_its_status() {
    let document = document();
    let described: BTreeSet<String> =
        serde_json::from_value(document["components"]["schemas"]["ErrorCode"]["enum"].clone()).unwrap();
    // serde's error for an unknown variant lists every variant.
    let message = serde_json::from_str::<ErrorCode>("\"NONE\"").unwrap_err().to_string();
    let known: BTreeSet<String> = message.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(known.len() > 20, "{message}");
    assert_eq!(described, known);

    let mut reported = BTreeSet::new();
    let mut collect = |status: &str, response: &Value| {
        let schema = &resolved(&document, response)["content"]["application/json"]["schema"];
        let Some(codes) = schema.pointer("/allOf/1/properties/error/properties/code/enum") else { return };
        for code in codes.as_array().unwrap() {
            let read: ErrorCode = serde_json::from_value(code.clone()).unwrap();
            assert_eq!(ApiError::status(read).as_str(), status, "{code}");
            reported.insert(code.as_str().unwrap().to_owned());
        }
    };
    for operation in operations(&document).values() {
        for (status, response) in operation["responses"].as_object().unwrap() {
            collect(status, response);
        }
    }
    collect("404", &document["components"]["responses"]["NotFound"]);
    collect("405", &document["components"]["responses"]["MethodNotAllowed"]);
    let refusals: BTreeSet<String> = known
        .into_iter()
        // Reserved: no call is refused for its plan today.
        .filter(|code| code != "TIER_REQUIRED")
        .filter(|code| ApiError::status(serde_json::from_value(json!(code)).unwrap()) != http::StatusCode::OK)
        .collect();
    assert_eq!(reported, refusals, "every code of a refusal is in some response");
}

#[tokio::test]
async fn the_document_is_served_without_a_key() {
    let world = World::start().await;
    let answer = world.with_key("sk_live_unknown").get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    assert_eq!(answer.text, api::openapi::OPENAPI);
    assert!(answer.json()["openapi"].as_str().unwrap().starts_with("3.1."));
    let older = world.with_key("").get("/openapi.json?version=3.0").await;
    assert_eq!((older.status.as_u16(), older.header("content-type")), (200, "application/json"));
    assert!(older.json()["openapi"].as_str().unwrap().starts_with("3.0."));
    assert_eq!(older.text, *api::openapi::OPENAPI_3_0);
    assert_eq!(world.get("/openapi.json?version=3.2").await.text, answer.text);
}

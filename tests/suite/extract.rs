//! `POST /v1/extract`: what a call returns and what it costs.

use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{World, schema};

/// The schema has the form that pydantic and zod write.
#[tokio::test]
async fn a_json_schema_is_accepted_as_a_schema() {
    let (world, site) = (World::start().await, Site::start().await);
    let schema = json!({
        "$defs": {"Offer": {"type": "object", "properties": {"price": {"anyOf": [{"type": "number"}, {"type": "null"}]}}}},
        "title": "Product", "type": "object", "required": ["title"],
        "properties": {"title": {"type": "string", "description": "what it is called"}, "offer": {"$ref": "#/$defs/Offer"}},
    });
    let got = world.post("/v1/extract", &json!({ "url": site.url("/p/7"), "schema": schema })).await.json();
    assert_eq!(got["data"], json!({ "title": "Page 7", "offer.price": 7.5 }), "{got}");
}

#[tokio::test]
async fn extract_returns_typed_values_and_charges_one_credit() {
    let (world, site) = (World::start().await, Site::start().await);
    let got = world.post("/v1/extract", &json!({ "url": site.url("/p/7"), "schema": schema() })).await;
    assert_eq!(got.status, 200);
    assert_eq!(
        got.json(),
        json!({
            "url": site.url("/p/7"), "status": "success", "render_mode": "structured",
            "data": { "title": "Page 7", "price": 7.5 }, "images_processed": null,
        })
    );
    let keys: Vec<String> = got.json()["data"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["title", "price"]);
    assert_eq!(world.used().await, 1);
    let job = world.job(&got.job()).await;
    assert_eq!(job["status"], "completed");
    assert_eq!(job["credits"], json!({"reserved": 1, "charged": 1, "refunded": 0, "monthly": 1, "prepaid": 0}));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_failed_extract_is_200_with_an_error_body_and_is_charged() {
    let (world, site) = (World::start().await, Site::start().await);
    for (path, code, retryable) in [
        ("/404", "URL_UNREACHABLE", true),
        ("/403", "FETCH_BLOCKED", true),
        ("/pdf", "UNSUPPORTED_CONTENT", false),
        ("/loop", "URL_UNREACHABLE", true),
    ] {
        let got = world.post("/v1/extract", &json!({ "url": site.url(path), "schema": schema() })).await;
        assert_eq!(got.status, 200, "{path}");
        let body = got.json();
        assert_eq!((&body["status"], &body["error"]["code"]), (&json!("error"), &json!(code)), "{path}");
        assert_eq!(body["error"]["retryable"], retryable, "{path}");
    }
    let private = world.post("/v1/extract", &json!({ "url": "http://10.0.0.1/", "schema": schema() })).await.json();
    assert_eq!(private["error"]["code"], "URL_UNREACHABLE");
    assert_eq!(private["error"]["retryable"], false);
    assert_eq!(world.used().await, 5);
    world.assert_sound().await;
}

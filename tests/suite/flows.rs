//! Calls from beginning to end, as a client sees them.

use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{World, schema};

/// A JSON Schema, as pydantic and zod write it, is a schema.
#[tokio::test]
async fn a_json_schema_is_a_schema() {
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
async fn extract_answers_with_typed_values_and_takes_one_credit() {
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
async fn a_failed_extract_is_200_told_inside_and_charged() {
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

/// 100 URLs, one that hangs, one 404, one PDF, one that redirects in a loop, duplicates among the rest.
#[tokio::test]
async fn batch_results_are_in_input_order_and_add_up() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 94);
    urls.insert(3, site.url("/hang"));
    urls.insert(10, site.url("/404"));
    urls.insert(20, site.url("/pdf"));
    urls.insert(30, site.url("/loop"));
    urls.push(site.url("/p/0"));
    urls.push(site.url("/moved"));
    let got = world.batch(&urls, json!({ "timeout_ms": 1000 })).await;
    let body = got.json();
    let results = body["results"].as_array().unwrap();
    let shown: Vec<&str> = results.iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    for (i, code) in [(3, "TIMEOUT"), (10, "URL_UNREACHABLE"), (20, "UNSUPPORTED_CONTENT"), (30, "URL_UNREACHABLE")] {
        assert_eq!(results[i]["error"]["code"], code);
    }
    assert_eq!(results[98]["data"]["title"], "Page 0");
    assert_eq!(results[99]["final_url"], site.url("/p/0"));
    assert_eq!((&body["total"], &body["succeeded"], &body["failed"]), (&json!(100), &json!(96), &json!(4)));
    assert_eq!((&body["not_run"], &body["cancelled"]), (&json!(0), &json!(false)));
    assert_eq!((&body["credits_reserved"], &body["credits_charged"]), (&json!(100), &json!(100)));
    assert_eq!(world.used().await, 100);
    let counts = site.counts();
    assert!((1..94).all(|i| counts[&format!("/p/{i}")] == 1), "every page is fetched once");
    assert_eq!(counts["/p/0"], 3, "as often as it is named or redirected to");
    let again = world.get(&format!("/v1/jobs/{}/result", got.job())).await;
    // But for the white space that kept the first one awake.
    assert!(again.json() == body, "the same body again");
    world.assert_sound().await;
}

#[tokio::test]
async fn fail_fast_stops_at_the_first_failure_and_refunds_the_rest() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 50);
    urls.insert(2, site.url("/404"));
    let body = world.batch(&urls, json!({ "fail_fast": true, "concurrency": 1 })).await.json();
    assert_eq!(body["cancelled"], false);
    assert_eq!((&body["succeeded"], &body["failed"], &body["not_run"]), (&json!(2), &json!(1), &json!(48)));
    assert_eq!(body["results"][50]["error"]["code"], "JOB_CANCELLED");
    assert_eq!(body["results"][50]["error"]["retryable"], false);
    assert_eq!((&body["credits_charged"], &body["credits_refunded"]), (&json!(3), &json!(48)));
    assert_eq!(site.hits(), 3);
    assert_eq!(world.used().await, 3);
    world.assert_sound().await;
}

#[tokio::test]
async fn async_mode_is_taken_at_the_top_and_in_options() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = site.urls("/p", 2);
    for body in [
        json!({ "urls": urls, "schema": schema(), "async_mode": true }),
        json!({ "urls": urls, "schema": schema(), "options": { "async_mode": true } }),
    ] {
        let got = world.post("/v1/batch", &body).await;
        assert_eq!(got.json()["succeeded"], 2);
        assert_eq!(world.job(&got.job()).await["async_mode"], true);
    }
}

#[tokio::test]
async fn a_client_that_goes_away_stops_nothing() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = json!({ "urls": site.urls("/gate", 12), "schema": schema() });
    let request = world.request(reqwest::Method::POST, "/v1/batch").body(body.to_string());
    let response = request.send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    drop(response);
    site.open_gate();
    let result = world.get(&format!("/v1/jobs/{job}/result")).await.json();
    assert_eq!(result["succeeded"], 12);
    world.assert_sound().await;
}

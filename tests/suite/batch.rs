//! `POST /v1/batch`: the order of results, their totals, `fail_fast`, and a client that disconnects.

use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{World, schema};

/// Among 100 URLs: one that hangs, one 404, one PDF, one redirect loop, and duplicates.
#[tokio::test]
async fn batch_results_are_in_input_order_and_the_totals_add_up() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 94);
    urls.insert(3, site.url("/hang"));
    urls.insert(10, site.url("/404"));
    urls.insert(20, site.url("/pdf"));
    urls.insert(30, site.url("/loop"));
    urls.push(site.url("/p/0"));
    urls.push(site.url("/moved"));
    let got = world.batch(&urls, json!({ "timeout_ms": 5_000 })).await;
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
    assert_eq!(counts["/p/0"], 3, "once for each URL that names it or redirects to it");
    let again = world.get(&format!("/v1/jobs/{}/result", got.job())).await;
    // The texts differ in the white space that kept the first response alive.
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
async fn a_client_that_disconnects_stops_nothing() {
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

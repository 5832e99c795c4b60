//! What a crawl reserves: the cap, how it is lifted, and what happens if too little is left.

use domain::Plan;
use serde_json::json;

use super::{body, figures, pages_with_results, start};
use crate::support::generated::Spec;
use crate::support::stack::schema;

#[tokio::test]
async fn a_crawl_is_capped_at_a_quarter_of_the_remaining_quota() {
    let (world, site) = start(Spec::tree(5, 4)).await;
    let free = world.account("free", Plan::Free, Some(100), None).await;
    let first = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 400 }))).await;
    assert_eq!(first.number("x-monthly-usage-remaining"), 375, "the figure is the one after the reservation");
    assert_eq!(figures(&first.json()), [5, 0, 125, 5], "a quarter of 500");
    assert_eq!((&first.json()["crawl_meta"]["credits_refunded"], free.used().await), (&json!(120), 5));
    // A quarter of 495, rounded down.
    let second = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 400 }))).await.json();
    assert_eq!((figures(&second), free.used().await), ([5, 0, 123, 5], 10));
    // Less than the cap is reserved as requested.
    let small = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 3 }))).await.json();
    assert_eq!((figures(&small), free.used().await), ([3, 0, 3, 3], 13));
    let large = json!({ "max_pages": 400, "allow_large_crawl": true });
    let lifted = free.post("/v1/crawl", &body(&site, "/item/0", large)).await.json();
    assert_eq!((figures(&lifted), free.used().await), ([5, 0, 400, 5], 18));

    site.clear_log();
    let too_large = json!({ "max_pages": 483, "allow_large_crawl": true });
    for request in super::both_modes(body(&site, "/item/0", too_large)) {
        let refused = free.post("/v1/crawl", &request).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "QUOTA_EXCEEDED"), "{}", refused.text);
        assert_eq!(refused.json()["error"]["retryable"], false);
    }
    assert_eq!((free.used().await, site.log().len()), (18, 0), "all or nothing");
    world.assert_sound().await;
}

#[tokio::test]
async fn the_cap_limits_pages_and_is_at_least_one() {
    let (world, site) = start(Spec::tree(500, 20)).await;
    let free = world.account("free", Plan::Free, Some(100), None).await;
    let capped = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 400 }))).await.json();
    assert_eq!((figures(&capped), site.fetched_once().len()), ([125, 0, 125, 125], 125));
    assert_eq!(capped["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    assert_eq!(pages_with_results(&site, &capped), site.fetched_once());
    let urls: Vec<String> = (0..373).map(|n| site.url(&format!("/item/{n}"))).collect();
    free.post("/v1/batch", &json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 32 } })).await;
    assert_eq!(free.used().await, 498);
    // Two credits, then one: a quarter of that is less than one page.
    for used in [499, 500] {
        let one = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 10 }))).await.json();
        assert_eq!((figures(&one), free.used().await), ([1, 0, 1, 1], used));
    }
    let none = free.post("/v1/crawl", &body(&site, "/item/0", json!({ "max_pages": 10 }))).await;
    assert_eq!((none.status.as_u16(), none.code().as_str(), free.used().await), (429, "QUOTA_EXCEEDED", 500));
    world.assert_sound().await;
}

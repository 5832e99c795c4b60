//! The result cache, as a client sees it and in rows.

use domain::{Endpoint, Plan};
use serde_json::{Value, json};

use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::stack::{Answer, Caller, World, schema};
use crate::support::test_bed::{TestBed, accept, call, drain};

async fn extract(caller: &Caller, url: &str, options: Value) -> Answer {
    caller.post("/v1/extract", &json!({ "url": url, "schema": schema(), "options": options })).await
}

#[tokio::test]
async fn the_same_extract_is_served_from_the_cache_at_the_same_price() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/p/7");
    let first = extract(&world, &url, json!({})).await.json();
    assert_eq!(first["render_mode"], "structured");
    // Another spelling of the same page.
    let spelled = format!("{url}/?utm_source=x#top");
    let second = extract(&world, &spelled, json!({})).await;
    assert_eq!(
        second.json(),
        json!({
            "url": spelled, "status": "success", "render_mode": "cache",
            "data": { "title": "Page 7", "price": 7.5 }, "images_processed": null,
        })
    );
    assert_eq!(site.hits(), 1);
    assert_eq!(world.used().await, 2);
    let job = world.job(&second.job()).await;
    assert_eq!((&job["status"], &job["credits"]["charged"]), (&json!("completed"), &json!(1)));
    let again = world.get(&format!("/v1/jobs/{}/result", second.job())).await;
    assert_eq!(again.json()["render_mode"], "cache");
    world.assert_sound().await;
}

#[tokio::test]
async fn another_extract_or_account_is_not_served_from_the_cache() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/p/7");
    extract(&world, &url, json!({})).await;
    let other = world.account("other", Plan::Scale, Some(1_000), None).await;
    assert_eq!(extract(&other, &url, json!({})).await.json()["render_mode"], "structured");
    let mut named = schema();
    named[0]["hint"] = json!("the one at the top");
    let body = json!({ "url": url, "schema": named });
    assert_eq!(world.post("/v1/extract", &body).await.json()["render_mode"], "structured");
    assert_eq!(extract(&world, &url, json!({ "locale": "de-DE" })).await.json()["render_mode"], "structured");
    assert_eq!(site.hits(), 4);
}

#[tokio::test]
async fn no_cache_fetches_again_and_refreshes_the_cache() {
    let (world, site) = (World::start().await, Site::start().await);
    let url = site.url("/count");
    let seen = async |options| extract(&world, &url, options).await.json()["data"]["title"].clone();
    assert_eq!(seen(json!({ "no_cache": true })).await, "Visit 1");
    assert_eq!(seen(json!({})).await, "Visit 1");
    assert_eq!(seen(json!({ "no_cache": true })).await, "Visit 2");
    assert_eq!(seen(json!({})).await, "Visit 2");
}

#[tokio::test]
async fn failures_are_not_cached_and_the_cache_can_be_switched_off() {
    let (world, site) = (World::start().await, Site::start().await);
    for _ in 0..2 {
        assert_eq!(extract(&world, &site.url("/404"), json!({})).await.json()["status"], "error");
    }
    assert_eq!(site.hits(), 2);
    let without = World::with_vars(&[("CACHE_TTL_SECONDS", "0")]).await;
    for _ in 0..2 {
        let got = extract(&without, &site.url("/p/1"), json!({})).await;
        assert_eq!(got.json()["render_mode"], "structured");
    }
    assert_eq!(site.hits(), 4);
}

/// Results of a batch or crawl are fetched in the same period, and are the same in both modes.
#[tokio::test]
async fn batches_and_crawls_always_fetch() {
    let (world, site) = (World::with_vars(&[("HOST_DELAY_MS", "0")]).await, Site::start().await);
    extract(&world, &site.url("/tree/0"), json!({})).await;
    let crawl = json!({
        "seed_url": site.url("/tree/0"), "schema": schema(),
        "crawl": { "follow_pattern": site.url("/tree/*"), "max_pages": 5, "use_sitemap": false, "ignore_robots": true },
    });
    let batch = json!({ "urls": site.urls("/tree", 5), "schema": schema() });
    let queued = json!({ "urls": site.urls("/tree", 5), "schema": schema(), "async_mode": true });
    for (path, body, hits) in [("crawl", &crawl, 6), ("batch", &batch, 11), ("batch", &queued, 16)] {
        let got = world.post(&format!("/v1/{path}"), body).await.json();
        let results = got["results"].as_array().unwrap();
        assert!(results.len() == 5 && results.iter().all(|r| r["render_mode"] != "cache"), "{got}");
        assert_eq!(site.hits(), hits);
    }
    // Batches and crawls store nothing in the cache either.
    assert_ne!(extract(&world, &site.url("/tree/1"), json!({})).await.json()["render_mode"], "cache");
}

#[tokio::test]
async fn a_result_is_served_until_its_ttl_ends() {
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let served = async || {
        // A new process each time, so that the result comes from the rows.
        let engine = bed.engine(&Faults::default()).await;
        let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
        let results = drain(engine.driver.start(*started, None)).await.unwrap();
        engine.idle().await;
        results[0]["render_mode"].clone()
    };
    assert_eq!(served().await, "structured");
    bed.clock.advance(899);
    assert_eq!(served().await, "cache");
    // Serving a result does not extend its lifetime.
    bed.clock.advance(1);
    assert_eq!(served().await, "structured");
    assert_eq!(site.hits(), 2);
}

/// If a call of the cache itself fails, the response is complete and the rows are sound.
#[tokio::test]
async fn a_fault_of_the_cache_is_a_miss() {
    let site = Site::start().await;
    for fault in [Fault::NoEffect, Fault::ReplyLost] {
        let bed = TestBed::new().await;
        let faults = Faults::default();
        let engine = bed.engine(&faults).await;
        let run = async || {
            let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
            let results = drain(engine.driver.start(*started, None)).await.unwrap();
            engine.idle().await;
            results[0]["render_mode"].clone()
        };
        faults.reset();
        assert_eq!(run().await, "structured");
        let calls = faults.calls();
        let cache_calls: Vec<usize> = (0..calls.len()).filter(|i| calls[*i].tables == ["runo-hosts"]).collect();
        assert_eq!(cache_calls.len(), 2, "one look-up, one write: {calls:?}");
        // The look-up fails while the cache has a result.
        faults.plan(cache_calls[0], fault);
        assert_eq!(run().await, "structured", "{fault:?}");
        assert!(faults.injected());
        faults.reset();
        assert_eq!(run().await, "cache");
        // The write fails: this call and the next still have a result.
        bed.clock.advance(901);
        faults.plan(cache_calls[1], fault);
        assert_eq!(run().await, "structured", "{fault:?}");
        assert!(faults.injected());
        faults.reset();
        assert_eq!(run().await, if fault == Fault::NoEffect { "structured" } else { "cache" });
        bed.assert_sound("cache").await;
    }
}

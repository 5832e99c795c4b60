//! The result cache, as a client sees it and as the rows cost.

use domain::job::Options;
use domain::{Endpoint, Plan};
use serde_json::{Value, json};

use crate::support::faults::{Fault, Faults};
use crate::support::site::Site;
use crate::support::stack::{Answer, Caller, World, schema};
use crate::support::world::{Ground, accept, call, drain};

async fn extract(caller: &Caller, url: &str, options: Value) -> Answer {
    caller.post("/v1/extract", &json!({ "url": url, "schema": schema(), "options": options })).await
}

#[tokio::test]
async fn the_same_question_is_answered_from_the_cache_and_costs_the_same() {
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
async fn another_question_and_another_account_are_not() {
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
async fn no_cache_fetches_anew_and_what_it_fetched_is_what_is_cached() {
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
    let without = World::with(&[("CACHE_TTL_SECONDS", "0")]).await;
    for _ in 0..2 {
        let got = extract(&without, &site.url("/p/1"), json!({})).await;
        assert_eq!(got.json()["render_mode"], "structured");
    }
    assert_eq!(site.hits(), 4);
}

/// Duplicates in one batch are fetched each; the next batch, in either mode, and the extract after it are served.
#[tokio::test]
async fn batches_share_the_cache_with_everything_but_themselves() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 30);
    urls.push(site.url("/p/0"));
    let modes = |body: &Value| -> Vec<String> {
        let results = body["results"].as_array().unwrap();
        results.iter().map(|r| r["render_mode"].as_str().unwrap().to_owned()).collect()
    };
    let first = world.batch(&urls, json!({})).await.json();
    assert!(modes(&first).iter().all(|mode| mode == "structured"));
    assert_eq!(site.hits(), 31);
    let queued = json!({ "urls": urls, "schema": schema(), "async_mode": true });
    for second in [world.batch(&urls, json!({})).await.json(), world.post("/v1/batch", &queued).await.json()] {
        assert!(modes(&second).iter().all(|mode| mode == "cache"), "{second}");
        for (was, is) in first["results"].as_array().unwrap().iter().zip(second["results"].as_array().unwrap()) {
            assert_eq!((&was["url"], &was["data"]), (&is["url"], &is["data"]));
        }
        assert_eq!((&second["credits_charged"], &second["succeeded"]), (&json!(31), &json!(31)));
    }
    assert_eq!(site.hits(), 31);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_crawl_always_fetches() {
    let (world, site) = (World::with(&[("HOST_DELAY_MS", "0")]).await, Site::start().await);
    let crawl = json!({
        "seed_url": site.url("/tree/0"), "schema": schema(),
        "crawl": { "follow_pattern": site.url("/tree/*"), "max_pages": 5, "use_sitemap": false, "ignore_robots": true },
    });
    extract(&world, &site.url("/tree/0"), json!({})).await;
    for hits in [6, 11] {
        let body = world.post("/v1/crawl", &crawl).await.json();
        assert_eq!(body["crawl_meta"]["pages_visited"], 5);
        assert!(body["results"].as_array().unwrap().iter().all(|r| r["render_mode"] != "cache"));
        assert_eq!(site.hits(), hits);
    }
}

#[tokio::test]
async fn a_result_is_served_until_its_time_is_over() {
    let (ground, site) = (Ground::new().await, Site::start().await);
    let served = async || {
        // A process of its own each time: what is served comes from the rows.
        let engine = ground.engine(&Faults::default()).await;
        let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
        let results = drain(engine.start(*started, None)).await.unwrap();
        engine.idle().await;
        results[0]["render_mode"].clone()
    };
    assert_eq!(served().await, "structured");
    ground.clock.advance(899);
    assert_eq!(served().await, "cache");
    // Being served makes it no younger.
    ground.clock.advance(1);
    assert_eq!(served().await, "structured");
    assert_eq!(site.hits(), 2);
}

/// Whatever the cache's own calls meet, the answer is there and the rows are sound.
#[tokio::test]
async fn faults_of_the_cache_are_misses() {
    let site = Site::start().await;
    for fault in [Fault::Before, Fault::ReplyLost] {
        let ground = Ground::new().await;
        let faults = Faults::default();
        let engine = ground.engine(&faults).await;
        let run = async || {
            let started = accept(&engine, call(Endpoint::Extract, site.urls("/p", 1))).await.unwrap();
            let results = drain(engine.start(*started, None)).await.unwrap();
            engine.idle().await;
            results[0]["render_mode"].clone()
        };
        faults.reset();
        assert_eq!(run().await, "structured");
        let calls = faults.calls();
        let of_cache: Vec<usize> = (0..calls.len()).filter(|i| calls[*i].tables == ["runo-hosts"]).collect();
        assert_eq!(of_cache.len(), 2, "one look-up, one write: {calls:?}");
        // The look-up fails where there is something to find.
        faults.plan(of_cache[0], fault);
        assert_eq!(run().await, "structured", "{fault:?}");
        assert!(faults.struck());
        faults.reset();
        assert_eq!(run().await, "cache");
        ground.assert_sound("cache").await;
    }
}

/// What the cache costs a batch: a read and a row a unit, the rows 25 a request; served, a read a unit.
#[tokio::test]
async fn the_cache_stays_within_its_budget() {
    const UNITS: usize = 200;
    let (mut ground, site) = (Ground::new().await, Site::start().await);
    ground.settings.progress_ms = engine::settings::Settings::default().progress_ms;
    let faults = Faults::default();
    let engine = ground.engine(&faults).await;
    for (no_cache, want) in [(false, (UNITS, UNITS)), (false, (UNITS, 0)), (true, (0, UNITS))] {
        faults.reset();
        let mut batch = call(Endpoint::Batch, site.urls("/p", UNITS));
        batch.options = Options { no_cache, ..batch.options };
        let started = accept(&engine, batch).await.unwrap();
        assert_eq!(drain(engine.start(*started, None)).await.unwrap().len(), UNITS);
        engine.idle().await;
        let calls: Vec<_> = faults.calls().into_iter().filter(|call| call.tables == ["runo-hosts"]).collect();
        let (reads, writes) = calls.iter().fold((0, 0), |(r, w), call| (r + call.reads, w + call.writes));
        // The host's pace is read once.
        assert!(writes == want.1 && (want.0..=want.0 + 1).contains(&reads), "{reads} reads, {writes} writes: {want:?}");
        let requests = calls.iter().filter(|call| call.writes > 0).count();
        assert!(requests <= UNITS / 8, "{requests} requests write {writes} rows");
    }
}

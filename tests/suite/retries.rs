//! `options.retries`: pages with a transient failure are tried again, within their timeout and for one credit.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Caller, World, schema};

async fn extract(caller: &Caller, url: &str, options: Value) -> Value {
    caller.post("/v1/extract", &json!({ "url": url, "schema": schema(), "options": options })).await.json()
}

#[tokio::test]
async fn a_page_that_succeeds_after_retries_costs_one_credit() {
    let (world, site) = (World::start().await, Site::start().await);
    let got = extract(&world, &site.url("/flaky/500,502,200/-/7"), json!({})).await;
    assert_eq!((&got["status"], &got["attempts"]), (&json!("success"), &json!(3)), "{got}");
    assert_eq!(got["data"]["title"], "Page 7");
    assert_eq!((site.hits(), world.used().await), (3, 1));
    // `attempts` is left out after a single try.
    let got = extract(&world, &site.url("/p/1"), json!({})).await;
    assert!(got["attempts"].is_null(), "{got}");
    world.assert_sound().await;
}

#[tokio::test]
async fn only_transient_failures_are_tried_again() {
    let world = World::start().await;
    let again = ["408", "425", "429", "500", "502", "503", "504", "520", "529", "0"].map(|code| (code, true));
    let once = ["400", "401", "403", "404", "410", "501", "505", "530"].map(|code| (code, false));
    let mut calls = Vec::new();
    for (code, passes) in again.into_iter().chain(once) {
        // One site per case, so that one site's throttling does not affect the others.
        let (caller, site) = (world.dev.clone(), Site::start().await);
        calls.push(tokio::spawn(async move {
            let got = extract(&caller, &site.url(&format!("/flaky/{code},200/-/1")), json!({ "retries": 1 })).await;
            assert_eq!(got["status"] == "success", passes, "{code}: {got}");
            assert_eq!(site.hits(), if passes { 2 } else { 1 }, "{code}");
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
}

#[tokio::test]
async fn a_failure_reports_its_attempts() {
    let (world, site) = (World::start().await, Site::start().await);
    for (retries, hits, attempts) in [(0, 1, Value::Null), (1, 2, json!(2))] {
        let url = site.url(&format!("/flaky/500/-/{retries}"));
        let got = extract(&world, &url, json!({ "retries": retries })).await;
        assert_eq!((&got["error"]["code"], &got["error"]["attempts"]), (&json!("URL_UNREACHABLE"), &attempts), "{got}");
        assert_eq!(got["attempts"], attempts);
        assert_eq!(site.counts()[&format!("/flaky/500/-/{retries}")], hits);
    }
    // A page of bot protection is not tried again.
    let got = extract(&world, &site.url("/wall"), json!({})).await;
    assert_eq!((&got["error"]["code"], &got["error"]["attempts"]), (&json!("FETCH_BLOCKED"), &Value::Null), "{got}");
    assert_eq!(site.counts()["/wall"], 1);
    assert_eq!(world.used().await, 3);
}

#[tokio::test]
async fn retry_after_is_respected_within_the_timeout() {
    let (world, site) = (World::start().await, Site::start().await);
    let path = "/flaky/503,200/1/1";
    let got = extract(&world, &site.url(path), json!({})).await;
    assert_eq!((&got["status"], &got["attempts"]), (&json!("success"), &json!(2)), "{got}");
    let times = site.times(path);
    assert!(times[1].duration_since(times[0]) >= Duration::from_secs(1));
    // If Retry-After exceeds the page's timeout, the failure is returned at once.
    let (site, start) = (Site::start().await, Instant::now());
    let got = extract(&world, &site.url("/flaky/503,200/200/1"), json!({ "timeout_ms": 120_000 })).await;
    assert_eq!((&got["error"]["code"], site.hits()), (&json!("URL_UNREACHABLE"), 1), "{got}");
    assert!(start.elapsed() < Duration::from_secs(60));
    // If no time is left for another try, the page's failure is reported, not a timeout. The first three waits take
    // 3.15 s at most, so a fourth try has 1.15 s. The fourth wait takes 2.4 s or more and never fits.
    let site = Site::start().await;
    let got = extract(&world, &site.url("/flaky/500/-/1"), json!({ "timeout_ms": 4_300, "retries": 5 })).await;
    assert_eq!(got["error"]["code"], "URL_UNREACHABLE", "{got}");
    assert!(site.hits() <= 4);
}

#[tokio::test]
async fn batches_in_both_modes_retry_and_are_charged_once() {
    let (world, site) = (World::start().await, Site::start().await);
    for mode in [false, true] {
        let urls: Vec<String> = (0..3).map(|n| site.url(&format!("/flaky/500,200/-/{n}{mode}"))).collect();
        let body = json!({ "urls": urls, "schema": schema(), "async_mode": mode });
        let got = world.post("/v1/batch", &body).await.json();
        assert_eq!((&got["succeeded"], &got["credits_charged"]), (&json!(3), &json!(3)), "{got}");
        assert!(got["results"].as_array().unwrap().iter().all(|result| result["attempts"] == 2), "{got}");
    }
    assert_eq!((site.hits(), world.used().await), (12, 6));
    world.assert_sound().await;
}

/// Each try takes a slot at its host, spaced like any two pages of a crawl.
#[tokio::test]
async fn every_try_takes_a_slot_at_its_host() {
    let (world, site) = (World::with_vars(&[("HOST_DELAY_MS", "1500")]).await, Site::start().await);
    let path = "/flaky/500,200/-/1";
    let crawl = json!({
        "seed_url": site.url(path), "schema": schema(),
        "crawl": { "follow_pattern": "*", "max_pages": 1, "use_sitemap": false, "ignore_robots": true },
    });
    let got = world.post("/v1/crawl", &crawl).await.json();
    assert_eq!(got["results"][0]["attempts"], 2, "{got}");
    let times = site.times(path);
    // A request may arrive some time after its slot, so the requests may be closer together than the slots. Without
    // slots only the wait before a second try would separate them, which is 450 ms at most.
    assert!(times.len() == 2 && times[1].duration_since(times[0]) >= Duration::from_millis(1_000));
}

#[tokio::test]
async fn the_number_of_retries_is_limited() {
    let (world, site) = (World::start().await, Site::start().await);
    for wrong in [json!(6), json!(-1), json!("2"), json!(1.5), json!(true)] {
        let body = json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "retries": wrong } });
        let got = world.post("/v1/extract", &body).await;
        assert_eq!((got.status.as_u16(), got.code().as_str()), (400, "INVALID_REQUEST"), "{wrong}");
        assert!(got.message().contains("options.retries"), "{}", got.message());
    }
    assert_eq!((site.hits(), world.used().await), (0, 0));
}

//! One caller's load is not another's wait: pages and parsers are shared out by account.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use api::app::AppDependencies;
use domain::{AccountId, Endpoint, Plan};
use futures_util::FutureExt;
use runtime::Semaphores;
use serde_json::json;

use crate::support::faults::Faults;
use crate::support::site::Site;
use crate::support::stack::{World, config, schema};
use crate::support::until;
use crate::support::world::{Ground, RunningClock, accept, call, drain};

/// One account has more slow pages under way than the process fetches at once; none of them ends before the gate is
/// opened. Another's extract, batch and queued batch are served meanwhile: were it made to wait, this would never end.
#[tokio::test]
async fn slow_pages_of_one_account_do_not_hold_up_another() {
    let (world, site) = (World::with(&[("FETCH_CONCURRENCY", "8")]).await, Site::start().await);
    let honest = world.account("honest", Plan::Scale, Some(1_000), None).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        let urls = site.urls("/gate", 40);
        let options = json!({ "concurrency": 100, "timeout_ms": 120_000 });
        slow.push(world.begin("/v1/batch", json!({ "urls": urls, "schema": schema(), "options": options })).await);
    }
    until("the slow pages", async || site.hits() == 7).await;

    let got = honest.post("/v1/extract", &json!({ "url": site.url("/p/1"), "schema": schema() })).await;
    assert_eq!(got.json()["data"]["title"], "Page 1");
    let urls = site.urls("/p", 20);
    assert_eq!(honest.batch(&urls, json!({})).await.json()["succeeded"], 20);
    let queued = json!({ "urls": urls, "schema": schema(), "async_mode": true });
    assert_eq!(honest.post("/v1/batch", &queued).await.json()["succeeded"], 20);
    // The other account's pages are where they were.
    assert_eq!(site.hits(), 7 + 1 + 20 + 20);

    site.open_gate();
    for (_, body) in slow {
        assert_eq!(body.await.unwrap()["succeeded"], 40);
    }
    world.assert_sound().await;
}

/// One account's pages take every parser that it may have, for as long as they please: its next page has to wait, and
/// another's does not.
#[tokio::test]
async fn pages_that_take_all_processors_do_not_hold_up_another() {
    let semaphores = Semaphores::new(&runtime::settings::Settings { fetch_concurrency: 8, ..Default::default() });
    let dependencies = AppDependencies {
        semaphores: Some(semaphores.clone()),
        clock: Arc::new(RunningClock::start()),
        ..AppDependencies::default()
    };
    let (world, site) = (World::on(config(&[]), dependencies).await, Site::start().await);
    let honest = world.account("honest", Plan::Scale, Some(1_000), None).await;
    let greedy = AccountId::parse("dev").unwrap();
    let held: Vec<_> =
        std::iter::from_fn(|| semaphores.parsers.first().acquire(&greedy).now_or_never()).take(1_000).collect();
    assert!(!held.is_empty());
    let extract = json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "timeout_ms": 1000 } });
    assert_eq!(world.post("/v1/extract", &extract).await.json()["error"]["code"], "TIMEOUT");
    assert_eq!(honest.post("/v1/extract", &extract).await.json()["status"], "success");
    drop(held);
    assert_eq!(world.post("/v1/extract", &extract).await.json()["status"], "success");
    // Every place is given back, also by the page that met its deadline.
    until("nothing is held", async || semaphores.parsers.taken() == 0 && semaphores.pages.taken() == 0).await;
}

/// So many answers of an account are held open, over HTTP as in the count: a call more is told so and costs nothing, one
/// that does not wait for its results is taken, and so is one once another has ended.
#[tokio::test]
async fn answers_that_are_held_open_have_a_number() {
    let (world, site) = (World::start().await, Site::start().await);
    let poor = world.account("poor", Plan::Free, Some(1_000), None).await;
    let most = Plan::Free.held_calls();
    let call = json!({ "url": site.url("/gate/1"), "schema": schema(), "options": { "timeout_ms": 120_000 } });
    let mut held = Vec::new();
    for _ in 0..most {
        held.push(poor.begin("/v1/extract", call.clone()).await);
    }
    let refused = poor.post("/v1/extract", &call).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "RATE_LIMITED"));
    assert_eq!((refused.header("retry-after"), poor.used().await), ("1", i64::from(most)));
    let detached = json!({ "urls": [site.url("/p/1")], "schema": schema(), "async_mode": true });
    let detached =
        poor.request(http::Method::POST, "/v1/batch").header("Prefer", "respond-async").body(detached.to_string());
    assert_eq!(poor.send(detached).await.status.as_u16(), 202);
    site.open_gate();
    for (_, body) in held {
        assert_eq!(body.await.unwrap()["status"], "success");
    }
    assert_eq!(poor.post("/v1/extract", &call).await.json()["status"], "success");
}

/// A process dies while a page is fetched; the next one reads that page in a process of its own, which hangs. It holds no
/// permit to fetch meanwhile: another page is served though there is one permit in all.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_attempt_that_hangs_holds_no_permit() {
    let folder = std::env::temp_dir().join(format!("runo-test-hangs-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (program, began) = (folder.join("reader"), folder.join("began"));
    std::fs::write(&program, format!("#!/bin/sh\n: > {}\nexec sleep 1000\n", began.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let (mut ground, site) = (Ground::new().await, Site::start().await);
    ground.settings.fetch_concurrency = 1;
    ground.settings.reader = Some(program);

    let first = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let engine = ground.engine(&Faults::default()).await;
    let mut suspect = call(Endpoint::Batch, vec![site.url("/gate/1")]);
    suspect.options.timeout_ms = 30_000;
    first.spawn(async move {
        let started = accept(&engine, suspect).await.unwrap();
        drain(engine.driver.start(*started, None)).await
    });
    until("the page is asked for", async || site.hits() == 1).await;
    first.shutdown_background();

    site.open_gate();
    ground.clock.advance(200);
    let engine = ground.engine(&Faults::default()).await;
    engine.sweeper.sweep(None).await.unwrap();
    until("its second attempt is read", async || began.exists()).await;
    let started = accept(&engine, call(Endpoint::Extract, vec![site.url("/p/1")])).await.unwrap();
    let read = drain(engine.driver.start(*started, None)).await.unwrap();
    assert_eq!(read[0]["status"], "success", "{read:?}");
    engine.shut_down(std::time::Duration::ZERO).await;
    std::fs::remove_dir_all(&folder).unwrap();
}

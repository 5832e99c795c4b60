//! The load of one account does not delay another: permits to fetch and to parse are shared out by account.

use std::sync::Arc;

use api::app::AppDependencies;
use domain::{AccountId, Plan};
use futures_util::FutureExt;
use runtime::Semaphores;
use serde_json::json;

use crate::support::site::Site;
use crate::support::stack::{World, config, schema};
use crate::support::test_bed::RunningClock;
use crate::support::until;

/// One account has more slow pages under way than the process fetches at once; none of them ends before the gate opens.
/// Another account's extract, batch and async batch are served meanwhile. If they had to wait, the first account
/// would have started further pages by then.
#[tokio::test]
async fn slow_pages_of_one_account_do_not_delay_another() {
    let (world, site) = (World::with_vars(&[("FETCH_CONCURRENCY", "8")]).await, Site::start().await);
    let honest = world.account("honest", Plan::Scale, Some(1_000), None).await;
    let mut slow = Vec::new();
    for _ in 0..3 {
        let urls = site.urls("/gate", 40);
        let options = json!({ "concurrency": 100, "timeout_ms": 120_000 });
        slow.push(world.begin("/v1/batch", json!({ "urls": urls, "schema": schema(), "options": options })).await);
    }
    until("the slow pages", async || site.hits() == 7).await;

    let patient = json!({ "timeout_ms": 120_000 });
    let extract = json!({ "url": site.url("/p/1"), "schema": schema(), "options": patient });
    let got = honest.post("/v1/extract", &extract).await;
    assert_eq!(got.json()["data"]["title"], "Page 1");
    let urls = site.urls("/p", 20);
    assert_eq!(honest.batch(&urls, patient.clone()).await.json()["succeeded"], 20);
    let queued = json!({ "urls": urls, "schema": schema(), "options": patient, "async_mode": true });
    assert_eq!(honest.post("/v1/batch", &queued).await.json()["succeeded"], 20);
    // The first account has no further page under way.
    assert_eq!(site.hits(), 7 + 1 + 20 + 20);

    site.open_gate();
    for (_, body) in slow {
        assert_eq!(body.await.unwrap()["succeeded"], 40);
    }
    world.assert_sound().await;
}

/// One account holds every parser permit that it may have. Its next page has to wait; another account's page does not.
#[tokio::test]
async fn pages_that_occupy_all_parsers_do_not_delay_another_account() {
    let semaphores = Semaphores::new(&runtime::settings::Settings { fetch_concurrency: 8, ..Default::default() });
    let dependencies = AppDependencies {
        semaphores: Some(semaphores.clone()),
        clock: Arc::new(RunningClock::start()),
        ..AppDependencies::default()
    };
    let (world, site) = (World::with_dependencies(config(&[]), dependencies).await, Site::start().await);
    let honest = world.account("honest", Plan::Scale, Some(1_000), None).await;
    let greedy = AccountId::parse("dev").unwrap();
    let held: Vec<_> = std::iter::from_fn(|| semaphores.parsers.normal_priority().acquire(&greedy).now_or_never())
        .take(1_000)
        .collect();
    assert!(!held.is_empty());
    let extract = |ms: u32| json!({ "url": site.url("/p/1"), "schema": schema(), "options": { "timeout_ms": ms } });
    assert_eq!(world.post("/v1/extract", &extract(1_000)).await.json()["error"]["code"], "TIMEOUT");
    assert_eq!(honest.post("/v1/extract", &extract(60_000)).await.json()["status"], "success");
    drop(held);
    assert_eq!(world.post("/v1/extract", &extract(60_000)).await.json()["status"], "success");
    // Every permit is returned, also by the page that timed out.
    until("no permit is held", async || semaphores.parsers.taken() == 0 && semaphores.pages.taken() == 0).await;
}

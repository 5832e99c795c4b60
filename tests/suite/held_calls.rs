//! Calls that are held open: how many an account may hold over all processes, for how long, and how many bytes a body
//! may have.

use std::sync::Arc;
use std::time::Duration;

use api::App;
use api::app::AppDependencies;
use api::routes::Function;
use domain::{AccountId, Nonce, Plan, Timestamp};
use http::Method;
use http_body_util::BodyExt;
use lambda_http::RequestExt;
use serde_json::{Value, json};
use store::Store;

use crate::support::site::Site;
use crate::support::stack::{Caller, World, config, schema};
use crate::support::test_bed::RunningClock;
use crate::support::until;

/// Takes permits of an account as another process would, for an hour.
async fn hold_elsewhere(store: &Store, account: &AccountId, now: Timestamp, permits: std::ops::Range<u32>) -> Nonce {
    let nonce = Nonce::from_random(7);
    for permit in permits {
        assert!(store.accounts.take_permit(account, permit, &nonce, now, now.plus_secs(3_600)).await.unwrap());
    }
    nonce
}

fn with_wait(caller: &Caller, job: &str, wait: &str) -> reqwest::RequestBuilder {
    caller.request(Method::GET, &format!("/v1/jobs/{job}/result")).header("Prefer", wait)
}

/// Permits are rows, so those that other processes hold count. A call that starts a job, one that reads a running job
/// and a replay are all refused, at no cost. A call that does not wait, or that reads an ended job, is not refused.
#[tokio::test]
async fn held_calls_are_counted_over_all_processes() {
    let (world, site) = (World::start().await, Site::start().await);
    let poor = world.account("poor", Plan::Free, Some(1_000), None).await;
    let (engine, account) = (world.stack.engine(), AccountId::parse("poor").unwrap());
    let max = Plan::Free.held_calls();
    let over = poor.batch(&[site.url("/p/1")], json!({})).await.job();
    let options = json!({ "timeout_ms": 120_000 });
    let slow = json!({ "urls": [site.url("/gate/1")], "schema": schema(), "options": options, "async_mode": true });
    let detach = poor.request(Method::POST, "/v1/batch").header("Prefer", "respond-async");
    let running = poor.send(detach.header("Idempotency-Key", "k").body(slow.to_string())).await.job();
    let used = poor.used().await;

    let nonce = hold_elsewhere(engine.store(), &account, engine.now(), 0..max).await;
    let refused = |answer: crate::support::stack::Answer| {
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "RATE_LIMITED"));
        assert_eq!(answer.header("retry-after"), "1");
    };
    refused(poor.batch(&[site.url("/p/1")], json!({})).await);
    refused(poor.get(&format!("/v1/jobs/{running}/result")).await);
    refused(poor.post_idempotent("/v1/batch", "k", &slow).await);
    assert_eq!(poor.used().await, used);
    assert_eq!(poor.get(&format!("/v1/jobs/{over}/result")).await.json()["succeeded"], 1);
    assert_eq!(poor.send(with_wait(&poor, &running, "wait=0")).await.json()["status"], "running");

    // A call finds the one free permit, whichever it is, and returns it at its end.
    for permit in 0..max {
        engine.store().accounts.return_permit(&account, permit, &nonce).await.unwrap();
        assert_eq!(poor.batch(&[site.url("/p/1")], json!({})).await.json()["succeeded"], 1);
        assert_eq!(engine.store().accounts.free_permits(&account, max, engine.now()).await.unwrap(), [permit]);
        hold_elsewhere(engine.store(), &account, engine.now(), permit..permit + 1).await;
    }
    site.open_gate();
}

/// A process that died returns no permits; their leases end.
#[tokio::test]
async fn a_permit_whose_holder_died_becomes_free() {
    let (world, site) = (World::start().await, Site::start().await);
    let poor = world.account("poor", Plan::Free, Some(1_000), None).await;
    let (engine, account, dead) = (world.stack.engine(), AccountId::parse("poor").unwrap(), Nonce::from_random(9));
    let long_ago = engine.now().plus_ms(-10_000);
    for permit in 0..Plan::Free.held_calls() {
        let taken = engine.store().accounts.take_permit(&account, permit, &dead, long_ago, long_ago.plus_secs(9)).await;
        assert!(taken.unwrap());
    }
    assert_eq!(poor.batch(&[site.url("/p/1")], json!({})).await.json()["succeeded"], 1);
    // The dead process cannot return a permit that another process holds by now.
    let other = hold_elsewhere(engine.store(), &account, engine.now(), 0..1).await;
    engine.store().accounts.return_permit(&account, 0, &dead).await.unwrap();
    assert!(!engine.store().accounts.free_permits(&account, 1, engine.now()).await.unwrap().contains(&0));
    engine.store().accounts.return_permit(&account, 0, &other).await.unwrap();
    assert_eq!(engine.store().accounts.free_permits(&account, 1, engine.now()).await.unwrap(), [0]);
}

/// A call that starts nothing is held for a shorter time. Its body says where to continue, and another call resumes the
/// wait.
#[tokio::test]
async fn a_read_is_held_for_a_shorter_time_than_a_job() {
    let (world, site) = (World::with_vars(&[("READ_HOLD_SECONDS", "1")]).await, Site::start().await);
    let slow = json!({ "urls": [site.url("/gate/1")], "schema": schema(), "options": { "timeout_ms": 120_000 } });
    let (job, body) = world.begin("/v1/batch", slow).await;
    for _ in 0..2 {
        let read = world.get(&format!("/v1/jobs/{job}/result")).await.json();
        assert_eq!((&read["status"], &read["next"]), (&json!("running"), &json!(format!("/v1/jobs/{job}/result"))));
    }
    // `wait` can shorten the hold, not extend it.
    let read = world.send(with_wait(&world, &job, "wait=600"));
    assert_eq!(tokio::time::timeout(Duration::from_secs(30), read).await.unwrap().json()["status"], "running");
    site.open_gate();
    assert_eq!(body.await.unwrap()["succeeded"], 1);
}

/// A body ends before it exceeds what the platform carries and names where the rest is. All results arrive, each once.
#[tokio::test]
async fn a_body_at_its_limit_names_where_the_rest_is() {
    let mut config = config(&[]);
    config.config.settings.max_body_bytes = 1_000;
    let (world, site) = (World::with_config(config).await, Site::start().await);
    let urls = site.urls("/p", 40);
    let first = world.batch(&urls, json!({})).await;
    let job = first.job();
    let (mut page, mut seen, mut bodies) = (first.json(), Vec::new(), 1);
    loop {
        let results = page["results"].as_array().unwrap();
        assert!(results.len() < 40, "{}", results.len());
        seen.extend(results.iter().filter(|r| r["status"] == "success").map(|r| r["url"].clone()));
        if page["status"] != "running" {
            break;
        }
        let next = page["next"].as_str().unwrap();
        assert_eq!(next, format!("/v1/jobs/{job}/result?from={}", seen.len()));
        page = world.get(next).await.json();
        bodies += 1;
    }
    assert!(bodies > 3, "{bodies}");
    assert_eq!(seen, urls.iter().map(|url| json!(url)).collect::<Vec<Value>>());
    assert_eq!((&page["succeeded"], &page["credits_charged"]), (&json!(40), &json!(40)));

    // As NDJSON, whose lines come in another order.
    let (mut from, mut lines) = (0, Vec::new());
    loop {
        let request = world.request(Method::GET, &format!("/v1/jobs/{job}/result?from={from}"));
        let text = world.send(request.header("Accept", "application/x-ndjson")).await.text;
        let mut rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = rows.pop().unwrap()["summary"].clone();
        lines.extend(rows.iter().map(|row| row["index"].as_u64().unwrap()));
        if summary["status"] != "running" {
            break;
        }
        from = lines.len();
        assert_eq!(summary["next"], format!("/v1/jobs/{job}/result?from={from}"));
    }
    lines.sort_unstable();
    assert_eq!(lines, (0..40).collect::<Vec<u64>>());
}

/// A client that does not read cannot hold anything for longer than the hold: its permit is returned then. If it reads on
/// in time, the body ends well-formed and names the first result that it leaves out. Tested without a connection, whose
/// buffers would take much of the body.
#[tokio::test]
async fn a_client_that_does_not_read_ends_its_hold_and_loses_no_result() {
    let (mut config, site) = (config(&[]), Site::start().await);
    // Long enough for one page on a slow machine.
    config.config.settings.hold_secs = 5;
    let (settings, world) = (config.config.clone(), World::with_config(config).await);
    let poor = world.account("poor", Plan::Free, Some(1_000), None).await;
    let (engine, account) = (world.stack.engine(), AccountId::parse("poor").unwrap());
    let dependencies = AppDependencies { clock: Arc::new(RunningClock::start()), ..AppDependencies::default() };
    let app = App::new(&settings, world.stack.resources(), dependencies).await.unwrap();
    let urls = site.urls("/p", 60);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 20 } });
    let mut request = lambda_http::Request::new(lambda_http::Body::Text(body.to_string()));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert("x-api-key", poor.key.parse().unwrap());
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    let unread = app.serve(Function::Batch, request.with_raw_http_path("/v1/batch")).await;
    assert_eq!(unread.status(), 200);
    let job = unread.headers()["x-job-id"].to_str().unwrap().to_owned();
    // Always compares with this moment, so that the permit becomes free only because it is returned, not because its
    // lease ends.
    let now = engine.now();
    let free = async || engine.store().accounts.free_permits(&account, 4, now).await.unwrap().len();
    assert_eq!(free().await, 3);
    until("its permit is returned", async || free().await == 4).await;
    // The end of the body waits a little longer for the client to read on.
    let read = unread.into_body().collect().await.unwrap().to_bytes();
    let read: Value = serde_json::from_slice(&read).unwrap();
    // On a slow machine, pages that have not ended are listed, too.
    let first: Vec<&Value> =
        read["results"].as_array().unwrap().iter().take_while(|result| result["status"] != "pending").collect();
    assert!((1..60).contains(&first.len()), "{}", first.len());
    assert_eq!(read["next"], format!("/v1/jobs/{job}/result?from={}", first.len()));
    until("the job ends", async || poor.get(&format!("/v1/jobs/{job}")).await.json()["status"] == "completed").await;
    let rest = poor.get(read["next"].as_str().unwrap()).await.json();
    let rest = rest["results"].as_array().unwrap();
    let seen: Vec<&Value> = first.into_iter().chain(rest).map(|result| &result["url"]).collect();
    assert_eq!(seen, urls.iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_hold_that_ends_leaves_a_well_formed_body_and_result_resumes() {
    // Long enough for two pages on a slow machine.
    let (world, site) = (World::with_vars(&[("HOLD_SECONDS", "5")]).await, Site::start().await);
    let mut urls = site.urls("/p", 2);
    urls.push(site.url("/gate/2"));
    let got = world.post("/v1/batch", &json!({ "urls": urls, "schema": schema() })).await;
    let body = got.json();
    assert_eq!((&body["status"], &body["job_id"]), (&json!("running"), &json!(got.job())));
    assert_eq!(body["next"], format!("/v1/jobs/{}/result", got.job()));
    let states: Vec<&str> = body["results"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["success", "success", "pending"]);
    site.open_gate();
    let mut next = world.get(body["next"].as_str().unwrap()).await.json();
    while next["status"] == "running" {
        next = world.get(body["next"].as_str().unwrap()).await.json();
    }
    assert_eq!(next["succeeded"], 3);
}

/// The number of calls that an account may hold is limited over HTTP too. One call more is refused at no cost. A call that
/// does not wait for its results is accepted, and so is a call after another has ended.
#[tokio::test]
async fn held_calls_of_an_account_are_limited() {
    let (world, site) = (World::start().await, Site::start().await);
    let poor = world.account("poor", Plan::Free, Some(1_000), None).await;
    let max = Plan::Free.held_calls();
    let call = json!({ "url": site.url("/gate/1"), "schema": schema(), "options": { "timeout_ms": 120_000 } });
    let mut held = Vec::new();
    for _ in 0..max {
        held.push(poor.begin("/v1/extract", call.clone()).await);
    }
    let refused = poor.post("/v1/extract", &call).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (429, "RATE_LIMITED"));
    assert_eq!((refused.header("retry-after"), poor.used().await), ("1", i64::from(max)));
    let detached = json!({ "urls": [site.url("/p/1")], "schema": schema(), "async_mode": true });
    let detached = poor.request(Method::POST, "/v1/batch").header("Prefer", "respond-async").body(detached.to_string());
    assert_eq!(poor.send(detached).await.status.as_u16(), 202);
    site.open_gate();
    for (_, body) in held {
        assert_eq!(body.await.unwrap()["status"], "success");
    }
    assert_eq!(poor.post("/v1/extract", &call).await.json()["status"], "success");
}

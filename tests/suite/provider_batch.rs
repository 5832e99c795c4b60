//! The provider's batch behind `async_mode`: the same results for half the price, only later.

mod crash;

use domain::JobId;
use domain::model_batch::Stage;
use serde_json::{Value, json};

use crate::support::model::{ScriptedModel, fields};
use crate::support::provider::BatchEnd;
use crate::support::server::{self, Folder, Server, assert_sound};
use crate::support::site::Site;
use crate::support::stack::World;
use crate::support::until;

fn page(n: usize) -> String {
    format!(
        "<title>House {n}</title><main><h1>House {n}</h1><p>The owners, a couple from Bergen, keep two goats and ask for \
         no more than {n}.50 euros. They speak Norwegian and English.</p></main>"
    )
}

fn open_schema() -> Value {
    json!([
        {"field": "title", "type": "string", "example": "A flat"},
        {"field": "goatCount", "type": "integer", "example": 3, "hint": "as the text says"},
        {"field": "ownersOrigin", "type": "string", "example": "Oslo", "hint": "as the text says"},
        {"field": "tongues", "type": "array<string>", "example": ["French"], "hint": "as the text says"},
    ])
}

async fn scripted() -> ScriptedModel {
    ScriptedModel::start(vec![fields([
        ("goatCount", json!(2), "keep two goats"),
        ("ownersOrigin", json!("Bergen"), "a couple from Bergen"),
        ("tongues", json!(["Norwegian", "English"]), "They speak Norwegian and English"),
    ])])
    .await
}

async fn world(model: &ScriptedModel, more: &[(&str, &str)]) -> World {
    let base = model.base();
    let mut vars =
        vec![("MODEL_URL", base.as_str()), ("MODEL_NAME", "small"), ("MODEL_KEY", "sk-m"), ("MODEL_BATCH", "openai")];
    vars.extend_from_slice(more);
    World::with_vars(&vars).await
}

fn houses(site: &Site, n: usize) -> Vec<String> {
    (0..n).map(|n| site.add_page(&format!("house-{n}"), &page(n))).collect()
}

fn call(urls: &[String], async_mode: bool) -> Value {
    json!({ "urls": urls, "schema": open_schema(), "async_mode": async_mode })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_pages_are_one_batch_with_the_results_of_a_sync_call() {
    let (model, site) = (scripted().await, Site::start().await);
    let (world, urls) = (world(&model, &[]).await, houses(&site, 200));
    model.provider().end_with(Some(BatchEnd::Completed));
    let asynchronous = world.post("/v1/batch", &call(&urls, true)).await.json();
    assert_eq!((model.provider().statuses(), model.calls().len()), (vec!["completed"], 0));
    assert_eq!(model.provider().answered().len(), 200);
    let usage = world.get("/v1/usage").await.json();
    assert_eq!((&usage["model"]["calls"], &usage["model"]["refused_values"]), (&json!(200), &json!(200)), "{usage}");
    // The provider keeps nothing of the pages.
    until("the files are deleted", async || model.provider().files() == 0).await;

    let synchronous = world.post("/v1/batch", &call(&urls, false)).await.json();
    assert_eq!(model.calls().len(), 200, "in sync mode the model is asked page by page");
    assert_eq!(asynchronous["results"], synchronous["results"]);
    assert_eq!(asynchronous["results"][7]["model_fields"], json!(["ownersOrigin", "tongues"]));
    assert_eq!((&asynchronous["total"], &asynchronous["succeeded"]), (&json!(200), &json!(200)));
    assert_eq!(asynchronous["credits_charged"], synchronous["credits_charged"]);
    world.assert_sound().await;
}

#[tokio::test]
async fn without_the_providers_batches_the_results_are_the_same() {
    let (model, site) = (scripted().await, Site::start().await);
    let (world, urls) = (world(&model, &[]).await, houses(&site, 20));
    let synchronous = world.post("/v1/batch", &call(&urls, false)).await.json();
    for (refuses, status) in
        [("POST /v1/files", 500), ("POST /v1/files", 404), ("POST /v1/batches", 429), ("POST /v1/batches", 503)]
    {
        model.provider().refuse(Some((refuses, status)));
        let before = model.calls().len();
        let got = world.post("/v1/batch", &call(&urls, true)).await.json();
        assert_eq!(got["results"], synchronous["results"], "{refuses} {status}");
        assert_eq!(model.calls().len(), before + 20, "{refuses} {status}");
    }
    assert!(model.provider().statuses().is_empty());
    // A batch that is made and then fails.
    model.provider().refuse(None);
    model.provider().end_with(Some(BatchEnd::Failed));
    let got = world.post("/v1/batch", &call(&urls, true)).await.json();
    assert_eq!((got["results"].clone(), model.provider().statuses()), (synchronous["results"].clone(), vec!["failed"]));
    world.assert_sound().await;
}

#[tokio::test]
async fn expired_requests_are_asked_again_and_refusals_become_warnings() {
    let (model, site) = (scripted().await, Site::start().await);
    let (world, urls) = (world(&model, &[]).await, houses(&site, 10));
    model.provider().end_with(Some(BatchEnd::Expired(4)));
    let got = world.post("/v1/batch", &call(&urls, true)).await.json();
    assert_eq!((model.provider().answered().len(), model.calls().len()), (4, 6));
    assert!(got["results"].as_array().unwrap().iter().all(|r| r["data"]["ownersOrigin"] == "Bergen"), "{got}");

    // The model's own refusal becomes the caller's warning and is not asked again.
    let refuses = crate::support::model::Reply::Text("", "content_filter");
    model.script(vec![refuses]);
    model.provider().end_with(Some(BatchEnd::Completed));
    let got = world.post("/v1/batch", &call(&urls[..3], true)).await.json();
    assert_eq!(model.calls().len(), 6);
    for result in got["results"].as_array().unwrap() {
        assert_eq!(result["warnings"], json!(["LLM_BLOCKED: the model refused this page"]), "{result}");
        assert_eq!(result["data"]["title"].as_str().map(|t| &t[..5]), Some("House"));
    }
    let usage = world.get("/v1/usage").await.json();
    assert_eq!(usage["model"]["failures"]["LLM_BLOCKED"], 3, "{usage}");
}

/// Waits until the job has ended. Returns the job and its results.
async fn ended(world: &World, job: &str) -> (Value, Value) {
    until("the job has ended", async || world.job(job).await["ended_at"].is_string()).await;
    (world.job(job).await, world.get(&format!("/v1/jobs/{job}/result")).await.json())
}

#[tokio::test]
async fn delete_cancels_at_the_provider_and_keeps_the_rules_values() {
    let (model, site) = (scripted().await, Site::start().await);
    let (world, urls) = (world(&model, &[]).await, houses(&site, 12));
    let (job, body) = world.begin("/v1/batch", call(&urls, true)).await;
    until("the batch is under way", async || model.provider().statuses() == ["in_progress"]).await;
    let progress = world.job(&job).await;
    assert_eq!((&progress["status"], &progress["progress"]["pending"]), (&json!("running"), &json!(12)), "{progress}");
    assert_eq!(world.delete(&job).await.status, 200);
    // A sweep may have polled the batch since then.
    let told = model.provider().statuses();
    assert!(matches!(told[..], ["cancelling" | "cancelled"]), "by the time that DELETE answers: {told:?}");
    let (state, _) = ended(&world, &job).await;
    assert_eq!(state["status"], "cancelled");
    let credits = &state["credits"];
    assert_eq!((&credits["charged"], &credits["refunded"]), (&json!(12), &json!(0)), "all had started: {state}");
    let body = body.await.unwrap();
    for result in body["results"].as_array().unwrap() {
        assert_eq!((&result["status"], &result["data"]["ownersOrigin"]), (&json!("success"), &Value::Null), "{result}");
    }
    until("the provider has confirmed, and the files are gone", async || {
        model.provider().statuses() == ["cancelled"] && model.provider().files() == 0
    })
    .await;
    assert_eq!((model.calls().len(), world.used().await), (0, 12));
    world.assert_sound().await;
}

#[tokio::test]
async fn delete_before_the_batch_refunds_units_that_did_not_start() {
    let (model, site) = (scripted().await, Site::start().await);
    let world = world(&model, &[]).await;
    let urls = [houses(&site, 2), site.urls("/gate", 4)].concat();
    let mut call = call(&urls, true);
    call["options"] = json!({ "concurrency": 1 });
    let (job, body) = world.begin("/v1/batch", call).await;
    until("the third is under way", async || site.hits() >= 3).await;
    assert_eq!(world.delete(&job).await.status, 200);
    site.open_gate();
    let (state, _) = ended(&world, &job).await;
    assert_eq!((&state["credits"]["charged"], &state["credits"]["refunded"]), (&json!(3), &json!(3)), "{state}");
    let body = body.await.unwrap();
    assert_eq!((&body["succeeded"], &body["not_run"]), (&json!(3), &json!(3)), "{body}");
    assert_eq!((model.provider().statuses().len(), model.calls().len()), (0, 0));
    world.assert_sound().await;
}

#[tokio::test]
async fn a_crawl_waits_for_its_batch() {
    let (model, site) = (scripted().await, Site::start().await);
    let world = world(&model, &[("HOST_DELAY_MS", "0")]).await;
    model.provider().end_with(Some(BatchEnd::Completed));
    let links = (0..3).map(|n| format!("<a href=\"house-{n}\">House {n}</a>")).collect::<String>();
    houses(&site, 3);
    let seed = site.add_page("seed", &format!("{}{links}", page(9)));
    let crawl = json!({ "follow_pattern": site.url("/shown/*"), "max_pages": 10, "use_sitemap": false });
    let body = json!({ "seed_url": seed, "schema": open_schema(), "crawl": crawl, "async_mode": true });
    let got = world.post("/v1/crawl", &body).await.json();
    assert_eq!(
        (&got["crawl_meta"]["pages_visited"], &got["crawl_meta"]["credits_charged"]),
        (&json!(4), &json!(4)),
        "{got}"
    );
    assert!(got["results"].as_array().unwrap().iter().all(|r| r["data"]["ownersOrigin"] == "Bergen"), "{got}");
    assert_eq!((model.provider().statuses().len(), model.calls().len()), (1, 0));
    world.assert_sound().await;
}

/// A batch costs half the price. The highest price is reserved before, and what is left of it is returned.
#[tokio::test]
async fn a_batch_respects_the_daily_budget() {
    // A page costs 1,050 tokens; at most it may cost about 1,700.
    let vars = [("MODEL_INPUT_PRICE", "1"), ("MODEL_OUTPUT_PRICE", "1"), ("MODEL_DAILY_BUDGET", "0.012")];
    let (model, site) = (scripted().await, Site::start().await);
    let (world, urls) = (world(&model, &vars).await, houses(&site, 10));
    model.provider().end_with(Some(BatchEnd::Completed));
    for _ in 0..2 {
        world.post("/v1/batch", &call(&urls, true)).await;
    }
    // 10 pages at half of $0.00105 are $0.00525: the second batch does not find enough left to reserve.
    assert_eq!(model.provider().answered().len(), 10);
    let usage = world.get("/v1/usage").await.json();
    assert!(usage["model"]["failures"]["LLM_RATE_LIMITED"].as_u64().unwrap() >= 1, "{usage}");
    assert!(
        (1..=6).contains(&model.calls().len()),
        "the rest of the budget is for single pages: {}",
        model.calls().len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_with_a_batch_completes_after_a_kill() {
    let (folder, site, model) = (Folder::new("kill-batch"), Site::start().await, scripted().await);
    let base = model.base();
    let vars = [("MODEL_URL", base.as_str()), ("MODEL_NAME", "m"), ("MODEL_KEY", "k"), ("MODEL_BATCH", "openai")];
    let server = Server::start_with(&folder.0, &vars);
    let job = server.detach("/v1/batch", &call(&houses(&site, 30), true)).await;
    let store = server::store(&folder.0).await;
    let job_id = JobId::parse(&job).unwrap();
    // A server that is killed while it works on the batch, as it does when it polls, keeps the batch's lease for three minutes.
    until("the batch is under way, and its lease is released", async || {
        let polled = model.provider().statuses() == ["in_progress"];
        let batches = store.model_batches.batches_of(&job_id).await.unwrap();
        polled && batches.iter().any(|b| b.stage == Stage::Created && b.due.is_some_and(|due| b.lease_until < due))
    })
    .await;
    drop(server); // SIGKILL
    model.provider().end_with(Some(BatchEnd::Completed));
    let server = Server::start_with(&folder.0, &vars);
    server.until_completed(&job).await;
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    assert!(result["results"].as_array().unwrap().iter().all(|r| r["data"]["ownersOrigin"] == "Bergen"), "{result}");
    assert_eq!(
        (model.provider().statuses(), model.provider().answered().len()),
        (vec!["completed"], 30),
        "one batch is paid for"
    );
    assert_eq!((model.calls().len(), site.hits()), (0, 30), "no question and no page is repeated");
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], 30);
    assert_sound(&folder.0);
}

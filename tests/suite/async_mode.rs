//! Async mode as a client sees it: the same responses through the queue, with and without workers.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::site::Site;
use crate::support::stack::{Answer, World, schema};
use crate::support::until;

fn asynchronous(urls: &[String], options: Value) -> Value {
    json!({ "urls": urls, "schema": schema(), "options": options, "async_mode": true })
}

async fn prefer(world: &World, prefer: &str, body: &Value) -> Answer {
    world.send(world.request(Method::POST, "/v1/batch").header("Prefer", prefer).body(body.to_string())).await
}

#[tokio::test]
async fn sync_and_async_bodies_are_the_same() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 46);
    urls.extend(["/404", "/pdf", "/moved", "/loop"].map(|path| site.url(path)));
    let sync = world.post("/v1/batch", &json!({ "urls": urls, "schema": schema() })).await;
    let queued = world.post("/v1/batch", &asynchronous(&urls, json!({}))).await;
    assert_eq!(sync.json(), queued.json());
    assert_eq!(sync.json()["results"].as_array().unwrap().len(), 50);
    let (sync, queued) = (world.job(&sync.job()).await, world.job(&queued.job()).await);
    assert_eq!((&sync["async_mode"], &queued["async_mode"]), (&json!(false), &json!(true)));
    assert_eq!((&sync["progress"], &sync["credits"]), (&queued["progress"], &queued["credits"]));
    assert_eq!(site.counts()["/p/1"], 2, "each page once per job");
    assert_eq!(world.used().await, 100);
    world.assert_sound().await;
}

#[tokio::test]
async fn without_workers_the_handler_does_the_work_after_the_stall_limit() {
    let (world, site) =
        (World::with_vars(&[("WORKER_CONCURRENCY", "0"), ("STALL_SECONDS", "1")]).await, Site::start().await);
    let urls = site.urls("/p", 20);
    let answer = world.post("/v1/batch", &asynchronous(&urls, json!({}))).await;
    assert_eq!(world.job(&answer.job()).await["status"], "completed");
    let got = answer.json();
    let sync = world.post("/v1/batch", &json!({ "urls": urls, "schema": schema() })).await.json();
    assert_eq!(got, sync);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_detached_job_is_run_by_workers_alone() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = site.urls("/p", 25);
    let got = prefer(&world, "respond-async", &json!({ "urls": urls, "schema": schema() })).await;
    let job = got.job();
    assert_eq!(got.status, 202);
    assert_eq!(got.header("location"), format!("/v1/jobs/{job}/result"));
    assert_eq!(got.header("preference-applied"), "respond-async");
    assert!(got.number("x-monthly-usage-remaining") > 0);
    assert_eq!(got.json(), json!({ "job_id": job, "status": "running" }));
    let result = world.get(&format!("/v1/jobs/{job}/result")).await;
    assert_eq!(result.json()["succeeded"], 25);
    let shown: Vec<Value> = result.json()["results"].as_array().unwrap().iter().map(|r| r["url"].clone()).collect();
    assert_eq!(json!(shown), json!(urls));
    assert_eq!(world.job(&job).await["async_mode"], true);
    assert!(
        urls.iter().all(|u| site.counts()[u.split_once("/p").map(|(_, n)| format!("/p{n}")).unwrap().as_str()] == 1)
    );
    world.assert_sound().await;
}

#[tokio::test]
async fn wait_returns_the_results_so_far_and_result_resumes() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.url("/gate/0"), site.url("/p/1"), site.url("/p/2"), site.url("/404")];
    for body in [json!({ "urls": urls, "schema": schema() }), asynchronous(&urls, json!({}))] {
        // Long enough for three pages on a slow machine.
        let got = prefer(&world, "wait=5", &body).await;
        assert_eq!((got.status.as_u16(), got.header("preference-applied")), (200, "wait=5"));
        let (job, running) = (got.job(), got.json());
        assert_eq!((&running["status"], &running["job_id"]), (&json!("running"), &json!(job)));
        assert_eq!(running["next"], format!("/v1/jobs/{job}/result"));
        assert_eq!(running["results"][0], json!({ "url": urls[0], "status": "pending" }));
        assert_eq!(
            (&running["results"][1]["data"]["title"], &running["results"][2]["status"]),
            (&json!("Page 1"), &json!("success"))
        );
        assert_eq!(running["results"][3]["status"], "error");
        assert_eq!((&running["total"], &running["succeeded"], &running["failed"]), (&json!(4), &json!(2), &json!(1)));
        assert_eq!((&running["credits_reserved"], &running["credits_charged"]), (&json!(4), &Value::Null));
        let again = world.request(Method::GET, &format!("/v1/jobs/{job}/result")).header("Prefer", "wait=0");
        assert_eq!(world.send(again).await.json()["results"], running["results"]);
    }
    site.open_gate();
    let list = world.get("/v1/jobs").await.json();
    for job in list["jobs"].as_array().unwrap() {
        let id = job["job_id"].as_str().unwrap();
        assert_eq!(world.get(&format!("/v1/jobs/{id}/result?from=1")).await.json()["succeeded"], 3);
    }
    world.assert_sound().await;
}

/// The lines of an NDJSON body.
fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[tokio::test]
async fn ndjson_lines_arrive_as_units_finish() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.url("/gate/0"), site.url("/p/1"), site.url("/404")];
    for body in [json!({ "urls": urls, "schema": schema() }), asynchronous(&urls, json!({}))] {
        let request = world.request(Method::POST, "/v1/batch").header("Accept", "application/x-ndjson");
        let response = request.body(body.to_string()).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/x-ndjson");
        let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
        let (site, mut response, mut text) = (site.clone(), response, String::new());
        while text.lines().filter(|l| l.contains("index")).count() < 2 {
            text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        }
        assert!(!text.contains("gate"), "the first URL is still open: {text}");
        site.open_gate();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        let lines = lines(&text);
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[2]["index"], &lines[2]["url"]), (&json!(0), &json!(urls[0])));
        assert_eq!((&lines[3]["summary"]["total"], &lines[3]["summary"]["succeeded"]), (&json!(3), &json!(2)));
        let again =
            world.request(Method::GET, &format!("/v1/jobs/{job}/result")).header("Accept", "application/x-ndjson");
        let mut again = self::lines(&world.send(again).await.text);
        let mut first = lines;
        first.sort_by_key(|l| l["index"].as_u64());
        again.sort_by_key(|l| l["index"].as_u64());
        assert_eq!(first, again);
        site.close_gate();
    }
    world.assert_sound().await;
}

/// The events of an SSE body: name, id, data.
fn events(text: &str) -> Vec<(String, String, Value)> {
    let blocks = text.split("\n\n").filter(|block| block.lines().any(|line| line.starts_with("event:")));
    blocks
        .map(|block| {
            let field = |name: &str| {
                let line = block.lines().find_map(|line| line.strip_prefix(name));
                line.map(|v| v.trim_start_matches(": ").to_owned()).unwrap_or_default()
            };
            (field("event"), field("id"), serde_json::from_str(&field("data")).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn events_are_numbered_and_resume_after_last_event_id() {
    let (world, site) = (World::start().await, Site::start().await);
    for queued in [false, true] {
        let body = json!({ "urls": site.urls("/p", 12), "schema": schema(), "async_mode": queued });
        let request = world.request(Method::POST, "/v1/batch").header("Accept", "text/event-stream");
        let got = world.send(request.body(body.to_string())).await;
        assert_eq!(got.header("content-type"), "text/event-stream");
        let all = events(&got.text);
        let units: Vec<_> = all.iter().filter(|(name, ..)| name == "unit").cloned().collect();
        let ids: Vec<String> = units.iter().map(|(_, id, _)| id.clone()).collect();
        assert_eq!(ids, (1..=12).map(|n| n.to_string()).collect::<Vec<_>>());
        let progress = all.iter().find(|(name, ..)| name == "progress").unwrap();
        assert_eq!(progress.2["total"], 12);
        let (last, _, summary) = all.last().unwrap();
        assert_eq!((last.as_str(), &summary["succeeded"]), ("done", &json!(12)));
        let request = world.request(Method::GET, &format!("/v1/jobs/{}/result", got.job()));
        let request = request.header("Accept", "text/event-stream").header("Last-Event-ID", "5");
        let rest: Vec<_> = events(&world.send(request).await.text).into_iter().filter(|e| e.0 == "unit").collect();
        let order =
            |list: &[(String, String, Value)]| list.iter().map(|e| e.2["index"].as_u64().unwrap()).collect::<Vec<_>>();
        assert_eq!(order(&rest), order(&units[5..]), "queued: {queued}, {:?}", order(&units));
        assert_eq!(rest, units[5..], "the rest, in the same order");
    }
    let bad = world.request(Method::GET, "/v1/jobs/job_000000000000/result").header("Last-Event-ID", "x");
    assert_eq!(world.send(bad).await.code(), "INVALID_REQUEST");
}

#[tokio::test]
async fn a_cancelled_async_batch_starts_nothing_more() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = site.urls("/gate", 200);
    let (job, result) = world.begin("/v1/batch", asynchronous(&urls, json!({ "concurrency": 20 }))).await;
    until("20 pages under way", async || site.hits() == 20).await;
    assert_eq!(world.delete(&job).await.status, 200);
    site.open_gate();
    let body = result.await.unwrap();
    assert_eq!(site.hits(), 20, "nothing starts after DELETE has answered");
    assert_eq!((&body["cancelled"], &body["succeeded"], &body["not_run"]), (&json!(true), &json!(20), &json!(180)));
    assert_eq!(world.used().await, 20);
    world.assert_sound().await;
}

#[tokio::test]
async fn fail_fast_holds_across_workers() {
    let (world, site) = (World::start().await, Site::start().await);
    let mut urls = site.urls("/p", 200);
    urls[0] = site.url("/404");
    let got =
        world.post("/v1/batch", &asynchronous(&urls, json!({ "fail_fast": true, "concurrency": 1 }))).await.json();
    assert_eq!((&got["failed"], &got["not_run"], &got["cancelled"]), (&json!(1), &json!(199), &json!(false)));
    assert_eq!(site.hits(), 1);
    assert_eq!(world.used().await, 1);
    world.assert_sound().await;
}

/// Two accounts at once: each has only a few messages in the queue, so they take turns.
#[tokio::test]
async fn two_large_jobs_take_turns() {
    let world = World::with_vars(&[("WORKER_CONCURRENCY", "2"), ("FETCH_CONCURRENCY", "8")]).await;
    let (one, two) = (Site::start().await, Site::start().await);
    let other = world.account("other", domain::Plan::Scale, None, None).await;
    // The first job waits at its 60th page until the second has been accepted.
    let urls = [one.urls("/p", 60), one.urls("/gate", 440)].concat();
    let (_, first) = world.begin("/v1/batch", asynchronous(&urls, json!({ "timeout_ms": 120_000 }))).await;
    until("the first job has started", async || one.hits() > 20).await;
    let (_, second) = other.begin("/v1/batch", asynchronous(&two.urls("/p", 500), json!({}))).await;
    one.open_gate();
    until("the second job has run 100 pages", async || two.hits() >= 100).await;
    assert!(one.hits() < 500, "the first job ended before the second had its turn");
    assert_eq!(first.await.unwrap()["succeeded"], 500);
    assert_eq!(second.await.unwrap()["succeeded"], 500);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_repeated_async_call_with_its_key_joins_the_job() {
    let (world, site) = (World::start().await, Site::start().await);
    let body = asynchronous(&site.urls("/gate", 3), json!({}));
    let send = |prefer: &'static str| {
        let request = world.request(Method::POST, "/v1/batch").header("Idempotency-Key", "k").header("Prefer", prefer);
        world.send(request.body(body.to_string()))
    };
    let first = send("respond-async").await;
    let second = send("respond-async").await;
    assert_eq!((first.status.as_u16(), second.status.as_u16(), first.job()), (202, 202, second.job()));
    site.open_gate();
    let result = send("x").await;
    assert_eq!((result.status.as_u16(), &result.json()["succeeded"]), (200, &json!(3)));
    assert_eq!(send("respond-async").await.json(), result.json(), "the job has ended: its result is returned");
    assert_eq!(world.used().await, 3);
}

/// Nothing listens where the queue should be: the handler does the work at once, and the response does not show it.
#[tokio::test]
async fn with_an_unreachable_queue_the_handler_runs_the_job_at_once() {
    use crate::support::test_bed::{TestBed, accept, call, drain};
    let (bed, site) = (TestBed::new().await, Site::start().await);
    let engine = bed.engine(&crate::support::faults::Faults::default()).await;
    let mut batch = call(domain::Endpoint::Batch, site.urls("/p", 12));
    batch.async_mode = true;
    let started = accept(&engine, batch).await.unwrap();
    // The clock stands still: the stall limit cannot have passed.
    let results = drain(engine.driver.start(*started, None)).await.unwrap();
    assert!(results.len() == 12 && results.iter().all(|result| result["status"] == "success"));
    assert_eq!(site.hits(), 12);
    bed.assert_sound("dead queue").await;
}

#[tokio::test]
async fn async_mode_is_read_at_the_top_level_and_in_options() {
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

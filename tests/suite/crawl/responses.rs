//! The forms of a crawl's response: 202 at once, NDJSON, events, a partial body, the result again.

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_sums, asynchronous, body, both_modes, figures, pages_with_results, results, start, with_header};
use crate::support::generated::{GeneratedSite, Spec};
use crate::support::stack::World;
use crate::support::until;

async fn small() -> (World, GeneratedSite, Value) {
    let (world, site) = start(Spec::tree(25, 3)).await;
    let request = body(&site, "/item/0", json!({ "max_pages": 40 }));
    (world, site, request)
}

async fn gated() -> (World, GeneratedSite, Value) {
    let mut spec = Spec::tree(25, 3);
    spec.gated = true;
    let (world, site) = start(spec).await;
    let request = body(&site, "/item/0", json!({ "max_pages": 40 }));
    (world, site, request)
}

#[tokio::test]
async fn respond_async_returns_202_and_workers_run_the_crawl() {
    let (world, site, request) = gated().await;
    let got = with_header(&world, "Prefer", "respond-async", &request).await;
    let job = got.job();
    assert_eq!(got.status, 202);
    assert_eq!(got.header("location"), format!("/v1/jobs/{job}/result"));
    assert_eq!(got.header("preference-applied"), "respond-async");
    assert_eq!(got.json(), json!({ "job_id": job, "status": "running" }));
    let list = world.get("/v1/jobs").await.json();
    assert_eq!((&list["jobs"][0]["job_id"], &list["jobs"][0]["endpoint"]), (&json!(job), &json!("/crawl")));
    assert_eq!(list["jobs"][0]["async_mode"], true);
    site.open_gate();
    let result = world.get(&format!("/v1/jobs/{job}/result")).await.json();
    assert_eq!((pages_with_results(&site, &result), figures(&result)), (site.spec.tree.all(), [25, 0, 40, 25]));
    assert_eq!(site.fetched_once(), site.spec.tree.all());
    assert_sums(&world, &job, &result, 0).await;
}

#[tokio::test]
async fn the_result_read_again_is_the_same_body() {
    let (world, site, request) = small().await;
    for request in both_modes(request) {
        let first = world.post("/v1/crawl", &request).await;
        let path = format!("/v1/jobs/{}/result", first.job());
        let hits = site.log().len();
        let again = world.get(&path).await;
        // The texts differ in the white space that kept the first response alive.
        assert_eq!(again.json(), first.json());
        assert_eq!(world.get(&path).await.text, again.text);
        let rest = world.get(&format!("{path}?from=20")).await.json();
        assert_eq!(results(&rest)[..], results(&again.json())[20..]);
        assert_eq!(rest["crawl_meta"], again.json()["crawl_meta"], "the figures are the whole crawl's");
        assert_eq!(site.log().len(), hits, "reading the result fetches nothing");
    }
}

#[tokio::test]
async fn ndjson_lines_are_numbered_by_order_of_completion() {
    let (world, site, request) = small().await;
    for request in both_modes(request) {
        let got = with_header(&world, "Accept", "application/x-ndjson", &request).await;
        assert_eq!(got.header("content-type"), "application/x-ndjson");
        let mut lines: Vec<Value> = got.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let summary = lines.pop().unwrap()["summary"].clone();
        assert_eq!((&summary["seed_url"], &summary["results"]), (&request["seed_url"], &Value::Null));
        let order: Vec<u64> = lines.iter().map(|line| line["index"].as_u64().unwrap()).collect();
        assert_eq!(order, (0..25).collect::<Vec<_>>());
        assert_eq!(lines[0]["url"], request["seed_url"]);
        for line in &mut lines {
            line.as_object_mut().unwrap().remove("index");
        }
        // The same as the JSON body, with the position as the index.
        let whole = world.get(&format!("/v1/jobs/{}/result", got.job())).await.json();
        assert_eq!((json!(lines), &summary["crawl_meta"]), (whole["results"].clone(), &whole["crawl_meta"]));
        assert_eq!(pages_with_results(&site, &whole), site.spec.tree.all());
        assert_sums(&world, &got.job(), &whole, 0).await;
    }
}

#[tokio::test]
async fn an_ndjson_line_arrives_as_soon_as_its_page_ended() {
    let (world, site, request) = gated().await;
    for request in both_modes(request) {
        site.close_gate();
        let sent = world.request(Method::POST, "/v1/crawl").header("Accept", "application/x-ndjson");
        let mut response = sent.body(request.to_string()).send().await.unwrap();
        let mut text = String::new();
        while !text.contains("\"index\"") || !text.trim_end_matches(' ').ends_with('\n') {
            text.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
        }
        let first: Value = serde_json::from_str(text.lines().find(|line| line.contains("index")).unwrap()).unwrap();
        assert_eq!((&first["index"], &first["url"]), (&json!(0), &request["seed_url"]), "while its children wait");
        site.open_gate();
        while let Some(chunk) = response.chunk().await.unwrap() {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
        assert_eq!(text.lines().filter(|line| line.contains("\"index\"")).count(), 25);
    }
}

#[tokio::test]
async fn events_end_with_the_summary() {
    let (world, _site, request) = small().await;
    for request in both_modes(request) {
        let got = with_header(&world, "Accept", "text/event-stream", &request).await;
        assert_eq!(got.header("content-type"), "text/event-stream");
        let units = got.text.lines().filter(|line| line.trim_end() == "event: unit").count();
        let ids: Vec<&str> = got.text.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
        assert_eq!((units, ids.last()), (25, Some(&"25")));
        let done = got.text.split("event: done").nth(1).unwrap();
        let data = done.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
        let summary: Value = serde_json::from_str(data).unwrap();
        assert_eq!((figures(&summary), &summary["seed_url"]), ([25, 0, 40, 25], &request["seed_url"]));
    }
}

#[tokio::test]
async fn wait_returns_the_results_so_far_and_result_resumes() {
    let (world, site, request) = gated().await;
    for request in both_modes(request) {
        site.close_gate();
        // Long enough for the seed on a slow machine.
        let got = with_header(&world, "Prefer", "wait=5", &request).await;
        assert_eq!((got.status.as_u16(), got.header("preference-applied")), (200, "wait=5"));
        let (job, running) = (got.job(), got.json());
        assert_eq!((&running["status"], &running["job_id"]), (&json!("running"), &json!(job)));
        assert_eq!(running["next"], format!("/v1/jobs/{job}/result"));
        assert_eq!(running["seed_url"], request["seed_url"]);
        // The seed has ended. Its children wait at the gate; they are left out or shown as pending.
        let ended: Vec<&Value> = results(&running).iter().filter(|result| result["status"] != "pending").collect();
        assert_eq!(ended.len(), 1, "{running}");
        assert_eq!((&ended[0]["url"], &ended[0]["status"]), (&request["seed_url"], &json!("success")));
        let meta = &running["crawl_meta"];
        assert_eq!((&meta["credits_reserved"], &meta["pages_failed"]), (&json!(40), &json!(0)));
        site.open_gate();
        let result = world.get(&format!("/v1/jobs/{job}/result")).await.json();
        assert_eq!((figures(&result), result.get("status")), ([25, 0, 40, 25], None));
        assert_sums(&world, &job, &result, 0).await;
    }
}

#[tokio::test]
async fn the_same_idempotency_key_joins_or_replays_the_crawl() {
    let (world, site, request) = gated().await;
    for (key, request) in ["one", "two"].into_iter().zip(both_modes(request)) {
        site.close_gate();
        site.clear_log();
        let before = world.used().await;
        let (caller, sent) = (world.dev.clone(), request.clone());
        let first = tokio::spawn(async move { caller.post_idempotent("/v1/crawl", key, &sent).await });
        until("the job runs", async || site.page_hits().len() > 1).await;
        let second = world.request(Method::POST, "/v1/crawl").header("Idempotency-Key", key);
        // Its head arrives while the job runs.
        let second = second.body(request.to_string()).send().await.unwrap();
        site.open_gate();
        let (first, job) = (first.await.unwrap(), second.headers()["x-job-id"].to_str().unwrap().to_owned());
        let second: Value = serde_json::from_str(&second.text().await.unwrap()).unwrap();
        assert_eq!((first.job(), first.json()), (job, second), "joined");
        let replay = world.post_idempotent("/v1/crawl", key, &request).await;
        assert_eq!((replay.job(), replay.json()), (first.job(), first.json()), "replayed");
        assert_eq!(site.fetched_once(), site.spec.tree.all());
        assert_eq!(world.used().await - before, 25);
        let mut other = request.clone();
        other["crawl"]["max_pages"] = json!(41);
        let refused = world.post_idempotent("/v1/crawl", key, &other).await;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "IDEMPOTENCY_MISMATCH"));
    }
    world.assert_sound().await;
}

#[tokio::test]
async fn async_mode_is_read_at_the_top_level_and_in_options() {
    let (world, _site, request) = small().await;
    let mut inside = request.clone();
    inside["options"] = json!({ "async_mode": true });
    for request in [asynchronous(request), inside] {
        let got = world.post("/v1/crawl", &request).await;
        assert_eq!(figures(&got.json()), [25, 0, 40, 25]);
        assert_eq!(world.job(&got.job()).await["async_mode"], true);
    }
}

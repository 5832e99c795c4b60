//! What each tool does, and what it does not.

use std::collections::BTreeSet;

use domain::Plan;
use serde_json::{Value, json};

use super::{OLDER_REVISION, code, message, post, tool};
use crate::support::site::Site;
use crate::support::stack::{Caller, World, schema};
use crate::support::until;

#[tokio::test]
async fn extract_reads_a_page_and_errors_are_those_of_the_api() {
    let (world, site) = (World::start().await, Site::start().await);
    let got = tool(&world, "extract", json!({ "url": site.url("/p/1"), "schema": schema() })).await.unwrap();
    assert_eq!((&got["status"], &got["data"]["title"]), (&json!("success"), &json!("Page 1")), "{got}");
    let job = tool(&world, "job_status", json!({ "job_id": got["job_id"] })).await.unwrap();
    assert_eq!((&job["status"], &job["credits"]["charged"]), (&json!("completed"), &json!(1)), "{job}");
    // A schema as pydantic and zod write it.
    let flat =
        json!({ "type": "object", "properties": { "title": { "type": "string", "description": "the heading" } } });
    let got = tool(&world, "extract", json!({ "url": site.url("/p/2"), "schema": flat })).await.unwrap();
    assert_eq!(got["data"], json!({ "title": "Page 2" }));
    // A refusal by the site is a result.
    let got = tool(&world, "extract", json!({ "url": site.url("/403"), "schema": schema() })).await.unwrap();
    assert_eq!((&got["status"], &got["error"]["code"]), (&json!("error"), &json!("FETCH_BLOCKED")));
    assert_eq!(world.used().await, 3);

    let url = site.url("/p/3");
    for (arguments, wanted, names) in [
        (json!({ "url": url }), "SCHEMA_REQUIRED", "schema"),
        (json!({ "url": url, "schema": [{ "field": "a", "type": "text", "example": "x" }] }), "SCHEMA_INVALID", "type"),
        (json!({ "url": "ftp://a.example/", "schema": schema() }), "INVALID_REQUEST", "url"),
        (json!({ "url": url, "schema": schema(), "shcema": 1 }), "INVALID_REQUEST", "shcema"),
        (json!({ "url": url, "schema": schema(), "idempotency_key": 7 }), "INVALID_REQUEST", "idempotency_key"),
        (json!({ "url": url, "schema": schema(), "idempotency_key": "é\n" }), "INVALID_REQUEST", "idempotency_key"),
    ] {
        let refusal = tool(&world, "extract", arguments.clone()).await.unwrap_err();
        assert_eq!(refusal["error"]["code"], wanted, "{arguments}: {refusal}");
        assert!(refusal["error"]["message"].as_str().unwrap().contains(names), "{arguments}: {refusal}");
    }
    assert_eq!(world.used().await, 3, "a refused call costs nothing");
    world.assert_sound().await;
}

/// The results of a job, page by page, with at most `limit` results each.
async fn pages(caller: &Caller, job: &Value, limit: u64) -> Vec<Value> {
    let (mut pages, mut from) = (Vec::new(), json!(0));
    while !from.is_null() {
        let arguments = json!({ "job_id": job, "from": from, "limit": limit, "wait_seconds": 40 });
        let page = tool(caller, "job_results", arguments).await.unwrap();
        assert_eq!(page["from"], from);
        from = page["next_from"].clone();
        pages.push(page);
    }
    pages
}

#[tokio::test]
async fn a_batch_is_read_page_by_page_each_result_once() {
    let (world, site) = (World::start().await, Site::start().await);
    let call = json!({ "urls": site.urls("/p", 45), "schema": schema(), "idempotency_key": "my batch" });
    let started = tool(&world, "start_batch", call.clone()).await.unwrap();
    assert_eq!(started["status"], "running", "{started}");
    let pages = pages(&world, &started["job_id"], 20).await;
    let numbers: Vec<usize> = pages.iter().map(|page| page["results"].as_array().unwrap().len()).collect();
    assert_eq!(numbers.iter().sum::<usize>(), 45, "{numbers:?}");
    assert!(numbers.iter().all(|number| *number <= 20), "{numbers:?}");
    let results = pages.iter().flat_map(|page| page["results"].as_array().unwrap());
    let indices: BTreeSet<u64> = results.clone().map(|result| result["index"].as_u64().unwrap()).collect();
    assert_eq!(indices, (0..45).collect(), "each result once");
    let of = |index: u64| results.clone().find(|result| result["index"] == index).unwrap();
    assert_eq!(of(7)["data"]["title"], "Page 7");
    let last = pages.last().unwrap();
    assert_eq!((&last["status"], &last["summary"]["succeeded"]), (&json!("completed"), &json!(45)), "{last}");
    assert_eq!(last["credits"]["charged"], 45);

    // A second reading, after the job has ended, gets full pages. The last page says that it is the last.
    let again = self::pages(&world, &started["job_id"], 15).await;
    let numbers: Vec<usize> = again.iter().map(|page| page["results"].as_array().unwrap().len()).collect();
    assert_eq!(numbers, [15, 15, 15]);
    // The same call returns the same job and is not charged again.
    let same = tool(&world, "start_batch", call).await.unwrap();
    assert_eq!((&same["job_id"], &same["status"]), (&started["job_id"], &json!("ended")));
    assert_eq!(world.used().await, 45);
    world.assert_sound().await;
}

#[tokio::test]
async fn a_page_of_results_is_bounded_in_size() {
    let (world, site) = (World::start().await, Site::start().await);
    let text = "word ".repeat(2_500);
    let long = |n: usize, ids: &[&str]| {
        let texts: String = ids.iter().map(|id| format!("<p id={id}>{text}</p>")).collect();
        format!("<h1>{n}</h1>{texts}")
    };
    let mut urls: Vec<String> = (0..6).map(|n| site.add_page(&format!("long{n}"), &long(n, &["x"]))).collect();
    urls.push(site.add_page("large", &long(6, &["x", "y", "z"])));
    let field =
        |name: &str, selector: &str| json!({ "field": name, "type": "string", "example": "a", "selector": selector });
    let schema = json!([field("title", "h1"), field("text", "#x"), field("more", "#y"), field("most", "#z")]);
    let started = tool(&world, "start_batch", json!({ "urls": urls, "schema": schema })).await.unwrap();
    let pages = pages(&world, &started["job_id"], 100).await;
    assert!(pages.len() >= 4, "{}", pages.len());
    let mut seen = BTreeSet::new();
    for page in &pages {
        assert!(page.to_string().len() < 32_000, "{}", page.to_string().len());
        for result in page["results"].as_array().unwrap() {
            assert!(seen.insert(result["index"].as_u64().unwrap()), "{result}");
            // A result that is too large by itself is cut and marked; any other is complete.
            let large = result["index"] == 6;
            assert_eq!(result["cut"].is_string(), large, "{}", result["url"]);
            assert!(large || result["data"]["text"].as_str().unwrap().len() == 12_499);
        }
    }
    assert_eq!(seen.len(), 7);
    let large = tool(&world, "extract", json!({ "url": site.url("/shown/large"), "schema": schema })).await.unwrap();
    assert!(large["cut"].is_string() && large.to_string().len() < 32_000, "{}", large.to_string().len());
}

#[tokio::test]
async fn a_job_is_read_while_it_runs_and_cancelled() {
    let (world, site) = (World::start().await, Site::start().await);
    let urls = [site.urls("/p", 2), site.urls("/gate", 40)].concat();
    let call = json!({ "urls": urls, "schema": schema(), "options": { "concurrency": 4, "timeout_ms": 120_000 } });
    let job = tool(&world, "start_batch", call).await.unwrap()["job_id"].clone();
    let mut from = 0;
    while from < 2 {
        let page =
            tool(&world, "job_results", json!({ "job_id": job, "from": from, "wait_seconds": 40 })).await.unwrap();
        assert_eq!((&page["status"], page["summary"].is_null()), (&json!("running"), true), "{page}");
        from = page["next_from"].as_u64().unwrap();
    }
    assert_eq!(from, 2);
    // There are no more results now, and the call does not wait.
    let page = tool(&world, "job_results", json!({ "job_id": job, "from": 2, "wait_seconds": 0 })).await.unwrap();
    assert_eq!((&page["results"], &page["next_from"]), (&json!([]), &json!(2)), "{page}");
    let state = tool(&world, "job_status", json!({ "job_id": job })).await.unwrap();
    assert_eq!((&state["status"], &state["progress"]["done"]), (&json!("running"), &json!(2)), "{state}");

    assert_eq!(tool(&world, "cancel_job", json!({ "job_id": job })).await.unwrap()["status"], "cancelled");
    site.open_gate();
    until("it has ended", async || world.job(job.as_str().unwrap()).await["status"] == "cancelled").await;
    let rest = pages(&world, &job, 100).await;
    assert_eq!(rest.iter().map(|page| page["results"].as_array().unwrap().len()).sum::<usize>(), 42);
    let last = rest.last().unwrap();
    assert_eq!(last["summary"]["cancelled"], true, "{last}");
    assert!(last["credits"]["refunded"].as_u64().unwrap() >= 30, "{last}");
    assert_eq!(code(tool(&world, "cancel_job", json!({ "job_id": job })).await), "JOB_NOT_FOUND");
    world.assert_sound().await;
}

#[tokio::test]
async fn a_crawl_is_started_and_read() {
    let (world, site) = (World::with_vars(&[("HOST_DELAY_MS", "1")]).await, Site::start().await);
    let crawl = json!({ "follow_pattern": "*/tree/*", "max_pages": 20, "use_sitemap": false });
    let call = json!({ "seed_url": site.url("/tree/0"), "schema": schema(), "crawl": crawl });
    let job = tool(&world, "start_crawl", call).await.unwrap()["job_id"].clone();
    let pages = pages(&world, &job, 2).await;
    let urls: BTreeSet<&str> = pages
        .iter()
        .flat_map(|page| page["results"].as_array().unwrap())
        .map(|result| result["url"].as_str().unwrap())
        .collect();
    assert_eq!(urls.len(), 5, "{urls:?}");
    assert!(pages.len() >= 3 && pages.iter().all(|page| page["results"].as_array().unwrap().len() <= 2));
    let last = pages.last().unwrap();
    assert_eq!(last["summary"]["crawl_meta"]["pages_visited"], 5, "{last}");
    assert_eq!(world.used().await, 5, "unused credits are refunded");
}

/// Neither closing the connection nor a notification stops a job; `cancel_job` does.
#[tokio::test]
async fn closing_the_connection_cancels_nothing() {
    let (world, site) = (World::start().await, Site::start().await);
    let call = json!({ "name": "extract", "arguments": { "url": site.url("/gate/1"), "schema": schema() } });
    let caller = world.dev.clone();
    let asks = tokio::spawn(async move { post(&caller, &[], &message("tools/call", call)).await });
    until("it is fetched", async || site.counts().contains_key("/gate/1")).await;
    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 7 } });
    assert_eq!(post(&world, &[("MCP-Protocol-Version", OLDER_REVISION)], &cancelled).await.status, 202);
    asks.abort();
    assert!(asks.await.unwrap_err().is_cancelled());
    site.open_gate();
    let ended = async || world.get("/v1/jobs?state=finished").await.json()["jobs"].clone();
    until("it has ended", async || ended().await[0]["status"] == "completed").await;
    assert_eq!(ended().await[0]["progress"], json!({ "total": 1, "done": 1, "failed": 0 }));
    assert_eq!(world.used().await, 1);
    world.assert_sound().await;
}

#[tokio::test]
async fn limits_and_ownership_are_those_of_the_key() {
    let (world, site) = (World::start().await, Site::start().await);
    let other = world.account("other", Plan::Free, Some(1), None).await;
    let call = json!({ "urls": site.urls("/p", 2), "schema": schema() });
    let job = tool(&other, "start_batch", call.clone()).await.unwrap()["job_id"].clone();
    let refusal = tool(&other, "start_batch", call).await.unwrap_err();
    assert_eq!((&refusal["error"]["code"], &refusal["error"]["retryable"]), (&json!("RATE_LIMITED"), &json!(true)));
    assert!((1..=60).contains(&refusal["error"]["retry_after_seconds"].as_u64().unwrap()), "{refusal}");
    let large = json!({ "urls": vec![site.url("/p/1"); 600], "schema": schema() });
    let poor = world.account("poor", Plan::Free, Some(9), None).await;
    assert_eq!(code(tool(&poor, "start_batch", large).await), "QUOTA_EXCEEDED");
    for name in ["job_status", "job_results", "cancel_job"] {
        assert_eq!(code(tool(&world, name, json!({ "job_id": job })).await), "JOB_FORBIDDEN", "{name}");
        let unknown = json!({ "job_id": "job_0000000000000000" });
        assert_eq!(code(tool(&world, name, unknown).await), "JOB_NOT_FOUND", "{name}");
        for wrong in
            [json!({}), json!({ "job_id": "../usage" }), json!({ "job_id": 7 }), json!({ "job_id": job, "x": 1 })]
        {
            assert_eq!(code(tool(&world, name, wrong.clone()).await), "INVALID_REQUEST", "{name} {wrong}");
        }
    }
    for (name, value) in [("limit", json!(0)), ("limit", json!(101)), ("from", json!(-1)), ("wait_seconds", json!("9"))]
    {
        let mut arguments = json!({ "job_id": job });
        arguments[name] = value;
        assert!(tool(&other, "job_results", arguments).await.unwrap_err().to_string().contains(name), "{name}");
    }
    let usage = tool(&other, "usage", json!({})).await.unwrap();
    assert_eq!((&usage["plan"], &usage["monthly"]["used"]), (&json!("free"), &json!(2)), "{usage}");
}

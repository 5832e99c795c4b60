//! The local server killed with SIGKILL while it runs jobs: an extract, batches and crawls, held and detached. After a
//! restart every job completes; nothing is lost and nothing is charged twice. Until the kill, the sites answer only
//! part of the requests, so that no job ends before it.

use serde_json::{Value, json};

use crate::support::generated::{GeneratedSite, Spec};
use crate::support::server::{Folder, KEY, Server, assert_sound};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

/// Sends a call and returns the job's id once the head is there. The connection is closed without reading the body.
async fn begin(server: &Server, path: &str, body: Value) -> String {
    let request = client().post(format!("{}{path}", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["x-job-id"].to_str().unwrap().to_owned()
}

/// Waits until the restarted server has completed the job, and checks progress and credits. Returns the result.
async fn await_completion(server: &Server, folder: &Folder, job: &str, pages: usize) -> Value {
    server.until_completed(job).await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    let credits = &state["credits"];
    assert_eq!((&credits["reserved"], &credits["charged"]), (&json!(pages), &json!(pages)), "{state}");
    assert_eq!((&state["progress"]["done"], &state["progress"]["failed"]), (&json!(pages), &json!(0)), "{state}");
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], pages);
    assert_sound(&folder.0);
    server.get(&format!("/v1/jobs/{job}/result")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extract_completes_after_a_kill() {
    let (folder, site) = (Folder::new("kill-extract"), Site::start().await);
    let server = Server::start(&folder.0);
    let url = site.url("/gate/a");
    let body = json!({ "url": url, "schema": schema(), "options": { "timeout_ms": 8000 } });
    let job = begin(&server, "/v1/extract", body).await;
    until("the page is requested", async || site.hits() >= 1).await;
    drop(server); // SIGKILL
    site.open_gate();
    let server = Server::start(&folder.0);
    let result = await_completion(&server, &folder, &job, 1).await;
    assert_eq!((&result["status"], &result["url"]), (&json!("success"), &json!(url)), "{result}");
    assert_eq!(site.hits(), 2, "the page was requested once more");
}

/// The kill ends the waiting handler, the workers and the queue at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_async_batch_completes_after_a_kill() {
    let (folder, site) = (Folder::new("kill-async"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/slow/20", 400);
    site.hold_after(200);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 8000 }, "async_mode": true });
    let job = begin(&server, "/v1/batch", body).await;
    until("some pages were fetched", async || site.hits() >= 80).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 400, "the server was killed too late");
    site.open_gate();
    let server = Server::start(&folder.0);
    let result = await_completion(&server, &folder, &job, 400).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    assert!(site.hits() <= 400 + 32, "only pages under way are fetched twice: {}", site.hits());
}

/// The site has more pages than the limit, so that pages admitted twice after the crash would show.
async fn crawl(name: &str, async_mode: bool) {
    const PAGES: usize = 120;
    let mut spec = Spec::tree(400, 8);
    spec.slow_ms = 30;
    let (folder, site) = (Folder::new(name), GeneratedSite::start(spec).await);
    site.hold_after(60);
    let vars = [("HOST_DELAY_MS", "0")];
    let server = Server::start_with(&folder.0, &vars);
    let plan = json!({ "follow_pattern": site.url("/item/*"), "max_pages": PAGES, "max_depth": 20 });
    let body = json!({
        "seed_url": site.url("/item/0"), "schema": schema(), "crawl": plan, "options": { "timeout_ms": 8000 },
        "async_mode": async_mode,
    });
    let job = begin(&server, "/v1/crawl", body).await;
    until("some pages were fetched", async || site.page_hits().len() >= 40).await;
    drop(server); // SIGKILL
    assert!(site.fetched().len() < PAGES, "the server was killed too late");
    site.open_gate();
    let server = Server::start_with(&folder.0, &vars);
    let result = await_completion(&server, &folder, &job, PAGES).await;
    assert_eq!(result["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    let urls = result["results"].as_array().unwrap().iter().map(|r| site.name_of(r["url"].as_str().unwrap()));
    let shown: std::collections::BTreeSet<String> = urls.collect();
    let fetched = site.fetched();
    assert_eq!(shown, fetched.keys().cloned().collect(), "at most the limit, and each page has a result");
    assert!(fetched.values().all(|n| *n <= 2), "only pages under way are fetched twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_crawl_completes_after_a_kill() {
    crawl("kill-held-crawl", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_async_crawl_completes_after_a_kill() {
    crawl("kill-async-crawl", true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_batch_completes_after_a_kill() {
    let (folder, site) = (Folder::new("kill"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/slow/20", 200);
    site.hold_after(100);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 8000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("some pages were fetched", async || site.hits() >= 60).await;
    drop(server); // SIGKILL
    let hits = site.hits();
    assert!(hits < 200, "the server was killed too late");
    site.open_gate();
    // On the files of a server that is not running.
    assert_sound(&folder.0);

    let server = Server::start(&folder.0);
    let result = await_completion(&server, &folder, &job, 200).await;
    let failed = result["results"].as_array().unwrap().iter().find(|r| r["status"] == "error").cloned();
    assert_eq!(failed, None);
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 200, "done": 200, "failed": 0, "cancelled": 0, "pending": 0}));
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    // Only the pages under way at the kill may be fetched twice: at most as many as run at once.
    assert!(site.hits() <= 200 + 8, "{}", site.hits());
}

/// The queue loses every message when the process dies; by design the job completes anyway.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detached_batch_completes_after_a_kill() {
    let (folder, site) = (Folder::new("kill-queued"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/p", 1_000);
    site.hold_after(500);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 8000 } });
    let job = server.detach("/v1/batch", &body).await;
    until("some pages were fetched", async || site.hits() >= 200).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 1_000, "the server was killed too late");
    site.open_gate();
    let server = Server::start(&folder.0);
    let result = await_completion(&server, &folder, &job, 1_000).await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 1000, "done": 1000, "failed": 0, "cancelled": 0, "pending": 0}));
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    assert!(site.hits() <= 1_000 + 32, "only pages under way are fetched twice: {}", site.hits());
}

/// The site has more pages than the limit, so that pages admitted twice after the crash would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_detached_crawl_completes_after_a_kill() {
    const PAGES: usize = 150;
    let mut spec = Spec::tree(400, 8);
    spec.slow_ms = 30;
    let (folder, site) = (Folder::new("kill-crawl"), GeneratedSite::start(spec).await);
    site.hold_after(80);
    let vars = [("HOST_DELAY_MS", "0")];
    let server = Server::start_with(&folder.0, &vars);
    let crawl = json!({ "follow_pattern": site.url("/item/*"), "max_pages": PAGES, "max_depth": 20 });
    let body = json!({
        "seed_url": site.url("/item/0"), "schema": schema(), "crawl": crawl, "options": { "timeout_ms": 8000 },
    });
    let job = server.detach("/v1/crawl", &body).await;
    until("some pages were fetched", async || site.page_hits().len() >= 50).await;
    drop(server); // SIGKILL
    let before = site.fetched();
    assert!(before.len() < PAGES, "the server was killed too late");
    site.open_gate();
    let server = Server::start_with(&folder.0, &vars);
    let result = await_completion(&server, &folder, &job, PAGES).await;
    let meta = &result["crawl_meta"];
    assert_eq!((&meta["pages_visited"], &meta["pages_failed"]), (&json!(PAGES), &json!(0)));
    assert_eq!((&meta["credits_reserved"], &meta["credits_charged"]), (&json!(PAGES), &json!(PAGES)));
    assert_eq!(meta["stopped_by"], "CRAWL_LIMIT_REACHED");
    let urls = result["results"].as_array().unwrap().iter().map(|r| site.name_of(r["url"].as_str().unwrap()));
    let shown: std::collections::BTreeSet<String> = urls.collect();
    let after = site.fetched();
    assert_eq!(shown, after.keys().cloned().collect(), "at most the limit, and each page has a result");
    assert_eq!(shown.len(), PAGES);
    assert!(shown.is_subset(&site.spec.tree.all()));
    // Only the pages under way at the kill may be fetched twice: at most as many as run at once.
    let again = after.iter().filter(|(_, n)| **n > 1).count();
    let hits: usize = after.values().sum();
    assert!(hits <= PAGES + 32 && after.values().all(|n| *n <= 2), "{again} pages fetched twice, {hits} requests");
    assert!(before.len() > again, "pages that had ended are not fetched again");
}

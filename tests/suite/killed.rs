//! The real local server killed with SIGKILL in the modes that `process` does not kill it in: held async jobs, a held crawl,
//! an extract. Nothing is lost and nothing is charged twice.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::generated::{Generated, Spec};
use crate::support::server::{Folder, KEY, Server, admin};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

/// Sends a call and gives its job once the head is there; the body is left to break off.
async fn begin(server: &Server, path: &str, body: Value) -> String {
    let request = client().post(format!("{}{path}", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()["x-job-id"].to_str().unwrap().to_owned()
}

/// Waits for the job on a server that was started anew, and checks the sums.
async fn end(server: &Server, folder: &Folder, job: &str, pages: usize) -> Value {
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    let credits = &state["credits"];
    assert_eq!((&credits["reserved"], &credits["charged"]), (&json!(pages), &json!(pages)), "{state}");
    assert_eq!((&state["progress"]["done"], &state["progress"]["failed"]), (&json!(pages), &json!(0)), "{state}");
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], pages);
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
    server.get(&format!("/v1/jobs/{job}/result")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_an_extract() {
    let (folder, site) = (Folder::new("kill-extract"), Site::start().await);
    let server = Server::start(&folder.0);
    let url = site.url("/slow/1500/a");
    let body = json!({ "url": url, "schema": schema(), "options": { "timeout_ms": 4000 } });
    let job = begin(&server, "/v1/extract", body).await;
    until("the page is asked for", async || site.hits() >= 1).await;
    drop(server); // SIGKILL
    let server = Server::start(&folder.0);
    let result = end(&server, &folder, &job, 1).await;
    assert_eq!((&result["status"], &result["url"]), (&json!("success"), &json!(url)), "{result}");
    assert_eq!(site.hits(), 2, "its page was asked for again, once");
}

/// A handler that waits and workers that work, all gone at once, and the queue with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_held_async_batch() {
    let (folder, site) = (Folder::new("kill-async"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/slow/20", 400);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 1000 }, "async_mode": true });
    let job = begin(&server, "/v1/batch", body).await;
    until("some pages were fetched", async || site.hits() >= 80).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 400, "it was killed too late to show anything");
    let server = Server::start(&folder.0);
    let result = end(&server, &folder, &job, 400).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    assert!(site.hits() <= 400 + 32, "only what was under way is fetched twice: {}", site.hits());
}

/// The site has more pages than the limit, so that what is admitted twice after the crash would show.
async fn crawl(name: &str, async_mode: bool) {
    const PAGES: usize = 120;
    let mut spec = Spec::tree(400, 8);
    spec.slow_ms = 30;
    let (folder, site) = (Folder::new(name), Generated::start(spec).await);
    let vars = [("HOST_DELAY_MS", "0")];
    let server = Server::start_with(&folder.0, &vars);
    let plan = json!({ "follow_pattern": site.url("/item/*"), "max_pages": PAGES, "max_depth": 20 });
    let body = json!({
        "seed_url": site.url("/item/0"), "schema": schema(), "crawl": plan, "options": { "timeout_ms": 1000 },
        "async_mode": async_mode,
    });
    let job = begin(&server, "/v1/crawl", body).await;
    until("some pages were fetched", async || site.page_hits().len() >= 40).await;
    drop(server); // SIGKILL
    assert!(site.fetched().len() < PAGES, "it was killed too late to show anything");
    let server = Server::start_with(&folder.0, &vars);
    let result = end(&server, &folder, &job, PAGES).await;
    assert_eq!(result["crawl_meta"]["stopped_by"], "CRAWL_LIMIT_REACHED");
    let urls = result["results"].as_array().unwrap().iter().map(|r| site.name_of(r["url"].as_str().unwrap()));
    let shown: std::collections::BTreeSet<String> = urls.collect();
    let fetched = site.fetched();
    assert_eq!(shown, fetched.keys().cloned().collect(), "never more than the limit, and each has its result");
    assert!(fetched.values().all(|n| *n <= 2), "only what was under way is fetched twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_held_crawl() {
    crawl("kill-held-crawl", false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_held_async_crawl() {
    crawl("kill-async-crawl", true).await;
}

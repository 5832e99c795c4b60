//! The real local server as a process of its own: killed, restarted, ended politely.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::generated::{Generated, Spec};
use crate::support::server::{Folder, KEY, Server, admin};
use crate::support::site::Site;
use crate::support::stack::{client, schema};
use crate::support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_where_it_was() {
    let (folder, site) = (Folder::new("kill"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/slow/20", 200);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 1000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("some pages were fetched", async || site.hits() >= 60).await;
    drop(server); // SIGKILL
    let hits = site.hits();
    assert!(hits < 200, "it was killed too late to show anything");
    let (_, text) = admin(&folder.0, &["check", "--json"]);
    assert_eq!(text.trim(), "{\"violations\":[]}", "on the files of a server that is not running");

    let server = Server::start(&folder.0);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let whole = server.get(&format!("/v1/jobs/{job}/result")).await;
    let failed = whole["results"].as_array().unwrap().iter().find(|r| r["status"] == "error").cloned();
    assert_eq!(failed, None);
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 200, "done": 200, "failed": 0, "cancelled": 0, "pending": 0}));
    assert_eq!((&state["credits"]["reserved"], &state["credits"]["charged"]), (&json!(200), &json!(200)));
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    // Only what was under way when it was killed may have been fetched twice: as many as run at once.
    assert!(site.hits() <= 200 + 8, "{}", site.hits());
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], 200);
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

/// The queue forgets everything when the process dies; by design that loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_detached_job() {
    let (folder, site) = (Folder::new("kill-queued"), Site::start().await);
    let server = Server::start(&folder.0);
    let urls = site.urls("/p", 1_000);
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 1000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.header("Prefer", "respond-async").body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    until("some pages were fetched", async || site.hits() >= 200).await;
    drop(server); // SIGKILL
    assert!(site.hits() < 1_000, "it was killed too late to show anything");
    let server = Server::start(&folder.0);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!(state["progress"], json!({"total": 1000, "done": 1000, "failed": 0, "cancelled": 0, "pending": 0}));
    assert_eq!((&state["credits"]["reserved"], &state["credits"]["charged"]), (&json!(1000), &json!(1000)));
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let shown: Vec<&str> = result["results"].as_array().unwrap().iter().map(|r| r["url"].as_str().unwrap()).collect();
    assert_eq!(shown, urls);
    assert!(site.hits() <= 1_000 + 32, "only what was under way is fetched twice: {}", site.hits());
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

/// The site has more pages than the limit, so that what is admitted twice after the crash would show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_with_a_detached_crawl() {
    const PAGES: usize = 150;
    let mut spec = Spec::tree(400, 8);
    spec.slow_ms = 30;
    let (folder, site) = (Folder::new("kill-crawl"), Generated::start(spec).await);
    let vars = [("HOST_DELAY_MS", "0")];
    let server = Server::start_with(&folder.0, &vars);
    let crawl = json!({ "follow_pattern": site.url("/item/*"), "max_pages": PAGES, "max_depth": 20 });
    let body = json!({
        "seed_url": site.url("/item/0"), "schema": schema(), "crawl": crawl, "options": { "timeout_ms": 1000 },
    });
    let request = client().post(format!("{}/v1/crawl", server.base)).header("X-API-Key", KEY);
    let response = request.header("Prefer", "respond-async").body(body.to_string()).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    response.text().await.unwrap();
    until("some pages were fetched", async || site.page_hits().len() >= 50).await;
    drop(server); // SIGKILL
    let before = site.fetched();
    assert!(before.len() < PAGES, "it was killed too late to show anything");
    let server = Server::start_with(&folder.0, &vars);
    until("the job is completed", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed"
    })
    .await;
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    let meta = &result["crawl_meta"];
    assert_eq!((&meta["pages_visited"], &meta["pages_failed"]), (&json!(PAGES), &json!(0)));
    assert_eq!((&meta["credits_reserved"], &meta["credits_charged"]), (&json!(PAGES), &json!(PAGES)));
    assert_eq!(meta["stopped_by"], "CRAWL_LIMIT_REACHED");
    let urls = result["results"].as_array().unwrap().iter().map(|r| site.name_of(r["url"].as_str().unwrap()));
    let shown: std::collections::BTreeSet<String> = urls.collect();
    let after = site.fetched();
    assert_eq!(shown, after.keys().cloned().collect(), "never more than the limit, and each has its result");
    assert_eq!(shown.len(), PAGES);
    assert!(shown.is_subset(&site.spec.tree.all()));
    // Only what was under way when it was killed may have been fetched twice: as many as run at once.
    let again = after.iter().filter(|(_, n)| **n > 1).count();
    let hits: usize = after.values().sum();
    assert!(hits <= PAGES + 32 && after.values().all(|n| *n <= 2), "{again} pages again, {hits} hits");
    assert!(before.len() > again, "what had ended was not fetched again");
    assert_eq!(server.get("/v1/usage").await["monthly"]["used"], PAGES);
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_ends_cleanly_and_hands_over_what_runs() {
    let (folder, site) = (Folder::new("term"), Site::start().await);
    let mut server = Server::start(&folder.0);
    let body = json!({ "urls": site.urls("/slow/300", 60), "schema": schema(), "options": {"concurrency": 4} });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("it runs", async || site.hits() >= 4).await;
    let pid = server.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let body: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((&body["status"], &body["job_id"]), (&json!("running"), &json!(job)), "the body ends well-formed");
    let ended = tokio::task::spawn_blocking(move || server.child.wait().unwrap().success()).await.unwrap();
    assert!(ended, "exit code 0");
    let server = Server::start(&folder.0);
    let result = server.get(&format!("/v1/jobs/{job}/result")).await;
    assert_eq!(result["succeeded"], 60);
    assert_eq!(site.hits(), 60, "what had started was finished, nothing was fetched twice");
}

/// A server that is killed while it works on a page, and a page that would kill its next reader: the second attempt is
/// read by a process of its own, nobody else waits for it, and the unit is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_attempt_takes_nobody_s_place() {
    let (folder, site) = (Folder::new("suspect"), Site::start().await);
    let vars = [("FETCH_CONCURRENCY", "2")];
    let server = Server::start_with(&folder.0, &vars);
    let urls = [site.url("/slow/1500/a"), site.url("/slow/1500/b")];
    let body = json!({ "urls": urls, "schema": schema(), "options": { "timeout_ms": 4000 } });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let response = request.body(body.to_string()).send().await.unwrap();
    let job = response.headers()["x-job-id"].to_str().unwrap().to_owned();
    until("both pages are asked for", async || site.hits() >= 2).await;
    drop(server); // SIGKILL

    let server = Server::start_with(&folder.0, &vars);
    let done = async || server.get(&format!("/v1/jobs/{job}")).await["status"] == "completed";
    let honest = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
    let mut slowest = Duration::ZERO;
    while !done().await {
        let begun = std::time::Instant::now();
        let request = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", KEY);
        let answer = request.body(honest.clone()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        slowest = slowest.max(begun.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(slowest < Duration::from_secs(4), "somebody waited {slowest:?} for another's second attempt");
    let state = server.get(&format!("/v1/jobs/{job}")).await;
    assert_eq!((&state["progress"]["done"], &state["credits"]["charged"]), (&json!(2), &json!(2)), "{state}");
    let (good, text) = admin(&folder.0, &["check", "--json"]);
    assert!(good && text.trim() == "{\"violations\":[]}", "{text}");
}

/// The process that reads a suspected page keeps to what it is told that it may take: it dies of a page that takes more
/// memory or more processor time, and reads the same page where it may take them.
#[cfg(target_os = "linux")]
#[test]
fn a_reader_dies_of_its_limits() {
    use std::io::{Read, Write};
    use std::process::Stdio;
    const MB: u64 = 1024 * 1024;
    // Whether it gave an answer, and how its process ended otherwise.
    let read = |page: &str, memory: u64, cpu_secs: u64| {
        let field = json!({ "field": "title", "type": "string", "example": "x" });
        let order = json!({
            "schema": [field], "locale": "en-US", "notes": [], "content_type": "text/html", "url": "https://e.test/", "now": 0,
            "links": false, "judge": false, "compact": null, "ms": 600_000, "memory": memory, "cpu_secs": cpu_secs,
        });
        let mut command = Command::new(crate::support::binaries::binary("local"));
        let command = command.arg(reader::ARGUMENT).env_clear().stderr(Stdio::null());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        // Whoever died does not read to the end.
        let _ = to.write_all(format!("{order}\n{page}").as_bytes());
        drop(to);
        let mut answer = String::new();
        child.stdout.take().unwrap().read_to_string(&mut answer).unwrap();
        let ended = child.wait().unwrap();
        serde_json::from_str::<Value>(&answer).map_err(|_| ended)
    };
    let large = "<p>x".repeat(1_000_000);
    assert!(read(&large, 2_048 * MB, 60).is_ok());
    assert!(!read(&large, 100 * MB, 60).unwrap_err().success());
    let ended = read(&large, 2_048 * MB, 1).unwrap_err();
    // SIGKILL at the hard limit, SIGXCPU at the soft one: they are the same second.
    assert!(matches!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9 | 24)), "{ended:?}");
}

/// A machine that has no descriptors left says so of itself, never of a site: the pages that it could not ask for are its
/// own fault, and are not charged as unreachable.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_out_of_descriptors_blames_no_site() {
    let (folder, site) = (Folder::new("descriptors"), Site::start().await);
    let direct = Server::command(&folder.0, &[("FETCH_CONCURRENCY", "100")]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\""]).arg(direct.get_program());
    command.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Server::of(command);
    let urls = site.urls("/gate", 100);
    let options = json!({ "concurrency": 100, "timeout_ms": 3_000, "retries": 0 });
    let body = json!({ "urls": urls, "schema": schema(), "options": options });
    let request = client().post(format!("{}/v1/batch", server.base)).header("X-API-Key", KEY);
    let answer = request.body(body.to_string()).send().await.unwrap().text().await.unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let codes: Vec<&str> =
        answer["results"].as_array().unwrap().iter().map(|r| r["error"]["code"].as_str().unwrap()).collect();
    assert!(codes.iter().all(|code| matches!(*code, "TIMEOUT" | "INTERNAL")), "{codes:?}");
    assert!(codes.contains(&"INTERNAL"), "it was never short of them: {codes:?}");
    // Once they are back it goes on.
    site.open_gate();
    let one = json!({ "url": site.url("/p/1"), "schema": schema() }).to_string();
    let request = client().post(format!("{}/v1/extract", server.base)).header("X-API-Key", KEY).body(one);
    assert!(request.send().await.unwrap().text().await.unwrap().contains("Page 1"));
}
